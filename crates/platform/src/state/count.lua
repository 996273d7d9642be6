-- KEYS: document
-- ARGV: counter, number of fields that must exist, their names, number of fields that must not, their names,
--       names of fields to read
local at = 2
local function take() at = at + 1; return ARGV[at - 1] end
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
for _ = 1, tonumber(take()) do
    if redis.call('HEXISTS', KEYS[1], take()) == 0 then return false end
end
for _ = 1, tonumber(take()) do
    if redis.call('HEXISTS', KEYS[1], take()) == 1 then return false end
end
local answer = { redis.call('HINCRBY', KEYS[1], ARGV[1], 1) }
while at <= #ARGV do table.insert(answer, redis.call('HGET', KEYS[1], take())) end
return answer
