//! `smartpass key`: the keys of a project.

use clap::Subcommand;
use serde_json::json;

use crate::arguments::ProjectArg;
use crate::failure::Exit;
use crate::store::Store;
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
    let store = Store::find()?;
    match command {
        KeyCommand::List { project, json: as_json } => {
            let keys = store.existing(&project.code())?.keys()?;
            let newest = keys.last_key_value().map(|(version, _)| *version);
            let state =
                |version| if Some(version) == newest { "active: seals and opens" } else { "retired: opens" };
            if as_json {
                let entry = |version| json!({"version": version, "active": Some(version) == newest});
                print_json(&keys.keys().copied().map(entry).collect())?;
            } else {
                let lines: Vec<String> =
                    keys.keys().map(|&version| format!("{version:>4}  {}\n", state(version))).collect();
                print(&lines.concat())?;
            }
        }
        KeyCommand::Rotate { project } => {
            let (version, _) = store.existing(&project.code())?.add_key()?;
            let code = project.code();
            print(&format!(
                "key {version} of project {code} seals from now on; older ones still open\n\
                 back it up: smartpass project export --project {code}\n"
            ))?;
        }
    }
    Ok(Exit::Success)
}
