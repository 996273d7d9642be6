//! The keyring of a project: its keys with their states, and its templates.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::keys::ProjectKey;
use crate::ids::{KeyVersion, ProjectCode, TemplateNumber};
use crate::template::Template;

/// The state of a key: what it may still do. A key goes from the first state towards the last, never back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Seals, if it is the newest active one, and opens.
    #[default]
    Active,
    /// Opens.
    Retired,
    /// Verifies, so that its links are told from forged ones, and does not open.
    Revoked,
    /// Does nothing: its links get the answer of forged ones.
    Destroyed,
}

impl KeyState {
    /// The states after [`KeyState::Active`], in order.
    pub const LATER: [Self; 3] = [Self::Retired, Self::Revoked, Self::Destroyed];

    /// The state of that name, if it is one after [`KeyState::Active`].
    pub fn later(name: &str) -> Option<Self> {
        Self::LATER.into_iter().find(|state| state.name() == name)
    }

    /// The name that is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
            Self::Destroyed => "destroyed",
        }
    }
}

/// The version of the key that seals: the newest active one; none where no key is active.
pub fn sealing_version(states: impl IntoIterator<Item = (KeyVersion, KeyState)>) -> Option<KeyVersion> {
    let is_active = |&(_, state): &(KeyVersion, KeyState)| state == KeyState::Active;
    states.into_iter().filter(is_active).map(|(version, _)| version).max()
}

/// A key and its state.
#[derive(Clone, Debug)]
pub struct KeyringKey {
    /// The key.
    pub key: ProjectKey,
    /// Its state.
    pub state: KeyState,
}

impl From<ProjectKey> for KeyringKey {
    fn from(key: ProjectKey) -> Self {
        Self { key, state: KeyState::Active }
    }
}

impl From<[u8; 32]> for KeyringKey {
    fn from(key: [u8; 32]) -> Self {
        ProjectKey::from(key).into()
    }
}

/// The keys and templates with which a project's links are opened.
#[derive(Clone, Debug)]
pub struct Keyring {
    /// The project.
    pub project: ProjectCode,
    /// Its keys, in every state.
    pub keys: BTreeMap<KeyVersion, KeyringKey>,
    /// Its published templates.
    pub templates: BTreeMap<TemplateNumber, Template>,
}

impl Keyring {
    /// The version of the key that seals: the newest active one; none where no key is active.
    pub fn sealing_version(&self) -> Option<KeyVersion> {
        sealing_version(self.keys.iter().map(|(version, entry)| (*version, entry.state)))
    }

    /// The key of this version, unless it is destroyed.
    pub(super) fn verifying_key(&self, version: KeyVersion) -> Option<&ProjectKey> {
        let entry = self.keys.get(&version).filter(|entry| entry.state != KeyState::Destroyed)?;
        Some(&entry.key)
    }

    pub(super) fn is_revoked(&self, version: KeyVersion) -> bool {
        self.keys.get(&version).is_some_and(|entry| entry.state == KeyState::Revoked)
    }
}
