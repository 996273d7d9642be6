//! How the repository should look, checked with the tests.

#![allow(clippy::unwrap_used, missing_docs)]

mod circles;
mod crates;
mod files;
mod modules;
mod repository;
mod rust;
