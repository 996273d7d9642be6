//! What SmartPass is measured with: files of made-up recipients, and two plain programs to compare against.
//!
//! A throughput number says little alone. `load-tests/bench` therefore runs three things over the same file:
//! SmartPass, the `csv` crate copying the file unchanged ([`baseline::csv_copy`], the least that any
//! row-by-row program does), and a rendition of the tool that people use today ([`baseline::passkit`]).
//!
//! The files come from [`recipients`]. Their rows depend on the seed and the row number only, so the same
//! command gives the same bytes on every machine, and a short file is a prefix of a long one.
//!
//! ```
//! use smartpass_load_tests::recipients::{Profile, write_rows};
//!
//! let mut file = Vec::new();
//! write_rows(Profile::Slim, 3, 42, &mut file)?;
//! assert!(file.starts_with(b"person.forename,person.surname,"));
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod baseline;
pub mod recipients;
