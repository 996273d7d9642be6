//! A job's progress as server-sent events. Any producer can send them, since all progress is in the record.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use smartpass_api_types::{self as api_types, JobPath};
use smartpass_core::ids::JobId;
use smartpass_http::{Answer, Principal};

use crate::api::Api;
use crate::described::{JobEvent, JobProblems};
use crate::jobs::find;

/// The pause between two looks at the record.
const LOOK: Duration = Duration::from_millis(300);
/// The number of looks without news after which a comment is sent, so that no proxy closes the connection.
const LOOKS_PER_COMMENT: u32 = 50;

/// Tells a job's progress as server-sent events: `progress` whenever anything changed, then `ended`, then nothing.
/// The data of each is the job, as JSON.
#[utoipa::path(get, path = "/v1/projects/{project}/jobs/{job}/events", operation_id = "watchJob", tag = "jobs",
    params(JobPath),
    responses((status = 200, description = "The events, until the job's end", body = JobEvent,
        content_type = "text/event-stream"), JobProblems))]
pub(crate) async fn stream(
    principal: Principal,
    request: HttpRequest,
    api: web::Data<Api>,
    path: web::Path<JobPath>,
) -> Answer {
    let job = find(&principal, &api, &path).await?;
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/event-stream")
        .insert_header(("cache-control", "no-store"))
        .insert_header(("x-accel-buffering", "no"));
    if request.method() == Method::HEAD {
        return Ok(response.finish());
    }
    let watch = Watch { api: api.into_inner(), id: job.id, shown: String::new(), is_over: false };
    let events = futures_util::stream::unfold(watch, |mut watch| async move {
        let event = watch.next().await?;
        Some((Ok::<_, std::io::Error>(event), watch))
    });
    Ok(response.streaming(events))
}

struct Watch {
    api: std::sync::Arc<Api>,
    id: JobId,
    shown: String,
    is_over: bool,
}

impl Watch {
    /// The next event: `progress` when anything changed, `ended` once, then nothing.
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        for look in 0..LOOKS_PER_COMMENT {
            if look > 0 || !self.shown.is_empty() {
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    () = self.api.backends.shutdown.begun() => return None,
                }
            }
            // An outage is no news: the next look may find the job again.
            let Ok(found) = self.api.backends.jobs.load(self.id).await else { continue };
            let job = found?.record;
            let text = serde_json::to_string(&api_types::Job::from(&job)).ok()?;
            if text == self.shown {
                continue;
            }
            self.is_over = job.end.is_some();
            let name = if self.is_over { "ended" } else { "progress" };
            let event = format!("event: {name}\ndata: {text}\n\n");
            self.shown = text;
            return Some(event.into());
        }
        Some(Bytes::from_static(b": still here\n\n"))
    }
}
