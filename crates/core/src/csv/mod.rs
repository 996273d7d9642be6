//! Customers' CSV files, read without changing a byte of them.
//!
//! A file of a hundred million rows is never held: it passes through as *chunks*, runs of whole rows. The
//! [`Intake`] cuts them, whether bytes are pushed or read; its [`Splitter`] finds where the last whole row of a
//! buffer ends, and [`Rows`] walks the cells of a chunk. Neither copies: a row in the output is the row's bytes from
//! the input.
//!
//! # The dialect
//!
//! RFC 4180 with the delimiter found by itself (`,` `;` TAB `|`), rows ended by LF or CRLF, cells over many lines
//! when quoted. Where real files break the rule, reading differs from the `csv` crate's in these points, each of
//! them tested in `tests/csv_against_the_csv_crate.rs`:
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
//! Rows are worked on as UTF-8. [`Encoding`] turns UTF-16 and Windows-1252 into it and back, byte for byte.
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

/// Room for the longest row and its line end, and one byte more, which shows that a row is longer.
const LONGEST_ROW: usize = MAX_ROW_BYTES + 3;

/// The most rows of a file: what row numbers can count.
pub const MAX_ROWS: u64 = 1 << 32;

/// The name of the column that `errors.csv` carries.
pub const ERROR_COLUMN: &str = "error";
