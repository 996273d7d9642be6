//! Projects of a server: in the state, with a copy of everything in the blobs.
//!
//! ```text
//! project/{code}   key/{version}            wrapped, JSON
//!                  key-{state}/{version}    there once the key has come to the state
//!                  template/{number}        JSON
//! ```
//!
//! Every field is written to `registry/` in the blobs before the state has it, so that it can be restored. The first
//! value registered under a name wins: of two imports at once, the state takes the one in the registry.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smartpass_core::ids::{KeyVersion, ProjectCode, TemplateNumber};
use smartpass_core::link::{KeyState, ProjectKey};
use smartpass_core::template::Template;
use smartpass_platform::blobs::Blobs;
use smartpass_platform::state::{Changes, Commit, Document, Field, State};
use smartpass_platform::{Error, Result};

use super::backend::{Additions, Loaded, ProjectBackend};
use super::project::Project;
use crate::document::{from_json, to_json};
use crate::wrapping_keys::{Purpose, WrappingKeys};

/// The index of all projects.
const PROJECTS: &str = "projects";
/// The value of a marker field.
const THERE: &[u8] = b"true";

/// Projects in a state, their keys wrapped.
#[derive(Clone)]
pub struct StateBackend {
    state: Arc<dyn State>,
    blobs: Blobs,
    keys: WrappingKeys,
}

/// A key as it is stored.
#[derive(Serialize, Deserialize)]
struct KeyRecord {
    /// The wrapped key in hexadecimal digits.
    wrapped: String,
}

impl StateBackend {
    /// Projects in `state`, with their registry in `blobs`. `keys` needs the link key where keys are used or made.
    pub fn new(state: Arc<dyn State>, blobs: Blobs, keys: WrappingKeys) -> Self {
        Self { state, blobs, keys }
    }

    /// Restores fields that the state has lost from the registry; answers how many.
    ///
    /// # Errors
    /// State or blobs are unavailable.
    pub async fn rebuild(&self) -> Result<u64> {
        let mut restored = 0;
        for path in self.blobs.list_below("registry").await? {
            let mut parts = path.splitn(3, '/').skip(1);
            let (Some(code), Some(name)) = (parts.next(), parts.next()) else { continue };
            let Ok(code) = code.parse::<ProjectCode>() else { continue };
            let name = name.to_owned();
            loop {
                let found = self.state.load(&document(&code), &[&name]).await?.unwrap_or_default();
                if found.get(&name).is_some() {
                    break;
                }
                let value = match self.blobs.get(&path).await {
                    // The key was destroyed meanwhile.
                    Err(Error::Missing(_)) => break,
                    value => value?,
                };
                if self.commit(&code, found.version, vec![(name.clone(), value.to_vec())]).await? {
                    restored += 1;
                    break;
                }
            }
        }
        Ok(restored)
    }

    async fn field(&self, code: &ProjectCode, name: &str) -> Result<Option<Vec<u8>>> {
        let found = self.state.load(&document(code), &[name]).await?.unwrap_or_default();
        Ok(found.fields.into_iter().next().map(|(_, value)| value))
    }

    async fn commit(&self, code: &ProjectCode, seen: u64, set: Vec<Field>) -> Result<bool> {
        let index = vec![(PROJECTS.to_owned(), Some(0))];
        let changes = Changes { set, index, ..Changes::default() };
        Ok(self.state.commit(&document(code), seen, changes).await? != Commit::Conflict)
    }

    /// Writes fields to the registry before they are used, then to the state.
    async fn create(&self, code: &ProjectCode, seen: u64, fields: Vec<Field>) -> Result<bool> {
        if let Some(first) = self.register(code, &fields).await? {
            // Another process registered the field and will commit it, or died before the commit. The caller loads the
            // state again, finds the field there and compares.
            self.commit(code, seen, vec![first]).await?;
            return Ok(false);
        }
        self.commit(code, seen, fields).await
    }

