//! What a project opens links with: its keys, what they may still do, and its templates.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::keys::ProjectKey;
use crate::ids::{KeyVersion, ProjectCode, TemplateNumber};
use crate::template::Template;

/// What a key may still do. States only go on, from the first to the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Seals, if it is the newest active one, and opens.
    #[default]
    Active,
    /// Opens.
    Retired,
    /// Verifies, so that its links can be told from forged ones, and opens no more.
    Revoked,
    /// Does nothing: as if it had never been there.
    Destroyed,
}

impl KeyState {
    /// States that a key comes to, in their order.
    pub const LATER: [Self; 3] = [Self::Retired, Self::Revoked, Self::Destroyed];

    /// A later state by its name.
    pub fn later(name: &str) -> Option<Self> {
        Self::LATER.into_iter().find(|state| state.name() == name)
    }

    /// As it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
            Self::Destroyed => "destroyed",
        }
    }
}

/// The version that seals: the newest active one.
pub fn sealing_version(states: impl IntoIterator<Item = (KeyVersion, KeyState)>) -> Option<KeyVersion> {
    let is_active = |&(_, state): &(KeyVersion, KeyState)| state == KeyState::Active;
    states.into_iter().filter(is_active).map(|(version, _)| version).max()
}

/// A key, and what it may still do.
#[derive(Clone, Debug)]
pub struct KeyringKey {
    /// The key.
    pub key: ProjectKey,
    /// What it may still do.
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

/// What a project opens links with.
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
    /// The version that seals: the newest active one.
    pub fn sealing_version(&self) -> Option<KeyVersion> {
        sealing_version(self.keys.iter().map(|(version, entry)| (*version, entry.state)))
    }

    /// A key that still verifies.
    pub(super) fn verifying_key(&self, version: KeyVersion) -> Option<&ProjectKey> {
        let entry = self.keys.get(&version).filter(|entry| entry.state != KeyState::Destroyed)?;
        Some(&entry.key)
    }

    pub(super) fn is_revoked(&self, version: KeyVersion) -> bool {
        self.keys.get(&version).is_some_and(|entry| entry.state == KeyState::Revoked)
    }
}
