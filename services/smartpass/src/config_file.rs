//! `--config F`: settings from a TOML file, below flags and environment.
//!
//! A line `chunk-rows = 1000` stands for `--chunk-rows 1000`. It is put before the flags that were given, which win
//! over it, and left out where its environment variable is set.

use std::collections::HashSet;
use std::ffi::OsString;

use anyhow::{Context, bail};
use clap::CommandFactory;

use crate::cli::Cli;

/// The arguments with those of the file among them.
pub(crate) fn arguments(given: Vec<OsString>) -> anyhow::Result<Vec<OsString>> {
    let is_serve = given.get(1).is_some_and(|command| command == "serve");
    let Some(file) = file_named(&given).filter(|_| is_serve) else { return Ok(given) };
    let shown = file.to_string_lossy().into_owned();
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {shown}"))?;
    let settings: toml::Table = text.parse().with_context(|| shown.clone())?;
    let command = Cli::command();
    let serve = command.find_subcommand("serve").context("there is no serve")?;
    let named: HashSet<&str> = given.iter().filter_map(|argument| argument.to_str()).collect();
    let mut arguments: Vec<OsString> = given[..2].to_vec();
    for (name, value) in settings {
        let known = serve.get_arguments().find(|argument| argument.get_long() == Some(name.as_str()));
        let Some(known) = known.filter(|_| name != "config") else {
            bail!("{shown}: there is no setting {name:?} (see: smartpass serve --help)");
        };
        let is_set = known.get_env().is_some_and(|variable| std::env::var_os(variable).is_some());
        let flag = format!("--{name}");
        let is_given = named.iter().any(|given| *given == flag || given.starts_with(&format!("{flag}=")));
        if is_set || is_given {
            continue;
        }
        let values = match value {
            toml::Value::Array(values) => values,
            one => vec![one],
        };
        for value in values {
            let text = match value {
                toml::Value::String(text) => text,
                other => other.to_string(),
            };
            arguments.push(format!("{flag}={text}").into());
        }
    }
    arguments.extend_from_slice(&given[2..]);
    Ok(arguments)
}

fn file_named(given: &[OsString]) -> Option<OsString> {
    let mut rest = given.iter();
    while let Some(argument) = rest.next() {
        if argument == "--config" {
            return rest.next().cloned();
        }
        if let Some(file) = argument.to_str().and_then(|text| text.strip_prefix("--config=")) {
            return Some(file.into());
        }
    }
    std::env::var_os("SMARTPASS_CONFIG")
}
