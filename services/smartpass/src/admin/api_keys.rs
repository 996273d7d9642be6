//! `smartpass admin api-key`.

use anyhow::{Context, bail};
use clap::{Subcommand, ValueEnum};
use serde_json::json;
use smartpass_core::ids::ProjectCode;
use smartpass_core::job::time_text;
use smartpass_platform::clock::Clock;
use smartpass_records::api_keys::{ApiKey, Scope};

use crate::serve::connection::ConnectionSettings;
use crate::text::{print, print_json};

#[derive(Subcommand)]
pub(super) enum ApiKeyCommand {
    /// Make a key; it is shown once.
    #[command(after_help = "Example: smartpass admin api-key new wrsynr")]
    New {
        /// The project that it may ask about.
        project: ProjectCode,
        /// What it may be used for [default: everything].
        #[arg(long = "scope", value_enum, value_delimiter = ',')]
        scopes: Vec<ScopeArg>,
        #[command(flatten)]
        connection: ConnectionSettings,
    },
    /// Show a project's keys, without their secrets.
    List {
        /// The project.
        project: ProjectCode,
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        connection: ConnectionSettings,
    },
    /// Take a key away, from now on.
    #[command(after_help = "Example: smartpass admin api-key revoke wrsynr 5f0c63a1b2d4")]
    Revoke {
        /// The project.
        project: ProjectCode,
        /// The key's id, as `list` shows it.
        id: String,
        #[command(flatten)]
        connection: ConnectionSettings,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum ScopeArg {
    /// Sending files, and what follows from it: cancelling, retrying, deleting.
    Send,
    /// Looking at jobs and templates, and fetching outputs.
    Read,
}

impl From<ScopeArg> for Scope {
    fn from(scope: ScopeArg) -> Self {
        match scope {
            ScopeArg::Send => Self::Send,
            ScopeArg::Read => Self::Read,
        }
    }
}

/// Runs the command.
pub(super) async fn run(command: ApiKeyCommand) -> anyhow::Result<()> {
    match command {
        ApiKeyCommand::New { project, scopes, connection } => {
            let stores = connection.connect(&[]).await?;
            let there = stores.projects(&[]).exists(&project).await?;
            there.then_some(()).with_context(|| format!("project {project} is missing"))?;
            let scopes: Vec<Scope> = match &scopes[..] {
                [] => Scope::ALL.to_vec(),
                some => some.iter().copied().map(Scope::from).collect(),
            };
            let key = stores.api_keys().create(&project, &scopes, Clock::system().now()).await?;
            print(&format!("{}\n", *key))
        }
        ApiKeyCommand::List { project, json: as_json, connection } => {
            let stores = connection.connect(&[]).await?;
            if !stores.projects(&[]).exists(&project).await? {
                bail!("there is no project {project}");
            }
            let keys = stores.api_keys().list(&project).await?;
            if as_json {
                let entry = |(id, key): (&String, &ApiKey)| {
                    let created = time_text(key.created);
                    json!({"id": id, "created": created, "scopes": key.scopes})
                };
                return print_json(&keys.iter().map(entry).collect());
            }
            for (id, key) in &keys {
                let scopes = key.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ");
                print(&format!("{id}  made {}, may {scopes}\n", time_text(key.created).unwrap_or_default()))?;
            }
            Ok(())
        }
        ApiKeyCommand::Revoke { project, id, connection } => {
            if !connection.connect(&[]).await?.api_keys().revoke(&project, &id).await? {
                bail!("project {project} has no API key {id} (see: smartpass admin api-key list {project})");
            }
            print(&format!("API key {id} of project {project} opens nothing any more\n"))
        }
    }
}
