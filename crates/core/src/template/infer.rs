//! Proposing a template from a file: the narrowest types that hold every value in it.
//!
//! A guessed type never makes a row error in its own file, so the whole file is read for it. Parts of a file may be
//! observed by themselves, on any number of threads, and merged: the result depends on the rows alone.
//!
//! ```
//! use smartpass_core::template::{FieldType, infer::Observation};
//! let columns = ["points".to_owned(), "nickname".to_owned()];
//! let mut seen = Observation::new(&columns);
//! seen.observe(0, b"12");
//! seen.observe(0, b"007");
//! seen.observe(1, b"");
//! let template = seen.propose("club");
//! assert_eq!(template.fields[0].field_type, FieldType::String);
//! assert!(template.fields[0].required && !template.fields[1].required);
//! ```

use std::collections::HashSet;

use super::{Field, FieldType, LinkPolicy, Template, names};
use crate::csv::{Cell, Rows};

/// The most symbols of a guessed enum.
const MAX_SYMBOLS: usize = 32;
/// A symbol is guessed only if it is seen this often: what is rarer may belong to one person.
const MIN_SEEN: u64 = 10;
/// And at least once in this many values.
const ONE_IN: u64 = 10_000;
const MAX_SYMBOL_BYTES: usize = 64;

/// What the columns of a file, or of a part of it, were seen to hold.
#[derive(Clone, Debug)]
pub struct Observation {
    columns: Vec<Column>,
}

#[derive(Clone, Debug)]
struct Column {
    name: String,
    /// One bit for each of [`FieldType::ALL`] that still holds every value.
    fitting: u16,
    values: u64,
    has_blanks: bool,
    /// The distinct values so far, while they may become an enum.
    symbols: Option<Vec<(Vec<u8>, u64)>>,
}

impl Observation {
    /// Nothing seen yet.
    pub fn new(columns: &[String]) -> Self {
        Self::of_fields(columns, columns)
    }

    /// Nothing seen yet of columns whose fields were named by the caller. Neither name may point at people where an
    /// enum is guessed.
    pub fn of_fields(headers: &[String], fields: &[String]) -> Self {
        let column = |(header, name): (&String, &String)| Column {
            name: name.clone(),
            fitting: (1 << FieldType::ALL.len()) - 1,
            values: 0,
            has_blanks: false,
            symbols: [header, name].iter().all(|name| !names::may_identify_people(name)).then(Vec::new),
        };
        Self { columns: headers.iter().zip(fields).map(column).collect() }
    }

    /// Observes every sound row of a chunk: `width` cells, the first ones of which are the columns.
    pub fn observe_chunk(&mut self, chunk: &[u8], delimiter: u8, width: usize) {
        let mut rows = Rows::new(chunk, delimiter);
        let mut cells: Vec<Cell> = Vec::new();
        let mut scratch = Vec::new();
        while let Some(row) = rows.next(&mut cells) {
            // What is a row error under any template says nothing about types.
            if row.is_blank() || row.fault.is_some() || cells.len() != width {
                continue;
            }
            for (column, cell) in cells.iter().take(self.columns.len()).enumerate() {
                self.observe(column, cell.value(chunk, &mut scratch));
            }
        }
    }

    /// Observes one value of a column.
    pub fn observe(&mut self, column: usize, value: &[u8]) {
        let column = &mut self.columns[column];
        if value.is_empty() {
            column.has_blanks = true;
            return;
        }
        if std::str::from_utf8(value).is_err() {
            return;
        }
        column.values += 1;
        column.narrow(value);
        column.count_symbol(value, 1);
    }

    /// Adds what another part of the same file was seen to hold.
    pub fn merge(&mut self, other: Self) {
        for (column, other) in self.columns.iter_mut().zip(other.columns) {
            column.fitting &= other.fitting;
            column.values += other.values;
            column.has_blanks |= other.has_blanks;
            match other.symbols {
                Some(symbols) => symbols.iter().for_each(|(value, seen)| column.count_symbol(value, *seen)),
                None => column.symbols = None,
            }
        }
    }

    /// The template: a field for each column, under PassKit's name where the header is another name for it.
    pub fn propose(&self, code: &str) -> Template {
        let headers: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let fields = self.columns.iter().zip(field_names(&headers)).map(|(column, name)| {
            let (field_type, symbols) = column.narrowest();
            let required = column.values > 0 && !column.has_blanks;
            Field { required, symbols, ..Field::new(name, field_type) }
        });
        template(code, fields.collect())
    }
}

/// The template for a stream that can be read only once: optional strings.
pub fn strings(columns: &[String], code: &str) -> Template {
    let headers: Vec<&str> = columns.iter().map(String::as_str).collect();
    let fields = field_names(&headers).into_iter().map(|name| Field::new(name, FieldType::String));
    template(code, fields.collect())
}

fn template(code: &str, fields: Vec<Field>) -> Template {
    let (link, aliases, design) = (LinkPolicy::default(), Default::default(), Default::default());
    Template { code: code.to_owned(), link, aliases, fields, design }
}

/// Each header's field name: what it is another name for, unless that name is taken.
fn field_names(headers: &[&str]) -> Vec<String> {
    let mut taken: HashSet<&str> = headers.iter().copied().collect();
    let name = |header: &&str| {
        names::alias_of(header).filter(|name| taken.insert(name)).unwrap_or(header).to_owned()
    };
    headers.iter().map(name).collect()
}

impl Column {
    fn narrow(&mut self, value: &[u8]) {
        let mut candidates = self.fitting;
        while candidates != 0 {
            let index = candidates.trailing_zeros() as usize;
            candidates &= candidates - 1;
            let field_type = FieldType::ALL[index];
            if !matches!(field_type, FieldType::Enum | FieldType::String) && !field_type.fits(value) {
                self.fitting &= !(1 << index);
            }
        }
    }

    fn count_symbol(&mut self, value: &[u8], seen: u64) {
        let Some(symbols) = &mut self.symbols else { return };
        if let Some((_, count)) = symbols.iter_mut().find(|(symbol, _)| symbol == value) {
            *count += seen;
        } else if symbols.len() < MAX_SYMBOLS && value.len() <= MAX_SYMBOL_BYTES {
            symbols.push((value.to_vec(), seen));
        } else {
            self.symbols = None;
        }
    }

    fn narrowest(&self) -> (FieldType, Vec<String>) {
        if self.values == 0 {
            return (FieldType::String, Vec::new());
        }
        for (index, field_type) in FieldType::ALL.into_iter().enumerate() {
            if self.fitting & 1 << index == 0 {
                continue;
            }
            if field_type != FieldType::Enum {
                return (field_type, Vec::new());
            }
            if let Some(symbols) = self.enum_symbols() {
                return (field_type, symbols);
            }
        }
        (FieldType::String, Vec::new())
    }

    /// The values in order, if all of them are seen often.
    fn enum_symbols(&self) -> Option<Vec<String>> {
        let seen = self.symbols.as_ref()?;
        let often = MIN_SEEN.max(self.values / ONE_IN);
        let mut symbols = Vec::with_capacity(seen.len());
        for (value, count) in seen {
            let text = String::from_utf8(value.clone()).ok()?;
            // Whatever the column is called, an address or a phone number belongs to somebody.
            let is_personal =
                [FieldType::Email, FieldType::Phone].iter().any(|personal| personal.fits(value));
            if *count < often || is_personal || text.chars().any(char::is_control) {
                return None;
            }
            symbols.push(text);
        }
        symbols.sort();
        Some(symbols)
    }
}
