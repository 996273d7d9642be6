//! Files of made-up recipients: many scripts, real-looking skew, no real people.
//!
//! Three profiles:
//!
//! * [`Profile::Slim`]: 8 columns, about 109 bytes a row. The fixed cost of a row dominates.
//! * [`Profile::Wide`]: 29 columns, about 284 bytes a row, many cells blank. The cost of cells dominates.
//! * [`Profile::Errors`]: slim, but one row in a hundred is broken as real exports are broken.
//!
//! Every cell of slim and wide is valid for its natural type, names and external ids are never blank, and
//! quotes are where a CSV writer puts them, so a plain copy gives the same bytes.
//!
//! Each row has a generator of its own, keyed by seed and row number ([`rng::Rng::for_row`]). The first K rows are
//! therefore the same in every file.

mod cells;
mod faults;
mod names;
pub mod rng;
mod slim;
mod wide;

use std::io::{self, Write};

use rng::Rng;

/// The size of the write buffer.
const BUFFER_BYTES: usize = 256 * 1024;

/// The shape of a recipient file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// 8 columns, about 109 bytes a row.
    Slim,
    /// 29 columns, about 284 bytes a row.
    Wide,
    /// Slim, with about 1 % broken rows.
    Errors,
}

impl Profile {
    /// The column names, in file order.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Profile::Slim | Profile::Errors => &slim::COLUMNS,
            Profile::Wide => &wide::COLUMNS,
        }
    }

    /// Appends the row with this number, its line feed included.
    pub fn push_row(self, seed: u64, row: u64, out: &mut Vec<u8>) {
        let mut rng = Rng::for_row(seed, row);
        match self {
            Profile::Slim => slim::push_row(&mut rng, row, out),
            Profile::Wide => wide::push_row(&mut rng, row, out),
            Profile::Errors => faults::push_row(&mut rng, row, out),
        }
    }
}

/// Writes the header and rows `0..rows`.
pub fn write_rows(profile: Profile, rows: u64, seed: u64, out: &mut impl Write) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(BUFFER_BYTES + 4096);
    buffer.extend_from_slice(profile.columns().join(",").as_bytes());
    buffer.push(b'\n');
    for row in 0..rows {
        profile.push_row(seed, row, &mut buffer);
        if buffer.len() >= BUFFER_BYTES {
            out.write_all(&buffer)?;
            buffer.clear();
        }
    }
    out.write_all(&buffer)?;
    out.flush()
}