    /// Answers a field that is in the registry already with other bytes.
    async fn register(&self, code: &ProjectCode, fields: &[Field]) -> Result<Option<Field>> {
        for (name, value) in fields {
            let path = registered(code, name);
            match self.blobs.put(&path, [Bytes::from(value.clone())]).await {
                Ok(()) => {}
                Err(Error::Exists(_)) => {
                    let first = self.blobs.get(&path).await?;
                    if first != *value {
                        return Ok(Some((name.clone(), first.to_vec())));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn wrapped(&self, code: &ProjectCode, version: KeyVersion, key: &ProjectKey) -> Result<Vec<u8>> {
        let wrapped = self.keys.wrap(Purpose::Link, code, &version.to_string(), key.expose())?;
        Ok(to_json(&KeyRecord { wrapped: base16ct::lower::encode_string(&wrapped) }))
    }
}

#[async_trait]
impl ProjectBackend for StateBackend {
    async fn codes(&self) -> Result<Vec<ProjectCode>> {
        let listed = self.state.list(PROJECTS, None, usize::MAX >> 1).await?;
        let code = |key: &String| key.strip_prefix("project/").and_then(|code| code.parse().ok());
        Ok(listed.iter().filter_map(|(key, _)| code(key)).collect())
    }

    async fn exists(&self, code: &ProjectCode) -> Result<bool> {
        Ok(self.state.load(&document(code), &[]).await?.is_some())
    }

    async fn load(&self, code: &ProjectCode) -> Result<Option<Loaded>> {
        let found = self.state.load_all(&document(code)).await?;
        let read = |document: Document| {
            Ok(Loaded { project: project_of(code, &document)?, version: document.version })
        };
        found.map(read).transpose()
    }

    async fn key_state(&self, code: &ProjectCode, version: KeyVersion) -> Result<KeyState> {
        let names = KeyState::LATER.map(|state| key_field(version, Some(state)));
        let key = key_field(version, None);
        let asked: Vec<&str> = names.iter().chain([&key]).map(String::as_str).collect();
        let found = self.state.load(&document(code), &asked).await?.unwrap_or_default();
        let later = KeyState::LATER.into_iter().zip(&names).rev();
        let latest = later.into_iter().find(|(_, name)| found.get(name).is_some()).map(|(state, _)| state);
        let is_there = found.get(&key).map(|_| KeyState::Active);
        latest.or(is_there).ok_or_else(|| Error::Missing(format!("key {version} of project {code}")))
    }

    async fn key(&self, code: &ProjectCode, version: KeyVersion) -> Result<ProjectKey> {
        let what = || format!("key {version} of project {code}");
        let stored = self.field(code, &key_field(version, None)).await?;
        let record: KeyRecord = from_json(stored.as_deref(), what)?;
        let wrapped = base16ct::mixed::decode_vec(&record.wrapped).map_err(|_| Error::Damaged(what()))?;
        let key = self.keys.unwrap(Purpose::Link, code, &version.to_string(), &wrapped)?;
        Ok(ProjectKey::from(*key))
    }

    async fn template(&self, code: &ProjectCode, number: TemplateNumber) -> Result<Template> {
        let stored = self.field(code, &template_field(number)).await?;
        from_json(stored.as_deref(), || format!("template {number} of project {code}"))
    }

    async fn add(&self, code: &ProjectCode, seen: &Loaded, additions: &Additions) -> Result<bool> {
        if seen.version == 0 && additions.keys.is_empty() {
            // A project begins with its key.
            return Err(Error::Missing(format!("project {code}")));
        }
        let mut fields = Vec::new();
        for (version, key) in &additions.keys {
            fields.push((key_field(*version, None), self.wrapped(code, *version, key)?));
        }
        for (number, template) in &additions.templates {
            fields.push((template_field(*number), to_json(template)));
        }
        self.create(code, seen.version, fields).await
    }

    async fn set_key_state(&self, code: &ProjectCode, version: KeyVersion, state: KeyState) -> Result<()> {
        let marker = (key_field(version, Some(state)), THERE.to_vec());
        loop {
            let found = self.state.load(&document(code), &[]).await?.unwrap_or_default();
            if self.create(code, found.version, vec![marker.clone()]).await? {
                break;
            }
        }
        if state == KeyState::Destroyed {
            self.delete_key(code, version).await?;
        }
        Ok(())
    }
}

impl StateBackend {
    async fn delete_key(&self, code: &ProjectCode, version: KeyVersion) -> Result<()> {
        let name = key_field(version, None);
        self.blobs.delete(&registered(code, &name)).await?;
        loop {
            let found = self.state.load(&document(code), &[]).await?.unwrap_or_default();
            let changes = Changes { remove: vec![name.clone()], ..Changes::default() };
            if self.state.commit(&document(code), found.version, changes).await? != Commit::Conflict {
                return Ok(());
            }
        }
    }
}

fn project_of(code: &ProjectCode, document: &Document) -> Result<Project> {
    let mut project = Project::default();
    for (field, value) in &document.fields {
        let damaged = || Error::Damaged(format!("{field} of project {code}"));
        let (kind, number) = field.split_once('/').ok_or_else(damaged)?;
        let number: KeyVersion = number.parse().map_err(|_| damaged())?;
        if kind == "template" {
            project.templates.insert(number, serde_json::from_slice(value).map_err(|_| damaged())?);
            continue;
        }
        let later = kind.strip_prefix("key-").and_then(KeyState::later);
        let state = later.or((kind == "key").then_some(KeyState::Active)).ok_or_else(damaged)?;
        let known = project.keys.entry(number).or_default();
        *known = state.max(*known);
    }
    Ok(project)
}

fn document(code: &ProjectCode) -> String {
    format!("project/{code}")
}

fn registered(code: &ProjectCode, field: &str) -> String {
    format!("registry/{code}/{field}")
}

/// The field of a key, or of a state that it has come to.
fn key_field(version: KeyVersion, state: Option<KeyState>) -> String {
    match state {
        None => format!("key/{version}"),
        Some(state) => format!("key-{}/{version}", state.name()),
    }
}

fn template_field(number: TemplateNumber) -> String {
    format!("template/{number}")
}
