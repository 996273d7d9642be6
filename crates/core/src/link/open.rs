//! Opening links, with one answer for every bad one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use base64_simd::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::gcm::TAG_BYTES;
use super::keyring::Keyring;
use super::keys::{BatchKey, ProjectKey};
use super::token::{Expiry, LinkKind, MAX_TOKEN_BYTES, TokenHeader, take_number};
use crate::ids::{BatchId, KeyVersion, TemplateNumber};
use crate::template::Template;
use crate::template::resolve::{ResolveError, resolve};

/// An opened link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The token's header.
    pub header: TokenHeader,
    /// When the link expires; none for never.
    pub expires: Option<Expiry>,
    /// The fields' values in the template's order, as the cells' text; `None` where the cell was blank.
    pub values: Vec<Option<String>>,
    /// The values as Avro binary, zeroed on drop.
    datum: Zeroizing<Vec<u8>>,
}

/// The reason why a link does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The token is not genuine. The answer does not say why.
    #[error("this is not a link of the project")]
    BadToken,
    /// The link is genuine, and its key was revoked.
    #[error("the link has been revoked, with its key")]
    Revoked,
    /// The link is genuine, and has expired.
    #[error("the link has expired")]
    Expired(Expiry),
    /// The link is genuine, and its payload is broken: a bug in the writer.
    #[error("the link is genuine, but its payload is broken: this is a fault of SmartPass, please report it")]
    BrokenPayload,
}

/// Opens a project's links, from any number of threads. It caches the subkey of the last batch, since most links come
/// batch by batch.
pub struct Opener {
    keyring: Keyring,
    /// The schema digests, computed once, so that a forged token costs the same for a large and a small template.
    schema_digests: BTreeMap<TemplateNumber, [u8; 32]>,
    last_batch: Mutex<Option<(TokenHeader, Arc<Unseal>)>>,
    dummy: Aes256Gcm,
}

enum Unseal {
    Decrypt(Box<Aes256Gcm>),
    Verify(Box<Hmac<Sha256>>),
}

impl Unseal {
    /// Verifies the tag and decrypts `payload` in place; `None` where the token is not genuine.
    fn verify(
        &self,
        header: &TokenHeader,
        associated: &[u8],
        payload: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Option<()> {
        match self {
            Self::Decrypt(cipher) => {
                let mut nonce = [0; 12];
                nonce[8..].copy_from_slice(&header.row_number.to_be_bytes());
                cipher.decrypt_inout_detached(&nonce.into(), associated, payload.into(), tag.into()).ok()
            }
            Self::Verify(hmac) => {
                let hmac = Hmac::clone(hmac).chain_update(associated).chain_update(&*payload);
                hmac.verify_truncated_left(tag).ok()
            }
        }
    }
}

impl Opener {
    /// An opener for the keyring's project.
    pub fn new(keyring: Keyring) -> Self {
        let digest = |(number, template): (&TemplateNumber, &Template)| (*number, template.schema_digest());
        let schema_digests = keyring.templates.iter().map(digest).collect();
        Self { keyring, schema_digests, last_batch: Mutex::default(), dummy: Aes256Gcm::new(&[0; 32].into()) }
    }

    /// The keyring that it opens with.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Opens a token in base64url, as it is in a URL. `now` is in seconds since 1970-01-01T00:00:00Z; without it,
    /// expired links open too.
    ///
    /// # Errors
    /// [`OpenError`]. All tokens that fail up to their tag get the same error, and take about the same time.
    pub fn open(&self, token: &str, now: Option<i64>) -> Result<Opened, OpenError> {
        let longest = URL_SAFE_NO_PAD.encoded_length(MAX_TOKEN_BYTES);
        let bytes = (token.len() <= longest).then(|| URL_SAFE_NO_PAD.decode_to_vec(token).ok()).flatten();
        self.open_bytes(&bytes.unwrap_or_default(), now)
    }

    /// Opens a decoded token.
    ///
    /// # Errors
    /// As [`Opener::open`].
    pub fn open_bytes(&self, token: &[u8], now: Option<i64>) -> Result<Opened, OpenError> {
        let Some((header, payload)) = self.unseal(token) else {
            return Err(OpenError::BadToken);
        };
        if self.keyring.is_revoked(header.key_version) {
            return Err(OpenError::Revoked);
        }
        let mut rest = payload.as_slice();
        let hours = take_number(&mut rest).ok_or(OpenError::BrokenPayload)?;
        let expires = Expiry::from_hours(hours);
        if let Some(expiry) = expires.filter(|expiry| now.is_some_and(|now| now >= expiry.unix_seconds())) {
            return Err(OpenError::Expired(expiry));
        }
        let template = self.keyring.templates.get(&header.template_number).ok_or(OpenError::BrokenPayload)?;
        let values = template.decode(rest).ok_or(OpenError::BrokenPayload)?;
        Ok(Opened { header, expires, values, datum: Zeroizing::new(rest.to_vec()) })
    }

