//! What goes wrong with an upload or a job, as a problem of the API.

use smartpass_api_types::ProblemCode;
use smartpass_core::csv::IntakeError;
use smartpass_core::job::Refusal;
use smartpass_http::Problem;
use smartpass_records::jobs::ApplyError;

/// The request is well formed, and the file cannot be used.
pub(crate) fn bad_file(error: &IntakeError) -> Problem {
    Problem::new(ProblemCode::BadFile, error.to_string())
}

/// The project has no such job.
pub(crate) fn no_job() -> Problem {
    Problem::new(ProblemCode::NoSuchJob, "the project has no such job")
}

/// An event that was not applied.
pub(crate) fn not_applied(error: ApplyError) -> Problem {
    match error {
        ApplyError::NoJob => no_job(),
        ApplyError::Refused(refusal @ Refusal::FilesGone) => {
            Problem::new(ProblemCode::FilesDeleted, refusal.to_string())
        }
        ApplyError::Refused(refusal) => Problem::new(ProblemCode::WrongState, refusal.to_string()),
        ApplyError::Backend(error) => error.into(),
    }
}
