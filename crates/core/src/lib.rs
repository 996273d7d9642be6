//! The pure core of SmartPass: everything that decides a link's bytes, and nothing else.
//!
//! A customer's CSV goes in as chunks of whole rows, and comes out as the same rows with a link each.
//! The modules follow that path:
//!
//! - [`csv`]: dialect, header, and the splitter that cuts a stream into chunks of whole rows.
//! - [`template`]: the named, typed fields that a link carries, and which column feeds which field.
//! - [`link`]: the link formats, sealed and opened.
//! - [`batch`]: what decides the bytes of a run's links, settled before its first row.
//! - [`encode`]: chunk bytes in, success bytes and error bytes out; the one function behind the command line
//!   and the workers.
//! - [`job`]: one CSV on its way through the services, as a state machine.
//! - [`ids`]: the small words that all of them share.
//!
//! Nothing here performs I/O, reads a clock, draws random numbers or knows about threads. What a link's bytes
//! depend on is pinned in a [`batch::BatchSpec`] before the first row.

pub mod batch;
mod cpu_features;
pub mod csv;
pub mod encode;
pub mod ids;
pub mod job;
pub mod link;
pub mod template;
