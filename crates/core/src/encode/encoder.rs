//! The encoder of a batch: rows in, rows with their links or with their errors out.

use super::fault::{self, RowError};
use super::tally::{MAX_URL_CHARACTERS, Tally};
use crate::batch::{BatchSpec, ENCODER_REVISION, LinkSpec};
use crate::cpu_features;
use crate::csv::{Cell, Dialect, Row, Rows};
use crate::link::passkit::{PasskitCipher, PasskitKey, push_json_string};
use crate::link::{BatchCipher, BatchKey, Expiry, MAX_TOKEN_BYTES, ProjectKey};
use crate::template::cell::{CellText, SymbolTable};
use crate::template::{Field, Template};

/// A batch spec that this encoder cannot carry out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// The batch was begun with another revision.
    #[error("the batch was begun with encoder revision {0} (this is revision {ENCODER_REVISION})")]
    Revision(u32),
    /// The mapping does not fit template or columns.
    #[error("the batch spec does not fit its template")]
    Mapping,
    /// The spec is for v1 links and the encoder for PassKit's, or the other way round.
    #[error("the batch spec asks for another link format")]
    Format,
}

/// A run of whole rows.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// The rows in UTF-8, blank lines included.
    pub bytes: &'a [u8],
    /// The number of the first row in the file, counted from 0.
    pub first_row: u32,
    /// The line of the first row in the file, counted from 1.
    pub first_line: u64,
}

/// The outputs of a chunk, in the file's own encoding.
#[derive(Debug, Default)]
pub struct ChunkOutput {
    /// The rows with their links.
    pub success: Vec<u8>,
    /// The rows that could not become links, with the reason.
    pub errors: Vec<u8>,
    /// Counts over every chunk encoded into this output.
    pub tally: Tally,
}

/// Encodes the chunks of one batch. Buffers are reused: after the first chunks, no row that becomes a link allocates.
pub struct Encoder {
    dialect: Dialect,
    columns: Vec<String>,
    has_error_column: bool,
    url_prefix: Vec<u8>,
    format: Format,
    cells: Vec<Cell>,
    scratch: Scratch,
}

#[derive(Default)]
struct Scratch {
    token: Vec<u8>,
    value: Vec<u8>,
}

enum Format {
    V1 { cipher: BatchCipher, slots: Vec<Slot> },
    Passkit { cipher: Box<PasskitCipher>, members: Vec<Member> },
}

/// A template's field and the column that feeds it.
struct Slot {
    field: Field,
    column: Option<usize>,
    symbols: SymbolTable,
}

impl Slot {
    fn new(field: &Field, column: Option<usize>) -> Self {
        Self { field: field.clone(), column, symbols: SymbolTable::new(&field.symbols) }
    }
}

/// A member of a PassKit link's JSON object.
struct Member {
    column: usize,
    /// `"name":`, with a comma before it for all but the first.
    name: Vec<u8>,
}

impl Encoder {
    /// An encoder for a batch of v1 links.
    ///
    /// # Errors
    /// The spec has another revision or format, or does not fit the template.
    pub fn v1(spec: &BatchSpec, template: &Template, key: &ProjectKey) -> Result<Self, SpecError> {
        let LinkSpec::V1 { kind, key_version, template_number, expires, mapping } = &spec.link else {
            return Err(SpecError::Format);
        };
        let fits = mapping.iter().flatten().all(|&column| column < spec.columns.len());
        if !fits || mapping.len() != template.fields.len() {
            return Err(SpecError::Mapping);
        }
        let batch = BatchKey {
            project: &spec.project,
            kind: *kind,
            key_version: *key_version,
            template_number: *template_number,
            batch_id: spec.batch_id,
            schema_digest: template.schema_digest(),
        };
        let cipher = BatchCipher::new(key, &batch, expires.map_or(0, Expiry::hours));
        let slots = template.fields.iter().zip(mapping);
        let slots = slots.map(|(field, &column)| Slot::new(field, column)).collect();
        Self::new(spec, Format::V1 { cipher, slots })
    }

