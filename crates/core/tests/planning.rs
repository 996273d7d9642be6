//! From a request to a batch spec: every way in is told the same, and nothing in the plan is left to a default.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeMap;

use smartpass_core::batch::{
    ENCODER_REVISION, ExpiryChoice, LinkRequest, LinkSpec, Plan, PlanError, Request, TemplateChoice,
};
use smartpass_core::csv::{Head, read_head};
use smartpass_core::ids::{BaseUrl, KeyVersion, ProjectCode, TemplateNumber};
use smartpass_core::link::passkit::PasskitKind;
use smartpass_core::link::{Expiry, LinkKind};
use smartpass_core::template::{Field, FieldType, Template};
use support::{BATCH, required, template};

const ONE: KeyVersion = KeyVersion::MIN;

struct Asked<'a> {
    column: &'a str,
    url: Option<&'a str>,
    kind: LinkKind,
    template: TemplateChoice<'a>,
    choices: &'a [(String, String)],
    expires: Option<&'a str>,
    key_version: Option<KeyVersion>,
}

fn asked() -> Asked<'static> {
    Asked {
        column: "smartUrl",
        url: None,
        kind: LinkKind::Encrypted,
        template: TemplateChoice::Published { code: None, number: None },
        choices: &[],
        expires: None,
        key_version: Some(ONE),
    }
}

fn of(code: &str, signed: bool) -> Template {
    let mut template =
        template(vec![required("name", FieldType::String), Field::new("seat", FieldType::String)]);
    template.code = code.to_owned();
    template.link.signed = signed;
    template
}

fn published(templates: &[Template]) -> BTreeMap<TemplateNumber, Template> {
    let numbered = |(index, template): (usize, &Template)| {
        (TemplateNumber::new(index as u32 + 1).unwrap(), template.clone())
    };
    templates.iter().enumerate().map(numbered).collect()
}

fn head() -> Head {
    read_head(b"name,seat\nann,1\n", None, None, true).unwrap().unwrap()
}

fn plan(asked: Asked<'_>, templates: &[Template]) -> Result<Plan, PlanError> {
    let (project, base): (ProjectCode, BaseUrl) =
        (support::PROJECT.parse().unwrap(), "https://pass.example".parse().unwrap());
    let url = asked.url.map(|url| url.parse().unwrap());
    let link = LinkRequest::V1 {
        kind: asked.kind,
        template: asked.template,
        choices: asked.choices,
        expires: asked.expires.map(ExpiryChoice::Text),
        key_version: asked.key_version,
    };
    let request =
        Request { project: &project, column: asked.column, url: url.as_ref(), default_base: &base, link };
    let head = head();
    request.plan((&head.header, head.dialect), &published(templates), 1_800_000_000, BATCH)
}

fn refused(asked: Asked<'_>, templates: &[Template]) -> String {
    plan(asked, templates).unwrap_err().to_string()
}

#[test]
fn a_plan_settles_everything() {
    let asked = Asked { expires: Some("1d"), ..asked() };
    let Plan { spec, template } = plan(asked, &[of("club", false), of("club", true)]).unwrap();
    assert_eq!((spec.batch_id, spec.base_url.as_str()), (BATCH, "https://pass.example/wrsynr"));
    assert_eq!((spec.columns, spec.output_column.as_str()), (head().header.columns, "smartUrl"));
    assert_eq!((spec.dialect, spec.encoder_revision), (head().dialect, ENCODER_REVISION));
    let expected = LinkSpec::V1 {
        kind: LinkKind::Encrypted,
        key_version: ONE,
        template_number: 2.try_into().unwrap(),
        expires: Expiry::from_unix_seconds(1_800_000_000 + 86_400),
        mapping: vec![Some(0), Some(1)],
    };
    assert_eq!(spec.link, expected);
    let planned = template.unwrap();
    assert_eq!((planned.number.get(), planned.template), (2, of("club", true)));
}

