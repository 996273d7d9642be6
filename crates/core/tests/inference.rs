//! Templates proposed from a file: the narrowest types that hold every value, and nothing of a person.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use proptest::prelude::*;
use smartpass_core::csv::Splitter;
use smartpass_core::encode::{Chunk, ChunkOutput, Encoder};
use smartpass_core::template::infer::{Observation, strings};
use smartpass_core::template::{Field, FieldType, Mapping, Template};

use support::names;

/// The field proposed for a column of these values.
fn proposed(column: &str, values: &[&str]) -> Field {
    let mut seen = Observation::new(&names(&[column]));
    values.iter().for_each(|value| seen.observe(0, value.as_bytes()));
    seen.propose("club").fields[0].clone()
}

fn type_of(values: &[&str]) -> FieldType {
    proposed("column", values).field_type
}

#[test]
fn the_narrowest_type_of_all_values_is_proposed() {
    for (values, expected) in [
        (&["true", "false"][..], FieldType::Boolean),
        (&["true", "FALSE"], FieldType::String),
        (&["0", "-12"], FieldType::Integer),
        (&["0", "1.50"], FieldType::Decimal),
        (&["12", "007"], FieldType::String),
        (&["12", " 13"], FieldType::String),
        (&["9223372036854775808"], FieldType::String),
        (&["+447700900123"], FieldType::Phone),
        (&["447700900123"], FieldType::Integer),
        (&["1986-12-01"], FieldType::Date),
        (&["1986-12-01", "1986-13-01"], FieldType::String),
        (&["2021-06-22T23:59:00Z"], FieldType::Datetime),
        (&["123e4567-e89b-12d3-a456-426614174000"], FieldType::Uuid),
        (&["a@b.c"], FieldType::Email),
        (&["https://a.b"], FieldType::Url),
        (&["a@b.c", "https://a.b"], FieldType::String),
        (&["", ""], FieldType::String),
        (&[], FieldType::String),
    ] {
        assert_eq!(type_of(values), expected, "{values:?}");
    }
}

#[test]
fn one_late_value_decides() {
    let mut seen = Observation::new(&names(&["number"]));
    for row in 0..100_000 {
        let value = if row == 90_000 { "007".to_owned() } else { (row * 7).to_string() };
        seen.observe(0, value.as_bytes());
    }
    assert_eq!(seen.propose("club").fields[0].field_type, FieldType::String);
}

#[test]
fn required_is_what_is_never_blank() {
    assert!(proposed("a", &["1", "2"]).required);
    assert!(!proposed("a", &["1", ""]).required);
    assert!(!proposed("a", &[]).required);
}

#[test]
fn few_values_seen_often_are_an_enum() {
    let often = ["silver", "gold"].repeat(10);
    let field = proposed("tier", &often);
    assert_eq!((field.field_type, &field.symbols[..]), (FieldType::Enum, &names(&["gold", "silver"])[..]));
    let yes_no = proposed("newsletter", &["Y", "N"].repeat(10));
    assert_eq!(yes_no.symbols, ["N", "Y"]);
    assert_eq!(type_of(&["1", "2"].repeat(50)), FieldType::Integer);
}

#[test]
fn an_enum_has_no_rare_no_long_and_no_33rd_symbol() {
    let once = [&["silver", "gold"].repeat(10)[..], &["platinum"]].concat();
    assert_eq!(type_of(&once), FieldType::String);
    assert_eq!(type_of(&[&["silver"].repeat(200_000)[..], &["gold"].repeat(19)].concat()), FieldType::String);
    assert_eq!(type_of(&[&["silver"].repeat(200_000)[..], &["gold"].repeat(21)].concat()), FieldType::Enum);
    assert_eq!(type_of(&[&"x".repeat(64)[..]].repeat(10)), FieldType::Enum);
    assert_eq!(type_of(&[&"x".repeat(65)[..]].repeat(10)), FieldType::String);
    assert_eq!(type_of(&["a\nb"].repeat(10)), FieldType::String);
    let many: Vec<String> = (0..33).map(|number| format!("symbol {number}")).collect();
    let values = |count: usize| many[..count].iter().map(String::as_str).collect::<Vec<_>>().repeat(10);
    assert_eq!(proposed("a", &values(32)).symbols.len(), 32);
    assert_eq!(type_of(&values(33)), FieldType::String);
}

#[test]
fn values_that_name_people_never_become_symbols() {
    for column in [
        "person.surname",
        "First Name",
        "Vorname",
        "customer id",
        "customerId",
        "Street address",
        "E-Mail",
        "phone",
        "IBAN",
        "members.member.externalId",
        "account",
        "passport",
        "ZIP",
    ] {
        let field = proposed(column, &["Ann", "Bob"].repeat(100));
        assert_eq!((field.field_type, field.symbols.len()), (FieldType::String, 0), "{column}");
    }
}

