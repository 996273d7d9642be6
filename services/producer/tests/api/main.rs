//! The API as its clients see it: real handlers on a state, blobs and a broker in memory, without a server.
#![allow(clippy::unwrap_used, missing_docs)]

mod access;
mod downloads;
mod jobs;
mod outages;
mod refusals;
mod support;
mod uploads;
