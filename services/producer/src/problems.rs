//! Errors of uploads and jobs as problem documents.

use smartpass_api_types::ProblemCode;
use smartpass_core::batch::PlanError;
use smartpass_core::csv::IntakeError;
use smartpass_core::job::Refusal;
use smartpass_http::Problem;
use smartpass_records::jobs::ApplyError;

/// The problem of a file that cannot be used, in a request that is well formed.
pub(crate) fn bad_file(error: &IntakeError) -> Problem {
    Problem::new(ProblemCode::BadFile, error.told_with(|encoding| format!("encoding={encoding}")))
}

/// The problem of an upload that cannot be planned with this file and project.
pub(crate) fn not_planned(error: PlanError) -> Problem {
    let detail = error.to_string();
    match error {
        PlanError::Column(_) => Problem::new(ProblemCode::BadColumn, detail),
        PlanError::NoTemplateNamed { .. } => {
            Problem::new(ProblemCode::NoTemplate, format!("{detail}: say which, with template=CODE"))
        }
        PlanError::NoSuchTemplate { .. } | PlanError::NoNumberLeft => {
            Problem::new(ProblemCode::NoSuchTemplate, detail)
        }
        PlanError::SignedNotAllowed(_) => Problem::new(ProblemCode::SignedNotAllowed, detail),
        PlanError::Mapping(error) => {
            let to_choose = |column: &str, field: &str| format!("map={column}={field}");
            Problem::new(ProblemCode::BadMapping, error.told_with(to_choose))
        }
        PlanError::NothingMapped(_) => Problem::new(ProblemCode::BadMapping, detail),
        PlanError::NoKey(_) => Problem::new(ProblemCode::NoKey, detail),
        PlanError::Expiry(_) => Problem::new(ProblemCode::BadParameter, format!("expires {detail}")),
        PlanError::DefaultUrl => Problem::new(ProblemCode::BadParameter, format!("{detail}: url=https://…")),
    }
}

/// The problem of a job that the project does not have.
pub(crate) fn no_job() -> Problem {
    Problem::new(ProblemCode::NoSuchJob, "the project has no such job")
}

/// The problem of an event that was not applied.
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
