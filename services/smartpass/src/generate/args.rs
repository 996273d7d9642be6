//! The arguments of `smartpass generate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use smartpass_core::csv::Encoding;
use smartpass_core::ids::BaseUrl;

use crate::arguments::{ProjectArg, column_and_field, encodings};

const GENERATE_HELP: &str = "Examples:
  smartpass generate members.csv
  smartpass generate members.csv --template club --url https://pass.example.com/club --expires 2027-06-30
  zcat big.csv.gz | smartpass generate - --out links.csv --map 'E-Mail=person.emailAddress'

The key comes from the project's state directory, from --key-file, or from SMARTPASS_KEY.
A file is read twice when no template is given: once to find the narrowest types, once to write the links.";

#[derive(Args)]
#[command(after_help = GENERATE_HELP)]
pub(crate) struct GenerateArgs {
    /// The CSV; `-` reads standard input.
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// Where the rows and their links go [default: IN.success.csv].
    #[arg(long, value_name = "F")]
    pub(crate) out: Option<PathBuf>,
    /// Where the rows go that could not become links [default: IN.errors.csv].
    #[arg(long, value_name = "F")]
    pub(crate) errors: Option<PathBuf>,
    /// A template file, or the code of a published one [default: inferred from the file].
    #[arg(long, value_name = "F|CODE")]
    pub(crate) template: Option<String>,
    /// Which column feeds which field, where the names differ.
    #[arg(long = "map", value_name = "COLUMN=FIELD", value_parser = column_and_field)]
    pub(crate) map: Vec<(String, String)>,
    /// What kind of links.
    #[arg(long, value_enum, default_value_t = LinkArg::Encrypted)]
    pub(crate) link: LinkArg,
    /// What every link begins with [default: http://localhost:8080/PROJECT].
    #[arg(long, value_name = "BASE")]
    pub(crate) url: Option<BaseUrl>,
    #[command(flatten)]
    pub(crate) project: ProjectArg,
    /// A file with the key: one of ours, or hexadecimal digits (then key version 1 of --project).
    #[arg(long, value_name = "F")]
    pub(crate) key_file: Option<PathBuf>,
    /// When the links expire: 90d, 12h, 2027-06-30 (its end, UTC) or 2027-06-30T12:00:00Z [default: never].
    #[arg(long, value_name = "WHEN")]
    pub(crate) expires: Option<String>,
    /// The name of the column with the links.
    #[arg(long, default_value = "smartUrl", value_name = "NAME")]
    pub(crate) column: String,
    /// The file's encoding, where it has no byte order mark [default: utf-8].
    #[arg(long, value_parser = encodings())]
    pub(crate) encoding: Option<Encoding>,
    /// How many threads work at once [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
    /// Do everything but write files and publish.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Replace existing outputs; an old errors file goes away even when there are no errors now.
    #[arg(long)]
    pub(crate) force: bool,
    /// Print the summary as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LinkArg {
    /// AES-256-GCM: only the project can read what the link carries.
    Encrypted,
    /// HMAC-SHA-256: everybody can read it, nobody can change it. The template must allow it.
    Signed,
    /// PassKit's encrypted format (no integrity), with --key-file.
    PasskitEncrypted,
    /// PassKit's hashed format with SHA-256 (no secrecy), with --key-file.
    PasskitHashed,
    /// The same with SHA-1.
    PasskitHashedSha1,
}
