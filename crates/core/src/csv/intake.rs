//! The chunker of the command line and of uploads: a CSV goes in, chunks of whole rows come out.

use super::buffer::Buffer;
use super::{
    Cut, Decoder, Dialect, Encoding, EncodingError, HEAD_BYTES, Head, Header, IntakeError, LONGEST_ROW,
    MAX_ROWS, SplitError, Splitter, read_head,
};

/// The number of bytes that are cut into rows at a time.
const PIECE_BYTES: usize = 64 << 10;

/// The limits of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLimits {
    /// The most bytes, unless one row is longer.
    pub bytes: usize,
    /// The most rows, unless the first piece that is cut (64 KiB, or more behind a long row) has more.
    pub rows: u32,
    /// The most bytes of output, estimated, with the same exception.
    pub output_bytes: usize,
}

impl Default for ChunkLimits {
    fn default() -> Self {
        Self { bytes: 4 << 20, rows: 32_768, output_bytes: 16 << 20 }
    }
}

impl ChunkLimits {
    /// Limits on bytes of text alone.
    pub fn of_bytes(bytes: usize) -> Self {
        Self { bytes, rows: u32::MAX, output_bytes: usize::MAX }
    }
}

/// The start of a chunk in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The chunk's index, counted from 0.
    pub index: u32,
    /// The number of its first row, counted from 0.
    pub row: u64,
    /// The line of its first row, counted from 1.
    pub line: u64,
}

/// A chunk that was cut from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutChunk {
    /// Its start in the file.
    pub start: Start,
    /// The number of its rows.
    pub rows: u32,
    /// Whole rows in UTF-8, blank lines included.
    pub text: Vec<u8>,
}

/// A CSV that is being read: bytes go in, a [header](Self::header) and then [chunks](Self::next_chunk) come out.
///
/// Bytes go in by one of two ways, with the same chunks. A caller with bytes at hand [pushes](Self::push) them. A
/// reader asks for [room](Self::room), reads into it, and [says how much](Self::fill): UTF-8 is then read to the place
/// of its chunk, without a copy. A chunk's buffer that is [handed back](Self::recycle) is used for a later chunk.
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
    delimiter: Option<u8>,
    limits: ChunkLimits,
    /// Characters of a row's URL that do not grow with the row.
    url_overhead: usize,
    /// Bytes as they were read: all of them until the header is found, later those of one read, to be decoded.
    raw: Buffer,
    /// The number of first bytes in which the header is searched.
    look_at: usize,
    begun: Option<Begun>,
    ended: bool,
}

/// The state after the header is read.
#[derive(Debug)]
struct Begun {
    header: Header,
    dialect: Dialect,
    decoder: Decoder,
    splitter: Splitter,
    /// Text from the start of the next chunk on.
    text: Buffer,
    /// A free buffer.
    spare: Buffer,
    /// The whole rows at the front of `text` that belong to the next chunk.
    counted: Cut,
    /// The size of the piece behind them that is cut next, in bytes.
    look: usize,
    next: Start,
    /// The byte of the file, in its own encoding, at which the next chunk starts.
    next_byte: u64,
}

impl Intake {
    /// A file of which nothing is read yet. `told` is its encoding where it has no byte order mark; `url_overhead` is
    /// the length of base URL and token of a row without values.
    pub fn new(told: Option<Encoding>, limits: ChunkLimits, url_overhead: usize) -> Self {
        Self {
            told,
            delimiter: None,
            limits,
            url_overhead,
            raw: Buffer::default(),
            look_at: HEAD_BYTES,
            begun: None,
            ended: false,
        }
    }

    /// The same, with the file's delimiter where it is known already.
    pub fn delimited_by(self, delimiter: Option<u8>) -> Self {
        Self { delimiter, ..self }
    }

    /// The header, once enough bytes are there to read it.
    pub fn header(&self) -> Option<&Header> {
        self.begun.as_ref().map(|begun| &begun.header)
    }

    /// The file's dialect, once the header is read.
    pub fn dialect(&self) -> Option<Dialect> {
        self.begun.as_ref().map(|begun| begun.dialect)
    }

