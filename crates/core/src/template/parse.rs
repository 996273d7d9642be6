//! Parsing and formatting of cells. Each value has exactly one spelling.

use super::calendar;
use super::digits::eight_digits;
use super::fault::{CellFault, malformed_or_not_utf8};

/// The offset, in minutes, that stands for `Z`.
const ZULU: i32 = 1441;

#[inline(always)]
pub(super) fn integer(text: &[u8]) -> Result<i64, CellFault> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let is_plain = match digits {
        b"0" => !negative,
        [b'1'..=b'9', ..] => true,
        _ => false,
    };
    match number(digits) {
        Digits::Number(number) if is_plain => Ok(if negative { -number } else { number }),
        Digits::Long if is_plain => long_number(digits, negative).ok_or(CellFault::OutOfRange),
        _ => Err(malformed_or_not_utf8(text)),
    }
}

enum Digits {
    Number(i64),
    /// More than 18 digits, which may not fit 64 bits.
    Long,
    Other,
}

/// Reads digits, eight at a time.
#[inline(always)]
fn number(text: &[u8]) -> Digits {
    if text.len() > 18 {
        return if text.iter().all(u8::is_ascii_digit) { Digits::Long } else { Digits::Other };
    }
    let (eights, rest) = text.as_chunks::<8>();
    let mut number = 0;
    let mut all_digits = true;
    for eight in eights {
        let (value, are_digits) = eight_digits(u64::from_le_bytes(*eight));
        number = number * 100_000_000 + value;
        all_digits &= are_digits;
    }
    for byte in rest {
        let digit = byte.wrapping_sub(b'0');
        all_digits &= digit < 10;
        number = number * 10 + u64::from(digit);
    }
    if all_digits { Digits::Number(number as i64) } else { Digits::Other }
}

/// The number of more than 18 digits, if it fits 64 bits with its sign.
#[cold]
fn long_number(digits: &[u8], negative: bool) -> Option<i64> {
    let mut number = 0i64;
    for digit in digits {
        let digit = i64::from(digit - b'0');
        number = number.checked_mul(10)?.checked_add(if negative { -digit } else { digit })?;
    }
    Some(number)
}

pub(super) fn decimal(text: &[u8]) -> Result<(i64, i64), CellFault> {
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let point = unsigned.iter().position(|&byte| byte == b'.');
    let (whole, fraction) = match point {
        Some(point) => (&unsigned[..point], &unsigned[point + 1..]),
        None => (unsigned, &[][..]),
    };
    let whole_is_plain = whole == b"0" || matches!(whole, [b'1'..=b'9', ..]);
    let fraction_fits = point.is_none() || (1..=18).contains(&fraction.len());
    if !whole_is_plain || !fraction_fits {
        return Err(malformed_or_not_utf8(text));
    }
    // More than 19 digits before the point are out of range: 20 are enough to see it.
    let whole = if whole.iter().all(u8::is_ascii_digit) { &whole[..whole.len().min(20)] } else { whole };
    let mut digits = [0; 40];
    let Some(room) = digits.get_mut(..whole.len() + fraction.len()) else {
        return Err(malformed_or_not_utf8(text));
    };
    room[..whole.len()].copy_from_slice(whole);
    room[whole.len()..].copy_from_slice(fraction);
    let digits = &*room;
    let unscaled = match number(digits) {
        Digits::Number(0) if negative => return Err(CellFault::Malformed),
        Digits::Number(number) => Some(if negative { -number } else { number }),
        Digits::Long if negative && digits.iter().all(|&digit| digit == b'0') => {
            return Err(CellFault::Malformed);
        }
        Digits::Long => long_number(digits, negative),
        Digits::Other => return Err(malformed_or_not_utf8(text)),
    };
    Ok((unscaled.ok_or(CellFault::OutOfRange)?, fraction.len() as i64))
}

pub(super) fn format_decimal(unscaled: i64, scale: i64) -> Option<String> {
    let scale = usize::try_from(scale).ok().filter(|&scale| scale <= 18)?;
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale > 0 { "." } else { "" };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

#[inline(always)]
pub(super) fn phone(text: &[u8]) -> Option<i64> {
    let [b'+', digits @ ..] = text else { return None };
    match number(digits) {
        Digits::Number(number) if (7..=15).contains(&digits.len()) && digits[0] != b'0' => Some(number),
        _ => None,
    }
}

/// The moment that a datetime names, in seconds since 1970-01-01T00:00:00Z.
pub(crate) fn moment(text: &[u8]) -> Option<i64> {
    datetime(text).map(|(seconds, _)| seconds)
}

#[inline(always)]
pub(super) fn datetime(text: &[u8]) -> Option<(i64, i32)> {
    let (local, zone) = text.split_at_checked(19)?;
    let seconds = calendar::parse_local_seconds(local)?;
    let offset = match zone {
        b"Z" => return Some((seconds, ZULU)),
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let minutes = calendar::parse_hours_and_minutes(rest)?;
            let negative = *sign == b'-';
            if negative && minutes == 0 {
                return None;
            }
            if negative { -minutes } else { minutes }
        }
        _ => return None,
    };
    Some((seconds - i64::from(offset) * 60, offset))
}

pub(super) fn format_datetime(seconds: i64, offset: i32) -> Option<String> {
    if offset == ZULU {
        return Some(calendar::format_local_seconds(seconds)? + "Z");
    }
    let minutes = offset.unsigned_abs();
    if minutes >= 1440 {
        return None;
    }
    let local = calendar::format_local_seconds(seconds.checked_add(i64::from(offset) * 60)?)?;
    let sign = if offset < 0 { '-' } else { '+' };
    Some(format!("{local}{sign}{:02}:{:02}", minutes / 60, minutes % 60))
}

/// The value of each lower-case hexadecimal digit; 0xff for every other byte.
const NIBBLES: [u8; 256] = {
    let mut values = [0xff; 256];
    let digits = b"0123456789abcdef";
    let mut value = 0;
    while value < 16 {
        values[digits[value] as usize] = value as u8;
        value += 1;
    }
    values
};

#[inline(always)]
pub(super) fn uuid(text: &[u8]) -> Option<[u8; 16]> {
    const PAIRS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let text: &[u8; 36] = text.try_into().ok()?;
    let mut wrong = (text[8] ^ b'-') | (text[13] ^ b'-') | (text[18] ^ b'-') | (text[23] ^ b'-');
    let mut uuid = [0; 16];
    for (byte, at) in uuid.iter_mut().zip(PAIRS) {
        let (high, low) = (NIBBLES[usize::from(text[at])], NIBBLES[usize::from(text[at + 1])]);
        wrong |= (high | low) & 0xf0;
        *byte = high << 4 | low;
    }
    (wrong == 0).then_some(uuid)
}

pub(super) fn format_uuid(bytes: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}
