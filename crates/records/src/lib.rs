//! Stored records: jobs and their files, projects with keys and templates, API keys, ends that wait for a consumer.
//!
//! Each module knows the documents of one kind: their names, their fields, and the key that opens what is sealed in
//! them. `smartpass_platform` knows how a store keeps documents. Keys are wrapped under a key of their purpose
//! ([`wrapping_keys`]), so that a process can do only what it was given keys for. *Nothing here decides what happens
//! to a job*: `smartpass_core::job` does, and [`jobs`] commits its decisions.
//!
//! ```
//! use smartpass_records::wrapping_keys::{MasterKey, Purpose};
//! // A mail sender gets the key for recipients, and none that opens a link or a job's rows.
//! let keys = MasterKey::generate().unwrap().wrapping_keys(&[Purpose::Contact]);
//! assert!(keys.require(&[Purpose::Contact]).is_ok());
//! assert!(keys.require(&[Purpose::Link]).is_err());
//! ```

pub mod api_keys;
pub mod data_key;
pub mod document;
pub mod ends;
pub mod job_files;
pub mod jobs;
pub mod metrics;
pub mod projects;
pub mod wrapping_keys;
