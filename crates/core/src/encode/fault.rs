//! Row errors: the reason why a row could not become a link, and its text.

use serde::{Deserialize, Serialize};

use crate::csv::RowFault;
use crate::template::{CellFault, Field, FieldType};

/// The kind of a row error, for counting. It holds nothing of the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// A blank cell of a required field.
    Blank,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// Text that the field's type does not allow.
    WrongType,
    /// A number too large for 64 bits.
    OutOfRange,
    /// More characters than the template allows.
    TooLong,
    /// More or fewer cells than the header.
    CellCount,
    /// Text after a closing quote, or a quote that is never closed.
    Quotes,
    /// A carriage return alone, outside quotes.
    CarriageReturn,
    /// A link over the size limit.
    LinkTooLong,
}

impl ErrorKind {
    /// Its code, as it is stored and counted.
    pub fn code(self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::NotUtf8 => "not-utf8",
            Self::WrongType => "wrong-type",
            Self::OutOfRange => "out-of-range",
            Self::TooLong => "too-long",
            Self::CellCount => "cell-count",
            Self::Quotes => "quotes",
            Self::CarriageReturn => "carriage-return",
            Self::LinkTooLong => "link-too-long",
        }
    }

    /// A label for people, in a few words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Blank => "blank, but required",
            Self::NotUtf8 => "not UTF-8",
            Self::WrongType => "not of its type",
            Self::OutOfRange => "out of range",
            Self::TooLong => "too long",
            Self::CellCount => "wrong number of cells",
            Self::Quotes => "broken quotes",
            Self::CarriageReturn => "carriage return alone",
            Self::LinkTooLong => "link too long",
        }
    }
}

/// The reason why a row could not become a link. It holds nothing of the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowError {
    /// The kind of error.
    pub kind: ErrorKind,
    /// The index of the template's field.
    pub field: Option<usize>,
    /// The index of the column, where no field is concerned.
    pub column: Option<usize>,
    /// The link's size and its limit, for [`ErrorKind::LinkTooLong`].
    size: (usize, usize),
}

impl RowError {
    fn new(kind: ErrorKind) -> Self {
        Self { kind, field: None, column: None, size: (0, 0) }
    }

    #[cold]
    pub(super) fn bad_cell(fault: CellFault, index: usize) -> Self {
        let kind = match fault {
            CellFault::Blank => ErrorKind::Blank,
            CellFault::NotUtf8 => ErrorKind::NotUtf8,
            CellFault::Malformed => ErrorKind::WrongType,
            CellFault::OutOfRange => ErrorKind::OutOfRange,
            CellFault::TooLong => ErrorKind::TooLong,
        };
        Self { field: Some(index), ..Self::new(kind) }
    }

    #[cold]
    pub(super) fn not_utf8(column: usize) -> Self {
        Self { column: Some(column), ..Self::new(ErrorKind::NotUtf8) }
    }

    #[cold]
    pub(super) fn broken_row(fault: RowFault, column: usize) -> Self {
        let kind = match fault {
            RowFault::TextAfterQuote | RowFault::UnclosedQuote => ErrorKind::Quotes,
            RowFault::CarriageReturn => ErrorKind::CarriageReturn,
        };
        Self { column: Some(column), ..Self::new(kind) }
    }

    #[cold]
    pub(super) fn wrong_cell_count() -> Self {
        Self::new(ErrorKind::CellCount)
    }

    #[cold]
    pub(super) fn link_too_long(size: usize, limit: usize) -> Self {
        Self { size: (size, limit), ..Self::new(ErrorKind::LinkTooLong) }
    }

