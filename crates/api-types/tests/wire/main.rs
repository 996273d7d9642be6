//! What is on the wire, byte for byte: programs out there read it.
#![allow(clippy::unwrap_used, missing_docs)]

mod samples;

use smartpass_api_types::{Job, JobList, Problem, ProblemCode, problems_as_markdown};
use utoipa::PartialSchema;

fn golden(name: &str) -> String {
    let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap().trim_end().to_owned()
}

#[test]
fn a_job_is_shown_in_the_same_bytes_in_every_state() {
    for (name, job) in samples::samples() {
        let shown = Job::from(&job);
        assert_eq!(serde_json::to_string(&shown).unwrap(), golden(name), "{name}");
        assert_eq!(shown.state.as_str(), job.state(), "{name}");
    }
}

#[test]
fn a_client_reads_what_a_server_shows() {
    for (name, job) in samples::samples() {
        assert_eq!(serde_json::from_str::<Job>(&golden(name)).unwrap(), Job::from(&job), "{name}");
    }
}

#[test]
fn a_client_reads_what_a_newer_server_shows() {
    let mut job: serde_json::Value = serde_json::from_str(&golden("completed")).unwrap();
    for part in
        ["/rows", "/rows/errors_by_reason/0", "/chunks", "/end", "/files", "/files/success", "/template", ""]
    {
        job.pointer_mut(part).unwrap()["newer"] = true.into();
    }
    job["rows"]["errors_by_reason"][0]["kind"] = "a-newer-reason".into();
    let list = serde_json::json!({"jobs": [job], "next": null, "newer": {}});
    let list: JobList = serde_json::from_value(list).unwrap();
    assert_eq!(list.jobs[0].rows.errors_by_reason[0].kind, "a-newer-reason");
}

#[test]
fn a_problem_is_told_in_the_same_bytes() {
    let problem = Problem::new(ProblemCode::NoSuchJob, "the project has no such job");
    assert_eq!(serde_json::to_string(&problem).unwrap(), golden("problem"));
    let job = Some("00112233445566778899aabbccddeeff".parse().unwrap());
    let problem = Problem { job, ..Problem::new(ProblemCode::BadFile, "the file has no header") };
    assert_eq!(serde_json::to_string(&problem).unwrap(), golden("problem-with-job"));
    assert_eq!(serde_json::from_str::<Problem>(&golden("problem-with-job")).unwrap(), problem);
}

#[test]
fn every_problem_code_is_listed_once_with_its_name_in_the_order_of_statuses() {
    let names: Vec<&str> = ProblemCode::ALL.iter().map(|code| code.as_str()).collect();
    let schema = serde_json::to_value(ProblemCode::schema()).unwrap();
    assert_eq!(schema["enum"], serde_json::json!(names));
    assert!(ProblemCode::ALL.is_sorted_by_key(|code| code.status()));
}

#[test]
fn the_table_of_problems_has_a_line_for_every_code() {
    let table = problems_as_markdown();
    assert_eq!(table.lines().count(), ProblemCode::ALL.len() + 2);
    assert!(table.contains("| `no-such-job` | 404 | The project has no such job. |\n"));
}

#[test]
fn what_is_always_there_is_required_in_the_schema_even_where_it_may_be_null() {
    let schema = serde_json::to_value(Job::schema()).unwrap();
    let fields: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(schema["required"].as_array().unwrap().len(), fields.len());
    assert_eq!(schema["properties"]["key_version"]["type"], serde_json::json!(["integer", "null"]));
}