    /// Whether the end of the file was reached.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether the file has ended and all of its rows are in chunks that were taken.
    pub fn has_no_more_rows(&self) -> bool {
        let is_blank = |begun: &Begun| begun.text.filled().iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        self.ended && self.begun.as_ref().is_some_and(is_blank)
    }

    /// Takes the next bytes of the file. With `last`, nothing follows.
    ///
    /// # Errors
    /// [`IntakeError`]: the header cannot be used, or the encoding does not fit.
    pub fn push(&mut self, bytes: &[u8], last: bool) -> Result<(), IntakeError> {
        self.ended = last;
        let Some(begun) = &mut self.begun else {
            self.raw.append_with(|raw| raw.extend_from_slice(bytes));
            return self.begin();
        };
        begun.text.reserve(chunk_room(self.limits));
        Ok(begun.append(bytes, last)?)
    }

    /// Room for the next bytes of the file, never empty; [`fill`](Self::fill) takes what was read into it.
    ///
    /// Callers take chunks until there is none, and then ask for more room.
    pub fn room(&mut self) -> &mut [u8] {
        match &mut self.begun {
            None => self.raw.room(self.look_at),
            Some(begun) if begun.dialect.encoding == Encoding::Utf8 => begun.room(self.limits),
            Some(_) => {
                self.raw.replace(b"");
                self.raw.room(PIECE_BYTES)
            }
        }
    }

    /// Takes the `read` bytes that were read into the [`room`](Self::room). 0 is the end of the file.
    ///
    /// # Errors
    /// [`IntakeError`]: the header cannot be used, or the encoding does not fit.
    pub fn fill(&mut self, read: usize) -> Result<(), IntakeError> {
        self.ended = read == 0;
        match &mut self.begun {
            None => {
                self.raw.advance(read);
                self.begin()
            }
            Some(begun) if begun.dialect.encoding == Encoding::Utf8 => {
                begun.text.advance(read);
                Ok(())
            }
            Some(begun) => {
                self.raw.advance(read);
                Ok(begun.append(self.raw.filled(), self.ended)?)
            }
        }
    }

    /// Takes back the buffer of a chunk that is no longer needed.
    pub fn recycle(&mut self, text: Vec<u8>) {
        if let Some(begun) = &mut self.begun {
            begun.recycle(Buffer::from(text));
        }
    }

    /// Searches the header in the first `look_at` bytes, then in twice as many: the sizes of the reads do not matter.
    fn begin(&mut self) -> Result<(), IntakeError> {
        while self.begun.is_none() && (self.raw.len() >= self.look_at || self.ended) {
            let sample = &self.raw.filled()[..self.raw.len().min(self.look_at)];
            let is_whole = self.ended && sample.len() == self.raw.len();
            if let Some(head) = read_head(sample, self.told, self.delimiter, is_whole)? {
                let bytes = std::mem::take(&mut self.raw);
                self.begun = Some(Begun::after(head, bytes.filled(), self.ended, self.limits)?);
            }
            self.look_at *= 2;
        }
        Ok(())
    }

    /// The next chunk, once it is full or the file has ended; `None` where more bytes are needed, or none are left.
    ///
    /// Callers take chunks until there is none after every push: what is not taken stays in memory.
    ///
    /// # Errors
    /// [`IntakeError`]: a row has no end, or the file has too many rows.
    pub fn next_chunk(&mut self) -> Result<Option<CutChunk>, IntakeError> {
        let Some(begun) = &mut self.begun else { return Ok(None) };
        loop {
            let rest = begun.text.len() - begun.counted.bytes;
            let room_left = self.limits.bytes.saturating_sub(begun.counted.bytes);
            let has_some = begun.counted.bytes > 0;
            let look = if has_some { begun.look.min(room_left) } else { begun.look };
            // One byte more than is cut shows whether the file goes on.
            if rest == 0 || rest <= look && !self.ended {
                break;
            }
            let piece_end = begun.counted.bytes + rest.min(look);
            let is_last = self.ended && piece_end == begun.text.len();
            let piece = &begun.text.filled()[begun.counted.bytes..piece_end];
            let cut = begun.splitter.cut(piece, is_last).map_err(|error| begun.explain(&error))?;
            let has_no_whole_row = cut.bytes == 0;
            if has_some
                && (has_no_whole_row && look == room_left
                    || begun.would_exceed(&cut, self.limits, self.url_overhead))
            {
                return begun.take(self.limits).map(Some);
            }
            if has_no_whole_row {
                begun.look = (2 * begun.look).min(LONGEST_ROW);
                continue;
            }
            begun.look = first_look(self.limits);
            begun.counted.bytes += cut.bytes;
            begun.counted.rows += cut.rows;
            begun.counted.lines += cut.lines;
        }
        let is_end = self.ended && begun.counted.bytes == begun.text.len() && begun.counted.bytes > 0;
        if is_end { begun.take(self.limits).map(Some) } else { Ok(None) }
    }
}

