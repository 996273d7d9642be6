//! Load tests: files of made-up recipients, and two baseline programs to compare SmartPass with.
//!
//! A throughput alone says little. `load-tests/bench` therefore runs three programs on the same file: SmartPass, a copy
//! of the file with the `csv` crate ([`baseline::csv_copy`]), and a rendition of PassKit's public tool
//! ([`baseline::passkit`]).
//!
//! [`recipients`] makes the files. A row depends on the seed and its number only, so the same command gives the same
//! bytes on every machine, and a short file is a prefix of a long one.
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
