//! Keys at rest: wrapped under the master key, unwrapped only in memory.
//!
//! A wrapped key is the master key's id (4 bytes of its SHA-256), 12 random bytes, and AES-256-GCM of the key under
//! the master key, with `smartpass/wrap/v1`, purpose, project and version authenticated: a wrapped key copied to
//! another place does not unwrap there.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use sha2::{Digest, Sha256};
use smartpass_core::ids::{ProjectCode, decode_hex, encode_hex};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::error::{Error, Result};

const ID_BYTES: usize = 4;
const NONCE_BYTES: usize = 12;
const WRAPPED_BYTES: usize = ID_BYTES + NONCE_BYTES + 32 + 16;

/// The key that wraps all others: 32 bytes, from the environment or a file.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; 32]);

/// What a wrapped key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Sealing links.
    Link,
    /// Sealing a job's blobs.
    JobData,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::JobData => "job data",
        }
    }
}

impl MasterKey {
    /// From 64 hexadecimal digits.
    ///
    /// # Errors
    /// Anything else; the message does not repeat it.
    pub fn from_hex(digits: &str) -> Result<Self> {
        let bytes = decode_hex(digits.trim()).map(Zeroizing::new);
        let key = bytes.as_ref().and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
        key.map(Self).ok_or_else(|| {
            Error::Setting(
                "the master key is not valid (expected 64 hexadecimal digits; make one with: openssl rand -hex 32)"
                    .to_owned(),
            )
        })
    }

    /// A new one from the operating system's random source.
    ///
    /// # Errors
    /// There are no random numbers.
    pub fn generate() -> Result<Self> {
        Ok(Self(*random_key()?))
    }

    /// As hexadecimal digits, for keeping it.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(encode_hex(&self.0))
    }

    /// Wraps a key.
    ///
    /// # Errors
    /// There are no random numbers.
    pub fn wrap(
        &self,
        purpose: Purpose,
        project: &ProjectCode,
        version: &str,
        key: &[u8; 32],
    ) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE_BYTES] = random_bytes()?;
        let mut text = *key;
        let associated = associated(purpose, project, version);
        let sealed =
            self.cipher().encrypt_inout_detached(&nonce.into(), &associated, text.as_mut_slice().into());
        let tag = sealed.map_err(|_| Error::Setting("a key cannot be wrapped".to_owned()))?;
        Ok([&self.id()[..], &nonce, &text, &tag].concat())
    }

    /// Unwraps a key that was wrapped for exactly this.
    ///
    /// # Errors
    /// [`Error::Damaged`] for anything else; [`Error::Setting`] where another master key wrapped it.
    pub fn unwrap(
        &self,
        purpose: Purpose,
        project: &ProjectCode,
        version: &str,
        wrapped: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>> {
        let damaged = || Error::Damaged(format!("the {} key {version} of project {project}", purpose.name()));
        let wrapped: &[u8; WRAPPED_BYTES] = wrapped.try_into().map_err(|_| damaged())?;
        let (id, rest) = wrapped.split_at(ID_BYTES);
        if id != self.id() {
            return Err(Error::Setting(format!(
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
        self.cipher()
            .decrypt_inout_detached(&nonce.into(), &associated, key.as_mut_slice().into(), &tag.into())
            .map_err(|_| damaged())?;
        Ok(key)
    }

    fn id(&self) -> [u8; ID_BYTES] {
        let digest: [u8; 32] =
            Sha256::new_with_prefix(b"smartpass/master-key-id\0").chain_update(self.0).finalize().into();
        [digest[0], digest[1], digest[2], digest[3]]
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&self.0.into())
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// 32 bytes from the operating system's random source.
///
/// # Errors
/// There are none to be had.
pub fn random_key() -> Result<Zeroizing<[u8; 32]>> {
    Ok(Zeroizing::new(random_bytes()?))
}

/// Bytes from the operating system's random source, for names.
///
/// # Errors
/// There are none to be had.
pub fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::unavailable("the random source", error))?;
    Ok(bytes)
}

fn associated(purpose: Purpose, project: &ProjectCode, version: &str) -> Vec<u8> {
    let parts = ["smartpass/wrap/v1", purpose.name(), project.as_str(), version];
    parts.join("\0").into_bytes()
}
