//! How a file begins: byte order mark, delimiter and header, found alike for every way in.

use super::{
    Decoder, Dialect, Encoding, Header, HeaderError, IntakeError, LONGEST_ROW, read_header, read_header_with,
};

/// The start of a file from which header and delimiter are read: the same for every way in.
pub const HEAD_BYTES: usize = 64 << 10;

/// How a file begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its header.
    pub header: Header,
    /// How it is written.
    pub dialect: Dialect,
    /// Bytes of its byte order mark.
    pub bom_bytes: usize,
}

impl Head {
    /// Bytes from the start of the file to its first row, in its own encoding.
    pub fn encoded_bytes(&self) -> u64 {
        let text = [&self.header.raw[..], &self.header.line_end].concat();
        (self.bom_bytes + self.dialect.encoding.encoded_len(&text)) as u64
    }
}

/// Reads byte order mark, delimiter and header at the start of a file. `told` and `delimiter` are what is known of it
/// already; with `is_whole`, `bytes` is the whole file.
///
/// Give it the first [`HEAD_BYTES`], and twice as many each time that the header is not all there (`None`): every way
/// in then finds the same.
///
/// # Errors
/// [`IntakeError`]: a header that cannot be used, or an encoding that contradicts the byte order mark.
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
