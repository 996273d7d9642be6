//! The plan of a run: project, key, template, mapping, all settled before the first row.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use smartpass_core::batch::{self, BatchSpec, ExpiryChoice, LinkRequest, Request, TemplateChoice};
use smartpass_core::encode::Encoder;
use smartpass_core::ids::{BaseUrl, BatchId, KeyVersion, ProjectCode, TemplateNumber};
use smartpass_core::link::passkit::{PasskitKey, PasskitKind};
use smartpass_core::link::{LinkKind, ProjectKey};
use smartpass_core::template::{Mapping, Template};

use super::args::{GenerateArgs, LinkArg};
use crate::failure::usage;
use crate::key_material::{GivenKey, new_project_key, random};
use crate::local_projects::{LocalProjects, Project, Published};
use crate::remedies;
use crate::source::Source;
use crate::template::{code_for, infer, load};

/// The plan: everything that a run needs, and every default that was chosen for the caller.
pub(crate) struct Plan {
    /// The batch spec, which decides the links' bytes.
    pub(crate) spec: BatchSpec,
    /// The secret, and the template where the format has one.
    pub(crate) format: FormatPlan,
    /// Whether the URL is the default.
    pub(crate) url_is_default: bool,
}

/// The parts that only one link format needs.
pub(crate) enum FormatPlan {
    V1 {
        key: ProjectKey,
        /// Boxed, since it is far larger than a PassKit key.
        template: Box<TemplatePlan>,
        key_origin: KeyOrigin,
    },
    Passkit(PasskitKey),
}

/// The template of a run and its origin.
pub(crate) struct TemplatePlan {
    pub(crate) published: Published,
    pub(crate) mapping: Mapping,
    pub(crate) origin: TemplateOrigin,
}

/// The origin of the template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TemplateOrigin {
    Published,
    File,
    Inferred,
}

/// The origin of the key.
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
        let mut batch_id = BatchId([0; 8]);
        random(&mut batch_id.0)?;
        let run = Run { arguments, source, batch_id, now: now()? };
        let given = GivenKey::find(arguments.key_file.as_deref())?;
        match arguments.link {
            LinkArg::Encrypted => run.plan_v1(given.as_ref(), LinkKind::Encrypted),
            LinkArg::Signed => run.plan_v1(given.as_ref(), LinkKind::Signed),
            LinkArg::PasskitEncrypted => run.plan_passkit(given, PasskitKind::Encrypted),
            LinkArg::PasskitHashed => run.plan_passkit(given, PasskitKind::Hashed),
            LinkArg::PasskitHashedSha1 => run.plan_passkit(given, PasskitKind::HashedSha1),
        }
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

/// The parts from which a plan is made.
struct Run<'a> {
    arguments: &'a GenerateArgs,
    source: &'a Source,
    batch_id: BatchId,
    /// Seconds since 1970-01-01T00:00:00Z.
    now: i64,
}

impl Run<'_> {
    fn plan_passkit(&self, given: Option<GivenKey>, kind: PasskitKind) -> anyhow::Result<Plan> {
        let arguments = self.arguments;
        if arguments.template.is_some() || !arguments.map.is_empty() || arguments.expires.is_some() {
            return usage(
                "PassKit links carry all columns as they are: --template, --map and --expires do not apply",
            );
        }
        let Some(given) = given else {
            return usage("PassKit links need the PassKit project's key: give --key-file or SMARTPASS_KEY");
        };
        let plan = self.plan(&arguments.project.code(), LinkRequest::Passkit(kind), &BTreeMap::new())?;
        let format = FormatPlan::Passkit(given.for_passkit()?);
        Ok(Plan { spec: plan.spec, format, url_is_default: arguments.url.is_none() })
    }

    fn plan_v1(&self, given: Option<&GivenKey>, kind: LinkKind) -> anyhow::Result<Plan> {
        let arguments = self.arguments;
        let store = LocalProjects::find()?;
        let given = given.map(|given| given.for_project(arguments.project.project.as_ref())).transpose()?;
        let code = given.as_ref().map_or_else(|| arguments.project.code(), |(code, ..)| code.clone());
        let project = store.project(&code);
        if given.is_none() && arguments.project.project.is_some() {
            store.existing(&code)?;
        }
        let link = |template, key_version| LinkRequest::V1 {
            kind,
            template,
            choices: &arguments.map,
            expires: arguments.expires.as_deref().map(ExpiryChoice::Text),
            key_version: Some(key_version),
        };
        self.check(&code, link(TemplateChoice::Published { code: None, number: None }, KeyVersion::MIN))?;
        let (template, origin) = choose_template(arguments, self.source, &project, kind)?;
        let choice = TemplateChoice::Given(&template);
        let plan = self.plan(&code, link(choice, KeyVersion::MIN), &project.templates()?)?;
        // Everything is checked before anything is stored.
        let (version, key, key_origin) = choose_key(given, &project, arguments.dry_run)?;
        let number = match &plan.template {
            Some(planned) if arguments.dry_run => planned.number,
            _ => project.publish(&template)?.0,
        };
        let batch::Plan { spec, template } = plan.numbered(version, number);
        let template = template.context("a plan of v1 links has a template")?;
        let published = Published { number, template: template.template };
        let template = Box::new(TemplatePlan { published, mapping: template.mapping, origin });
        let format = FormatPlan::V1 { key, template, key_origin };
        Ok(Plan { spec, format, url_is_default: arguments.url.is_none() })
    }

    fn check(&self, project: &ProjectCode, link: LinkRequest<'_>) -> anyhow::Result<()> {
        let (file, default_base) = ((&self.source.header, self.source.dialect), default_base()?);
        let checked = self.request(project, link, &default_base).check(file, self.now);
        checked.map(|_| ()).or_else(remedies::of_plan)
    }

    fn plan(
        &self,
        project: &ProjectCode,
        link: LinkRequest<'_>,
        published: &BTreeMap<TemplateNumber, Template>,
    ) -> anyhow::Result<batch::Plan> {
        let (file, default_base) = ((&self.source.header, self.source.dialect), default_base()?);
        let request = self.request(project, link, &default_base);
        request.plan(file, published, self.now, self.batch_id).or_else(remedies::of_plan)
    }

    fn request<'a>(
        &'a self,
        project: &'a ProjectCode,
        link: LinkRequest<'a>,
        default_base: &'a BaseUrl,
    ) -> Request<'a> {
        let GenerateArgs { column, url, .. } = self.arguments;
        Request { project, column, url: url.as_ref(), default_base, link }
    }
}

/// The default start of links: this machine.
fn default_base() -> anyhow::Result<BaseUrl> {
    Ok("http://localhost:8080".parse()?)
}

fn now() -> anyhow::Result<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    Ok(now.as_secs() as i64)
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
        bail!(
            "project {0} has no active key (make one with: smartpass key rotate --project {0})",
            project.code
        );
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
    let Some(given) = &arguments.template else {
        if kind == LinkKind::Signed {
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
    Ok((template, if is_file { TemplateOrigin::File } else { TemplateOrigin::Published }))
}
