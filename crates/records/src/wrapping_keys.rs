//! Keys at rest: wrapped under a key of their purpose, unwrapped only in memory.
//!
//! One *master key* is kept by the operator. For each [`Purpose`] a *wrapping key* is derived from it by HKDF-SHA-256
//! (RFC 5869; salt `smartpass/wrap/v1`, info = the purpose's name), and a process can be given only the wrapping keys
//! that it needs: a mail sender cannot open a link. A wrapping key tells nothing about the master key or another
//! purpose's key.
//!
//! A wrapped key is the master key's id (4 bytes of a SHA-256), 12 random bytes, and AES-256-GCM of the key under the
//! purpose's wrapping key, with `smartpass/wrap/v1`, purpose, project and version authenticated: a wrapped key that
//! is copied to another place does not unwrap there.
//!
//! ```
//! use smartpass_records::wrapping_keys::{MasterKey, Purpose, WrappingKeys};
//! let project = "wrsynr".parse().unwrap();
//! let all = MasterKey::generate().unwrap().wrapping_keys(&Purpose::ALL);
//! let wrapped = all.wrap(Purpose::Link, &project, "1", &[7; 32]).unwrap();
//! assert_eq!(*all.unwrap(Purpose::Link, &project, "1", &wrapped).unwrap(), [7; 32]);
//!
//! let mailer = WrappingKeys::from_text(&all.only(&[Purpose::Contact]).to_text()).unwrap();
//! assert!(mailer.unwrap(Purpose::Link, &project, "1", &wrapped).is_err());
//! ```

use std::collections::BTreeMap;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use smartpass_core::ids::ProjectCode;
use smartpass_platform::random::{random_bytes, random_key};
use smartpass_platform::{Error, Result};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const SALT: &[u8] = b"smartpass/wrap/v1";
const ID_BYTES: usize = 4;
const NONCE_BYTES: usize = 12;
const WRAPPED_BYTES: usize = ID_BYTES + NONCE_BYTES + 32 + 16;

/// The first bytes of a digest of the master key, which say under which master key a key was wrapped.
type MasterKeyId = [u8; ID_BYTES];

/// The key from which all wrapping keys are derived: 32 bytes, from the environment or a file.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; 32]);

/// The purpose of a wrapped key. The names are part of the derivation and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// A project's keys, which seal and open its links.
    Link,
    /// Pass records.
    Record,
    /// A job's blobs.
    JobData,
    /// Recipients of notifications.
    Contact,
    /// Browser sessions.
    Session,
    /// Signing certificates of passes.
    Certificate,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 6] =
        [Self::Link, Self::Record, Self::JobData, Self::Contact, Self::Session, Self::Certificate];

    fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Record => "record",
            Self::JobData => "job data",
            Self::Contact => "contact",
            Self::Session => "session",
            Self::Certificate => "certificate",
        }
    }
}

impl MasterKey {
    /// The master key in 64 hexadecimal digits.
    ///
    /// # Errors
    /// The text is anything else; the message does not repeat it.
    pub fn from_hex(digits: &str) -> Result<Self> {
        key_of_hex(digits.trim()).map(|key| Self(*key)).ok_or_else(|| {
            Error::Config(
                "the master key is not valid (expected 64 hexadecimal digits; make one with: openssl rand -hex 32)"
                    .to_owned(),
            )
        })
    }

    /// A new master key from the operating system's random source.
    ///
    /// # Errors
    /// There are no random numbers.
    pub fn generate() -> Result<Self> {
        Ok(Self(*random_key()?))
    }

    /// The key in hexadecimal digits, to be kept in a file.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(base16ct::lower::encode_string(&self.0))
    }

    /// The wrapping keys of some purposes.
    pub fn wrapping_keys(&self, purposes: &[Purpose]) -> WrappingKeys {
        let derived = Hkdf::<Sha256>::new(Some(SALT), &self.0);
        let key_of = |purpose: &Purpose| {
            let mut key = Zeroizing::new([0; 32]);
            derived
                .expand(purpose.name().as_bytes(), key.as_mut())
                .expect("32 bytes are less than HKDF's limit of 255 blocks");
            (*purpose, key)
        };
        WrappingKeys { master_key_id: self.id(), keys: purposes.iter().map(key_of).collect() }
    }

    fn id(&self) -> MasterKeyId {
        let digest: [u8; 32] =
            Sha256::new_with_prefix(b"smartpass/master-key-id\0").chain_update(self.0).finalize().into();
        [digest[0], digest[1], digest[2], digest[3]]
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// The wrapping keys that a process has: those of the purposes that it needs.
#[derive(Clone)]
pub struct WrappingKeys {
    master_key_id: MasterKeyId,
    keys: BTreeMap<Purpose, Zeroizing<[u8; 32]>>,
}

/// Wrapping keys as they stand in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct KeyFile {
    /// The id of the master key that they were derived from.
    master_key_id: String,
    /// 64 hexadecimal digits each.
    keys: BTreeMap<Purpose, Zeroizing<String>>,
}

