//! What an upload says about itself in its query, and the batch spec that comes of it.

use smartpass_api_types::ProblemCode;
use smartpass_core::batch::{self, BatchSpec, ExpiryChoice, LinkRequest, Request, TemplateChoice};
use smartpass_core::csv::{Dialect, Encoding, Header};
use smartpass_core::ids::{BaseUrl, BatchId, JobId, KeyVersion, ProjectCode, TemplateNumber};
use smartpass_core::job::{Millis, NewJob, TemplateName};
use smartpass_core::link::LinkKind;
use smartpass_http::Problem;
use smartpass_platform::random::random_bytes;
use smartpass_records::projects::Project;

use crate::api::Limits;
use crate::problems::not_planned;

const HOUR_MS: Millis = 3_600_000;
/// A year: whoever wants to keep files longer should keep them elsewhere.
const MAX_RETENTION_HOURS: u64 = 24 * 366;

/// The parameters of an upload. `map` may be given more than once.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    template: Option<String>,
    template_number: Option<TemplateNumber>,
    map: Vec<(String, String)>,
    link: Option<LinkKind>,
    url: Option<BaseUrl>,
    expires: Option<String>,
    column: Option<String>,
    pub(crate) encoding: Option<Encoding>,
    retention_hours: Option<u64>,
}

/// What is settled once the header is known.
pub(crate) struct Plan {
    pub(crate) spec: BatchSpec,
    pub(crate) job: NewJob,
}

impl Parameters {
    /// Takes the parameters of a query.
    pub(crate) fn parse(pairs: Vec<(String, String)>) -> Result<Self, Problem> {
        let mut parameters = Self::default();
        for (name, value) in pairs {
            parameters.set(&name, &value)?;
        }
        Ok(parameters)
    }

    /// Takes one parameter, from the query or a form.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let wrong = |expected: String| {
            Problem::new(ProblemCode::BadParameter, format!("{name} {value:?}: {expected}"))
        };
        match name {
            "template" => self.template = Some(value.to_owned()),
            "template_number" => {
                self.template_number =
                    Some(value.parse().map_err(|_| wrong("expected a number from 1".to_owned()))?);
            }
            "map" => {
                let pair =
                    value.rsplit_once('=').filter(|(column, field)| !column.is_empty() && !field.is_empty());
                let (column, field) = pair.ok_or_else(|| wrong("expected COLUMN=FIELD".to_owned()))?;
                self.map.push((column.to_owned(), field.to_owned()));
            }
            "link" => {
                self.link = Some(match value {
                    "encrypted" => LinkKind::Encrypted,
                    "signed" => LinkKind::Signed,
                    _ => {
                        let expected = "expected encrypted or signed (PassKit's formats: smartpass generate)";
                        return Err(wrong(expected.to_owned()));
                    }
                });
            }
            "url" => {
                self.url = Some(
                    value
                        .parse()
                        .map_err(|error: smartpass_core::ids::InvalidId| wrong(error.to_string()))?,
                )
            }
            "expires" => self.expires = Some(value.to_owned()),
            "column" => self.column = Some(value.to_owned()),
            "encoding" => {
                let known = || wrong(format!("expected {}", Encoding::ALL.map(Encoding::name).join(", ")));
                self.encoding = Some(Encoding::from_name(value).ok_or_else(known)?);
            }
            "retention_hours" => {
                let hours = value.parse().ok().filter(|hours| (1..=MAX_RETENTION_HOURS).contains(hours));
                let expected = || wrong(format!("expected hours from 1 to {MAX_RETENTION_HOURS}"));
                self.retention_hours = Some(hours.ok_or_else(expected)?);
            }
            _ => {
                let known =
                    "template, template_number, map, link, url, expires, column, encoding, retention_hours";
                return Err(Problem::new(
                    ProblemCode::UnknownParameter,
                    format!("{name:?} is no parameter (expected {known})"),
                ));
            }
        }
        Ok(())
    }

    /// Settles everything that decides the links' bytes: nothing in it comes later from a clock or a default.
    pub(crate) fn plan(
        &self,
        limits: &Limits,
        (project, record): (&ProjectCode, &Project),
        header: &Header,
        dialect: Dialect,
        now: Millis,
    ) -> Result<Plan, Problem> {
        let kind = self.link.unwrap_or(LinkKind::Encrypted);
        let key_version = record.sealing_key();
        let request = Request {
            project,
            column: self.column.as_deref().unwrap_or("smartUrl"),
            url: self.url.as_ref(),
            default_base: &limits.link_base,
            link: LinkRequest::V1 {
                kind,
                template: TemplateChoice::Published {
                    code: self.template.as_deref(),
                    number: self.template_number,
                },
                choices: &self.map,
                expires: self.expires.as_deref().map(ExpiryChoice::Text),
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
            retention: self.retention_hours.map_or(limits.retention, |hours| hours * HOUR_MS),
        };
        Ok(Plan { spec, job })
    }
}
