//! Errors of state, broker and blobs: every caller has to know whether trying again is of use.
//!
//! An outage is worth trying again; everything else is not.
//!
//! ```
//! use smartpass_platform::Error;
//! let outage = Error::unavailable("Redis", "connection refused");
//! assert!(outage.is_outage());
//! assert_eq!(outage.to_string(), "Redis is unavailable: connection refused");
//! assert!(!Error::Missing("blob jobs/1/in/0".to_owned()).is_outage());
//! ```

/// An error of state, broker or blobs. No variant holds a row, a link, a key or a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A server does not answer, or cannot do it now: worth trying again.
    #[error("{service} is unavailable: {reason}")]
    Unavailable {
        /// The server.
        service: &'static str,
        /// The message of the server or its client.
        reason: String,
    },
    /// Something that is needed is not there: trying again changes nothing.
    #[error("{0} is missing")]
    Missing(String),
    /// Something differs from what was written: trying again changes nothing.
    #[error("{0} is damaged")]
    Damaged(String),
    /// Something that is written only once is there already.
    #[error("{0} exists already")]
    Exists(String),
    /// Something else has the same name already: nothing was changed.
    #[error("{0}")]
    Conflict(String),
    /// This process is configured wrongly, or was not given what it needs.
    #[error("{0}")]
    Config(String),
    /// More than a format or an algorithm allows.
    #[error("{0}")]
    Limit(String),
}

impl Error {
    /// An outage of `service`.
    pub fn unavailable(service: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Unavailable { service, reason: reason.to_string() }
    }

    /// Whether the same call may succeed later.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// The result of a call to state, broker or blobs.
pub type Result<T> = std::result::Result<T, Error>;
