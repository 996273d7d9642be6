//! What the fuzz targets check. `tests/fuzz_seeds.rs` runs the same over the seeds, without a fuzzer.
//!
//! In this folder, after `mkdir -p corpus/splitter`, one is run by
//! `cargo +nightly fuzz run --fuzz-dir . splitter corpus/splitter seeds/splitter`. A finding becomes a seed, and so an ordinary test.

mod checks;

pub use checks::{splitter, template, token};
