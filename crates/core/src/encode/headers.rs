//! The header lines of success.csv and errors.csv.

use crate::batch::BatchSpec;
use crate::csv::{Dialect, ERROR_COLUMN, Encoding, Header};

/// The header of success.csv, with any byte order mark, in the file's own encoding.
pub fn success_header(header: &Header, spec: &BatchSpec) -> Vec<u8> {
    header_with(header, spec.dialect, Some(&spec.output_column))
}

/// The header of errors.csv, with any byte order mark, in the file's own encoding.
pub fn errors_header(header: &Header, spec: &BatchSpec) -> Vec<u8> {
    header_with(header, spec.dialect, (!spec.has_error_column).then_some(ERROR_COLUMN))
}

fn header_with(header: &Header, dialect: Dialect, column: Option<&str>) -> Vec<u8> {
    let mut text = header.raw.clone();
    if let Some(column) = column {
        text.push(dialect.delimiter);
        text.extend_from_slice(column.as_bytes());
    }
    text.extend_from_slice(&header.line_end);
    dialect.encoding.encode_in_place(&mut text);
    let bom = if dialect.bom { Encoding::bom(dialect.encoding) } else { b"" };
    [bom, &text].concat()
}