    /// An encoder for a batch of PassKit links.
    ///
    /// # Errors
    /// The spec has another revision or format.
    pub fn passkit(spec: &BatchSpec, key: &PasskitKey) -> Result<Self, SpecError> {
        let LinkSpec::Passkit(kind) = spec.link else { return Err(SpecError::Format) };
        let cipher = Box::new(PasskitCipher::new(kind, key, spec.base_url.as_str(), spec.batch_id));
        let data_columns = spec.columns.len() - usize::from(spec.has_error_column);
        let mut in_key_order: Vec<usize> = (0..data_columns).collect();
        in_key_order.sort_by_key(|&column| &spec.columns[column]);
        let member = |(index, column): (usize, usize)| {
            let mut name = if index == 0 { Vec::new() } else { vec![b','] };
            push_json_string(&spec.columns[column], &mut name);
            name.push(b':');
            Member { column, name }
        };
        let members = in_key_order.into_iter().enumerate().map(member).collect();
        Self::new(spec, Format::Passkit { cipher, members })
    }

    fn new(spec: &BatchSpec, format: Format) -> Result<Self, SpecError> {
        if spec.encoder_revision != ENCODER_REVISION {
            return Err(SpecError::Revision(spec.encoder_revision));
        }
        Ok(Self {
            dialect: spec.dialect,
            columns: spec.columns.clone(),
            has_error_column: spec.has_error_column,
            url_prefix: format!("{}/", spec.base_url.as_str()).into_bytes(),
            format,
            cells: Vec::new(),
            scratch: Scratch::default(),
        })
    }

    /// Encodes a chunk and answers the number of its rows.
    ///
    /// `out.success` and `out.errors` are replaced; `out.tally` is added to.
    pub fn encode(&mut self, chunk: Chunk<'_>, out: &mut ChunkOutput) -> u64 {
        cpu_features::run(EncodeChunk { encoder: self, chunk, out })
    }

    #[inline(always)]
    fn encode_rows(&mut self, chunk: Chunk<'_>, out: &mut ChunkOutput) -> u64 {
        out.success.clear();
        out.errors.clear();
        let bytes = chunk.bytes;
        let is_utf8 = simdutf8::basic::from_utf8(bytes).is_ok();
        let mut rows = Rows::new(bytes, self.dialect.delimiter);
        let mut next_row = u64::from(chunk.first_row);
        while let Some(row) = rows.next(&mut self.cells) {
            if row.is_blank() {
                out.success.extend_from_slice(row.line_end(bytes));
                continue;
            }
            // A row number that wrapped to 0 would use a nonce twice.
            let row_number = u32::try_from(next_row).expect("a batch has at most 2^32 rows");
            next_row += 1;
            let row_start = out.success.len();
            out.success.extend_from_slice(row.text(bytes));
            out.success.push(self.dialect.delimiter);
            let url_start = out.success.len();
            match self.push_url(bytes, &row, row_number, is_utf8, &mut out.success) {
                Ok(()) => {
                    out.tally.count_link(out.success.len() - url_start);
                    out.success.extend_from_slice(row.line_end(bytes));
                }
                Err(error) => {
                    out.success.truncate(row_start);
                    self.push_error(chunk, &row, row_number, &error, out);
                }
            }
        }
        self.dialect.encoding.encode_in_place(&mut out.success);
        self.dialect.encoding.encode_in_place(&mut out.errors);
        next_row - u64::from(chunk.first_row)
    }

    /// Appends the row's URL.
    #[inline(always)]
    fn push_url(
        &mut self,
        bytes: &[u8],
        row: &Row,
        row_number: u32,
        is_utf8: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), RowError> {
        if let Some((fault, column)) = row.fault {
            return Err(RowError::broken_row(fault, column));
        }
        if self.cells.len() != self.columns.len() {
            return Err(RowError::wrong_cell_count());
        }
        let Scratch { token, value } = &mut self.scratch;
        let cells = &self.cells;
        match &self.format {
            Format::V1 { cipher, slots } => {
                let unsealed = cipher.begin(row_number, token);
                write_datum(slots, cells, bytes, is_utf8, value, token)?;
                cipher.finish(unsealed, token);
                if token.len() > MAX_TOKEN_BYTES {
                    return Err(RowError::link_too_long(token.len(), MAX_TOKEN_BYTES));
                }
                out.extend_from_slice(&self.url_prefix);
                base64_simd::URL_SAFE_NO_PAD.encode_append(token.as_slice(), out);
            }
            Format::Passkit { cipher, members } => {
                write_json(members, cells, bytes, value, token)?;
                if token.len() > MAX_URL_CHARACTERS {
                    return Err(RowError::link_too_long(token.len(), MAX_URL_CHARACTERS));
                }
                let url_start = out.len();
                cipher.seal(row_number, token, out);
                let length = out.len() - url_start;
                if length > MAX_URL_CHARACTERS {
                    return Err(RowError::link_too_long(length, MAX_URL_CHARACTERS));
                }
            }
        }
        Ok(())
    }

