//! State in Redis: a hash a document, sorted sets for the due lists and the indices, one script an operation.
//!
//! The version of a document is in the field with the empty name. Redis runs a script alone and writes it to its
//! append-only file as a whole, which makes a commit atomic; `appendfsync always` makes it durable when it answers.
//! `WATCH` would not do: connections are shared, and so would be what they watch.

use std::time::Duration;

use async_trait::async_trait;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, FromRedisValue, RedisError, Script, Value};

use super::{Changes, Commit, Counted, Document, Due, Field, Precondition, State, kind_of};
use crate::error::{Error, Result};

/// The deadline of an answer. Redis takes a millisecond; a swamped one gets this long.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// State in Redis.
pub struct RedisState {
    connection: ConnectionManager,
    commit: Script,
    count: Script,
    claim: Script,
}

impl RedisState {
    /// Connects. `url` is `redis://` or `rediss://` (TLS), with user and password if there are any.
    ///
    /// # Errors
    /// The URL is not valid, or the server does not answer.
    pub async fn connect(url: &str) -> Result<Self> {
        // The client's own message would repeat the URL, and with it a password.
        let client = Client::open(url).map_err(|_| {
            Error::Config("the Redis URL is not valid (expected redis://host:port/db)".to_owned())
        })?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(ANSWER_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN))
            .set_number_of_retries(1);
        let connection = ConnectionManager::new_with_config(client, config).await.map_err(outage)?;
        Ok(Self {
            connection,
            commit: Script::new(include_str!("commit.lua")),
            count: Script::new(include_str!("count.lua")),
            claim: Script::new(include_str!("claim.lua")),
        })
    }

    async fn ask<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T> {
        command.query_async(&mut self.connection.clone()).await.map_err(outage)
    }
}

fn due_list(kind: &str) -> String {
    format!("smartpass:due:{kind}")
}

fn document(key: &str) -> String {
    format!("smartpass:doc:{key}")
}

fn index_key(index: &str) -> String {
    format!("smartpass:index:{index}")
}

fn outage(error: RedisError) -> Error {
    Error::unavailable("Redis", error)
}

#[async_trait]
impl State for RedisState {
    async fn load(&self, key: &str, fields: &[&str]) -> Result<Option<Document>> {
        let mut command = redis::cmd("HMGET");
        command.arg(document(key)).arg("");
        fields.iter().for_each(|field| {
            command.arg(*field);
        });
        let mut values = self.ask::<Vec<Option<Vec<u8>>>>(&command).await?.into_iter();
        let Some(version) = values.next().flatten() else { return Ok(None) };
        let version = number(&version).ok_or_else(|| Error::Damaged(format!("document {key}")))?;
        let found = fields.iter().zip(values).filter_map(|(name, value)| Some(((*name).to_owned(), value?)));
        Ok(Some(Document { version, fields: found.collect() }))
    }

    async fn load_all(&self, key: &str) -> Result<Option<Document>> {
        let mut fields: Vec<Field> = self.ask(redis::cmd("HGETALL").arg(document(key))).await?;
        let Some(position) = fields.iter().position(|(name, _)| name.is_empty()) else { return Ok(None) };
        let (_, version) = fields.swap_remove(position);
        let version = number(&version).ok_or_else(|| Error::Damaged(format!("document {key}")))?;
        Ok(Some(Document { version, fields }))
    }

    async fn commit(&self, key: &str, seen: u64, changes: Changes) -> Result<Commit> {
        let mut call = self.commit.prepare_invoke();
        call.key(document(key)).key(due_list(kind_of(key)));
        changes.index.iter().for_each(|(index, _)| {
            call.key(index_key(index));
        });
        call.arg(seen).arg(key).arg(u8::from(changes.clear));
        match changes.due {
            Due::Unchanged => call.arg("-"),
            Due::Never => call.arg("x"),
            Due::At(time) => call.arg(time),
        };
        call.arg(changes.remove.len());
        changes.remove.iter().for_each(|field| {
            call.arg(field);
        });
        call.arg(changes.set.len());
        changes.set.iter().for_each(|(field, value)| {
            call.arg(field).arg(value);
        });
        changes.index.iter().for_each(|(_, number)| {
            match number {
                Some(number) => call.arg(*number),
                None => call.arg("x"),
            };
        });
        let version: i64 = call.invoke_async(&mut self.connection.clone()).await.map_err(outage)?;
        Ok(u64::try_from(version).map_or(Commit::Conflict, Commit::Done))
    }

    async fn count(
        &self,
        key: &str,
        precondition: Precondition<'_>,
        counter: &str,
        read: &[&str],
    ) -> Result<Option<Counted>> {
        let mut call = self.count.prepare_invoke();
        call.key(document(key)).arg(counter);
        for fields in [precondition.present, precondition.absent] {
            call.arg(fields.len());
            fields.iter().for_each(|field| {
                call.arg(*field);
            });
        }
        read.iter().for_each(|field| {
            call.arg(*field);
        });
        let answer: Option<Vec<Value>> =
            call.invoke_async(&mut self.connection.clone()).await.map_err(outage)?;
        let Some(answer) = answer else { return Ok(None) };
        let mut answer = answer.into_iter();
        let damaged = || Error::Damaged(format!("document {key}"));
        let count = answer.next().and_then(|value| u64::from_redis_value(value).ok()).ok_or_else(damaged)?;
        let values = answer.map(|value| Option::<Vec<u8>>::from_redis_value(value).ok().flatten()).collect();
        Ok(Some(Counted { count, values }))
    }

    async fn claim_due(&self, kind: &str, now: u64, lease: u64, limit: usize) -> Result<Vec<String>> {
        let mut call = self.claim.prepare_invoke();
        call.key(due_list(kind)).arg(now).arg(now + lease).arg(limit);
        call.invoke_async(&mut self.connection.clone()).await.map_err(outage)
    }

    async fn list(&self, index: &str, before: Option<u64>, limit: usize) -> Result<Vec<(String, u64)>> {
        let below = before.map_or_else(|| "+inf".to_owned(), |number| format!("({number}"));
        let mut command = redis::cmd("ZREVRANGEBYSCORE");
        command.arg(index_key(index)).arg(below).arg("-inf").arg("WITHSCORES").arg("LIMIT").arg(0).arg(limit);
        self.ask(&command).await
    }

    async fn index_len(&self, index: &str) -> Result<u64> {
        self.ask(redis::cmd("ZCARD").arg(index_key(index))).await
    }

    async fn all_due(&self, kind: &str) -> Result<Vec<String>> {
        self.ask(redis::cmd("ZRANGE").arg(due_list(kind)).arg(0).arg(-1)).await
    }

    async fn check(&self) -> Result<()> {
        self.ask::<()>(&redis::cmd("PING")).await?;
        let wanted = [("appendonly", "yes"), ("appendfsync", "always"), ("maxmemory-policy", "noeviction")];
        for (setting, value) in wanted {
            let answer: Result<Vec<String>> = self.ask(redis::cmd("CONFIG").arg("GET").arg(setting)).await;
            // A managed Redis may forbid the question; its operator has to know what it promises.
            let Ok(answer) = answer else { continue };
            if answer.get(1).is_none_or(|given| given != value) {
                return Err(Error::Config(format!(
                    "Redis runs with {setting} {} (expected {value}: without it, an outage can lose keys and jobs)",
                    answer.get(1).map_or("unset", String::as_str)
                )));
            }
        }
        Ok(())
    }
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
