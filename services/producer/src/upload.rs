//! `POST …/jobs`: checks a CSV while it arrives, cuts it into chunks and stores them.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use smartpass_api_types::{self as api_types, ProblemCode, ProjectPath, UploadParameters};
use smartpass_core::csv::{Intake, IntakeError};
use smartpass_core::encode::{errors_header, success_header};
use smartpass_core::ids::{JobId, ProjectCode};
use smartpass_core::job::{End, Event, Job, Outcome};
use smartpass_core::link::TOKEN_OVERHEAD_CHARACTERS;
use smartpass_http::{Answer, Principal, Problem};
use smartpass_messages::{JobAccepted, Message, Topic};
use smartpass_platform::broker::Partitioning;
use smartpass_platform::failpoints;
use smartpass_records::data_key::DataKey;
use smartpass_records::job_files::{OutputHeaders, SealedFile};
use smartpass_records::jobs::ApplyError;
use smartpass_records::projects::Project;
use tracing::{info, warn};

use crate::api::Api;
use crate::body::{Body, BodyError};
use crate::chunk_writer::{ChunkWriter, apply};
use crate::described::{CreatedJob, UploadForm, UploadHeaders, UploadProblems};
use crate::metrics::producer_metrics;
use crate::parameters::{Plan, bad_parameter, plan, query_parameters};
use crate::problems::{bad_file, not_applied};

/// Takes a CSV, raw or as a form's `file`, and answers when its last row has come.
///
/// Parameters are in the query, or in the form before the file. What cannot work is refused before the rows are read.
/// The work goes on when the client goes away, long enough to end the job in order.
#[utoipa::path(post, path = "/v1/projects/{project}/jobs", operation_id = "createJob", tag = "jobs",
    params(ProjectPath, UploadParameters, UploadHeaders),
    request_body(description = "The file", content(
        (String = "text/csv", example = "Vorname,person.surname\nAnna,Arnold\n"),
        (UploadForm = "multipart/form-data"))),
    responses(CreatedJob, UploadProblems))]
pub(crate) async fn post(
    principal: Principal,
    request: HttpRequest,
    api: web::Data<Api>,
    payload: web::Payload,
) -> Answer {
    let project = principal.project;
    let record = api.backends.projects.load(&project).await?.ok_or_else(Problem::no_project)?;
    let place = api.uploads.clone().try_acquire_owned();
    let place = place.map_err(|_| Problem::busy("too many uploads are running: try again soon"))?;
    let mut parameters = UploadParameters::default();
    for (name, value) in query_parameters(&request)? {
        parameters.set(&name, &value).map_err(bad_parameter)?;
    }
    let limits = (api.limits.minimum_rate, api.limits.max_bytes);
    let body = Body::open(&request, payload, &mut parameters, limits).await?;
    let upload = Upload { api: api.into_inner(), project, record, parameters };
    let task = actix_web::rt::spawn(async move {
        producer_metrics().uploads.inc();
        let answer = upload.run(body).await;
        producer_metrics().uploads.dec();
        drop(place);
        answer
    });
    let broken = |_| Problem::busy("the upload's task ended early");
    let job = task.await.map_err(broken)??;
    let shown = api_types::Job::from(&job);
    Ok(HttpResponse::Created().insert_header(("location", shown.href.as_str())).json(shown))
}

struct Upload {
    api: std::sync::Arc<Api>,
    project: ProjectCode,
    record: Project,
    parameters: UploadParameters,
}

/// Why an upload did not become a whole job.
enum Failure {
    Body(BodyError),
    File(IntakeError),
    Job(ApplyError),
}

impl Upload {
    async fn run(self, mut body: Body) -> Result<Job, Problem> {
        // The base URL is known only after the header. A generous guess of its length only makes chunks smaller.
        let url_overhead = self.api.limits.link_base.as_str().len() + 32 + TOKEN_OVERHEAD_CHARACTERS;
        let mut intake = Intake::new(self.parameters.encoding, self.api.limits.chunks, url_overhead);
        let is_whole = self.read_header(&mut body, &mut intake).await?;
        let (Some(header), Some(dialect)) = (intake.header(), intake.dialect()) else {
            return Err(Problem::new(ProblemCode::BadFile, "the file has no header"));
        };
        let jobs = &self.api.backends.jobs;
        let now = jobs.clock().now();
        let project = (&self.project, &self.record);
        let plan = plan(&self.parameters, &self.api.limits, project, header, dialect, now)?;
        let headers = (success_header(header, &plan.spec), errors_header(header, &plan.spec));
        let key = DataKey::generate()?;
        let job = Job::open(plan.job.clone(), now, &jobs.settings);
        let id = job.id;
        self.open_job(&job, &plan, headers, &key).await?;
        info!(job = %id, project = %self.project, "upload started");

        let renewing = self.renew_lease(id);
        let outcome = self.take_rows(id, key, body, intake, is_whole).await;
        self.api.count_buffers();
        renewing.abort();
        match outcome {
            Ok(Job { end: Some(End { outcome: Outcome::Refused, reason, .. }), .. }) => {
                Err(Problem::new(ProblemCode::BadFile, reason.unwrap_or_default()).of_job(id))
            }
            Ok(job) => {
                info!(job = %id, rows = job.rows, chunks = job.ready, "upload complete");
                Ok(job)
            }
            Err(failure) => Err(self.end_badly(id, failure).await),
        }
    }

