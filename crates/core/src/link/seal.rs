//! The cipher that seals rows into tokens.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::gcm::{Gcm, TAG_BYTES};
use super::keys::{BatchKey, ProjectKey};
use super::token::{LinkKind, push_number};

/// Seals the rows of one batch.
///
/// The nonce of a row is its number. A batch cipher must therefore never seal two different rows under one number, and
/// a batch id must never be used twice.
pub struct BatchCipher {
    prefix: Vec<u8>,
    expires_hours: u32,
    seal: Seal,
}

enum Seal {
    Encrypt(Gcm),
    Sign(Box<Hmac<Sha256>>),
}

impl BatchCipher {
    /// A cipher for the batch. `expires_hours` is in hours since 2020-01-01T00:00:00Z; 0 means never.
    pub fn new(project_key: &ProjectKey, batch: &BatchKey<'_>, expires_hours: u32) -> Self {
        let subkey = batch.subkey(project_key);
        let seal = match batch.kind {
            LinkKind::Encrypted => Seal::Encrypt(Gcm::new(&subkey)),
            LinkKind::Signed => Seal::Sign(Box::new(
                Hmac::new_from_slice(subkey.as_ref()).expect("HMAC takes a key of any length"),
            )),
        };
        Self { prefix: batch.header().batch_prefix(), expires_hours, seal }
    }

    /// Replaces `token` by the sealed bytes of row `row_number`, whose datum `write_datum` appends.
    ///
    /// # Errors
    /// `write_datum` fails; `token` is then not sealed.
    pub fn seal<E>(
        &self,
        row_number: u32,
        token: &mut Vec<u8>,
        write_datum: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let unsealed = self.begin(row_number, token);
        write_datum(token)?;
        self.finish(unsealed, token);
        Ok(())
    }

    /// Replaces `token` by the header of row `row_number` and the expiry. The caller appends the datum.
    ///
    /// `begin` and `finish` spare the encoder's loop a closure, which the compiler would not inline.
    #[inline(always)]
    pub(crate) fn begin(&self, row_number: u32, token: &mut Vec<u8>) -> Unsealed {
        token.clear();
        token.extend_from_slice(&self.prefix);
        push_number(row_number, token);
        let header_bytes = token.len();
        push_number(self.expires_hours, token);
        Unsealed { row_number, header_bytes }
    }

    /// Seals the token that [`Self::begin`] began.
    #[inline(always)]
    pub(crate) fn finish(&self, unsealed: Unsealed, token: &mut Vec<u8>) {
        match &self.seal {
            Seal::Encrypt(gcm) => {
                let (header, payload) = token.split_at_mut(unsealed.header_bytes);
                let tag = gcm.seal(unsealed.row_number, header, payload);
                token.extend_from_slice(&tag);
            }
            Seal::Sign(hmac) => {
                let mut hmac = Hmac::clone(hmac);
                hmac.update(token);
                token.extend_from_slice(&hmac.finalize().into_bytes()[..TAG_BYTES]);
            }
        }
    }
}

/// A token whose header is written and whose datum is not sealed yet.
pub(crate) struct Unsealed {
    row_number: u32,
    header_bytes: usize,
}
