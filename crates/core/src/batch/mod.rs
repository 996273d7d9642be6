//! Batches: all that decides the bytes of a run's links, settled before its first row.
//!
//! The command line and the API each turn their arguments into a [`Request`]. [`Request::plan`] checks it against the
//! file's header and the project's templates, and answers a [`Plan`] or a [`PlanError`]. The error names no flag and
//! no parameter: each caller adds its own remedy. The plan's [`BatchSpec`] is stored with the job. Nothing in it comes
//! later from a clock, a default or "the newest".
//!
//! ```
//! use smartpass_core::batch::{LinkRequest, Request, TemplateChoice};
//! use smartpass_core::csv::read_head;
//! use smartpass_core::link::LinkKind;
//! use smartpass_core::template::Template;
//!
//! let head = read_head(b"points\n12\n", None, None, true).unwrap().unwrap();
//! let template = Template::from_toml("code = 'club'\nfields = [{ name = 'points', type = 'integer' }]").unwrap();
//! let request = Request {
//!     project: &"wrsynr".parse().unwrap(),
//!     column: "smartUrl",
//!     url: None,
//!     default_base: &"https://pass.example".parse().unwrap(),
//!     link: LinkRequest::V1 {
//!         kind: LinkKind::Encrypted,
//!         template: TemplateChoice::Published { code: None, number: None },
//!         choices: &[],
//!         expires: None,
//!         key_version: Some(1.try_into().unwrap()),
//!     },
//! };
//! let published = [(1.try_into().unwrap(), template)].into();
//! let batch_id = "0011223344556677".parse().unwrap();
//! let plan = request.plan((&head.header, head.dialect), &published, 0, batch_id).unwrap();
//! assert_eq!(plan.spec.base_url.as_str(), "https://pass.example/wrsynr");
//! assert_eq!(plan.template.unwrap().mapping.columns, [Some(0)]);
//! ```

mod column;
mod plan;
mod spec;

pub use column::{OutputColumnError, check_output_column};
pub use plan::{ExpiryChoice, LinkRequest, Plan, PlanError, PlannedTemplate, Request, TemplateChoice};
pub use spec::{BatchSpec, ENCODER_REVISION, LinkSpec};
