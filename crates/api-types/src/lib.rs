//! The requests and answers of the HTTP API, as types. Server, client and the API's description all use them, so that
//! the three cannot differ.
//!
//! A client reads the answers of a newer server: it ignores unknown fields.
//!
//! ```
//! use smartpass_api_types::{Files, Job, JobState};
//! let answer = r#"{"id": "00112233445566778899aabbccddeeff", "project": "wrsynr", "state": "encoding",
//!     "created": "2026-11-27T00:00:00Z", "link": "encrypted", "template": {"code": "club", "number": 3},
//!     "key_version": 1, "batch_id": "0011223344556677",
//!     "rows": {"read": 2500, "links": 1000, "errors": 0, "errors_by_reason": []},
//!     "url_length": {"mean": 166.5, "max": 171},
//!     "chunks": {"total": 3, "ready": 3, "released": 2, "done": 1}, "bytes_read": 163840, "end": null,
//!     "files": {"state": "none"}, "href": "/v1/…", "events": "/v1/…/events", "what_a_newer_server_says": true}"#;
//! let job: Job = serde_json::from_str(answer).unwrap();
//! assert_eq!((job.state, job.rows.links, job.files), (JobState::Encoding, 1000, Files::None));
//! ```

mod job;
mod problem;
mod request;
mod template;

pub use job::{
    Chunks, End, ErrorReason, Files, Job, JobList, JobState, Outcome, OutputFile, Rows, TemplateName,
    UrlLength,
};
pub use problem::{Problem, ProblemCode, problems_as_markdown};
pub use request::{JobPath, LinkChoice, ListParameters, ParameterError, ProjectPath, UploadParameters};
pub use template::{TemplateEntry, TemplateList};
