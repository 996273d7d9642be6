//! The check of the links' column: whether it can have its name in a file.

use crate::csv::{Dialect, ERROR_COLUMN, Encoding};

/// A name that the column with the links cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutputColumnError {
    /// The name of the column of errors.csv.
    #[error("column {0:?} is the column of errors.csv (choose another name)")]
    OfErrors(String),
    /// An empty name, or characters that the file cannot have there.
    #[error(
        "column {0:?} cannot be a column's name here \
         (expected a name that the file's encoding has, without delimiter, quote or control character)"
    )]
    Unwritable(String),
    /// The name of a column of the file.
    #[error(
        "the file has a column {0:?} already (rename or remove it, or choose another name for the links' column)"
    )]
    Taken(String),
}

/// Checks that the file can have one more column called `name`.
///
/// # Errors
/// [`OutputColumnError`]: the file has the name already, it is reserved, or it cannot be written.
pub fn check_output_column(
    name: &str,
    columns: &[String],
    dialect: Dialect,
) -> Result<(), OutputColumnError> {
    let forbidden = |c: char| c.is_control() || c == '"' || u32::from(c) == u32::from(dialect.delimiter);
    if name == ERROR_COLUMN {
        return Err(OutputColumnError::OfErrors(name.to_owned()));
    }
    let mut encoded = name.as_bytes().to_vec();
    dialect.encoding.encode_in_place(&mut encoded);
    let is_writable = dialect.encoding != Encoding::Windows1252
        || !encoded.starts_with(b"&") && encoded.len() == name.chars().count();
    if name.is_empty() || name.chars().any(forbidden) || !is_writable {
        return Err(OutputColumnError::Unwritable(name.to_owned()));
    }
    if columns.iter().any(|column| column == name) {
        return Err(OutputColumnError::Taken(name.to_owned()));
    }
    Ok(())
}
