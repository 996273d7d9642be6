//! Who may ask: API keys, or anybody on this machine while there are none.

use std::net::SocketAddr;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HOST, ORIGIN};
use anyhow::bail;
use smartpass_core::ids::ProjectCode;
use smartpass_platform::Platform;

use crate::Api;
use crate::problem::Problem;

/// Without any API key, everybody who can connect may ask: that must be this machine only.
pub(crate) async fn refuse_open_address(listen: SocketAddr, platform: &Platform) -> anyhow::Result<()> {
    if listen.ip().is_loopback() || platform.projects.has_api_keys().await? {
        return Ok(());
    }
    bail!(
        "will not listen on {listen} without any API key, since everybody could use it \
         (make one with: smartpass admin api-key new PROJECT, or listen on 127.0.0.1)"
    )
}

/// Checks that the request may ask about the project, and that there is one.
pub(crate) async fn authorize(request: &HttpRequest, api: &Api, code: &str) -> Result<ProjectCode, Problem> {
    let projects = &api.platform.projects;
    let code: ProjectCode = code.parse().map_err(|_| Problem::no_project())?;
    let given = bearer(request);
    if given.is_none() && !projects.has_api_keys().await? && api.config.listen.ip().is_loopback() {
        refuse_other_sites(request)?;
    } else if !projects.accepts(&code, given.unwrap_or_default()).await? {
        // The same whether the project exists or not.
        let detail = "the API key is missing or not one of this project \
                      (send it as: Authorization: Bearer sp_…)";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail));
    }
    if projects.exists(&code).await? { Ok(code) } else { Err(Problem::no_project()) }
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// A page of another site, opened in a browser on this machine, can send requests here too.
fn refuse_other_sites(request: &HttpRequest) -> Result<(), Problem> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let host = header(HOST).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_ours = matches!(name, "localhost" | "127.0.0.1" | "[::1]");
    let from_here = header(ORIGIN).is_none_or(|origin| origin == format!("http://{host}"));
    if is_ours && from_here {
        return Ok(());
    }
    let detail = "without API keys, only this machine's own programs may ask, as http://localhost";
    Err(Problem::new(StatusCode::FORBIDDEN, "other-site", detail))
}
