//! AES-256-GCM with AES-NI and PCLMULQDQ: eight blocks at a time keep the processor's units busy.
//!
//! The method is that of S. Gueron and M. Kounavis, "Intel Carry-Less Multiplication Instruction and its Usage for
//! Computing the GCM Mode", in the form of POLYVAL (RFC 8452, appendix A), whose bytes are in the processor's order.
//! No branch and no memory index depends on secret data.

use std::arch::x86_64::{
    __m128i, _mm_aesenc_si128, _mm_aesenclast_si128, _mm_aeskeygenassist_si128, _mm_clmulepi64_si128,
    _mm_set_epi32, _mm_set_epi64x, _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_slli_si128, _mm_srli_si128,
    _mm_xor_si128,
};

use zeroize::{Zeroize, ZeroizeOnDrop};

const BLOCK: usize = 16;
const ROUNDS: usize = 14;

/// The number of blocks handled together: enough to hide the latency of an AES round, and the size of a typical link.
const GROUP: usize = 8;

/// A key's schedule; it exists only where the processor has the instructions.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(in crate::link) struct Gcm {
    round_keys: [__m128i; ROUNDS + 1],
    /// The powers 1 to 8 of the hash key.
    hash_powers: [__m128i; GROUP],
}

impl Gcm {
    /// The key's schedule; `None` where the processor lacks AES-NI, PCLMULQDQ or AVX.
    pub(super) fn new(key: &[u8; 32]) -> Option<Self> {
        let supported = is_x86_feature_detected!("aes")
            && is_x86_feature_detected!("pclmulqdq")
            && is_x86_feature_detected!("avx");
        #[expect(unsafe_code, reason = "the features were just detected; see the module for what they bring")]
        // SAFETY: the processor has every feature that `schedule` is compiled for.
        supported.then(|| unsafe { schedule(key) })
    }

    /// As [`super::Gcm::seal`].
    #[inline(always)]
    pub(super) fn seal(&self, nonce: u32, associated: &[u8], text: &mut [u8]) -> [u8; BLOCK] {
        #[expect(unsafe_code, reason = "a `Gcm` is the proof that the features are there")]
        // SAFETY: `new` makes a `Gcm` only after it detected every feature that `seal` is compiled for.
        unsafe {
            seal(self, nonce, associated, text)
        }
    }
}

#[target_feature(enable = "aes,pclmulqdq,avx")]
fn schedule(key: &[u8; 32]) -> Gcm {
    let (low, high) = key.split_at(BLOCK);
    let mut keys = [zero(); ROUNDS + 1];
    (keys[0], keys[1]) = (load(low), load(high));
    expand::<0x01>(&mut keys, 2);
    expand::<0x02>(&mut keys, 4);
    expand::<0x04>(&mut keys, 6);
    expand::<0x08>(&mut keys, 8);
    expand::<0x10>(&mut keys, 10);
    expand::<0x20>(&mut keys, 12);
    expand::<0x40>(&mut keys, 14);

    let mut gcm = Gcm { round_keys: keys, hash_powers: [zero(); GROUP] };
    let [zero_encrypted, ..] = encrypt_blocks(&gcm, [zero(); GROUP]);
    let hash_key = bytemuck::cast(polyval_key(bytemuck::cast(reversed(zero_encrypted))));
    gcm.hash_powers[0] = hash_key;
    for power in 1..GROUP {
        gcm.hash_powers[power] = reduce(multiply(gcm.hash_powers[power - 1], hash_key));
    }
    gcm
}

/// Round keys `at` and, but for the last step, `at + 1` (FIPS 197 §5.2).
#[target_feature(enable = "aes,avx")]
fn expand<const ROUND_CONSTANT: i32>(keys: &mut [__m128i; ROUNDS + 1], at: usize) {
    let word = _mm_shuffle_epi32::<0xff>(_mm_aeskeygenassist_si128::<ROUND_CONSTANT>(keys[at - 1]));
    keys[at] = _mm_xor_si128(running_xor(keys[at - 2]), word);
    if at < ROUNDS {
        let word = _mm_shuffle_epi32::<0xaa>(_mm_aeskeygenassist_si128::<0>(keys[at]));
        keys[at + 1] = _mm_xor_si128(running_xor(keys[at - 1]), word);
    }
}

