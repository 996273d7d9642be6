//! Baselines: two plain programs that do some of SmartPass's work, to measure it against.
//!
//! Both are single-threaded and untuned.

mod csv_copy;
mod passkit;

pub use csv_copy::csv_copy;
pub use passkit::{parse_key, passkit};
