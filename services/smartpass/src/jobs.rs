//! `smartpass jobs`: the client of a server's API.

mod client;
mod submit;
mod tell;
mod watch;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use smartpass_api_types::{Job, JobList};
use smartpass_core::ids::JobId;

use crate::failure::Exit;
use crate::text::{grouped, print, print_json};
use client::{Answer, Client, ServerArgs};
use submit::SubmitArgs;
use tell::{tell, tell_end};

#[derive(Subcommand)]
pub(crate) enum JobsCommand {
    /// Send a CSV, watch it, and say where the results are.
    Submit(Box<SubmitArgs>),
    /// Watch a job until it ends.
    #[command(
        after_help = "Exit codes: 0 every row has its link, 2 some rows are in errors.csv, 1 the job did not complete."
    )]
    Watch(JobArgs),
    /// Show the project's jobs, the newest first.
    List {
        #[command(flatten)]
        server: ServerArgs,
        /// How many.
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: u16,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Stop a job; its rows and links are deleted at once.
    Cancel(JobArgs),
    /// Go on with a job that failed.
    Retry(JobArgs),
    /// Fetch a completed job's outputs; goes on where a broken connection left off.
    #[command(after_help = "Example: smartpass jobs download 5f0c… --out members.success.csv")]
    Download {
        #[command(flatten)]
        job: JobArgs,
        /// Where the rows and their links go [default: ID.success.csv].
        #[arg(long, value_name = "F")]
        out: Option<PathBuf>,
        /// Where the rows go that could not become links [default: ID.errors.csv, if there are any].
        #[arg(long, value_name = "F")]
        errors: Option<PathBuf>,
        /// Replace existing files.
        #[arg(long)]
        force: bool,
    },
}

#[derive(Args)]
pub(crate) struct JobArgs {
    /// The job's id.
    job: JobId,
    #[command(flatten)]
    server: ServerArgs,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(command: JobsCommand) -> anyhow::Result<Exit> {
    actix_web::rt::System::new().block_on(async {
        match command {
            JobsCommand::Submit(args) => submit::run(*args).await,
            JobsCommand::Watch(args) => {
                let client = Client::new(&args.server)?;
                let job: Answer<Job> = client.get(&format!("jobs/{}", args.job)).await?;
                let job = watch::until_end(&client, job.read.id).await?;
                tell_end(&job, args.json)
            }
            JobsCommand::List { server, limit, json } => list(&Client::new(&server)?, limit, json).await,
            JobsCommand::Cancel(args) => {
                let job = Client::new(&args.server)?.delete(&format!("jobs/{}", args.job)).await?;
                tell(&job, args.json, "cancelled; its rows and links are being deleted")
            }
            JobsCommand::Retry(args) => {
                let job = Client::new(&args.server)?.post(&format!("jobs/{}/retry", args.job)).await?;
                tell(&job, args.json, "goes on (watch it with: smartpass jobs watch)")
            }
            JobsCommand::Download { job, out, errors, force } => {
                let client = Client::new(&job.server)?;
                let named = |kind: &str| PathBuf::from(format!("{}.{kind}.csv", job.job));
                let found = client.get(&format!("jobs/{}", job.job)).await?;
                let (out, errors) =
                    (out.unwrap_or_else(|| named("success")), errors.unwrap_or_else(|| named("errors")));
                client::download(&client, &found.read, (&out, &errors), force).await?;
                tell_end(&found, job.json)
            }
        }
    })
}

async fn list(client: &Client, limit: u16, as_json: bool) -> anyhow::Result<Exit> {
    let found: Answer<JobList> = client.get(&format!("jobs?limit={limit}")).await?;
    if as_json {
        print_json(&found.sent)?;
        return Ok(Exit::Success);
    }
    if found.read.jobs.is_empty() {
        print("no jobs yet\n")?;
    }
    for Job { id, created, state, rows, .. } in &found.read.jobs {
        print(&format!(
            "{}  {id}  {:<10} rows {}, links {}, errors {}\n",
            created.as_deref().unwrap_or_default(),
            state.as_str(),
            grouped(rows.read),
            grouped(rows.links),
            grouped(rows.errors)
        ))?;
    }
    Ok(Exit::Success)
}
