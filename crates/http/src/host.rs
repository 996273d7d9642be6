//! The Host and Origin check. Without API keys a server trusts its machine, and so it must not trust the pages of
//! other sites in that machine's browser.
//!
//! ```
//! use actix_web::test::TestRequest;
//! use smartpass_http::host::refuse_other_sites;
//! let here = TestRequest::default().insert_header(("host", "localhost:8080")).to_http_request();
//! assert!(refuse_other_sites(&here).is_ok());
//! let elsewhere = TestRequest::default().insert_header(("host", "evil.example")).to_http_request();
//! assert!(refuse_other_sites(&elsewhere).is_err());
//! ```

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, ORIGIN};
use smartpass_api_types::ProblemCode;

use crate::problem::Problem;

/// Refuses a request that a page of another site sends from a browser on this machine. Such a request shows by its
/// `Host` (another name that was made to point here) or its `Origin`.
///
/// # Errors
/// [`ProblemCode::OtherSite`].
pub fn refuse_other_sites(request: &HttpRequest) -> Result<(), Problem> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let host = header(HOST).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_ours = matches!(name, "localhost" | "127.0.0.1" | "[::1]");
    let from_here = header(ORIGIN).is_none_or(|origin| origin == format!("http://{host}"));
    if is_ours && from_here {
        return Ok(());
    }
    let detail = "without API keys, only this machine's own programs may ask, as http://localhost";
    Err(Problem::new(ProblemCode::OtherSite, detail))
}
