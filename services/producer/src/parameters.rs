//! Parameters of a query, and the batch spec that follows from an upload's parameters.

use actix_web::{HttpRequest, web};
use percent_encoding::percent_decode_str;
use smartpass_api_types::{LinkChoice, ParameterError, ProblemCode, UploadParameters};
use smartpass_core::batch::{self, BatchSpec, ExpiryChoice, LinkRequest, Request, TemplateChoice};
use smartpass_core::csv::{Dialect, Header};
use smartpass_core::ids::{BatchId, JobId, KeyVersion, ProjectCode};
use smartpass_core::job::{Millis, NewJob, TemplateName};
use smartpass_core::link::LinkKind;
use smartpass_http::Problem;
use smartpass_platform::random::random_bytes;
use smartpass_records::projects::Project;

use crate::api::Limits;
use crate::problems::not_planned;

const HOUR_MS: Millis = 3_600_000;

/// The parameters in a query, in order.
pub(crate) fn query_parameters(request: &HttpRequest) -> Result<Vec<(String, String)>, Problem> {
    let query = request.query_string();
    // The library would replace bytes that are not UTF-8 instead of refusing them.
    let is_text = percent_decode_str(query).decode_utf8().is_ok();
    let pairs = web::Query::<Vec<(String, String)>>::from_query(query).ok().filter(|_| is_text);
    let pairs = pairs.ok_or_else(|| Problem::new(ProblemCode::BadParameter, "the query cannot be read"))?;
    Ok(pairs.into_inner())
}

/// The problem of a parameter that is not valid.
pub(crate) fn bad_parameter(error: ParameterError) -> Problem {
    Problem::new(error.code, error.detail)
}

/// The plan of a job, settled once the file's header is known.
pub(crate) struct Plan {
    pub(crate) spec: BatchSpec,
    pub(crate) job: NewJob,
}

/// Settles everything that decides the links' bytes: no clock and no default decides anything later.
pub(crate) fn plan(
    parameters: &UploadParameters,
    limits: &Limits,
    (project, record): (&ProjectCode, &Project),
    header: &Header,
    dialect: Dialect,
    now: Millis,
) -> Result<Plan, Problem> {
    let kind = match parameters.link {
        None | Some(LinkChoice::Encrypted) => LinkKind::Encrypted,
        Some(LinkChoice::Signed) => LinkKind::Signed,
    };
    let key_version = record.sealing_key();
    let request = Request {
        project,
        column: parameters.column.as_deref().unwrap_or("smartUrl"),
        url: parameters.url.as_ref(),
        default_base: &limits.link_base,
        link: LinkRequest::V1 {
            kind,
            template: TemplateChoice::Published {
                code: parameters.template.as_deref(),
                number: parameters.template_number,
            },
            choices: &parameters.map,
            expires: parameters.expires.as_deref().map(ExpiryChoice::Text),
            key_version,
        },
    };
    let (batch_id, id) = (BatchId(random_bytes()?), JobId(random_bytes()?));
    let seconds = (now / 1_000) as i64;
    let batch::Plan { spec, template } =
        request.plan((header, dialect), &record.templates, seconds, batch_id).map_err(not_planned)?;
    let link = if kind == LinkKind::Signed { "signed" } else { "encrypted" };
    let job = NewJob {
        id,
        project: project.clone(),
        batch_id,
        link: link.to_owned(),
        template: template
            .map(|planned| TemplateName { code: planned.template.code, number: planned.number.get() }),
        key_version: key_version.map(KeyVersion::get),
        encoder_revision: spec.encoder_revision,
        retention: parameters.retention_hours.map_or(limits.retention, |hours| hours * HOUR_MS),
    };
    Ok(Plan { spec, job })
}
