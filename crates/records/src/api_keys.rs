//! API keys, with which programs authenticate.
//!
//! ```text
//! api-keys/{project}   {id}   SHA-256 of the secret, scopes, when it was made; JSON
//! ```
//!
//! A key is `sp_`, an id, `_`, and 64 hexadecimal digits. It is shown once: only the digest of its secret is stored,
//! looked up by the id and compared in constant time.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use std::sync::Arc;
//! use smartpass_platform::state::EmbeddedState;
//! use smartpass_records::api_keys::{ApiKeys, Scope};
//! let folder = tempfile::tempdir().unwrap();
//! let keys = ApiKeys::new(Arc::new(EmbeddedState::open(&folder.path().join("state")).unwrap()));
//! let (ours, other) = ("wrsynr".parse().unwrap(), "other".parse().unwrap());
//! let key = keys.create(&ours, &Scope::ALL, 0).await.unwrap();
//! assert_eq!(keys.find(&ours, &key).await.unwrap().unwrap().scopes, Scope::ALL);
//! assert!(keys.find(&other, &key).await.unwrap().is_none());
//! # });
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use smartpass_core::ids::ProjectCode;
use smartpass_platform::Result;
use smartpass_platform::random::{random_bytes, random_key};
use smartpass_platform::state::{Changes, Commit, State};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::document::{from_json, to_json};

/// The index of projects that have an API key.
const WITH_API_KEYS: &str = "projects-with-api-keys";

/// A scope of an API key: what the key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Sending files, and what follows from it: cancelling, retrying, deleting.
    Send,
    /// Looking at jobs and templates, and fetching outputs.
    Read,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 2] = [Self::Send, Self::Read];

    /// The name, as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Read => "read",
        }
    }
}

/// An API key as it is stored, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// SHA-256 of the secret, in hexadecimal digits.
    sha256: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it was made, in milliseconds since 1970.
    pub created: u64,
}

/// The API keys of all projects.
#[derive(Clone)]
pub struct ApiKeys {
    state: Arc<dyn State>,
}

/// A key that was found by its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundKey {
    /// Its id.
    pub id: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
}

impl ApiKeys {
    /// API keys in `state`.
    pub fn new(state: Arc<dyn State>) -> Self {
        Self { state }
    }

    /// Makes a key; its text is answered once and kept nowhere.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn create(
        &self,
        project: &ProjectCode,
        scopes: &[Scope],
        now: u64,
    ) -> Result<Zeroizing<String>> {
        let (id, secret) = (base16ct::lower::encode_string(&random_bytes::<6>()?), random_key()?);
        let sha256 = base16ct::lower::encode_string(&Sha256::digest(*secret));
        let record = to_json(&ApiKey { sha256, scopes: scopes.to_vec(), created: now });
        loop {
            let version = self.state.load(&document(project), &[]).await?.unwrap_or_default().version;
            let changes = Changes {
                set: vec![(id.clone(), record.clone())],
                index: vec![(WITH_API_KEYS.to_owned(), Some(now))],
                ..Changes::default()
            };
            if self.state.commit(&document(project), version, changes).await? != Commit::Conflict {
                let secret = Zeroizing::new(base16ct::lower::encode_string(&*secret));
                return Ok(Zeroizing::new(format!("sp_{id}_{}", *secret)));
            }
        }
    }

    /// A project's keys by id.
    ///
    /// # Errors
    /// The state is unavailable or damaged.
    pub async fn list(&self, project: &ProjectCode) -> Result<BTreeMap<String, ApiKey>> {
        let found = self.state.load_all(&document(project)).await?.unwrap_or_default();
        let what = |id: &str| format!("API key {id} of project {project}");
        let key = |(id, text): (String, Vec<u8>)| Ok((id.clone(), from_json(Some(&text), || what(&id))?));
        found.fields.into_iter().map(key).collect()
    }

    /// Revokes a key; `false` where no key has that id.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn revoke(&self, project: &ProjectCode, id: &str) -> Result<bool> {
        loop {
            let Some(found) = self.state.load_all(&document(project)).await? else { return Ok(false) };
            if found.get(id).is_none() {
                return Ok(false);
            }
            let mut changes = Changes { remove: vec![id.to_owned()], ..Changes::default() };
            if found.fields.len() == 1 {
                changes.index.push((WITH_API_KEYS.to_owned(), None));
            }
            if self.state.commit(&document(project), found.version, changes).await? != Commit::Conflict {
                return Ok(true);
            }
        }
    }

    /// The project's key with that text, if there is one. Every wrong secret takes the same time.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn find(&self, project: &ProjectCode, text: &str) -> Result<Option<FoundKey>> {
        let parts = text.strip_prefix("sp_").and_then(|rest| rest.split_once('_'));
        let (id, secret) = parts.unwrap_or(("-", ""));
        let secret = Zeroizing::new(base16ct::lower::decode_vec(secret).unwrap_or_default());
        let found = self.state.load(&document(project), &[id]).await?.unwrap_or_default();
        let record = found.get(id).and_then(|text| serde_json::from_slice::<ApiKey>(text).ok());
        let expected = record.as_ref().and_then(|record| base16ct::lower::decode_vec(&record.sha256).ok());
        let expected = expected.unwrap_or_else(|| vec![0; 32]);
        let is_same = bool::from(Sha256::digest(&*secret).ct_eq(&expected));
        Ok(record.filter(|_| is_same).map(|record| FoundKey { id: id.to_owned(), scopes: record.scopes }))
    }

    /// Whether any project has an API key.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn any(&self) -> Result<bool> {
        Ok(self.state.index_len(WITH_API_KEYS).await? > 0)
    }
}

fn document(project: &ProjectCode) -> String {
    format!("api-keys/{project}")
}
