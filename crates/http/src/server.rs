//! Starting and stopping a server, and counting its requests. Every HTTP service starts here, so that limits,
//! metrics and a graceful shutdown are the same for all.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use std::time::Duration;
//! use actix_web::{HttpResponse, web};
//! use smartpass_http::server::Server;
//! use smartpass_platform::shutdown::Shutdown;
//! let listen = "127.0.0.1:8080".parse()?;
//! let server = Server { name: "greeter", listen, setting: "--listen", workers: 1, counts_requests: true };
//! let shutdown = Shutdown::new(Duration::from_secs(10));
//! let bound = server.bind(shutdown.drain, |config| {
//!     config.route("/", web::get().to(async || HttpResponse::Ok().body("hello")));
//! })?;
//! bound.run(shutdown).await
//! # }
//! ```

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use actix_web::dev::{Service, ServiceResponse};
use actix_web::{App, HttpServer, Route, guard, web};
use anyhow::Context;
use smartpass_platform::shutdown::Shutdown;
use smartpass_platform::telemetry::{IntCounterVec, counter_vec};
use tracing::info;

use crate::problem::no_such_page;

/// How long an idle connection is kept open.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A route for GET and HEAD; the answer to HEAD is sent without its body.
pub fn get_or_head() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// A server that is about to run.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name in the log.
    pub name: &'static str,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The setting that gives the address, for errors.
    pub setting: &'static str,
    /// The number of its threads.
    pub workers: usize,
    /// Whether its requests are counted: not those of probes and scrapes.
    pub counts_requests: bool,
}

/// A server that has bound its address, and answers once it runs.
pub struct BoundServer {
    server: actix_web::dev::Server,
    description: Server,
}

impl Server {
    /// Binds the address, for these routes. `drain` is how long requests may take to end when the server stops.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub fn bind(
        self,
        drain: Duration,
        routes: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
    ) -> anyhow::Result<BoundServer> {
        let counts_requests = self.counts_requests;
        let server = HttpServer::new(move || {
            App::new()
                .wrap_fn(move |request, service| {
                    let answered = service.call(request);
                    async move {
                        let response = answered.await?;
                        if counts_requests {
                            count(&response);
                        }
                        Ok(response)
                    }
                })
                .configure(routes.clone())
                .default_service(web::route().to(no_such_page))
        })
        .workers(self.workers)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(drain.as_secs())
        .disable_signals()
        .bind(self.listen)
        .with_context(|| format!("cannot listen on {} ({})", self.listen, self.setting))?
        .run();
        Ok(BoundServer { server, description: self })
    }
}

impl BoundServer {
    /// Answers until shutdown begins, and finishes the requests in flight.
    ///
    /// # Errors
    /// The server fails.
    pub async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        info!("{} listens on http://{}", self.description.name, self.description.listen);
        let handle = self.server.handle();
        let stop = async {
            shutdown.begun().await;
            handle.stop(true).await;
        };
        let (outcome, ()) = futures_util::future::join(self.server, stop).await;
        Ok(outcome?)
    }
}

fn count<B>(response: &ServiceResponse<B>) {
    static REQUESTS: LazyLock<IntCounterVec> = LazyLock::new(|| {
        counter_vec("smartpass_requests_total", "HTTP requests", &["method", "route", "status"])
    });
    let request = response.request();
    let route = request.match_pattern().unwrap_or_else(|| "none".to_owned());
    // Clients choose the method's name: methods that no route answers share one label.
    let method = request.method().as_str();
    let method = if matches!(method, "GET" | "POST" | "DELETE" | "HEAD") { method } else { "other" };
    REQUESTS.with_label_values(&[method, &route, response.status().as_str()]).inc();
}
