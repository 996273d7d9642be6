//! Projects on a server: keys (wrapped), templates and API keys, in the state.
//!
//! ```text
//! project/{code}   key/{version}       wrapped, JSON
//!                  template/{number}   JSON
//!                  api-key/{id}        SHA-256 of its secret, JSON
//! ```
//!
//! Keys and templates are only ever created: a version that exists with other bytes is refused. Before their first
//! use they are also written to `registry/` in the blobs, from which they can be brought back. What is registered
//! under a version first is that version: of two imports at once, the state takes the one that the registry has.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use smartpass_core::ids::{KeyVersion, ProjectCode, TemplateNumber, decode_hex, encode_hex};
use smartpass_core::link::ProjectKey;
use smartpass_core::template::{self, Template};
use zeroize::Zeroizing;

use crate::blobs::Blobs;
use crate::error::{Error, Result};
use crate::keys::{MasterKey, Purpose, random_bytes, random_key};
use crate::state::{Changes, Commit, Document, Field, State};

/// The index of all projects.
const PROJECTS: &str = "projects";
/// The index of projects that have an API key.
const WITH_API_KEYS: &str = "projects-with-api-keys";

/// Projects.
#[derive(Clone)]
pub struct Projects {
    state: Arc<dyn State>,
    blobs: Blobs,
    master: MasterKey,
}

/// A key of a project as it is stored.
#[derive(Clone, Serialize, Deserialize)]
struct KeyRecord {
    /// The wrapped key in hexadecimal digits.
    wrapped: String,
}

/// An API key as it is stored: its secret is not among it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApiKeyRecord {
    /// SHA-256 of the secret, in hexadecimal digits.
    pub sha256: String,
    /// When it was made, in milliseconds since 1970.
    pub created: u64,
}

/// What a project has.
#[derive(Clone, Debug, Default)]
pub struct ProjectRecord {
    /// Versions of its keys.
    pub keys: Vec<KeyVersion>,
    /// Its published templates.
    pub templates: BTreeMap<TemplateNumber, Template>,
    /// Its API keys by id.
    pub api_keys: BTreeMap<String, ApiKeyRecord>,
}

/// What an import brought that was not there before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Keys.
    pub keys: u64,
    /// Template versions.
    pub templates: u64,
}

impl Projects {
    /// Projects in `state`, their keys under `master`.
    pub fn new(state: Arc<dyn State>, blobs: Blobs, master: MasterKey) -> Self {
        Self { state, blobs, master }
    }

    /// The project; `None` where there is none.
    ///
    /// # Errors
    /// The state is unavailable or damaged.
    pub async fn load(&self, code: &ProjectCode) -> Result<Option<ProjectRecord>> {
        let found = self.state.load_all(&document(code)).await?;
        found.map(|document| read(code, &document)).transpose()
    }

