//! Inference of a template from a CSV.

use std::collections::HashSet;
use std::path::Path;

use smartpass_core::csv::{Encoding, Start};
use smartpass_core::template::Template;
use smartpass_core::template::infer::{Observation, strings};

use crate::failure::usage;
use crate::pipeline::{self, Worker};
use crate::progress::Progress;
use crate::source::{Source, is_regular_file};

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

/// Infers a template: the narrowest types of a whole file, or optional strings for a pipe, which can be read only once.
///
/// `choices` are the caller's pairs of column and field.
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
