//! Field types: which text a cell may hold, and how it is stored.
//!
//! Each type's text and its stored form stand in a one-to-one relation: what [`FieldType::encode`] accepts,
//! [`FieldType::decode`] gives back exactly. Anything else is refused, never silently changed.

use serde::{Deserialize, Serialize};

use super::calendar;

/// A field's type; the accepted text is specified in `schemas/link-v1.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    /// Any UTF-8 text.
    String,
    /// An address with one `@`, stored as text.
    Email,
    /// `https://` or `http://`, stored as text.
    Url,
    /// 64 bits signed, without leading zeros.
    Integer,
    /// Digits with up to 18 decimals.
    Decimal,
    /// `true` or `false`.
    Boolean,
    /// `yyyy-mm-dd`.
    Date,
    /// `yyyy-mm-ddThh:mm:ss` then `Z` or `±hh:mm`.
    Datetime,
    /// One of the field's symbols.
    Enum,
    /// Lower case, 8-4-4-4-12.
    Uuid,
    /// `+` and 7 to 15 digits (E.164).
    Phone,
}

/// Why a cell's text does not fit its field. It holds nothing of the cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellFault {
    /// Nothing, where something is required.
    Blank,
    /// Bytes that are no UTF-8.
    NotUtf8,
    /// Text that the type does not allow.
    Malformed,
    /// A number of the right form, too large for 64 bits.
    OutOfRange,
    /// More characters than the template allows.
    TooLong,
}

/// The offset, in minutes, that stands for `Z`.
const ZULU: i32 = 1441;

/// Phone numbers as numbers: 7 to 15 digits, no zero first.
const PHONE_DIGITS: std::ops::RangeInclusive<i64> = 1_000_000..=999_999_999_999_999;

impl FieldType {
    /// All types, the narrowest first: what inference tries in order. Types of the same bytes come later.
    pub const ALL: [Self; 11] = [
        Self::Boolean,
        Self::Integer,
        Self::Phone,
        Self::Date,
        Self::Datetime,
        Self::Uuid,
        Self::Decimal,
        Self::Enum,
        Self::Email,
        Self::Url,
        Self::String,
    ];

