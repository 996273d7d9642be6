//! `smartpass template`: propose, check, publish, show and compare templates.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::json;
use smartpass_core::csv::{Encoding, Start};
use smartpass_core::template::infer::{Observation, strings};
use smartpass_core::template::resolve::{FieldChange, compare};
use smartpass_core::template::{Mapping, MatchedBy, Template};

use crate::cli::{ProjectArg, TemplateCommand};
use crate::failure::{Exit, usage};
use crate::generate::plan::is_regular_file;
use crate::pipeline::{self, Worker};
use crate::progress::Progress;
use crate::remedies;
use crate::source::Source;
use crate::store::{Project, Store};
use crate::text::{counted, print, print_json};

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
            let (template, _) = load(&template, &Store::find()?.project(&project.code()))?;
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
            let published = Store::find()?.project(&project.code()).template(&code, number)?;
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

/// A template code made from a file's name.
pub(crate) fn code_for(input: &Path, out: Option<&Path>) -> String {
    let named = if input == Path::new("-") { out.unwrap_or(input) } else { input };
    let stem = named.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let stem = stem.split('.').next().unwrap_or_default();
    let plain = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' { c } else { '-' };
    let code: String = stem.chars().map(plain).take(64).collect();
    let code = code.trim_matches(['-', '_']);
    if code.is_empty() { "template".to_owned() } else { code.to_owned() }
}

/// Reads a whole file for the narrowest types; a pipe, read only once, gets optional strings.
///
/// `choices` name the fields of some columns.
pub(crate) fn infer(
    input: &Path,
    encoding: Option<Encoding>,
    source: &Source,
    choices: &[(String, String)],
    code: &str,
) -> anyhow::Result<Template> {
    let renamed = |column: &String| {
        let choice = choices.iter().find(|(chosen, _)| chosen == column);
        choice.map_or(column, |(_, field)| field).clone()
    };
    let columns: Vec<String> = source.header.data_columns().iter().map(renamed).collect();
    let mut seen = HashSet::new();
    if let Some(twice) = columns.iter().find(|column| !seen.insert(column.as_str())) {
        return usage(format!(
            "two columns would feed field {twice:?} (give --map one of them, or another field)"
        ));
    }
    if !is_regular_file(input) {
        return Ok(strings(&columns, code).validated()?);
    }
    let mut whole = Source::open(input, encoding)?;
    let width = whole.header.columns.len();
    let delimiter = whole.dialect.delimiter;
    let observation = || Observation::of_fields(source.header.data_columns(), &columns);
    let worker = || ObservingWorker { observation: observation(), delimiter, width };
    let workers = (0..pipeline::default_threads()).map(|_| worker()).collect();
    let mut progress = Progress::start("types", input);
    let workers = pipeline::run(&mut whole, workers, |_, bytes_read| {
        progress.advance(0, bytes_read);
        Ok(())
    })?;
    let mut observation = observation();
    workers.into_iter().for_each(|worker| observation.merge(worker.observation));
    Ok(observation.propose(code).validated()?)
}

struct ObservingWorker {
    observation: Observation,
    delimiter: u8,
    width: usize,
}

impl Worker for ObservingWorker {
    fn process(&mut self, chunk: &[u8], _start: Start) {
        self.observation.observe_chunk(chunk, self.delimiter, self.width);
    }
}

/// The template in a file, or else the newest published one of that code; and whether it was a file.
pub(crate) fn load(given: &str, project: &Project) -> anyhow::Result<(Template, bool)> {
    let path = Path::new(given);
    let looks_like_file = given.contains('/') || path.extension().is_some();
    if looks_like_file || path.is_file() {
        return Ok((read_file(path)?, true));
    }
    Ok((project.template(given, None)?.template, false))
}

/// Reads a template file.
pub(crate) fn read_file(path: &Path) -> anyhow::Result<Template> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let template = if is_json { Template::from_json(&text) } else { Template::from_toml(&text) };
    template.with_context(|| shown.to_string())
}

fn publish(file: &Path, project: &ProjectArg, as_json: bool) -> anyhow::Result<()> {
    let template = read_file(file)?;
    let store = Store::find()?;
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
    let templates = Store::find()?.project(&project.code()).templates()?;
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
    let project = Store::find()?.project(&project.code());
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
