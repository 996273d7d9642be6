//! Who may ask what, on every route.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use smartpass_core::ids::JobId;
use smartpass_core::job::Outcome;
use smartpass_records::api_keys::Scope;

use crate::support::{Answer, CSV, JOBS, Locally, OTHER, PROJECT, Producer, on_a_producer, refused};

/// What is asked about a job, as method and path behind it.
const ABOUT_A_JOB: [(Method, &str); 8] = [
    (Method::GET, ""),
    (Method::GET, "/events"),
    (Method::GET, "/success.csv"),
    (Method::HEAD, "/errors.csv"),
    (Method::DELETE, ""),
    (Method::DELETE, "/files"),
    (Method::POST, "/retry"),
    (Method::GET, "/errors.csv"),
];

/// Every route of a project, with the scope that it needs.
fn routes_of(project: &str, job: JobId) -> Vec<(Method, String, Scope)> {
    let place = format!("/v1/projects/{project}");
    let mut routes = vec![
        (Method::GET, format!("{place}/jobs"), Scope::Read),
        (Method::POST, format!("{place}/jobs"), Scope::Send),
        (Method::GET, format!("{place}/templates"), Scope::Read),
    ];
    for (method, path) in ABOUT_A_JOB {
        let scope = if matches!(method, Method::GET | Method::HEAD) { Scope::Read } else { Scope::Send };
        routes.push((method, format!("{place}/jobs/{job}{path}"), scope));
    }
    routes
}

fn request(method: &Method, uri: &str) -> TestRequest {
    TestRequest::default().method(method.clone()).uri(uri).locally()
}

/// A problem's body is not compared where the method has none.
fn is_refused(answer: &Answer, status: u16, code: &str) -> bool {
    answer.status == status && (answer.body.is_empty() || answer.problem().code == code)
}

async fn completed(producer: &Producer) -> JobId {
    producer.completed().await.0
}

#[test]
fn another_projects_job_answers_on_every_route_as_one_that_does_not_exist() {
    on_a_producer(async |producer| {
        let (theirs, unknown) = (completed(&producer).await, JobId([9; 16]));
        for (method, path) in ABOUT_A_JOB {
            let ask = async |id: JobId| {
                let uri = format!("/v1/projects/{OTHER}/jobs/{id}{path}");
                producer.call(request(&method, &uri)).await
            };
            let (theirs, unknown) = (ask(theirs).await, ask(unknown).await);
            assert!(is_refused(&theirs, 404, "no-such-job"), "{method} {path}: {theirs:?}");
            assert_eq!(theirs.body, unknown.body, "{method} {path}");
        }
        let job = producer.record(theirs).await;
        assert!(job.manifest.is_some() && job.end.unwrap().outcome == Outcome::Completed, "nothing was done");
        let listed = producer.get(&format!("/v1/projects/{OTHER}/jobs")).await;
        assert!(listed.json::<smartpass_api_types::JobList>().jobs.is_empty());
    });
}

#[test]
fn a_job_id_that_cannot_be_read_is_one_that_does_not_exist() {
    on_a_producer(async |producer| {
        let answer = producer.get(&format!("{JOBS}/what")).await;
        assert_eq!(answer.refusal(), refused(404, "no-such-job"));
    });
}

#[test]
fn without_a_key_of_the_project_nothing_is_answered() {
    on_a_producer(async |producer| {
        let id = completed(&producer).await;
        let foreign = producer.api_key(OTHER, &Scope::ALL).await;
        let wrong = ("authorization", format!("Bearer sp_0011223344ff_{}", "00".repeat(32)));
        for (method, uri, _) in routes_of(PROJECT, id) {
            let asked = || request(&method, &uri);
            let answers = [
                producer.call(asked()).await,
                producer.call(asked().insert_header(wrong.clone())).await,
                producer.call(asked().insert_header(foreign.clone())).await,
                producer.call(asked().insert_header(("authorization", "Basic abc"))).await,
            ];
            for answer in answers {
                assert!(is_refused(&answer, 401, "unauthorized"), "{method} {uri}: {answer:?}");
                assert_eq!(answer.header("www-authenticate"), "Bearer");
            }
        }
        assert!(producer.only_job().await.manifest.is_some(), "nothing was done");
    });
}

#[test]
fn a_key_for_one_scope_is_forbidden_what_needs_the_other() {
    on_a_producer(async |producer| {
        let id = completed(&producer).await;
        let read = producer.api_key(PROJECT, &[Scope::Read]).await;
        let send = producer.api_key(PROJECT, &[Scope::Send]).await;
        for (method, uri, scope) in routes_of(PROJECT, id) {
            let key = if scope == Scope::Read { &send } else { &read };
            let answer = producer.call(request(&method, &uri).insert_header(key.clone())).await;
            assert!(is_refused(&answer, 403, "forbidden"), "{method} {uri}: {answer:?}");
        }
        assert!(producer.only_job().await.manifest.is_some(), "nothing was done");
    });
}

#[test]
fn a_key_with_the_needed_scope_is_enough() {
    on_a_producer(async |producer| {
        let read = producer.api_key(PROJECT, &[Scope::Read]).await;
        let send = producer.api_key(PROJECT, &[Scope::Send]).await;
        // Whoever has a key may ask from anywhere.
        let upload = TestRequest::post().uri(JOBS).insert_header(("host", "links.example"));
        let job = producer.send(upload.insert_header(send.clone()), [CSV.into()]).await.job();
        producer.encode(job.id, CSV).await;
        for path in ["", "/events", "/success.csv", "/errors.csv"] {
            let uri = format!("{}{path}", job.href);
            let answer = producer.call(TestRequest::get().uri(&uri).insert_header(read.clone())).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
        }
        let uri = format!("{}/files", job.href);
        let answer = producer.call(TestRequest::delete().uri(&uri).insert_header(send)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    });
}

#[test]
fn while_there_are_no_keys_this_machine_may_ask_and_other_sites_may_not() {
    on_a_producer(async |producer| {
        let id = completed(&producer).await;
        let other_sites = [
            [("host", "evil.example"), ("origin", "http://evil.example")],
            [("host", "localhost:8080"), ("origin", "http://evil.example")],
            [("host", "localhost:8080"), ("origin", "null")],
        ];
        for (method, uri, _) in routes_of(PROJECT, id) {
            for headers in other_sites {
                let asked = TestRequest::default().method(method.clone()).uri(&uri);
                let asked = headers.into_iter().fold(asked, TestRequest::insert_header);
                let answer = producer.call(asked).await;
                assert!(is_refused(&answer, 403, "other-site"), "{method} {uri} {headers:?}: {answer:?}");
            }
        }
        assert!(producer.only_job().await.manifest.is_some(), "nothing was done");
        let own_page = request(&Method::GET, JOBS).insert_header(("origin", "http://localhost:8080"));
        assert_eq!(producer.call(own_page).await.status, 200);
    });
}

#[test]
fn what_no_route_answers_is_a_problem_too() {
    on_a_producer(async |producer| {
        assert_eq!(producer.get("/v1/nothing").await.refusal(), refused(404, "not-found"));
        assert_eq!(producer.delete(JOBS).await.refusal(), refused(405, "wrong-method"));
    });
}
