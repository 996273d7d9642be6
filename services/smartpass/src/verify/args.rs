//! The arguments of `smartpass verify`.

use std::path::PathBuf;

use clap::Args;
use smartpass_core::csv::Encoding;

use crate::arguments::{ProjectArg, column_and_field, encodings};

const VERIFY_HELP: &str = "Example: smartpass verify members.csv members.success.csv members.errors.csv --exact

Proves that every row of IN is in exactly one of the outputs, unchanged and in order, and that every link opens
to its own row's values.";

#[derive(Args)]
#[command(after_help = VERIFY_HELP)]
pub(crate) struct VerifyArgs {
    /// The CSV that the run read.
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// The success file that it wrote.
    #[arg(value_name = "SUCCESS")]
    pub(crate) success: PathBuf,
    /// The errors file that it wrote, if it wrote one.
    #[arg(value_name = "ERRORS")]
    pub(crate) errors: Option<PathBuf>,
    /// Also encode IN again with the links' own batch id, and compare every byte.
    #[arg(long)]
    pub(crate) exact: bool,
    /// The mapping that the run was given.
    #[arg(long = "map", value_name = "COLUMN=FIELD", value_parser = column_and_field)]
    pub(crate) map: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) project: ProjectArg,
    /// A file with the key, as for generate; needed for PassKit links.
    #[arg(long, value_name = "F")]
    pub(crate) key_file: Option<PathBuf>,
    /// The files' encoding, as for generate.
    #[arg(long, value_parser = encodings())]
    pub(crate) encoding: Option<Encoding>,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
