//! The templates of a project.

use serde::{Deserialize, Serialize};
use smartpass_core::ids::TemplateNumber;
use smartpass_core::template::Template;
use utoipa::ToSchema;

/// What a project's links can be made with: the newest version of every template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateList {
    /// One entry for each code.
    pub templates: Vec<TemplateEntry>,
}

/// A published version of a template, whole: a client can show what it would map before it sends a byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateEntry {
    /// Its number in the project.
    #[schema(value_type = u32, minimum = 1)]
    pub number: TemplateNumber,
    /// The template, as `smartpass template show --json` shows it.
    #[schema(value_type = Object)]
    pub template: Template,
}
