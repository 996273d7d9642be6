//! Takes uploads in, cuts them into chunks, and hands the outputs out: the HTTP API.
//!
//! ```text
//! POST   /v1/projects/{p}/jobs                    a CSV, raw or as a form, plain, gzip or zstd
//! GET    /v1/projects/{p}/jobs                    the project's jobs, the newest first
//! GET    /v1/projects/{p}/jobs/{id}               one of them
//! GET    /v1/projects/{p}/jobs/{id}/events        its progress, as server-sent events
//! GET    /v1/projects/{p}/jobs/{id}/success.csv   and errors.csv: the outputs
//! DELETE /v1/projects/{p}/jobs/{id}               cancels it
//! DELETE /v1/projects/{p}/jobs/{id}/files         deletes its files
//! POST   /v1/projects/{p}/jobs/{id}/retry         goes on with a failed job
//! GET    /v1/projects/{p}/templates               what links can be made with
//! ```
//!
//! Everything that a request can be answered with is in the state and the blobs, so that any producer answers for
//! every job. *Rows are only ever in memory and in sealed blobs*; an upload holds a bounded number of them.

mod auth;
mod body;
mod chunk_writer;
mod download;
mod events;
mod jobs;
mod parameters;
mod problem;
mod range;
mod upload;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Service;
use actix_web::{App, HttpServer, web};
use smartpass_core::csv::ChunkLimits;
use smartpass_core::ids::BaseUrl;
use smartpass_core::job::Millis;
use smartpass_platform::Platform;
use smartpass_platform::telemetry::metrics;
use tokio::sync::Semaphore;
use tracing::info;

/// Settings of a producer.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What links begin with, before the project's code, where an upload says nothing.
    pub link_base: BaseUrl,
    /// When a chunk is full.
    pub limits: ChunkLimits,
    /// The most uploads at once.
    pub uploads: usize,
    /// The most chunks of all uploads in memory at once.
    pub chunk_buffers: usize,
    /// The fewest bytes a second that an upload may bring, over half a minute.
    pub minimum_rate: u64,
    /// The most bytes of a file, decompressed.
    pub max_bytes: u64,
    /// How long a job's files are kept after its end.
    pub retention: Millis,
    /// How long the state or the blobs may be away before an upload is given up.
    pub outage_patience: Duration,
}

/// What every request is given.
struct Api {
    config: Config,
    platform: Platform,
    uploads: Arc<Semaphore>,
    chunk_buffers: Arc<Semaphore>,
    downloads: Arc<Semaphore>,
}

impl Api {
    fn count_buffers(&self) {
        let in_use = self.config.chunk_buffers - self.chunk_buffers.available_permits();
        metrics().upload_buffers.set(i64::try_from(in_use).unwrap_or(i64::MAX));
    }
}

/// Downloads that may run at once: each holds a part or two.
const DOWNLOADS: usize = 16;
/// Connections that wait for a request are closed after this long.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Runs a producer until shutdown begins and its requests are answered.
///
/// # Errors
/// The address is taken, or not ours to listen on.
pub async fn run(config: Config, platform: Platform) -> anyhow::Result<()> {
    auth::refuse_open_address(config.listen, &platform).await?;
    let shutdown = platform.shutdown.clone();
    let listen = config.listen;
    let api = web::Data::new(Api {
        uploads: Arc::new(Semaphore::new(config.uploads)),
        chunk_buffers: Arc::new(Semaphore::new(config.chunk_buffers)),
        downloads: Arc::new(Semaphore::new(DOWNLOADS)),
        config,
        platform,
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(api.clone())
            .wrap_fn(|request, service| {
                let answered = service.call(request);
                async move {
                    let response = answered.await?;
                    let request = response.request();
                    let route = request.match_pattern().unwrap_or_else(|| "none".to_owned());
                    let (method, status) = (request.method().as_str(), response.status());
                    // Methods are the client's to choose: those we do not answer share one label.
                    let method =
                        if matches!(method, "GET" | "POST" | "DELETE" | "HEAD") { method } else { "other" };
                    metrics().requests.with_label_values(&[method, &route, status.as_str()]).inc();
                    Ok(response)
                }
            })
            .configure(routes)
    })
    .workers(2)
    .keep_alive(KEEP_ALIVE)
    .shutdown_timeout(shutdown.drain.as_secs())
    .disable_signals()
    .bind(listen)
    .map_err(|error| anyhow::anyhow!("cannot listen on {listen}: {error}"))?
    .run();
    info!("producer listens on http://{listen}");
    let handle = server.handle();
    let stop = async {
        shutdown.begun().await;
        handle.stop(true).await;
    };
    let (outcome, ()) = tokio::join!(server, stop);
    outcome?;
    info!("producer has stopped");
    Ok(())
}

fn routes(config: &mut web::ServiceConfig) {
    let job = "/v1/projects/{project}/jobs/{job}";
    let below = |path: &str| format!("{job}{path}");
    let unknown_method = || web::route().to(problem::wrong_method);
    config
        .service(
            web::resource("/v1/projects/{project}/jobs")
                .route(web::post().to(upload::post))
                .route(web::get().to(jobs::list))
                .default_service(unknown_method()),
        )
        .service(
            web::resource(job)
                .route(web::get().to(jobs::show))
                .route(web::delete().to(jobs::cancel))
                .default_service(unknown_method()),
        )
        .service(web::resource(below("/events")).route(web::get().to(events::stream)))
        .service(
            web::resource([below("/success.csv"), below("/errors.csv")])
                .route(web::get().to(download::get))
                .route(web::head().to(download::get))
                .default_service(unknown_method()),
        )
        .service(web::resource(below("/files")).route(web::delete().to(jobs::delete_files)))
        .service(web::resource(below("/retry")).route(web::post().to(jobs::retry)))
        .service(web::resource("/v1/projects/{project}/templates").route(web::get().to(jobs::templates)))
        .default_service(web::route().to(problem::no_such_page));
}
