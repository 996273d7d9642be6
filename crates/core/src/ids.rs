//! Names and numbers that identify a project, its keys, its templates and its batches.
//!
//! Each is a type of its own, and is checked once, where it enters the program.
//!
//! ```
//! use smartpass_core::ids::{BatchId, ProjectCode};
//! let project: ProjectCode = "wrsynr".parse().unwrap();
//! let batch: BatchId = "0011223344556677".parse().unwrap();
//! assert_eq!((project.as_str(), batch.to_string()), ("wrsynr", "0011223344556677".to_owned()));
//! ```

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The number of a project's key, counted from 1; the newest active one seals.
pub type KeyVersion = std::num::NonZeroU32;

/// The per-project serial of a published template version, counted from 1.
pub type TemplateNumber = std::num::NonZeroU32;

/// An identifier that does not have the form it should have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {given:?} is not valid (expected {expected})")]
pub struct InvalidId {
    what: &'static str,
    given: String,
    expected: &'static str,
}

/// A tenant's short code, `[a-z0-9]{3,32}`: part of every subkey, every lookup and, by default, the URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProjectCode(String);

impl ProjectCode {
    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectCode {
    type Err = InvalidId;

    fn from_str(code: &str) -> Result<Self, InvalidId> {
        let fits = (3..=32).contains(&code.len());
        if fits && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
            return Ok(Self(code.to_owned()));
        }
        let expected = "3 to 32 lower-case letters and digits";
        Err(InvalidId { what: "project code", given: code.to_owned(), expected })
    }
}

impl TryFrom<String> for ProjectCode {
    type Error = InvalidId;

    fn try_from(code: String) -> Result<Self, InvalidId> {
        code.parse()
    }
}

impl From<ProjectCode> for String {
    fn from(code: ProjectCode) -> Self {
        code.0
    }
}

impl fmt::Display for ProjectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Eight random bytes, drawn fresh for each job and each command-line run.
///
/// Nonces are unique only because a batch id is never used twice (NIST SP 800-38D §8.2.1): it is drawn from the
/// operating system's random source, and never chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BatchId(pub [u8; 8]);

impl FromStr for BatchId {
    type Err = InvalidId;

    fn from_str(hex: &str) -> Result<Self, InvalidId> {
        let invalid =
            || InvalidId { what: "batch id", given: hex.to_owned(), expected: "16 hexadecimal digits" };
        let bytes = base16ct::mixed::decode_vec(hex).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(invalid)
    }
}

impl TryFrom<String> for BatchId {
    type Error = InvalidId;

    fn try_from(hex: String) -> Result<Self, InvalidId> {
        hex.parse()
    }
}

impl From<BatchId> for String {
    fn from(batch: BatchId) -> Self {
        batch.to_string()
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base16ct::lower::encode_string(&self.0))
    }
}

/// A job's id: sixteen random bytes, shown as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobId(pub [u8; 16]);

impl FromStr for JobId {
    type Err = InvalidId;

    fn from_str(hex: &str) -> Result<Self, InvalidId> {
        let invalid =
            || InvalidId { what: "job id", given: hex.to_owned(), expected: "32 hexadecimal digits" };
        let bytes = base16ct::lower::decode_vec(hex).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(invalid)
    }
}

impl TryFrom<String> for JobId {
    type Error = InvalidId;

    fn try_from(hex: String) -> Result<Self, InvalidId> {
        hex.parse()
    }
}

impl From<JobId> for String {
    fn from(job: JobId) -> Self {
        job.to_string()
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base16ct::lower::encode_string(&self.0))
    }
}

/// The tag of a sealed blob, 16 bytes: it tells that blob from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(pub [u8; 16]);

impl TryFrom<String> for Tag {
    type Error = InvalidId;

    fn try_from(hex: String) -> Result<Self, InvalidId> {
        let bytes = base16ct::mixed::decode_vec(&hex).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(InvalidId { what: "tag", given: hex, expected: "32 hexadecimal digits" })
    }
}

impl From<[u8; 16]> for Tag {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        base16ct::lower::encode_string(&tag.0)
    }
}

/// The start of a link's URL: `https://` (or `http://` on loopback), host, optional port and path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaseUrl(String);

impl BaseUrl {
    /// The URL as text, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidId;

    fn from_str(url: &str) -> Result<Self, InvalidId> {
        let url = url.trim_end_matches('/');
        let invalid = |expected| InvalidId { what: "base URL", given: url.to_owned(), expected };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| invalid("https://host/path"))?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !authority.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        match scheme {
            "https" => {}
            "http" if is_loopback(host) => {}
            "http" => return Err(invalid("https://; http:// is for localhost only")),
            _ => return Err(invalid("https://host/path")),
        }
        let label = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        if host != "[::1]" && (host.is_empty() || !host.bytes().all(label)) {
            return Err(invalid("a host name of letters, digits, dots and hyphens"));
        }
        // `parse` also accepts a plus sign and leading zeros.
        let is_port = |port: &str| port.parse::<u16>().is_ok() && port.as_bytes()[0].is_ascii_digit();
        if port.is_some_and(|port| !is_port(port) || port.starts_with('0')) {
            return Err(invalid("a port from 1 to 65535"));
        }
        let segment = |byte: u8| byte.is_ascii_alphanumeric() || b"._~/-".contains(&byte);
        if !path.bytes().all(segment) {
            return Err(invalid("a path of letters, digits and . _ ~ / - without a query"));
        }
        if url.len() > 1024 {
            return Err(invalid("at most 1,024 characters"));
        }
        Ok(Self(url.to_owned()))
    }
}

fn is_loopback(host: &str) -> bool {
    let is_loopback_address = || host.parse().is_ok_and(|address: std::net::Ipv4Addr| address.is_loopback());
    matches!(host, "localhost" | "[::1]") || is_loopback_address()
}

impl TryFrom<String> for BaseUrl {
    type Error = InvalidId;

    fn try_from(url: String) -> Result<Self, InvalidId> {
        url.parse()
    }
}

impl From<BaseUrl> for String {
    fn from(url: BaseUrl) -> Self {
        url.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_https_or_loopback_and_has_no_query() {
        for good in [
            "https://pub1.pskt.io/wrsynr",
            "http://localhost:8080/local",
            "https://a.b",
            "http://[::1]:80/x",
            "http://127.9.0.1",
        ] {
            assert_eq!(good.parse::<BaseUrl>().unwrap().as_str(), good);
        }
        assert_eq!("https://a.b/c//".parse::<BaseUrl>().unwrap().as_str(), "https://a.b/c");
        for bad in [
            "a.b/c",
            "http://a.b",
            "ftp://a.b",
            "https://",
            "https://a.b/c?d",
            "https://a b",
            "https://a:0",
            "https://a:b",
            "https://a:",
            "https://a:+80",
            "https://a:080",
            "https://a:65536",
            "http://128.0.0.1",
            "http://127.0.0.1.example.com",
            "https://u@a.b",
            "https://a.b/c#d",
            "https://a.b/é",
        ] {
            assert!(bad.parse::<BaseUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_project_code_is_short_lower_case_and_plain() {
        assert!("abc".parse::<ProjectCode>().is_ok());
        for bad in ["ab", "Abc", "a-b", "", "ábc", &"a".repeat(33)] {
            assert!(bad.parse::<ProjectCode>().is_err(), "{bad}");
        }
    }
}