    /// Reads until the header is known; answers whether the file has ended there.
    async fn read_header(&self, body: &mut Body, intake: &mut Intake) -> Result<bool, Problem> {
        loop {
            let piece = body.next().await?;
            intake.push(&piece, piece.is_empty()).map_err(|error| bad_file(&error))?;
            if piece.is_empty() || intake.header().is_some() {
                return Ok(piece.is_empty());
            }
        }
    }

    /// Creates the record, then stores the header lines: every blob has a record, with which it is swept.
    async fn open_job(
        &self,
        job: &Job,
        plan: &Plan,
        headers: (Vec<u8>, Vec<u8>),
        key: &DataKey,
    ) -> Result<(), Problem> {
        let backends = &self.api.backends;
        let seal = |blob: &str, text| SealedFile::seal(key, job.id, blob.to_owned(), text);
        let (success, errors) = (seal("head/success", headers.0)?, seal("head/errors", headers.1)?);
        let headers = OutputHeaders { success: success.blob.clone(), errors: errors.blob.clone() };
        backends.jobs.create(job, &plan.spec, &headers, key).await?;
        failpoints::hit("producer/opened");
        for head in [success, errors] {
            // On an error the job ends when its lease expires.
            head.put(&backends.blobs).await.map_err(|error| Problem::from(error).of_job(job.id))?;
        }
        failpoints::hit("producer/headers-stored");
        let accepted = JobAccepted { job: job.id, project: job.project.clone(), at: job.created };
        let partitioning = Partitioning::ByKey(job.id.to_string());
        if let Err(error) = backends.broker.publish(Topic::Jobs.name(), partitioning, accepted.encode()).await
        {
            // The message is for observers only: no service relies on it.
            warn!(job = %job.id, %error, "publishing JobAccepted failed");
        }
        Ok(())
    }

    /// Renews the job's lease while the upload runs, however slowly its chunks fill.
    fn renew_lease(&self, id: JobId) -> tokio::task::JoinHandle<()> {
        let jobs = self.api.backends.jobs.clone();
        let pause = Duration::from_millis(jobs.settings.upload_lease / 4);
        actix_web::rt::spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                // The next renewal retries after an outage, and the next chunk finds an ended job.
                let _ = jobs.apply(id, &Event::StillUploading).await;
            }
        })
    }

    async fn take_rows(
        &self,
        id: JobId,
        key: DataKey,
        mut body: Body,
        mut intake: Intake,
        is_whole: bool,
    ) -> Result<Job, Failure> {
        let api = &self.api;
        let patience = api.limits.outage_patience;
        let buffers = api.chunk_buffers.clone();
        let mut store = ChunkWriter::new(api.backends.clone(), id, key, patience, buffers);
        store.reserve().await.map_err(Failure::Job)?;
        let mut is_over = is_whole;
        loop {
            while let Some(chunk) = intake.next_chunk().map_err(Failure::File)? {
                store.add(chunk).await.map_err(Failure::Job)?;
            }
            api.count_buffers();
            if is_over {
                break;
            }
            let piece = body.next().await.map_err(Failure::Body)?;
            is_over = piece.is_empty();
            intake.push(&piece, is_over).map_err(Failure::File)?;
        }
        store.finish().await.map_err(Failure::Job)?;
        failpoints::hit("producer/whole");
        apply(&api.backends, id, &Event::UploadEnded, patience).await.map_err(Failure::Job)
    }

    /// Ends the job, and answers why.
    async fn end_badly(&self, id: JobId, failure: Failure) -> Problem {
        let (outcome, problem): (_, Problem) = match failure {
            Failure::Body(error @ BodyError::BrokenOff(_)) => (Outcome::Aborted, error.into()),
            Failure::Body(error) => (Outcome::Refused, error.into()),
            Failure::File(error) => (Outcome::Refused, bad_file(&error)),
            Failure::Job(ApplyError::Backend(error)) => (Outcome::Aborted, error.into()),
            // The job was ended by a request or by a tracker.
            Failure::Job(error) => return not_applied(error).of_job(id),
        };
        let event = Event::UploadFailed { outcome, reason: problem.to_string() };
        if let Err(error) = apply(&self.api.backends, id, &event, self.api.limits.outage_patience).await {
            // The job ends when its lease expires.
            warn!(job = %id, %error, "failed upload not recorded, its job ends when its lease expires");
        }
        problem.of_job(id)
    }
}
