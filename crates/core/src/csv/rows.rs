//! The rows and cells of a chunk.

use super::structure::Structure;
use crate::template::cell::CellText;

/// The position of a cell's text in the chunk, without the quotes around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    start: u32,
    /// The end of the text; the highest bit tells whether it has doubled quotes.
    end: u32,
}

const ESCAPES: u32 = 1 << 31;

impl Cell {
    #[inline(always)]
    fn end(&self) -> usize {
        (self.end & !ESCAPES) as usize
    }

    #[inline(always)]
    fn has_escapes(&self) -> bool {
        self.end & ESCAPES != 0
    }

    /// The start of the text, in bytes from the start of the chunk.
    pub fn start(&self) -> usize {
        self.start as usize
    }

    /// The cell's bytes as they stand in the chunk; doubled quotes are still doubled.
    #[inline(always)]
    pub fn text<'a>(&self, chunk: &'a [u8]) -> &'a [u8] {
        &chunk[self.start as usize..self.end()]
    }

    /// The cell's value with what follows it in the chunk; `scratch` holds it where doubled quotes had to be undone.
    #[inline(always)]
    pub(crate) fn cell_text<'a>(&self, chunk: &'a [u8], scratch: &'a mut Vec<u8>) -> CellText<'a> {
        if self.has_escapes() {
            return self.unescape(chunk, scratch).into();
        }
        CellText::in_chunk(chunk, self.start as usize, self.end())
    }

    /// The cell's value; `scratch` holds it where doubled quotes had to be undone.
    #[inline(always)]
    pub fn value<'a>(&self, chunk: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
        if self.has_escapes() { self.unescape(chunk, scratch) } else { self.text(chunk) }
    }

    #[cold]
    fn unescape<'a>(&self, chunk: &[u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
        scratch.clear();
        let mut after_quote = false;
        for &byte in self.text(chunk) {
            if byte == b'"' && !after_quote {
                after_quote = true;
                continue;
            }
            after_quote = false;
            scratch.push(byte);
        }
        scratch
    }
}

/// A fault that makes a row unreadable under any template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFault {
    /// Text after a cell's closing quote.
    TextAfterQuote,
    /// A carriage return alone, outside quotes.
    CarriageReturn,
    /// The end of the chunk inside quotes. The splitter refuses such a file before.
    UnclosedQuote,
}

/// One row of a chunk; offsets in bytes from the chunk's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The start of the row.
    pub start: usize,
    /// The end of its cells, and the start of its line end.
    pub end: usize,
    /// The start of the next row.
    pub next: usize,
    /// The number of line feeds in the chunk before the row.
    pub lines_before: u64,
    /// The first fault found, and the index of its cell.
    pub fault: Option<(RowFault, usize)>,
}

impl Row {
    /// The row's bytes, without its line end.
    pub fn text<'a>(&self, chunk: &'a [u8]) -> &'a [u8] {
        &chunk[self.start..self.end]
    }

    /// The row's line end: LF, CRLF, or nothing at the end of a file.
    pub fn line_end<'a>(&self, chunk: &'a [u8]) -> &'a [u8] {
        &chunk[self.end..self.next]
    }

    /// Whether the line is empty: such a line is no row.
    pub fn is_blank(&self) -> bool {
        self.start == self.end
    }
}

/// The rows of a chunk, blank lines included.
pub struct Rows<'a> {
    chunk: &'a [u8],
    delimiter: u8,
    structure: Structure<'a>,
    position: usize,
    lines: u64,
}

impl<'a> Rows<'a> {
    /// Rows of `chunk`, which starts at the start of a row and is shorter than 2 GiB.
    #[inline]
    pub fn new(chunk: &'a [u8], delimiter: u8) -> Self {
        Self { chunk, delimiter, structure: Structure::new(chunk, delimiter), position: 0, lines: 0 }
    }

    /// The next row; `cells` then holds its cells.
    #[inline(always)]
    pub fn next(&mut self, cells: &mut Vec<Cell>) -> Option<Row> {
        if self.position >= self.chunk.len() {
            return None;
        }
        cells.clear();
        let mut row = Row {
            start: self.position,
            end: self.chunk.len(),
            next: self.chunk.len(),
            lines_before: self.lines,
            fault: None,
        };
        let mut cell_start = row.start;
        while let Some(position) = self.structure.next() {
            let byte = self.chunk[position];
            if byte == self.delimiter {
                cells.push(plain_cell(cell_start, position));
                cell_start = position + 1;
            } else if byte == b'\n' {
                self.lines += 1;
                (row.end, row.next) = (position, position + 1);
                break;
            } else if byte == b'\r' {
                if self.ends_row_after(position) {
                    (row.end, row.next) = (position, position + 2);
                    break;
                }
                row.fault.get_or_insert((RowFault::CarriageReturn, cells.len()));
            } else if position == cell_start {
                match self.quoted_cell(position, cells, &mut row) {
                    Delimited::More(next) => cell_start = next,
                    Delimited::RowDone => {
                        self.position = row.next;
                        return Some(row);
                    }
                }
            }
        }
        cells.push(plain_cell(cell_start, row.end));
        self.position = row.next;
        Some(row)
    }

    /// Whether the carriage return at `position` belongs to a CRLF, whose line feed is then taken.
    fn ends_row_after(&mut self, position: usize) -> bool {
        let ends = self.chunk.get(position + 1) == Some(&b'\n');
        if ends {
            self.structure.next();
            self.lines += 1;
        }
        ends
    }

    /// Reads the cell whose opening quote is at `open`, up to the delimiter or line end after it.
    #[cold]
    fn quoted_cell(&mut self, open: usize, cells: &mut Vec<Cell>, row: &mut Row) -> Delimited {
        let mut has_escapes = false;
        let close = loop {
            let Some(position) = self.structure.next() else {
                row.fault.get_or_insert((RowFault::UnclosedQuote, cells.len()));
                cells.push(plain_cell(open + 1, self.chunk.len()));
                return Delimited::RowDone;
            };
            match self.chunk[position] {
                b'\n' => self.lines += 1,
                b'"' if self.chunk.get(position + 1) == Some(&b'"') => {
                    has_escapes = true;
                    self.structure.next();
                }
                b'"' => break position,
                _ => {}
            }
        };
        let (end, done) = loop {
            let Some(position) = self.structure.next() else {
                break (self.chunk.len(), Delimited::RowDone);
            };
            let byte = self.chunk[position];
            if byte == self.delimiter {
                break (position, Delimited::More(position + 1));
            }
            if byte == b'\n' {
                self.lines += 1;
                (row.end, row.next) = (position, position + 1);
                break (position, Delimited::RowDone);
            }
            if byte == b'\r' && self.ends_row_after(position) {
                (row.end, row.next) = (position, position + 2);
                break (position, Delimited::RowDone);
            }
        };
        if end != close + 1 {
            row.fault.get_or_insert((RowFault::TextAfterQuote, cells.len()));
        }
        let escapes = if has_escapes { ESCAPES } else { 0 };
        let Cell { start, end: text_end } = plain_cell(open + 1, close);
        cells.push(Cell { start, end: text_end | escapes });
        done
    }
}

enum Delimited {
    More(usize),
    RowDone,
}

#[inline(always)]
fn plain_cell(start: usize, end: usize) -> Cell {
    Cell { start: start as u32, end: end as u32 }
}
