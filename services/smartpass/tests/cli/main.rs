//! The command line as people use it: the real binary, on real files, each test in a folder of its own.
#![allow(clippy::unwrap_used, missing_docs)]

mod broken_files;
mod encodings;
mod expiry_and_mapping;
mod hostile_rows;
mod interruptions;
mod keys;
mod moving_projects;
mod newer_servers;
mod opening;
mod outputs;
mod qr_codes;
mod support;
mod templates;
mod verifying;
