//! A CSV's rows one at a time, with their bytes.

use std::path::Path;

use smartpass_core::csv::{Cell, Dialect, Encoding, Header, Rows};

use crate::source::Source;

/// Reads rows; blank lines are no rows.
pub(super) struct Records {
    source: Source,
    /// The current chunk.
    text: Vec<u8>,
    /// The current chunk's rows, the next one last.
    ahead: Vec<Record>,
    rows: u64,
}

/// One row, taken out of its chunk.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// Its number, counted from 0.
    pub(super) number: u64,
    /// The line where it starts, counted from 1.
    pub(super) line: u64,
    /// Its bytes without the line end.
    pub(super) text: Vec<u8>,
    pub(super) line_end: Vec<u8>,
    /// Its cells' values.
    pub(super) values: Vec<Vec<u8>>,
    last_cell_start: usize,
}

impl Record {
    /// The row without its last cell and the delimiter before it.
    pub(super) fn text_before_last_cell(&self) -> &[u8] {
        &self.text[..self.last_cell_start.saturating_sub(1)]
    }

    /// The last cell's value.
    pub(super) fn last_cell(&self) -> &[u8] {
        self.values.last().map_or(&[], Vec::as_slice)
    }
}

impl Records {
    pub(super) fn open(
        path: &Path,
        encoding: Option<Encoding>,
        delimiter: Option<u8>,
    ) -> anyhow::Result<Self> {
        let source = Source::open_with(path, encoding, delimiter)?;
        Ok(Self { source, text: Vec::new(), ahead: Vec::new(), rows: 0 })
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.source.header.columns
    }

    /// All columns but an `error` column of ours.
    pub(super) fn data_columns(&self) -> &[String] {
        self.source.header.data_columns()
    }

    pub(super) fn has_error_column(&self) -> bool {
        self.source.header.has_error_column
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.source.dialect
    }

    /// The file's header and dialect.
    pub(super) fn file(&self) -> (&Header, Dialect) {
        (&self.source.header, self.source.dialect)
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.source.bytes_read
    }

    /// The next row, without taking it.
    pub(super) fn peek(&mut self) -> anyhow::Result<Option<&Record>> {
        while self.ahead.is_empty() {
            let Some(start) = self.source.next_chunk(&mut self.text)? else { return Ok(None) };
            self.read_chunk(start.line);
        }
        Ok(self.ahead.last())
    }

    /// Takes the next row.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Record>> {
        self.peek()?;
        Ok(self.ahead.pop())
    }

    fn read_chunk(&mut self, first_line: u64) {
        let chunk = &self.text;
        let mut rows = Rows::new(chunk, self.source.dialect.delimiter);
        let mut cells: Vec<Cell> = Vec::new();
        let mut scratch = Vec::new();
        while let Some(row) = rows.next(&mut cells) {
            if row.is_blank() {
                continue;
            }
            let last = cells.last().map_or(row.start, Cell::start);
            let is_quoted = last > row.start && chunk[last - 1] == b'"';
            self.ahead.push(Record {
                number: self.rows,
                line: first_line + row.lines_before,
                text: row.text(chunk).to_vec(),
                line_end: row.line_end(chunk).to_vec(),
                values: cells.iter().map(|cell| cell.value(chunk, &mut scratch).to_vec()).collect(),
                last_cell_start: last - row.start - usize::from(is_quoted),
            });
            self.rows += 1;
        }
        self.ahead.reverse();
    }
}
