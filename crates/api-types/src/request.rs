//! The parameters of requests.

use serde::Deserialize;
use smartpass_core::csv::Encoding;
use smartpass_core::ids::{BaseUrl, InvalidId, TemplateNumber};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::problem::ProblemCode;

/// The longest retention: a year.
const MAX_RETENTION_HOURS: u64 = 24 * 366;
/// The default number of jobs in a list.
const LISTED: usize = 50;
/// The most jobs in a list.
const MAX_LISTED: usize = 1_000;
/// The largest integer that every JSON reader reads exactly: 2^53 - 1.
const MAX_BEFORE: u64 = (1 << 53) - 1;

/// The error of an unknown parameter, or of a value that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterError {
    /// The code, for programs.
    pub code: ProblemCode,
    /// What was wrong and what was expected, for people.
    pub detail: String,
}

impl ParameterError {
    fn bad(name: &str, value: &str, expected: impl std::fmt::Display) -> Self {
        Self { code: ProblemCode::BadParameter, detail: format!("{name} {value:?}: {expected}") }
    }

    fn unknown(name: &str, known: &str) -> Self {
        let detail = format!("{name:?} is no parameter (expected {known})");
        Self { code: ProblemCode::UnknownParameter, detail }
    }
}

/// The path of a request about a project.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ProjectPath {
    /// The project's code.
    #[param(pattern = "^[a-z0-9]{3,32}$", example = "wrsynr")]
    pub project: String,
}

/// The path of a request about a job.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct JobPath {
    /// The code of the project, which the job has to belong to.
    #[param(pattern = "^[a-z0-9]{3,32}$", example = "wrsynr")]
    pub project: String,
    /// The job's id.
    #[param(pattern = "^[0-9a-f]{32}$", example = "00112233445566778899aabbccddeeff")]
    pub job: String,
}

/// How a job's links can be made over the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum LinkChoice {
    /// Only the project's keys read them.
    Encrypted,
    /// Everybody can read them, and nobody change them.
    Signed,
}

/// The parameters of an upload, in its query, or in its form before the file.
///
/// ```
/// use smartpass_api_types::UploadParameters;
/// let mut parameters = UploadParameters::default();
/// parameters.set("map", "E-Mail=person.emailAddress").unwrap();
/// assert_eq!(parameters.map, [("E-Mail".to_owned(), "person.emailAddress".to_owned())]);
/// let error = parameters.set("retention_hours", "0").unwrap_err();
/// assert_eq!(error.detail, "retention_hours \"0\": expected hours from 1 to 8784");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UploadParameters {
    /// The code of the template. Needed where the project has more than one.
    #[param(nullable = false, example = "members")]
    pub template: Option<String>,
    /// The template's number in the project; the newest of its code where it is left out.
    #[param(nullable = false, value_type = Option<u64>, minimum = 1, maximum = 4_294_967_295_i64)]
    pub template_number: Option<TemplateNumber>,
    /// Which column feeds which field, `COLUMN=FIELD`, as often as needed: for headers that are no field's name.
    #[param(value_type = Vec<ColumnAndField>, inline, required = false, style = Form, explode,
        example = json!(["Vorname=person.forename"]))]
    pub map: Vec<(String, String)>,
    /// The links' kind; `encrypted` where it is left out. The template has to allow `signed`.
    #[param(nullable = false, inline)]
    pub link: Option<LinkChoice>,
    /// What links begin with. The server's own base and the project's code where it is left out.
    #[param(nullable = false, value_type = Option<String>, format = "uri", max_length = 1024,
        example = "https://pass.example.com/wrsynr")]
    pub url: Option<BaseUrl>,
    /// When the links expire: a day (to its end, UTC) or a moment.
    #[param(nullable = false, example = "2099-12-31")]
    pub expires: Option<String>,
    /// The name of the column that the links are written to; `smartUrl` where it is left out.
    #[param(nullable = false)]
    pub column: Option<String>,
    /// The file's encoding, where it is not UTF-8 and has no byte order mark.
    #[param(value_type = Option<EncodingName>, nullable = false, inline)]
    pub encoding: Option<Encoding>,
    /// How long the job's files are kept after its end; the server's setting where it is left out.
    #[param(nullable = false, minimum = 1, maximum = 8784)]
    pub retention_hours: Option<u64>,
}

