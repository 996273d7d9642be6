//! Secrets that the caller gives: key files, `SMARTPASS_KEY`, passphrases. No secret is an argument.

use std::env::VarError;
use std::path::Path;

use anyhow::{Context, bail};
use smartpass_core::ids::{KeyVersion, ProjectCode};
use smartpass_core::link::ProjectKey;
use smartpass_core::link::passkit::PasskitKey;
use smartpass_records::projects::KeyFile;
use zeroize::Zeroizing;

/// A key that the caller gave instead of the project's own.
pub(crate) enum GivenKey {
    /// A key file of our own, which names the key's project and version.
    Named(KeyFile),
    /// Hexadecimal digits.
    Hex(Zeroizing<String>),
}

impl GivenKey {
    /// The key from `file`, or else from `SMARTPASS_KEY`, if either is given.
    pub(crate) fn find(file: Option<&Path>) -> anyhow::Result<Option<Self>> {
        let text = match (file, std::env::var("SMARTPASS_KEY")) {
            (Some(path), _) => std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the key file {}", path.display()))?,
            (None, Ok(text)) => text,
            (None, Err(VarError::NotPresent)) => return Ok(None),
            (None, Err(VarError::NotUnicode(_))) => bail!("SMARTPASS_KEY is not text"),
        };
        let text = Zeroizing::new(text);
        let trimmed = text.trim();
        if trimmed.starts_with('{') {
            let named = serde_json::from_str(trimmed).ok();
            return named.map(|named| Some(Self::Named(named))).context(
                "the key looks like one of our key files, but is damaged (bring it back from a backup)",
            );
        }
        Ok(Some(Self::Hex(Zeroizing::new(trimmed.to_owned()))))
    }

    /// The key as a project's. Raw digits are version 1 of the project that the caller names.
    pub(crate) fn for_project(
        &self,
        named: Option<&ProjectCode>,
    ) -> anyhow::Result<(ProjectCode, KeyVersion, ProjectKey)> {
        match (self, named) {
            (Self::Named(file), Some(project)) if file.project != *project => {
                bail!("the key belongs to project {}, not to {project}", file.project)
            }
            (Self::Named(file), _) => {
                let key =
                    file.key().context("the key file holds no valid key (bring it back from a backup)")?;
                Ok((file.project.clone(), file.version, key))
            }
            (Self::Hex(digits), Some(project)) => {
                Ok((project.clone(), KeyVersion::MIN, project_key(digits)?))
            }
            (Self::Hex(_), None) => {
                crate::failure::usage("a raw key needs --project CODE to say whose it is")
            }
        }
    }

    /// The key as a PassKit project's.
    pub(crate) fn for_passkit(&self) -> anyhow::Result<PasskitKey> {
        let Self::Hex(digits) = self else {
            bail!(
                "this is a key of ours, and PassKit links need the PassKit project's key in hexadecimal digits"
            );
        };
        let key = base16ct::mixed::decode_vec(digits).ok().and_then(PasskitKey::new);
        key.context("the key is not valid (expected 32, 48 or 64 hexadecimal digits, as PassKit shows it)")
    }
}

fn project_key(digits: &str) -> anyhow::Result<ProjectKey> {
    let bytes = base16ct::mixed::decode_vec(digits).ok().map(Zeroizing::new);
    let key = bytes.as_ref().and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    key.map(ProjectKey::from).context("the key is not valid (expected 64 hexadecimal digits)")
}

/// A passphrase from `file`, from `SMARTPASS_PASSPHRASE`, or from the terminal; typed twice to `confirm` it.
pub(crate) fn passphrase(file: Option<&Path>, confirm: bool) -> anyhow::Result<Zeroizing<String>> {
    let given = match file {
        Some(path) => {
            let text =
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        None => std::env::var("SMARTPASS_PASSPHRASE").ok().map(Zeroizing::new),
    };
    let passphrase = match given {
        Some(passphrase) => passphrase,
        None => ask("Passphrase: ")?,
    };
    if passphrase.is_empty() {
        bail!("the passphrase is empty");
    }
    let typed = file.is_none() && std::env::var_os("SMARTPASS_PASSPHRASE").is_none();
    if confirm && typed && *ask("The same again: ")? != *passphrase {
        bail!("the two passphrases differ");
    }
    Ok(passphrase)
}

fn ask(prompt: &str) -> anyhow::Result<Zeroizing<String>> {
    let typed = rpassword::prompt_password(prompt).context(
        "cannot ask for the passphrase without a terminal (give --passphrase-file or SMARTPASS_PASSPHRASE)",
    )?;
    Ok(Zeroizing::new(typed))
}

/// A new key from the operating system's random source.
pub(crate) fn new_project_key() -> anyhow::Result<ProjectKey> {
    let mut bytes = Zeroizing::new([0; 32]);
    random(&mut *bytes)?;
    Ok(ProjectKey::from(*bytes))
}

/// Fills `bytes` from the operating system's random source.
pub(crate) fn random(bytes: &mut [u8]) -> anyhow::Result<()> {
    getrandom::fill(bytes).map_err(|error| anyhow::anyhow!("the system gives no random numbers: {error}"))
}
