//! Looking at jobs, and the few things that can be done to one.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use smartpass_api_types::{self as api_types, JobList, ProblemCode, TemplateEntry, TemplateList};
use smartpass_core::ids::JobId;
use smartpass_core::job::{Event, Job};
use smartpass_core::template::Template;
use smartpass_http::{Answer, Principal, Problem};

use crate::api::Api;
use crate::problems::{no_job, not_applied};

/// The path of a request about a job. The project is the principal's.
#[derive(Deserialize)]
pub(crate) struct JobPath {
    job: String,
}

/// How many jobs a list shows when nothing is said, and at most.
const LISTED: usize = 50;
const MAX_LISTED: usize = 1_000;

/// The job that a request is about. Another project's job is none.
pub(crate) async fn find(principal: &Principal, api: &Api, path: &JobPath) -> Result<Job, Problem> {
    let id: JobId = path.job.parse().map_err(|_| no_job())?;
    let found = api.backends.jobs.load(id).await?;
    let job = found.map(|found| found.record).filter(|job| job.project == principal.project);
    job.ok_or_else(no_job)
}

pub(crate) async fn show(principal: Principal, api: web::Data<Api>, path: web::Path<JobPath>) -> Answer {
    let job = find(&principal, &api, &path).await?;
    Ok(HttpResponse::Ok().json(api_types::Job::from(&job)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    /// Only jobs opened before this time, in milliseconds since 1970.
    before: Option<u64>,
    limit: Option<usize>,
}

pub(crate) async fn list(principal: Principal, request: HttpRequest, api: web::Data<Api>) -> Answer {
    let project = &principal.project;
    let page = web::Query::<Page>::from_query(request.query_string());
    let page = page
        .map_err(|_| Problem::new(ProblemCode::BadParameter, "expected before=MILLISECONDS and limit=N"))?;
    let limit = page.limit.unwrap_or(LISTED).clamp(1, MAX_LISTED);
    let jobs = api.backends.jobs.list(project, page.before, limit).await?;
    // Whoever wants the next page asks for what was opened before the last job of this one.
    let next = jobs.last().filter(|_| jobs.len() == limit).map(|job| job.created);
    Ok(HttpResponse::Ok().json(JobList {
        jobs: jobs.iter().map(api_types::Job::from).collect(),
        next: next.map(|before| format!("/v1/projects/{project}/jobs?before={before}&limit={limit}")),
    }))
}

pub(crate) async fn cancel(principal: Principal, api: web::Data<Api>, path: web::Path<JobPath>) -> Answer {
    apply(&principal, &api, &path, Event::Cancel).await
}

pub(crate) async fn retry(principal: Principal, api: web::Data<Api>, path: web::Path<JobPath>) -> Answer {
    apply(&principal, &api, &path, Event::Retry).await
}

pub(crate) async fn delete_files(
    principal: Principal,
    api: web::Data<Api>,
    path: web::Path<JobPath>,
) -> Answer {
    apply(&principal, &api, &path, Event::DeleteFiles).await
}

async fn apply(principal: &Principal, api: &Api, path: &JobPath, event: Event) -> Answer {
    let job = find(principal, api, path).await?;
    // What follows is the tracker's: it looks at the job at once.
    let job = api.backends.jobs.apply(job.id, &event).await.map_err(not_applied)?;
    Ok(HttpResponse::Ok().json(api_types::Job::from(&job)))
}

/// The newest version of every template, whole: a client can show what it would map before it sends a byte.
pub(crate) async fn templates(principal: Principal, api: web::Data<Api>) -> Answer {
    let record = api.backends.projects.load(&principal.project).await?.ok_or_else(Problem::no_project)?;
    let mut newest = std::collections::BTreeMap::new();
    for (&number, template) in &record.templates {
        newest.insert(template.code.as_str(), (number, template));
    }
    let entry = |(number, template): (_, &Template)| TemplateEntry { number, template: template.clone() };
    Ok(HttpResponse::Ok().json(TemplateList { templates: newest.into_values().map(entry).collect() }))
}
