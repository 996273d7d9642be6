//! Authentication, as an extractor: a handler cannot forget the check.
//!
//! A request is allowed with an API key of the project in its path, or from this machine while there are no API keys.
//! A handler that takes a [`Principal`] is called only for allowed requests. The extractor needs an [`Authentication`]
//! in the app's data and a path parameter `project`.
//!
//! ```
//! use actix_web::HttpResponse;
//! use smartpass_http::{Answer, Principal};
//!
//! async fn whoami(principal: Principal) -> Answer {
//!     let who = principal.api_key.unwrap_or_else(|| "somebody on this machine".to_owned());
//!     Ok(HttpResponse::Ok().body(format!("{who}, of project {}", principal.project)))
//! }
//! ```

use std::net::SocketAddr;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use anyhow::bail;
use smartpass_api_types::ProblemCode;
use smartpass_core::ids::ProjectCode;
use smartpass_records::api_keys::{ApiKeys, Scope};
use smartpass_records::projects::Projects;

use crate::host::refuse_other_sites;
use crate::problem::Problem;

/// The projects and API keys that requests are checked against.
#[derive(Clone)]
pub struct Authentication {
    projects: Projects,
    api_keys: ApiKeys,
    listens_on_loopback: bool,
}

/// The principal of a request: who asks, and about which project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The project, which exists.
    pub project: ProjectCode,
    /// The API key's id; none for somebody on this machine.
    pub api_key: Option<String>,
    /// What the principal may do.
    pub scopes: Vec<Scope>,
}

impl Authentication {
    /// Authentication for a server that listens on `listen`.
    ///
    /// # Errors
    /// The address can be reached from other machines while there are no API keys: everybody could use it.
    pub async fn new(projects: Projects, api_keys: ApiKeys, listen: SocketAddr) -> anyhow::Result<Self> {
        let listens_on_loopback = listen.ip().is_loopback();
        if !listens_on_loopback && !api_keys.any().await? {
            bail!(
                "will not listen on {listen} without any API key, since everybody could use it \
                 (make one with: smartpass admin api-key new PROJECT, or listen on 127.0.0.1)"
            )
        }
        Ok(Self { projects, api_keys, listens_on_loopback })
    }

    /// The principal of a request.
    async fn principal(&self, request: &HttpRequest) -> Result<Principal, Problem> {
        let code = request.match_info().get("project").and_then(|code| code.parse().ok());
        let project: ProjectCode = code.ok_or_else(Problem::no_project)?;
        let given = bearer(request);
        let (api_key, scopes) = if given.is_none() && self.listens_on_loopback && !self.api_keys.any().await?
        {
            refuse_other_sites(request)?;
            (None, Scope::ALL.to_vec())
        } else {
            let found = self.api_keys.find(&project, given.unwrap_or_default()).await?;
            let key = found.ok_or_else(unauthorized)?;
            (Some(key.id), key.scopes)
        };
        let principal = Principal { project, api_key, scopes };
        principal.require(needed_scope(request.method()))?;
        if self.projects.exists(&principal.project).await? {
            Ok(principal)
        } else {
            Err(Problem::no_project())
        }
    }
}

impl Principal {
    fn require(&self, scope: Scope) -> Result<(), Problem> {
        if self.scopes.contains(&scope) {
            return Ok(());
        }
        let detail = format!("the API key has not the scope {:?}, which this request needs", scope.name());
        Err(Problem::new(ProblemCode::Forbidden, detail))
    }
}

impl FromRequest for Principal {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let authentication = request.app_data::<web::Data<Authentication>>().cloned();
            let authentication = authentication.ok_or_else(|| {
                Problem::new(ProblemCode::Internal, "the server was built without authentication")
            })?;
            authentication.principal(&request).await
        })
    }
}

/// The scope that a method needs: reading has one, and every change another.
fn needed_scope(method: &Method) -> Scope {
    if matches!(*method, Method::GET | Method::HEAD) { Scope::Read } else { Scope::Send }
}

/// The answer to a missing or wrong API key. It is the same whether the project exists or not.
fn unauthorized() -> Problem {
    let detail = "the API key is missing or not one of this project \
                  (send it as: Authorization: Bearer sp_…)";
    Problem::new(ProblemCode::Unauthorized, detail)
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
