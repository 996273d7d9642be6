//! What a run is about to do: project, key, template, mapping, all settled before the first row.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use smartpass_core::encode::{self, BatchSpec, ENCODER_REVISION, Encoder, LinkSpec, OutputColumnError};
use smartpass_core::ids::{BaseUrl, BatchId, KeyVersion, ProjectCode, TemplateNumber};
use smartpass_core::link::passkit::{PasskitKey, PasskitKind};
use smartpass_core::link::{Expiry, LinkKind, ProjectKey};
use smartpass_core::template::{Mapping, Template};

use super::args::{GenerateArgs, LinkArg};
use crate::failure::usage;
use crate::key_material::{GivenKey, new_project_key, random};
use crate::source::Source;
use crate::store::{Project, Published, Store};
use crate::template::{code_for, infer, load};

/// Everything a run needs, and what was chosen for the caller.
pub(crate) struct Plan {
    /// What decides the links' bytes.
    pub(crate) spec: BatchSpec,
    /// The secret, and the template where the format has one.
    pub(crate) format: FormatPlan,
    /// Whether the URL was left to its default.
    pub(crate) url_is_default: bool,
}

/// What only one of the formats needs.
pub(crate) enum FormatPlan {
    V1 {
        key: ProjectKey,
        /// Boxed, since it is far larger than a PassKit key.
        template: Box<TemplatePlan>,
        key_origin: KeyOrigin,
    },
    Passkit(PasskitKey),
}

/// The template of a run and how it came about.
pub(crate) struct TemplatePlan {
    pub(crate) published: Published,
    pub(crate) mapping: Mapping,
    pub(crate) origin: TemplateOrigin,
}

/// Where the template came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TemplateOrigin {
    Published,
    File,
    Inferred,
}

/// Where the key came from.
pub(crate) enum KeyOrigin {
    /// The project's state directory.
    Stored { folder: std::path::PathBuf, is_new: bool },
    /// A file or `SMARTPASS_KEY`.
    Given,
    /// Drawn for a dry run, and thrown away.
    DryRun,
}

impl Plan {
    /// Settles everything; publishes a template that is not published yet, unless it is a dry run.
    pub(crate) fn make(arguments: &GenerateArgs, source: &Source) -> anyhow::Result<Self> {
        check_output_column(&arguments.column, source)?;
        let mut batch_id = BatchId([0; 8]);
        random(&mut batch_id.0)?;
        let given = GivenKey::find(arguments.key_file.as_deref())?;
        let (project, link, format) = match arguments.link {
            LinkArg::Encrypted => plan_v1(arguments, source, given.as_ref(), LinkKind::Encrypted)?,
            LinkArg::Signed => plan_v1(arguments, source, given.as_ref(), LinkKind::Signed)?,
            LinkArg::PasskitEncrypted => plan_passkit(arguments, given, PasskitKind::Encrypted)?,
            LinkArg::PasskitHashed => plan_passkit(arguments, given, PasskitKind::Hashed)?,
            LinkArg::PasskitHashedSha1 => plan_passkit(arguments, given, PasskitKind::HashedSha1)?,
        };
        let base_url = arguments.url.clone().map_or_else(|| default_url(&project), Ok)?;
        let spec = BatchSpec {
            project,
            batch_id,
            base_url,
            dialect: source.dialect,
            columns: source.header.columns.clone(),
            has_error_column: source.header.has_error_column,
            output_column: arguments.column.clone(),
            link,
            encoder_revision: ENCODER_REVISION,
        };
        Ok(Self { spec, format, url_is_default: arguments.url.is_none() })
    }

    /// A fresh encoder; each thread has its own.
    pub(crate) fn encoder(&self) -> anyhow::Result<Encoder> {
        let encoder = match &self.format {
            FormatPlan::V1 { key, template, .. } => {
                Encoder::v1(&self.spec, &template.published.template, key)
            }
            FormatPlan::Passkit(key) => Encoder::passkit(&self.spec, key),
        };
        Ok(encoder?)
    }
}

fn default_url(project: &ProjectCode) -> anyhow::Result<BaseUrl> {
    Ok(format!("http://localhost:8080/{project}").parse()?)
}

fn plan_passkit(
    arguments: &GenerateArgs,
    given: Option<GivenKey>,
    kind: PasskitKind,
) -> anyhow::Result<(ProjectCode, LinkSpec, FormatPlan)> {
    if arguments.template.is_some() || !arguments.map.is_empty() || arguments.expires.is_some() {
        return usage(
            "PassKit links carry all columns as they are: --template, --map and --expires do not apply",
        );
    }
    let Some(given) = given else {
        return usage("PassKit links need the PassKit project's key: give --key-file or SMARTPASS_KEY");
    };
    let format = FormatPlan::Passkit(given.for_passkit()?);
    Ok((arguments.project.code(), LinkSpec::Passkit(kind), format))
}

