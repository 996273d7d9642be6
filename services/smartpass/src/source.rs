//! A CSV as a stream of chunks: from a file or a pipe, in bounded memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, bail};
use smartpass_core::csv::{ChunkLimits, Dialect, Encoding, Header, Intake, Start};

use crate::remedies::of_intake;

/// The size of a chunk's text unless one row is longer. Input and output of a chunk stay in a core's cache.
const CHUNK_BYTES: usize = 256 << 10;

/// Whether the path stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// Whether the input can be read twice.
pub(crate) fn is_regular_file(path: &Path) -> bool {
    !is_stdin(path) && std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// The name of an input in messages.
pub(crate) fn source_name(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// A CSV, and how far it has been read.
pub(crate) struct Source {
    /// The name in messages.
    name: String,
    input: Box<dyn Read + Send>,
    intake: Intake,
    /// The header, read when the source was opened.
    pub(crate) header: Header,
    /// The file's dialect: encoding, delimiter and line ends.
    pub(crate) dialect: Dialect,
    /// Whether a thread failed: no other thread may go on in the middle of its row.
    failed: bool,
    /// Bytes read so far, as they stand in the file.
    pub(crate) bytes_read: u64,
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
        self.intake.has_no_more_rows()
    }

    fn new(
        name: String,
        mut input: Box<dyn Read + Send>,
        told: Option<Encoding>,
        delimiter: Option<u8>,
    ) -> anyhow::Result<Self> {
        // The output of a chunk is written at once: its size limits nothing.
        let mut intake = Intake::new(told, ChunkLimits::of_bytes(CHUNK_BYTES), 0).delimited_by(delimiter);
        let mut bytes_read = 0;
        let (header, dialect) = loop {
            if let (Some(header), Some(dialect)) = (intake.header(), intake.dialect()) {
                break (header.clone(), dialect);
            }
            bytes_read += read_into(&mut intake, &mut input).with_context(|| name.clone())?;
        };
        Ok(Self { name, input, intake, header, dialect, failed: false, bytes_read })
    }

    /// Puts the next chunk into `text`, whose buffer is used again, and answers where it starts; `None` at the end.
    ///
    /// # Errors
    /// Reading fails, or a row has no end: the message names file, row, line and byte.
    pub(crate) fn next_chunk(&mut self, text: &mut Vec<u8>) -> anyhow::Result<Option<Start>> {
        if self.failed {
            return Ok(None);
        }
        let outcome = self.cut_chunk(text);
        self.failed = outcome.is_err();
        outcome.with_context(|| self.name.clone())
    }

    fn cut_chunk(&mut self, text: &mut Vec<u8>) -> anyhow::Result<Option<Start>> {
        self.intake.recycle(std::mem::take(text));
        loop {
            if let Some(chunk) = self.intake.next_chunk()? {
                *text = chunk.text;
                return Ok(Some(chunk.start));
            }
            if self.intake.has_ended() {
                return Ok(None);
            }
            self.bytes_read += read_into(&mut self.intake, &mut self.input)?;
        }
    }
}

/// Reads once, straight into the intake's own room; answers how many bytes came.
fn read_into(intake: &mut Intake, input: &mut dyn Read) -> anyhow::Result<u64> {
    let read = read_retrying(input, intake.room())?;
    intake.fill(read).map_err(|error| of_intake(&error))?;
    Ok(read as u64)
}

fn read_retrying(input: &mut dyn Read, bytes: &mut [u8]) -> anyhow::Result<usize> {
    loop {
        match input.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome.context("cannot read"),
        }
    }
}
