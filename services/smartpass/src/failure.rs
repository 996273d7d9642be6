//! Exit codes, and the message of a failure.

use std::io::Write;
use std::process::ExitCode;

/// The exit codes of every command, as `smartpass --help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Every row has its link.
    Success = 0,
    /// The command failed; no output was written.
    Failure = 1,
    /// The command finished, and some rows are in errors.csv.
    SomeRowsFailed = 2,
    /// The command line was wrong (`EX_USAGE` of sysexits.h).
    Usage = 64,
    /// Ctrl-C, or a request to end.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error of the command line, with the exit code 64.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// Prints the failure to stderr and answers its exit code.
pub(crate) fn report(error: &anyhow::Error) -> Exit {
    // Without a stderr, the exit code alone has to tell the failure.
    let _ = writeln!(std::io::stderr(), "smartpass: {error:#}");
    if error.is::<Usage>() { Exit::Usage } else { Exit::Failure }
}

/// A usage error, ready for `?`.
pub(crate) fn usage<T>(message: impl Into<String>) -> anyhow::Result<T> {
    Err(Usage(message.into()).into())
}
