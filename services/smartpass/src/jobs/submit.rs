//! `smartpass jobs submit`: shows what would be mapped, sends the file, and sees the job through.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use futures_util::StreamExt;
use smartpass_api_types::{Job, JobState, TemplateList};
use smartpass_core::batch::{PlanError, TemplateChoice};
use smartpass_core::csv::Encoding;
use smartpass_core::ids::BaseUrl;
use smartpass_core::template::Mapping;
use tokio_util::io::ReaderStream;

use super::client::{self, Answer, Client, ServerArgs};
use super::tell::{tell, tell_end};
use super::watch;
use crate::arguments::{column_and_field, encodings};
use crate::failure::{Exit, usage};
use crate::generate::outputs::beside;
use crate::progress::Progress;
use crate::remedies;
use crate::source::{Source, is_stdin};
use crate::staged::refuse_existing;

/// The size of one read of the file.
const PIECE_BYTES: usize = 256 << 10;

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

pub(super) async fn run(args: SubmitArgs) -> anyhow::Result<Exit> {
    let client = Client::new(&args.server)?;
    let outputs = (beside(&args.input, "success"), beside(&args.input, "errors"));
    if args.download {
        if is_stdin(&args.input) {
            return usage(
                "--download needs a file to put the outputs beside (or: smartpass jobs download ID --out F)",
            );
        }
        refuse_existing(&[&outputs.0, &outputs.1], args.force)?;
    }
    preview(&client, &args).await?;
    let job = send(&client, &args).await?;
    if args.detach {
        return tell(&job, args.json, "is on its way (watch it with: smartpass jobs watch)");
    }
    let job = watch::until_end(&client, job.read.id).await?;
    if args.download && job.read.state == JobState::Completed {
        client::download(&client, &job.read, (&outputs.0, &outputs.1), args.force).await?;
    }
    tell_end(&job, args.json)
}

/// Maps columns to fields as the server will, before a byte is sent. A pipe cannot be read twice, and is not mapped.
async fn preview(client: &Client, args: &SubmitArgs) -> anyhow::Result<()> {
    if is_stdin(&args.input) {
        return Ok(());
    }
    let source = Source::open(&args.input, args.encoding)?;
    let found: Answer<TemplateList> = client.get("templates").await?;
    let templates = found.read.templates.into_iter().map(|entry| (entry.number, entry.template)).collect();
    let choice = TemplateChoice::Published { code: args.template.as_deref(), number: None };
    let template = match choice.find(&templates) {
        Ok((_, template)) => template,
        Err(PlanError::NoTemplateNamed { known }) if known.is_empty() => bail!(
            "the project has no template yet (make one: smartpass template infer {} > t.toml, look at it, then: \
             smartpass template publish t.toml)",
            args.input.display()
        ),
        Err(PlanError::NoTemplateNamed { known }) => {
            return usage(format!(
                "say which template the links are made with: --template ({})",
                known.join(", ")
            ));
        }
        Err(error) => return remedies::of_plan(error),
    };
    let mapping = Mapping::build(template, source.header.data_columns(), &args.map)
        .map_err(|error| remedies::of_mapping(&error))?;
    if !args.json {
        crate::text::print(&crate::summary::mapping_lines(&template.code, "published", &mapping))?;
    }
    Ok(())
}

async fn send(client: &Client, args: &SubmitArgs) -> anyhow::Result<Answer<Job>> {
    let mut parameters: Vec<(&str, String)> =
        args.map.iter().map(|(column, field)| ("map", format!("{column}={field}"))).collect();
    let mut add = |name, value: Option<String>| parameters.extend(value.map(|value| (name, value)));
    add("template", args.template.clone());
    add("link", args.link.clone());
    add("url", args.url.as_ref().map(|url| url.as_str().to_owned()));
    add("expires", args.expires.clone());
    add("column", args.column.clone());
    add("encoding", args.encoding.map(|encoding| encoding.name().to_owned()));
    add("retention_hours", args.retention_hours.map(|hours| hours.to_string()));
    let mut progress = Progress::start("upload", &args.input);
    let mut sent = 0;
    if is_stdin(&args.input) {
        let pieces = ReaderStream::with_capacity(tokio::io::stdin(), PIECE_BYTES);
        return client.upload(&parameters, reqwest::Body::wrap_stream(pieces), None).await;
    }
    let shown = args.input.display();
    let file = tokio::fs::File::open(&args.input).await.with_context(|| format!("cannot open {shown}"))?;
    let length = file.metadata().await?.len();
    let pieces = ReaderStream::with_capacity(file, PIECE_BYTES).map(move |piece| {
        sent += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        progress.advance(0, sent);
        piece
    });
    client.upload(&parameters, reqwest::Body::wrap_stream(pieces), Some(length)).await
}
