//! Reading templates from files.

use std::path::Path;

use anyhow::Context;
use smartpass_core::template::Template;

use crate::local_projects::Project;

/// The template in a file, or the newest published one of that code; and whether it came from a file.
pub(crate) fn load(given: &str, project: &Project) -> anyhow::Result<(Template, bool)> {
    let path = Path::new(given);
    let looks_like_file = given.contains('/') || path.extension().is_some();
    if looks_like_file || path.is_file() {
        return Ok((read_file(path)?, true));
    }
    Ok((project.template(given, None)?.template, false))
}

/// Reads a template file.
pub(crate) fn read_file(path: &Path) -> anyhow::Result<Template> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let template = if is_json { Template::from_json(&text) } else { Template::from_toml(&text) };
    template.with_context(|| shown.to_string())
}
