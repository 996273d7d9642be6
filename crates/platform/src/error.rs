//! Why something outside did not do what it was asked.
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

/// Why something outside did not do what it was asked. No variant holds a row, a link, a key or a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A server does not answer, or answers that it cannot now: worth trying again.
    #[error("{service} is unavailable: {reason}")]
    Unavailable {
        /// Which.
        service: &'static str,
        /// What it or its client said.
        reason: String,
    },
    /// Something that should be there is not: trying again changes nothing.
    #[error("{0} is missing")]
    Missing(String),
    /// Something is there and is not what was written: trying again changes nothing.
    #[error("{0} is damaged")]
    Damaged(String),
    /// Something is there already that is only ever created.
    #[error("{0} exists already")]
    Exists(String),
    /// Something else is there already under the same name: nothing was changed.
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

    /// Whether the same may succeed later.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// The result of asking something of the world outside.
pub type Result<T> = std::result::Result<T, Error>;
