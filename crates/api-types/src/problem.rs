//! Errors of the API, as RFC 9457 problem details (`application/problem+json`).

use serde::{Deserialize, Serialize};
use smartpass_core::ids::JobId;
use utoipa::ToSchema;

/// Why a request was not answered as asked.
///
/// ```
/// use smartpass_api_types::{Problem, ProblemCode};
/// let problem = Problem::new(ProblemCode::NoSuchJob, "the project has no such job");
/// assert_eq!((problem.status, &*problem.title), (404, "Not Found"));
/// assert_eq!(problem.type_uri, "https://smartpass.dev/problems/no-such-job");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What kind of problem: an address that ends in the code.
    #[serde(rename = "type")]
    #[schema(format = "uri")]
    pub type_uri: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What kind of problem, for programs. A newer server may know more of them.
    #[schema(value_type = ProblemCode)]
    pub code: String,
    /// For people: what was wrong, and what was expected.
    pub detail: String,
    /// The job that came of the request all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub job: Option<JobId>,
}

impl Problem {
    /// The problem with this code.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            type_uri: format!("https://smartpass.dev/problems/{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            code: code.as_str().to_owned(),
            detail: detail.into(),
            job: None,
        }
    }
}

/// The kinds of problems. Their codes are stable, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is described by `meaning`")]
pub enum ProblemCode {
    BadParameter,
    UnknownParameter,
    BadForm,
    BrokenOff,
    NoTemplate,
    Unauthorized,
    OtherSite,
    Forbidden,
    NotFound,
    NoSuchProject,
    NoSuchJob,
    WrongMethod,
    NotCompleted,
    WrongState,
    FilesDeleted,
    UnknownEncoding,
    BadFile,
    BadColumn,
    BadMapping,
    NoKey,
    NoSuchTemplate,
    SignedNotAllowed,
    Internal,
    Busy,
}

impl ProblemCode {
    /// All codes, in the order of their statuses.
    pub const ALL: [Self; 24] = [
        Self::BadParameter,
        Self::UnknownParameter,
        Self::BadForm,
        Self::BrokenOff,
        Self::NoTemplate,
        Self::Unauthorized,
        Self::OtherSite,
        Self::Forbidden,
        Self::NotFound,
        Self::NoSuchProject,
        Self::NoSuchJob,
        Self::WrongMethod,
        Self::NotCompleted,
        Self::WrongState,
        Self::FilesDeleted,
        Self::UnknownEncoding,
        Self::BadFile,
        Self::BadColumn,
        Self::BadMapping,
        Self::NoKey,
        Self::NoSuchTemplate,
        Self::SignedNotAllowed,
        Self::Internal,
        Self::Busy,
    ];

    /// The code, as it is in answers.
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// Its HTTP status.
    pub fn status(self) -> u16 {
        self.row().1
    }

    /// Its meaning in one sentence, for people.
    pub fn meaning(self) -> &'static str {
        self.row().2
    }

    /// The status in words (RFC 9110 §15).
    fn title(self) -> &'static str {
        match self.status() {
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            409 => "Conflict",
            410 => "Gone",
            415 => "Unsupported Media Type",
            422 => "Unprocessable Entity",
            503 => "Service Unavailable",
            _ => "Internal Server Error",
        }
    }

    fn row(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::BadParameter => (
                "bad-parameter",
                400,
                "A parameter's value cannot be read, or one that is needed is missing.",
            ),
            Self::UnknownParameter => ("unknown-parameter", 400, "There is no parameter of that name."),
            Self::BadForm => ("bad-form", 400, "The form cannot be read, or has no field called `file`."),
            Self::BrokenOff => ("broken-off", 400, "The upload broke off before the file's end."),
            Self::NoTemplate => {
                ("no-template", 400, "The request names no template, and the project has not exactly one.")
            }
            Self::Unauthorized => {
                ("unauthorized", 401, "The API key is missing, or not one of this project.")
            }
            Self::OtherSite => (
                "other-site",
                403,
                "Without API keys, only programs on the server's own machine may ask, as `http://localhost`.",
            ),
            Self::Forbidden => ("forbidden", 403, "The API key has not the scope that the request needs."),
            Self::NotFound => ("not-found", 404, "There is nothing at this address."),
            Self::NoSuchProject => ("no-such-project", 404, "There is no such project, or it has no key."),
            Self::NoSuchJob => ("no-such-job", 404, "The project has no such job."),
            Self::WrongMethod => ("wrong-method", 405, "The HTTP method does not apply to this address."),
            Self::NotCompleted => {
                ("not-completed", 409, "The outputs can be read once the job has completed.")
            }
            Self::WrongState => ("wrong-state", 409, "The job is in a state in which that cannot be done."),
            Self::FilesDeleted => ("files-deleted", 410, "The job's files are deleted."),
            Self::UnknownEncoding => {
                ("unknown-encoding", 415, "The body's `Content-Encoding` is neither `gzip` nor `zstd`.")
            }
            Self::BadFile => ("bad-file", 422, "The file is no CSV that can be read to its end."),
            Self::BadColumn => {
                ("bad-column", 422, "The links' column cannot be added to the file under that name.")
            }
            Self::BadMapping => (
                "bad-mapping",
                422,
                "The file's columns and the template's fields cannot be brought together.",
            ),
            Self::NoKey => ("no-key", 422, "The project has no key to make links with."),
            Self::NoSuchTemplate => ("no-such-template", 422, "The project has no such template, or number."),
            Self::SignedNotAllowed => (
                "signed-not-allowed",
                422,
                "The template does not allow signed links, which everybody can read.",
            ),
            Self::Internal => ("internal", 500, "Something is wrong on the server; its log says what."),
            Self::Busy => {
                ("busy", 503, "The server has too much to do, or cannot reach what it needs: try again soon.")
            }
        }
    }
}

/// All codes as a table in Markdown.
pub fn problems_as_markdown() -> String {
    let line =
        |code: &ProblemCode| format!("| `{}` | {} | {} |\n", code.as_str(), code.status(), code.meaning());
    let lines: String = ProblemCode::ALL.iter().map(line).collect();
    format!("| code | status | meaning |\n| --- | --- | --- |\n{lines}")
}
