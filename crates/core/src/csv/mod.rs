//! Customers' CSV files, read without changing a byte of them.
//!
//! A file of a hundred million rows is never in memory as a whole: it is cut into *chunks*, runs of whole rows. The
//! [`Intake`] cuts them, whether bytes are pushed or read; its [`Splitter`] finds the end of the last whole row in a
//! buffer, and [`Rows`] walks the cells of a chunk. Splitter and rows copy nothing: a row in the output has the bytes
//! of the row in the input.
//!
//! # The dialect
//!
//! The dialect is RFC 4180, with the delimiter detected (`,` `;` TAB `|`), rows ended by LF or CRLF, and quoted cells
//! over many lines. Files that break the rules are read differently from the `csv` crate in these points, each tested
//! in `tests/csv_against_the_csv_crate.rs`:
//!
//! | in the file | the `csv` crate | here |
//! | --- | --- | --- |
//! | a carriage return alone, unquoted | ends the row | a row error: it is nearly always damage |
//! | text after a closing quote, `"ab"c` | read as `abc` | a row error: the value is a guess |
//! | an unclosed quote | the rest of the file is one cell | stops the file, naming row, line and byte |
//! | a row over 1 MiB | read | stops the file: an unclosed quote looks so |
//! | a row with more or fewer cells than the header | stops the file | a row error |
//! | a blank line | skipped | no row, kept in success.csv |
//! | a byte order mark | dropped | taken off before, with [`Encoding::from_bom`] |
//!
//! A quote inside an unquoted cell (`ab"c`) is an ordinary character in both.
//!
//! # Encodings
//!
//! Rows are processed as UTF-8. A [`Decoder`] turns UTF-16 and Windows-1252 into it, and [`Encoding`] turns it back,
//! byte for byte.
//!
//! ```
//! use smartpass_core::csv::{Rows, Splitter};
//! let file = b"ann,7\n\"b,\nob\",8\nunfinished";
//! let cut = Splitter::new(b',').cut(file, false).unwrap();
//! assert_eq!((cut.bytes, cut.rows, cut.lines), (16, 2, 3));
//!
//! let mut cells = Vec::new();
//! let mut rows = Rows::new(&file[..cut.bytes], b',');
//! let row = rows.next(&mut cells).unwrap();
//! assert_eq!((row.text(file), cells[1].text(file)), (&b"ann,7"[..], &b"7"[..]));
//! ```

mod buffer;
mod encoding;
mod error;
mod head;
mod header;
mod intake;
mod rows;
mod split;
mod structure;

pub use encoding::{Decoder, Encoding, EncodingError};
pub use error::IntakeError;
pub use head::{HEAD_BYTES, Head, read_head};
pub use header::{Dialect, Header, HeaderError, read_header, read_header_with};
pub use intake::{ChunkLimits, CutChunk, Intake, Start};
pub use rows::{Cell, Row, RowFault, Rows};
pub use split::{Cut, SplitError, Splitter};

/// The most bytes a row may have, without its line end: 1 MiB. An unclosed quote looks like a longer one.
pub const MAX_ROW_BYTES: usize = 1 << 20;

/// The size of the longest row with its line end, and one byte more, which shows that a row is longer.
const LONGEST_ROW: usize = MAX_ROW_BYTES + 3;

/// The most rows of a file: row numbers have 32 bits.
pub const MAX_ROWS: u64 = 1 << 32;

/// The name of the column that errors.csv adds.
pub const ERROR_COLUMN: &str = "error";
