//! `smartpass project`: projects, and moving them to another machine.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Subcommand;
use serde_json::json;
use smartpass_core::ids::ProjectCode;

use crate::arguments::ProjectArg;
use crate::export::{Export, imported};
use crate::failure::Exit;
use crate::local_projects::LocalProjects;
use crate::text::{counted, path, print, print_json};

const EXPORT_HELP: &str = "Example: smartpass project export --project wrsynr

Whoever has the file and the passphrase can read and make the project's links. Whoever has neither has lost them.";

#[derive(Subcommand)]
pub(crate) enum ProjectCommand {
    /// Make a project with a new key.
    #[command(after_help = "Example: smartpass project new wrsynr")]
    New {
        /// The project's code: 3 to 32 lower-case letters and digits.
        code: ProjectCode,
    },
    /// List the projects on this machine.
    #[command(after_help = "Example: smartpass project list")]
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write a project's keys and templates to a file that a passphrase protects (age).
    #[command(after_help = EXPORT_HELP)]
    Export {
        #[command(flatten)]
        project: ProjectArg,
        /// The file [default: CODE.smartpass.age].
        #[arg(long, value_name = "F")]
        out: Option<PathBuf>,
        /// A file with the passphrase, instead of the terminal or SMARTPASS_PASSPHRASE.
        #[arg(long, value_name = "F")]
        passphrase_file: Option<PathBuf>,
        /// Replace an existing file.
        #[arg(long)]
        force: bool,
    },
    /// Bring an exported project to this machine.
    #[command(after_help = "Example: smartpass project import wrsynr.smartpass.age")]
    Import {
        /// The exported file.
        file: PathBuf,
        /// A file with the passphrase, instead of the terminal or SMARTPASS_PASSPHRASE.
        #[arg(long, value_name = "F")]
        passphrase_file: Option<PathBuf>,
    },
}

/// Runs the command.
pub(crate) fn run(command: ProjectCommand) -> anyhow::Result<Exit> {
    let store = LocalProjects::find()?;
    match command {
        ProjectCommand::New { code } => {
            let project = store.project(&code);
            if !project.key_states()?.is_empty() {
                bail!(
                    "project {code} exists already (a new key for it: smartpass key rotate --project {code})"
                );
            }
            project.add_key()?;
            print(&format!(
                "made project {code} with a new key in {}\nback it up: smartpass project export --project {code}\n",
                path(store.root())
            ))?;
        }
        ProjectCommand::List { json } => list(&store, json)?,
        ProjectCommand::Export { project, out, passphrase_file, force } => {
            export(&store, &project, out, passphrase_file.as_deref(), force)?;
        }
        ProjectCommand::Import { file, passphrase_file } => {
            import(&store, &file, passphrase_file.as_deref())?
        }
    }
    Ok(Exit::Success)
}

fn list(store: &LocalProjects, as_json: bool) -> anyhow::Result<()> {
    let mut entries = Vec::new();
    for project in store.projects()? {
        entries.push((project.code.clone(), project.key_states()?.len(), project.templates()?.len()));
    }
    if as_json {
        let entry = |(code, keys, templates)| json!({"project": code, "keys": keys, "templates": templates});
        return print_json(&entries.into_iter().map(entry).collect());
    }
    if entries.is_empty() {
        return print(&format!("no projects in {} yet\n", path(store.root())));
    }
    let line = |(code, keys, templates): (ProjectCode, usize, usize)| {
        format!(
            "{:<32}  {}, {}\n",
            code.as_str(),
            counted(keys as u64, "key"),
            counted(templates as u64, "template version")
        )
    };
    print(&entries.into_iter().map(line).collect::<String>())
}

fn export(
    store: &LocalProjects,
    project: &ProjectArg,
    out: Option<PathBuf>,
    passphrase_file: Option<&Path>,
    force: bool,
) -> anyhow::Result<()> {
    let project = store.existing(&project.code())?;
    let export = Export::of(&project.code, &project.key_states()?, &project.keys()?, project.templates()?);
    export.write(out, passphrase_file, force)
}

fn import(store: &LocalProjects, file: &Path, passphrase_file: Option<&Path>) -> anyhow::Result<()> {
    let export = Export::read(file, passphrase_file)?;
    let project = store.project(&export.project);
    let new = project.import(&export.keys()?, &export.templates())?;
    for (version, state) in export.later_states(&project.key_states()?) {
        project.set_key_state(version, state)?;
    }
    print(&imported(&project.code, new))
}
