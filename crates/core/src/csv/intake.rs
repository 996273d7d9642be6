//! A CSV that comes in pieces, cut into chunks: the splitter for bytes that are pushed, whoever reads them.

use super::{
    Cut, Decoder, Dialect, Encoding, EncodingError, Header, HeaderError, MAX_ROW_BYTES, SplitError, Splitter,
    read_header, read_header_with,
};

/// The start of a file from which header and delimiter are read: the same for every way in.
pub const HEAD_BYTES: usize = 64 << 10;

/// The most rows of a file: what row numbers can count.
pub const MAX_ROWS: u64 = 1 << 32;

/// How much text is looked at in one go. Rows have two bytes at least, so it never holds more than half as many.
const PIECE_BYTES: usize = 64 << 10;

/// When a chunk is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLimits {
    /// The most bytes, unless one row is longer.
    pub bytes: usize,
    /// The most rows, or as many as there are in one look of 64 KiB where that is more.
    pub rows: u32,
    /// The most bytes of output, estimated.
    pub output_bytes: usize,
}

impl Default for ChunkLimits {
    fn default() -> Self {
        Self { bytes: 4 << 20, rows: 32_768, output_bytes: 16 << 20 }
    }
}

/// Where a chunk starts in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The chunk's index, counted from 0.
    pub index: u32,
    /// The number of its first row, counted from 0.
    pub row: u64,
    /// The line of its first row, counted from 1.
    pub line: u64,
}

/// A chunk that was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutChunk {
    /// Where it starts.
    pub start: Start,
    /// Its rows.
    pub rows: u32,
    /// Whole rows in UTF-8, blank lines included.
    pub text: Vec<u8>,
}

/// A file that cannot be read on. It holds nothing of a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// The header cannot be used.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The bytes are not what the encoding allows.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// Encoding and byte order mark contradict each other.
    #[error("the file's byte order mark does not fit the given encoding (leave the encoding out)")]
    ByteOrderMark,
    /// A row has no end.
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
    /// More rows than row numbers.
    #[error("the file has more than {MAX_ROWS} rows (split it)")]
    TooManyRows,
}

impl IntakeError {
    /// What a splitter stopped at. `rows` stand before what it was given, which begins on line `line`; the row itself
    /// begins at `byte` of the file.
    pub fn endless_row(error: &SplitError, rows: u64, line: u64, byte: u64) -> Self {
        Self::EndlessRow {
            row: rows + u64::from(error.before.rows) + 1,
            line: line + error.before.lines,
            byte,
            unclosed_quote: error.unclosed_quote,
        }
    }
}

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
        None if text.len() > MAX_ROW_BYTES + 3 => Err(HeaderError::TooLong.into()),
        None => Ok(None),
    }
}

/// A CSV on its way in: [`push`](Self::push) bytes, take the [header](Self::header), then
/// [chunks](Self::next_chunk).
///
/// ```
/// use smartpass_core::csv::{ChunkLimits, Intake};
/// let mut intake = Intake::new(None, ChunkLimits::default(), 24);
/// intake.push(b"name,points\nann,", false).unwrap();
/// assert!(intake.next_chunk().unwrap().is_none());
/// intake.push(b"7\nbob,8\n", true).unwrap();
/// assert_eq!(intake.header().unwrap().columns, ["name", "points"]);
/// let chunk = intake.next_chunk().unwrap().unwrap();
/// assert_eq!((chunk.rows, chunk.start.line, &chunk.text[..]), (2, 2, &b"ann,7\nbob,8\n"[..]));
/// ```
#[derive(Debug)]
pub struct Intake {
    told: Option<Encoding>,
    limits: ChunkLimits,
    /// Characters that a row's URL has besides what grows with the row.
    url_overhead: usize,
    /// Bytes as they came, until the header is read.
    head: Vec<u8>,
    /// How much of `head` is looked at for the header.
    look_at: usize,
    begun: Option<Begun>,
    ended: bool,
}

/// What is known once the header is read.
#[derive(Debug)]
struct Begun {
    header: Header,
    dialect: Dialect,
    decoder: Decoder,
    splitter: Splitter,
    /// Text from the start of the next chunk on.
    text: Vec<u8>,
    /// Whole rows at the front of `text` that were counted.
    counted: Cut,
    /// How much of the text behind them is looked at next.
    look: usize,
    next: Start,
    /// Where the next chunk starts in the file, in its own encoding.
    next_byte: u64,
}

impl Intake {
    /// A file of which nothing has come yet. `told` is its encoding where it has no byte order mark; `url_overhead`
    /// the length of base URL and token of a row without values.
    pub fn new(told: Option<Encoding>, limits: ChunkLimits, url_overhead: usize) -> Self {
        Self { told, limits, url_overhead, head: Vec::new(), look_at: HEAD_BYTES, begun: None, ended: false }
    }

    /// The header, once enough has come to read it.
    pub fn header(&self) -> Option<&Header> {
        self.begun.as_ref().map(|begun| &begun.header)
    }

    /// How the file is written, once the header is read.
    pub fn dialect(&self) -> Option<Dialect> {
        self.begun.as_ref().map(|begun| begun.dialect)
    }

