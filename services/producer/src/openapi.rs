//! The API's description for programs (OpenAPI 3.1), generated from the handlers and the types of their answers.
//!
//! `schemas/openapi.json` is the same text, and a test compares the two. `described` lists the problem codes of every
//! operation, so that the description of a status names its causes.
//!
//! ```
//! let text = smartpass_producer::openapi::text();
//! assert!(text.contains("\"openapi\": \"3.1.0\""));
//! ```

use std::sync::LazyLock;

use actix_web::HttpResponse;
use smartpass_api_types::{Job, Problem, ProblemCode};
use utoipa::openapi::SecurityRequirement;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// The description.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "SmartPass",
        description = "Turns a CSV of people into personal links. HEAD is answered wherever GET is. On a server \
            without API keys, which listens on its own machine only, no request needs one."
    ),
    paths(
        crate::upload::post,
        crate::jobs::list,
        crate::jobs::show,
        crate::jobs::cancel,
        crate::jobs::retry,
        crate::jobs::delete_files,
        crate::jobs::templates,
        crate::events::stream,
        crate::download::success,
        crate::download::errors,
        show,
    ),
    components(schemas(Problem, ProblemCode, Job)),
    modifiers(&Security),
)]
struct Description;

struct Security;

impl Modify for Security {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(
            Http::builder()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("sp_…")
                .description(Some("An API key of the project: `smartpass admin api-key new PROJECT`."))
                .build(),
        );
        description.components.get_or_insert_default().add_security_scheme("apiKey", scheme);
        let key = SecurityRequirement::new("apiKey", Vec::<String>::new());
        description.security = Some(vec![key, SecurityRequirement::default()]);
    }
}

/// The description as JSON.
pub fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let text = Description::openapi().to_pretty_json();
        // utoipa writes this name in snake case, and OpenAPI in camel case.
        text.expect("a description is JSON").replace("\"operation_id\":", "\"operationId\":") + "\n"
    });
    &TEXT
}

/// Describes this API: the document that you are reading.
#[utoipa::path(get, path = "/openapi.json", operation_id = "describe", tag = "description", security(()),
    responses((status = 200, description = "The description", body = Object)))]
pub(crate) async fn show() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(text())
}