    /// Whether there is such a project.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn exists(&self, code: &ProjectCode) -> Result<bool> {
        Ok(self.state.load(&document(code), &[]).await?.is_some())
    }

    /// A key of the project, unwrapped.
    ///
    /// # Errors
    /// There is none, or it does not unwrap.
    pub async fn key(&self, code: &ProjectCode, version: KeyVersion) -> Result<ProjectKey> {
        let field = format!("key/{version}");
        let missing = || Error::Missing(format!("key {version} of project {code}"));
        let found = self.state.load(&document(code), &[&field]).await?.ok_or_else(missing)?;
        self.unwrap_key(code, version, found.get(&field).ok_or_else(missing)?)
    }

    fn unwrap_key(&self, code: &ProjectCode, version: KeyVersion, stored: &[u8]) -> Result<ProjectKey> {
        let damaged = || Error::Damaged(format!("key {version} of project {code}"));
        let record: KeyRecord = serde_json::from_slice(stored).map_err(|_| damaged())?;
        let wrapped = decode_hex(&record.wrapped).ok_or_else(damaged)?;
        let key = self.master.unwrap(Purpose::Link, code, &version.to_string(), &wrapped)?;
        Ok(ProjectKey::from(*key))
    }

    /// A published template of the project.
    ///
    /// # Errors
    /// There is none.
    pub async fn template(&self, code: &ProjectCode, number: TemplateNumber) -> Result<Template> {
        let field = format!("template/{number}");
        let what = || format!("template {number} of project {code}");
        let found = self.state.load(&document(code), &[&field]).await?.unwrap_or_default();
        let text = found.get(&field).ok_or_else(|| Error::Missing(what()))?;
        serde_json::from_slice(text).map_err(|_| Error::Damaged(what()))
    }

    /// Codes of all projects.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn codes(&self) -> Result<Vec<ProjectCode>> {
        let listed = self.state.list(PROJECTS, None, usize::MAX >> 1).await?;
        let code = |key: &String| key.strip_prefix("project/").and_then(|code| code.parse().ok());
        Ok(listed.iter().filter_map(|(key, _)| code(key)).collect())
    }

    /// Adds keys and templates that are not there yet; those that are must be the same.
    ///
    /// # Errors
    /// A version that exists with other bytes: nothing is added then.
    pub async fn import(
        &self,
        code: &ProjectCode,
        keys: &[(KeyVersion, ProjectKey)],
        templates: &[(TemplateNumber, Template)],
    ) -> Result<Imported> {
        loop {
            let found = self.state.load_all(&document(code)).await?.unwrap_or_default();
            let mut changes = Changes { index: vec![(PROJECTS.to_owned(), Some(0))], ..Changes::default() };
            let mut imported = Imported::default();
            for (version, key) in keys {
                let field = format!("key/{version}");
                let Some(stored) = found.get(&field) else {
                    let wrapped =
                        self.master.wrap(Purpose::Link, code, &version.to_string(), key.expose())?;
                    let record = KeyRecord { wrapped: encode_hex(&wrapped) };
                    changes.set.push((field, to_json(&record)));
                    imported.keys += 1;
                    continue;
                };
                if self.unwrap_key(code, *version, stored)?.expose() != key.expose() {
                    return Err(another(code, &format!("key {version}")));
                }
            }
            for (number, template) in templates {
                let field = format!("template/{number}");
                let Some(stored) = found.get(&field) else {
                    changes.set.push((field, to_json(template)));
                    imported.templates += 1;
                    continue;
                };
                if serde_json::from_slice::<Template>(stored).ok().as_ref() != Some(template) {
                    return Err(another(code, &format!("template number {number}")));
                }
            }
            if changes.set.is_empty() {
                return Ok(imported);
            }
            if let Some(first) = self.register(code, &changes).await? {
                // Somebody registered it before and is about to commit it, or died before they could: the next look at
                // the state finds it there and compares.
                let changes = Changes { set: vec![first], ..changes };
                self.state.commit(&document(code), found.version, changes).await?;
                continue;
            }
            if self.state.commit(&document(code), found.version, changes).await? != Commit::Conflict {
                return Ok(imported);
            }
        }
    }

    /// Publishes a template under the next number; one equal to its code's newest version keeps its number. Answers the
    /// number, and whether it is new.
    ///
    /// # Errors
    /// There is no such project.
    pub async fn publish(&self, code: &ProjectCode, template: &Template) -> Result<(TemplateNumber, bool)> {
        loop {
            let record = self.load(code).await?.ok_or_else(|| Error::Missing(format!("project {code}")))?;
            let (number, is_new) = template::number_for(&record.templates, template)
                .ok_or_else(|| Error::Setting("no template number is left".to_owned()))?;
            if !is_new {
                return Ok((number, false));
            }
            match self.import(code, &[], &[(number, template.clone())]).await {
                Ok(_) => return Ok((number, true)),
                // Somebody else took the number meanwhile.
                Err(Error::Exists(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes keys and templates to the registry before they are used; answers one that is there already with other
    /// bytes.
    async fn register(&self, code: &ProjectCode, changes: &Changes) -> Result<Option<Field>> {
        for (field, value) in &changes.set {
            let path = format!("registry/{code}/{field}");
            match self.blobs.put(&path, [Bytes::from(value.clone())]).await {
                Ok(()) => {}
                Err(Error::Exists(_)) => {
                    let first = self.blobs.get(&path).await?;
                    if first != *value {
                        return Ok(Some((field.clone(), first.to_vec())));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Brings back from the registry what the state has lost; answers how many keys and templates.
    ///
    /// # Errors
    /// State or blobs are unavailable.
    pub async fn rebuild(&self) -> Result<u64> {
        let mut restored = 0;
        for path in self.blobs.list_below("registry").await? {
            let mut parts = path.splitn(3, '/').skip(1);
            let (Some(code), Some(field)) = (parts.next(), parts.next()) else { continue };
            let Ok(code) = code.parse::<ProjectCode>() else { continue };
            let value = self.blobs.get(&path).await?;
            let found = self.state.load(&document(&code), &[field]).await?.unwrap_or_default();
            if found.get(field).is_some() {
                continue;
            }
            let changes = Changes {
                set: vec![(field.to_owned(), value.to_vec())],
                index: vec![(PROJECTS.to_owned(), Some(0))],
                ..Changes::default()
            };
            if self.state.commit(&document(&code), found.version, changes).await? != Commit::Conflict {
                restored += 1;
            }
        }
        Ok(restored)
    }

    /// Makes an API key; its text is answered once and kept nowhere.
    ///
    /// # Errors
    /// There is no such project.
    pub async fn new_api_key(&self, code: &ProjectCode, now: u64) -> Result<Zeroizing<String>> {
        let (id, secret) = (encode_hex(&random_bytes::<6>()?), random_key()?);
        let record = ApiKeyRecord { sha256: encode_hex(&Sha256::digest(*secret)), created: now };
        loop {
            let found = self.state.load(&document(code), &[]).await?;
            let version = found.ok_or_else(|| Error::Missing(format!("project {code}")))?.version;
            let changes = Changes {
                set: vec![(format!("api-key/{id}"), to_json(&record))],
                index: vec![(WITH_API_KEYS.to_owned(), Some(now))],
                ..Changes::default()
            };
            if self.state.commit(&document(code), version, changes).await? != Commit::Conflict {
                return Ok(Zeroizing::new(format!("sp_{id}_{}", encode_hex(&*secret))));
            }
        }
    }

    /// Takes an API key away; `false` where there is none of that id.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn revoke_api_key(&self, code: &ProjectCode, id: &str) -> Result<bool> {
        let field = format!("api-key/{id}");
        loop {
            let Some(found) = self.state.load_all(&document(code)).await? else { return Ok(false) };
            if found.get(&field).is_none() {
                return Ok(false);
            }
            let left = found.fields.iter().filter(|(name, _)| name.starts_with("api-key/")).count();
            let mut changes = Changes { remove: vec![field.clone()], ..Changes::default() };
            if left == 1 {
                changes.index.push((WITH_API_KEYS.to_owned(), None));
            }
            if self.state.commit(&document(code), found.version, changes).await? != Commit::Conflict {
                return Ok(true);
            }
        }
    }

    /// Whether an API key is one of the project's. Takes the same time for every wrong secret.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn accepts(&self, code: &ProjectCode, api_key: &str) -> Result<bool> {
        let parts = api_key.strip_prefix("sp_").and_then(|rest| rest.split_once('_'));
        let (id, secret) = parts.unwrap_or(("", ""));
        let secret = Zeroizing::new(decode_hex(secret).unwrap_or_default());
        let field = format!("api-key/{id}");
        let found = self.state.load(&document(code), &[&field]).await?.unwrap_or_default();
        let record = found.get(&field).and_then(|text| serde_json::from_slice::<ApiKeyRecord>(text).ok());
        let expected = record.and_then(|record| decode_hex(&record.sha256)).unwrap_or_else(|| vec![0; 32]);
        let given = Sha256::digest(&*secret);
        let difference = expected.iter().zip(&given[..]).fold(0, |sum, (left, right)| sum | (left ^ right));
        Ok(difference == 0 && expected.len() == given.len())
    }

    /// Whether any project has an API key.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn has_api_keys(&self) -> Result<bool> {
        Ok(self.state.index_len(WITH_API_KEYS).await? > 0)
    }
}

fn read(code: &ProjectCode, document: &Document) -> Result<ProjectRecord> {
    let mut record = ProjectRecord::default();
    for (field, value) in &document.fields {
        let damaged = || Error::Damaged(format!("{field} of project {code}"));
        match field.split_once('/') {
            Some(("key", version)) => record.keys.push(version.parse().map_err(|_| damaged())?),
            Some(("template", number)) => {
                let template = serde_json::from_slice(value).map_err(|_| damaged())?;
                record.templates.insert(number.parse().map_err(|_| damaged())?, template);
            }
            Some(("api-key", id)) => {
                record.api_keys.insert(id.to_owned(), serde_json::from_slice(value).map_err(|_| damaged())?);
            }
            _ => {}
        }
    }
    record.keys.sort_unstable();
    Ok(record)
}

fn document(code: &ProjectCode) -> String {
    format!("project/{code}")
}

fn another(code: &ProjectCode, what: &str) -> Error {
    Error::Exists(format!("another {what} of project {code}: nothing was imported; it"))
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("our own types have no map without text keys")
}
