//! Watching a job: its progress from the server's events, its end from the last one.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Response;
use smartpass_api_types::{Job, JobState};
use smartpass_core::ids::JobId;
use smartpass_platform::retry::RetryPolicy;

use super::client::{Answer, Client};
use crate::text::grouped;

/// The time within which a restarted server answers again.
const PATIENCE: Duration = Duration::from_secs(30);
/// The pause before a broken stream is opened again.
const PAUSE: Duration = Duration::from_secs(1);
/// The limit of an event's bytes: far more than a job takes.
const MAX_EVENT_BYTES: usize = 1 << 20;

/// Watches a job until it ends, and answers the ended job. The server has answered before, so an outage is waited out.
pub(super) async fn until_end(client: &Client, id: JobId) -> anyhow::Result<Answer<Job>> {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("links [{bar:32}] {percent:>3} %  {msg}  {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    let outcome = loop {
        let followed = match reconnect(client, id).await {
            Ok(events) => follow(events, &bar).await,
            Err(error) => Err(error),
        };
        if let Some(outcome) = followed.transpose() {
            break outcome;
        }
        // The stream broke before the job's end, and is opened again.
        tokio::time::sleep(PAUSE).await;
    };
    bar.finish_and_clear();
    outcome.with_context(|| format!("job {id} goes on without being watched (smartpass jobs watch {id})"))
}

/// Opens the stream of the job's events, from a server that may be unavailable for a while.
async fn reconnect(client: &Client, id: JobId) -> anyhow::Result<Response> {
    let begun = Instant::now();
    let mut pauses = RetryPolicy::within(PATIENCE).pauses();
    loop {
        let error = match client.events(id).await {
            Ok(events) => return Ok(events),
            Err(error) => error,
        };
        match pauses.next().filter(|pause| begun.elapsed() + *pause <= PATIENCE) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(error),
        }
    }
}

/// Follows one stream of events; none where it ends, or breaks, before the job ends.
async fn follow(response: Response, bar: &ProgressBar) -> anyhow::Result<Option<Answer<Job>>> {
    let mut pieces = response.bytes_stream();
    let mut text = Vec::new();
    while let Some(Ok(piece)) = pieces.next().await {
        text.extend_from_slice(&piece);
        while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = text.drain(..end + 2).collect();
            let event = String::from_utf8_lossy(&event);
            let Some(data) = event.lines().find_map(|line| line.strip_prefix("data: ")) else { continue };
            let job: Answer<Job> = Answer::of(data.as_bytes())?;
            show(&job.read, bar);
            if event.starts_with("event: ended") {
                return Ok(Some(job));
            }
        }
        if text.len() > MAX_EVENT_BYTES {
            bail!("the server's answer is not one of SmartPass's");
        }
    }
    Ok(None)
}

fn show(Job { state, rows, .. }: &Job, bar: &ProgressBar) {
    let done = rows.links + rows.errors;
    bar.set_length(rows.read);
    bar.set_position(done);
    let upload = if *state == JobState::Uploading { " so far" } else { "" };
    bar.set_message(format!("{} of {} rows{upload}", grouped(done), grouped(rows.read)));
}