    #[cold]
    fn push_error(
        &mut self,
        chunk: Chunk<'_>,
        row: &Row,
        row_number: u32,
        error: &RowError,
        out: &mut ChunkOutput,
    ) {
        let place =
            format!("row {}, line {}", u64::from(row_number) + 1, chunk.first_line + row.lines_before);
        let reason = match (error.field, &self.format) {
            (Some(index), Format::V1 { slots, .. }) => {
                let Slot { field, column, .. } = &slots[index];
                let cell =
                    column.map(|column| self.cells[column].value(chunk.bytes, &mut self.scratch.value));
                let header = column.map(|column| self.columns[column].as_str());
                out.tally.count_error(Some(&field.name), error.kind);
                error.about_field(field, header, cell.unwrap_or_default())
            }
            _ => {
                let column = error.column.and_then(|column| self.columns.get(column));
                out.tally.count_error(column.map(String::as_str), error.kind);
                error.about_row(self.cells.len(), self.columns.len(), column.map(String::as_str))
            }
        };
        out.errors.extend_from_slice(&chunk.bytes[row.start..self.data_end(chunk.bytes, row)]);
        out.errors.push(self.dialect.delimiter);
        push_quoted(&format!("{place}: {reason}"), &mut out.errors);
        out.errors.extend_from_slice(row.line_end(chunk.bytes));
    }

    /// The end of the customer's own cells: before an `error` cell that we wrote earlier.
    fn data_end(&self, bytes: &[u8], row: &Row) -> usize {
        let Some(last) = self.cells.last().filter(|_| self.has_error_column && self.cells.len() > 1) else {
            return row.end;
        };
        let text_start = last.start();
        let is_quoted = bytes[text_start - 1] == b'"';
        // In a row of too few cells, our `error` cell is in another column. It would count as the customer's.
        let is_ours = self.cells.len() == self.columns.len() || fault::starts_with_place(last.text(bytes));
        if is_ours { text_start - 1 - usize::from(is_quoted) } else { row.end }
    }
}

struct EncodeChunk<'a> {
    encoder: &'a mut Encoder,
    chunk: Chunk<'a>,
    out: &'a mut ChunkOutput,
}

impl cpu_features::Work for EncodeChunk<'_> {
    type Output = u64;

    #[inline(always)]
    fn run(self) -> u64 {
        self.encoder.encode_rows(self.chunk, self.out)
    }
}

/// Appends the row's values as Avro binary.
#[inline(always)]
fn write_datum(
    slots: &[Slot],
    cells: &[Cell],
    bytes: &[u8],
    is_utf8: bool,
    value: &mut Vec<u8>,
    datum: &mut Vec<u8>,
) -> Result<(), RowError> {
    for (index, slot) in slots.iter().enumerate() {
        let text = match slot.column {
            Some(column) => cells[column].cell_text(bytes, value),
            None => CellText::from(&[][..]),
        };
        slot.field
            .encode_cell(text, is_utf8, &slot.symbols, datum)
            .map_err(|fault| RowError::bad_cell(fault, index))?;
    }
    Ok(())
}

/// Writes a PassKit link's JSON object into `json`.
fn write_json(
    members: &[Member],
    cells: &[Cell],
    bytes: &[u8],
    value: &mut Vec<u8>,
    json: &mut Vec<u8>,
) -> Result<(), RowError> {
    json.clear();
    json.push(b'{');
    for member in members {
        let text = std::str::from_utf8(cells[member.column].value(bytes, value));
        let text = text.map_err(|_| RowError::not_utf8(member.column))?;
        json.extend_from_slice(&member.name);
        push_json_string(text.trim(), json);
    }
    json.push(b'}');
    Ok(())
}

/// Appends a reason as a quoted cell. A reason begins with `row`, so that no spreadsheet takes it for a formula.
fn push_quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text.as_bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}