    /// The name in templates and in schema text.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Email => "email",
            Self::Url => "url",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Enum => "enum",
            Self::Uuid => "uuid",
            Self::Phone => "phone",
        }
    }

    /// What a row error says was expected.
    pub fn expected(self) -> &'static str {
        match self {
            Self::String => "text",
            Self::Email => "name@example.com",
            Self::Url => "https://…",
            Self::Integer => "digits without leading zeros, spaces or separators",
            Self::Decimal => "digits, at most 18 of them after a point",
            Self::Boolean => "true or false",
            Self::Date => "yyyy-mm-dd",
            Self::Datetime => "yyyy-mm-ddThh:mm:ssZ or with an offset such as +01:00",
            Self::Enum => "one of the template's symbols",
            Self::Uuid => "lower case, 8-4-4-4-12",
            Self::Phone => "+ and 7 to 15 digits, such as +447700900123",
        }
    }

    /// Appends `text`, which is not empty, as Avro binary (Avro 1.12 §Binary encoding).
    ///
    /// `is_utf8` says that the text is known to be UTF-8.
    ///
    /// # Errors
    /// Text that the type does not allow; `out` may then hold part of it.
    #[inline(always)]
    pub(crate) fn encode(
        self,
        text: &[u8],
        is_utf8: bool,
        symbols: &[String],
        out: &mut Vec<u8>,
    ) -> Result<(), CellFault> {
        match self {
            Self::String => {}
            Self::Email if is_email(text) => {}
            Self::Url if is_url(text) => {}
            Self::Email | Self::Url => return Err(malformed_or_not_utf8(text)),
            _ => return self.encode_parsed(text, symbols, out),
        }
        if !is_utf8 && std::str::from_utf8(text).is_err() {
            return Err(CellFault::NotUtf8);
        }
        push_long(text.len() as i64, out);
        out.extend_from_slice(text);
        Ok(())
    }

    #[inline(always)]
    fn encode_parsed(self, text: &[u8], symbols: &[String], out: &mut Vec<u8>) -> Result<(), CellFault> {
        match self {
            Self::Integer => push_long(parse_integer(text)?, out),
            Self::Phone => push_long(parse_phone(text).ok_or(CellFault::Malformed)?, out),
            Self::Enum => {
                let index = symbols.iter().position(|symbol| symbol.as_bytes() == text);
                push_long(index.ok_or_else(|| malformed_or_not_utf8(text))? as i64, out);
            }
            Self::Date => push_long(calendar::parse_date(text).ok_or(CellFault::Malformed)?, out),
            Self::Datetime => {
                let (seconds, offset) = parse_datetime(text).ok_or(CellFault::Malformed)?;
                push_long(seconds, out);
                push_long(i64::from(offset), out);
            }
            Self::Decimal => {
                let (unscaled, scale) = parse_decimal(text)?;
                push_long(unscaled, out);
                push_long(scale, out);
            }
            Self::Boolean => match text {
                b"true" => out.push(1),
                b"false" => out.push(0),
                _ => return Err(malformed_or_not_utf8(text)),
            },
            Self::Uuid => out.extend_from_slice(&parse_uuid(text).ok_or(CellFault::Malformed)?),
            Self::String | Self::Email | Self::Url => unreachable!("text is encoded as it is"),
        }
        Ok(())
    }

    /// Takes a value off the front of a datum; `None` where the datum is not one that [`Self::encode`] writes.
    pub(crate) fn decode(self, symbols: &[String], datum: &mut &[u8]) -> Option<String> {
        match self {
            Self::String | Self::Email | Self::Url => {
                // A blank is null, so no string of no bytes is ever written.
                let length = usize::try_from(take_long(datum)?).ok().filter(|&length| length > 0)?;
                let (text, rest) = datum.split_at_checked(length)?;
                *datum = rest;
                String::from_utf8(text.to_vec()).ok()
            }
            Self::Integer => take_long(datum).map(|number| number.to_string()),
            Self::Phone => {
                let digits = take_long(datum).filter(|digits| PHONE_DIGITS.contains(digits))?;
                Some(format!("+{digits}"))
            }
            Self::Enum => {
                let index = usize::try_from(take_long(datum)?).ok()?;
                symbols.get(index).cloned()
            }
            Self::Boolean => {
                let (&byte, rest) = datum.split_first()?;
                *datum = rest;
                (byte < 2).then(|| (byte == 1).to_string())
            }
            Self::Date => calendar::format_date(take_long(datum)?),
            Self::Datetime => format_datetime(take_long(datum)?, i32::try_from(take_long(datum)?).ok()?),
            Self::Decimal => format_decimal(take_long(datum)?, take_long(datum)?),
            Self::Uuid => {
                let (bytes, rest) = datum.split_first_chunk::<16>()?;
                *datum = rest;
                Some(format_uuid(bytes))
            }
        }
    }

    /// Whether a cell of this text fits; an enum's symbols are not known here.
    pub(super) fn fits(self, text: &[u8]) -> bool {
        let mut ignored = Vec::new();
        self != Self::Enum && self.encode(text, false, &[], &mut ignored).is_ok()
    }
}

#[cold]
fn malformed_or_not_utf8(text: &[u8]) -> CellFault {
    if std::str::from_utf8(text).is_ok() { CellFault::Malformed } else { CellFault::NotUtf8 }
}

