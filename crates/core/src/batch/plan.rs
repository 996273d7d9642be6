//! From a request to a batch spec: the one place where a batch is settled.

use std::collections::{BTreeMap, BTreeSet};

use super::column::{OutputColumnError, check_output_column};
use super::spec::{BatchSpec, ENCODER_REVISION, LinkSpec};
use crate::csv::{Dialect, Header};
use crate::ids::{BaseUrl, BatchId, KeyVersion, ProjectCode, TemplateNumber};
use crate::link::passkit::PasskitKind;
use crate::link::{Expiry, ExpiryError, LinkKind};
use crate::template::{self, Mapping, MappingError, Template};

/// A request for links, before it is checked.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The project.
    pub project: &'a ProjectCode,
    /// The name of the column that the links go into.
    pub column: &'a str,
    /// The start of every URL; none for `default_base` and the project's code.
    pub url: Option<&'a BaseUrl>,
    /// The start of URLs where `url` is none: the project's code follows it.
    pub default_base: &'a BaseUrl,
    /// The format of the links, and what goes into them.
    pub link: LinkRequest<'a>,
}

/// The format of the links, and what goes into them.
#[derive(Clone, Debug)]
pub enum LinkRequest<'a> {
    /// Format v1.
    V1 {
        /// Encrypted or signed.
        kind: LinkKind,
        /// The template.
        template: TemplateChoice<'a>,
        /// The caller's pairs of column and field; other columns are matched by name.
        choices: &'a [(String, String)],
        /// When the links expire; none for never.
        expires: Option<ExpiryChoice<'a>>,
        /// The version of the key that seals; none where the project has no such key.
        key_version: Option<KeyVersion>,
    },
    /// One of PassKit's formats: all columns, no template.
    Passkit(PasskitKind),
}

/// The template of a request.
#[derive(Clone, Copy, Debug)]
pub enum TemplateChoice<'a> {
    /// A published template.
    Published {
        /// Its code; none for the project's only one.
        code: Option<&'a str>,
        /// Its number; none for the newest of its code.
        number: Option<TemplateNumber>,
    },
    /// A template that need not be published. It gets its number when it is.
    Given(&'a Template),
}

/// The expiry of a request.
#[derive(Clone, Copy, Debug)]
pub enum ExpiryChoice<'a> {
    /// Text, as [`Expiry::parse`] reads it.
    Text(&'a str),
    /// A moment.
    At(Expiry),
}

/// A settled batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The batch spec, which decides the links' bytes.
    pub spec: BatchSpec,
    /// The template, where the format has one.
    pub template: Option<PlannedTemplate>,
}

/// The template of a batch, and its mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedTemplate {
    /// Its number, or the one that it would get now.
    pub number: TemplateNumber,
    /// The template.
    pub template: Template,
    /// The columns that feed its fields.
    pub mapping: Mapping,
}

/// The reason why a request cannot be planned. It names no flag and no parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The links' column cannot have its name.
    #[error(transparent)]
    Column(#[from] OutputColumnError),
    /// No template was named, and the project has several, or none.
    #[error("no template is named (the project has {})", list(.known, "none yet"))]
    NoTemplateNamed {
        /// The codes that the project has.
        known: Vec<String>,
    },
    /// No such template.
    #[error(
        "the project has no template {code:?}{} (it has {})",
        .number.map(|number| format!(" number {number}")).unwrap_or_default(), list(.known, "none yet")
    )]
    NoSuchTemplate {
        /// The code asked for.
        code: String,
        /// The number asked for.
        number: Option<TemplateNumber>,
        /// The codes that the project has.
        known: Vec<String>,
    },
    /// No number is left for another template.
    #[error("the project has no template number left")]
    NoNumberLeft,
    /// Signed links of a template that does not allow them.
    #[error(
        "template {0:?} does not allow signed links, which everybody can read \
         (put signed = true under [link] and publish it)"
    )]
    SignedNotAllowed(String),
    /// The file's columns cannot be mapped to the template's fields.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// No column feeds any field.
    #[error("no column of the file feeds a field of template {0:?}")]
    NothingMapped(String),
    /// The project has no key that seals.
    #[error("project {0} has no key")]
    NoKey(ProjectCode),
    /// The expiry has passed, or is not a time.
    #[error(transparent)]
    Expiry(#[from] ExpiryError),
    /// Base and project code do not make a URL.
    #[error("the default of what links begin with cannot be used for this project (expected a shorter one)")]
    DefaultUrl,
}

fn list(names: &[String], none: &str) -> String {
    if names.is_empty() { none.to_owned() } else { names.join(", ") }
}

