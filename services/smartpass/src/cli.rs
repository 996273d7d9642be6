//! The list of commands, and the help of the program. Each command has its arguments in its own file.

use clap::{Parser, Subcommand};

use crate::admin::AdminArgs;
use crate::completions::CompletionsArgs;
use crate::generate::GenerateArgs;
use crate::jobs::JobsCommand;
use crate::key::KeyCommand;
use crate::open::OpenArgs;
use crate::project::ProjectCommand;
use crate::qr::QrArgs;
use crate::serve::args::ServeArgs;
use crate::template::TemplateCommand;
use crate::topics::TopicsCommand;
use crate::verify::VerifyArgs;

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
    Serve(Box<ServeArgs>),
    /// Send files to a server, watch and fetch the results.
    #[command(
        subcommand,
        after_help = "Example: smartpass jobs submit members.csv --project wrsynr --template club"
    )]
    Jobs(JobsCommand),
    /// Create and check Kafka's topics.
    #[command(
        subcommand,
        after_help = "Example: smartpass topics apply --kafka localhost:9092 --replication 1"
    )]
    Topics(TopicsCommand),
    /// Look after a server's projects and API keys.
    Admin(Box<AdminArgs>),
    /// Print a completion script for a shell.
    Completions(CompletionsArgs),
}
