//! AES-256-GCM (NIST SP 800-38D) for many short messages under one key.
//!
//! A link has about a hundred bytes. The `aes-gcm` crate spends most of such a message's time on waits: it encrypts
//! the first counter block, the others and the authentication blocks one after the other, each behind a call that the
//! compiler does not inline. On x86-64 processors with AES-NI, PCLMULQDQ and AVX, [`x86`] handles eight blocks at a
//! time, in half the time (`load-tests/benches/row.rs` measures both). On other processors the crate seals. It does
//! all opening, and the tests compare every result with it.

#[cfg(target_arch = "x86_64")]
mod x86;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};

pub(super) const TAG_BYTES: usize = 16;

/// A key ready to seal messages whose nonce is a number below 2^32.
pub(super) enum Gcm {
    #[cfg(target_arch = "x86_64")]
    X86(Box<x86::Gcm>),
    Portable(Box<Aes256Gcm>),
}

impl Gcm {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(gcm) = x86::Gcm::new(key) {
            return Self::X86(Box::new(gcm));
        }
        Self::portable(key)
    }

    fn portable(key: &[u8; 32]) -> Self {
        Self::Portable(Box::new(Aes256Gcm::new(key.into())))
    }

    /// Encrypts `text` in place and answers the tag over it and `associated`.
    ///
    /// The nonce is `nonce` as 12 bytes, big-endian; no two messages under a key may have the same.
    #[inline(always)]
    pub(super) fn seal(&self, nonce: u32, associated: &[u8], text: &mut [u8]) -> [u8; TAG_BYTES] {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::X86(gcm) => gcm.seal(nonce, associated, text),
            Self::Portable(gcm) => {
                let mut wide_nonce = [0; 12];
                wide_nonce[8..].copy_from_slice(&nonce.to_be_bytes());
                let tag = gcm.encrypt_inout_detached(&wide_nonce.into(), associated, text.into());
                tag.expect("a token is far shorter than AES-GCM's limit of 64 GiB").0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Gcm;

    proptest! {
        #[test]
        fn every_implementation_seals_what_the_aes_gcm_crate_seals(
            key: [u8; 32],
            nonce: u32,
            associated in proptest::collection::vec(any::<u8>(), 0..40),
            text in proptest::collection::vec(any::<u8>(), 0..700),
        ) {
            let (mut sealed, mut expected) = (text.clone(), text);
            let expected_tag = Gcm::portable(&key).seal(nonce, &associated, &mut expected);
            let tag = Gcm::new(&key).seal(nonce, &associated, &mut sealed);
            prop_assert_eq!((sealed, tag), (expected, expected_tag));
        }
    }

    #[test]
    fn a_published_vector_comes_out() {
        // McGrew and Viega, "The Galois/Counter Mode of Operation", test case 14: zero key, nonce and block.
        let mut text = [0; 16];
        let tag = Gcm::new(&[0; 32]).seal(0, &[], &mut text);
        assert_eq!(u128::from_be_bytes(text), 0xcea7_403d_4d60_6b6e_074e_c5d3_baf3_9d18);
        assert_eq!(u128::from_be_bytes(tag), 0xd0d1_c8a7_9999_6bf0_265b_98b5_d48a_b919);
    }
}
