//! AES-256-GCM (NIST SP 800-38D) for many short messages under one key.
//!
//! The `aes-gcm` crate handles a message's first counter block, its other blocks and its authentication one after
//! the other. For a hundred bytes the processor then waits more than it works. Here all counter blocks of a message
//! go to the `aes` crate in one call, and all of its blocks to the `polyval` crate in one call: half the time (see
//! `benches/row.rs`). The tests hold every result against the `aes-gcm` crate, which also does all opening.

use aes::Aes256Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use polyval::Polyval;
use polyval::universal_hash::UniversalHash;

const BLOCK: usize = 16;

/// Blocks handled in one call: as many as a typical link has.
const GROUP: usize = 8;

pub(super) const TAG_BYTES: usize = 16;

/// A key ready to seal messages whose nonce is a number below 2^32.
pub(super) struct Gcm {
    cipher: Aes256Enc,
    hash: Polyval,
}

impl Gcm {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let cipher = Aes256Enc::new(key.into());
        let mut hash_key = aes::Block::default();
        cipher.encrypt_block(&mut hash_key);
        let hash = Polyval::new(&ghash_key_as_polyval(hash_key.into()).into());
        Self { cipher, hash }
    }

    /// Encrypts `text` in place and answers the tag over it and `associated`.
    ///
    /// The nonce is `nonce` as 12 bytes, big-endian; no two messages under a key may have the same.
    #[inline(always)]
    pub(super) fn seal(&self, nonce: u32, associated: &[u8], text: &mut [u8]) -> [u8; TAG_BYTES] {
        let bits = |length: usize| length as u128 * 8;
        let lengths = bits(associated.len()) << 64 | bits(text.len());
        let mut hash = Hasher { hash: self.hash.clone(), group: Default::default(), filled: 0 };
        hash.absorb(associated);

        // Counter 1 masks the tag; the text starts at counter 2.
        let mut keystream = self.keystream(nonce, 1, 1 + text.len().div_ceil(BLOCK));
        let tag_mask = u128::from_be_bytes(keystream[0].0);
        let mut used = 1;
        let mut counter = 1;
        for piece in text.chunks_mut(BLOCK) {
            if used == GROUP {
                counter += GROUP as u32;
                keystream = self.keystream(nonce, counter, GROUP);
                used = 0;
            }
            let mut block = [0; BLOCK];
            block[..piece.len()].copy_from_slice(piece);
            let mask = u128::MAX << (8 * (BLOCK - piece.len()));
            let sealed = (u128::from_be_bytes(block) ^ u128::from_be_bytes(keystream[used].0)) & mask;
            piece.copy_from_slice(&sealed.to_be_bytes()[..piece.len()]);
            hash.push(sealed);
            used += 1;
        }
        hash.push(lengths);
        (hash.finish() ^ tag_mask).to_be_bytes()
    }

    /// The keystream from `counter` on: `blocks` blocks, at most a group.
    #[inline(always)]
    fn keystream(&self, nonce: u32, counter: u32, blocks: usize) -> [aes::Block; GROUP] {
        let mut group = [aes::Block::default(); GROUP];
        for (index, block) in group.iter_mut().enumerate() {
            let counted = u128::from(nonce) << 32 | u128::from(counter + index as u32);
            block.0 = counted.to_be_bytes();
        }
        self.cipher.encrypt_blocks(&mut group[..blocks.min(GROUP)]);
        group
    }
}

/// GHASH by way of POLYVAL, whose blocks are in reverse byte order (RFC 8452, appendix A).
struct Hasher {
    hash: Polyval,
    group: [polyval::Block; GROUP],
    filled: usize,
}

impl Hasher {
    #[inline(always)]
    fn absorb(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(BLOCK) {
            let mut block = [0; BLOCK];
            block[..piece.len()].copy_from_slice(piece);
            self.push(u128::from_be_bytes(block));
        }
    }

    #[inline(always)]
    fn push(&mut self, block: u128) {
        if self.filled == GROUP {
            self.hash.update(&self.group);
            self.filled = 0;
        }
        self.group[self.filled].0 = block.to_le_bytes();
        self.filled += 1;
    }

    #[inline(always)]
    fn finish(mut self) -> u128 {
        self.hash.update(&self.group[..self.filled]);
        u128::from_le_bytes(self.hash.finalize().0)
    }
}

/// GHASH's key as POLYVAL's: byte-reversed and multiplied by x (RFC 8452, appendix A).
fn ghash_key_as_polyval(key: [u8; BLOCK]) -> [u8; BLOCK] {
    const REDUCTION: u128 = 0xc200_0000_0000_0000_0000_0000_0000_0001;
    let key = u128::from_be_bytes(key);
    let carry = u128::MAX * (key >> 127);
    ((key << 1) ^ (carry & REDUCTION)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use aes_gcm::aead::AeadInOut;
    use aes_gcm::{Aes256Gcm, KeyInit};
    use proptest::prelude::*;

    use super::Gcm;

    proptest! {
        #[test]
        fn it_seals_what_the_aes_gcm_crate_seals(
            key: [u8; 32],
            nonce: u32,
            associated in proptest::collection::vec(any::<u8>(), 0..40),
            text in proptest::collection::vec(any::<u8>(), 0..700),
        ) {
            let mut wide_nonce = [0; 12];
            wide_nonce[8..].copy_from_slice(&nonce.to_be_bytes());
            let mut expected = text.clone();
            let expected_tag = Aes256Gcm::new(&key.into())
                .encrypt_inout_detached(&wide_nonce.into(), &associated, expected.as_mut_slice().into())
                .unwrap();
            let mut sealed = text;
            let tag = Gcm::new(&key).seal(nonce, &associated, &mut sealed);
            prop_assert_eq!(sealed, expected);
            prop_assert_eq!(tag, expected_tag.0);
        }
    }
}
