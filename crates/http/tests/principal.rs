//! Who asks: a handler that takes a principal is called for those who may ask, and for nobody else.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service, try_read_body};
use actix_web::{App, HttpResponse, web};
use smartpass_api_types::{Problem, ProblemCode};
use smartpass_core::ids::ProjectCode;
use smartpass_http::{Answer, Authentication, Principal};
use smartpass_platform::state::State;
use smartpass_records::api_keys::{ApiKeys, Scope};
use smartpass_records::projects::{Projects, StateBackend};
use smartpass_records::wrapping_keys::{MasterKey, Purpose};
use smartpass_testkit::{Chaos, MemoryBlobs, MemoryState};

const LOOPBACK: &str = "127.0.0.1:8080";
const EVERYWHERE: &str = "0.0.0.0:8080";
const PLACE: &str = "/projects/wrsynr/whoami";

/// Projects and API keys in memory.
struct House {
    state: MemoryState,
    projects: Projects,
    api_keys: ApiKeys,
}

/// What the handler was called with, or the code of the problem instead.
type Told = Result<String, String>;

fn code(text: &str) -> ProjectCode {
    text.parse().unwrap()
}

fn refused<T>(code: ProblemCode) -> Result<T, String> {
    Err(code.as_str().to_owned())
}

async fn whoami(principal: Principal) -> Answer {
    let Principal { project, api_key, scopes } = principal;
    Ok(HttpResponse::Ok().body(format!("{project} {} {scopes:?}", api_key.as_deref().unwrap_or("nobody"))))
}

fn stores(state: Arc<dyn State>) -> (Projects, ApiKeys) {
    let keys = MasterKey::from_hex(&"07".repeat(32)).unwrap().wrapping_keys(&[Purpose::Link]);
    let backend = StateBackend::new(state.clone(), MemoryBlobs::default().blobs(), keys);
    (Projects::new(backend), ApiKeys::new(state))
}

/// Two projects without API keys.
async fn house() -> House {
    let state = MemoryState::default();
    let (projects, api_keys) = stores(Arc::new(state.clone()));
    for project in ["wrsynr", "other"] {
        projects.rotate_key(&code(project)).await.unwrap();
    }
    House { state, projects, api_keys }
}

impl House {
    async fn authentication(&self, listen: &str) -> anyhow::Result<Authentication> {
        let listen: SocketAddr = listen.parse().unwrap();
        Authentication::new(self.projects.clone(), self.api_keys.clone(), listen).await
    }

    /// A key's id, and its header.
    async fn key(&self, project: &str, scopes: &[Scope]) -> (String, (&'static str, String)) {
        let key = self.api_keys.create(&code(project), scopes, 0).await.unwrap();
        let id = key.split('_').nth(1).unwrap().to_owned();
        (id, ("authorization", format!("Bearer {}", *key)))
    }
}

/// What a server with that authentication tells.
async fn ask(authentication: Authentication, request: TestRequest) -> Told {
    let app = App::new()
        .app_data(web::Data::new(authentication))
        .route("/projects/{project}/whoami", web::route().to(whoami));
    let app = init_service(app).await;
    let response = call_service(&app, request.to_request()).await;
    let status = response.status();
    let body = try_read_body(response).await.unwrap();
    if status == 200 {
        return Ok(String::from_utf8(body.to_vec()).unwrap());
    }
    let problem: Problem = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem.status, status.as_u16());
    Err(problem.code)
}

async fn ask_loopback(house: &House, request: TestRequest) -> Told {
    ask(house.authentication(LOOPBACK).await.unwrap(), request).await
}

fn get(uri: &str) -> TestRequest {
    TestRequest::get().uri(uri)
}

fn locally(uri: &str) -> TestRequest {
    get(uri).insert_header(("host", "localhost:8080"))
}

fn run(test: impl AsyncFnOnce(House)) {
    actix_web::rt::System::new().block_on(async { test(house().await).await });
}

#[test]
fn without_api_keys_anybody_on_this_machine_may_ask_everything() {
    run(async |house| {
        for host in ["localhost:8080", "localhost", "127.0.0.1:8080", "[::1]:8080"] {
            let told = ask_loopback(&house, get(PLACE).insert_header(("host", host))).await;
            assert_eq!(told.unwrap(), "wrsynr nobody [Send, Read]", "{host}");
        }
        let same_origin = locally(PLACE).insert_header(("origin", "http://localhost:8080"));
        assert!(ask_loopback(&house, same_origin).await.is_ok());
    });
}

#[test]
fn without_api_keys_other_sites_may_not_ask_from_this_machine() {
    run(async |house| {
        let hosts =
            ["", "evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example"];
        for host in hosts {
            let told = ask_loopback(&house, get(PLACE).insert_header(("host", host))).await;
            assert_eq!(told, refused(ProblemCode::OtherSite), "{host:?}");
        }
        assert_eq!(ask_loopback(&house, get(PLACE)).await, refused(ProblemCode::OtherSite), "no host");
        let origins = ["null", "http://evil.example", "https://localhost:8080", "http://localhost:9090"];
        for origin in origins {
            let told = ask_loopback(&house, locally(PLACE).insert_header(("origin", origin))).await;
            assert_eq!(told, refused(ProblemCode::OtherSite), "{origin}");
        }
    });
}

