//! Handlers that show, list, cancel, retry and purge jobs.

use actix_web::{HttpRequest, HttpResponse, web};
use smartpass_api_types::{
    self as api_types, JobList, JobPath, ListParameters, ProjectPath, TemplateEntry, TemplateList,
};
use smartpass_core::ids::JobId;
use smartpass_core::job::{Event, Job};
use smartpass_core::template::Template;
use smartpass_http::{Answer, Principal, Problem};

use crate::api::Api;
use crate::described::{JobChangeProblems, JobProblems, ListProblems, ProjectProblems};
use crate::parameters::{bad_parameter, query_parameters};
use crate::problems::{no_job, not_applied};

/// The job that a request is about. A job of another project is not found.
pub(crate) async fn find(principal: &Principal, api: &Api, path: &JobPath) -> Result<Job, Problem> {
    let id: JobId = path.job.parse().map_err(|_| no_job())?;
    let found = api.backends.jobs.load(id).await?;
    let job = found.map(|found| found.record).filter(|job| job.project == principal.project);
    job.ok_or_else(no_job)
}

/// Shows a job.
#[utoipa::path(get, path = "/v1/projects/{project}/jobs/{job}", operation_id = "showJob", tag = "jobs",
    params(JobPath),
    responses((status = 200, description = "The job", body = api_types::Job), JobProblems))]
pub(crate) async fn show(principal: Principal, api: web::Data<Api>, path: web::Path<JobPath>) -> Answer {
    let job = find(&principal, &api, &path).await?;
    Ok(HttpResponse::Ok().json(api_types::Job::from(&job)))
}

/// Lists the project's jobs, the newest first.
#[utoipa::path(get, path = "/v1/projects/{project}/jobs", operation_id = "listJobs", tag = "jobs",
    params(ProjectPath, ListParameters),
    responses((status = 200, description = "Some of the jobs, and where older ones are", body = JobList),
        ListProblems))]
pub(crate) async fn list(principal: Principal, request: HttpRequest, api: web::Data<Api>) -> Answer {
    let project = &principal.project;
    let mut page = ListParameters::default();
    for (name, value) in query_parameters(&request)? {
        page.set(&name, &value).map_err(bad_parameter)?;
    }
    let limit = page.limit();
    let jobs = api.backends.jobs.list(project, page.before, limit).await?;
    // The next page begins with the jobs that were opened before the last job of this page.
    let next = jobs.last().filter(|_| jobs.len() == limit).map(|job| job.created);
    Ok(HttpResponse::Ok().json(JobList {
        jobs: jobs.iter().map(api_types::Job::from).collect(),
        next: next.map(|before| format!("/v1/projects/{project}/jobs?before={before}&limit={limit}")),
    }))
}

/// Cancels a job, at any moment before its end.
#[utoipa::path(delete, path = "/v1/projects/{project}/jobs/{job}", operation_id = "cancelJob", tag = "jobs",
    params(JobPath),
    responses((status = 200, description = "The job, cancelled", body = api_types::Job), JobChangeProblems))]
pub(crate) async fn cancel(principal: Principal, api: web::Data<Api>, path: web::Path<JobPath>) -> Answer {
    apply(&principal, &api, &path, Event::Cancel).await
}

/// Goes on with a job that failed after its upload.
#[utoipa::path(post, path = "/v1/projects/{project}/jobs/{job}/retry", operation_id = "retryJob", tag = "jobs",
    params(JobPath),
    responses((status = 200, description = "The job, which goes on", body = api_types::Job), JobChangeProblems))]
pub(crate) async fn retry(principal: Principal, api: web::Data<Api>, path: web::Path<JobPath>) -> Answer {
    apply(&principal, &api, &path, Event::Retry).await
}

/// Deletes an ended job's rows and links before their time.
#[utoipa::path(delete, path = "/v1/projects/{project}/jobs/{job}/files", operation_id = "deleteFiles", tag = "jobs",
    params(JobPath),
    responses((status = 200, description = "The job, without its files", body = api_types::Job), JobChangeProblems))]
pub(crate) async fn delete_files(
    principal: Principal,
    api: web::Data<Api>,
    path: web::Path<JobPath>,
) -> Answer {
    apply(&principal, &api, &path, Event::DeleteFiles).await
}

async fn apply(principal: &Principal, api: &Api, path: &JobPath, event: Event) -> Answer {
    let job = find(principal, api, path).await?;
    // The job is due at once, and a tracker carries out what follows.
    let job = api.backends.jobs.apply(job.id, &event).await.map_err(not_applied)?;
    Ok(HttpResponse::Ok().json(api_types::Job::from(&job)))
}

/// The newest version of every template, whole: a client can show what it would map before it sends a byte.
#[utoipa::path(get, path = "/v1/projects/{project}/templates", operation_id = "listTemplates", tag = "templates",
    params(ProjectPath),
    responses((status = 200, description = "The newest version of every template", body = TemplateList),
        ProjectProblems))]
pub(crate) async fn templates(principal: Principal, api: web::Data<Api>) -> Answer {
    let record = api.backends.projects.load(&principal.project).await?.ok_or_else(Problem::no_project)?;
    let mut newest = std::collections::BTreeMap::new();
    for (&number, template) in &record.templates {
        newest.insert(template.code.as_str(), (number, template));
    }
    let entry = |(number, template): (_, &Template)| TemplateEntry { number, template: template.clone() };
    Ok(HttpResponse::Ok().json(TemplateList { templates: newest.into_values().map(entry).collect() }))
}
