//! The splitter, which cuts a stream of bytes behind whole rows.

use wide::u8x16;

use super::MAX_ROW_BYTES;
use super::structure::{block_at, mask_of};

/// Finds the end of the last whole row in a buffer, and counts the rows.
#[derive(Clone, Copy, Debug)]
pub struct Splitter {
    delimiter: u8,
}

/// The whole rows at the front of a buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Their length in bytes, the last line end included.
    pub bytes: usize,
    /// The number of rows; blank lines are not counted.
    pub rows: u32,
    /// The number of line feeds.
    pub lines: u64,
}

/// A row without an end. Positions count from the start of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row has no end within {MAX_ROW_BYTES} bytes, or a quote is not closed")]
pub struct SplitError {
    /// The rows before it: its offset is `before.bytes`.
    pub before: Cut,
    /// Whether the file ended inside a quoted cell; otherwise the row is longer than [`MAX_ROW_BYTES`].
    pub unclosed_quote: bool,
}

/// The state of a scan.
struct Scan<'a> {
    bytes: &'a [u8],
    delimiter: u8,
    /// The whole rows so far.
    cut: Cut,
    /// The line feeds in the unfinished row.
    lines_in_row: u64,
    /// Whether the scan is inside a quoted cell.
    quoted: bool,
    /// The position of the second quote of an escaped pair, which is skipped.
    skip: usize,
}

impl Splitter {
    /// A splitter for rows whose cells are separated by `delimiter`.
    pub fn new(delimiter: u8) -> Self {
        Self { delimiter }
    }

    /// The longest prefix of `bytes` that is whole rows.
    ///
    /// `bytes` starts at the start of a row. With `last`, nothing follows it, and a last row needs no line end.
    ///
    /// # Errors
    /// A row is longer than [`MAX_ROW_BYTES`], or with `last` a quote is still open at the end.
    pub fn cut(&self, bytes: &[u8], last: bool) -> Result<Cut, SplitError> {
        let mut scan = Scan {
            bytes,
            delimiter: self.delimiter,
            cut: Cut::default(),
            lines_in_row: 0,
            quoted: false,
            skip: usize::MAX,
        };
        let (quote, line_feed) = (u8x16::splat(b'"'), u8x16::splat(b'\n'));
        let mut start = 0;
        while let Some(block) = block_at(bytes, start) {
            let quotes = mask_of(&block, |lane| lane.simd_eq(quote));
            let line_feeds = mask_of(&block, |lane| lane.simd_eq(line_feed));
            let simple =
                quotes == 0 && !scan.quoted && !may_hold_blank_line(line_feeds, start, scan.cut.bytes);
            if simple {
                scan.count_plain_rows(start, line_feeds)?;
            } else {
                scan.step_through(start, quotes | line_feeds)?;
            }
            start += block.len();
        }
        scan.finish(last)
    }
}

/// Whether two line feeds are so close that a blank line may be between them (LF LF or LF CR LF).
fn may_hold_blank_line(line_feeds: u64, start: usize, row_start: usize) -> bool {
    let near_the_last = start.saturating_sub(row_start) < 2 && line_feeds & 0b11 != 0;
    near_the_last || line_feeds & (line_feeds << 1 | line_feeds << 2) != 0
}

impl Scan<'_> {
    /// Counts rows in a block that has neither quotes nor blank lines.
    fn count_plain_rows(&mut self, start: usize, line_feeds: u64) -> Result<(), SplitError> {
        if line_feeds == 0 {
            return Ok(());
        }
        self.check_row(start + line_feeds.trailing_zeros() as usize)?;
        let rows = line_feeds.count_ones();
        self.cut.rows += rows;
        self.cut.lines += u64::from(rows) + std::mem::take(&mut self.lines_in_row);
        self.cut.bytes = start + 64 - line_feeds.leading_zeros() as usize;
        Ok(())
    }

    fn step_through(&mut self, start: usize, mut mask: u64) -> Result<(), SplitError> {
        while mask != 0 {
            let position = start + mask.trailing_zeros() as usize;
            mask &= mask - 1;
            match self.bytes[position] {
                b'\n' if self.quoted => self.lines_in_row += 1,
                b'\n' => self.end_row(position)?,
                _ => self.quote(position),
            }
        }
        Ok(())
    }

    fn quote(&mut self, position: usize) {
        if position == self.skip {
            return;
        }
        if self.quoted {
            if self.bytes.get(position + 1) == Some(&b'"') {
                self.skip = position + 1;
            } else {
                self.quoted = false;
            }
            return;
        }
        let opens = position == self.cut.bytes || self.bytes[position - 1] == self.delimiter;
        self.quoted = opens;
    }

    fn end_row(&mut self, line_feed: usize) -> Result<(), SplitError> {
        self.check_row(line_feed)?;
        let row = &self.bytes[self.cut.bytes..line_feed];
        self.cut.rows += u32::from(!matches!(row, b"" | b"\r"));
        self.cut.lines += 1 + std::mem::take(&mut self.lines_in_row);
        self.cut.bytes = line_feed + 1;
        Ok(())
    }

    fn check_row(&self, end: usize) -> Result<(), SplitError> {
        let terminator = usize::from(end > 0 && self.bytes[end - 1] == b'\r');
        if end.saturating_sub(self.cut.bytes + terminator) > MAX_ROW_BYTES {
            return Err(SplitError { before: self.cut, unclosed_quote: false });
        }
        Ok(())
    }

    fn finish(mut self, last: bool) -> Result<Cut, SplitError> {
        let end = self.bytes.len();
        let tail = end - self.cut.bytes;
        // A row whose line feed is not there yet may have one byte more, the carriage return.
        if tail > MAX_ROW_BYTES + usize::from(!last) {
            return Err(SplitError { before: self.cut, unclosed_quote: false });
        }
        if !last || tail == 0 {
            return Ok(self.cut);
        }
        if self.quoted {
            return Err(SplitError { before: self.cut, unclosed_quote: true });
        }
        self.cut.rows += 1;
        self.cut.lines += self.lines_in_row;
        self.cut.bytes = end;
        Ok(self.cut)
    }
}
