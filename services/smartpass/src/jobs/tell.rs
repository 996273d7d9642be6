//! Telling of a job, in words or as JSON.

use serde_json::Value;

use crate::failure::Exit;
use crate::text::{grouped, print, print_json};

/// Says what was done to a job.
pub(super) fn tell(job: &Value, as_json: bool, what: &str) -> anyhow::Result<Exit> {
    if as_json {
        print_json(job)?;
    } else {
        print(&format!("job {} {what}\n", text(&job["id"])))?;
    }
    Ok(Exit::Success)
}

/// Says how a job ended, as the exit code does too.
pub(super) fn tell_end(job: &Value, as_json: bool) -> anyhow::Result<Exit> {
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

/// A text of an answer; nothing where there is none.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
