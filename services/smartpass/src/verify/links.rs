//! The check that each link opens to its own row.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use smartpass_core::batch::{self, ExpiryChoice, LinkRequest, Request, TemplateChoice};
use smartpass_core::ids::BaseUrl;
use smartpass_core::link::{Expiry, Opener, TokenHeader, passkit};
use smartpass_core::template::Mapping;

use super::args::VerifyArgs;
use super::records::{Record, Records};
use crate::arguments::ProjectArg;
use crate::generate::plan::{FormatPlan, KeyOrigin, Plan, TemplateOrigin, TemplatePlan};
use crate::key_material::GivenKey;
use crate::local_projects::Published;
use crate::open::{find_opener, is_passkit, token_of};
use crate::remedies;

/// Opens links and compares them with their rows.
pub(super) struct LinkCheck {
    project: ProjectArg,
    choices: Vec<(String, String)>,
    given: Option<GivenKey>,
    batch: Option<Batch>,
}

/// The values that all links of a run have in common, learned from the first.
struct Batch {
    opener: Opener,
    first: TokenHeader,
    expires: Option<Expiry>,
    base_url: String,
    mapping: Mapping,
}

impl LinkCheck {
    pub(super) fn new(arguments: &VerifyArgs, given: Option<GivenKey>) -> Self {
        Self { project: arguments.project.clone(), choices: arguments.map.clone(), given, batch: None }
    }

    /// Checks the link of row `number`.
    pub(super) fn row(
        &mut self,
        url: &str,
        number: u64,
        row: &Record,
        columns: &[String],
    ) -> anyhow::Result<()> {
        let place = || format!("row {}, line {} of IN", number + 1, row.line);
        if is_passkit(url) {
            return self.passkit_row(url, row, columns).with_context(place);
        }
        if self.batch.is_none() {
            self.batch = Some(self.learn(url, columns).with_context(place)?);
        }
        let batch = self.batch.as_ref().context("the batch was just learned")?;
        batch.check(url, number, row).with_context(place)
    }

    fn learn(&self, url: &str, columns: &[String]) -> anyhow::Result<Batch> {
        let token = token_of(url);
        let opener = find_opener(&self.project, self.given.as_ref(), token)?;
        let opened = opener.open(token, None)?;
        let first = opened.header;
        let template = &opener.keyring().templates[&first.template_number];
        let mapping =
            Mapping::build(template, columns, &self.choices).map_err(|error| remedies::of_mapping(&error))?;
        let base_url = url.strip_suffix(token).unwrap_or(url).trim_end_matches('/').to_owned();
        Ok(Batch { opener, first, expires: opened.expires, base_url, mapping })
    }

    fn passkit_row(&self, url: &str, row: &Record, columns: &[String]) -> anyhow::Result<()> {
        let given = self.given.as_ref().context("PassKit links open with --key-file or SMARTPASS_KEY")?;
        let carried: BTreeMap<String, String> =
            passkit::open(url, &given.for_passkit()?)?.into_iter().collect();
        let value = |value: &Vec<u8>| String::from_utf8_lossy(value).trim().to_owned();
        let expected: BTreeMap<String, String> =
            columns.iter().cloned().zip(row.values.iter().map(value)).collect();
        let is_ours = |(name, value): (&String, &String)| expected.get(name) == Some(value);
        if carried.len() != expected.len() || !carried.iter().all(is_ours) {
            bail!("the link does not carry the row's values (I2)");
        }
        Ok(())
    }

    /// A plan that makes the same links again; none for PassKit links, which do not name their batch.
    pub(super) fn plan(&self, input: &Records, success: &Records) -> anyhow::Result<Option<Plan>> {
        let Some(batch) = &self.batch else { return Ok(None) };
        let (first, keyring) = (&batch.first, batch.opener.keyring());
        let base_url: BaseUrl = batch.base_url.parse()?;
        let template = &keyring.templates[&first.template_number];
        let request = Request {
            project: &keyring.project,
            column: success.columns().last().map_or("", String::as_str),
            url: Some(&base_url),
            default_base: &base_url,
            link: LinkRequest::V1 {
                kind: first.kind,
                template: TemplateChoice::Published {
                    code: Some(&template.code),
                    number: Some(first.template_number),
                },
                choices: &self.choices,
                expires: batch.expires.map(ExpiryChoice::At),
                key_version: Some(first.key_version),
            },
        };
        // The expiry is a moment already, so the clock is not needed.
        let planned = request.plan(input.file(), &keyring.templates, 0, first.batch_id);
        let batch::Plan { spec, template } = planned.or_else(remedies::of_plan)?;
        let template = template.context("a plan of v1 links has a template")?;
        let published = Published { number: template.number, template: template.template };
        let origin = TemplateOrigin::Published;
        let template = Box::new(TemplatePlan { published, mapping: template.mapping, origin });
        let key = keyring.keys[&first.key_version].key.clone();
        let format = FormatPlan::V1 { key, template, key_origin: KeyOrigin::Given };
        Ok(Some(Plan { spec, format, url_is_default: false }))
    }
}

impl Batch {
    fn check(&self, url: &str, number: u64, row: &Record) -> anyhow::Result<()> {
        let token = token_of(url);
        let opened = self.opener.open(token, None)?;
        let of_batch = TokenHeader { row_number: self.first.row_number, ..opened.header };
        let base_url = url.strip_suffix(token).unwrap_or(url).trim_end_matches('/');
        if of_batch != self.first || opened.expires != self.expires || base_url != self.base_url {
            bail!("the link is of another batch than the first one");
        }
        if u64::from(opened.header.row_number) != number {
            bail!("the link is that of row {}", u64::from(opened.header.row_number) + 1);
        }
        for (value, column) in opened.values.iter().zip(&self.mapping.columns) {
            let cell = column.and_then(|column| row.values.get(column)).map_or(&[][..], Vec::as_slice);
            if value.as_deref().unwrap_or_default().as_bytes() != cell {
                bail!("the link does not carry the row's values (I2)");
            }
        }
        Ok(())
    }
}
