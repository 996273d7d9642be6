//! `smartpass key`: the keys of a project.

use std::collections::BTreeMap;

use clap::Subcommand;
use serde_json::json;
use smartpass_core::ids::{KeyVersion, ProjectCode};
use smartpass_records::projects::{KeyState, Project};

use crate::arguments::ProjectArg;
use crate::failure::Exit;
use crate::local_projects::LocalProjects;
use crate::text::{print, print_json};

#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// List a project's keys, never the keys themselves.
    #[command(after_help = "Example: smartpass key list --project wrsynr")]
    List {
        #[command(flatten)]
        project: ProjectArg,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make a new key: it seals from now on, and the older ones still open.
    #[command(after_help = "Example: smartpass key rotate --project wrsynr")]
    Rotate {
        #[command(flatten)]
        project: ProjectArg,
    },
}

/// Runs the command.
pub(crate) fn run(command: KeyCommand) -> anyhow::Result<Exit> {
    let store = LocalProjects::find()?;
    match command {
        KeyCommand::List { project, json: as_json } => {
            let states = store.existing(&project.code())?.key_states()?;
            print_keys(&states, as_json)?;
        }
        KeyCommand::Rotate { project } => {
            let (version, _) = store.existing(&project.code())?.add_key()?;
            let code = project.code();
            print(&format!(
                "{}back it up: smartpass project export --project {code}\n",
                rotated(&code, version)
            ))?;
        }
    }
    Ok(Exit::Success)
}

/// The message about a rotation.
pub(crate) fn rotated(code: &ProjectCode, version: KeyVersion) -> String {
    format!("key {version} of project {code} seals from now on; older ones still open\n")
}

/// Shows keys and what they may still do.
pub(crate) fn print_keys(states: &BTreeMap<KeyVersion, KeyState>, as_json: bool) -> anyhow::Result<()> {
    let project = Project { keys: states.clone(), ..Project::default() };
    let sealing = project.sealing_key();
    let meaning = |version, state| match state {
        KeyState::Active if Some(version) == sealing => "active: seals and opens",
        KeyState::Active => "active: opens",
        KeyState::Retired => "retired: opens",
        KeyState::Revoked => "revoked: opens nothing",
        KeyState::Destroyed => "destroyed: gone",
    };
    if as_json {
        let entry = |version: &KeyVersion| json!({"version": version, "active": Some(*version) == sealing});
        return print_json(&states.keys().map(entry).collect());
    }
    let line =
        |(version, state): (&KeyVersion, &KeyState)| format!("{version:>4}  {}\n", meaning(*version, *state));
    print(&states.iter().map(line).collect::<String>())
}
