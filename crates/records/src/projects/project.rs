//! What a project has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smartpass_core::ids::{KeyVersion, ProjectCode, TemplateNumber};
use smartpass_core::link::ProjectKey;
use smartpass_core::template::Template;
use zeroize::{Zeroize, Zeroizing};

/// What a key of a project may still do. States only go on, from the first to the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Opens links; the newest active key seals.
    #[default]
    Active,
    /// Opens links, and seals no more.
    Retired,
    /// Verifies links only to say that they were revoked.
    Revoked,
    /// Is gone.
    Destroyed,
}

impl KeyState {
    /// States that a key comes to, in their order.
    pub(super) const LATER: [Self; 3] = [Self::Retired, Self::Revoked, Self::Destroyed];

    /// A later state by its name.
    pub(super) fn later(name: &str) -> Option<Self> {
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

/// What a project has, without the keys themselves.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// The states of its keys by version.
    pub keys: BTreeMap<KeyVersion, KeyState>,
    /// Its published templates by number.
    pub templates: BTreeMap<TemplateNumber, Template>,
}

impl Project {
    /// The key that seals: the newest active one.
    pub fn sealing_key(&self) -> Option<KeyVersion> {
        self.keys.iter().rev().find(|(_, state)| **state == KeyState::Active).map(|(version, _)| *version)
    }
}

/// What an import brought that was not there before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Keys.
    pub keys: u64,
    /// Template versions.
    pub templates: u64,
}

/// A published version of a template, as it is written to a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Published {
    /// Its number.
    pub number: TemplateNumber,
    /// The template.
    pub template: Template,
}

/// A project key as it is written to a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// Whose it is.
    pub project: ProjectCode,
    /// Its version.
    pub version: KeyVersion,
    key: String,
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl KeyFile {
    /// The file for a key.
    pub fn new(project: ProjectCode, version: KeyVersion, key: &ProjectKey) -> Self {
        Self { project, version, key: base16ct::lower::encode_string(key.expose()) }
    }

    /// The key itself; none where the file does not hold 64 hexadecimal digits.
    pub fn key(&self) -> Option<ProjectKey> {
        let bytes = base16ct::mixed::decode_vec(&self.key).ok().map(Zeroizing::new)?;
        Some(ProjectKey::from(<[u8; 32]>::try_from(bytes.as_slice()).ok()?))
    }
}
