//! Which bytes of a file a request asks for (RFC 9110 §14): all of them, or one range.

use std::ops::Range;

/// What a `Range` header asks of a file of a known length.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The whole file: no range, or one that need not be understood.
    All,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes that the file does not have.
    Unsatisfiable,
}

/// Reads a `Range` header. Several ranges at once are answered with the whole file, as is allowed.
pub(crate) fn asked(header: Option<&str>, length: u64) -> Asked {
    let Some(spec) = header.and_then(|header| header.strip_prefix("bytes=")) else { return Asked::All };
    let Some((first, last)) = spec.trim().split_once('-') else { return Asked::All };
    let number = |text: &str| -> Option<u64> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Some(first), None) if last.is_empty() => first..length,
        (None, Some(count)) if first.is_empty() => length.saturating_sub(count)..length,
        _ => return Asked::All,
    };
    if range.is_empty() { Asked::Unsatisfiable } else { Asked::Part(range) }
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
