//! A project's keys and templates, as they are read and as they stand in files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smartpass_core::ids::{KeyVersion, ProjectCode, TemplateNumber};
use smartpass_core::link::{KeyState, ProjectKey, sealing_version};
use smartpass_core::template::Template;
use zeroize::{Zeroize, Zeroizing};

/// A project's key states and templates, without the keys themselves.
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
        sealing_version(self.keys.iter().map(|(version, state)| (*version, *state)))
    }
}

/// The numbers of keys and templates that an import added.
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
    /// The project that the key belongs to.
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
