//! The errors that stop the reading of a file.

use super::{EncodingError, HeaderError, MAX_ROW_BYTES, MAX_ROWS, SplitError};

/// An error that stops the reading of a file. It holds nothing of a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// The header cannot be used.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The bytes are not what the encoding allows.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The given encoding and the byte order mark contradict each other.
    #[error("the file's byte order mark does not fit the given encoding (leave the encoding out)")]
    ByteOrderMark,
    /// A row is longer than [`MAX_ROW_BYTES`], or its quote is never closed.
    #[error(
        "row {row}, line {line}, byte {byte}: {}",
        if *.unclosed_quote { "a quote is opened and never closed".to_owned() }
        else { format!("the row is longer than {MAX_ROW_BYTES} bytes: is a quote left open?") }
    )]
    EndlessRow {
        /// Counted from 1.
        row: u64,
        /// Counted from 1.
        line: u64,
        /// Counted from 0, in the file's own encoding.
        byte: u64,
        /// The file ended inside quotes.
        unclosed_quote: bool,
    },
    /// The file has more rows than row numbers can count.
    #[error("the file has more than {MAX_ROWS} rows (split it)")]
    TooManyRows,
}

impl IntakeError {
    /// The message, with the caller's words for how to name an encoding.
    pub fn told_with(&self, to_name: impl Fn(&str) -> String) -> String {
        match self {
            Self::Header(error) => error.told_with(to_name),
            other => other.to_string(),
        }
    }

    /// The error for a row at which a splitter stopped. The splitter's input begins after `rows` rows, on line `line`;
    /// the row begins at byte `byte` of the file.
    pub fn endless_row(error: &SplitError, rows: u64, line: u64, byte: u64) -> Self {
        Self::EndlessRow {
            row: rows + u64::from(error.before.rows) + 1,
            line: line + error.before.lines,
            byte,
            unclosed_quote: error.unclosed_quote,
        }
    }
}