/// A whole chunk and what is pushed behind it: a growing vector would double an upload's memory.
fn chunk_room(limits: ChunkLimits) -> usize {
    limits.bytes + 4 * PIECE_BYTES
}

/// The size of a chunk's first piece, in bytes.
fn first_look(limits: ChunkLimits) -> usize {
    PIECE_BYTES.min(limits.bytes).max(1)
}

impl Begun {
    /// The state after `head`, which was found in the first `bytes` of the file.
    fn after(head: Head, bytes: &[u8], is_whole: bool, limits: ChunkLimits) -> Result<Self, EncodingError> {
        let next_byte = head.encoded_bytes();
        let Head { header, dialect, bom_bytes } = head;
        let mut decoder = Decoder::new(dialect.encoding);
        let mut text = Vec::new();
        decoder.decode(&bytes[bom_bytes..], is_whole, &mut text)?;
        text.drain(..header.bytes());
        Ok(Self {
            next: Start { index: 0, row: 0, line: header.lines + 1 },
            next_byte,
            dialect,
            splitter: Splitter::new(dialect.delimiter),
            header,
            decoder,
            text: text.into(),
            spare: Buffer::default(),
            counted: Cut::default(),
            look: first_look(limits),
        })
    }

    fn append(&mut self, bytes: &[u8], last: bool) -> Result<(), EncodingError> {
        self.text.append_with(|text| self.decoder.decode(bytes, last, text))
    }

    /// Room for a whole chunk, or for the next piece where that is more.
    fn room(&mut self, limits: ChunkLimits) -> &mut [u8] {
        let wanted = limits.bytes.max(self.counted.bytes + self.look) + 1;
        let end = if self.text.len() < wanted { wanted } else { self.text.len() + PIECE_BYTES };
        self.text.room(end)
    }

    /// Uses the larger buffer for the next chunk, and the other one for the text that the chunk leaves over.
    fn recycle(&mut self, mut free: Buffer) {
        if free.capacity() > self.text.capacity() {
            free.replace(self.text.filled());
            std::mem::swap(&mut self.text, &mut free);
        }
        self.spare = free;
    }

    fn would_exceed(&self, cut: &Cut, limits: ChunkLimits, url_overhead: usize) -> bool {
        let (bytes, rows) = (self.counted.bytes + cut.bytes, self.counted.rows + cut.rows);
        // The output has the row itself, and its values again in base64.
        let output = bytes * 7 / 3 + rows as usize * url_overhead;
        rows > limits.rows || output > limits.output_bytes
    }

    fn take(&mut self, limits: ChunkLimits) -> Result<CutChunk, IntakeError> {
        let counted = std::mem::take(&mut self.counted);
        let mut rest = std::mem::take(&mut self.spare);
        rest.reserve(chunk_room(limits));
        rest.replace(&self.text.filled()[counted.bytes..]);
        let text = std::mem::replace(&mut self.text, rest).into_front(counted.bytes);
        self.look = first_look(limits);
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
        let before = &self.text.filled()[..self.counted.bytes + error.before.bytes];
        let rows = self.next.row + u64::from(self.counted.rows);
        let lines = self.next.line + self.counted.lines;
        let bytes = self.next_byte + self.dialect.encoding.encoded_len(before) as u64;
        IntakeError::endless_row(error, rows, lines, bytes)
    }
}
