//! State in one file of this process: redb, a B-tree store that is on the disk when a transaction answers.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use super::{Changes, Commit, Counted, Document, Due, Precondition, State, kind_of};
use crate::error::{Error, Result};

const VERSIONS: TableDefinition<'_, &str, u64> = TableDefinition::new("versions");
const FIELDS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("fields");
const DUE: TableDefinition<'_, (&str, u64, &str), ()> = TableDefinition::new("due");
const DUE_OF: TableDefinition<'_, &str, u64> = TableDefinition::new("due-of");
const INDEX: TableDefinition<'_, (&str, u64, &str), ()> = TableDefinition::new("index");
const INDEX_OF: TableDefinition<'_, (&str, &str), u64> = TableDefinition::new("index-of");

/// State in one file. One process at a time has it open.
#[derive(Clone)]
pub struct EmbeddedState {
    database: Arc<Database>,
}

impl EmbeddedState {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// Another process has the file open, or it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let database = Database::create(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => Error::Config(format!(
                "{} is in use by another smartpass (stop it first, or choose another --data)",
                path.display()
            )),
            other => Error::Config(format!("cannot open {}: {other}", path.display())),
        })?;
        let state = Self { database: Arc::new(database) };
        // redb refuses to read a table that was never written, so all tables are made here.
        state.write_now(|transaction| {
            transaction.open_table(VERSIONS)?;
            transaction.open_table(FIELDS)?;
            transaction.open_table(DUE)?;
            transaction.open_table(DUE_OF)?;
            transaction.open_table(INDEX)?;
            transaction.open_table(INDEX_OF)?;
            Ok(())
        })?;
        Ok(state)
    }

    fn write_now<T>(&self, change: impl FnOnce(&WriteTransaction) -> RedbResult<T>) -> Result<T> {
        let attempt = || -> RedbResult<T> {
            let transaction = self.database.begin_write()?;
            let answer = change(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        };
        attempt().map_err(outage)
    }

    /// Runs a transaction off the async threads: its commit waits for the disk.
    async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> RedbResult<T> + Send + 'static,
    ) -> Result<T> {
        let state = self.clone();
        tokio::task::spawn_blocking(move || state.write_now(change)).await.map_err(stopped)?
    }

    async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&redb::ReadTransaction) -> RedbResult<T> + Send + 'static,
    ) -> Result<T> {
        let database = self.database.clone();
        let attempt = move || -> RedbResult<T> { look(&database.begin_read()?) };
        tokio::task::spawn_blocking(attempt).await.map_err(stopped)?.map_err(outage)
    }
}

type RedbResult<T> = std::result::Result<T, redb::Error>;

fn outage(error: redb::Error) -> Error {
    Error::unavailable("the state file", error)
}

fn stopped(_: tokio::task::JoinError) -> Error {
    Error::unavailable("the state file", "the process is stopping")
}

fn apply(transaction: &WriteTransaction, key: &str, seen: u64, changes: &Changes) -> RedbResult<Commit> {
    let mut versions = transaction.open_table(VERSIONS)?;
    let mut fields = transaction.open_table(FIELDS)?;
    let version = versions.get(key)?.map_or(0, |version| version.value());
    if version != seen {
        return Ok(Commit::Conflict);
    }
    if changes.clear {
        let after = format!("{key}\0");
        fields.retain_in((key, "")..(after.as_str(), ""), |_, _| false)?;
    }
    for field in &changes.remove {
        fields.remove((key, field.as_str()))?;
    }
    for (field, value) in &changes.set {
        fields.insert((key, field.as_str()), value.as_slice())?;
    }
    let first = fields.range((key, "")..)?.next().transpose()?;
    let exists = first.is_some_and(|(found, _)| found.value().0 == key);
    if exists {
        versions.insert(key, version + 1)?;
    } else {
        versions.remove(key)?;
    }
    set_due(transaction, key, changes.due)?;
    for (index, number) in &changes.index {
        set_index(transaction, index, key, *number)?;
    }
    Ok(Commit::Done(version + 1))
}

fn set_due(transaction: &WriteTransaction, key: &str, due: Due) -> RedbResult<()> {
    if due == Due::Unchanged {
        return Ok(());
    }
    let (mut list, mut times) = (transaction.open_table(DUE)?, transaction.open_table(DUE_OF)?);
    if let Some(time) = times.remove(key)? {
        list.remove((kind_of(key), time.value(), key))?;
    }
    if let Due::At(time) = due {
        times.insert(key, time)?;
        list.insert((kind_of(key), time, key), ())?;
    }
    Ok(())
}

fn set_index(transaction: &WriteTransaction, index: &str, key: &str, number: Option<u64>) -> RedbResult<()> {
    let (mut entries, mut numbers) = (transaction.open_table(INDEX)?, transaction.open_table(INDEX_OF)?);
    if let Some(old) = numbers.remove((index, key))? {
        entries.remove((index, old.value(), key))?;
    }
    if let Some(number) = number {
        numbers.insert((index, key), number)?;
        entries.insert((index, number, key), ())?;
    }
    Ok(())
}

