//! `recipients slim|wide|errors --rows N`: writes a file of made-up recipients.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use smartpass_load_tests::recipients::{Profile, write_rows};

/// Write a CSV of made-up recipients. The same seed and row count always give the same bytes.
#[derive(Parser)]
#[command(name = "recipients")]
struct Arguments {
    /// The shape of the file
    profile: ProfileName,
    /// How many rows to write; a short file is a prefix of a long one
    #[arg(long)]
    rows: u64,
    /// Another seed gives other people
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to write; standard output by default
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ProfileName {
    /// 8 columns, about 115 bytes a row
    Slim,
    /// 29 columns, about 300 bytes a row
    Wide,
    /// Slim, with about 1 % broken rows
    Errors,
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Profile {
        match name {
            ProfileName::Slim => Profile::Slim,
            ProfileName::Wide => Profile::Wide,
            ProfileName::Errors => Profile::Errors,
        }
    }
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut out: Box<dyn Write> = match &arguments.out {
        Some(path) => {
            Box::new(File::create(path).with_context(|| format!("cannot create {}", path.display()))?)
        }
        None => Box::new(io::stdout().lock()),
    };
    match write_rows(arguments.profile.into(), arguments.rows, arguments.seed, &mut out) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // `recipients … | head` closes the pipe early: no error is reported.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::FAILURE),
        Err(error) => Err(error).context("cannot write the rows"),
    }
}
