//! `smartpass open`: what a link carries.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Map, Value, json};
use smartpass_core::link::{Expiry, Keyring, LinkKind, OpenError, Opened, Opener, passkit};
use smartpass_core::template::Template;

use crate::arguments::ProjectArg;
use crate::failure::{Exit, usage};
use crate::key_material::GivenKey;
use crate::local_projects::LocalProjects;
use crate::text::{path, print_json};

#[derive(Args)]
#[command(after_help = "Example: smartpass open https://pass.example.com/club/EAEB…")]
pub(crate) struct OpenArgs {
    /// The link, or only its token.
    #[arg(value_name = "URL|TOKEN")]
    pub(crate) link: String,
    #[command(flatten)]
    pub(crate) project: ProjectArg,
    /// A file with the key, as for generate; needed for PassKit links.
    #[arg(long, value_name = "F")]
    pub(crate) key_file: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(arguments: OpenArgs) -> anyhow::Result<Exit> {
    let given = GivenKey::find(arguments.key_file.as_deref())?;
    if is_passkit(&arguments.link) {
        print_json(&open_passkit(&arguments.link, given.as_ref())?)?;
        return Ok(Exit::Success);
    }
    let token = token_of(&arguments.link);
    let opener = find_opener(&arguments.project, given.as_ref(), token)?;
    let opened = opener.open(token, None)?;
    let template = &opener.keyring().templates[&opened.header.template_number];
    print_json(&describe(&opened, opener.keyring().project.as_str(), template)?)?;
    Ok(Exit::Success)
}

/// Whether a URL has the shape of PassKit's formats.
pub(crate) fn is_passkit(link: &str) -> bool {
    link.contains("?data=")
}

/// The token at the end of a URL, or the whole text. Text behind `?` or `#`, which mailers add, is no part of it.
pub(crate) fn token_of(link: &str) -> &str {
    let path = link.trim().split(['?', '#']).next().unwrap_or(link);
    path.rsplit('/').next().unwrap_or(path)
}

fn open_passkit(link: &str, given: Option<&GivenKey>) -> anyhow::Result<Value> {
    let Some(given) = given else {
        return usage(
            "a PassKit link opens with the PassKit project's key: give --key-file or SMARTPASS_KEY",
        );
    };
    let columns = passkit::open(link.trim(), &given.for_passkit()?)?;
    let kind = if link.contains("&sig=") { "passkit-hashed" } else { "passkit-encrypted" };
    let fields: Map<String, Value> = columns.into_iter().map(|(name, value)| (name, value.into())).collect();
    Ok(json!({"link": kind, "fields": fields}))
}

/// An opener for the project that the token belongs to: the one named, or the one on this machine that it opens with.
///
/// # Errors
/// The project or its key is not here, which is not the same as a bad token.
pub(crate) fn find_opener(
    project: &ProjectArg,
    given: Option<&GivenKey>,
    token: &str,
) -> anyhow::Result<Opener> {
    let store = LocalProjects::find()?;
    if let Some(given) = given {
        let (code, version, key) = given.for_project(project.project.as_ref())?;
        let templates = store.project(&code).templates()?;
        return opener(Keyring { project: code, keys: BTreeMap::from([(version, key.into())]), templates });
    }
    if let Some(code) = &project.project {
        return opener(store.existing(code)?.keyring()?);
    }
    let mut candidates = Vec::new();
    for project in store.projects()? {
        let keyring = project.keyring()?;
        if !keyring.keys.is_empty() && !keyring.templates.is_empty() {
            candidates.push(Opener::new(keyring));
        }
    }
    // An expired or revoked link belongs to its project all the same.
    let knows = |candidate: &Opener| candidate.open(token, None) != Err(OpenError::BadToken);
    let found = candidates.iter().position(knows).unwrap_or(0);
    if candidates.is_empty() {
        bail!(
            "no project with a key and a template is in {} (bring one with: smartpass project import FILE)",
            path(store.root())
        );
    }
    Ok(candidates.swap_remove(found))
}

fn opener(keyring: Keyring) -> anyhow::Result<Opener> {
    if keyring.templates.is_empty() {
        bail!(
            "project {} has no template here, and links are read with theirs \
             (bring it with: smartpass project import FILE)",
            keyring.project
        );
    }
    Ok(Opener::new(keyring))
}

fn describe(opened: &Opened, project: &str, template: &Template) -> anyhow::Result<Value> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?.as_secs()
        as i64;
    let header = &opened.header;
    let names = template.fields.iter().map(|field| field.name.clone());
    let fields: Map<String, Value> = names.zip(opened.values.iter().map(|value| json!(value))).collect();
    Ok(json!({
        "project": project,
        "template": {"code": template.code, "number": header.template_number},
        "link": if header.kind == LinkKind::Signed { "signed" } else { "encrypted" },
        "key_version": header.key_version,
        "batch_id": header.batch_id,
        "row": u64::from(header.row_number) + 1,
        "expires": opened.expires.map(Expiry::to_text),
        "expired": opened.expires.is_some_and(|expiry| now >= expiry.unix_seconds()),
        "fields": fields,
    }))
}
