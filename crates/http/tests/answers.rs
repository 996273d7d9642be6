//! Problem documents as clients get them, and the routes for operators.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use actix_web::body::to_bytes;
use actix_web::test::{TestRequest, call_service, init_service, try_read_body};
use actix_web::{App, HttpResponse, ResponseError, web};
use smartpass_api_types::{Problem as ProblemDetails, ProblemCode};
use smartpass_core::ids::JobId;
use smartpass_http::Problem;
use smartpass_http::ops::{self, ReadinessCheck};
use smartpass_http::problem::{no_such_page, wrong_method};
use smartpass_platform::telemetry::{counter_vec, metrics_text};
use smartpass_platform::{Error, Result};

fn run(test: impl Future<Output = ()>) {
    actix_web::rt::System::new().block_on(test);
}

/// A header; empty where there is none.
fn header<B>(response: &HttpResponse<B>, name: &str) -> String {
    response.headers().get(name).map_or(String::new(), |value| value.to_str().unwrap().to_owned())
}

async fn details(response: HttpResponse) -> ProblemDetails {
    serde_json::from_slice(&to_bytes(response.into_body()).await.unwrap()).unwrap()
}

#[test]
fn every_problem_is_a_document_with_its_own_status_and_headers() {
    run(async {
        for code in ProblemCode::ALL {
            let response = Problem::new(code, "what was wrong").error_response();
            assert_eq!(response.status().as_u16(), code.status());
            assert_eq!(header(&response, "content-type"), "application/problem+json", "{code:?}");
            let (retry_after, authenticate) = match code.status() {
                503 => ("5", ""),
                401 => ("", "Bearer"),
                _ => ("", ""),
            };
            assert_eq!(header(&response, "retry-after"), retry_after, "{code:?}");
            assert_eq!(header(&response, "www-authenticate"), authenticate, "{code:?}");
            assert_eq!(details(response).await, ProblemDetails::new(code, "what was wrong"));
        }
    });
}

#[test]
fn a_problem_names_the_job_that_came_of_the_request_all_the_same() {
    run(async {
        let problem = Problem::new(ProblemCode::BadFile, "row 4 has no end");
        assert_eq!(details(problem.error_response()).await.job, None);
        let job = JobId([7; 16]);
        assert_eq!(details(problem.of_job(job).error_response()).await.job, Some(job));
    });
}

#[test]
fn an_outage_is_to_be_tried_again_and_everything_else_is_told_to_the_log_alone() {
    run(async {
        let busy = Problem::from(Error::unavailable("Redis", "10.0.0.7 refused the connection"));
        assert_eq!(busy, Problem::busy("Redis is unavailable: try again soon"));
        let inside = [
            Error::Missing("blob secret".to_owned()),
            Error::Damaged("blob secret".to_owned()),
            Error::Config("key secret".to_owned()),
        ];
        for error in inside {
            let problem = Problem::from(error);
            assert_eq!(problem.code, ProblemCode::Internal);
            assert!(!problem.detail.contains("secret"), "{problem}");
        }
    });
}

#[test]
fn what_no_route_answers_is_a_problem_document() {
    run(async {
        let resource = web::resource("/a").route(web::get().to(HttpResponse::Ok));
        let app = App::new()
            .service(resource.default_service(wrong_method("GET")))
            .default_service(web::route().to(no_such_page));
        let app = init_service(app).await;
        let cases = [
            (TestRequest::post().uri("/a"), 405, "wrong-method"),
            (TestRequest::get().uri("/b"), 404, "not-found"),
        ];
        for (request, status, code) in cases {
            let response = call_service(&app, request.to_request()).await;
            assert_eq!(response.status(), status);
            assert_eq!(header(response.response(), "content-type"), "application/problem+json");
            let body = try_read_body(response).await.unwrap();
            assert_eq!(serde_json::from_slice::<ProblemDetails>(&body).unwrap().code, code);
        }
    });
}

/// Status and body of an operator's route, of a service that is ready or not.
async fn ops(path: &str, ready: Result<()>) -> (u16, String) {
    let check: ReadinessCheck = Arc::new(move || Box::pin(std::future::ready(ready.clone())));
    let app = init_service(App::new().configure(|config| ops::routes(config, check))).await;
    let response = call_service(&app, TestRequest::get().uri(path).to_request()).await;
    let status = response.status().as_u16();
    (status, String::from_utf8(try_read_body(response).await.unwrap().to_vec()).unwrap())
}

fn outage() -> Result<()> {
    Err(Error::unavailable("Redis", "no answer"))
}

#[test]
fn a_service_is_ready_while_everything_that_it_needs_answers() {
    run(async {
        assert_eq!(ops("/readyz", Ok(())).await, (200, "ready\n".to_owned()));
        let (status, body) = ops("/readyz", outage()).await;
        assert_eq!((status, &*body), (503, "not ready: Redis is unavailable: no answer\n"));
    });
}

#[test]
fn a_service_is_alive_whatever_it_needs() {
    run(async {
        for ready in [Ok(()), outage()] {
            assert_eq!(ops("/healthz", ready).await, (200, "alive\n".to_owned()));
        }
    });
}

#[test]
fn metrics_are_what_the_process_has_counted() {
    run(async {
        counter_vec("smartpass_tests_total", "Tests", &["outcome"]).with_label_values(&["ran"]).inc();
        let (status, body) = ops("/metrics", outage()).await;
        assert_eq!(status, 200);
        assert!(body.contains("smartpass_tests_total{outcome=\"ran\"} 1"), "{body}");
        assert!(metrics_text().contains("smartpass_tests_total"));
    });
}
