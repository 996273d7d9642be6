//! Looking at jobs, and what can be done to one in which state.

use smartpass_api_types::{JobList, JobState, TemplateList};
use smartpass_core::ids::JobId;
use smartpass_core::job::{Event, Files};

use crate::support::{CSV, JOBS, Producer, on_a_producer, refused};

impl Producer {
    async fn cancel(&self, id: JobId) -> crate::support::Answer {
        self.delete(&format!("{JOBS}/{id}")).await
    }

    async fn retry(&self, id: JobId) -> crate::support::Answer {
        self.post(&format!("{JOBS}/{id}/retry")).await
    }

    async fn delete_files(&self, id: JobId) -> crate::support::Answer {
        self.delete(&format!("{JOBS}/{id}/files")).await
    }

    async fn failed(&self) -> JobId {
        let id = self.uploaded().await;
        self.apply(id, Event::ChunkFailed { index: 1, reason: "it panics".to_owned() }).await;
        id
    }

    async fn list(&self, query: &str) -> (Vec<JobId>, Option<String>) {
        let JobList { jobs, next } = self.get(&format!("{JOBS}{query}")).await.json();
        (jobs.iter().map(|job| job.id).collect(), next)
    }
}

#[test]
fn jobs_are_listed_the_newest_first_page_by_page() {
    on_a_producer(async |producer| {
        assert_eq!(producer.list("").await, (vec![], None));
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.insert(0, producer.uploaded().await);
            producer.clock.pass(10);
        }
        assert_eq!(producer.list("").await, (ids.clone(), None));
        let (page, next) = producer.list("?limit=2").await;
        assert_eq!(page, ids[..2]);
        let query = next.unwrap().strip_prefix(JOBS).unwrap().to_owned();
        assert_eq!(producer.list(&query).await, (vec![ids[2]], None));
        let created = producer.record(ids[2]).await.created;
        assert_eq!(producer.list(&format!("?before={created}")).await, (vec![], None));
        for query in ["?limit=many", "?limit=0", "?limit=1001", "?before=-1"] {
            let answer = producer.get(&format!("{JOBS}{query}")).await;
            assert_eq!(answer.refusal(), refused(400, "bad-parameter"), "{query}");
        }
        let answer = producer.get(&format!("{JOBS}?after=1")).await;
        assert_eq!(answer.refusal(), refused(400, "unknown-parameter"));
    });
}

#[test]
fn a_running_job_can_be_cancelled_and_nothing_else() {
    on_a_producer(async |producer| {
        let id = producer.uploaded().await;
        assert_eq!(producer.retry(id).await.refusal(), refused(409, "wrong-state"));
        assert_eq!(producer.delete_files(id).await.refusal(), refused(409, "wrong-state"));
        let job = producer.cancel(id).await.job();
        assert_eq!(job.state, JobState::Cancelled);
        assert!(
            producer.jobs.secrets(id, &job.project).await.unwrap().is_none(),
            "nothing of it can be opened"
        );
        assert_eq!(producer.cancel(id).await.job().state, JobState::Cancelled, "once more changes nothing");
        assert_eq!(producer.retry(id).await.refusal(), refused(409, "wrong-state"));
    });
}

#[test]
fn a_completed_job_can_have_its_files_deleted_and_nothing_else() {
    on_a_producer(async |producer| {
        let (id, _) = producer.completed().await;
        assert_eq!(producer.cancel(id).await.refusal(), refused(409, "wrong-state"));
        assert_eq!(producer.retry(id).await.refusal(), refused(409, "wrong-state"));
        assert_eq!(producer.record(id).await.files, Files::Kept);
        for _ in 0..2 {
            assert_eq!(producer.delete_files(id).await.job().state, JobState::Completed);
            let job = producer.record(id).await;
            assert!(matches!(job.files, Files::Purged { swept: 0, .. }), "the tracker sweeps its blobs");
            assert!(producer.jobs.secrets(id, &job.project).await.unwrap().is_none());
        }
    });
}

#[test]
fn a_failed_job_can_be_retried_until_its_files_are_deleted() {
    on_a_producer(async |producer| {
        let id = producer.failed().await;
        assert_eq!(producer.cancel(id).await.refusal(), refused(409, "wrong-state"));
        assert_eq!(producer.retry(id).await.job().state, JobState::Encoding);
        producer.encode(id, CSV).await;

        let id = producer.failed().await;
        assert_eq!(producer.delete_files(id).await.job().state, JobState::Failed);
        assert_eq!(producer.retry(id).await.refusal(), refused(410, "files-deleted"));
    });
}

#[test]
fn progress_is_told_until_the_end() {
    on_a_producer(async |producer| {
        let (id, _) = producer.completed().await;
        let answer = producer.get(&format!("{JOBS}/{id}/events")).await;
        assert_eq!(answer.header("content-type"), "text/event-stream");
        let data = answer.text().strip_prefix("event: ended\ndata: ").unwrap().trim_end();
        assert_eq!(data, producer.get(&format!("{JOBS}/{id}")).await.text());
    });
}

#[test]
fn templates_are_shown_whole() {
    on_a_producer(async |producer| {
        let TemplateList { templates } = producer.get("/v1/projects/wrsynr/templates").await.json();
        let fields: Vec<&str> = templates[0].template.fields.iter().map(|field| &*field.name).collect();
        assert_eq!((templates.len(), templates[0].number.get(), fields), (1, 1, vec!["name", "points"]));
    });
}
