//! Positions of the bytes that give a CSV its structure, found 64 bytes at a time.

use wide::u8x16;

const BLOCK: usize = 64;

/// Walks the positions, in order, of delimiters, quotes, line feeds and carriage returns.
///
/// One comparison of 16 bytes costs what a comparison of one byte does, and cells are short: a call of `memchr`
/// per cell would cost more than the cell.
pub(super) struct Structure<'a> {
    bytes: &'a [u8],
    next_block: usize,
    base: usize,
    mask: u64,
    needles: [u8x16; 4],
}

impl<'a> Structure<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8], delimiter: u8) -> Self {
        let needles = [delimiter, b'"', b'\n', b'\r'].map(u8x16::splat);
        Self { bytes, next_block: 0, base: 0, mask: 0, needles }
    }

    /// The next structural position, or `None` at the end.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<usize> {
        while self.mask == 0 {
            let block = block_at(self.bytes, self.next_block)?;
            self.base = self.next_block;
            self.next_block += BLOCK;
            let [delimiter, quote, line_feed, carriage_return] = self.needles;
            self.mask = mask_of(&block, |lane| {
                (lane.simd_eq(delimiter) | lane.simd_eq(quote))
                    | (lane.simd_eq(line_feed) | lane.simd_eq(carriage_return))
            });
        }
        let position = self.base + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some(position)
    }
}

/// Up to 64 bytes at `start`, the rest filled with zeros (which are never structural).
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