#[test]
fn the_template_is_the_newest_of_its_code_unless_a_number_is_said() {
    let templates = [of("club", false), of("gym", false), of("club", true)];
    let number = |code, number: Option<u32>| {
        let number = number.map(|number| number.try_into().unwrap());
        let template = TemplateChoice::Published { code, number };
        plan(Asked { template, ..asked() }, &templates).map(|plan| plan.template.unwrap().number.get())
    };
    assert_eq!(number(Some("club"), None), Ok(3));
    assert_eq!(number(Some("club"), Some(1)), Ok(1));
    let known = vec!["club".to_owned(), "gym".to_owned()];
    assert_eq!(number(None, None), Err(PlanError::NoTemplateNamed { known: known.clone() }));
    let wrong = PlanError::NoSuchTemplate { code: "gym".to_owned(), number: 1.try_into().ok(), known };
    assert_eq!(wrong.to_string(), "the project has no template \"gym\" number 1 (it has club, gym)");
    assert_eq!(number(Some("gym"), Some(1)), Err(wrong));
    assert_eq!(refused(asked(), &[]), "no template is named (the project has none yet)");
}

#[test]
fn a_given_template_has_the_number_that_publishing_it_would_give() {
    let (club, gym) = (of("club", false), of("gym", false));
    let number = |given| {
        let asked = Asked { template: TemplateChoice::Given(given), ..asked() };
        plan(asked, std::slice::from_ref(&club)).unwrap().template.unwrap().number.get()
    };
    assert_eq!((number(&club), number(&gym)), (1, 2));
    let given = Asked { template: TemplateChoice::Given(&gym), ..asked() };
    let plan = plan(given, &[club]).unwrap().numbered(4.try_into().unwrap(), 7.try_into().unwrap());
    assert!(matches!(plan.spec.link, LinkSpec::V1 { key_version, template_number, .. }
        if (key_version.get(), template_number.get()) == (4, 7)));
    assert_eq!(plan.template.unwrap().number.get(), 7);
}

#[test]
fn signed_links_need_the_templates_permission_however_it_was_chosen() {
    let signed = |template| Asked { kind: LinkKind::Signed, template, ..asked() };
    let refusal = PlanError::SignedNotAllowed("club".to_owned());
    let given = of("club", false);
    for template in [
        TemplateChoice::Published { code: None, number: None },
        TemplateChoice::Published { code: Some("club"), number: None },
        TemplateChoice::Given(&given),
    ] {
        assert_eq!(plan(signed(template), &[of("club", false)]), Err(refusal.clone()));
    }
    let allowed = TemplateChoice::Published { code: Some("club"), number: None };
    assert!(plan(signed(allowed), &[of("club", false), of("club", true)]).is_ok());
}

#[test]
fn what_cannot_be_used_is_refused() {
    let club = [of("club", false)];
    let taken = "the file has a column \"seat\" already \
                 (rename or remove it, or choose another name for the links' column)";
    assert_eq!(refused(Asked { column: "seat", ..asked() }, &club), taken);
    assert_eq!(refused(Asked { key_version: None, ..asked() }, &club), "project wrsynr has no key");
    assert!(refused(Asked { expires: Some("soon"), ..asked() }, &club).starts_with("\"soon\" is no time"));
    let mut other = of("club", false);
    other.fields = vec![Field::new("points", FieldType::Integer)];
    assert_eq!(refused(asked(), &[other]), "no column of the file feeds a field of template \"club\"");
    let choices = [("name".to_owned(), "seat".to_owned())];
    let missing = refused(Asked { choices: &choices, ..asked() }, &club);
    assert!(missing.starts_with("no column for required name"), "{missing}");
    let url = "https://a.example/b";
    assert_eq!(plan(Asked { url: Some(url), ..asked() }, &club).unwrap().spec.base_url.as_str(), url);
}

#[test]
fn passkit_links_have_no_template() {
    let (project, base) = ("wrsynr".parse().unwrap(), "https://pass.example".parse().unwrap());
    let link = LinkRequest::Passkit(PasskitKind::Hashed);
    let request = Request { project: &project, column: "link", url: None, default_base: &base, link };
    let head = head();
    let plan = request.plan((&head.header, head.dialect), &BTreeMap::new(), 0, BATCH).unwrap();
    assert_eq!((plan.spec.link, plan.template), (LinkSpec::Passkit(PasskitKind::Hashed), None));
}

/// Core's messages reach people through the command line and the API: flags and commands are the edges' words.
#[test]
fn no_message_of_core_names_a_flag_or_a_command() {
    let mut faults = Vec::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
            for (index, line) in code {
                let after =
                    |mark: &str| line.split(mark).skip(1).any(|rest| rest.starts_with(char::is_lowercase));
                if after(" --") || after("'--") || after("\"--") || after("smartpass ") {
                    faults.push(format!("{}:{}: {line}", path.display(), index + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
