//! The arguments of every command, and their help.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use smartpass_core::csv::Encoding;
use smartpass_core::ids::{BaseUrl, ProjectCode};

use crate::failure::Exit;

const OVERVIEW: &str = "Example: smartpass generate members.csv

Exit codes:
  0    done; every row has its link
  1    failed; no output was written
  2    done; some rows are in errors.csv
  64   wrong usage
  130  interrupted; no output was written

Keys and templates are kept in ~/.local/state/smartpass ($SMARTPASS_STATE, $XDG_STATE_HOME/smartpass).
Links are kept nowhere.";

/// Turn a CSV of people into personal links to a mobile pass.
///
/// Each link carries its row's data, encrypted, in the URL itself.
#[derive(Parser)]
#[command(
    name = "smartpass",
    version,
    after_long_help = OVERVIEW,
    after_help = "Example: smartpass generate members.csv"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Write a link for every row of a CSV.
    Generate(Box<GenerateArgs>),
    /// Show what a link carries, as JSON.
    Open(OpenArgs),
    /// Prove a finished run: every row accounted for, every link opens to its row.
    Verify(VerifyArgs),
    /// Draw a link as a QR code, on the terminal or as PNG or SVG.
    Qr(QrArgs),
    /// Propose, check, publish and compare templates.
    #[command(
        subcommand,
        after_help = "Example: smartpass template infer members.csv --code club > club.toml"
    )]
    Template(TemplateCommand),
    /// Make, list, export and import projects.
    #[command(subcommand, after_help = "Example: smartpass project new wrsynr")]
    Project(ProjectCommand),
    /// List and rotate a project's keys.
    #[command(subcommand, after_help = "Example: smartpass key list --project wrsynr")]
    Key(KeyCommand),
    /// Run the services: all of them in this process, or one of them.
    Serve(Box<crate::serve::ServeArgs>),
    /// Send files to a server, watch and fetch the results.
    #[command(
        subcommand,
        after_help = "Example: smartpass jobs submit members.csv --project wrsynr --template club"
    )]
    Jobs(crate::jobs::JobsCommand),
    /// Create and check Kafka's topics.
    #[command(
        subcommand,
        after_help = "Example: smartpass topics apply --kafka localhost:9092 --replication 1"
    )]
    Topics(crate::topics::TopicsCommand),
    /// Look after a server's projects and API keys.
    Admin(Box<crate::admin::AdminArgs>),
    /// Print a completion script for a shell.
    #[command(
        after_help = "Example: smartpass completions bash > ~/.local/share/bash-completion/completions/smartpass"
    )]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Which project a command is about.
#[derive(Args, Clone, Default)]
pub(crate) struct ProjectArg {
    /// The project's code.
    #[arg(long, value_name = "CODE", env = "SMARTPASS_PROJECT")]
    pub(crate) project: Option<ProjectCode>,
}

impl ProjectArg {
    /// The project, `local` when none was named.
    pub(crate) fn code(&self) -> ProjectCode {
        self.project.clone().unwrap_or_else(|| "local".parse().expect("`local` is a project code"))
    }
}

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

/// Reads the name of an encoding.
pub(crate) fn encodings() -> impl TypedValueParser<Value = Encoding> {
    let known = PossibleValuesParser::new(Encoding::ALL.map(Encoding::name));
    known.map(|name| Encoding::from_name(&name).expect("only known names come here"))
}

#[derive(Args)]
#[command(after_help = "Example: smartpass open https://pass.example.com/club/EAEB…")]
pub(crate) struct OpenArgs {
    /// The link, or only its token.
    #[arg(value_name = "URL|TOKEN")]
    pub(crate) link: String,
    #[command(flatten)]
    pub(crate) project: ProjectArg,
    /// A file with the key, as for generate; needed for PassKit links.
    #[arg(long, value_name = "F")]
    pub(crate) key_file: Option<PathBuf>,
}

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

const QR_HELP: &str = "Examples:
  smartpass qr https://pass.example.com/club/EAEB…
  smartpass qr https://pass.example.com/club/EAEB… --png link.png";

#[derive(Args)]
#[command(after_help = QR_HELP)]
pub(crate) struct QrArgs {
    /// The link.
    pub(crate) url: String,
    /// Write a PNG picture.
    #[arg(long, value_name = "F", conflicts_with = "svg")]
    pub(crate) png: Option<PathBuf>,
    /// Write an SVG picture.
    #[arg(long, value_name = "F")]
    pub(crate) svg: Option<PathBuf>,
    /// Dark on light, for terminals with a light background.
    #[arg(long)]
    pub(crate) light: bool,
    /// Replace an existing file.
    #[arg(long)]
    pub(crate) force: bool,
}

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

#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// List a project's keys, never the keys themselves.
    #[command(after_help = "Example: smartpass key list --project wrsynr")]
    List {
        #[command(flatten)]
        project: ProjectArg,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make a new key: it seals from now on, and the older ones still open.
    #[command(after_help = "Example: smartpass key rotate --project wrsynr")]
    Rotate {
        #[command(flatten)]
        project: ProjectArg,
    },
}

pub(crate) fn column_and_field(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((column, field)) if !column.is_empty() && !field.is_empty() => {
            Ok((column.to_owned(), field.to_owned()))
        }
        _ => Err("expected COLUMN=FIELD, such as 'E-Mail=person.emailAddress'".to_owned()),
    }
}

/// Prints a completion script.
pub(crate) fn print_completions(shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "smartpass", &mut script);
    crate::text::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Success)
}
