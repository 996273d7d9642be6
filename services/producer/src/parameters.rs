//! What an upload says about itself in its query, and the batch spec that comes of it.

use smartpass_api_types::ProblemCode;
use smartpass_core::csv::{Dialect, Encoding, Header};
use smartpass_core::encode::{BatchSpec, ENCODER_REVISION, LinkSpec, check_output_column};
use smartpass_core::ids::{BaseUrl, BatchId, JobId, ProjectCode, TemplateNumber};
use smartpass_core::job::{Millis, NewJob, TemplateName};
use smartpass_core::link::{Expiry, LinkKind};
use smartpass_core::template::{self, Mapping, Template};
use smartpass_http::Problem;
use smartpass_platform::random::random_bytes;
use smartpass_records::projects::Project;

use crate::api::Limits;

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
        let column = self.column.as_deref().unwrap_or("smartUrl");
        check_output_column(column, &header.columns, dialect)
            .map_err(|error| Problem::new(ProblemCode::BadColumn, error.to_string()))?;
        let (number, template) = self.template(record)?;
        let kind = self.link.unwrap_or(LinkKind::Encrypted);
        if kind == LinkKind::Signed && !template.link.signed {
            let detail = format!(
                "template {:?} does not allow signed links, which everybody can read \
                 (put signed = true under [link] and publish it)",
                template.code
            );
            return Err(Problem::new(ProblemCode::SignedNotAllowed, detail));
        }
        let mapping = Mapping::build(template, header.data_columns(), &self.map)
            .map_err(|error| Problem::new(ProblemCode::BadMapping, error.to_string()))?;
        if mapping.mapped.is_empty() {
            let detail = format!("no column of the file feeds a field of template {:?}", template.code);
            return Err(Problem::new(ProblemCode::BadMapping, detail));
        }
        let no_key = || Problem::new(ProblemCode::NoKey, format!("project {project} has no key"));
        let key_version = record.sealing_key().ok_or_else(no_key)?;
        let expires =
            self.expires.as_deref().map(|when| Expiry::parse(when, (now / 1_000) as i64)).transpose();
        let expires =
            expires.map_err(|error| Problem::new(ProblemCode::BadParameter, format!("expires {error}")))?;
        let base_url = match &self.url {
            Some(url) => url.clone(),
            None => default_url(limits, project)?,
        };
        let (batch_id, id) = (BatchId(random_bytes()?), JobId(random_bytes()?));
        let spec = BatchSpec {
            project: project.clone(),
            batch_id,
            base_url,
            dialect,
            columns: header.columns.clone(),
            has_error_column: header.has_error_column,
            output_column: column.to_owned(),
            link: LinkSpec::V1 {
                kind,
                key_version,
                template_number: number,
                expires,
                mapping: mapping.columns,
            },
            encoder_revision: ENCODER_REVISION,
        };
        let link = if kind == LinkKind::Signed { "signed" } else { "encrypted" };
        let job = NewJob {
            id,
            project: project.clone(),
            batch_id,
            link: link.to_owned(),
            template: Some(TemplateName { code: template.code.clone(), number: number.get() }),
            key_version: Some(key_version.get()),
            encoder_revision: ENCODER_REVISION,
            retention: self.retention_hours.map_or(limits.retention, |hours| hours * HOUR_MS),
        };
        Ok(Plan { spec, job })
    }

    /// The template named, or the project's only one.
    fn template<'a>(&self, record: &'a Project) -> Result<(TemplateNumber, &'a Template), Problem> {
        let mut codes: Vec<&str> = record.templates.values().map(|template| template.code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        let known = if codes.is_empty() { "none yet".to_owned() } else { codes.join(", ") };
        let code = match (&self.template, &codes[..]) {
            (Some(code), _) => code.as_str(),
            (None, [only]) => only,
            (None, _) => {
                let detail = format!(
                    "say which template the links are made with: template=CODE (the project has {known})"
                );
                return Err(Problem::new(ProblemCode::NoTemplate, detail));
            }
        };
        let found = template::version(&record.templates, code, self.template_number);
        found.ok_or_else(|| {
            let version = self.template_number.map(|number| format!(" number {number}")).unwrap_or_default();
            let detail = format!("the project has no template {code:?}{version} (it has {known})");
            Problem::new(ProblemCode::NoSuchTemplate, detail)
        })
    }
}

fn default_url(limits: &Limits, project: &ProjectCode) -> Result<BaseUrl, Problem> {
    let url = format!("{}/{project}", limits.link_base.as_str());
    url.parse()
        .map_err(|_| Problem::new(ProblemCode::BadParameter, "say what the links begin with: url=https://…"))
}