#[async_trait]
impl State for EmbeddedState {
    async fn load(&self, key: &str, fields: &[&str]) -> Result<Option<Document>> {
        let key = key.to_owned();
        let names: Vec<String> = fields.iter().map(|name| (*name).to_owned()).collect();
        self.read(move |transaction| {
            let Some(version) = transaction.open_table(VERSIONS)?.get(key.as_str())? else {
                return Ok(None);
            };
            let table = transaction.open_table(FIELDS)?;
            let mut fields = Vec::new();
            for name in names {
                if let Some(value) = table.get((key.as_str(), name.as_str()))? {
                    fields.push((name, value.value().to_vec()));
                }
            }
            Ok(Some(Document { version: version.value(), fields }))
        })
        .await
    }

    async fn load_all(&self, key: &str) -> Result<Option<Document>> {
        let key = key.to_owned();
        self.read(move |transaction| {
            let Some(version) = transaction.open_table(VERSIONS)?.get(key.as_str())? else {
                return Ok(None);
            };
            let mut fields = Vec::new();
            for entry in transaction.open_table(FIELDS)?.range((key.as_str(), "")..)? {
                let (name, value) = entry?;
                if name.value().0 != key {
                    break;
                }
                fields.push((name.value().1.to_owned(), value.value().to_vec()));
            }
            Ok(Some(Document { version: version.value(), fields }))
        })
        .await
    }

    async fn commit(&self, key: &str, seen: u64, changes: Changes) -> Result<Commit> {
        let key = key.to_owned();
        self.write(move |transaction| apply(transaction, &key, seen, &changes)).await
    }

    async fn count(
        &self,
        key: &str,
        precondition: Precondition<'_>,
        counter: &str,
        read: &[&str],
    ) -> Result<Option<Counted>> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
        let (present, absent, read) = (owned(precondition.present), owned(precondition.absent), owned(read));
        let (key, counter) = (key.to_owned(), counter.to_owned());
        self.write(move |transaction| {
            let mut table = transaction.open_table(FIELDS)?;
            let value = |table: &redb::Table<'_, (&str, &str), &[u8]>, name: &str| -> RedbResult<_> {
                Ok(table.get((key.as_str(), name))?.map(|value| value.value().to_vec()))
            };
            if transaction.open_table(VERSIONS)?.get(key.as_str())?.is_none() {
                return Ok(None);
            }
            for (names, wanted) in [(&present, true), (&absent, false)] {
                for name in names {
                    if value(&table, name)?.is_some() != wanted {
                        return Ok(None);
                    }
                }
            }
            let before = value(&table, &counter)?.and_then(|text| String::from_utf8(text).ok()?.parse().ok());
            let count = before.unwrap_or(0u64) + 1;
            table.insert((key.as_str(), counter.as_str()), count.to_string().as_bytes())?;
            let values = read.iter().map(|name| value(&table, name)).collect::<RedbResult<_>>()?;
            Ok(Some(Counted { count, values }))
        })
        .await
    }

    async fn claim_due(&self, kind: &str, now: u64, lease: u64, limit: usize) -> Result<Vec<String>> {
        let kind = kind.to_owned();
        let due = self
            .read(move |transaction| {
                let table = transaction.open_table(DUE)?;
                let mut due = Vec::new();
                let range = (kind.as_str(), 0, "")..(kind.as_str(), now + 1, "");
                for entry in table.range(range)?.take(limit) {
                    due.push(entry?.0.value().2.to_owned());
                }
                Ok(due)
            })
            .await?;
        // The list is nearly always empty, and a transaction that writes would wait for the disk.
        if due.is_empty() {
            return Ok(due);
        }
        self.write(move |transaction| {
            let mut claimed = Vec::new();
            for key in due {
                let time = transaction.open_table(DUE_OF)?.get(key.as_str())?.map(|time| time.value());
                if time.is_some_and(|time| time <= now) {
                    set_due(transaction, &key, Due::At(now + lease))?;
                    claimed.push(key);
                }
            }
            Ok(claimed)
        })
        .await
    }

    async fn list(&self, index: &str, before: Option<u64>, limit: usize) -> Result<Vec<(String, u64)>> {
        let index = index.to_owned();
        self.read(move |transaction| {
            let table = transaction.open_table(INDEX)?;
            let range = (index.as_str(), 0, "")..(index.as_str(), before.unwrap_or(u64::MAX), "");
            let mut found = Vec::new();
            for entry in table.range(range)?.rev().take(limit) {
                let (entry, _) = entry?;
                let (_, number, key) = entry.value();
                found.push((key.to_owned(), number));
            }
            Ok(found)
        })
        .await
    }

    async fn index_len(&self, index: &str) -> Result<u64> {
        let index = index.to_owned();
        self.read(move |transaction| {
            let table = transaction.open_table(INDEX)?;
            let range = (index.as_str(), 0, "")..(index.as_str(), u64::MAX, "");
            Ok(table.range(range)?.count() as u64)
        })
        .await
    }

    async fn all_due(&self, kind: &str) -> Result<Vec<String>> {
        let kind = kind.to_owned();
        self.read(move |transaction| {
            let table = transaction.open_table(DUE)?;
            let range = (kind.as_str(), 0, "")..=(kind.as_str(), u64::MAX, "\u{10ffff}");
            table.range(range)?.map(|entry| Ok(entry?.0.value().2.to_owned())).collect()
        })
        .await
    }

    async fn check(&self) -> Result<()> {
        self.read(|transaction| Ok(transaction.open_table(VERSIONS).map(|_| ())?)).await
    }
}
