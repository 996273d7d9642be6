//! `smartpass`: the command line.
//!
//! Each command is a module that prints its own answer; [`cli`] holds the arguments and their
//! help. What all commands share is below them: [`store`] (projects on this machine), [`source`] (a CSV as chunks),
//! [`pipeline`] (chunks over threads, results in order) and [`staged`] (output files that appear only when whole).

mod admin;
mod cli;
mod config_file;
mod failure;
mod generate;
mod jobs;
mod key_material;
mod open;
mod pipeline;
mod progress;
mod project;
mod qr;
mod remedies;
mod serve;
mod source;
mod staged;
mod store;
mod summary;
mod template;
mod text;
mod topics;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use failure::{Exit, report};

fn main() -> ExitCode {
    let arguments = match config_file::arguments(std::env::args_os().collect()) {
        Ok(arguments) => arguments,
        Err(error) => return report(&error).into(),
    };
    let cli = match Cli::try_parse_from(arguments) {
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
        Command::Key(command) => project::run_key(command),
        Command::Serve(arguments) => serve::run(*arguments),
        Command::Jobs(command) => jobs::run(command),
        Command::Topics(command) => topics::run(command),
        Command::Admin(arguments) => admin::run(*arguments),
        Command::Completions { shell } => cli::print_completions(shell),
    };
    outcome.unwrap_or_else(|error| report(&error)).into()
}
