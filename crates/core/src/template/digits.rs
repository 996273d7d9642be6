//! Parsing eight digits at once.

/// The number that eight characters spell, the first one in the lowest byte, and whether all are digits.
///
/// Neighbours are joined in three steps: digits to pairs, pairs to fours, fours to eight.
#[inline(always)]
pub(super) fn eight_digits(text: u64) -> (u64, bool) {
    const HIGH_HALVES: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    let past_nine = text.wrapping_add(0x0606_0606_0606_0606);
    let are_digits = text & HIGH_HALVES == ZEROS && past_nine & HIGH_HALVES == ZEROS;
    let digits = text & 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    let eight = fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff;
    (eight, are_digits)
}
