//! The summary of a run: for people, or as JSON.

use std::path::Path;

use serde_json::json;
use smartpass_core::encode::{LinkSpec, Tally, qr_version, sms_segments};
use smartpass_core::link::LinkKind;
use smartpass_core::link::passkit::PasskitKind;
use smartpass_core::template::{Mapping, MatchedBy};

use crate::generate::plan::{FormatPlan, KeyOrigin, Plan, TemplateOrigin, TemplatePlan};
use crate::text::{counted, grouped, path, print, print_json, short};

/// The limit of columns or reasons that are named; the rest is only counted.
const NAMED: usize = 6;

/// A finished run.
pub(crate) struct Summary<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) tally: &'a Tally,
    pub(crate) seconds: f64,
    /// The success file, unless it was a dry run.
    pub(crate) success: Option<&'a Path>,
    /// The errors file, if there is one.
    pub(crate) errors: Option<&'a Path>,
}

impl Summary<'_> {
    /// Prints it to stdout.
    pub(crate) fn print(&self, as_json: bool) -> anyhow::Result<()> {
        if as_json { print_json(&self.to_json()) } else { print(&self.to_text()) }
    }

    fn to_text(&self) -> String {
        let mut lines = Vec::new();
        if let FormatPlan::V1 { template, key_origin, .. } = &self.plan.format {
            lines.push(self.project_line(key_origin));
            lines.extend(template_lines(template));
        }
        if self.plan.spec.has_error_column {
            lines.push(
                "          the column error is taken as ours: not in the links, replaced in errors.csv"
                    .to_owned(),
            );
        }
        lines.push(self.links_line());
        let tally = self.tally;
        lines.push(format!(
            "rows {}   links {}   errors {}   {} rows/s",
            grouped(tally.rows()),
            grouped(tally.links()),
            grouped(tally.errors()),
            short(tally.rows() as f64 / self.seconds.max(1e-9))
        ));
        lines.extend(self.error_lines());
        if tally.links() > 0 {
            lines.push(self.url_line());
        }
        lines.push(match (self.success, self.errors) {
            (None, _) => "dry run   nothing was written or published".to_owned(),
            (Some(success), None) => format!("wrote     {}", path(success)),
            (Some(success), Some(errors)) => format!("wrote     {}, {}", path(success), path(errors)),
        });
        lines.join("\n") + "\n"
    }

    fn project_line(&self, origin: &KeyOrigin) -> String {
        let project = &self.plan.spec.project;
        match origin {
            KeyOrigin::Stored { folder, is_new: true } => {
                let root = folder.parent().unwrap_or(folder);
                format!("project   {project}, new key in {}    back up: smartpass project export", path(root))
            }
            KeyOrigin::Stored { .. } => format!("project   {project}, key {}", self.key_version()),
            KeyOrigin::Given => format!("project   {project}, key {} as given", self.key_version()),
            KeyOrigin::DryRun => format!("project   {project}, key made for this dry run only"),
        }
    }

    fn key_version(&self) -> u32 {
        match self.plan.spec.link {
            LinkSpec::V1 { key_version, .. } => key_version.get(),
            LinkSpec::Passkit(_) => 1,
        }
    }

    fn has_new_key(&self) -> bool {
        let FormatPlan::V1 { key_origin, .. } = &self.plan.format else { return false };
        matches!(key_origin, KeyOrigin::Stored { is_new: true, .. })
    }

    fn links_line(&self) -> String {
        let spec = &self.plan.spec;
        let hint = if self.plan.url_is_default { "      set --url before you send them" } else { "" };
        let token = if matches!(spec.link, LinkSpec::Passkit(_)) { "?data=…" } else { "/…" };
        let expiry = match spec.link {
            LinkSpec::V1 { expires: Some(expiry), .. } => format!(", expire {}", expiry.to_text()),
            _ => String::new(),
        };
        format!("links     {}, {}{token}{expiry}{hint}", kind_name(&spec.link), spec.base_url.as_str())
    }

    fn error_lines(&self) -> Vec<String> {
        let counts = self.tally.errors_by_kind();
        let mut lines: Vec<String> = counts
            .iter()
            .take(NAMED)
            .map(|count| {
                let place = count.field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
                format!("          {:>9}  {place}{}", grouped(count.rows), count.kind.label())
            })
            .collect();
        if counts.len() > NAMED {
            let more = counted((counts.len() - NAMED) as u64, "other reason");
            lines.push(format!("                     and {more}"));
        }
        lines
    }

    fn url_line(&self) -> String {
        let max = self.tally.url_max();
        let segments = counted(sms_segments(max) as u64, "SMS segment");
        let qr = match qr_version(max) {
            Some(version) => format!("QR version {version}"),
            None => "too long for a QR code".to_owned(),
        };
        format!(
            "url       mean {:.0}, max {} characters: {segments}, {qr}",
            self.tally.url_mean(),
            grouped(max as u64)
        )
    }

    fn to_json(&self) -> serde_json::Value {
        let (plan, tally) = (self.plan, self.tally);
        let template = match &plan.format {
            FormatPlan::V1 { template, .. } => json!({
                "code": template.published.template.code,
                "number": self.success.map(|_| template.published.number),
                "origin": origin_name(template.origin),
                "mapped": template.mapping.mapped,
                "unmapped": template.mapping.unmapped,
            }),
            FormatPlan::Passkit(_) => json!(null),
        };
        let expires = match plan.spec.link {
            LinkSpec::V1 { expires, .. } => expires.map(|expiry| expiry.to_text()),
            LinkSpec::Passkit(_) => None,
        };
        let by_kind: Vec<_> = tally
            .errors_by_kind()
            .into_iter()
            .map(|count| json!({"field": count.field, "kind": count.kind, "rows": count.rows}))
            .collect();
        let max = tally.url_max();
        json!({
            "project": plan.spec.project,
            "key_version": self.key_version(),
            "new_key": self.has_new_key(),
            "template": template,
            "link": kind_name(&plan.spec.link),
            "batch_id": plan.spec.batch_id,
            "url": plan.spec.base_url,
            "expires": expires,
            "rows": tally.rows(),
            "links": tally.links(),
            "errors": tally.errors(),
            "errors_by_kind": by_kind,
            "url_length": {"mean": tally.url_mean(), "p99": tally.url_quantile(0.99), "max": max},
            "sms_segments": (max > 0).then(|| sms_segments(max)),
            "qr_version": qr_version(max).filter(|_| max > 0),
            "seconds": self.seconds,
            "success_file": self.success.map(Path::to_string_lossy),
            "errors_file": self.errors.map(Path::to_string_lossy),
            "dry_run": self.success.is_none(),
        })
    }
}

