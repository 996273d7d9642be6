//! What the fuzz targets check. `tests/fuzz_seeds.rs` runs the same over the seeds, without a fuzzer.
//!
//! In this folder, `mkdir -p corpus/splitter` and then
//! `cargo +nightly fuzz run --fuzz-dir . splitter corpus/splitter seeds/splitter` runs one. A finding becomes a
//! seed, and so an ordinary test.

mod checks;

pub use checks::{splitter, template, token};
