//! The header of a token, its numbers, and the expiry.

use serde::{Deserialize, Serialize};

use crate::ids::{BatchId, KeyVersion, TemplateNumber};
use crate::template::{calendar, parse};

/// The most bytes a token may decode to.
pub const MAX_TOKEN_BYTES: usize = 4096;

const FORMAT_VERSION: u8 = 1;

/// The two kinds of v1 links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    /// AES-256-GCM: only the project can read what the link carries.
    Encrypted,
    /// HMAC-SHA-256: everybody can read it, nobody can change it.
    Signed,
}

/// The header of a token, which everybody can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenHeader {
    /// Encrypted or signed.
    pub kind: LinkKind,
    /// The version of the project's key.
    pub key_version: KeyVersion,
    /// The number of the project's published template.
    pub template_number: TemplateNumber,
    /// The id of the batch that the link belongs to.
    pub batch_id: BatchId,
    /// The row's number in the batch, counted from 0.
    pub row_number: u32,
}

impl TokenHeader {
    /// The bytes before the row number, which all links of a batch share.
    pub(super) fn batch_prefix(&self) -> Vec<u8> {
        let mut prefix = vec![FORMAT_VERSION << 4 | u8::from(self.kind == LinkKind::Signed)];
        push_number(self.key_version.get(), &mut prefix);
        push_number(self.template_number.get(), &mut prefix);
        prefix.extend_from_slice(&self.batch_id.0);
        prefix
    }

    /// Reads the header of a token; answers it with its length in bytes.
    pub(super) fn parse(token: &[u8]) -> Option<(Self, usize)> {
        let (&first, mut rest) = token.split_first()?;
        let kind = match first {
            0x10 => LinkKind::Encrypted,
            0x11 => LinkKind::Signed,
            _ => return None,
        };
        let key_version = KeyVersion::new(take_number(&mut rest)?)?;
        let template_number = TemplateNumber::new(take_number(&mut rest)?)?;
        let (batch_id, mut rest) = rest.split_first_chunk::<8>()?;
        let row_number = take_number(&mut rest)?;
        let header = Self { kind, key_version, template_number, batch_id: BatchId(*batch_id), row_number };
        Some((header, token.len() - rest.len()))
    }
}

/// Appends an unsigned LEB128 number in its shortest form.
#[inline(always)]
pub(super) fn push_number(mut number: u32, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reads an unsigned LEB128 number off the front; `None` unless it is below 2^32 and in its shortest form.
pub(super) fn take_number(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0u64;
    for index in 0..5 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let shortest = byte != 0 || index == 0;
            return u32::try_from(number).ok().filter(|_| shortest);
        }
    }
    None
}

/// The expiry of links: whole hours since 2020-01-01T00:00:00Z, at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Expiry(std::num::NonZeroU32);

impl Expiry {
    /// 2020-01-01T00:00:00Z in seconds since 1970-01-01T00:00:00Z.
    const EPOCH: i64 = 1_577_836_800;

    /// The expiry after so many hours since 2020-01-01T00:00:00Z; `None` for 0.
    pub fn from_hours(hours: u32) -> Option<Self> {
        std::num::NonZeroU32::new(hours).map(Self)
    }

    /// The expiry at this time, in seconds since 1970-01-01T00:00:00Z, rounded up to the hour; `None` where that is out
    /// of range.
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        let hours = seconds.checked_sub(Self::EPOCH)?.checked_add(3599)?.div_euclid(3600);
        u32::try_from(hours).ok().and_then(Self::from_hours)
    }

    /// The expiry of a text: `90d`, `12h`, a date (its end, UTC) or a datetime. `now` is in seconds since
    /// 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`ExpiryError`]: the time has passed, or the text is not a time.
    pub fn parse(when: &str, now: i64) -> Result<Self, ExpiryError> {
        let from_now = |unit: char, seconds: i64| {
            let count: i64 = when.strip_suffix(unit)?.parse().ok().filter(|count| *count > 0)?;
            now.checked_add(count.checked_mul(seconds)?)
        };
        let seconds =
            from_now('d', 86_400).or_else(|| from_now('h', 3_600)).or_else(|| Self::seconds_of(when));
        if seconds.is_some_and(|seconds| seconds <= now) {
            return Err(ExpiryError::Passed(when.to_owned()));
        }
        let expiry = seconds.and_then(Self::from_unix_seconds);
        expiry.ok_or_else(|| ExpiryError::NoTime(when.to_owned()))
    }

    /// The moment that a date (its end, UTC) or a datetime names, in seconds since 1970-01-01T00:00:00Z.
    fn seconds_of(text: &str) -> Option<i64> {
        let date = || Some((calendar::parse_date(text.as_bytes())? + 1) * calendar::SECONDS_PER_DAY);
        parse::moment(text.as_bytes()).or_else(date)
    }

    /// The moment of expiry as `yyyy-mm-ddThh:mm:ssZ`, or `after 9999-12-31`.
    pub fn to_text(self) -> String {
        let text = calendar::format_local_seconds(self.unix_seconds());
        text.map_or_else(|| "after 9999-12-31".to_owned(), |text| text + "Z")
    }

    /// Hours since 2020-01-01T00:00:00Z.
    pub fn hours(self) -> u32 {
        self.0.get()
    }

    /// Seconds since 1970-01-01T00:00:00Z; a link has expired from this moment on.
    pub fn unix_seconds(self) -> i64 {
        Self::EPOCH + i64::from(self.hours()) * 3600
    }
}

/// The reason why a text is not an expiry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpiryError {
    /// The time has passed.
    #[error("{0:?} has passed already (expected a time to come)")]
    Passed(String),
    /// The text is not a time, or the time is out of range.
    #[error("{0:?} is no time (expected 90d, 12h, 2027-06-30 or 2027-06-30T12:00:00Z)")]
    NoTime(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_spelling() {
        for number in [0, 1, 127, 128, 16383, 16384, 2_097_151, 268_435_455, 268_435_456, u32::MAX] {
            let mut bytes = Vec::new();
            push_number(number, &mut bytes);
            let mut rest = &bytes[..];
            assert_eq!((take_number(&mut rest), rest), (Some(number), &[][..]));
        }
        let refused: [&[u8]; 5] = [&[], &[0x80], &[0x81, 0x00], &[0xff, 0xff, 0xff, 0xff, 0x10], &[0x80; 6]];
        for mut bytes in refused {
            assert_eq!(take_number(&mut bytes), None);
        }
    }

    #[test]
    fn an_expiry_is_rounded_up_to_the_hour() {
        let at = |seconds| Expiry::from_unix_seconds(Expiry::EPOCH + seconds).map(Expiry::hours);
        assert_eq!([at(-3600), at(0), at(1), at(3600), at(3601)], [None, None, Some(1), Some(1), Some(2)]);
    }
}
