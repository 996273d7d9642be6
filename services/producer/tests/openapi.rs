//! The API's description is the committed one, and the routes are those that it describes.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, web};
use serde_json::Value;
use smartpass_api_types::{ProblemCode, problems_as_markdown};
use smartpass_http::Authentication;
use smartpass_platform::broker::MemoryBroker;
use smartpass_platform::shutdown::Shutdown;
use smartpass_producer::{Backends, Config, Settings, openapi, routes};
use smartpass_records::api_keys::ApiKeys;
use smartpass_records::jobs::JobStore;
use smartpass_records::projects::{Projects, StateBackend};
use smartpass_records::wrapping_keys::{MasterKey, Purpose};
use smartpass_testkit::{MemoryBlobs, MemoryState, TestClock};

const METHODS: [&str; 8] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares with the committed file, or writes it where `WRITE_GOLDEN` is set.
fn compare(name: &str, generated: &str) {
    let path = repository().join("schemas").join(name);
    if std::env::var_os("WRITE_GOLDEN").is_some() {
        fs::write(&path, generated).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(committed == generated, "schemas/{name} is not what is generated (write it with WRITE_GOLDEN=1)");
}

#[test]
fn the_committed_description_is_the_generated_one() {
    compare("openapi.json", openapi::text());
}

#[test]
fn the_committed_table_of_problems_is_the_generated_one() {
    let head = "# Problems of the API\n\nAn answer that is an error is a problem document (RFC 9457), \
                `application/problem+json`. Programs go by its\n`code`, which never changes its meaning. `detail` is \
                for people: what was wrong, and what was expected. `job` is\nthere where a job came of the request \
                all the same.\n\n";
    compare("problems.md", &(head.to_owned() + &problems_as_markdown()));
}

/// A producer on fakes, with the project `wrsynr` and no API key.
struct Producer(Box<dyn Fn(&mut web::ServiceConfig)>);

impl Producer {
    async fn new() -> Self {
        let (state, blobs) = (Arc::new(MemoryState::default()), MemoryBlobs::default().blobs());
        let keys = MasterKey::generate().unwrap().wrapping_keys(&Purpose::ALL);
        let projects = Projects::new(StateBackend::new(state.clone(), blobs.clone(), keys.clone()));
        projects.rotate_key(&"wrsynr".parse().unwrap()).await.unwrap();
        let clock = TestClock::at(1_800_000_000_000).clock();
        let backends = Backends {
            jobs: JobStore::new(state.clone(), keys, clock, smartpass_core::job::Settings::default(), 8),
            projects: projects.clone(),
            api_keys: ApiKeys::new(state),
            blobs,
            broker: Arc::new(MemoryBroker::default()),
            shutdown: Shutdown::new(Duration::ZERO),
        };
        let Config { listen, limits } = Settings::default().into();
        let authentication = Authentication::new(projects, backends.api_keys.clone(), listen).await.unwrap();
        Self(Box::new(routes(limits, backends, authentication)))
    }

    async fn ask(&self, method: &str, path: &str, host: &'static str) -> (u16, HeaderMap, Vec<u8>) {
        let app = init_service(App::new().configure(&self.0)).await;
        let request = TestRequest::with_uri(path).method(method.parse().unwrap());
        let response = call_service(&app, request.insert_header(("host", host)).to_request()).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (status, headers, read_body(response).await.to_vec())
    }
}

fn on_a_producer(test: impl AsyncFnOnce(Producer)) {
    actix_web::rt::System::new().block_on(async { test(Producer::new().await).await });
}

/// The methods of each path, as the description has them.
fn described() -> BTreeMap<String, Vec<String>> {
    let description: Value = serde_json::from_str(openapi::text()).unwrap();
    let paths = description["paths"].as_object().unwrap();
    let methods =
        |operations: &Value| operations.as_object().unwrap().keys().map(|m| m.to_uppercase()).collect();
    paths.iter().map(|(path, operations)| (path.clone(), methods(operations))).collect()
}

#[test]
fn every_path_answers_the_methods_that_are_described_and_names_them_for_others() {
    on_a_producer(async |producer| {
        for (path, mut methods) in described() {
            let asked = path.replace("{project}", "wrsynr").replace("{job}", &"0".repeat(32));
            let ask = async |method: &str| producer.ask(method, &asked, "localhost").await;
            if methods.contains(&"GET".to_owned()) {
                methods.push("HEAD".to_owned());
            }
            methods.sort();
            for method in METHODS {
                let (status, headers, _) = ask(method).await;
                let is_described = methods.iter().any(|described| described == method);
                assert_eq!(status != 405, is_described, "{method} {path}");
                if !is_described {
                    assert_eq!(headers.get("allow").unwrap(), methods.join(", ").as_str(), "{path}");
                }
            }
        }
    });
}

#[test]
fn the_description_is_served_to_everybody() {
    on_a_producer(async |producer| {
        let (status, headers, body) = producer.ask("GET", "/openapi.json", "api.example.com").await;
        assert_eq!(status, 200);
        assert_eq!(headers.get("content-type").unwrap(), "application/json");
        assert!(body == openapi::text().as_bytes());
    });
}

#[test]
fn what_cannot_be_read_in_a_path_or_query_is_a_problem_with_its_code() {
    on_a_producer(async |producer| {
        let cases = [
            ("GET /v1/projects/wrsynr/jobs?limit=0", 400, "bad-parameter"),
            ("GET /v1/projects/wrsynr/jobs?limit=1001", 400, "bad-parameter"),
            ("GET /v1/projects/wrsynr/jobs?limit=", 400, "bad-parameter"),
            ("GET /v1/projects/wrsynr/jobs?before=9007199254740992", 400, "bad-parameter"),
            ("GET /v1/projects/wrsynr/jobs?before=99999999999999999999", 400, "bad-parameter"),
            ("GET /v1/projects/wrsynr/jobs?before=-1", 400, "bad-parameter"),
            ("GET /v1/projects/wrsynr/jobs?before=%ff", 400, "bad-parameter"),
            ("GET /v1/projects/wrsynr/jobs?offset=1", 400, "unknown-parameter"),
            ("POST /v1/projects/wrsynr/jobs?column=%ff", 400, "bad-parameter"),
            ("POST /v1/projects/wrsynr/jobs?colour=red", 400, "unknown-parameter"),
            ("GET /v1/projects/wrsynr/jobs/%ff", 404, "no-such-job"),
            ("GET /v1/projects/wrsynr/jobs/%00", 404, "no-such-job"),
            ("GET /v1/projects/wrsynr/jobs/0", 404, "no-such-job"),
            ("GET /v1/projects/%ff/jobs", 404, "no-such-project"),
            ("GET /v1/projects/WRSYNR/jobs", 404, "no-such-project"),
        ];
        for (asked, expected, code) in cases {
            let (method, path) = asked.split_once(' ').unwrap();
            let (status, headers, body) = producer.ask(method, path, "localhost").await;
            assert_eq!(status, expected, "{asked}");
            assert_eq!(headers.get("content-type").unwrap(), "application/problem+json", "{asked}");
            let problem: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(problem["code"], code, "{asked}");
        }
    });
}

/// The sources that answer requests, but for the descriptions of what they answer.
fn sources() -> Vec<(PathBuf, String)> {
    let folders = ["services/producer/src", "crates/http/src", "crates/api-types/src"];
    let files = folders.iter().flat_map(|folder| fs::read_dir(repository().join(folder)).unwrap());
    let files = files.map(|file| file.unwrap().path());
    let only_describe = ["described.rs", "openapi.rs", "api-types/src/problem.rs"];
    let files = files.filter(|path| !only_describe.iter().any(|described| path.ends_with(described)));
    files.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_problem_code_is_answered_somewhere() {
    let sources = sources();
    for code in ProblemCode::ALL {
        let name = format!("ProblemCode::{code:?}");
        assert!(sources.iter().any(|(_, text)| text.contains(&name)), "nothing answers {name}");
    }
}

#[test]
fn an_error_is_answered_in_no_other_way_than_as_a_problem() {
    let others = [
        "problem+json",
        "ErrorBadRequest",
        "HttpResponse::BadRequest",
        "HttpResponse::NotFound",
        "HttpResponse::Forbidden",
        "HttpResponse::Conflict",
        "HttpResponse::InternalServerError",
    ];
    for (path, text) in sources().into_iter().filter(|(path, _)| !path.ends_with("http/src/problem.rs")) {
        for other in others {
            assert!(!text.contains(other), "{} has {other}", path.display());
        }
    }
}
