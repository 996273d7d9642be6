//! The counts of a job's rows, by outcome.

use serde::{Deserialize, Serialize};

use crate::encode::{ErrorCount, ErrorKind, Tally};

/// Counts of rows, by outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows that became links.
    pub links: u64,
    /// Rows that could not become links.
    pub errors: u64,
    /// Characters of all URLs together.
    pub url_characters: u64,
    /// Characters of the longest URL.
    pub url_longest: u64,
    /// Errors by reason, the most frequent first. Reasons beyond [`Counts::MAX_REASONS`] count in `errors` alone.
    pub by_reason: Vec<ReasonCount>,
}

/// The number of rows that failed for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonCount {
    /// The field or column concerned; none for an error of the row as a whole.
    pub field: Option<String>,
    /// The reason.
    pub kind: ErrorKind,
    /// The number of rows.
    pub rows: u64,
}

impl Counts {
    /// The most reasons that a record names, so that it stays small.
    pub const MAX_REASONS: usize = 32;

    /// The counts of a tally.
    pub fn of(tally: &Tally) -> Self {
        let reason =
            |count: ErrorCount| ReasonCount { field: count.field, kind: count.kind, rows: count.rows };
        let mut by_reason: Vec<_> = tally.errors_by_kind().into_iter().map(reason).collect();
        by_reason.truncate(Self::MAX_REASONS);
        Self {
            links: tally.links(),
            errors: tally.errors(),
            url_characters: tally.url_characters(),
            url_longest: tally.url_max() as u64,
            by_reason,
        }
    }

    /// Adds another chunk's counts.
    pub fn add(&mut self, other: &Self) {
        self.links += other.links;
        self.errors += other.errors;
        self.url_characters += other.url_characters;
        self.url_longest = self.url_longest.max(other.url_longest);
        for reason in &other.by_reason {
            let known = self
                .by_reason
                .iter_mut()
                .find(|known| (&known.field, known.kind) == (&reason.field, reason.kind));
            match known {
                Some(known) => known.rows += reason.rows,
                None => self.by_reason.push(reason.clone()),
            }
        }
        self.by_reason.sort_by_key(|reason| std::cmp::Reverse(reason.rows));
        self.by_reason.truncate(Self::MAX_REASONS);
    }
}
