//! The pure core of SmartPass: everything that decides a link's bytes, and the state machine of a job.
//!
//! A customer's CSV goes in as chunks of whole rows, and comes out as the same rows with a link each.
//!
//!
//! - [`csv`]: dialect, header, and the splitter that cuts a stream into chunks of whole rows.
//! - [`template`]: the named, typed fields that a link carries, and which column feeds which field.
//! - [`link`]: the link formats, sealed and opened.
//! - [`batch`]: the batch spec, which decides the bytes of a run's links and is settled before its first row.
//! - [`encode`]: chunk bytes in, success bytes and error bytes out; the one function behind the command line
//!   and the workers.
//! - [`job`]: one CSV on its way through the services, as a state machine.
//! - [`ids`]: the identifiers that all of them share.
//!
//! No module performs I/O, reads a clock, draws random numbers or starts threads. A [`batch::BatchSpec`] holds all
//! that a link's bytes depend on besides its row, key and template.

pub mod batch;
mod cpu_features;
pub mod csv;
pub mod encode;
pub mod ids;
pub mod job;
pub mod link;
pub mod template;
