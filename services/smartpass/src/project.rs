//! `smartpass project`: projects, and moving them to another machine.

use std::fs;
use std::path::{Path, PathBuf};

use age::scrypt;
use age::secrecy::SecretString;
use anyhow::{Context, bail};
use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::json;
use smartpass_core::ids::ProjectCode;
use zeroize::Zeroizing;

use crate::arguments::ProjectArg;
use crate::failure::Exit;
use crate::key_material::{KeyFile, passphrase};
use crate::staged::{Staged, refuse_existing};
use crate::store::{Project, Published, Store};
use crate::text::{counted, path, print, print_json};

/// What an exported file says that it is.
const FORMAT: &str = "smartpass project v1";
/// The most bytes of an export: far more than keys and templates take.
const MAX_EXPORT_BYTES: u64 = 256 << 20;
/// The most work that a file may ask of us, as age's own tool allows (2^22 scrypt rounds).
const MAX_WORK_FACTOR: u8 = 22;

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

/// A whole project, as it stands in an exported file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Export {
    format: String,
    pub(crate) project: ProjectCode,
    pub(crate) keys: Vec<KeyFile>,
    pub(crate) templates: Vec<Published>,
}

/// Runs the command.
pub(crate) fn run(command: ProjectCommand) -> anyhow::Result<Exit> {
    let store = Store::find()?;
    match command {
        ProjectCommand::New { code } => {
            let project = store.project(&code);
            if !project.keys()?.is_empty() {
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

fn list(store: &Store, as_json: bool) -> anyhow::Result<()> {
    let mut entries = Vec::new();
    for project in store.projects()? {
        entries.push((project.code.clone(), project.keys()?.len(), project.templates()?.len()));
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
    store: &Store,
    project: &ProjectArg,
    out: Option<PathBuf>,
    passphrase_file: Option<&Path>,
    force: bool,
) -> anyhow::Result<()> {
    let project = store.existing(&project.code())?;
    let out = out.unwrap_or_else(|| format!("{}.smartpass.age", project.code).into());
    refuse_existing(&[&out], force)?;
    let text = Zeroizing::new(serde_json::to_vec(&content_of(&project)?)?);
    let passphrase = secret(&passphrase(passphrase_file, true)?);
    let sealed = age::encrypt(&scrypt::Recipient::new(passphrase), &text)
        .map_err(|error| anyhow::anyhow!("cannot encrypt the project: {error}"))?;
    let mut file = Staged::create(&out, 0o600)?;
    file.write(&sealed)?;
    file.sync()?;
    file.publish(force)?;
    print(&format!("wrote {}: keep it and its passphrase apart, and lose neither\n", path(&out)))
}

fn content_of(project: &Project) -> anyhow::Result<Export> {
    let keys = project.keys()?;
    let keys = keys.iter().map(|(version, key)| KeyFile::new(project.code.clone(), *version, key)).collect();
    let templates = project.templates()?;
    let templates = templates.into_iter().map(|(number, template)| Published { number, template }).collect();
    Ok(Export { format: FORMAT.to_owned(), project: project.code.clone(), keys, templates })
}

fn secret(passphrase: &str) -> SecretString {
    SecretString::from(passphrase.to_owned())
}

/// Opens an exported project.
pub(crate) fn read_export(file: &Path, passphrase_file: Option<&Path>) -> anyhow::Result<Export> {
    let shown = file.display();
    let size = fs::metadata(file).with_context(|| format!("cannot open {shown}"))?.len();
    if size > MAX_EXPORT_BYTES {
        bail!("{shown} is larger than any exported project");
    }
    let sealed = fs::read(file).with_context(|| format!("cannot read {shown}"))?;
    let mut identity = scrypt::Identity::new(secret(&passphrase(passphrase_file, false)?));
    identity.set_max_work_factor(MAX_WORK_FACTOR);
    let text = age::decrypt(&identity, &sealed).ok().map(Zeroizing::new);
    let text = text
        .with_context(|| format!("{shown} does not open: not an exported project, or another passphrase"))?;
    let export: Option<Export> = serde_json::from_slice(&text).ok();
    let export = export.filter(|export| export.format == FORMAT && belongs_together(export));
    export.with_context(|| format!("{shown} opens, but is not a project that this version can read"))
}

fn import(store: &Store, file: &Path, passphrase_file: Option<&Path>) -> anyhow::Result<()> {
    let export = read_export(file, passphrase_file)?;
    let project = store.project(&export.project);
    refuse_other_bytes(&project, &export)?;

    let (mut keys, mut templates) = (0, 0);
    for template in &export.templates {
        templates += u64::from(project.create_template(template.number, &template.template)?);
    }
    for key in &export.keys {
        keys += u64::from(project.create_key(key.version, &key.key()?)?);
    }
    print(&imported(&project.code, keys, templates))
}

/// What an import says.
pub(crate) fn imported(code: &ProjectCode, keys: u64, templates: u64) -> String {
    let (keys, templates) = (counted(keys, "new key"), counted(templates, "new template version"));
    format!("imported project {code}: {keys}, {templates}\n")
}

fn belongs_together(export: &Export) -> bool {
    let valid = |published: &Published| published.template.clone().validated().is_ok();
    export.keys.iter().all(|key| key.project == export.project && key.key().is_ok())
        && export.templates.iter().all(valid)
}

/// Refuses an export that gives a version other bytes than it has here, before anything is written.
fn refuse_other_bytes(project: &Project, export: &Export) -> anyhow::Result<()> {
    let (keys, templates) = (project.keys()?, project.templates()?);
    let code = &project.code;
    for key in &export.keys {
        let given = key.key()?;
        if keys.get(&key.version).is_some_and(|here| here.expose() != given.expose()) {
            bail!("key {} of project {code} is another one here: nothing was imported", key.version);
        }
    }
    for published in &export.templates {
        if templates.get(&published.number).is_some_and(|here| *here != published.template) {
            bail!(
                "template number {} of project {code} is another one here: nothing was imported",
                published.number
            );
        }
    }
    Ok(())
}