fn template_lines(template: &TemplatePlan) -> Vec<String> {
    let code = &template.published.template.code;
    lines_of_mapping(code, origin_name(template.origin), &template.mapping)
}

/// Which columns feed a template, for people.
pub(crate) fn mapping_lines(code: &str, origin: &str, mapping: &Mapping) -> String {
    lines_of_mapping(code, origin, mapping).join("\n") + "\n"
}

fn lines_of_mapping(code: &str, origin: &str, mapping: &Mapping) -> Vec<String> {
    let columns =
        mapping.mapped.iter().map(|mapped| &mapped.column).collect::<std::collections::BTreeSet<_>>().len();
    let all = columns + mapping.unmapped.len();
    let mut lines =
        vec![format!("template  {code}, {origin}: {columns} of {}", counted(all as u64, "column"))];
    let renamed: Vec<String> = mapping
        .mapped
        .iter()
        .filter(|mapped| mapped.matched_by != MatchedBy::Name)
        .map(|mapped| format!("{} is {}", mapped.column, mapped.field))
        .collect();
    if !renamed.is_empty() {
        lines.push(format!("          {}", named(&renamed)));
    }
    let kept_out: Vec<String> = mapping
        .unmapped
        .iter()
        .map(|column| match &column.suggestion {
            Some(field) => format!("{0} (perhaps --map '{0}={field}')", column.column),
            None => column.column.clone(),
        })
        .collect();
    if !kept_out.is_empty() {
        lines.push(format!("          not in the links: {}", named(&kept_out)));
    }
    lines
}

fn named(names: &[String]) -> String {
    let mut text = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > NAMED {
        text.push_str(&format!(" and {} more", names.len() - NAMED));
    }
    text
}

fn origin_name(origin: TemplateOrigin) -> &'static str {
    match origin {
        TemplateOrigin::Published => "published",
        TemplateOrigin::File => "from its file",
        TemplateOrigin::Inferred => "inferred",
    }
}

fn kind_name(link: &LinkSpec) -> &'static str {
    match link {
        LinkSpec::V1 { kind: LinkKind::Encrypted, .. } => "encrypted",
        LinkSpec::V1 { kind: LinkKind::Signed, .. } => "signed",
        LinkSpec::Passkit(PasskitKind::Encrypted) => "passkit-encrypted",
        LinkSpec::Passkit(PasskitKind::Hashed) => "passkit-hashed",
        LinkSpec::Passkit(PasskitKind::HashedSha1) => "passkit-hashed-sha1",
    }
}
