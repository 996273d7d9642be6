//! `smartpass admin project`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::json;
use smartpass_core::ids::ProjectCode;
use smartpass_records::projects::{KeyState, Projects};
use smartpass_records::wrapping_keys::Purpose;

use crate::export::{Export, imported};
use crate::serve::connection::{ConnectionSettings, Stores};
use crate::text::{print, print_json};

#[derive(Subcommand)]
pub(super) enum ProjectCommand {
    /// Add the keys and templates of a file that `project export` wrote, here or on another machine.
    #[command(after_help = "Example: smartpass admin project import wrsynr.smartpass.age")]
    Import {
        /// The file.
        file: PathBuf,
        /// A file with its passphrase [default: SMARTPASS_PASSPHRASE, or asked for].
        #[arg(long, value_name = "F")]
        passphrase_file: Option<PathBuf>,
        #[command(flatten)]
        connection: ConnectionSettings,
    },
    /// Write a project's keys and templates to a file that a passphrase protects (age): its backup.
    #[command(after_help = "Example: smartpass admin project export wrsynr --out wrsynr.smartpass.age")]
    Export {
        /// The project.
        code: ProjectCode,
        /// The file [default: CODE.smartpass.age].
        #[arg(long, value_name = "F")]
        out: Option<PathBuf>,
        /// A file with the passphrase [default: SMARTPASS_PASSPHRASE, or asked for].
        #[arg(long, value_name = "F")]
        passphrase_file: Option<PathBuf>,
        /// Replace an existing file.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        connection: ConnectionSettings,
    },
    /// Make a project with a new key. Back it up with export.
    #[command(after_help = "Example: smartpass admin project new demo")]
    New {
        /// Its code.
        code: ProjectCode,
        #[command(flatten)]
        connection: ConnectionSettings,
    },
    /// Add a template file to a project, under the next number.
    #[command(after_help = "Example: smartpass admin project publish demo club.toml")]
    Publish {
        /// The project.
        code: ProjectCode,
        /// The template.
        file: PathBuf,
        #[command(flatten)]
        connection: ConnectionSettings,
    },
    /// Show the projects.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        connection: ConnectionSettings,
    },
}

/// Runs the command.
pub(super) async fn run(command: ProjectCommand) -> anyhow::Result<()> {
    const LINK: &[Purpose] = &[Purpose::Link];
    match command {
        ProjectCommand::Import { file, passphrase_file, connection } => {
            let projects = connection.connect(LINK).await?.projects(LINK);
            import(&projects, &Export::read(&file, passphrase_file.as_deref())?).await
        }
        ProjectCommand::Export { code, out, passphrase_file, force, connection } => {
            let projects = connection.connect(LINK).await?.projects(LINK);
            export(&projects, &code).await?.write(out, passphrase_file.as_deref(), force)
        }
        ProjectCommand::New { code, connection } => {
            let projects = connection.connect(LINK).await?.projects(LINK);
            if projects.load(&code).await?.is_some() {
                bail!("project {code} exists already");
            }
            projects.rotate_key(&code).await?;
            print(&format!(
                "made project {code} with a new key\nback it up: smartpass admin project export {code}\n"
            ))
        }
        ProjectCommand::Publish { code, file, connection } => {
            let template = crate::template::read_file(&file)?;
            let projects = connection.connect(&[]).await?.projects(&[]);
            projects.load(&code).await?.with_context(|| format!("there is no project {code}"))?;
            let (number, is_new) = projects.publish(&code, &template).await?;
            let how = if is_new { "published" } else { "already published" };
            print(&format!("template {} is {how} as number {number} of project {code}\n", template.code))
        }
        ProjectCommand::List { json, connection } => list(&connection.connect(&[]).await?, json).await,
    }
}

async fn import(projects: &Projects, export: &Export) -> anyhow::Result<()> {
    let code = &export.project;
    let new = projects.import(code, &export.keys()?, &export.templates()).await?;
    let here = projects.load(code).await?.unwrap_or_default().keys;
    for (version, state) in export.later_states(&here) {
        projects.set_key_state(code, version, state).await?;
    }
    print(&imported(code, new))
}

async fn export(projects: &Projects, code: &ProjectCode) -> anyhow::Result<Export> {
    let project = projects.load(code).await?.with_context(|| format!("there is no project {code}"))?;
    let mut keys = BTreeMap::new();
    for version in project.keys.iter().filter(|(_, state)| **state != KeyState::Destroyed) {
        keys.insert(*version.0, projects.key_to_export(code, *version.0).await?);
    }
    Ok(Export::of(code, &project.keys, &keys, project.templates))
}

async fn list(stores: &Stores, as_json: bool) -> anyhow::Result<()> {
    let (projects, api_keys) = (stores.projects(&[]), stores.api_keys());
    let (mut entries, mut lines) = (Vec::new(), String::new());
    for code in projects.codes().await? {
        let Some(project) = projects.load(&code).await? else { continue };
        let (keys, templates) = (project.keys.len(), project.templates.len());
        let api_keys = api_keys.list(&code).await?.len();
        entries.push(json!({"project": code, "keys": keys, "templates": templates, "api_keys": api_keys}));
        let name = code.as_str();
        lines.push_str(&format!("{name:<32}  keys {keys}, templates {templates}, API keys {api_keys}\n"));
    }
    if as_json {
        return print_json(&entries.into());
    }
    print(if lines.is_empty() { "no projects yet\n" } else { &lines })
}
