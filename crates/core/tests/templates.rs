//! Template files, and which column feeds which field.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use smartpass_core::template::{
    AppleDesign, AppleStyle, Barcode, BarcodeFormat, Design, Field, FieldType, GoogleClass, GoogleDesign,
    LinkPolicy, MAX_TEMPLATE_BYTES, Mapping, MappingError, MatchedBy, ShowVersion, Template, TemplateError,
};

use support::{names, required};

fn toml_error(text: &str) -> String {
    Template::from_toml(text).unwrap_err().to_string()
}

fn json_error(text: &str) -> String {
    Template::from_json(text).unwrap_err().to_string()
}

#[test]
fn syntax_errors_tell_line_and_column() {
    let error = toml_error("code = 'club'\nfields = [\n  { name = 'a' type = 'string' },\n]");
    assert!(error.starts_with("the template cannot be read: ") && error.contains("line 3"), "{error}");
    let error = json_error("{\n  \"code\": \"club\",\n  \"fields\": [}\n}");
    assert!(error.contains("line 3 column 14"), "{error}");
}

#[test]
fn unknown_keys_and_types_are_refused_by_name() {
    for (text, named) in [
        ("code = 'a'\nkode = 'b'", "kode"),
        ("code = 'a'\n[[fields]]\nname = 'x'\ntype = 'string'\nrequierd = true", "requierd"),
        ("code = 'a'\n[link]\nsinged = true", "singed"),
        ("code = 'a'\n[design]\nsamsung = {}", "samsung"),
        ("code = 'a'\n[design.apple]\nstyle = 'coupon'\nlogo = 'x'", "logo"),
        ("code = 'a'\n[[fields]]\nname = 'x'\ntype = 'text'", "text"),
        ("code = 'a'\n[[fields]]\nname = 'x'\ntype = 'String'", "String"),
        ("code = 'a'\n[[fields]]\nname = 'x'", "type"),
        ("fields = []", "code"),
    ] {
        let error = toml_error(text);
        assert!(error.contains(&format!("`{named}`")), "{error}");
    }
    assert!(json_error(r#"{"code":"a","fields":[],"more":1}"#).contains("`more`"));
    assert!(json_error(r#"{"code":"a","code":"b"}"#).contains("duplicate field `code`"));
    assert!(json_error(r#"{"code":"a"} x"#).contains("trailing characters"));
}

#[test]
fn rules_that_are_broken_are_told_with_what_is_expected() {
    let field = |rest: &str| format!("code = 'a'\n[[fields]]\nname = 'x'\n{rest}");
    for (text, expected) in [
        (
            "code = 'My Club'".to_owned(),
            "template code \"My Club\" is not valid \
             (expected 1 to 64 of a-z, 0-9, - and _, a letter or digit first)",
        ),
        (
            field("type = 'string'\n[[fields]]\nname = 'x'\ntype = 'date'"),
            "field \"x\": stands twice (expected every name once)",
        ),
        (field("type = 'enum'"), "field \"x\": symbols belong to an enum, and an enum needs some"),
        (
            field("type = 'string'\nsymbols = ['a']"),
            "field \"x\": symbols belong to an enum, and an enum needs some",
        ),
        (field("type = 'enum'\nsymbols = ['a', 'a']"), "field \"x\": symbol \"a\" stands twice"),
        (
            field("type = 'enum'\nsymbols = ['']"),
            "field \"x\": symbol \"\" is empty or has a control character",
        ),
        (
            field("type = 'enum'\nsymbols = [\"a\\tb\"]"),
            "field \"x\": symbol \"a\\tb\" is empty or has a control character",
        ),
        (
            field("type = 'integer'\nmax_length = 3"),
            "field \"x\": max_length is for string, email and url, and at least 1",
        ),
        (
            field("type = 'date'\ndefault = '1.1.2020'"),
            "field \"x\": default \"1.1.2020\" is not a valid date (expected yyyy-mm-dd)",
        ),
        (field("type = 'string'\n[aliases]\nname = 'y'"), "alias \"name\": there is no field \"y\""),
        (field("type = 'string'\n[aliases]\nx = 'x'"), "alias \"x\": a field has this name already"),
    ] {
        assert_eq!(toml_error(&text), expected, "{text}");
    }
    for name in ["", "a\tb", "a\nb", "a\u{85}b", &"x".repeat(513)] {
        let template =
            Template { fields: vec![Field::new(name, FieldType::String)], ..support::template(vec![]) };
        assert!(matches!(template.validated(), Err(TemplateError::Field { .. })), "{name:?}");
    }
}

#[test]
fn a_file_over_the_size_limit_is_refused_before_it_is_read() {
    let large = format!("code = 'a'\n#{}", "x".repeat(MAX_TEMPLATE_BYTES));
    assert_eq!(Template::from_toml(&large), Err(TemplateError::TooLarge));
    assert_eq!(Template::from_json(&large), Err(TemplateError::TooLarge));
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    for (open, depth) in [("[", 100_000), ("{a=", 100_000)] {
        assert!(Template::from_toml(&format!("code = {}", open.repeat(depth))).is_err());
        assert!(Template::from_json(&open.replace("a=", "\"a\":").repeat(depth)).is_err());
    }
    assert!(Template::from_toml(&format!("[{}a]", "a.".repeat(100_000))).is_err());
    assert!(Template::from_toml(&format!("{}a = 1", "a.".repeat(100_000))).is_err());
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{1,12}", "[a-z.]{1,12}", Just("\"'\\\n\t\0'''\"\"\"".to_owned())]
}

fn fields() -> impl Strategy<Value = Vec<Field>> {
    let symbol = "[^\\p{Cc}]{1,6}";
    let symbols = proptest::collection::btree_set(symbol, 1..4).prop_map(|set| set.into_iter().collect());
    let field = (
        "[^\\p{Cc}]{1,10}",
        0..11usize,
        any::<bool>(),
        proptest::option::of(text()),
        proptest::option::of(1..u32::MAX),
        symbols,
    );
    let field = field.prop_map(
        |(name, field_type, required, default, max_length, symbols): (_, _, _, _, _, Vec<_>)| {
            match FieldType::ALL[field_type] {
                FieldType::Enum => {
                    let default = default.and_then(|_| symbols.first().cloned());
                    Field { required, default, symbols, ..Field::new(name, FieldType::Enum) }
                }
                FieldType::String => Field { required, max_length, ..Field::new(name, FieldType::String) },
                field_type => Field { required, ..Field::new(name, field_type) },
            }
        },
    );
    proptest::collection::vec(field, 0..5).prop_map(|mut fields| {
        let mut seen = std::collections::HashSet::new();
        fields.retain(|field| seen.insert(field.name.clone()));
        fields
    })
}

fn designs() -> impl Strategy<Value = Design> {
    let texts = || proptest::collection::btree_map(text(), text(), 0..3);
    let barcode = (0..4usize, text()).prop_map(|(format, message)| Barcode {
        format: [BarcodeFormat::Qr, BarcodeFormat::Pdf417, BarcodeFormat::Aztec, BarcodeFormat::Code128]
            [format],
        message,
    });
    let barcodes = proptest::collection::vec(barcode, 0..3);
    let apple = (proptest::option::of(text()), texts(), texts(), barcodes).prop_map(
        |(description, colors, images, barcodes)| AppleDesign {
            style: AppleStyle::StoreCard,
            description,
            logo_text: None,
            colors,
            images,
            barcodes,
        },
    );
    let google = proptest::option::of(text())
        .prop_map(|class_id| GoogleDesign { class: GoogleClass::Loyalty, class_id });
    (proptest::option::of(apple), proptest::option::of(google))
        .prop_map(|(apple, google)| Design { apple, google })
}

fn templates() -> impl Strategy<Value = Template> {
    let policy = (any::<bool>(), any::<bool>()).prop_map(|(signed, current)| LinkPolicy {
        signed,
        show: if current { ShowVersion::Current } else { ShowVersion::Pinned },
    });
    ("[a-z0-9][a-z0-9_-]{0,9}", policy, fields(), proptest::option::of(text()), designs()).prop_map(
        |(code, link, fields, alias, design)| {
            let alias = alias.filter(|alias| fields.iter().all(|field| field.name != *alias));
            let aliases = alias.zip(fields.first()).map(|(alias, field)| (alias, field.name.clone()));
            let aliases = BTreeMap::from_iter(aliases);
            Template { code, link, aliases, fields, design }.validated().unwrap()
        },
    )
}

proptest! {
    #![proptest_config(support::cases(1000))]

    #[test]
    fn a_template_survives_toml_and_json_and_its_json_is_its_identity(template in templates()) {
        let from_toml = Template::from_toml(&template.to_toml());
        prop_assert_eq!(from_toml.as_ref(), Ok(&template), "{}", template.to_toml());
        let from_json = Template::from_json(&template.to_json()).unwrap();
        prop_assert_eq!(&from_json, &template);
        prop_assert_eq!(from_toml.unwrap().to_json(), template.to_json());
        prop_assert_eq!(Template::from_toml(&from_json.to_toml()).unwrap().to_json(), template.to_json());
    }

    #[test]
    fn no_text_makes_the_parsers_panic(
        text in ".{0,80}", template in templates(), place: proptest::sample::Index,
    ) {
        for mut file in [template.to_toml(), template.to_json()] {
            let place = place.index(file.len() + 1);
            if file.is_char_boundary(place) {
                file.insert_str(place, &text);
            }
            let _ = (Template::from_toml(&file), Template::from_json(&file));
        }
    }
}

#[test]
fn templates_that_mean_the_same_are_published_the_same() {
    let spelled_out = "code = 'a'\nfields = []\n[link]\nsigned = false\nshow = 'pinned'\n[aliases]\n[design]";
    assert_eq!(Template::from_toml(spelled_out).unwrap().to_json(), r#"{"code":"a","fields":[]}"#);
    let other = Template::from_toml("code = 'a'\n[link]\nsigned = true").unwrap();
    assert_ne!(other.to_json(), r#"{"code":"a","fields":[]}"#);
}

fn club() -> Template {
    let mut template = support::template(vec![
        required("person.emailAddress", FieldType::Email),
        Field::new("members.tier.id", FieldType::String),
        Field::new("meta.seat", FieldType::String),
    ]);
    template.aliases.insert("Sitz".to_owned(), "meta.seat".to_owned());
    template
}

fn choices(choices: &[(&str, &str)]) -> Vec<(String, String)> {
    choices.iter().map(|(column, field)| ((*column).to_owned(), (*field).to_owned())).collect()
}

fn map(columns: &[&str], chosen: &[(&str, &str)]) -> Result<Mapping, MappingError> {
    Mapping::build(&club(), &names(columns), &choices(chosen))
}

#[test]
fn columns_find_fields_by_choice_name_and_alias() {
    let mapping = map(&["Sitz", "person.emailAddress", "Stufe"], &[("Stufe", "members.tier.id")]).unwrap();
    assert_eq!(mapping.columns, [Some(1), Some(2), Some(0)]);
    let how: Vec<_> = mapping.mapped.iter().map(|column| (&column.column[..], column.matched_by)).collect();
    let expected =
        [("Sitz", MatchedBy::Alias), ("person.emailAddress", MatchedBy::Name), ("Stufe", MatchedBy::Choice)];
    assert_eq!(how, expected);
    assert_eq!(map(&["person.email", "members.tierId"], &[]).unwrap().columns, [Some(0), Some(1), None]);
}

#[test]
fn a_name_goes_before_an_alias_and_a_choice_before_both() {
    let both = ["person.email", "person.emailAddress"];
    let mapping = map(&both, &[]).unwrap();
    assert_eq!((mapping.columns[0], &mapping.unmapped[0].column[..]), (Some(1), "person.email"));
    assert_eq!(map(&both, &[("person.email", "person.emailAddress")]).unwrap().columns[0], Some(0));
    let one_for_two = [("person.email", "person.emailAddress"), ("person.email", "meta.seat")];
    assert_eq!(map(&both, &one_for_two).unwrap().columns, [Some(0), None, Some(0)]);
}

#[test]
fn two_columns_for_one_field_are_refused() {
    let twice = "both feed field \"members.tier.id\" (choose one)";
    let aliases = map(&["person.email", "members.tier", "members.tierId"], &[]).unwrap_err().to_string();
    assert_eq!(aliases, format!("columns \"members.tier\" and \"members.tierId\" {twice}"));
    let chosen = [("a", "members.tier.id"), ("b", "members.tier.id")];
    let chosen = map(&["a", "b", "person.email"], &chosen).unwrap_err().to_string();
    assert_eq!(chosen, format!("columns \"a\" and \"b\" {twice}"));
}

#[test]
fn missing_required_fields_and_unknown_choices_are_refused_with_a_suggestion() {
    let message = |columns: &[&str], chosen: &[(&str, &str)]| map(columns, chosen).unwrap_err().to_string();
    assert_eq!(
        message(&["E-Mail", "x"], &[]),
        "no column for required person.emailAddress (perhaps column \"E-Mail\")"
    );
    assert_eq!(message(&["x"], &[]), "no column for required person.emailAddress");
    assert_eq!(
        message(&["E-Mail"], &[("e-mail", "person.emailAddress")]),
        "the file has no column \"e-mail\" (did you mean \"E-Mail\"?)"
    );
    assert_eq!(
        message(&["E-Mail"], &[("E-Mail", "emailAddress")]),
        "the template has no field \"emailAddress\" (did you mean \"person.emailAddress\"?)"
    );
    let mapping = map(&["person.email", "Seat", "shoe size"], &[]).unwrap();
    let suggestions: Vec<_> = mapping.unmapped.iter().map(|column| column.suggestion.as_deref()).collect();
    assert_eq!(suggestions, [Some("meta.seat"), None]);
}