    /// The text of an error in the cell that feeds `field`.
    pub(super) fn about_field(&self, field: &Field, header: Option<&str>, cell: &[u8]) -> String {
        let name = &field.name;
        let place = match header {
            Some(header) if header != name => format!("{name} (column {header:?})"),
            _ => name.clone(),
        };
        let shown = excerpt(cell);
        let (type_name, expected) = (with_article(field.field_type), field.field_type.expected());
        let problem = match self.kind {
            ErrorKind::Blank => format!("blank, but required (expected {expected})"),
            ErrorKind::NotUtf8 => {
                format!("{shown} is not UTF-8 (save the file as UTF-8, or name its encoding)")
            }
            ErrorKind::OutOfRange => format!("{shown} is out of range (expected 64 bits)"),
            ErrorKind::TooLong => {
                format!("{shown} is too long (expected at most {} characters)", field.max_length.unwrap_or(0))
            }
            _ if is_shortened_number(cell) => format!(
                "{shown} is a number that a spreadsheet shortened: its digits are lost \
                 (format the column as text before you fill or open it, then export again)"
            ),
            _ if field.field_type == FieldType::Enum => {
                format!("{shown} is not one of the template's symbols (expected {})", symbol_list(field))
            }
            _ => format!("{shown} is not {type_name} (expected {expected})"),
        };
        format!("{place}: {problem}")
    }

    /// The text of an error that concerns no field: of a column, or of the row as a whole.
    pub(super) fn about_row(&self, cells: usize, columns: usize, column: Option<&str>) -> String {
        let place = column.map(|name| format!("{name}: ")).unwrap_or_default();
        let problem = match self.kind {
            ErrorKind::CellCount => {
                let plural = if cells == 1 { "" } else { "s" };
                format!("{cells} cell{plural} (expected {columns}, as in the header)")
            }
            ErrorKind::Quotes => {
                "text after a closing quote (write a quote inside a quoted cell twice: \"\")".to_owned()
            }
            ErrorKind::CarriageReturn => {
                "a carriage return alone (end rows with LF or CRLF, or quote the cell)".to_owned()
            }
            ErrorKind::LinkTooLong => {
                let (size, limit) = self.size;
                format!(
                    "the link would hold {size} bytes (expected at most {limit}: map fewer or shorter columns)"
                )
            }
            kind => kind.label().to_owned(),
        };
        format!("{place}{problem}")
    }
}

/// Whether a cell starts as our reasons do: `row 17, line 21: `.
pub(super) fn starts_with_place(cell: &[u8]) -> bool {
    let after_number = |text: &[u8]| -> Option<usize> {
        text.iter().position(|byte| !byte.is_ascii_digit()).filter(|&digits| digits > 0)
    };
    let place = || {
        let row = cell.strip_prefix(b"row ")?;
        let line = row[after_number(row)?..].strip_prefix(b", line ")?;
        line[after_number(line)?..].strip_prefix(b": ")
    };
    place().is_some()
}

fn with_article(field_type: FieldType) -> String {
    let name = match field_type {
        FieldType::Email => "email address",
        FieldType::Phone => "phone number",
        FieldType::Url => "URL",
        FieldType::Uuid => "UUID",
        other => other.name(),
    };
    let article = if matches!(field_type, FieldType::Email | FieldType::Integer) { "an" } else { "a" };
    format!("{article} {name}")
}

/// The cell for a message: its first 40 characters, quoted.
fn excerpt(cell: &[u8]) -> String {
    const CHARACTERS: usize = 40;
    let text = String::from_utf8_lossy(&cell[..cell.len().min(4 * CHARACTERS)]);
    let shown: String = text.chars().take(CHARACTERS).collect();
    let is_whole = shown.len() == text.len() && cell.len() <= 4 * CHARACTERS;
    if is_whole { format!("{shown:?}") } else { format!("{shown:?}…") }
}

fn symbol_list(field: &Field) -> String {
    const SHOWN: usize = 8;
    let mut list = field.symbols.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if field.symbols.len() > SHOWN {
        list.push_str(" …");
    }
    list
}

/// Whether the text looks like `4.41E+11`, as Excel writes long digits.
fn is_shortened_number(cell: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(cell) else { return false };
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    is_number(whole) && is_number(fraction) && is_number(exponent)
}

#[cfg(test)]
mod tests {
    use super::ErrorKind;

    #[test]
    fn a_kind_is_stored_under_its_code() {
        use ErrorKind::*;
        let kinds =
            [Blank, NotUtf8, WrongType, OutOfRange, TooLong, CellCount, Quotes, CarriageReturn, LinkTooLong];
        for kind in kinds {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.code());
        }
    }
}
