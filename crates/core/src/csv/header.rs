//! The header row: the names of the columns, and the delimiter.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Cell, ERROR_COLUMN, Encoding, MAX_ROW_BYTES, Row, RowFault, Rows};

/// The dialect of a file. Outputs are written in the same dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialect {
    /// The byte that separates cells: `,` `;` TAB or `|`.
    pub delimiter: u8,
    /// The encoding of the text.
    pub encoding: Encoding,
    /// Whether the file starts with a byte order mark.
    pub bom: bool,
}

/// A file's header row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Column names in order, as written.
    pub columns: Vec<String>,
    /// The header's bytes in UTF-8 (with any blank lines before it), without its line end.
    pub raw: Vec<u8>,
    /// The header's own line end.
    pub line_end: Vec<u8>,
    /// The number of line feeds before the first row.
    pub lines: u64,
    /// Whether the last of several columns is `error`: the file is taken for a repaired errors.csv.
    pub has_error_column: bool,
}

impl Header {
    /// The number of bytes before the first row.
    pub fn bytes(&self) -> usize {
        self.raw.len() + self.line_end.len()
    }

    /// The columns with the customer's data: all but an `error` column of ours.
    pub fn data_columns(&self) -> &[String] {
        &self.columns[..self.columns.len() - usize::from(self.has_error_column)]
    }
}

/// The reason why a header cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// No bytes, or nothing but blank lines.
    #[error("the file is empty (expected a header row, then at least one row)")]
    Empty,
    /// A NUL byte where text belongs.
    #[error("{NUL} (then {})", to_name("utf-16le"))]
    Nul,
    /// A spreadsheet's own format.
    #[error("the file is a spreadsheet or an archive, not a CSV (save it as CSV UTF-8)")]
    Archive,
    /// Excel's line that names the delimiter.
    #[error(
        "the first line is Excel's sep= line, which is no header (remove it: the delimiter is found by itself)"
    )]
    SeparatorLine,
    /// Bytes that are no UTF-8.
    #[error("{NOT_UTF8} (a file from an older Windows program: {})", to_name("windows-1252"))]
    NotUtf8,
    /// Rows that end with a carriage return alone.
    #[error(
        "rows end with a carriage return alone, as on old Macs (expected LF or CRLF: save the file again)"
    )]
    CarriageReturn,
    /// A control character in a name.
    #[error("column {column} has a control character in its name: {name:?} (rename it)")]
    ControlCharacter {
        /// Counted from 1.
        column: usize,
        /// The name.
        name: String,
    },
    /// A name that is empty.
    #[error("column {column} has no name (give it one, or remove the column)")]
    EmptyName {
        /// Counted from 1.
        column: usize,
    },
    /// A name that stands twice.
    #[error("columns {first} and {second} are both called {name:?} (rename one)")]
    Duplicate {
        /// The name.
        name: String,
        /// The first column of that name, counted from 1.
        first: usize,
        /// The second.
        second: usize,
    },
    /// A quote that is not closed, or text after a closing quote.
    #[error("the header's quotes are broken at column {column} (write a quote inside a quoted name twice)")]
    Quotes {
        /// Counted from 1.
        column: usize,
    },
    /// A first row over the limit.
    #[error("the header is longer than {MAX_ROW_BYTES} bytes: is a quote left open?")]
    TooLong,
}

const NUL: &str = "the header holds NUL bytes: the file is not text, or UTF-16 without a byte order mark";
const NOT_UTF8: &str = "the header is not UTF-8";

fn to_name(encoding: &str) -> String {
    format!("name its encoding, {encoding}")
}

impl HeaderError {
    /// The message, with the caller's words for how to name an encoding.
    pub fn told_with(&self, to_name: impl Fn(&str) -> String) -> String {
        match self {
            Self::Nul => format!("{NUL} (then {})", to_name("utf-16le")),
            Self::NotUtf8 => {
                format!("{NOT_UTF8} (a file from an older Windows program: {})", to_name("windows-1252"))
            }
            other => other.to_string(),
        }
    }
}

/// The number of rows after the header from which the delimiter is found.
const SAMPLE_ROWS: usize = 20;

