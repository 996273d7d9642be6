//! A CSV as a stream of chunks: from a file or a pipe, in any encoding, in bounded memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, bail};
use smartpass_core::csv::{
    Decoder, Dialect, Encoding, HEAD_BYTES, Head, Header, IntakeError, MAX_ROW_BYTES, MAX_ROWS, SplitError,
    Splitter, read_head,
};

/// How many bytes of text a chunk has unless one row is longer. Input and output of a chunk stay in a core's cache.
const CHUNK_BYTES: usize = 256 << 10;

/// Room for the longest row, its line end, and one byte to see that it is longer.
const LONGEST_ROW: usize = MAX_ROW_BYTES + 3;

/// Whether the path stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// Whether the input can be read twice.
pub(crate) fn is_regular_file(path: &Path) -> bool {
    !is_stdin(path) && std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// What messages call an input.
pub(crate) fn source_name(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// Where a CSV comes from, and how far it has been read.
pub(crate) struct Source {
    /// What messages call it.
    name: String,
    input: Box<dyn Read + Send>,
    decoder: Decoder,
    /// The header, read when the source was opened.
    pub(crate) header: Header,
    /// How the file is written.
    pub(crate) dialect: Dialect,
    splitter: Splitter,
    /// Text after the last chunk: the start of the next one.
    rest: Vec<u8>,
    ended: bool,
    next: Position,
    /// Bytes read so far, as they stand in the file.
    pub(crate) bytes_read: u64,
}

/// Where a chunk starts in its file.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Position {
    /// The chunk's index, counted from 0.
    pub(crate) index: u64,
    /// The number of its first row, counted from 0.
    pub(crate) row: u64,
    /// The line of its first row, counted from 1.
    pub(crate) line: u64,
    /// Its offset in the file in bytes.
    pub(crate) byte: u64,
}

/// A chunk's text, in a buffer that is used again and again.
#[derive(Default)]
pub(crate) struct ChunkBuffer {
    /// Text up to `filled`, and room behind it.
    bytes: Vec<u8>,
    filled: usize,
    /// The chunk's length in bytes: whole rows.
    length: usize,
}

impl ChunkBuffer {
    /// The chunk.
    pub(crate) fn chunk(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Puts text behind what is there.
    fn append(&mut self, text: &[u8]) {
        let end = self.filled + text.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[self.filled..end].copy_from_slice(text);
        self.filled = end;
    }
}

impl Source {
    /// Opens a file, or standard input for `-`, and reads its header.
    pub(crate) fn open(path: &Path, told: Option<Encoding>) -> anyhow::Result<Self> {
        Self::open_with(path, told, None)
    }

    /// Opens a file whose delimiter is known.
    pub(crate) fn open_with(
        path: &Path,
        told: Option<Encoding>,
        delimiter: Option<u8>,
    ) -> anyhow::Result<Self> {
        let shown = source_name(path);
        if is_stdin(path) {
            return Self::new(shown, Box::new(io::stdin()), told, delimiter);
        }
        let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            bail!("{shown} is a directory (expected a CSV file)");
        }
        Self::new(shown, Box::new(file), told, delimiter)
    }

    /// Whether the file is known to end after its header.
    pub(crate) fn has_no_rows(&self) -> bool {
        self.ended && self.rest.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
    }

    fn new(
        name: String,
        mut input: Box<dyn Read + Send>,
        told: Option<Encoding>,
        delimiter: Option<u8>,
    ) -> anyhow::Result<Self> {
        let start = read_start(&mut input, told, delimiter).with_context(|| name.clone())?;
        let Started { bytes, ended, head } = start;
        let byte = head.encoded_bytes();
        let Head { header, dialect, bom_bytes } = head;
        let mut decoder = Decoder::new(dialect.encoding);
        let mut rest = Vec::new();
        decoder.decode(&bytes[bom_bytes..], ended, &mut rest).with_context(|| name.clone())?;
        rest.drain(..header.bytes());
        Ok(Self {
            name,
            input,
            decoder,
            splitter: Splitter::new(dialect.delimiter),
            rest,
            ended,
            next: Position { line: header.lines + 1, byte, ..Position::default() },
            bytes_read: bytes.len() as u64,
            header,
            dialect,
        })
    }

    /// Reads at most `room.len()` bytes as they stand in the file.
    fn read(&mut self, room: &mut [u8]) -> anyhow::Result<usize> {
        let read = read_retrying(&mut self.input, room)?;
        self.ended = read == 0;
        self.bytes_read += read as u64;
        Ok(read)
    }

    /// Reads text, in UTF-8, until `buffer` holds about `target` bytes or the file ends.
    fn fill(&mut self, buffer: &mut ChunkBuffer, target: usize) -> anyhow::Result<()> {
        while buffer.filled < target && !self.ended {
            if self.dialect.encoding == Encoding::Utf8 {
                if buffer.bytes.len() < target {
                    buffer.bytes.resize(target, 0);
                }
                buffer.filled += self.read(&mut buffer.bytes[buffer.filled..target])?;
            } else {
                let mut raw = vec![0; HEAD_BYTES];
                let read = self.read(&mut raw)?;
                let mut text = Vec::new();
                self.decoder.decode(&raw[..read], self.ended, &mut text)?;
                buffer.append(&text);
            }
        }
        Ok(())
    }

    /// Puts the next chunk into `buffer` and answers where it starts; `None` at the end.
    ///
    /// # Errors
    /// Reading fails, or a row has no end: the message names file, row, line and byte.
    pub(crate) fn next_chunk(&mut self, buffer: &mut ChunkBuffer) -> anyhow::Result<Option<Position>> {
        let outcome = self.cut_chunk(buffer);
        if outcome.is_err() {
            // Nobody may go on in the middle of a row that another thread failed at.
            (self.ended, self.rest) = (true, Vec::new());
        }
        outcome.with_context(|| self.name.clone())
    }

    fn cut_chunk(&mut self, buffer: &mut ChunkBuffer) -> anyhow::Result<Option<Position>> {
        buffer.filled = 0;
        buffer.append(&self.rest);
        self.rest.clear();
        let mut target = CHUNK_BYTES;
        let cut = loop {
            self.fill(buffer, target)?;
            let text = &buffer.bytes[..buffer.filled];
            let cut = self.splitter.cut(text, self.ended).map_err(|error| self.explain(&error, text))?;
            if cut.bytes > 0 || self.ended {
                break cut;
            }
            target = (2 * target).min(LONGEST_ROW);
        };
        buffer.length = cut.bytes;
        let text = &buffer.bytes[..buffer.filled];
        self.rest.extend_from_slice(&text[cut.bytes..]);
        if cut.bytes == 0 {
            return Ok(None);
        }
        let position = self.next;
        self.next.index += 1;
        self.next.row += u64::from(cut.rows);
        self.next.line += cut.lines;
        self.next.byte += self.dialect.encoding.encoded_len(&text[..cut.bytes]) as u64;
        if self.next.row > MAX_ROWS {
            return Err(IntakeError::TooManyRows.into());
        }
        Ok(Some(position))
    }

    fn explain(&self, error: &SplitError, text: &[u8]) -> IntakeError {
        let byte = self.next.byte + self.dialect.encoding.encoded_len(&text[..error.before.bytes]) as u64;
        IntakeError::endless_row(error, self.next.row, self.next.line, byte)
    }
}

/// The start of a file, in which its header was found.
struct Started {
    bytes: Vec<u8>,
    /// Whether that is all of it.
    ended: bool,
    head: Head,
}

fn read_start(
    input: &mut dyn Read,
    told: Option<Encoding>,
    delimiter: Option<u8>,
) -> anyhow::Result<Started> {
    let (mut bytes, mut ended) = (Vec::new(), false);
    let mut target = HEAD_BYTES;
    loop {
        let mut filled = bytes.len();
        bytes.resize(target, 0);
        while filled < target && !ended {
            let read = read_retrying(input, &mut bytes[filled..])?;
            (filled, ended) = (filled + read, read == 0);
        }
        bytes.truncate(filled);
        if let Some(head) = read_head(&bytes, told, delimiter, ended)? {
            return Ok(Started { bytes, ended, head });
        }
        target *= 2;
    }
}

fn read_retrying(input: &mut dyn Read, bytes: &mut [u8]) -> anyhow::Result<usize> {
    loop {
        match input.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome.context("cannot read"),
        }
    }
}
