//! Inference of a template from a file: for each column, the narrowest type that every value fits.
//!
//! An inferred type makes no row error in its own file, so the whole file is read. Parts of a file may be observed
//! separately, on any number of threads, and merged: the result depends on the rows alone.
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

/// The most symbols of an inferred enum.
const MAX_SYMBOLS: usize = 32;
/// The least count of every symbol of an inferred enum: a rarer value may belong to one person.
const MIN_SEEN: u64 = 10;
/// The least share of every symbol: once in this many values.
const ONE_IN: u64 = 10_000;
const MAX_SYMBOL_BYTES: usize = 64;

/// Observations about the columns of a file, or of a part of it.
#[derive(Clone, Debug)]
pub struct Observation {
    columns: Vec<Column>,
}

#[derive(Clone, Debug)]
struct Column {
    name: String,
    /// One bit for each type of [`FieldType::ALL`] that every value so far fits.
    fitting: u16,
    values: u64,
    has_blanks: bool,
    /// The distinct values so far with their counts, while they may become an enum.
    symbols: Option<Vec<(Vec<u8>, u64)>>,
}

impl Observation {
    /// An empty observation of these columns.
    pub fn new(columns: &[String]) -> Self {
        Self::of_fields(columns, columns)
    }

    /// An empty observation of columns whose fields the caller names. A column becomes an enum only if neither name may
    /// identify people.
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

    /// Observes the rows of a chunk that have no fault and `width` cells. The first cells belong to the columns.
    pub fn observe_chunk(&mut self, chunk: &[u8], delimiter: u8, width: usize) {
        let mut rows = Rows::new(chunk, delimiter);
        let mut cells: Vec<Cell> = Vec::new();
        let mut scratch = Vec::new();
        while let Some(row) = rows.next(&mut cells) {
            // Such a row is a row error under any template, so its cells do not matter.
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

    /// Adds the observation of another part of the same file.
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

    /// The template, with a field for each column. The field has PassKit's name where the header is an alias of it.
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

/// The template for a stream that can be read only once: every field is an optional string.
pub fn strings(columns: &[String], code: &str) -> Template {
    let headers: Vec<&str> = columns.iter().map(String::as_str).collect();
    let fields = field_names(&headers).into_iter().map(|name| Field::new(name, FieldType::String));
    template(code, fields.collect())
}

fn template(code: &str, fields: Vec<Field>) -> Template {
    let (link, aliases, design) = (LinkPolicy::default(), Default::default(), Default::default());
    Template { code: code.to_owned(), link, aliases, fields, design }
}

/// The field name of each header: the name that it is an alias of, unless that is taken, or the header itself.
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

    /// The sorted values, if all of them are frequent and none is personal.
    fn enum_symbols(&self) -> Option<Vec<String>> {
        let seen = self.symbols.as_ref()?;
        let often = MIN_SEEN.max(self.values / ONE_IN);
        let mut symbols = Vec::with_capacity(seen.len());
        for (value, count) in seen {
            let text = String::from_utf8(value.clone()).ok()?;
            // An email address or a phone number belongs to a person, whatever the column's name.
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
