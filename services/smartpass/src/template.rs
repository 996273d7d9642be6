//! `smartpass template`: propose, check, publish, show and compare templates.

mod file;
mod infer;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::json;
use smartpass_core::csv::Encoding;
use smartpass_core::template::resolve::{FieldChange, compare};
use smartpass_core::template::{Mapping, MatchedBy, Template};

use crate::arguments::{ProjectArg, column_and_field, encodings};
use crate::failure::Exit;
use crate::local_projects::LocalProjects;
use crate::remedies;
use crate::source::Source;
use crate::text::{counted, print, print_json};
pub(crate) use file::{load, read_file};
pub(crate) use infer::{code_for, infer};

#[derive(Subcommand)]
pub(crate) enum TemplateCommand {
    /// Propose a template from a CSV: the narrowest type that every value of a column fits.
    #[command(after_help = "Example: smartpass template infer members.csv --code club > club.toml")]
    Infer {
        /// The CSV; `-` reads standard input, which gives optional strings.
        #[arg(value_name = "IN")]
        input: PathBuf,
        /// The template's code [default: from the file's name].
        #[arg(long)]
        code: Option<String>,
        /// The file's encoding, as for generate.
        #[arg(long, value_parser = encodings())]
        encoding: Option<Encoding>,
    },
    /// Check a template file; with a CSV, show which column would feed which field.
    #[command(after_help = "Example: smartpass template check club.toml members.csv")]
    Check {
        /// A template file, or the code of a published one.
        #[arg(value_name = "F|CODE")]
        template: String,
        /// A CSV that the template is meant for.
        #[arg(value_name = "IN")]
        input: Option<PathBuf>,
        /// Which column feeds which field, where the names differ.
        #[arg(long = "map", value_name = "COLUMN=FIELD", value_parser = column_and_field)]
        map: Vec<(String, String)>,
        #[command(flatten)]
        project: ProjectArg,
        /// The file's encoding, as for generate.
        #[arg(long, value_parser = encodings())]
        encoding: Option<Encoding>,
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give a template file its number: from then on it never changes.
    #[command(after_help = "Example: smartpass template publish club.toml --project wrsynr")]
    Publish {
        /// The template file.
        #[arg(value_name = "F")]
        file: PathBuf,
        #[command(flatten)]
        project: ProjectArg,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a published template.
    #[command(
        after_help = "Examples:\n  smartpass template show club\n  smartpass template show club --schema-text"
    )]
    Show {
        /// The template's code.
        code: String,
        /// One of its numbers [default: the newest].
        #[arg(long, value_name = "N")]
        number: Option<std::num::NonZeroU32>,
        /// The link format's schema text instead, byte for byte.
        #[arg(long, conflicts_with = "json")]
        schema_text: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        project: ProjectArg,
    },
    /// List the published templates of a project.
    #[command(after_help = "Example: smartpass template list --project wrsynr")]
    List {
        #[command(flatten)]
        project: ProjectArg,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what links of an older version will show under a newer one.
    #[command(
        after_help = "Examples:\n  smartpass template diff club club.toml\n  smartpass template diff 3 4"
    )]
    Diff {
        /// The older version: a file, a code, or a number.
        #[arg(value_name = "OLD")]
        old: String,
        /// The newer version: a file, a code, or a number.
        #[arg(value_name = "NEW")]
        new: String,
        #[command(flatten)]
        project: ProjectArg,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
pub(crate) fn run(command: TemplateCommand) -> anyhow::Result<Exit> {
    match command {
        TemplateCommand::Infer { input, code, encoding } => {
            let code = code.unwrap_or_else(|| code_for(&input, None));
            let source = Source::open(&input, encoding)?;
            let template = infer(&input, encoding, &source, &[], &code)?;
            print(&template.to_toml())?;
        }
        TemplateCommand::Check { template, input, map, project, encoding, json } => {
            let (template, _) = load(&template, &LocalProjects::find()?.project(&project.code()))?;
            match input {
                Some(input) => check_mapping(&template, &input, &map, encoding, json)?,
                None if json => print_json(&json!({"template": template}))?,
                None => print(&format!(
                    "{}: {}\n",
                    template.code,
                    counted(template.fields.len() as u64, "field")
                ))?,
            }
        }
        TemplateCommand::Publish { file, project, json } => publish(&file, &project, json)?,
        TemplateCommand::Show { code, number, schema_text, json, project } => {
            let published = LocalProjects::find()?.project(&project.code()).template(&code, number)?;
            let template = &published.template;
            match (schema_text, json) {
                (true, _) => print(&template.schema_text())?,
                (_, true) => print_json(&json!(published))?,
                _ => print(&format!("# number {}\n{}", published.number, template.to_toml()))?,
            }
        }
        TemplateCommand::List { project, json } => list(&project, json)?,
        TemplateCommand::Diff { old, new, project, json } => diff(&old, &new, &project, json)?,
    }
    Ok(Exit::Success)
}

fn publish(file: &Path, project: &ProjectArg, as_json: bool) -> anyhow::Result<()> {
    let template = read_file(file)?;
    let store = LocalProjects::find()?;
    let project = match &project.project {
        Some(code) => store.existing(code)?,
        None => store.project(&project.code()),
    };
    let older = project.template(&template.code, None).ok();
    let (number, is_new) = project.publish(&template)?;
    let changes = older.filter(|_| is_new).map(|older| compare(&older.template, &template));
    if as_json {
        let changes: Option<Vec<_>> =
            changes.map(|changes| changes.iter().map(ToString::to_string).collect());
        return print_json(
            &json!({"code": template.code, "number": number, "new": is_new, "older_links": changes}),
        );
    }
    let code = &template.code;
    if !is_new {
        return print(&format!("{code} is published already, as number {number}: nothing changed\n"));
    }
    let mut text = format!("published {code} as number {number} of project {}\n", project.code);
    for change in changes.unwrap_or_default() {
        text.push_str(&format!("  older links, if shown with it: {change}\n"));
    }
    print(&text)
}

fn list(project: &ProjectArg, as_json: bool) -> anyhow::Result<()> {
    let templates = LocalProjects::find()?.project(&project.code()).templates()?;
    if as_json {
        let entry = |(number, template): (_, &Template)| {
            let Template { code, fields, .. } = template;
            json!({"number": number, "code": code, "fields": fields.len()})
        };
        return print_json(&templates.iter().map(entry).collect());
    }
    if templates.is_empty() {
        return print(&format!("project {} has no templates yet\n", project.code()));
    }
    let mut text = format!("{:>6}  {:<24} fields\n", "number", "code");
    for (number, template) in &templates {
        text.push_str(&format!("{number:>6}  {:<24} {}\n", template.code, template.fields.len()));
    }
    print(&text)
}

fn diff(old: &str, new: &str, project: &ProjectArg, as_json: bool) -> anyhow::Result<()> {
    let project = LocalProjects::find()?.project(&project.code());
    let find = |given: &str| match given.parse() {
        Ok(number) => {
            let found = project.templates()?.remove(&number);
            found.with_context(|| format!("project {} has no template number {number}", project.code))
        }
        Err(_) => load(given, &project).map(|(template, _)| template),
    };
    let changes = compare(&find(old)?, &find(new)?);
    if as_json {
        let entry = |change: &FieldChange| json!({"field": change.field, "text": change.to_string()});
        return print_json(&changes.iter().map(entry).collect());
    }
    let lines: Vec<String> = changes.iter().map(|change| format!("{change}\n")).collect();
    print(&lines.concat())
}

fn check_mapping(
    template: &Template,
    input: &Path,
    choices: &[(String, String)],
    encoding: Option<Encoding>,
    as_json: bool,
) -> anyhow::Result<()> {
    let source = Source::open(input, encoding)?;
    let mapping = Mapping::build(template, source.header.data_columns(), choices)
        .map_err(|error| remedies::of_mapping(&error))?;
    if as_json {
        return print_json(
            &json!({"template": template.code, "mapped": mapping.mapped, "unmapped": mapping.unmapped}),
        );
    }
    let mut text = String::new();
    for mapped in &mapping.mapped {
        let how = match mapped.matched_by {
            MatchedBy::Name => "",
            MatchedBy::Alias => "   (another name for it)",
            MatchedBy::Choice => "   (as you chose)",
        };
        text.push_str(&format!("{} -> {}{how}\n", mapped.column, mapped.field));
    }
    for unmapped in &mapping.unmapped {
        let hint = unmapped
            .suggestion
            .as_ref()
            .map(|field| format!(" (perhaps --map '{}={field}')", unmapped.column));
        text.push_str(&format!("{} stays out of the links{}\n", unmapped.column, hint.unwrap_or_default()));
    }
    for (field, _) in template.fields.iter().zip(&mapping.columns).filter(|(_, column)| column.is_none()) {
        text.push_str(&format!("{} has no column: it will be blank\n", field.name));
    }
    if mapping.mapped.is_empty() {
        print(&text)?;
        bail!("no column of the file feeds a field of the template");
    }
    print(&text)
}
