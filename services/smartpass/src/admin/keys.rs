//! `smartpass admin key`: the keys of a project, and the wrapping keys of a service.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use smartpass_core::ids::{KeyVersion, ProjectCode};
use smartpass_records::projects::{KeyState, Projects};
use smartpass_records::wrapping_keys::Purpose;

use crate::key::{print_keys, rotated};
use crate::local_projects::write_secret;
use crate::serve::connection::ConnectionSettings;
use crate::serve::services;
use crate::text::{path, print};

const DERIVE_HELP: &str = "Example: smartpass admin key derive --for encoder-worker --out encoder-worker.keys

The service is then started with --wrapping-keys-file encoder-worker.keys and without the master key: it can unwrap
what it needs, and nothing else. Neither the master key nor another service's keys can be computed from the file.";

#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// List a project's keys, never the keys themselves.
    #[command(after_help = "Example: smartpass admin key list wrsynr")]
    List {
        /// The project.
        project: ProjectCode,
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        connection: ConnectionSettings,
    },
    /// Make a new key: it seals from now on, and the older ones still open.
    #[command(after_help = "Example: smartpass admin key rotate wrsynr")]
    Rotate {
        /// The project.
        project: ProjectCode,
        #[command(flatten)]
        connection: ConnectionSettings,
    },
    /// Let a key seal no more; its links still open.
    #[command(after_help = "Example: smartpass admin key retire wrsynr 1")]
    Retire(KeyArgs),
    /// Let a key's links open no more. There is no way back.
    #[command(after_help = "Example: smartpass admin key revoke wrsynr 1")]
    Revoke(KeyArgs),
    /// Delete a key for good: its links are as if they had never been. There is no way back.
    #[command(after_help = "Example: smartpass admin key destroy wrsynr 1")]
    Destroy(KeyArgs),
    /// Derive the wrapping keys that a service needs from the master key.
    #[command(after_help = DERIVE_HELP)]
    Derive {
        /// The service.
        #[arg(long = "for", value_name = "SERVICE", value_parser = PossibleValuesParser::new(services::names()))]
        service: String,
        /// A new file, mode 0600, instead of the terminal.
        #[arg(long, value_name = "F")]
        out: Option<PathBuf>,
        #[command(flatten)]
        connection: ConnectionSettings,
    },
}

/// One key of a project.
#[derive(clap::Args)]
pub(super) struct KeyArgs {
    /// The project.
    project: ProjectCode,
    /// The key's version.
    version: KeyVersion,
    #[command(flatten)]
    connection: ConnectionSettings,
}

/// Runs the command.
pub(super) async fn run(command: KeyCommand) -> anyhow::Result<()> {
    match command {
        KeyCommand::List { project, json, connection } => {
            let found = projects(&connection, &[]).await?.load(&project).await?;
            print_keys(&found.with_context(|| format!("there is no project {project}"))?.keys, json)
        }
        KeyCommand::Rotate { project, connection } => {
            let projects = projects(&connection, &[Purpose::Link]).await?;
            projects.load(&project).await?.with_context(|| format!("there is no project {project}"))?;
            let version = projects.rotate_key(&project).await?;
            let backup = format!("back it up: smartpass admin project export {project}\n");
            print(&format!("{}{backup}", rotated(&project, version)))
        }
        KeyCommand::Retire(args) => set_state(args, KeyState::Retired).await,
        KeyCommand::Revoke(args) => set_state(args, KeyState::Revoked).await,
        KeyCommand::Destroy(args) => set_state(args, KeyState::Destroyed).await,
        KeyCommand::Derive { service, out, connection } => derive(&service, out, &connection),
    }
}

async fn projects(connection: &ConnectionSettings, purposes: &[Purpose]) -> anyhow::Result<Projects> {
    Ok(connection.connect(purposes).await?.projects(purposes))
}

async fn set_state(args: KeyArgs, state: KeyState) -> anyhow::Result<()> {
    let KeyArgs { project, version, connection } = args;
    projects(&connection, &[]).await?.set_key_state(&project, version, state).await?;
    // A worker that has the key in its cache drops it within a minute.
    print(&format!("key {version} of project {project} is {} (within a minute, everywhere)\n", state.name()))
}

fn derive(name: &str, out: Option<PathBuf>, connection: &ConnectionSettings) -> anyhow::Result<()> {
    let service = services::named(name).context("there is no such service")?;
    let text = connection.derive(service.purposes)?.to_text();
    match out {
        Some(file) => {
            if file.symlink_metadata().is_ok() {
                bail!("{} exists already (choose another name)", file.display());
            }
            write_secret(&file, text.as_bytes())?;
            print(&format!("wrote {}: start the {name} with --wrapping-keys-file\n", path(&file)))
        }
        None => print(&text),
    }
}
