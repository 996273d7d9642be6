//! The `Range` header (RFC 9110 §14): a request asks for all bytes of a file, or for one range.

use actix_web::http::header::Range;

/// The bytes that a request asks for, of a file of a known length.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The whole file: the header is missing, or is one that a server may ignore.
    All,
    /// These bytes.
    Part(std::ops::Range<u64>),
    /// Bytes that the file does not have.
    Unsatisfiable,
}

/// Reads a `Range` header. Several ranges at once are answered with the whole file, as the RFC allows.
pub(crate) fn asked(header: Option<&str>, length: u64) -> Asked {
    // The library accepts a plus sign before a number, and drops ranges that it cannot read.
    let Some(header) = header.filter(|header| !header.contains(['+', ','])) else { return Asked::All };
    let Ok(Range::Bytes(ranges)) = with_numbers_that_fit(header).parse() else { return Asked::All };
    let [range] = &ranges[..] else { return Asked::All };
    let satisfiable = range.to_satisfiable_range(length);
    satisfiable.map_or(Asked::Unsatisfiable, |(first, last)| Asked::Part(first..last + 1))
}

/// The header with numbers beyond 64 bits replaced by the largest that fits: both are beyond the end of any file.
fn with_numbers_that_fit(header: &str) -> String {
    let is_digit = |character: char| character.is_ascii_digit();
    let mut rest = header;
    let mut text = String::new();
    while let Some(start) = rest.find(is_digit) {
        let digits = rest[start..].find(|character| !is_digit(character)).unwrap_or(rest.len() - start);
        let number = rest[start..start + digits].parse().unwrap_or(u64::MAX);
        text.push_str(&rest[..start]);
        text.push_str(&number.to_string());
        rest = &rest[start + digits..];
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::{Asked, asked};

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        let cases = [
            ("bytes=0-0", Asked::Part(0..1)),
            ("bytes=0-99", Asked::Part(0..10)),
            ("bytes=4-", Asked::Part(4..10)),
            ("bytes=-3", Asked::Part(7..10)),
            ("bytes=-99", Asked::Part(0..10)),
            ("bytes=10-", Asked::Unsatisfiable),
            ("bytes=10-12", Asked::Unsatisfiable),
            ("bytes=-0", Asked::Unsatisfiable),
            ("bytes=99999999999999999999999-", Asked::Unsatisfiable),
            ("bytes=5-4", Asked::All),
            ("bytes=a-b", Asked::All),
            ("bytes=+1-2", Asked::All),
            ("bytes=0-1,3-4", Asked::All),
            ("rows=0-1", Asked::All),
            ("bytes=", Asked::All),
        ];
        for (header, expected) in cases {
            assert_eq!(asked(Some(header), 10), expected, "{header}");
        }
        assert_eq!(asked(None, 10), Asked::All);
    }
}