/// Each of the four words, exclusive-ored with all words before it.
#[target_feature(enable = "avx")]
fn running_xor(words: __m128i) -> __m128i {
    let words = _mm_xor_si128(words, _mm_slli_si128::<4>(words));
    _mm_xor_si128(words, _mm_slli_si128::<8>(words))
}

#[inline]
#[target_feature(enable = "aes,pclmulqdq,avx")]
fn seal(gcm: &Gcm, nonce: u32, associated: &[u8], text: &mut [u8]) -> [u8; BLOCK] {
    let mut hash = Hash { sum: zero(), group: [zero(); GROUP], filled: 0 };
    for piece in associated.chunks(BLOCK) {
        hash.push(gcm, load(piece));
    }
    // Counter 1 masks the tag; the text starts at counter 2.
    let mut counter = 1;
    let mut keystream = encrypt_blocks(gcm, counters(nonce, counter));
    let tag_mask = keystream[0];
    let mut used = 1;
    let bits = |length: usize| (length as u64 * 8).swap_bytes() as i64;
    let lengths = _mm_set_epi64x(bits(text.len()), bits(associated.len()));
    let (blocks, rest) = text.as_chunks_mut::<BLOCK>();
    for block in blocks {
        if used == GROUP {
            counter += GROUP as u32;
            keystream = encrypt_blocks(gcm, counters(nonce, counter));
            used = 0;
        }
        let sealed = _mm_xor_si128(bytemuck::cast(*block), keystream[used]);
        *block = bytemuck::cast(sealed);
        hash.push(gcm, sealed);
        used += 1;
    }
    if !rest.is_empty() {
        if used == GROUP {
            keystream = encrypt_blocks(gcm, counters(nonce, counter + GROUP as u32));
            used = 0;
        }
        let sealed: [u8; BLOCK] = bytemuck::cast(_mm_xor_si128(load(rest), keystream[used]));
        // The keystream behind the text's end is neither written nor hashed.
        rest.copy_from_slice(&sealed[..rest.len()]);
        hash.push(gcm, load(rest));
    }
    hash.push(gcm, lengths);
    hash.flush(gcm);
    bytemuck::cast(_mm_xor_si128(reversed(hash.sum), tag_mask))
}

/// Eight successive counter blocks: the nonce in bytes 8 to 11, the counter in the last four, both big-endian.
#[inline]
#[target_feature(enable = "avx")]
fn counters(nonce: u32, first: u32) -> [__m128i; GROUP] {
    let big_endian = |number: u32| number.swap_bytes() as i32;
    let mut blocks = [zero(); GROUP];
    for (block, counter) in blocks.iter_mut().zip(first..) {
        *block = _mm_set_epi32(big_endian(counter), big_endian(nonce), 0, 0);
    }
    blocks
}

/// AES-256 of eight blocks.
#[inline]
#[target_feature(enable = "aes,avx")]
fn encrypt_blocks(gcm: &Gcm, mut blocks: [__m128i; GROUP]) -> [__m128i; GROUP] {
    let keys = &gcm.round_keys;
    for block in &mut blocks {
        *block = _mm_xor_si128(*block, keys[0]);
    }
    for key in &keys[1..ROUNDS] {
        for block in &mut blocks {
            *block = _mm_aesenc_si128(*block, *key);
        }
    }
    for block in &mut blocks {
        *block = _mm_aesenclast_si128(*block, keys[ROUNDS]);
    }
    blocks
}

/// GHASH, with blocks gathered so that eight share one reduction.
struct Hash {
    sum: __m128i,
    group: [__m128i; GROUP],
    filled: usize,
}

