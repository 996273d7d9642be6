//! What the handlers say about themselves beyond their types: headers, statuses, and every problem that an operation
//! may answer, by its code.

use std::collections::{BTreeMap, BTreeSet};

use smartpass_api_types::{ProblemCode, UploadParameters};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::link::LinkBuilder;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Content, Header, RefOr, Required, Response, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses, PartialSchema, ToSchema};

type Responses = BTreeMap<String, RefOr<Response>>;

/// What any request about a project may be answered with.
const OF_PROJECT: &[ProblemCode] = &[
    ProblemCode::Unauthorized,
    ProblemCode::OtherSite,
    ProblemCode::Forbidden,
    ProblemCode::NoSuchProject,
    ProblemCode::Internal,
    ProblemCode::Busy,
];

/// The problems, by status.
fn problems(more: &[ProblemCode]) -> Responses {
    let codes = || OF_PROJECT.iter().chain(more);
    let statuses: BTreeSet<u16> = codes().map(|code| code.status()).collect();
    let answer = |status: u16| {
        let causes = codes().filter(|code| code.status() == status);
        let causes: Vec<String> =
            causes.map(|code| format!("`{}`: {}", code.as_str(), code.meaning())).collect();
        let content = Content::new(Some(utoipa::openapi::Ref::from_schema_name("Problem")));
        let response = ResponseBuilder::new()
            .description(causes.join("\n"))
            .content("application/problem+json", content);
        match status {
            401 => response.header("www-authenticate", header(Type::String, "How to authenticate: `Bearer`")),
            503 => response.header("retry-after", header(Type::Integer, "Seconds to wait")),
            _ => response,
        }
        .build()
    };
    statuses.into_iter().map(|status| (status.to_string(), RefOr::T(answer(status)))).collect()
}

fn header(of: impl Into<SchemaType>, description: &str) -> Header {
    HeaderBuilder::new()
        .schema(ObjectBuilder::new().schema_type(of.into()))
        .description(Some(description))
        .build()
}

/// Problems of a request about a project.
pub(crate) struct ProjectProblems;

impl IntoResponses for ProjectProblems {
    fn responses() -> Responses {
        problems(&[])
    }
}

/// Problems of a list of jobs.
pub(crate) struct ListProblems;

impl IntoResponses for ListProblems {
    fn responses() -> Responses {
        problems(&[ProblemCode::BadParameter, ProblemCode::UnknownParameter])
    }
}

/// Problems of a request about a job.
pub(crate) struct JobProblems;

impl IntoResponses for JobProblems {
    fn responses() -> Responses {
        problems(&[ProblemCode::NoSuchJob])
    }
}

/// Problems of a request that changes a job.
pub(crate) struct JobChangeProblems;

impl IntoResponses for JobChangeProblems {
    fn responses() -> Responses {
        problems(&[ProblemCode::NoSuchJob, ProblemCode::WrongState, ProblemCode::FilesDeleted])
    }
}

/// Problems of a download.
pub(crate) struct DownloadProblems;

impl IntoResponses for DownloadProblems {
    fn responses() -> Responses {
        problems(&[ProblemCode::NoSuchJob, ProblemCode::NotCompleted, ProblemCode::FilesDeleted])
    }
}

/// Problems of an upload. One whose job was ended by somebody else meanwhile has those of a change.
pub(crate) struct UploadProblems;

impl IntoResponses for UploadProblems {
    fn responses() -> Responses {
        problems(&[
            ProblemCode::BadParameter,
            ProblemCode::UnknownParameter,
            ProblemCode::BadForm,
            ProblemCode::BrokenOff,
            ProblemCode::NoTemplate,
            ProblemCode::NoSuchJob,
            ProblemCode::WrongState,
            ProblemCode::FilesDeleted,
            ProblemCode::UnknownEncoding,
            ProblemCode::BadFile,
            ProblemCode::BadColumn,
            ProblemCode::BadMapping,
            ProblemCode::NoKey,
            ProblemCode::NoSuchTemplate,
            ProblemCode::SignedNotAllowed,
        ])
    }
}

/// An upload's answer: the job, and what can be asked about it.
pub(crate) struct CreatedJob;

