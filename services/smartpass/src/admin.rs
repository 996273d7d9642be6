//! `smartpass admin`: what an operator does to a server's state.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::json;
use smartpass_core::ids::{KeyVersion, ProjectCode};
use smartpass_core::job::time_text;
use smartpass_platform::clock::Clock;
use smartpass_platform::projects::Projects;

use crate::failure::Exit;
use crate::key_material::new_project_key;
use crate::project::{imported, read_export};
use crate::serve::{ConnectArgs, connect_state};
use crate::text::{counted, print, print_json};

const ADMIN_HELP: &str = "These commands work on the server's own state (--redis-url, or --data of a server that is \
stopped), and need its master key. On a laptop, `smartpass serve` has the command line's projects without any of them.

Example: smartpass admin project import wrsynr.smartpass.age --redis-url redis://localhost:6379";

#[derive(Args)]
#[command(after_help = ADMIN_HELP)]
pub(crate) struct AdminArgs {
    #[command(subcommand)]
    command: AdminCommand,
}

#[derive(Subcommand)]
enum AdminCommand {
    /// Bring projects to the server, and list them.
    #[command(subcommand)]
    Project(ProjectCommand),
    /// Make, list and revoke the keys that programs ask the API with.
    #[command(subcommand)]
    ApiKey(ApiKeyCommand),
    /// Bring back keys and templates that the state has lost.
    #[command(subcommand)]
    State(StateCommand),
}

#[derive(Subcommand)]
enum ProjectCommand {
    /// Add the keys and templates of a file that `smartpass project export` wrote.
    #[command(after_help = "Example: smartpass admin project import wrsynr.smartpass.age")]
    Import {
        /// The file.
        file: PathBuf,
        /// A file with its passphrase [default: SMARTPASS_PASSPHRASE, or asked for].
        #[arg(long, value_name = "F")]
        passphrase_file: Option<PathBuf>,
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Make a project with a new key. It exists on this server only: prefer import, so that you have a backup.
    #[command(after_help = "Example: smartpass admin project new demo")]
    New {
        /// Its code.
        code: ProjectCode,
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Add a template file to a project, under the next number.
    #[command(after_help = "Example: smartpass admin project publish demo club.toml")]
    Publish {
        /// The project.
        code: ProjectCode,
        /// The template.
        file: PathBuf,
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Show the projects.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        connect: ConnectArgs,
    },
}

#[derive(Subcommand)]
enum ApiKeyCommand {
    /// Make a key; it is shown once.
    #[command(after_help = "Example: smartpass admin api-key new wrsynr")]
    New {
        /// The project that it may ask about.
        project: ProjectCode,
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Show a project's keys, without their secrets.
    List {
        /// The project.
        project: ProjectCode,
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Take a key away, from now on.
    #[command(after_help = "Example: smartpass admin api-key revoke wrsynr 5f0c63a1b2d4")]
    Revoke {
        /// The project.
        project: ProjectCode,
        /// The key's id, as `list` shows it.
        id: String,
        #[command(flatten)]
        connect: ConnectArgs,
    },
}

#[derive(Subcommand)]
enum StateCommand {
    /// Read the registry in the blobs, and add what is not in the state.
    Rebuild {
        #[command(flatten)]
        connect: ConnectArgs,
    },
}

/// Runs the command.
pub(crate) fn run(args: AdminArgs) -> anyhow::Result<Exit> {
    actix_web::rt::System::new().block_on(async {
        match args.command {
            AdminCommand::Project(command) => project(command).await,
            AdminCommand::ApiKey(command) => api_key(command).await,
            AdminCommand::State(StateCommand::Rebuild { connect }) => {
                let restored = projects(&connect).await?.rebuild().await?;
                print(&format!("restored {}\n", counted(restored, "key or template version")))?;
                Ok(Exit::Success)
            }
        }
    })
}

async fn projects(connect: &ConnectArgs) -> anyhow::Result<Projects> {
    Ok(connect_state(connect).await?.2)
}

async fn project(command: ProjectCommand) -> anyhow::Result<Exit> {
    match command {
        ProjectCommand::Import { file, passphrase_file, connect } => {
            let projects = projects(&connect).await?;
            let export = read_export(&file, passphrase_file.as_deref())?;
            let key = |file: &crate::key_material::KeyFile| Ok((file.version, file.key()?));
            let keys: Vec<_> = export.keys.iter().map(key).collect::<anyhow::Result<_>>()?;
            let templates: Vec<_> = export
                .templates
                .into_iter()
                .map(|published| (published.number, published.template))
                .collect();
            let new = projects.import(&export.project, &keys, &templates).await?;
            print(&imported(&export.project, new.keys, new.templates))?;
        }
        ProjectCommand::New { code, connect } => {
            let projects = projects(&connect).await?;
            if projects.load(&code).await?.is_some() {
                bail!("project {code} exists already");
            }
            projects.import(&code, &[(KeyVersion::MIN, new_project_key()?)], &[]).await?;
            print(&format!("made project {code} with a new key\n"))?;
        }
        ProjectCommand::Publish { code, file, connect } => {
            let template = crate::template::read_file(&file)?;
            let (number, is_new) = projects(&connect).await?.publish(&code, &template).await?;
            let how = if is_new { "published" } else { "already published" };
            print(&format!("template {} is {how} as number {number} of project {code}\n", template.code))?;
        }
        ProjectCommand::List { json: as_json, connect } => {
            let projects = projects(&connect).await?;
            let mut entries = Vec::new();
            for code in projects.codes().await? {
                let Some(record) = projects.load(&code).await? else { continue };
                let (keys, templates, api_keys) =
                    (record.keys.len(), record.templates.len(), record.api_keys.len());
                entries.push(
                    json!({"project": code, "keys": keys, "templates": templates, "api_keys": api_keys}),
                );
            }
            if as_json {
                print_json(&entries.into())?;
            } else if entries.is_empty() {
                print("no projects yet\n")?;
            } else {
                let line = |entry: &serde_json::Value| {
                    let (keys, templates) = (&entry["keys"], &entry["templates"]);
                    let name = entry["project"].as_str().unwrap_or_default();
                    format!(
                        "{name:<32}  keys {keys}, templates {templates}, API keys {}\n",
                        entry["api_keys"]
                    )
                };
                print(&entries.iter().map(line).collect::<String>())?;
            }
        }
    }
    Ok(Exit::Success)
}

async fn api_key(command: ApiKeyCommand) -> anyhow::Result<Exit> {
    match command {
        ApiKeyCommand::New { project, connect } => {
            let key = projects(&connect).await?.new_api_key(&project, Clock::system().now()).await?;
            print(&format!("{}\n", *key))?;
        }
        ApiKeyCommand::List { project, json: as_json, connect } => {
            let Some(record) = projects(&connect).await?.load(&project).await? else {
                bail!("there is no project {project}");
            };
            if as_json {
                let mut entries = Vec::new();
                for (id, key) in &record.api_keys {
                    entries.push(json!({"id": id, "created": time_text(key.created)}));
                }
                print_json(&entries.into())?;
            } else {
                for (id, key) in &record.api_keys {
                    print(&format!("{id}  made {}\n", time_text(key.created).unwrap_or_default()))?;
                }
            }
        }
        ApiKeyCommand::Revoke { project, id, connect } => {
            if !projects(&connect).await?.revoke_api_key(&project, &id).await? {
                bail!("project {project} has no API key {id} (see: smartpass admin api-key list {project})");
            }
            print(&format!("API key {id} of project {project} opens nothing any more\n"))?;
        }
    }
    Ok(Exit::Success)
}