impl Hash {
    #[inline]
    #[target_feature(enable = "pclmulqdq,avx")]
    fn push(&mut self, gcm: &Gcm, block: __m128i) {
        if self.filled == GROUP {
            self.flush(gcm);
        }
        self.group[self.filled] = reversed(block);
        self.filled += 1;
    }

    /// Adds up the group: its first block, with the sum so far, times the highest power, and so on.
    #[inline]
    #[target_feature(enable = "pclmulqdq,avx")]
    fn flush(&mut self, gcm: &Gcm) {
        self.group[0] = _mm_xor_si128(self.group[0], self.sum);
        let powers = &gcm.hash_powers;
        // The constant length of a full group, the common case, lets the compiler unroll the loop.
        self.sum = match self.filled {
            GROUP => weighted_sum(&self.group, powers),
            filled => weighted_sum(&self.group[..filled], &powers[..filled]),
        };
        self.filled = 0;
    }
}

/// The sum of the blocks, each times the power of its distance from the end.
#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn weighted_sum(blocks: &[__m128i], powers: &[__m128i]) -> __m128i {
    let mut total = Product { low: zero(), middle: zero(), high: zero() };
    for (block, power) in blocks.iter().zip(powers.iter().rev()) {
        total = add(total, multiply(*block, *power));
    }
    reduce(total)
}

/// A product of 256 bits that is not reduced yet: `low`, `middle` and `high` are 64 bits apart.
#[derive(Clone, Copy)]
struct Product {
    low: __m128i,
    middle: __m128i,
    high: __m128i,
}

#[inline]
#[target_feature(enable = "avx")]
fn add(one: Product, other: Product) -> Product {
    Product {
        low: _mm_xor_si128(one.low, other.low),
        middle: _mm_xor_si128(one.middle, other.middle),
        high: _mm_xor_si128(one.high, other.high),
    }
}

#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn multiply(one: __m128i, other: __m128i) -> Product {
    let crossed = _mm_clmulepi64_si128::<0x01>(one, other);
    Product {
        low: _mm_clmulepi64_si128::<0x00>(one, other),
        middle: _mm_xor_si128(crossed, _mm_clmulepi64_si128::<0x10>(one, other)),
        high: _mm_clmulepi64_si128::<0x11>(one, other),
    }
}

/// The product times x^-128 modulo x^128 + x^127 + x^126 + x^121 + 1, in two steps of 64 bits.
#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn reduce(product: Product) -> __m128i {
    let polynomial = _mm_set_epi64x(0xc200_0000_0000_0000_u64 as i64, 1);
    let mut low = _mm_xor_si128(product.low, _mm_slli_si128::<8>(product.middle));
    let high = _mm_xor_si128(product.high, _mm_srli_si128::<8>(product.middle));
    for _ in 0..2 {
        let folded = _mm_clmulepi64_si128::<0x10>(low, polynomial);
        low = _mm_xor_si128(_mm_shuffle_epi32::<0x4e>(low), folded);
    }
    _mm_xor_si128(high, low)
}

/// The key of POLYVAL for a key of GHASH: multiplied by x (RFC 8452, appendix A).
fn polyval_key(key: u128) -> u128 {
    const REDUCTION: u128 = 0xc200_0000_0000_0000_0000_0000_0000_0001;
    let carry = 0_u128.wrapping_sub(key >> 127);
    (key << 1) ^ (carry & REDUCTION)
}

#[inline(always)]
fn zero() -> __m128i {
    bytemuck::Zeroable::zeroed()
}

/// Up to 16 bytes, filled up with zeros.
#[inline(always)]
fn load(bytes: &[u8]) -> __m128i {
    if let Ok(block) = <[u8; BLOCK]>::try_from(bytes) {
        return bytemuck::cast(block);
    }
    let mut block = [0; BLOCK];
    block[..bytes.len()].copy_from_slice(bytes);
    bytemuck::cast(block)
}

/// The bytes in reverse order.
#[inline]
#[target_feature(enable = "avx")]
fn reversed(block: __m128i) -> __m128i {
    _mm_shuffle_epi8(block, _mm_set_epi64x(0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f))
}
