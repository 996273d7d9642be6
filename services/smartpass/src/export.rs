//! An exported project: a file with its keys and templates, encrypted under a passphrase (age).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use age::scrypt;
use age::secrecy::SecretString;
use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use smartpass_core::ids::{KeyVersion, ProjectCode, TemplateNumber};
use smartpass_core::link::ProjectKey;
use smartpass_core::template::Template;
use smartpass_records::projects::{Imported, KeyFile, KeyState, Published};
use zeroize::Zeroizing;

use crate::key_material::passphrase;
use crate::staged::{Staged, refuse_existing};
use crate::text::{counted, path, print};

/// The format's name in an exported file.
const FORMAT: &str = "smartpass project v1";
/// The limit of an export's bytes: far more than keys and templates take.
const MAX_EXPORT_BYTES: u64 = 256 << 20;
/// The limit of a file's scrypt work factor: 2^22, which age's own tool allows too.
const MAX_WORK_FACTOR: u8 = 22;

/// A whole project, as an exported file holds it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Export {
    format: String,
    pub(crate) project: ProjectCode,
    keys: Vec<KeyFile>,
    templates: Vec<Published>,
    /// The states of keys that are not active.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    key_states: BTreeMap<KeyVersion, KeyState>,
}

impl Export {
    /// A project's keys and templates.
    pub(crate) fn of(
        project: &ProjectCode,
        states: &BTreeMap<KeyVersion, KeyState>,
        keys: &BTreeMap<KeyVersion, ProjectKey>,
        templates: BTreeMap<TemplateNumber, Template>,
    ) -> Self {
        let key_file =
            |(version, key): (&KeyVersion, &ProjectKey)| KeyFile::new(project.clone(), *version, key);
        let later = states.iter().filter(|(_, state)| **state != KeyState::Active);
        Self {
            format: FORMAT.to_owned(),
            project: project.clone(),
            keys: keys.iter().map(key_file).collect(),
            templates: templates
                .into_iter()
                .map(|(number, template)| Published { number, template })
                .collect(),
            key_states: later.map(|(version, state)| (*version, *state)).collect(),
        }
    }

    /// Writes it to `out`, or to a file named after the project.
    pub(crate) fn write(
        &self,
        out: Option<PathBuf>,
        passphrase_file: Option<&Path>,
        force: bool,
    ) -> anyhow::Result<()> {
        let out = out.unwrap_or_else(|| format!("{}.smartpass.age", self.project).into());
        refuse_existing(&[&out], force)?;
        let text = Zeroizing::new(serde_json::to_vec(self)?);
        let passphrase = secret(&passphrase(passphrase_file, true)?);
        let sealed = age::encrypt(&scrypt::Recipient::new(passphrase), &text)
            .map_err(|error| anyhow::anyhow!("cannot encrypt the project: {error}"))?;
        let mut file = Staged::create(&out, 0o600)?;
        file.write(&sealed)?;
        file.sync()?;
        file.publish(force)?;
        print(&format!("wrote {}: keep it and its passphrase apart, and lose neither\n", path(&out)))
    }

    /// Opens an exported project.
    pub(crate) fn read(file: &Path, passphrase_file: Option<&Path>) -> anyhow::Result<Self> {
        let shown = file.display();
        let size = fs::metadata(file).with_context(|| format!("cannot open {shown}"))?.len();
        if size > MAX_EXPORT_BYTES {
            bail!("{shown} is larger than any exported project");
        }
        let sealed = fs::read(file).with_context(|| format!("cannot read {shown}"))?;
        let mut identity = scrypt::Identity::new(secret(&passphrase(passphrase_file, false)?));
        identity.set_max_work_factor(MAX_WORK_FACTOR);
        let text = age::decrypt(&identity, &sealed).ok().map(Zeroizing::new);
        let text = text.with_context(|| {
            format!("{shown} does not open: not an exported project, or another passphrase")
        })?;
        let export: Option<Self> = serde_json::from_slice(&text).ok();
        let export = export.filter(|export| export.format == FORMAT && export.belongs_together());
        export.with_context(|| format!("{shown} opens, but is not a project that this version can read"))
    }

    fn belongs_together(&self) -> bool {
        let valid = |published: &Published| published.template.clone().validated().is_ok();
        self.keys.iter().all(|key| key.project == self.project && key.key().is_some())
            && self.templates.iter().all(valid)
    }

    /// The keys.
    pub(crate) fn keys(&self) -> anyhow::Result<Vec<(KeyVersion, ProjectKey)>> {
        let key = |file: &KeyFile| Ok((file.version, file.key().context("a key is damaged")?));
        self.keys.iter().map(key).collect()
    }

    /// The templates.
    pub(crate) fn templates(&self) -> Vec<(TemplateNumber, Template)> {
        self.templates.iter().map(|published| (published.number, published.template.clone())).collect()
    }

    /// The key states in the file that are later than the states here.
    pub(crate) fn later_states(&self, here: &BTreeMap<KeyVersion, KeyState>) -> Vec<(KeyVersion, KeyState)> {
        let is_later = |(version, state): &(&KeyVersion, &KeyState)| {
            here.get(version).is_some_and(|known| known < *state)
        };
        let later = self.key_states.iter().filter(is_later);
        later.map(|(version, state)| (*version, *state)).collect()
    }
}

/// The message about an import.
pub(crate) fn imported(code: &ProjectCode, new: Imported) -> String {
    let (keys, templates) = (counted(new.keys, "new key"), counted(new.templates, "new template version"));
    format!("imported project {code}: {keys}, {templates}\n")
}

fn secret(passphrase: &str) -> SecretString {
    SecretString::from(passphrase.to_owned())
}