#[test]
fn a_key_of_the_project_may_ask_from_anywhere_by_its_scopes() {
    run(async |house| {
        let (id, header) = house.key("wrsynr", &Scope::ALL).await;
        for listen in [LOOPBACK, EVERYWHERE] {
            let request = get(PLACE).insert_header(header.clone()).insert_header(("host", "evil.example"));
            let told = ask(house.authentication(listen).await.unwrap(), request).await;
            assert_eq!(told.unwrap(), format!("wrsynr {id} [Send, Read]"));
        }
        let lower_case = ("authorization", header.1.replace("Bearer", "bearer"));
        assert!(ask_loopback(&house, get(PLACE).insert_header(lower_case)).await.is_ok());
    });
}

#[test]
fn once_any_project_has_a_key_nobody_asks_without_one() {
    run(async |house| {
        house.key("other", &Scope::ALL).await;
        assert_eq!(ask_loopback(&house, locally(PLACE)).await, refused(ProblemCode::Unauthorized));
    });
}

#[test]
fn a_key_that_is_wrong_foreign_or_revoked_is_unauthorized() {
    run(async |house| {
        let (id, (name, own)) = house.key("wrsynr", &Scope::ALL).await;
        let (_, (_, foreign)) = house.key("other", &Scope::ALL).await;
        let zeros = "0".repeat(64);
        let wrong = [
            foreign,
            format!("Bearer sp_{id}_{zeros}"),
            format!("Bearer sp_000000000000_{zeros}"),
            own.replace("Bearer", "Basic"),
            own.replace("Bearer ", ""),
            own[..own.len() - 1].to_owned(),
            "Bearer ".to_owned(),
        ];
        for value in wrong {
            let told = ask_loopback(&house, locally(PLACE).insert_header((name, &*value))).await;
            assert_eq!(told, refused(ProblemCode::Unauthorized), "{value}");
        }
        let ask_own = async || ask_loopback(&house, get(PLACE).insert_header((name, &*own))).await;
        assert!(ask_own().await.is_ok());
        house.api_keys.revoke(&code("wrsynr"), &id).await.unwrap();
        assert_eq!(ask_own().await, refused(ProblemCode::Unauthorized));
    });
}

#[test]
fn a_wrong_key_is_unauthorized_even_while_there_are_none() {
    run(async |house| {
        let request = locally(PLACE).insert_header(("authorization", "Bearer sp_00_00"));
        assert_eq!(ask_loopback(&house, request).await, refused(ProblemCode::Unauthorized));
    });
}

#[test]
fn looking_needs_the_scope_read_and_everything_else_the_scope_send() {
    run(async |house| {
        let (_, read) = house.key("wrsynr", &[Scope::Read]).await;
        let (_, send) = house.key("wrsynr", &[Scope::Send]).await;
        let methods = [
            (Method::GET, true),
            (Method::HEAD, true),
            (Method::POST, false),
            (Method::PUT, false),
            (Method::PATCH, false),
            (Method::DELETE, false),
        ];
        for (method, looks) in methods {
            let (may, may_not) = if looks { (&read, &send) } else { (&send, &read) };
            let ask_with = async |key: &(&'static str, String)| {
                ask_loopback(&house, get(PLACE).method(method.clone()).insert_header(key.clone())).await
            };
            assert!(ask_with(may).await.is_ok(), "{method}");
            assert_eq!(ask_with(may_not).await, refused(ProblemCode::Forbidden), "{method}");
        }
    });
}

#[test]
fn a_project_that_does_not_exist_is_told_apart_only_while_there_are_no_keys() {
    run(async |house| {
        for uri in ["/projects/nobody/whoami", "/projects/NOT%20A%20CODE/whoami"] {
            assert_eq!(ask_loopback(&house, locally(uri)).await, refused(ProblemCode::NoSuchProject));
        }
        // With keys, a project without any answers as one that does not exist.
        let (_, header) = house.key("wrsynr", &Scope::ALL).await;
        for uri in ["/projects/nobody/whoami", "/projects/other/whoami"] {
            let told = ask_loopback(&house, get(uri).insert_header(header.clone())).await;
            assert_eq!(told, refused(ProblemCode::Unauthorized), "{uri}");
        }
    });
}

#[test]
fn a_server_that_others_reach_does_not_start_without_any_key() {
    run(async |house| {
        for listen in [EVERYWHERE, "192.168.1.7:80", "[::]:8080"] {
            let error = house.authentication(listen).await.err().unwrap();
            assert!(error.to_string().contains("without any API key"), "{error}");
        }
        assert!(house.authentication("[::1]:8080").await.is_ok());
        let (id, _) = house.key("wrsynr", &Scope::ALL).await;
        let authentication = house.authentication(EVERYWHERE).await.unwrap();
        // When the last key is taken away, nobody may ask such a server any more.
        house.api_keys.revoke(&code("wrsynr"), &id).await.unwrap();
        assert_eq!(ask(authentication, locally(PLACE)).await, refused(ProblemCode::Unauthorized));
    });
}

#[test]
fn a_state_that_is_away_lets_nobody_in() {
    run(async |house| {
        let chaos = Chaos::new(7);
        let (projects, api_keys) = stores(Arc::new(house.state.with(&chaos)));
        let authentication = house.authentication(LOOPBACK).await.unwrap();
        assert!(ask(authentication, locally(PLACE)).await.is_ok());
        let listen = LOOPBACK.parse().unwrap();
        let authentication = Authentication::new(projects, api_keys, listen).await.unwrap();
        chaos.fail_all();
        assert_eq!(ask(authentication, locally(PLACE)).await, refused(ProblemCode::Busy));
    });
}

#[test]
fn a_server_that_was_built_without_authentication_lets_nobody_in() {
    run(async |_| {
        let app = App::new().route("/projects/{project}/whoami", web::get().to(whoami));
        let app = init_service(app).await;
        let response = call_service(&app, locally(PLACE).to_request()).await;
        assert_eq!(response.status(), 500);
    });
}