#[test]
fn addresses_never_become_symbols_whatever_the_column_is_called() {
    let field = proposed("contact", &["ann@example.com", "bob@example.com"].repeat(100));
    assert_eq!((field.field_type, field.symbols.len()), (FieldType::Email, 0));
    for personal in ["ann@example.com", "+447700900123"] {
        assert_eq!(proposed("contact", &[personal, "none"].repeat(100)).symbols.len(), 0);
    }
}

#[test]
fn fields_take_passkits_names_and_two_aliases_of_one_field_both_stay() {
    let columns = names(&["person.mobile", "person.phone", "person.email", "person.emailAddress", "seat"]);
    let expected = ["person.mobileNumber", "person.phone", "person.email", "person.emailAddress", "seat"];
    for template in [Observation::new(&columns).propose("club"), strings(&columns, "club")] {
        let fields: Vec<&str> = template.fields.iter().map(|field| &field.name[..]).collect();
        assert_eq!(fields, expected);
        let mapping = Mapping::build(&template, &columns, &[]).unwrap();
        assert_eq!(mapping.columns, [0, 1, 2, 3, 4].map(Some));
    }
}

#[test]
fn a_stream_gets_optional_strings() {
    let template = strings(&names(&["a", "members.tierId"]), "club");
    let expected = ["a", "members.tier.id"].map(|name| Field::new(name, FieldType::String));
    assert_eq!(template.fields, expected);
    assert!(template.validated().is_ok());
}

#[test]
fn values_that_are_not_utf8_say_nothing() {
    let mut seen = Observation::new(&names(&["a"]));
    seen.observe(0, b"12");
    seen.observe(0, b"\xff");
    assert_eq!(seen.propose("club").fields[0].field_type, FieldType::Integer);
}

/// A file of three columns, each mostly of one kind of value.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let patterns = [
        "-?[1-9][0-9]{0,20}|0",
        "true|false",
        "[0-9]{4}-0[1-9]-[0-3][0-9]",
        "\\+[1-9][0-9]{6,9}",
        "[a-c]",
        "[a-z]{1,3}@[a-z]{1,2}\\.[a-z]{1,2}",
        "https://[a-z]{1,3}",
        "[0-9]{1,3}\\.[0-9]{1,3}",
        "20[0-9]{2}-0[1-9]-1[0-9]T1[0-9]:[0-5][0-9]:[0-5][0-9](Z|[-+]0[0-9]:00)",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "[a-zé]{0,3}",
        "\"[a-c\n\r,]{0,2}\"",
    ];
    let pattern = || proptest::sample::select(patterns.to_vec());
    let row = (pattern(), pattern(), pattern()).prop_flat_map(|(first, second, third)| {
        let odd = "|||a|1|007| ";
        let cell = move |usual: &'static str| prop_oneof![200 => usual, 1 => odd];
        proptest::collection::vec((cell(first), cell(second), cell(third)), 0..60)
    });
    row.prop_map(|rows| {
        let lines = rows.into_iter().map(|(first, second, third)| format!("{first},{second},{third}\n"));
        lines.collect::<String>().into_bytes()
    })
}

const HEADER: [&str; 3] = ["first", "second", "person.surname"];

fn observe(chunk: &[u8]) -> Observation {
    let mut seen = Observation::new(&names(&HEADER));
    seen.observe_chunk(chunk, b',', 3);
    seen
}

fn encode(template: &Template, file: &[u8]) -> ChunkOutput {
    let spec = support::v1_spec(template, &names(&HEADER), b',', None);
    let mut out = ChunkOutput::default();
    let chunk = Chunk { bytes: file, first_row: 0, first_line: 2 };
    Encoder::v1(&spec, template, &support::key()).unwrap().encode(chunk, &mut out);
    out
}

proptest! {
    #![proptest_config(support::cases(500))]

    #[test]
    fn a_proposed_template_makes_no_row_error_in_its_own_file(file in file()) {
        let template = observe(&file).propose("club").validated().unwrap();
        prop_assert_eq!(Template::from_toml(&template.to_toml()), Ok(template.clone()));
        let out = encode(&template, &file);
        prop_assert_eq!(String::from_utf8(out.errors).unwrap(), "", "{:?}", template);
    }

    #[test]
    fn parts_of_a_file_merged_in_any_order_are_the_whole(
        file in file(), sizes in proptest::collection::vec(1..400usize, 1..5), turn in 0..9usize,
    ) {
        let mut parts = Vec::new();
        let (mut start, mut sizes) = (0, sizes.iter().cycle());
        while start < file.len() {
            let end = file.len().min(start + sizes.next().unwrap());
            let cut = Splitter::new(b',').cut(&file[start..end], end == file.len()).unwrap();
            let next = if cut.bytes == 0 { file.len() } else { start + cut.bytes };
            parts.push(observe(&file[start..next]));
            start = next;
        }
        if !parts.is_empty() {
            let middle = turn % parts.len();
            parts.rotate_left(middle);
        }
        let mut merged = Observation::new(&names(&HEADER));
        parts.into_iter().for_each(|part| merged.merge(part));
        prop_assert_eq!(merged.propose("club"), observe(&file).propose("club"));
    }
}
