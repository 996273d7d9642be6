//! The head of a file: byte order mark, delimiter and header.

use super::{
    Decoder, Dialect, Encoding, Header, HeaderError, IntakeError, LONGEST_ROW, read_header, read_header_with,
};

/// The number of bytes from which header and delimiter are read first. It is one for all callers, so that all find the
/// same delimiter.
pub const HEAD_BYTES: usize = 64 << 10;

/// The head of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its header.
    pub header: Header,
    /// Its delimiter, encoding and byte order mark.
    pub dialect: Dialect,
    /// The length of its byte order mark, in bytes.
    pub bom_bytes: usize,
}

impl Head {
    /// The number of bytes before the first row, in the file's own encoding.
    pub fn encoded_bytes(&self) -> u64 {
        let text = [&self.header.raw[..], &self.header.line_end].concat();
        (self.bom_bytes + self.dialect.encoding.encoded_len(&text)) as u64
    }
}

/// Reads byte order mark, delimiter and header at the start of a file. `told` and `delimiter` are given where they are
/// known; with `is_whole`, `bytes` is the whole file.
///
/// `None` means that the header does not end in `bytes`. Callers pass the first [`HEAD_BYTES`], and twice as many each
/// time that the answer is `None`, so that all of them find the same.
///
/// # Errors
/// [`IntakeError`]: the header cannot be used, the encoding contradicts the byte order mark, or UTF-16 is cut off.
pub fn read_head(
    bytes: &[u8],
    told: Option<Encoding>,
    delimiter: Option<u8>,
    is_whole: bool,
) -> Result<Option<Head>, IntakeError> {
    let (encoding, bom_bytes) = match Encoding::from_bom(bytes) {
        Some((announced, _)) if told.is_some_and(|told| told != announced) => {
            return Err(IntakeError::ByteOrderMark);
        }
        Some(found) => found,
        None => (told.unwrap_or_default(), 0),
    };
    let mut text = Vec::new();
    Decoder::new(encoding).decode(&bytes[bom_bytes..], is_whole, &mut text)?;
    let found = match delimiter {
        Some(known) => read_header_with(&text, is_whole, known)?.map(|header| (known, header)),
        None => read_header(&text, is_whole)?,
    };
    match found {
        Some((delimiter, header)) => {
            let dialect = Dialect { delimiter, encoding, bom: bom_bytes > 0 };
            Ok(Some(Head { header, dialect, bom_bytes }))
        }
        None if text.len() > LONGEST_ROW => Err(HeaderError::TooLong.into()),
        None => Ok(None),
    }
}