impl UploadParameters {
    const KNOWN: &str =
        "template, template_number, map, link, url, expires, column, encoding, retention_hours";

    /// Takes one parameter. `map` may come more than once; of the others, the last counts.
    ///
    /// # Errors
    /// There is no such parameter, or its value cannot be read.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), ParameterError> {
        match name {
            "template" => self.template = Some(value.to_owned()),
            "template_number" => {
                let number = value.parse();
                let wrong = |_| ParameterError::bad(name, value, "expected a number from 1");
                self.template_number = Some(number.map_err(wrong)?);
            }
            "map" => self.map.push(mapping(value)?),
            "link" => self.link = Some(link(value)?),
            "url" => {
                let wrong = |error: InvalidId| ParameterError::bad(name, value, error);
                self.url = Some(value.parse().map_err(wrong)?);
            }
            "expires" => self.expires = Some(value.to_owned()),
            "column" => self.column = Some(value.to_owned()),
            "encoding" => {
                let known = Encoding::ALL.map(Encoding::name).join(", ");
                let wrong = || ParameterError::bad(name, value, format!("expected {known}"));
                self.encoding = Some(Encoding::from_name(value).ok_or_else(wrong)?);
            }
            "retention_hours" => {
                let hours = value.parse().ok().filter(|hours| (1..=MAX_RETENTION_HOURS).contains(hours));
                let expected = format!("expected hours from 1 to {MAX_RETENTION_HOURS}");
                self.retention_hours = Some(hours.ok_or_else(|| ParameterError::bad(name, value, expected))?);
            }
            _ => return Err(ParameterError::unknown(name, Self::KNOWN)),
        }
        Ok(())
    }
}

fn mapping(value: &str) -> Result<(String, String), ParameterError> {
    let pair = value.rsplit_once('=').filter(|(column, field)| !column.is_empty() && !field.is_empty());
    let (column, field) = pair.ok_or_else(|| ParameterError::bad("map", value, "expected COLUMN=FIELD"))?;
    Ok((column.to_owned(), field.to_owned()))
}

fn link(value: &str) -> Result<LinkChoice, ParameterError> {
    match value {
        "encrypted" => Ok(LinkChoice::Encrypted),
        "signed" => Ok(LinkChoice::Signed),
        _ => {
            let expected = "expected encrypted or signed (PassKit's formats: smartpass generate)";
            Err(ParameterError::bad("link", value, expected))
        }
    }
}

/// The schema of `map`.
struct ColumnAndField;

impl ToSchema for ColumnAndField {}

impl PartialSchema for ColumnAndField {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"^[\s\S]+=[^=]+$")).into()
    }
}

/// The schema of `encoding`.
struct EncodingName;

impl ToSchema for EncodingName {}

impl PartialSchema for EncodingName {
    fn schema() -> RefOr<Schema> {
        let names = Encoding::ALL.map(Encoding::name);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
    }
}

/// The parameters of a list of jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListParameters {
    /// Only jobs opened before this time, in milliseconds since 1970.
    #[param(nullable = false, minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub before: Option<u64>,
    /// How many are shown at most; 50 where it is left out.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    pub limit: Option<usize>,
}

impl ListParameters {
    /// Takes one parameter; the last of its name counts.
    ///
    /// # Errors
    /// There is no such parameter, or its value cannot be read.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), ParameterError> {
        match name {
            "before" => {
                let before = value.parse().ok().filter(|before| *before <= MAX_BEFORE);
                let expected = format!("expected milliseconds since 1970, at most {MAX_BEFORE}");
                self.before = Some(before.ok_or_else(|| ParameterError::bad(name, value, expected))?);
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MAX_LISTED).contains(limit));
                let expected = format!("expected a number from 1 to {MAX_LISTED}");
                self.limit = Some(limit.ok_or_else(|| ParameterError::bad(name, value, expected))?);
            }
            _ => return Err(ParameterError::unknown(name, "before, limit")),
        }
        Ok(())
    }

    /// The most jobs to show.
    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(LISTED)
    }
}
