//! `/metrics`, `/healthz` and `/readyz`: what Prometheus and an orchestrator ask of every process.
//!
//! ```
//! use std::sync::Arc;
//! use actix_web::App;
//! use smartpass_http::ops::{ReadinessCheck, routes};
//! let ready: ReadinessCheck = Arc::new(|| Box::pin(async { Ok(()) }));
//! let app = App::new().configure(move |config| routes(config, ready.clone()));
//! ```

use std::pin::Pin;
use std::sync::Arc;

use actix_web::{HttpResponse, Resource, web};
use smartpass_platform::Result;
use smartpass_platform::telemetry::metrics_text;

use crate::problem::wrong_method;
use crate::server::get_or_head;

/// The check behind `/readyz`: whether everything that a service needs answers.
pub type ReadinessCheck = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<()>> + Send>> + Send + Sync>;

/// Adds the routes; `/readyz` asks `ready`.
pub fn routes(config: &mut web::ServiceConfig, ready: ReadinessCheck) {
    config
        .app_data(web::Data::new(ready))
        .service(resource("/metrics").route(get_or_head().to(metrics)))
        .service(
            resource("/healthz").route(get_or_head().to(|| async { HttpResponse::Ok().body("alive\n") })),
        )
        .service(resource("/readyz").route(get_or_head().to(readyz)));
}

fn resource(path: &str) -> Resource {
    web::resource(path).default_service(wrong_method("GET, HEAD"))
}

async fn metrics() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(metrics_text())
}

async fn readyz(ready: web::Data<ReadinessCheck>) -> HttpResponse {
    match ready().await {
        Ok(()) => HttpResponse::Ok().body("ready\n"),
        Err(error) => HttpResponse::ServiceUnavailable().body(format!("not ready: {error}\n")),
    }
}