impl Request<'_> {
    /// Checks column and expiry, and answers the expiry. It needs no template, so it can run before one is inferred.
    ///
    /// # Errors
    /// [`PlanError::Column`] and [`PlanError::Expiry`].
    pub fn check(
        &self,
        (header, dialect): (&Header, Dialect),
        now: i64,
    ) -> Result<Option<Expiry>, PlanError> {
        check_output_column(self.column, &header.columns, dialect)?;
        match self.link {
            LinkRequest::V1 { expires: Some(ExpiryChoice::Text(when)), .. } => {
                Ok(Some(Expiry::parse(when, now)?))
            }
            LinkRequest::V1 { expires: Some(ExpiryChoice::At(expiry)), .. } => Ok(Some(expiry)),
            _ => Ok(None),
        }
    }

    /// Plans the batch `batch_id` for a file of this header and dialect. `now` is in seconds since
    /// 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn plan(
        &self,
        (header, dialect): (&Header, Dialect),
        published: &BTreeMap<TemplateNumber, Template>,
        now: i64,
        batch_id: BatchId,
    ) -> Result<Plan, PlanError> {
        let expires = self.check((header, dialect), now)?;
        let (link, template) = self.link(header, published, expires)?;
        let spec = BatchSpec {
            project: self.project.clone(),
            batch_id,
            base_url: self.base_url()?,
            dialect,
            columns: header.columns.clone(),
            has_error_column: header.has_error_column,
            output_column: self.column.to_owned(),
            link,
            encoder_revision: ENCODER_REVISION,
        };
        Ok(Plan { spec, template })
    }

    fn link(
        &self,
        header: &Header,
        published: &BTreeMap<TemplateNumber, Template>,
        expires: Option<Expiry>,
    ) -> Result<(LinkSpec, Option<PlannedTemplate>), PlanError> {
        let (kind, template, choices, key_version) = match &self.link {
            LinkRequest::V1 { kind, template, choices, key_version, .. } => {
                (*kind, template, choices, *key_version)
            }
            LinkRequest::Passkit(kind) => return Ok((LinkSpec::Passkit(*kind), None)),
        };
        let (template_number, template) = template.find(published)?;
        if kind == LinkKind::Signed && !template.link.signed {
            return Err(PlanError::SignedNotAllowed(template.code.clone()));
        }
        let mapping = Mapping::build(template, header.data_columns(), choices)?;
        if mapping.mapped.is_empty() {
            return Err(PlanError::NothingMapped(template.code.clone()));
        }
        let key_version = key_version.ok_or_else(|| PlanError::NoKey(self.project.clone()))?;
        let link =
            LinkSpec::V1 { kind, key_version, template_number, expires, mapping: mapping.columns.clone() };
        let planned = PlannedTemplate { number: template_number, template: template.clone(), mapping };
        Ok((link, Some(planned)))
    }

    fn base_url(&self) -> Result<BaseUrl, PlanError> {
        let default = || format!("{}/{}", self.default_base.as_str(), self.project).parse();
        self.url.map_or_else(|| default().map_err(|_| PlanError::DefaultUrl), |url| Ok(url.clone()))
    }
}

impl<'a> TemplateChoice<'a> {
    /// The template, among those that the project has published, and its number.
    ///
    /// # Errors
    /// [`PlanError`]: none is named, there is no such template, or no number is left.
    pub fn find(
        self,
        published: &'a BTreeMap<TemplateNumber, Template>,
    ) -> Result<(TemplateNumber, &'a Template), PlanError> {
        let known = || -> Vec<String> {
            let codes: BTreeSet<&str> = published.values().map(|template| template.code.as_str()).collect();
            codes.into_iter().map(str::to_owned).collect()
        };
        let (code, number) = match self {
            Self::Given(template) => {
                let (number, _) = template::number_for(published, template).ok_or(PlanError::NoNumberLeft)?;
                return Ok((number, template));
            }
            Self::Published { code: Some(code), number } => (code.to_owned(), number),
            Self::Published { code: None, number } => match &known()[..] {
                [only] => (only.clone(), number),
                known => return Err(PlanError::NoTemplateNamed { known: known.to_vec() }),
            },
        };
        let found = template::version(published, &code, number);
        found.ok_or_else(|| PlanError::NoSuchTemplate { code, number, known: known() })
    }
}

impl Plan {
    /// The same plan with the numbers that key and template got. They differ from the plan's where another process
    /// took those meanwhile.
    pub fn numbered(mut self, key: KeyVersion, template: TemplateNumber) -> Self {
        if let LinkSpec::V1 { key_version, template_number, .. } = &mut self.spec.link {
            (*key_version, *template_number) = (key, template);
        }
        if let Some(planned) = &mut self.template {
            planned.number = template;
        }
        self
    }
}
