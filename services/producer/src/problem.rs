//! Errors as RFC 9457 problem details (`application/problem+json`).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::json;
use smartpass_core::csv::IntakeError;
use smartpass_core::ids::JobId;
use smartpass_core::job::Refusal;
use smartpass_platform::Error;
use smartpass_platform::jobs::ApplyError;
use tracing::error;

use crate::body::BodyError;

/// An answer that is an error.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    /// Stable, for programs: the last part of the problem's type.
    code: &'static str,
    /// For people: what was wrong, and what was expected.
    detail: String,
    /// The job that came of the request all the same.
    job: Option<JobId>,
}

pub(crate) type Answer = Result<HttpResponse, Problem>;

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), job: None }
    }

    pub(crate) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// The request is well formed, and the file or its settings cannot be used.
    pub(crate) fn unusable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    pub(crate) fn no_project() -> Self {
        let detail = "there is no such project, or it has no key (make one with: smartpass project new CODE; \
                      on a server: smartpass admin project import FILE)";
        Self::new(StatusCode::NOT_FOUND, "no-such-project", detail)
    }

    pub(crate) fn no_job() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no-such-job", "the project has no such job")
    }

    pub(crate) fn busy(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
    }

    pub(crate) fn of_job(self, job: JobId) -> Self {
        Self { job: Some(job), ..self }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut body = json!({
            "type": format!("https://smartpass.dev/problems/{}", self.code),
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        if let Some(job) = self.job {
            body["job"] = json!(job);
        }
        let mut response = HttpResponse::build(self.status);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header(("retry-after", "5"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header(("www-authenticate", "Bearer"));
        }
        response.content_type("application/problem+json").body(body.to_string())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable { service, .. } => {
                error!(%error, "a request could not be answered");
                Self::busy(format!("{service} is unavailable: try again soon"))
            }
            other => {
                error!(error = %other, "a request could not be answered");
                let detail = "something is wrong on our side; the log says what";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
            }
        }
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::BrokenOff(reason) => {
                Self::bad_request("broken-off", format!("the upload broke off: {reason}"))
            }
            BodyError::Unusable(reason) => Self::unusable("bad-file", reason),
        }
    }
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        Self::unusable("bad-file", error.told_with(|encoding| format!("encoding={encoding}")))
    }
}

impl From<ApplyError> for Problem {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::NoJob => Self::no_job(),
            ApplyError::Refused(refusal) => refusal.into(),
            ApplyError::Backend(error) => error.into(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = match refusal {
            Refusal::FilesGone => (StatusCode::GONE, "files-deleted"),
            _ => (StatusCode::CONFLICT, "wrong-state"),
        };
        Self::new(status, code, refusal.to_string())
    }
}

pub(crate) async fn no_such_page() -> Answer {
    let detail = "there is nothing here (the API is below /v1/projects/{project}/jobs)";
    Err(Problem::new(StatusCode::NOT_FOUND, "not-found", detail))
}

pub(crate) async fn wrong_method(request: HttpRequest) -> Answer {
    let detail = format!("{} does not apply here", request.method());
    Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", detail))
}