/// Appends a long: zigzag, then base 128 (Avro 1.12 §Primitive types).
#[inline(always)]
pub(super) fn push_long(number: i64, out: &mut Vec<u8>) {
    let mut zigzag = (number << 1 ^ number >> 63) as u64;
    while zigzag >= 0x80 {
        out.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    out.push(zigzag as u8);
}

pub(super) fn take_long(datum: &mut &[u8]) -> Option<i64> {
    let mut zigzag = 0u64;
    for index in 0..10 {
        let (&byte, rest) = datum.split_first()?;
        *datum = rest;
        let bits = u64::from(byte & 0x7f);
        if index == 9 && bits > 1 {
            return None;
        }
        zigzag |= bits << (7 * index);
        if byte & 0x80 == 0 {
            let shortest = byte != 0 || index == 0;
            return shortest.then_some((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64));
        }
    }
    None
}

#[inline(always)]
fn parse_integer(text: &[u8]) -> Result<i64, CellFault> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let plain = match digits {
        b"0" => !negative,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !plain {
        return Err(malformed_or_not_utf8(text));
    }
    signed(digits, negative).ok_or(CellFault::OutOfRange)
}

/// The number that the digits spell, if it fits 64 bits with its sign.
#[inline(always)]
fn signed(digits: &[u8], negative: bool) -> Option<i64> {
    // 18 digits cannot overflow; what is longer is rare and checked.
    if digits.len() <= 18 {
        let number = digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
        return Some(if negative { -number } else { number });
    }
    let mut number = 0i64;
    for digit in digits {
        let digit = i64::from(digit - b'0');
        number = number.checked_mul(10)?.checked_add(if negative { -digit } else { digit })?;
    }
    Some(number)
}

fn parse_decimal(text: &[u8]) -> Result<(i64, i64), CellFault> {
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
    let digits: Vec<u8> = [whole, fraction].concat();
    if !whole_is_plain || !fraction_fits || !digits.iter().all(u8::is_ascii_digit) {
        return Err(malformed_or_not_utf8(text));
    }
    if negative && digits.iter().all(|&digit| digit == b'0') {
        return Err(CellFault::Malformed);
    }
    let unscaled = signed(&digits, negative).ok_or(CellFault::OutOfRange)?;
    Ok((unscaled, fraction.len() as i64))
}

fn format_decimal(unscaled: i64, scale: i64) -> Option<String> {
    let scale = usize::try_from(scale).ok().filter(|&scale| scale <= 18)?;
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale > 0 { "." } else { "" };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

#[inline(always)]
fn parse_phone(text: &[u8]) -> Option<i64> {
    let [b'+', digits @ ..] = text else { return None };
    let plain =
        (7..=15).contains(&digits.len()) && digits[0] != b'0' && digits.iter().all(u8::is_ascii_digit);
    plain.then(|| signed(digits, false)).flatten()
}

/// The moment that a datetime names, in seconds since 1970-01-01T00:00:00Z.
pub(crate) fn parse_moment(text: &[u8]) -> Option<i64> {
    parse_datetime(text).map(|(seconds, _)| seconds)
}

fn parse_datetime(text: &[u8]) -> Option<(i64, i32)> {
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

fn format_datetime(seconds: i64, offset: i32) -> Option<String> {
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

fn parse_uuid(text: &[u8]) -> Option<[u8; 16]> {
    let hyphens = [8, 13, 18, 23];
    if text.len() != 36 || hyphens.iter().any(|&index| text[index] != b'-') {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut uuid = [0; 16];
    let mut at = 0;
    for byte in &mut uuid {
        at += usize::from(hyphens.contains(&at));
        *byte = digit(text[at])? << 4 | digit(text[at + 1])?;
        at += 2;
    }
    Some(uuid)
}

fn format_uuid(bytes: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// One `@`, something before it, dotted labels after it, no white space, at most 254 bytes (RFC 5321 §4.5.3.1).
fn is_email(text: &[u8]) -> bool {
    let Some(at) = text.iter().position(|&byte| byte == b'@') else { return false };
    let (local, domain) = (&text[..at], &text[at + 1..]);
    let labels = domain.split(|&byte| byte == b'.');
    text.len() <= 254
        && !local.is_empty()
        && domain.contains(&b'.')
        && !domain.contains(&b'@')
        && labels.into_iter().all(|label| !label.is_empty())
        && has_no_space(text)
}

/// `https://` or `http://`, an authority with a host, and no white space.
fn is_url(text: &[u8]) -> bool {
    let rest = text.strip_prefix(b"https://").or_else(|| text.strip_prefix(b"http://"));
    let Some(authority) = rest.and_then(|rest| rest.split(|byte| b"/?#".contains(byte)).next()) else {
        return false;
    };
    let host = authority.rsplit(|&byte| byte == b'@').next();
    host.is_some_and(|host| !matches!(host.first(), None | Some(b':'))) && has_no_space(text)
}

/// Neither white space nor control characters, as Unicode knows them; false also where the text is not UTF-8.
fn has_no_space(text: &[u8]) -> bool {
    if text.is_ascii() {
        return text.iter().all(u8::is_ascii_graphic);
    }
    std::str::from_utf8(text).is_ok_and(|text| !text.chars().any(|c| c.is_whitespace() || c.is_control()))
}