impl IntoResponses for CreatedJob {
    fn responses() -> Responses {
        let asked = [
            "showJob",
            "watchJob",
            "cancelJob",
            "retryJob",
            "deleteFiles",
            "downloadSuccess",
            "downloadErrors",
        ];
        let content = Content::new(Some(utoipa::openapi::Ref::from_schema_name("Job")));
        let created = ResponseBuilder::new()
            .description("The job; its rows may not be encoded yet")
            .content("application/json", content)
            .header("location", header(Type::String, "Where the job is shown"));
        let created = asked.into_iter().fold(created, |created, operation| {
            let link = LinkBuilder::new()
                .operation_id(operation)
                .parameter("project", "$response.body#/project")
                .parameter("job", "$response.body#/id");
            created.link(operation, link.build())
        });
        BTreeMap::from([("201".to_owned(), RefOr::T(created.build()))])
    }
}

/// A server-sent event about a job.
pub(crate) struct JobEvent;

impl ToSchema for JobEvent {}

impl PartialSchema for JobEvent {
    fn schema() -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let data = text().content_media_type("application/json").description(Some("The job, as JSON"));
        ObjectBuilder::new()
            .property("event", text().enum_values(Some(["progress", "ended"])))
            .required("event")
            .property("data", data)
            .required("data")
            .into()
    }
}

/// A form: the parameters, then the file.
pub(crate) struct UploadForm;

impl ToSchema for UploadForm {}

impl PartialSchema for UploadForm {
    fn schema() -> RefOr<Schema> {
        let file = ObjectBuilder::new()
            .schema_type(Type::String)
            .content_media_type("text/csv")
            .description(Some("The file. Parameters behind it are not read."));
        let form = UploadParameters::into_params(|| None).into_iter().fold(
            ObjectBuilder::new(),
            |form, parameter| {
                let Parameter { name, schema, description, .. } = parameter;
                match schema {
                    Some(RefOr::T(Schema::Object(of))) => {
                        form.property(name, ObjectBuilder::from(of).description(description))
                    }
                    Some(RefOr::T(Schema::Array(of))) => {
                        form.property(name, ArrayBuilder::from(of).description(description))
                    }
                    _ => form,
                }
            },
        );
        form.property("file", file).required("file").into()
    }
}

fn header_parameter(name: &str, schema: ObjectBuilder, description: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema.schema_type(Type::String)))
        .build()
}

/// The headers of an upload that matter.
pub(crate) struct UploadHeaders;

impl IntoParams for UploadHeaders {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let codings = ObjectBuilder::new().enum_values(Some(["identity", "gzip", "zstd"]));
        vec![header_parameter("content-encoding", codings, "How the file is compressed, in a form too.")]
    }
}

/// The headers of a download that matter.
pub(crate) struct ConditionalHeaders;

impl IntoParams for ConditionalHeaders {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = ObjectBuilder::new;
        vec![
            header_parameter(
                "range",
                text(),
                "One range of bytes. Several are answered with the whole file.",
            ),
            header_parameter(
                "if-range",
                text(),
                "The range is of the file with this tag, or the whole is sent.",
            ),
            header_parameter("if-none-match", text(), "Tags that the client has already."),
        ]
    }
}

/// An output, or a part of it.
pub(crate) struct OutputResponses;

impl IntoResponses for OutputResponses {
    fn responses() -> Responses {
        let etag = || header(Type::String, "The version, which never changes");
        let file = |description: &str| {
            ResponseBuilder::new()
                .description(description)
                .content("text/csv", Content::new(Some(ObjectBuilder::new().schema_type(Type::String))))
                .header("etag", etag())
                .header("accept-ranges", header(Type::String, "`bytes`"))
                .header("content-disposition", header(Type::String, "The name to save it under"))
        };
        let range = || header(Type::String, "Which bytes, of how many");
        let without = |description: &str| ResponseBuilder::new().description(description);
        let answers = [
            (
                "200",
                file("The whole file").header("content-encoding", header(Type::String, "`gzip`, or none")),
            ),
            ("206", file("The bytes asked for").header("content-range", range())),
            ("304", without("The client has it already").header("etag", etag())),
            ("416", without("The file has no such bytes").header("content-range", range())),
        ];
        answers.map(|(status, answer)| (status.to_owned(), RefOr::T(answer.build()))).into()
    }
}
