//! The reasons why a cell's text does not fit its field.

/// The reason why a cell's text does not fit its field. It holds nothing of the cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellFault {
    /// A blank cell of a required field.
    Blank,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// Text that the type does not allow.
    Malformed,
    /// A number of the right form, too large for 64 bits.
    OutOfRange,
    /// More characters than the template allows.
    TooLong,
}

/// The fault of text that a type does not allow.
#[cold]
pub(super) fn malformed_or_not_utf8(text: &[u8]) -> CellFault {
    if std::str::from_utf8(text).is_ok() { CellFault::Malformed } else { CellFault::NotUtf8 }
}
