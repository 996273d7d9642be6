//! Errors as RFC 9457 problem details (`application/problem+json`), so that a program can go by their code.
//!
//! ```
//! use actix_web::ResponseError;
//! use smartpass_api_types::ProblemCode;
//! use smartpass_http::Problem;
//! let problem = Problem::new(ProblemCode::NoSuchJob, "the project has no such job");
//! assert_eq!(problem.status_code(), 404);
//! ```

use actix_web::http::StatusCode;
use actix_web::http::header::ALLOW;
use actix_web::{HttpRequest, HttpResponse, ResponseError, Route, web};
use smartpass_api_types::{Problem as ProblemDetails, ProblemCode};
use smartpass_core::ids::JobId;
use smartpass_platform::Error;
use tracing::error;

/// An answer that is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The code that programs go by.
    pub code: ProblemCode,
    /// What was wrong and what was expected, for people.
    pub detail: String,
    /// The job that the request made before it failed.
    pub job: Option<JobId>,
    /// The methods that the resource has.
    pub allow: Option<&'static str>,
}

/// What a handler answers.
pub type Answer = Result<HttpResponse, Problem>;

impl Problem {
    /// A problem.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), job: None, allow: None }
    }

    /// The problem of a project that does not exist.
    pub fn no_project() -> Self {
        let detail = "there is no such project, or it has no key (make one with: smartpass project new CODE; \
                      on a server: smartpass admin project import FILE)";
        Self::new(ProblemCode::NoSuchProject, detail)
    }

    /// The problem of too much at once, or of an outage: the same request may succeed later.
    pub fn busy(detail: impl Into<String>) -> Self {
        Self::new(ProblemCode::Busy, detail)
    }

    /// The same problem, about a job.
    pub fn of_job(self, job: JobId) -> Self {
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
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let details = ProblemDetails { job: self.job, ..ProblemDetails::new(self.code, &*self.detail) };
        let mut response = HttpResponse::build(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header(("retry-after", "5"));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header(("www-authenticate", "Bearer"));
        }
        if let Some(methods) = self.allow {
            response.insert_header((ALLOW, methods));
        }
        let body = serde_json::to_string(&details).unwrap_or_default();
        response.content_type("application/problem+json").body(body)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        error!(%error, "request failed");
        match error {
            Error::Unavailable { service, .. } => {
                Self::busy(format!("{service} is unavailable: try again soon"))
            }
            _ => Self::new(ProblemCode::Internal, "something is wrong on our side; the log says what"),
        }
    }
}

/// The answer to a path that no route has.
pub async fn no_such_page() -> Answer {
    let detail = "there is nothing here (the API is below /v1/projects/{project}/jobs)";
    Err(Problem::new(ProblemCode::NotFound, detail))
}

/// The answer to methods that a resource does not have; `allowed` names those that it has (RFC 9110 §15.5.6).
pub fn wrong_method(allowed: &'static str) -> Route {
    web::route().to(move |request: HttpRequest| async move {
        let detail = format!("{} does not apply here", request.method());
        let problem = Problem::new(ProblemCode::WrongMethod, detail);
        Answer::Err(Problem { allow: Some(allowed), ..problem })
    })
}
