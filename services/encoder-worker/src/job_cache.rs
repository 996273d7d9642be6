//! A cache of what a job's chunks are encoded with: data key, batch spec, project key and template. An entry lives a
//! minute at most.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use smartpass_core::encode::{BatchSpec, ENCODER_REVISION, Encoder, LinkSpec, SpecError};
use smartpass_core::ids::JobId;
use smartpass_core::link::ProjectKey;
use smartpass_core::template::Template;
use smartpass_platform::{Error, Result};
use smartpass_records::data_key::DataKey;
use smartpass_records::jobs::JobStore;
use smartpass_records::projects::Projects;

use crate::metrics::worker_metrics;

/// The lifetime of an entry: a revoked key is used no longer than this.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// The limit of entries: more jobs than a worker has in hand at once.
const MAX_JOBS: usize = 64;

/// The keys, spec and template that a job's chunks are encoded with.
pub(crate) struct JobWork {
    pub(crate) data_key: DataKey,
    spec: BatchSpec,
    project_key: ProjectKey,
    template: Template,
}

impl JobWork {
    /// A fresh encoder for the job.
    pub(crate) fn encoder(&self) -> std::result::Result<Encoder, SpecError> {
        Encoder::v1(&self.spec, &self.template, &self.project_key)
    }

    /// The characters of a URL that do not depend on its row.
    pub(crate) fn url_overhead(&self) -> usize {
        self.spec.base_url.as_str().len() + smartpass_core::link::TOKEN_OVERHEAD_CHARACTERS
    }
}

/// The result of a lookup.
#[derive(Clone)]
pub(crate) enum Found {
    Work(Arc<JobWork>),
    /// The job has ended, or its files are deleted.
    Gone,
    /// The job needs a worker of another encoder revision.
    OtherRevision(u32),
}

/// Unwrapped keys and templates of the jobs used last.
pub(crate) struct JobCache {
    jobs: JobStore,
    projects: Projects,
    kept: Mutex<HashMap<JobId, (Instant, Arc<JobWork>)>>,
}

impl JobCache {
    pub(crate) fn new(jobs: JobStore, projects: Projects) -> Self {
        Self { jobs, projects, kept: Mutex::default() }
    }

    /// Finds what the job is encoded with, in the cache or in the state.
    ///
    /// # Errors
    /// The state is unavailable, or a key or the template is missing.
    pub(crate) async fn find(&self, id: JobId) -> Result<Found> {
        let hit = self.kept().get(&id).filter(|(since, _)| since.elapsed() < KEPT_FOR).cloned();
        worker_metrics().cache.with_label_values(&["job", if hit.is_some() { "hit" } else { "miss" }]).inc();
        if let Some((_, work)) = hit {
            return Ok(Found::Work(work));
        }
        let Some(found) = self.jobs.load(id).await? else { return Ok(Found::Gone) };
        let job = found.record;
        if job.encoder_revision != ENCODER_REVISION {
            return Ok(Found::OtherRevision(job.encoder_revision));
        }
        let Some(secrets) = self.jobs.secrets(id, &job.project).await? else { return Ok(Found::Gone) };
        let LinkSpec::V1 { key_version, template_number, .. } = &secrets.spec.link else {
            return Err(Error::Damaged(format!("the batch spec of job {id}, whose links no worker makes,")));
        };
        let project_key = self.projects.key(&job.project, *key_version).await?;
        let template = self.projects.template(&job.project, *template_number).await?;
        let work = JobWork { data_key: secrets.data_key, spec: secrets.spec, project_key, template };
        let work = Arc::new(work);
        let mut kept = self.kept();
        kept.retain(|_, (since, _)| since.elapsed() < KEPT_FOR);
        if kept.len() < MAX_JOBS {
            kept.insert(id, (Instant::now(), work.clone()));
        }
        Ok(Found::Work(work))
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<JobId, (Instant, Arc<JobWork>)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