    /// Takes the next bytes of the file. With `last`, nothing follows.
    ///
    /// # Errors
    /// [`IntakeError`], of header and encoding.
    pub fn push(&mut self, bytes: &[u8], last: bool) -> Result<(), IntakeError> {
        self.ended = last;
        if let Some(begun) = &mut self.begun {
            begun.decoder.decode(bytes, last, &mut begun.text)?;
            return Ok(());
        }
        self.head.extend_from_slice(bytes);
        while self.begun.is_none() && (self.head.len() >= self.look_at || last) {
            let is_whole = last && self.head.len() <= self.look_at;
            self.read_head(is_whole)?;
            self.look_at *= 2;
        }
        Ok(())
    }

    /// Looks for the header in the first `look_at` bytes: the same bytes however they came here.
    fn read_head(&mut self, is_whole: bool) -> Result<(), IntakeError> {
        let sample = &self.head[..self.head.len().min(self.look_at)];
        let Some(head) = read_head(sample, self.told, None, is_whole)? else { return Ok(()) };
        let next_byte = head.encoded_bytes();
        let Head { header, dialect, bom_bytes } = head;
        let mut decoder = Decoder::new(dialect.encoding);
        let mut text = Vec::new();
        decoder.decode(&self.head[bom_bytes..], self.ended, &mut text)?;
        self.head = Vec::new();
        text.drain(..header.bytes());
        self.begun = Some(Begun {
            next: Start { index: 0, row: 0, line: header.lines + 1 },
            next_byte,
            dialect,
            splitter: Splitter::new(dialect.delimiter),
            header,
            decoder,
            text,
            counted: Cut::default(),
            look: PIECE_BYTES,
        });
        Ok(())
    }

    /// The next chunk, once it is full or the file has ended; `None` where more bytes are needed, or none are left.
    ///
    /// Take chunks until there is none after every push: what is not taken stays in memory.
    ///
    /// # Errors
    /// [`IntakeError`]: a row without an end, or too many rows.
    pub fn next_chunk(&mut self) -> Result<Option<CutChunk>, IntakeError> {
        let Some(begun) = &mut self.begun else { return Ok(None) };
        loop {
            let rest = begun.text.len() - begun.counted.bytes;
            if rest == 0 || rest < begun.look && !self.ended {
                break;
            }
            let piece_end = begun.counted.bytes + rest.min(begun.look);
            let is_last = self.ended && piece_end == begun.text.len();
            let piece = &begun.text[begun.counted.bytes..piece_end];
            let cut = begun.splitter.cut(piece, is_last).map_err(|error| begun.explain(&error))?;
            if cut.bytes == 0 {
                // A row longer than what was looked at.
                begun.look *= 2;
                continue;
            }
            let is_full = begun.counted.rows > 0 && begun.would_exceed(&cut, self.limits, self.url_overhead);
            if is_full {
                return begun.take(self.limits).map(Some);
            }
            begun.look = PIECE_BYTES;
            begun.counted.bytes += cut.bytes;
            begun.counted.rows += cut.rows;
            begun.counted.lines += cut.lines;
        }
        let is_end = self.ended && begun.counted.bytes == begun.text.len() && begun.counted.bytes > 0;
        if is_end { begun.take(self.limits).map(Some) } else { Ok(None) }
    }
}

impl Begun {
    fn would_exceed(&self, cut: &Cut, limits: ChunkLimits, url_overhead: usize) -> bool {
        let (bytes, rows) = (self.counted.bytes + cut.bytes, self.counted.rows + cut.rows);
        // The row itself, and its values again in base64.
        let output = bytes * 7 / 3 + rows as usize * url_overhead;
        bytes > limits.bytes || rows > limits.rows || output > limits.output_bytes
    }

    fn take(&mut self, limits: ChunkLimits) -> Result<CutChunk, IntakeError> {
        let counted = std::mem::take(&mut self.counted);
        // Room for a whole chunk and what is pushed behind it: growing would double the memory of every upload.
        let mut rest = Vec::with_capacity(limits.bytes + 4 * PIECE_BYTES);
        rest.extend_from_slice(&self.text[counted.bytes..]);
        let mut text = std::mem::replace(&mut self.text, rest);
        text.truncate(counted.bytes);
        let start = self.next;
        self.next.index += 1;
        self.next.row += u64::from(counted.rows);
        self.next.line += counted.lines;
        self.next_byte += self.dialect.encoding.encoded_len(&text) as u64;
        if self.next.row > MAX_ROWS {
            return Err(IntakeError::TooManyRows);
        }
        Ok(CutChunk { start, rows: counted.rows, text })
    }

    fn explain(&self, error: &SplitError) -> IntakeError {
        let before = &self.text[..self.counted.bytes + error.before.bytes];
        let rows = self.next.row + u64::from(self.counted.rows);
        let lines = self.next.line + self.counted.lines;
        let bytes = self.next_byte + self.dialect.encoding.encoded_len(before) as u64;
        IntakeError::endless_row(error, rows, lines, bytes)
    }
}
