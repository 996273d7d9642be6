//! Messages about a job, in words or as JSON.

use smartpass_api_types::{Files, Job, JobState};

use super::client::Answer;
use crate::failure::Exit;
use crate::text::{grouped, print, print_json};

/// The limit of reasons for errors that are named.
const NAMED: usize = 6;

/// Says what was done to a job.
pub(super) fn tell(job: &Answer<Job>, as_json: bool, what: &str) -> anyhow::Result<Exit> {
    if as_json {
        print_json(&job.sent)?;
    } else {
        print(&format!("job {} {what}\n", job.read.id))?;
    }
    Ok(Exit::Success)
}

/// Prints how a job ended, and answers the exit code.
pub(super) fn tell_end(job: &Answer<Job>, as_json: bool) -> anyhow::Result<Exit> {
    if as_json {
        print_json(&job.sent)?;
    } else {
        print(&end_in_words(&job.read))?;
    }
    Ok(match job.read.state {
        JobState::Completed if job.read.rows.errors > 0 => Exit::SomeRowsFailed,
        JobState::Completed => Exit::Success,
        _ => Exit::Failure,
    })
}

fn end_in_words(job: &Job) -> String {
    let Job { id, state, rows, .. } = job;
    let reason = job.end.as_ref().and_then(|end| end.reason.as_ref());
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let mut told = format!(
        "job       {id} {}{reason}\nrows {}   links {}   errors {}\n",
        state.as_str(),
        grouped(rows.read),
        grouped(rows.links),
        grouped(rows.errors)
    );
    for reason in rows.errors_by_reason.iter().take(NAMED) {
        let field = reason.field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
        told.push_str(&format!("          {:>9}  {field}{}\n", grouped(reason.rows), reason.kind));
    }
    if let Files::Ready { until: Some(until), .. } = &job.files {
        told.push_str(&format!("files     until {until}: smartpass jobs download {id}\n"));
    }
    told
}
