//! Jobs as they stand in the state, one for each way in which a job can be shown.

use smartpass_core::encode::ErrorKind;
use smartpass_core::job::{
    BlobRef, End, Files, Job, ManifestEntry, NewJob, Outcome, ReasonCount, Settings, TemplateName,
};

const CREATED: u64 = 1_764_201_600_000;

fn new_job(link: &str, template: Option<&str>) -> Job {
    let new = NewJob {
        id: "00112233445566778899aabbccddeeff".parse().unwrap(),
        project: "wrsynr".parse().unwrap(),
        batch_id: "0011223344556677".parse().unwrap(),
        link: link.to_owned(),
        template: template.map(|code| TemplateName { code: code.to_owned(), number: 3 }),
        key_version: template.map(|_| 2),
        encoder_revision: 1,
        retention: 72 * 3_600_000,
    };
    Job::open(new, CREATED, &Settings::default())
}

fn uploading() -> Job {
    Job { ready: 2, rows: 2_000, bytes: 131_072, ..new_job("encrypted", Some("club")) }
}

fn encoding() -> Job {
    let mut job = Job { lease_until: None, ready: 3, rows: 2_500, bytes: 163_840, ..uploading() };
    (job.total, job.released) = (Some(3), 2);
    job.done.insert(0);
    job.counts.links = 3;
    job.counts.url_characters = 500;
    job.counts.url_longest = 171;
    job
}

fn ended(job: Job, outcome: Outcome, reason: Option<&str>) -> Job {
    let end = End {
        outcome,
        reason: reason.map(str::to_owned),
        at: CREATED + 61_000,
        event_id: "00112233445566778899aabbccddeeff.1".to_owned(),
        announced: true,
    };
    Job { end: Some(end), ends: 1, lease_until: None, ..job }
}

fn completed() -> Job {
    let mut job = ended(encoding(), Outcome::Completed, None);
    (job.released, job.counts.links, job.counts.errors) = (3, 2_480, 20);
    job.done.insert(1);
    job.done.insert(2);
    job.counts.by_reason = vec![
        ReasonCount { field: Some("person.dateOfBirth".to_owned()), kind: ErrorKind::WrongType, rows: 15 },
        ReasonCount { field: None, kind: ErrorKind::CellCount, rows: 5 },
    ];
    let blob = BlobRef { path: "manifest".to_owned(), tag: [7; 16].into(), bytes: 321 };
    job.manifest = Some(ManifestEntry { blob, success_bytes: 987_654, errors_bytes: 4_321 });
    job
}

/// Every job with the name of the file that holds what the API shows of it.
pub(crate) fn samples() -> Vec<(&'static str, Job)> {
    let purged = Files::Purged { at: CREATED + 90_000_000, swept: 1 };
    let passkit = Job { files: purged, ..ended(new_job("passkit-hashed", None), Outcome::Cancelled, None) };
    // Until after the year 9999, which has no text.
    let kept = Job { retention: 1 << 60, ..completed() };
    vec![
        ("uploading", uploading()),
        ("encoding", encoding()),
        ("completed", completed()),
        ("kept-for-ever", kept),
        ("failed", ended(encoding(), Outcome::Failed, Some("chunk 1: its input is gone"))),
        ("refused", ended(uploading(), Outcome::Refused, Some("row 7, line 9: the row has no end"))),
        ("aborted", ended(uploading(), Outcome::Aborted, None)),
        ("cancelled", passkit),
        ("purged", Job { files: purged, ..completed() }),
    ]
}
