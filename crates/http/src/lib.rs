//! The parts that every HTTP service shares.
//!
//! - [`server`]: starting and stopping a server, and counting its requests.
//! - [`authentication`]: the check of API keys, as an extractor that a handler takes.
//! - [`host`]: the check that a request comes from no other site's page in a browser on this machine.
//! - [`problem`]: errors as RFC 9457 problem documents, each with a code of one list.
//! - [`ops`]: `/metrics`, `/healthz` and `/readyz`.
//!
//! *Nothing here knows what a service does*: routes and handlers are the services' own.
//!
//! ```
//! use actix_web::{HttpResponse, web};
//! use smartpass_http::{Answer, Principal};
//!
//! async fn whoami(principal: Principal) -> Answer {
//!     Ok(HttpResponse::Ok().body(format!("somebody of project {}", principal.project)))
//! }
//!
//! fn routes(config: &mut web::ServiceConfig) {
//!     config.route("/v1/projects/{project}/whoami", web::get().to(whoami));
//! }
//! ```

pub mod authentication;
pub mod host;
pub mod ops;
pub mod problem;
pub mod server;

pub use authentication::{Authentication, Principal};
pub use problem::{Answer, Problem};