    /// The values of an opened link under `reader`, a newer version of the link's template.
    ///
    /// # Errors
    /// [`ResolveError`]: the link cannot be shown under this version.
    pub fn values_under(
        &self,
        opened: &Opened,
        reader: &Template,
    ) -> Result<Vec<Option<String>>, ResolveError> {
        let writer = self.keyring.templates.get(&opened.header.template_number);
        resolve(writer.ok_or(ResolveError::Datum)?, reader, &opened.datum)
    }

    fn unseal(&self, token: &[u8]) -> Option<(TokenHeader, Zeroizing<Vec<u8>>)> {
        let found = (token.len() <= MAX_TOKEN_BYTES)
            .then(|| TokenHeader::parse(token))
            .flatten()
            .filter(|(_, length)| token.len() >= length + TAG_BYTES);
        let batch = found.map(|(header, _)| TokenHeader { row_number: 0, ..header });
        let cached = batch.and_then(|batch| self.cached(batch));
        let is_cached = cached.is_some();
        let unseal = cached.or_else(|| self.unseal_of(batch?).map(Arc::new));
        let (Some((header, header_bytes)), Some(batch), Some(unseal)) = (found, batch, unseal) else {
            self.open_dummy(token);
            return None;
        };
        let (associated, body) = token.split_at(header_bytes);
        let (payload, tag) = body.split_last_chunk::<TAG_BYTES>()?;
        let mut payload = Zeroizing::new(payload.to_vec());
        if unseal.verify(&header, associated, &mut payload, tag).is_none() {
            // A forged token takes the same time whether its batch is cached or not.
            if is_cached {
                self.derive_dummy();
            }
            return None;
        }
        // Only the batch of a genuine link is cached: a forged token must not be faster the second time.
        if !is_cached {
            *self.last_batch() = Some((batch, unseal));
        }
        Some((header, payload))
    }

    fn last_batch(&self) -> MutexGuard<'_, Option<(TokenHeader, Arc<Unseal>)>> {
        self.last_batch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cached(&self, batch: TokenHeader) -> Option<Arc<Unseal>> {
        let last = self.last_batch();
        last.as_ref().filter(|(of, _)| *of == batch).map(|(_, unseal)| unseal.clone())
    }

    /// The cipher or HMAC of the batch; none where the project lacks its key or template.
    fn unseal_of(&self, header: TokenHeader) -> Option<Unseal> {
        let project_key = self.keyring.verifying_key(header.key_version)?;
        let schema_digest = self.schema_digests.get(&header.template_number)?;
        let batch = BatchKey {
            project: &self.keyring.project,
            kind: header.kind,
            key_version: header.key_version,
            template_number: header.template_number,
            batch_id: header.batch_id,
            schema_digest: *schema_digest,
        };
        let subkey = batch.subkey(project_key);
        Some(match header.kind {
            LinkKind::Encrypted => Unseal::Decrypt(Box::new(Aes256Gcm::new((&*subkey).into()))),
            LinkKind::Signed => Unseal::Verify(Box::new(
                Hmac::new_from_slice(subkey.as_ref()).expect("HMAC takes a key of any length"),
            )),
        })
    }

    /// Derives a subkey and discards it, for its time.
    fn derive_dummy(&self) {
        let batch = BatchKey {
            project: &self.keyring.project,
            kind: LinkKind::Encrypted,
            key_version: KeyVersion::MIN,
            template_number: TemplateNumber::MIN,
            batch_id: BatchId([0; 8]),
            schema_digest: [0; 32],
        };
        std::hint::black_box(batch.subkey(&ProjectKey::from([0; 32])));
    }

    /// Does the work of opening for a token that cannot be opened, so that its time tells little.
    fn open_dummy(&self, token: &[u8]) {
        self.derive_dummy();
        let mut text = token[..token.len().min(MAX_TOKEN_BYTES)].to_vec();
        let opened = self.dummy.decrypt_inout_detached(
            &[0; 12].into(),
            &[],
            text.as_mut_slice().into(),
            &[0; TAG_BYTES].into(),
        );
        let _ = std::hint::black_box(opened);
    }
}