impl WrappingKeys {
    /// The wrapping keys in a text of [`WrappingKeys::to_text`].
    ///
    /// # Errors
    /// The text is anything else; the message does not repeat it.
    pub fn from_text(text: &str) -> Result<Self> {
        let invalid = || {
            let remedy = "make them with: smartpass admin key derive --for SERVICE";
            Error::Config(format!("the wrapping keys are not valid ({remedy})"))
        };
        let file: KeyFile = toml::from_str(text).map_err(|_| invalid())?;
        let id = base16ct::mixed::decode_vec(&file.master_key_id).ok().and_then(|id| id.try_into().ok());
        let keys = file.keys.iter().map(|(purpose, digits)| Some((*purpose, key_of_hex(digits)?)));
        Ok(Self {
            master_key_id: id.ok_or_else(invalid)?,
            keys: keys.collect::<Option<_>>().ok_or_else(invalid)?,
        })
    }

    /// The keys as TOML, for a file that a process is started with.
    pub fn to_text(&self) -> Zeroizing<String> {
        let digits = |key: &Zeroizing<[u8; 32]>| Zeroizing::new(base16ct::lower::encode_string(&**key));
        let keys = self.keys.iter().map(|(purpose, key)| (*purpose, digits(key))).collect();
        let file = KeyFile { master_key_id: base16ct::lower::encode_string(&self.master_key_id), keys };
        Zeroizing::new(toml::to_string(&file).expect("names and digits are TOML"))
    }

    /// The wrapping keys of these purposes only.
    pub fn only(&self, purposes: &[Purpose]) -> Self {
        let mut keys = self.keys.clone();
        keys.retain(|purpose, _| purposes.contains(purpose));
        Self { master_key_id: self.master_key_id, keys }
    }

    /// Checks that all of these purposes have their key here.
    ///
    /// # Errors
    /// [`Error::Config`] names the first purpose without a key.
    pub fn require(&self, purposes: &[Purpose]) -> Result<()> {
        purposes.iter().try_for_each(|purpose| self.cipher(*purpose).map(|_| ()))
    }

    /// Wraps a key.
    ///
    /// # Errors
    /// The purpose's wrapping key is not here, or there are no random numbers.
    pub fn wrap(
        &self,
        purpose: Purpose,
        project: &ProjectCode,
        version: &str,
        key: &[u8; 32],
    ) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE_BYTES] = random_bytes()?;
        let mut text = Zeroizing::new(*key);
        let associated = associated(purpose, project, version);
        let sealed = self.cipher(purpose)?.encrypt_inout_detached(
            &nonce.into(),
            &associated,
            text.as_mut_slice().into(),
        );
        let tag = sealed.map_err(|_| Error::Limit("a key of 32 bytes cannot be wrapped".to_owned()))?;
        Ok([&self.master_key_id[..], &nonce, &*text, &tag].concat())
    }

    /// Unwraps a key that was wrapped for this purpose, project and version.
    ///
    /// # Errors
    /// [`Error::Damaged`] where it was wrapped for anything else; [`Error::Config`] where another master key wrapped
    /// it, or the purpose's wrapping key is not here.
    pub fn unwrap(
        &self,
        purpose: Purpose,
        project: &ProjectCode,
        version: &str,
        wrapped: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>> {
        let damaged = || Error::Damaged(format!("the {} key {version} of project {project}", purpose.name()));
        let cipher = self.cipher(purpose)?;
        let wrapped: &[u8; WRAPPED_BYTES] = wrapped.try_into().map_err(|_| damaged())?;
        let (id, rest) = wrapped.split_at(ID_BYTES);
        if id != self.master_key_id {
            return Err(Error::Config(format!(
                "a key of project {project} was wrapped with another master key (give the one that this state was \
                 made with)"
            )));
        }
        let (nonce, rest) = rest.split_at(NONCE_BYTES);
        let (text, tag) = rest.split_at(32);
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(text);
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| damaged())?;
        let tag: [u8; 16] = tag.try_into().map_err(|_| damaged())?;
        let associated = associated(purpose, project, version);
        cipher
            .decrypt_inout_detached(&nonce.into(), &associated, key.as_mut_slice().into(), &tag.into())
            .map_err(|_| damaged())?;
        Ok(key)
    }

    fn cipher(&self, purpose: Purpose) -> Result<Aes256Gcm> {
        let key = self.keys.get(&purpose).ok_or_else(|| {
            Error::Config(format!(
                "this process was not given the wrapping key for {:?} (make its keys with: smartpass admin key derive \
                 --for SERVICE)",
                purpose.name()
            ))
        })?;
        Ok(Aes256Gcm::new((&**key).into()))
    }
}

impl std::fmt::Debug for WrappingKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("WrappingKeys").field(&self.keys.keys().collect::<Vec<_>>()).finish()
    }
}

fn key_of_hex(digits: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = base16ct::mixed::decode_vec(digits).ok().map(Zeroizing::new)?;
    Some(Zeroizing::new(<[u8; 32]>::try_from(bytes.as_slice()).ok()?))
}

fn associated(purpose: Purpose, project: &ProjectCode, version: &str) -> Vec<u8> {
    let parts = ["smartpass/wrap/v1", purpose.name(), project.as_str(), version];
    parts.join("\0").into_bytes()
}
