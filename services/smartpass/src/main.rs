//! `smartpass`: the command line.
//!
//! Each command is a module that holds its arguments and their help, and prints its own answer; [`cli`] lists them.
//! What commands share is below them and imports none of them: [`arguments`] (such as `--project`), [`local_projects`]
//! (projects on this machine), [`source`] (a CSV as chunks), [`pipeline`] (chunks over threads, results in order) and
//! [`staged`] (output files that appear only when whole).

mod admin;
mod arguments;
mod cli;
mod completions;
mod export;
mod failure;
mod generate;
mod jobs;
mod key;
mod key_material;
mod local_projects;
mod open;
mod pipeline;
mod progress;
mod project;
mod qr;
mod remedies;
mod serve;
mod source;
mod staged;
mod summary;
mod template;
mod text;
mod topics;
mod verify;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use cli::{Cli, Command};
use failure::{Exit, report};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let wanted_help = !error.use_stderr();
            let _ = error.print();
            return if wanted_help { Exit::Success } else { Exit::Usage }.into();
        }
    };
    let outcome = match cli.command {
        Command::Generate(arguments) => generate::run(arguments),
        Command::Open(arguments) => open::run(arguments),
        Command::Verify(arguments) => verify::run(arguments),
        Command::Qr(arguments) => qr::run(arguments),
        Command::Template(command) => template::run(command),
        Command::Project(command) => project::run(command),
        Command::Key(command) => key::run(command),
        Command::Serve(arguments) => serve::run(*arguments),
        Command::Jobs(command) => jobs::run(command),
        Command::Topics(command) => topics::run(command),
        Command::Admin(arguments) => admin::run(*arguments),
        Command::Completions(arguments) => completions::run(&arguments, Cli::command()),
    };
    outcome.unwrap_or_else(|error| report(&error)).into()
}
