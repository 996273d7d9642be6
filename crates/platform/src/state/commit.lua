-- KEYS: document, due list, indices...
-- ARGV: seen version, key, clear (0/1), due ('-' as before, 'x' never, or a time),
--       number of fields to remove, their names, number of fields to set, their names and values,
--       then for each index: a number, or 'x' to leave it
local version = tonumber(redis.call('HGET', KEYS[1], '') or '0')
if version ~= tonumber(ARGV[1]) then return -1 end
local key, at = ARGV[2], 5
local function take() at = at + 1; return ARGV[at - 1] end
if ARGV[3] == '1' then redis.call('DEL', KEYS[1]) end
for _ = 1, tonumber(take()) do redis.call('HDEL', KEYS[1], take()) end
local sets = tonumber(take())
for _ = 1, sets do
    local field = take()
    redis.call('HSET', KEYS[1], field, take())
end
if ARGV[4] == 'x' then redis.call('ZREM', KEYS[2], key)
elseif ARGV[4] ~= '-' then redis.call('ZADD', KEYS[2], ARGV[4], key) end
for i = 3, #KEYS do
    local number = take()
    if number == 'x' then redis.call('ZREM', KEYS[i], key) else redis.call('ZADD', KEYS[i], number, key) end
end
redis.call('HDEL', KEYS[1], '')
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], '', version + 1) end
return version + 1
