//! How a job is shown.

use serde_json::{Value, json};
use smartpass_core::job::{Files, Job, time_text};

/// The job as the API shows it.
pub(crate) fn job(job: &Job) -> Value {
    let here = format!("/v1/projects/{}/jobs/{}", job.project, job.id);
    let counts = &job.counts;
    let mean = if counts.links == 0 { 0.0 } else { counts.url_characters as f64 / counts.links as f64 };
    let end = job.end.as_ref().map(|end| {
        json!({"outcome": end.outcome, "reason": end.reason, "at": time_text(end.at), "event_id": end.event_id})
    });
    json!({
        "id": job.id,
        "project": job.project,
        "state": job.state(),
        "created": time_text(job.created),
        "link": job.link,
        "template": job.template,
        "key_version": job.key_version,
        "batch_id": job.batch_id,
        "rows": {"read": job.rows, "links": counts.links, "errors": counts.errors,
                 "errors_by_reason": counts.by_reason},
        "url_length": {"mean": mean, "max": counts.url_longest},
        "chunks": {"total": job.total, "ready": job.ready, "released": job.released, "done": job.done.len()},
        "bytes_read": job.bytes,
        "end": end,
        "files": files(job, &here),
        "href": here,
        "events": format!("{here}/events"),
    })
}

fn files(job: &Job, here: &str) -> Value {
    match (&job.manifest, job.files) {
        (_, Files::Purged { at, .. }) => json!({"state": "deleted", "deleted": time_text(at)}),
        (None, Files::Kept) => json!({"state": "none"}),
        (Some(manifest), Files::Kept) => json!({
            "state": "ready",
            "until": job.end.as_ref().map(|end| time_text(end.at + job.retention)),
            "success": {"href": format!("{here}/success.csv"), "bytes": manifest.success_bytes},
            "errors": {"href": format!("{here}/errors.csv"), "bytes": manifest.errors_bytes},
        }),
    }
}
