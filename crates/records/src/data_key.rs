//! Sealing blobs: AES-256-GCM under the job's own data key.
//!
//! A sealed blob is 12 random bytes (the nonce), the ciphertext, and the 16-byte tag. The path is authenticated data,
//! so that no blob can stand in for another. The tag is recorded elsewhere (in the state, in the manifest), so that no
//! older version of a blob can stand in for the newest. A job has far fewer than the 2^32 blobs that random nonces
//! allow (NIST SP 800-38D §8.3).
//!
//! ```
//! use smartpass_records::data_key::DataKey;
//! let key = DataKey::generate().unwrap();
//! let sealed = key.seal("jobs/1/in/0", b"a row".to_vec()).unwrap();
//! let bytes: Vec<u8> = sealed.pieces.concat();
//! assert_eq!(key.open("jobs/1/in/0", sealed.tag, bytes.clone().into()).unwrap(), "a row");
//! assert!(key.open("jobs/1/in/1", sealed.tag, bytes.into()).is_err(), "sealed for its path");
//! ```

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use bytes::{Bytes, BytesMut};
use smartpass_core::ids::Tag;
use smartpass_platform::random::{random_bytes, random_key};
use smartpass_platform::{Error, Result};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const PURPOSE: &[u8] = b"smartpass/blob/v1\0";

/// A job's data key: wiped when dropped, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DataKey([u8; 32]);

/// A blob as it is stored, in pieces, so that nothing is copied to put it together.
pub struct SealedBlob {
    /// The pieces of the stored bytes, in order.
    pub pieces: [Bytes; 3],
    /// Its tag.
    pub tag: Tag,
    /// The length of the plaintext.
    pub plain_bytes: u64,
}

impl DataKey {
    /// A new key from the operating system's random source.
    ///
    /// # Errors
    /// There are no random numbers.
    pub fn generate() -> Result<Self> {
        Ok(Self(*random_key()?))
    }

    /// The key itself, for wrapping it.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals `text` for `path`.
    ///
    /// # Errors
    /// The operating system gives no random numbers.
    pub fn seal(&self, path: &str, mut text: Vec<u8>) -> Result<SealedBlob> {
        let nonce: [u8; NONCE_BYTES] = random_bytes()?;
        let tag = self
            .cipher()
            .encrypt_inout_detached(&nonce.into(), &associated(path), text.as_mut_slice().into())
            .map_err(|_| Error::Limit("a blob over 64 GiB cannot be sealed".to_owned()))?;
        let tag = <[u8; TAG_BYTES]>::from(tag);
        let plain_bytes = text.len() as u64;
        let pieces = [Bytes::copy_from_slice(&nonce), text.into(), Bytes::copy_from_slice(&tag)];
        Ok(SealedBlob { pieces, tag: tag.into(), plain_bytes })
    }

    /// Opens what was sealed for `path` with exactly this tag.
    ///
    /// # Errors
    /// [`Error::Damaged`]: the bytes, the path or the tag is another.
    pub fn open(&self, path: &str, tag: Tag, sealed: Bytes) -> Result<Bytes> {
        let damaged = || Error::Damaged(format!("blob {path}"));
        let mut sealed = sealed.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        if sealed.len() < NONCE_BYTES + TAG_BYTES {
            return Err(damaged());
        }
        let found = sealed.split_off(sealed.len() - TAG_BYTES);
        let nonce = sealed.split_to(NONCE_BYTES);
        let nonce: [u8; NONCE_BYTES] = nonce[..].try_into().map_err(|_| damaged())?;
        if !bool::from(found[..].ct_eq(&tag.0)) {
            return Err(damaged());
        }
        self.cipher()
            .decrypt_inout_detached(
                &nonce.into(),
                &associated(path),
                sealed[..].as_mut().into(),
                &tag.0.into(),
            )
            .map_err(|_| damaged())?;
        Ok(sealed.freeze())
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&self.0.into())
    }
}

impl From<[u8; 32]> for DataKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(..)")
    }
}

fn associated(path: &str) -> Vec<u8> {
    [PURPOSE, path.as_bytes()].concat()
}
