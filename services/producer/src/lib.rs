//! The producer serves the HTTP API: it cuts uploads into chunks, shows jobs, and sends their outputs.
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
//! GET    /openapi.json                            all of it, for programs ([`openapi`])
//! ```
//!
//! The answer to every request comes from the state and the blobs, so any producer can answer for any job. *Rows are
//! only ever in memory and in sealed blobs*; an upload holds a bounded number of them.
//!
//! ```no_run
//! # async fn example(backends: smartpass_producer::Backends) -> anyhow::Result<()> {
//! // The shutdown among the backends stops it.
//! smartpass_producer::run(smartpass_producer::Settings::default().into(), backends).await
//! # }
//! ```

mod api;
mod backends;
mod body;
mod chunk_writer;
mod described;
mod download;
mod events;
mod jobs;
mod metrics;
pub mod openapi;
mod parameters;
mod problems;
mod range;
mod settings;
mod upload;

use actix_web::web;
use smartpass_http::Authentication;
use smartpass_http::problem::wrong_method;
use smartpass_http::server::{Server, get_or_head};
use tracing::info;

pub use api::Limits;
pub use backends::Backends;
pub use settings::{Config, Settings};

use api::Api;
use problems::no_job;

/// Runs a producer until shutdown begins and its requests are answered.
///
/// # Errors
/// The address cannot be listened on, or other machines reach it while there are no API keys.
pub async fn run(config: Config, backends: Backends) -> anyhow::Result<()> {
    let Config { listen, limits } = config;
    let (projects, api_keys) = (backends.projects.clone(), backends.api_keys.clone());
    let authentication = Authentication::new(projects, api_keys, listen).await?;
    let shutdown = backends.shutdown.clone();
    let routes = routes(limits, backends, authentication);
    let server = Server { name: "producer", listen, setting: "--listen", workers: 2, counts_requests: true };
    server.bind(shutdown.drain, routes)?.run(shutdown).await?;
    info!("producer has stopped");
    Ok(())
}

/// The API's routes, for a server or a test.
pub fn routes(
    limits: Limits,
    backends: Backends,
    authentication: Authentication,
) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    let (api, authentication) = (web::Data::new(Api::new(limits, backends)), web::Data::new(authentication));
    move |config: &mut web::ServiceConfig| {
        config.app_data(api.clone()).app_data(authentication.clone());
        add_routes(config);
    }
}

fn add_routes(config: &mut web::ServiceConfig) {
    let at = |path: &str, allowed| web::resource(path).default_service(wrong_method(allowed));
    let all = "/v1/projects/{project}/jobs";
    let below = |path: &str, allowed| at(&format!("{all}/{{job}}{path}"), allowed);
    config
        // A path that is not UTF-8 names no job.
        .app_data(web::PathConfig::default().error_handler(|_, _| no_job().into()))
        .service(
            at(all, "GET, HEAD, POST")
                .route(web::post().to(upload::post))
                .route(get_or_head().to(jobs::list)),
        )
        .service(
            below("", "DELETE, GET, HEAD")
                .route(get_or_head().to(jobs::show))
                .route(web::delete().to(jobs::cancel)),
        )
        .service(below("/events", "GET, HEAD").route(get_or_head().to(events::stream)))
        .service(below("/success.csv", "GET, HEAD").route(get_or_head().to(download::success)))
        .service(below("/errors.csv", "GET, HEAD").route(get_or_head().to(download::errors)))
        .service(below("/files", "DELETE").route(web::delete().to(jobs::delete_files)))
        .service(below("/retry", "POST").route(web::post().to(jobs::retry)))
        .service(at("/v1/projects/{project}/templates", "GET, HEAD").route(get_or_head().to(jobs::templates)))
        .service(at("/openapi.json", "GET, HEAD").route(get_or_head().to(openapi::show)));
}
