//! Counts of encoded rows: links, errors by kind, and lengths of URLs.

use std::collections::BTreeMap;

use super::fault::ErrorKind;

/// The most characters of a URL. Longer ones fail in some browsers and proxies.
pub const MAX_URL_CHARACTERS: usize = 8_191;

/// Counts over any number of chunks. The order of adding does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    errors: BTreeMap<(Option<String>, ErrorKind), u64>,
    /// The number of URLs of each length in characters.
    url_lengths: Vec<u64>,
}

/// The number of rows that failed for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorCount {
    /// The field or column concerned; none for an error of the row as a whole.
    pub field: Option<String>,
    /// The reason.
    pub kind: ErrorKind,
    /// The number of rows.
    pub rows: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self { errors: BTreeMap::new(), url_lengths: vec![0; MAX_URL_CHARACTERS + 1] }
    }
}

impl Tally {
    #[inline(always)]
    pub(super) fn count_link(&mut self, url_characters: usize) {
        self.url_lengths[url_characters] += 1;
    }

    #[cold]
    pub(super) fn count_error(&mut self, field: Option<&str>, kind: ErrorKind) {
        *self.errors.entry((field.map(str::to_owned), kind)).or_default() += 1;
    }

    /// Adds another tally's counts.
    pub fn add(&mut self, other: &Self) {
        for (reason, rows) in &other.errors {
            *self.errors.entry(reason.clone()).or_default() += rows;
        }
        for (sum, count) in self.url_lengths.iter_mut().zip(&other.url_lengths) {
            *sum += count;
        }
    }

    /// Rows that became links or errors.
    pub fn rows(&self) -> u64 {
        self.links() + self.errors()
    }

    /// Rows that became links.
    pub fn links(&self) -> u64 {
        self.url_lengths.iter().sum()
    }

    /// Rows that could not become links.
    pub fn errors(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Errors by field and kind, the most frequent first.
    pub fn errors_by_kind(&self) -> Vec<ErrorCount> {
        let count = |((field, kind), rows): (&(Option<String>, ErrorKind), &u64)| ErrorCount {
            field: field.clone(),
            kind: *kind,
            rows: *rows,
        };
        let mut counts: Vec<_> = self.errors.iter().map(count).collect();
        counts.sort_by_key(|count| std::cmp::Reverse(count.rows));
        counts
    }

    /// Characters of all URLs together.
    pub fn url_characters(&self) -> u64 {
        self.url_lengths.iter().zip(0..).map(|(count, length)| count * length).sum()
    }

    /// The mean length of the URLs, in characters.
    pub fn url_mean(&self) -> f64 {
        if self.links() == 0 { 0.0 } else { self.url_characters() as f64 / self.links() as f64 }
    }

    /// The length, in characters, that a `share` (0 to 1) of the URLs does not exceed.
    pub fn url_quantile(&self, share: f64) -> usize {
        let rank = (self.links() as f64 * share).ceil() as u64;
        let mut seen = 0;
        let reached = self.url_lengths.iter().position(|count| {
            seen += count;
            seen > 0 && seen >= rank
        });
        reached.unwrap_or(0)
    }

    /// The length of the longest URL, in characters.
    pub fn url_max(&self) -> usize {
        self.url_lengths.iter().rposition(|&count| count > 0).unwrap_or(0)
    }
}

/// The number of SMS segments of a message that is a URL of so many characters (3GPP TS 23.040, GSM 7-bit alphabet).
pub fn sms_segments(characters: usize) -> usize {
    if characters <= 160 { 1 } else { characters.div_ceil(153) }
}

/// The smallest QR code version that holds so many bytes at error correction level M (ISO/IEC 18004, table 7).
pub fn qr_version(bytes: usize) -> Option<usize> {
    const CAPACITY: [usize; 40] = [
        14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412, 450, 504, 560, 624, 666, 711,
        779, 857, 911, 997, 1059, 1125, 1190, 1264, 1370, 1452, 1538, 1628, 1722, 1809, 1911, 1989, 2099,
        2213, 2331,
    ];
    CAPACITY.iter().position(|&capacity| bytes <= capacity).map(|index| index + 1)
}
