//! `/metrics`, `/healthz` and `/readyz`, for operators.

use std::net::SocketAddr;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use smartpass_platform::Platform;
use smartpass_platform::telemetry::metrics_text;

/// Starts answering.
pub(super) fn start(listen: SocketAddr, platform: Platform) -> anyhow::Result<ServerHandle> {
    let platform = web::Data::new(platform);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(platform.clone())
            .route("/metrics", web::get().to(metrics))
            .route("/healthz", web::get().to(|| async { HttpResponse::Ok().body("alive\n") }))
            .route("/readyz", web::get().to(ready))
    })
    .workers(1)
    .disable_signals()
    .bind(listen)
    .map_err(|error| anyhow::anyhow!("cannot listen on {listen} (--ops-listen): {error}"))?
    .run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Ok(handle)
}

async fn metrics() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(metrics_text())
}

async fn ready(platform: web::Data<Platform>) -> HttpResponse {
    match platform.check().await {
        Ok(()) => HttpResponse::Ok().body("ready\n"),
        Err(error) => HttpResponse::ServiceUnavailable().body(format!("not ready: {error}\n")),
    }
}
