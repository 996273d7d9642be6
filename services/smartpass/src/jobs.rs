//! `smartpass jobs`: the client of a server's API.

mod client;
mod submit;
mod watch;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::Value;
use smartpass_core::csv::Encoding;
use smartpass_core::ids::{BaseUrl, JobId};

use crate::cli::{ProjectArg, column_and_field, encodings};
use crate::failure::Exit;
use crate::text::{grouped, print, print_json};
use client::Client;

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

/// Which server, and who asks.
#[derive(Args)]
pub(crate) struct ServerArgs {
    /// Where the server is.
    #[arg(long, value_name = "URL", env = "SMARTPASS_SERVER", default_value = "http://127.0.0.1:8080")]
    server: BaseUrl,
    /// A file with the API key; or SMARTPASS_API_KEY.
    #[arg(long, value_name = "F")]
    api_key_file: Option<PathBuf>,
    #[command(flatten)]
    project: ProjectArg,
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

const SUBMIT_HELP: &str = "Examples:
  smartpass jobs submit members.csv --template club --download
  smartpass jobs submit members.csv --server https://links.example.com --project wrsynr --detach

Exit codes: 0 every row has its link, 2 some rows are in errors.csv, 1 the job did not complete.";

#[derive(Args)]
#[command(after_help = SUBMIT_HELP)]
pub(crate) struct SubmitArgs {
    /// The CSV; `-` reads standard input.
    #[arg(value_name = "IN")]
    input: PathBuf,
    #[command(flatten)]
    server: ServerArgs,
    /// The code of a published template [default: the project's only one].
    #[arg(long, value_name = "CODE")]
    template: Option<String>,
    /// Which column feeds which field, where the names differ.
    #[arg(long = "map", value_name = "COLUMN=FIELD", value_parser = column_and_field)]
    map: Vec<(String, String)>,
    /// encrypted or signed [default: encrypted].
    #[arg(long, value_name = "KIND")]
    link: Option<String>,
    /// What every link begins with [default: as the server is set].
    #[arg(long, value_name = "BASE")]
    url: Option<BaseUrl>,
    /// When the links expire: 90d, 12h, 2027-06-30 (its end, UTC) or 2027-06-30T12:00:00Z [default: never].
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// The name of the column with the links [default: smartUrl].
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// The file's encoding, where it has no byte order mark [default: utf-8].
    #[arg(long, value_parser = encodings())]
    encoding: Option<Encoding>,
    /// How many hours the server keeps the results [default: as the server is set].
    #[arg(long, value_name = "HOURS")]
    retention_hours: Option<u32>,
    /// Fetch the outputs when the job has completed, beside the input.
    #[arg(long, conflicts_with = "detach")]
    download: bool,
    /// Do not wait for the job's end.
    #[arg(long)]
    detach: bool,
    /// Replace existing files.
    #[arg(long)]
    force: bool,
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
                let job = client.get(&format!("jobs/{}", args.job)).await?;
                let job = watch::until_end(&client, text(&job["id"])).await?;
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
                client::download(&client, &found, (&out, &errors), force).await?;
                tell_end(&found, job.json)
            }
        }
    })
}

fn tell(job: &Value, as_json: bool, what: &str) -> anyhow::Result<Exit> {
    if as_json {
        print_json(job)?;
    } else {
        print(&format!("job {} {what}\n", text(&job["id"])))?;
    }
    Ok(Exit::Success)
}

/// Says how a job ended, as the exit code does too.
fn tell_end(job: &Value, as_json: bool) -> anyhow::Result<Exit> {
    let (state, id) = (text(&job["state"]), text(&job["id"]));
    let count = |name: &str| job["rows"][name].as_u64().unwrap_or_default();
    if as_json {
        print_json(job)?;
    } else {
        let reason = job["end"]["reason"].as_str().map(|reason| format!(": {reason}")).unwrap_or_default();
        let mut told = format!(
            "job       {id} {state}{reason}\nrows {}   links {}   errors {}\n",
            grouped(count("read")),
            grouped(count("links")),
            grouped(count("errors"))
        );
        for reason in job["rows"]["errors_by_reason"].as_array().into_iter().flatten().take(6) {
            let field = reason["field"].as_str().map(|field| format!("{field}: ")).unwrap_or_default();
            let rows = grouped(reason["rows"].as_u64().unwrap_or_default());
            told.push_str(&format!("          {rows:>9}  {field}{}\n", text(&reason["kind"])));
        }
        if let Some(until) = job["files"]["until"].as_str() {
            told.push_str(&format!("files     until {until}: smartpass jobs download {id}\n"));
        }
        print(&told)?;
    }
    Ok(match state {
        "completed" if count("errors") > 0 => Exit::SomeRowsFailed,
        "completed" => Exit::Success,
        _ => Exit::Failure,
    })
}

async fn list(client: &Client, limit: u16, as_json: bool) -> anyhow::Result<Exit> {
    let found = client.get(&format!("jobs?limit={limit}")).await?;
    if as_json {
        print_json(&found)?;
        return Ok(Exit::Success);
    }
    let jobs = found["jobs"].as_array().cloned().unwrap_or_default();
    if jobs.is_empty() {
        print("no jobs yet\n")?;
    }
    for job in &jobs {
        let count = |name: &str| grouped(job["rows"][name].as_u64().unwrap_or_default());
        print(&format!(
            "{}  {}  {:<10} rows {}, links {}, errors {}\n",
            text(&job["created"]),
            text(&job["id"]),
            text(&job["state"]),
            count("read"),
            count("links"),
            count("errors")
        ))?;
    }
    Ok(Exit::Success)
}

/// A text of an answer; nothing where there is none.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
