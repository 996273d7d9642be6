//! A copy of a file, record by record, with the `csv` crate.
//!
//! It is the baseline of a program that parses rows and writes them again: one record is reused for every row, and the
//! buffers are the crate's defaults.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};

/// Copies `input` to `output` through [`csv::ByteRecord`] and returns the number of rows after the header.
///
/// The output is the same bytes if the input is quoted as [`csv::Writer`] quotes by default.
pub fn csv_copy(input: &Path, output: &Path) -> Result<u64> {
    let source = File::open(input).with_context(|| format!("cannot open {}", input.display()))?;
    let target = File::create(output).with_context(|| format!("cannot create {}", output.display()))?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(false).from_reader(source);
    let mut writer = csv::Writer::from_writer(target);
    let mut record = csv::ByteRecord::new();
    let mut records = 0_u64;
    while reader.read_byte_record(&mut record)? {
        writer.write_byte_record(&record)?;
        records += 1;
    }
    writer.flush()?;
    Ok(records.saturating_sub(1))
}
