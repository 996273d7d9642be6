//! Field types: the text that a cell may hold, and its stored form.
//!
//! Text and stored form of each type are in a one-to-one relation: [`FieldType::decode`] gives back exactly the text
//! that [`FieldType::encode`] accepted. Other text is refused, never silently changed.

use serde::{Deserialize, Serialize};

use super::cell::{CellText, SymbolTable};
use super::fault::{CellFault, malformed_or_not_utf8};
use super::{calendar, parse};

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
    /// A signed integer of 64 bits, without leading zeros.
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

/// The range of phone numbers: 7 to 15 digits without a leading zero.
const PHONE_DIGITS: std::ops::RangeInclusive<i64> = 1_000_000..=999_999_999_999_999;

impl FieldType {
    /// All types, the narrowest first: the order in which inference tries them.
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

    /// The text expected, for messages.
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
    /// With `is_utf8`, the text is known to be UTF-8. An enum's symbols come with their table. `branch` is the union's
    /// branch to write before the value, if the field is a union.
    ///
    /// # Errors
    /// [`CellFault`]: the type does not allow the text; `out` may then hold part of it.
    #[inline(always)]
    pub(crate) fn encode(
        self,
        text: CellText<'_>,
        is_utf8: bool,
        (symbols, table): (&[String], &SymbolTable),
        branch: Option<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), CellFault> {
        let fits = match self {
            Self::String => true,
            Self::Email => text.is_email(),
            Self::Url => text.is_url(),
            Self::Enum => {
                push_long(
                    branch,
                    table.find(symbols, text).ok_or_else(|| malformed_or_not_utf8(text.bytes()))? as i64,
                    out,
                );
                return Ok(());
            }
            _ => return self.encode_parsed(text.bytes(), branch, out),
        };
        if !fits {
            return Err(malformed_or_not_utf8(text.bytes()));
        }
        if !is_utf8 && std::str::from_utf8(text.bytes()).is_err() {
            return Err(CellFault::NotUtf8);
        }
        push_long(branch, text.bytes().len() as i64, out);
        text.append_to(out);
        Ok(())
    }

    #[inline(always)]
    fn encode_parsed(self, text: &[u8], branch: Option<u8>, out: &mut Vec<u8>) -> Result<(), CellFault> {
        match self {
            Self::Integer => push_long(branch, parse::integer(text)?, out),
            Self::Phone => {
                push_long(branch, parse::phone(text).ok_or_else(|| malformed_or_not_utf8(text))?, out)
            }
            Self::Date => {
                push_long(branch, calendar::parse_date(text).ok_or_else(|| malformed_or_not_utf8(text))?, out)
            }
            Self::Datetime => {
                let (seconds, offset) = parse::datetime(text).ok_or_else(|| malformed_or_not_utf8(text))?;
                push_long(branch, seconds, out);
                push_long(None, i64::from(offset), out);
            }
            Self::Decimal => {
                let (unscaled, scale) = parse::decimal(text)?;
                push_long(branch, unscaled, out);
                push_long(None, scale, out);
            }
            Self::Boolean => {
                let value = match text {
                    b"true" => 1,
                    b"false" => 0,
                    _ => return Err(malformed_or_not_utf8(text)),
                };
                out.extend(branch);
                out.push(value);
            }
            Self::Uuid => {
                let uuid = parse::uuid(text).ok_or_else(|| malformed_or_not_utf8(text))?;
                out.extend(branch);
                out.extend_from_slice(&uuid);
            }
            Self::String | Self::Email | Self::Url | Self::Enum => unreachable!("handled by the caller"),
        }
        Ok(())
    }

    /// Reads a value off the front of a datum; `None` where [`Self::encode`] does not write such a datum.
    pub(crate) fn decode(self, symbols: &[String], datum: &mut &[u8]) -> Option<String> {
        match self {
            Self::String | Self::Email | Self::Url => {
                // A blank is null, so an empty string is never written.
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
            Self::Datetime => {
                parse::format_datetime(take_long(datum)?, i32::try_from(take_long(datum)?).ok()?)
            }
            Self::Decimal => parse::format_decimal(take_long(datum)?, take_long(datum)?),
            Self::Uuid => {
                let (bytes, rest) = datum.split_first_chunk::<16>()?;
                *datum = rest;
                Some(parse::format_uuid(bytes))
            }
        }
    }

    /// Whether the text fits the type; false for an enum, whose symbols are not known here.
    pub(super) fn fits(self, text: &[u8]) -> bool {
        let mut ignored = Vec::new();
        self != Self::Enum
            && self.encode(text.into(), false, (&[], &SymbolTable::default()), None, &mut ignored).is_ok()
    }
}

/// Appends a long: zigzag, then base 128 (Avro 1.12 §Primitive types).
///
/// With `branch`, the union's branch comes before it, in the same append: appends cost more than bytes.
#[inline(always)]
fn push_long(branch: Option<u8>, number: i64, out: &mut Vec<u8>) {
    let mut zigzag = (number << 1 ^ number >> 63) as u64;
    if zigzag < 0x80 {
        match branch {
            Some(branch) => out.extend_from_slice(&[branch, zigzag as u8]),
            None => out.push(zigzag as u8),
        }
        return;
    }
    // An append of constant size and a truncation are cheaper than an append of unknown size.
    let mut bytes = [branch.unwrap_or_default(); 11];
    let mut length = usize::from(branch.is_some());
    while zigzag >= 0x80 {
        bytes[length] = zigzag as u8 | 0x80;
        zigzag >>= 7;
        length += 1;
    }
    bytes[length] = zigzag as u8;
    let end = out.len() + length + 1;
    out.extend_from_slice(&bytes);
    out.truncate(end);
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
