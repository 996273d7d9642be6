//! Looking at jobs, and the few things that can be done to one.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use smartpass_api_types::{self as api_types, JobList, TemplateEntry, TemplateList};
use smartpass_core::ids::{JobId, ProjectCode};
use smartpass_core::job::{Event, Job};
use smartpass_core::template::Template;

use crate::Api;
use crate::auth::authorize;
use crate::problem::{Answer, Problem};

pub(crate) type JobPath = web::Path<(String, String)>;

/// How many jobs a list shows when nothing is said, and at most.
const LISTED: usize = 50;
const MAX_LISTED: usize = 1_000;

/// The job of a request that may ask about it. Another project's job is none.
pub(crate) async fn find(request: &HttpRequest, api: &Api, path: &JobPath) -> Result<Job, Problem> {
    let project = authorize(request, api, &path.0).await?;
    load(api, &project, &path.1).await
}

pub(crate) async fn load(api: &Api, project: &ProjectCode, id: &str) -> Result<Job, Problem> {
    let id: JobId = id.parse().map_err(|_| Problem::no_job())?;
    let seen = api.platform.jobs.load(id).await?;
    let job = seen.map(|seen| seen.job).filter(|job| job.project == *project);
    job.ok_or_else(Problem::no_job)
}

pub(crate) async fn show(request: HttpRequest, api: web::Data<Api>, path: JobPath) -> Answer {
    let job = find(&request, &api, &path).await?;
    Ok(HttpResponse::Ok().json(api_types::Job::from(&job)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    /// Only jobs opened before this time, in milliseconds since 1970.
    before: Option<u64>,
    limit: Option<usize>,
}

pub(crate) async fn list(request: HttpRequest, api: web::Data<Api>, path: web::Path<String>) -> Answer {
    let project = authorize(&request, &api, &path).await?;
    let page = web::Query::<Page>::from_query(request.query_string());
    let page =
        page.map_err(|_| Problem::bad_request("bad-parameter", "expected before=MILLISECONDS and limit=N"))?;
    let most = page.limit.unwrap_or(LISTED).clamp(1, MAX_LISTED);
    let jobs = api.platform.jobs.list(&project, page.before, most).await?;
    // Whoever wants the next page asks for what was opened before the last job of this one.
    let next = jobs.last().filter(|_| jobs.len() == most).map(|job| job.created);
    Ok(HttpResponse::Ok().json(JobList {
        jobs: jobs.iter().map(api_types::Job::from).collect(),
        next: next.map(|before| format!("/v1/projects/{project}/jobs?before={before}&limit={most}")),
    }))
}

pub(crate) async fn cancel(request: HttpRequest, api: web::Data<Api>, path: JobPath) -> Answer {
    ask(&request, &api, &path, Event::Cancel).await
}

pub(crate) async fn retry(request: HttpRequest, api: web::Data<Api>, path: JobPath) -> Answer {
    ask(&request, &api, &path, Event::Retry).await
}

pub(crate) async fn delete_files(request: HttpRequest, api: web::Data<Api>, path: JobPath) -> Answer {
    ask(&request, &api, &path, Event::DeleteFiles).await
}

async fn ask(request: &HttpRequest, api: &Api, path: &JobPath, event: Event) -> Answer {
    let job = find(request, api, path).await?;
    // What follows is the tracker's: it looks at the job at once.
    let job = api.platform.jobs.apply(job.id, &event).await?;
    Ok(HttpResponse::Ok().json(api_types::Job::from(&job)))
}

/// The newest version of every template, whole: a client can show what it would map before it sends a byte.
pub(crate) async fn templates(request: HttpRequest, api: web::Data<Api>, path: web::Path<String>) -> Answer {
    let project = authorize(&request, &api, &path).await?;
    let record = api.platform.projects.load(&project).await?.ok_or_else(Problem::no_project)?;
    let mut newest = std::collections::BTreeMap::new();
    for (&number, template) in &record.templates {
        newest.insert(template.code.as_str(), (number, template));
    }
    let entry = |(number, template): (_, &Template)| TemplateEntry { number, template: template.clone() };
    Ok(HttpResponse::Ok().json(TemplateList { templates: newest.into_values().map(entry).collect() }))
}
