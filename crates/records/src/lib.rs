//! What is stored: jobs and their files, projects with keys and templates, API keys, ends that wait for a consumer.
//!
//! Each module knows the documents of one kind, how they are named and who may open what is sealed in them; how a
//! store keeps documents is `smartpass_platform`'s. Keys are wrapped under a key of their purpose
//! ([`wrapping_keys`]), so that a process can do only what it was given keys for. *Nothing here decides what happens
//! to a job*: that is `smartpass_core::job`, whose decisions [`jobs`] commits.
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
