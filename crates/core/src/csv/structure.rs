//! Positions of the bytes that give a CSV its structure, found 64 bytes at a time.

use wide::u8x16;

use crate::cpu_features;

const BLOCK: usize = 64;

/// The number of positions found at once: enough for a long loop, few enough for the first-level cache.
const AHEAD: usize = 512;

/// Walks the positions, in order, of delimiters, quotes, line feeds and carriage returns.
///
/// A comparison of 16 bytes costs as much as a comparison of one byte, and cells are short: a call of `memchr` per cell
/// would cost more than the cell. Positions are found ahead of their use, because the end of a short loop is
/// mispredicted about once per block.
pub(super) struct Structure<'a> {
    bytes: &'a [u8],
    next_block: usize,
    needles: [u8x16; 4],
    found: Box<[u32; AHEAD + BLOCK]>,
    used: usize,
    length: usize,
}

impl<'a> Structure<'a> {
    pub(super) fn new(bytes: &'a [u8], delimiter: u8) -> Self {
        let needles = [delimiter, b'"', b'\n', b'\r'].map(u8x16::splat);
        Self { bytes, next_block: 0, needles, found: Box::new([0; AHEAD + BLOCK]), used: 0, length: 0 }
    }

    /// The next structural position, or `None` at the end.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<usize> {
        if self.used == self.length && !self.look_ahead() {
            return None;
        }
        let position = self.found[self.used];
        self.used += 1;
        Some(position as usize)
    }

    #[cold]
    fn look_ahead(&mut self) -> bool {
        cpu_features::run(LookAhead(self))
    }

    #[inline(always)]
    fn fill(&mut self) -> bool {
        (self.used, self.length) = (0, 0);
        let [delimiter, quote, line_feed, carriage_return] = self.needles;
        while self.length < AHEAD {
            let Some(block) = block_at(self.bytes, self.next_block) else { break };
            let mask = mask_of(&block, |lane| {
                (lane.simd_eq(delimiter) | lane.simd_eq(quote))
                    | (lane.simd_eq(line_feed) | lane.simd_eq(carriage_return))
            });
            self.push_positions(mask);
            self.next_block += BLOCK;
        }
        self.length > 0
    }

    /// Writes the mask's positions, eight at a time. The next block overwrites the excess.
    #[inline(always)]
    fn push_positions(&mut self, mut mask: u64) {
        let count = mask.count_ones() as usize;
        let room = &mut self.found[self.length..self.length + BLOCK];
        for eight in room.chunks_exact_mut(8).take(count.div_ceil(8)) {
            for position in eight {
                *position = self.next_block as u32 + mask.trailing_zeros();
                mask &= mask.wrapping_sub(1);
            }
        }
        self.length += count;
    }
}

struct LookAhead<'s, 'a>(&'s mut Structure<'a>);

impl cpu_features::Work for LookAhead<'_, '_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        self.0.fill()
    }
}

/// Up to 64 bytes at `start`, filled up with zeros, which are never structural.
#[inline(always)]
pub(super) fn block_at(bytes: &[u8], start: usize) -> Option<[u8; BLOCK]> {
    if let Some(block) = bytes.get(start..start + BLOCK) {
        return block.try_into().ok();
    }
    let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
    let mut block = [0; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    Some(block)
}

/// One bit per byte of the block for which `matches` answers all ones.
#[inline(always)]
pub(super) fn mask_of(block: &[u8; BLOCK], matches: impl Fn(u8x16) -> u8x16) -> u64 {
    let mut mask = 0;
    for (index, sixteen) in block.as_chunks::<16>().0.iter().enumerate() {
        mask |= u64::from(matches(u8x16::new(*sixteen)).to_bitmask()) << (16 * index);
    }
    mask
}