fn plan_v1(
    arguments: &GenerateArgs,
    source: &Source,
    given: Option<&GivenKey>,
    kind: LinkKind,
) -> anyhow::Result<(ProjectCode, LinkSpec, FormatPlan)> {
    let expires = arguments.expires.as_deref().map(parse_expiry).transpose()?;
    let store = Store::find()?;
    let given = given.map(|given| given.for_project(arguments.project.project.as_ref())).transpose()?;
    let code = given.as_ref().map_or_else(|| arguments.project.code(), |(code, ..)| code.clone());
    let project = store.project(&code);
    if given.is_none() && arguments.project.project.is_some() {
        store.existing(&code)?;
    }
    let (template, origin) = choose_template(arguments, source, &project, kind)?;
    let mapping = Mapping::build(&template, source.header.data_columns(), &arguments.map)?;
    if mapping.mapped.is_empty() {
        bail!(
            "no column of the file feeds a field of template {:?} (see: smartpass template check)",
            template.code
        );
    }
    let (key_version, key, key_origin) = choose_key(given, &project, arguments.dry_run)?;
    let number = if arguments.dry_run { TemplateNumber::MIN } else { project.publish(&template)?.0 };
    let link = LinkSpec::V1 {
        kind,
        key_version,
        template_number: number,
        expires,
        mapping: mapping.columns.clone(),
    };
    let published = Published { number, template };
    let template = Box::new(TemplatePlan { published, mapping, origin });
    Ok((code, link, FormatPlan::V1 { key, template, key_origin }))
}

fn choose_key(
    given: Option<(ProjectCode, KeyVersion, ProjectKey)>,
    project: &Project,
    dry_run: bool,
) -> anyhow::Result<(KeyVersion, ProjectKey, KeyOrigin)> {
    let keys = project.keys()?;
    if let Some((_, version, key)) = given {
        if keys.get(&version).is_some_and(|here| here.expose() != key.expose()) {
            bail!("the given key is not key {version} of project {} as it is kept here", project.code);
        }
        return Ok((version, key, KeyOrigin::Given));
    }
    let stored = |is_new| KeyOrigin::Stored { folder: project.folder().to_owned(), is_new };
    if let Some((version, key)) = project.sealing_key()? {
        return Ok((version, key, stored(false)));
    }
    if !keys.is_empty() {
        bail!("project {0} has no active key (make one with: smartpass key rotate --project {0})", project.code);
    }
    if dry_run {
        return Ok((KeyVersion::MIN, new_project_key()?, KeyOrigin::DryRun));
    }
    let (version, key) = project.add_key()?;
    Ok((version, key, stored(true)))
}

fn choose_template(
    arguments: &GenerateArgs,
    source: &Source,
    project: &Project,
    kind: LinkKind,
) -> anyhow::Result<(Template, TemplateOrigin)> {
    let wants_signed = kind == LinkKind::Signed;
    let Some(given) = &arguments.template else {
        if wants_signed {
            return usage(
                "signed links can be read by everybody, so a template has to allow them: put signed = true under \
                 [link] in one (smartpass template infer IN > F makes it) and give it with --template F",
            );
        }
        let code = code_for(&arguments.input, arguments.out.as_deref());
        let template = infer(&arguments.input, arguments.encoding, source, &arguments.map, &code)?;
        return Ok((template.validated()?, TemplateOrigin::Inferred));
    };
    let (template, is_file) = load(given, project)?;
    if wants_signed && !template.link.signed {
        bail!(
            "template {:?} does not allow signed links, which everybody can read \
             (put signed = true under [link] and publish it)",
            template.code
        );
    }
    Ok((template, if is_file { TemplateOrigin::File } else { TemplateOrigin::Published }))
}

fn check_output_column(name: &str, source: &Source) -> anyhow::Result<()> {
    match encode::check_output_column(name, &source.header.columns, source.dialect) {
        Ok(()) => Ok(()),
        Err(OutputColumnError::Taken(name)) => bail!(
            "the file has a column {name:?} already (rename or remove it, or choose another with --column)"
        ),
        Err(error) => usage(format!("--{error}")),
    }
}

/// `90d`, `12h`, a date (its end, UTC) or a datetime.
fn parse_expiry(when: &str) -> anyhow::Result<Expiry> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    Expiry::parse(when, now.as_secs() as i64).or_else(|error| usage(format!("--expires {error}")))
}
