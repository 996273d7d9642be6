//! What the fuzz targets check. `tests/fuzz_seeds.rs` runs the same over the seeds, without a fuzzer.
//!
//! `cargo +nightly fuzz run splitter corpus/splitter seeds/splitter` in this folder runs one; a finding becomes a
//! seed, and so an ordinary test.

mod checks;

pub use checks::{splitter, template, token};