/// Reads the header at the start of `text` (UTF-8, after any byte order mark) and finds the delimiter.
///
/// `text` should hold the first rows too, so that a comma in a column's name does not mislead. With `last`, it is the
/// whole file. Answers `None` when the header's end is not in `text` yet.
///
/// # Errors
/// [`HeaderError`]: among others, names must be unique, not empty and free of control characters.
pub fn read_header(text: &[u8], last: bool) -> Result<Option<(u8, Header)>, HeaderError> {
    let delimiter = find_delimiter(text);
    Ok(read_header_with(text, last, delimiter)?.map(|header| (delimiter, header)))
}

/// Reads the header of a file whose delimiter is known; otherwise as [`read_header`].
///
/// # Errors
/// As [`read_header`].
pub fn read_header_with(text: &[u8], last: bool, delimiter: u8) -> Result<Option<Header>, HeaderError> {
    let mut rows = Rows::new(text, delimiter);
    let mut cells = Vec::new();
    let row = loop {
        match rows.next(&mut cells) {
            Some(row) if row.is_blank() => {}
            Some(row) => break row,
            None if last => return Err(HeaderError::Empty),
            None => return Ok(None),
        }
    };
    if row.end - row.start > MAX_ROW_BYTES {
        return Err(HeaderError::TooLong);
    }
    if text.starts_with(b"PK\x03\x04") {
        return Err(HeaderError::Archive);
    }
    if matches!(row.text(text), [b's', b'e', b'p', b'=', _]) {
        return Err(HeaderError::SeparatorLine);
    }
    if row.text(text).contains(&0) {
        return Err(HeaderError::Nul);
    }
    let may_go_on = row.next == text.len() && !last;
    // The line feed of a CRLF may not have been read yet.
    if matches!(row.fault, Some((RowFault::CarriageReturn, _))) && !(may_go_on && text.ends_with(b"\r")) {
        return Err(HeaderError::CarriageReturn);
    }
    if may_go_on {
        return Ok(None);
    }
    if let Some((_, cell)) = row.fault {
        return Err(HeaderError::Quotes { column: cell + 1 });
    }
    let columns = column_names(text, &cells)?;
    let has_error_column = columns.len() > 1 && columns.last().is_some_and(|name| name == ERROR_COLUMN);
    let header = Header {
        columns,
        raw: text[..row.end].to_vec(),
        line_end: row.line_end(text).to_vec(),
        lines: lines_in(&text[..row.next]),
        has_error_column,
    };
    Ok(Some(header))
}

fn lines_in(text: &[u8]) -> u64 {
    text.iter().filter(|&&byte| byte == b'\n').count() as u64
}

fn column_names(text: &[u8], cells: &[Cell]) -> Result<Vec<String>, HeaderError> {
    let mut columns = Vec::with_capacity(cells.len());
    let mut seen = HashMap::new();
    for (index, cell) in cells.iter().enumerate() {
        let column = index + 1;
        let mut scratch = Vec::new();
        let name = std::str::from_utf8(cell.value(text, &mut scratch)).map_err(|_| HeaderError::NotUtf8)?;
        let name = name.to_owned();
        if name.is_empty() {
            return Err(HeaderError::EmptyName { column });
        }
        if name.chars().any(char::is_control) {
            return Err(HeaderError::ControlCharacter { column, name });
        }
        if let Some(first) = seen.insert(name.clone(), column) {
            return Err(HeaderError::Duplicate { name, first, second: column });
        }
        columns.push(name);
    }
    Ok(columns)
}

/// The delimiter with most header cells, among those for which more than half of the sampled rows have as many cells
/// as the header.
fn find_delimiter(text: &[u8]) -> u8 {
    let score = |delimiter: u8| {
        let mut rows = Rows::new(text, delimiter);
        let mut cells = Vec::new();
        let mut counts = Vec::new();
        while counts.len() <= SAMPLE_ROWS {
            let Some(row) = rows.next(&mut cells) else { break };
            if is_complete(&row, text) && !row.is_blank() {
                counts.push(cells.len());
            }
        }
        let header = counts.first().copied().unwrap_or(1);
        let alike = counts.iter().filter(|&&count| count == header).count();
        if header > 1 { (alike * 2 > counts.len(), header) } else { (false, 0) }
    };
    // The last of equals is taken: the comma of RFC 4180.
    *b"|\t;,".iter().max_by_key(|&&delimiter| score(delimiter)).unwrap_or(&b',')
}

fn is_complete(row: &Row, text: &[u8]) -> bool {
    row.next < text.len() || row.end < row.next
}
