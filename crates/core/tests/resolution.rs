//! Templates as Avro schemas, and links of one version shown under another.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::HashMap;

use apache_avro::{
    Schema, reader::datum::GenericDatumReader, schema_compatibility::SchemaCompatibility, types::Value,
    writer::datum::GenericDatumWriter,
};
use proptest::prelude::*;
use smartpass_core::template::{
    Field, FieldType, Template,
    resolve::{FailureReason, FieldChange, ResolveError, Shown, avro_schema, compare, resolve},
};

const UUID: &str = "80ff007f-c3a9-4b1d-8000-00ffee00aabb";

fn template(fields: Vec<Field>) -> Template {
    let code = "club".to_owned();
    let (link, aliases, design) = Default::default();
    Template { code, link, aliases, fields, design }.validated().unwrap()
}

fn optional(name: &str, field_type: FieldType) -> Field {
    let mut field = Field::new(name, field_type);
    if field_type == FieldType::Enum {
        field.symbols = symbols(&["silver", "gold", "Größe 9"]);
    }
    field
}

fn required(name: &str, field_type: FieldType) -> Field {
    Field { required: true, ..optional(name, field_type) }
}

fn with_default(field: Field, default: &str) -> Field {
    Field { default: Some(default.to_owned()), ..field }
}

fn symbols(symbols: &[&str]) -> Vec<String> {
    symbols.iter().map(|&symbol| symbol.to_owned()).collect()
}

fn datum(template: &Template, values: &[Option<&str>]) -> Vec<u8> {
    let mut datum = Vec::new();
    template.encode(values.iter().copied(), &mut datum).unwrap();
    datum
}

fn shown(writer: &Field, reader: &Field, value: Option<&str>) -> Result<Option<String>, ResolveError> {
    let (writer, reader) = (template(vec![writer.clone()]), template(vec![reader.clone()]));
    resolve(&writer, &reader, &datum(&writer, &[value])).map(|mut values| values.remove(0))
}

fn outcome(older: &[Field], newer: &[Field]) -> Shown {
    let changes = compare(&template(older.to_vec()), &template(newer.to_vec()));
    changes.into_iter().next().unwrap().outcome
}

fn pair(members: [(&str, Value); 2]) -> Value {
    Value::Record(members.map(|(name, value)| (name.to_owned(), value)).to_vec())
}

/// For each type a text, and the value that Avro should see in its place.
fn samples() -> Vec<(FieldType, &'static str, Value)> {
    let bytes = [0x80, 0xff, 0, 0x7f, 0xc3, 0xa9, 0x4b, 0x1d, 0x80, 0, 0, 0xff, 0xee, 0, 0xaa, 0xbb];
    let decimal = |unscaled, scale| pair([("unscaled", Value::Long(unscaled)), ("scale", Value::Int(scale))]);
    let datetime =
        |seconds, offset| pair([("seconds", Value::Long(seconds)), ("offset", Value::Int(offset))]);
    vec![
        (FieldType::String, "Zoë \"Z\" Müller", Value::String("Zoë \"Z\" Müller".to_owned())),
        (FieldType::Email, "a@example.com", Value::String("a@example.com".to_owned())),
        (FieldType::Url, "https://example.com", Value::String("https://example.com".to_owned())),
        (FieldType::Integer, "-1", Value::Long(-1)),
        (FieldType::Integer, "9223372036854775807", Value::Long(i64::MAX)),
        (FieldType::Integer, "-9223372036854775808", Value::Long(i64::MIN)),
        (FieldType::Phone, "+447700900123", Value::Long(447_700_900_123)),
        (FieldType::Decimal, "-42.2340", decimal(-422_340, 4)),
        (FieldType::Decimal, "9.223372036854775807", decimal(i64::MAX, 18)),
        (FieldType::Decimal, "1200", decimal(1200, 0)),
        (FieldType::Boolean, "true", Value::Boolean(true)),
        (FieldType::Boolean, "false", Value::Boolean(false)),
        (FieldType::Date, "1986-12-01", Value::Int(6178)),
        (FieldType::Date, "0001-01-01", Value::Int(-719_162)),
        (FieldType::Datetime, "2021-06-22T23:59:00-05:00", datetime(1_624_424_340, -300)),
        (FieldType::Datetime, "1970-01-01T00:00:01Z", datetime(1, 1441)),
        (FieldType::Enum, "gold", Value::Enum(1, "s_gold".to_owned())),
        (FieldType::Enum, "Größe 9", Value::Enum(2, "s_Gr_c3_b6_c3_9fe_209".to_owned())),
        (FieldType::Uuid, UUID, Value::Fixed(16, bytes.to_vec())),
    ]
}

#[test]
fn a_datum_is_the_avro_binary_of_the_schema_for_every_type() {
    let mut seen: Vec<_> = samples().into_iter().map(|(field_type, ..)| field_type).collect();
    seen.dedup();
    assert_eq!(seen.len(), FieldType::ALL.len());

    for (field_type, text, value) in samples() {
        let union = |branch, value| Value::Union(branch, Box::new(value));
        let cases = [
            (required("a", field_type), Some(text), value.clone()),
            (optional("a", field_type), Some(text), union(1, value)),
            (optional("a", field_type), None, union(0, Value::Null)),
        ];
        for (field, text, value) in cases {
            let template = template(vec![field]);
            let schema = Schema::parse_str(&avro_schema(&template)).unwrap();
            let value = Value::Record(vec![("f_a".to_owned(), value)]);
            let ours = datum(&template, &[text]);
            let writer = GenericDatumWriter::builder(&schema).build().unwrap();
            assert_eq!(writer.write_value_to_vec(value.clone()).unwrap(), ours, "{field_type:?} {text:?}");
            let reader = GenericDatumReader::builder(&schema).build().unwrap();
            assert_eq!(reader.read_value(&mut ours.as_slice()).unwrap(), value, "{field_type:?} {text:?}");
        }
    }
}

#[test]
fn the_schema_reads_as_documented() {
    let template = template(vec![
        required("person.surname", FieldType::String),
        optional("tier_é", FieldType::Enum),
        with_default(required("points", FieldType::Integer), "-7"),
        with_default(optional("day", FieldType::Date), "1970-01-02"),
        optional("location[1].lat", FieldType::Decimal),
        required("expiry", FieldType::Datetime),
        required("id", FieldType::Uuid),
    ]);
    let expected = serde_json::json!({ "type": "record", "name": "datum", "fields": [
        { "name": "f_person_2esurname", "type": "string" },
        { "name": "f_tier_5f_c3_a9", "default": null, "type": ["null", {
            "type": "enum", "name": "enum_tier_5f_c3_a9",
            "symbols": ["s_silver", "s_gold", "s_Gr_c3_b6_c3_9fe_209"] }] },
        { "name": "f_points", "type": "long", "default": -7 },
        { "name": "f_day", "type": ["null", "int"], "default": null },
        { "name": "f_location_5b1_5d_2elat", "default": null, "type": ["null", {
            "type": "record", "name": "decimal_location_5b1_5d_2elat",
            "fields": [{ "name": "unscaled", "type": "long" }, { "name": "scale", "type": "int" }] }] },
        { "name": "f_expiry", "type": {
            "type": "record", "name": "datetime_expiry",
            "fields": [{ "name": "seconds", "type": "long" }, { "name": "offset", "type": "int" }] } },
        { "name": "f_id", "type": { "type": "fixed", "name": "uuid_id", "size": 16 } },
    ] });
    let schema: serde_json::Value = serde_json::from_str(&avro_schema(&template)).unwrap();
    assert_eq!(schema, expected);
}

#[test]
fn names_that_look_alike_stay_apart() {
    let names = ["a.b", "a_b", "a_2eb", "a__2eb", "A.b", "ä", "a\u{308}", "decimal_a", "datum", "_"];
    let fields: Vec<_> = names.iter().map(|name| required(name, FieldType::Decimal)).collect();
    let schema = Schema::parse_str(&avro_schema(&template(fields))).unwrap();
    let Schema::Record(record) = schema else { panic!("no record") };
    assert_eq!(record.fields.len(), names.len());
}

#[test]
fn a_new_required_field_shows_its_default_whatever_the_type() {
    let writer = template(vec![optional("kept", FieldType::String)]);
    for (field_type, text, _) in samples() {
        let reader = template(vec![with_default(required("new", field_type), text)]);
        let values = resolve(&writer, &reader, &datum(&writer, &[Some("x")]));
        assert_eq!(values, Ok(vec![Some(text.to_owned())]), "{field_type:?}");
    }
}

#[test]
fn a_new_optional_field_is_blank_and_its_default_is_left_to_the_pass() {
    let new = with_default(optional("new", FieldType::Integer), "7");
    let (writer, reader) = (template(vec![]), template(vec![new.clone()]));
    assert_eq!(resolve(&writer, &reader, &[]), Ok(vec![None]));
    assert_eq!(outcome(&[], &[new]), Shown::Default);
    assert_eq!(outcome(&[], &[optional("new", FieldType::Integer)]), Shown::Blank);
}

#[test]
fn a_value_keeps_its_type_unless_both_are_text() {
    let is_text = |kind| matches!(kind, FieldType::String | FieldType::Email | FieldType::Url);
    for (from, text, _) in samples() {
        for to in FieldType::ALL {
            for make in [optional, required] {
                let (older, newer) = (make("a", from), make("a", to));
                let value = shown(&older, &newer, Some(text));
                let change = outcome(std::slice::from_ref(&older), std::slice::from_ref(&newer));
                if from == to || is_text(from) && is_text(to) {
                    assert_eq!(value, Ok(Some(text.to_owned())), "{from:?} to {to:?}");
                    assert_eq!(change, Shown::Same, "{from:?} to {to:?}");
                } else {
                    let error = ResolveError::TypeChanged { field: "a".to_owned(), from, to };
                    assert_eq!(value, Err(error), "{from:?} to {to:?}");
                    let reasons = vec![FailureReason::TypeChanged { from, to }];
                    assert_eq!(change, Shown::Failure { reasons }, "{from:?} to {to:?}");
                }
            }
        }
    }
}

#[test]
fn a_blank_has_no_type_to_change() {
    let (older, newer) = (optional("a", FieldType::Integer), optional("a", FieldType::Date));
    assert_eq!(shown(&older, &newer, None), Ok(None));
}

#[test]
fn a_stored_blank_fails_where_the_field_is_required_now_even_with_a_default() {
    let older = optional("a", FieldType::Integer);
    let newer = with_default(required("a", FieldType::Integer), "7");
    assert_eq!(shown(&older, &newer, None), Err(ResolveError::Blank { field: "a".to_owned() }));
    assert_eq!(shown(&older, &newer, Some("0")), Ok(Some("0".to_owned())));
    assert_eq!(outcome(&[older], &[newer]), Shown::Failure { reasons: vec![FailureReason::RequiredNow] });
}

#[test]
fn a_requirement_that_is_lifted_changes_nothing() {
    let (older, newer) = (required("a", FieldType::Integer), optional("a", FieldType::Integer));
    assert_eq!(shown(&older, &newer, Some("7")), Ok(Some("7".to_owned())));
    assert_eq!(outcome(&[older], &[newer]), Shown::Same);
}

#[test]
fn symbols_are_matched_by_symbol_and_removed_ones_are_named() {
    let of = |texts: &[&str]| Field { symbols: symbols(texts), ..required("tier", FieldType::Enum) };
    let (older, newer) = (of(&["silver", "gold", "tin"]), of(&["platinum", "gold"]));
    assert_eq!(shown(&older, &newer, Some("gold")), Ok(Some("gold".to_owned())));
    let removed = Err(ResolveError::SymbolRemoved { field: "tier".to_owned() });
    assert_eq!(shown(&older, &newer, Some("silver")), removed);
    assert_eq!(shown(&older, &newer, Some("tin")), removed);
    let reasons = vec![FailureReason::SymbolsRemoved(symbols(&["silver", "tin"]))];
    assert_eq!(outcome(&[older], &[newer]), Shown::Failure { reasons });
}

#[test]
fn a_datum_that_is_cut_or_too_long_is_refused() {
    let fields = vec![required("a", FieldType::String), optional("b", FieldType::Boolean)];
    let template = template(fields);
    let mut datum = datum(&template, &[Some("abc"), Some("true")]);
    for end in 0..datum.len() {
        assert_eq!(resolve(&template, &template, &datum[..end]), Err(ResolveError::Datum), "{end}");
    }
    datum.push(0);
    assert_eq!(resolve(&template, &template, &datum), Err(ResolveError::Datum));
}

#[test]
fn errors_hold_nothing_of_the_row() {
    let tier = |texts: &[&str]| Field { symbols: symbols(texts), ..optional("tier", FieldType::Enum) };
    let newer = required("note", FieldType::Integer);
    let cases = [
        (optional("note", FieldType::String), newer.clone(), Some("Sophie")),
        (optional("note", FieldType::Integer), newer, None),
        (tier(&["Sophie", "b"]), tier(&["b"]), Some("Sophie")),
    ];
    for (older, newer, value) in cases {
        let error = shown(&older, &newer, value).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("Sophie"), "{error:?}");
    }
}

#[test]
fn the_comparison_reads_well() {
    let older = template(vec![
        optional("person.surname", FieldType::String),
        optional("tier", FieldType::Enum),
        optional("points", FieldType::Integer),
        optional("seat", FieldType::String),
        optional("home", FieldType::Url),
    ]);
    let newer = template(vec![
        optional("gate", FieldType::String),
        with_default(optional("row", FieldType::String), "A"),
        required("door", FieldType::String),
        required("person.surname", FieldType::String),
        Field { symbols: symbols(&["tin"]), ..required("tier", FieldType::Enum) },
        optional("points", FieldType::Decimal),
        optional("home", FieldType::String),
    ]);
    let report: Vec<_> = compare(&older, &newer).iter().map(FieldChange::to_string).collect();
    let expected = [
        "gate: blank (the field is new)",
        "row: default (the field is new)",
        "door: failure for every link (the field is new, required and without a default)",
        "person.surname: failure for links where it is blank (the field is required now)",
        "tier: failure for links where it is blank (the field is required now), and for links with \
         \"silver\" or \"gold\" or \"Größe 9\" (the symbols are removed)",
        "points: failure for links where it is not blank (the type was integer and is decimal)",
        "home: same",
        "seat: dropped (the field is shown no longer)",
    ];
    assert_eq!(report, expected);
}

const SYMBOLS: [&str; 5] = ["silver", "gold", "s_gold", "Größe 9", "9"];

fn any_text(field_type: FieldType, symbols: &[String]) -> BoxedStrategy<String> {
    match field_type {
        FieldType::String => "[ -~é\u{1f600}\n]{1,8}".boxed(),
        FieldType::Email => "[a-zé]{1,5}@[a-z]{1,5}\\.com".boxed(),
        FieldType::Url => "https?://[a-z]{1,5}/[a-zé]{0,3}".boxed(),
        FieldType::Integer => any::<i64>().prop_map(|number| number.to_string()).boxed(),
        FieldType::Decimal => "-?[1-9][0-9]{0,6}(\\.[0-9]{1,9})?".boxed(),
        FieldType::Boolean => any::<bool>().prop_map(|flag| flag.to_string()).boxed(),
        FieldType::Date => "[1-9][0-9]{3}-0[1-9]-[0-2][1-8]".boxed(),
        FieldType::Datetime => {
            "[1-9][0-9]{3}-1[0-2]-[0-2][1-8]T[01][0-9]:[0-5][0-9]:[0-5][0-9](Z|[+-]0[1-9]:[0-5][0-9])".boxed()
        }
        FieldType::Enum => prop::sample::select(symbols.to_vec()).boxed(),
        FieldType::Uuid => "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}".boxed(),
        FieldType::Phone => "\\+[1-9][0-9]{6,14}".boxed(),
    }
}

fn any_type() -> impl Strategy<Value = FieldType> {
    prop::sample::select(FieldType::ALL.to_vec())
}

fn any_symbols() -> impl Strategy<Value = Vec<String>> {
    prop::sample::subsequence(SYMBOLS.to_vec(), 1..=SYMBOLS.len())
        .prop_shuffle()
        .prop_map(|picked| symbols(&picked))
}

fn any_field(name: &'static str, field_type: FieldType) -> impl Strategy<Value = Field> {
    let symbols = if field_type == FieldType::Enum { any_symbols().boxed() } else { Just(vec![]).boxed() };
    symbols.prop_flat_map(move |symbols| {
        let default = prop::option::of(any_text(field_type, &symbols));
        (any::<bool>(), default).prop_map(move |(required, default)| {
            let symbols = symbols.clone();
            Field { required, default, symbols, ..Field::new(name, field_type) }
        })
    })
}

type Kept = (Option<(Field, Option<String>)>, Option<Field>);

/// A field in the older version, with a link's value for it, and in the newer one; mostly of one type.
fn any_kept(name: &'static str) -> impl Strategy<Value = Kept> {
    (any_type(), any_type()).prop_flat_map(move |(one, other)| {
        let newer_type = prop_oneof![8 => Just(one), 1 => Just(other)];
        let newer = newer_type.prop_flat_map(move |newer_type| any_field(name, newer_type));
        let older = any_field(name, one).prop_flat_map(|field| {
            let text = any_text(field.field_type, &field.symbols);
            let value =
                if field.required { text.prop_map(Some).boxed() } else { prop::option::of(text).boxed() };
            (Just(field), value)
        });
        (prop::option::weighted(0.9, older), prop::option::weighted(0.9, newer))
    })
}

type Link = (Template, Vec<Option<String>>, Template);

/// An older version, a link's values, and a newer version.
fn any_link() -> impl Strategy<Value = Link> {
    let names = prop::sample::subsequence(vec!["a", "a.b", "a_2eb", "größe"], 1..=4);
    let kept = names.prop_flat_map(|names| names.into_iter().map(any_kept).collect::<Vec<_>>());
    kept.prop_flat_map(|kept| {
        let (older, newer): (Vec<_>, Vec<_>) = kept.into_iter().unzip();
        let older: Vec<_> = older.into_iter().flatten().collect();
        let newer: Vec<_> = newer.into_iter().flatten().collect();
        (Just(older).prop_shuffle(), Just(newer).prop_shuffle())
    })
    .prop_map(|(older, newer)| {
        let (fields, values) = older.into_iter().unzip();
        (template(fields), values, template(newer))
    })
}

/// Whether the reason concerns a link with this value, as the reason's documentation says.
fn concerns(reason: &FailureReason, value: Option<&String>) -> bool {
    match reason {
        FailureReason::New => true,
        FailureReason::RequiredNow => value.is_none(),
        FailureReason::TypeChanged { .. } => value.is_some(),
        FailureReason::SymbolsRemoved(symbols) => value.is_some_and(|value| symbols.contains(value)),
    }
}

/// The failures that `compare` predicts for a link, as the errors that `resolve` may give.
fn predicted_errors(changes: &[FieldChange], values: &HashMap<&str, Option<&String>>) -> Vec<ResolveError> {
    let mut errors = Vec::new();
    for FieldChange { field, outcome } in changes {
        let Shown::Failure { reasons } = outcome else { continue };
        let value = values.get(field.as_str()).copied().flatten();
        errors.extend(reasons.iter().filter(|reason| concerns(reason, value)).map(|reason| {
            let field = field.clone();
            match *reason {
                FailureReason::New => ResolveError::Missing { field },
                FailureReason::RequiredNow => ResolveError::Blank { field },
                FailureReason::TypeChanged { from, to } => ResolveError::TypeChanged { field, from, to },
                FailureReason::SymbolsRemoved(_) => ResolveError::SymbolRemoved { field },
            }
        }));
    }
    errors
}

fn predicted_value(
    field: &Field,
    change: &FieldChange,
    values: &HashMap<&str, Option<&String>>,
) -> Option<String> {
    assert_eq!(change.field, field.name);
    match change.outcome {
        Shown::Same | Shown::Failure { .. } => values[field.name.as_str()].cloned(),
        Shown::Blank => None,
        Shown::Default if field.required => field.default.clone(),
        Shown::Default => None,
        Shown::Dropped => panic!("{} is dropped and shown", field.name),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn links_show_what_the_comparison_predicts((older, values, newer) in any_link()) {
        let cells: Vec<_> = values.iter().map(Option::as_deref).collect();
        let resolved = resolve(&older, &newer, &datum(&older, &cells));

        let names = older.fields.iter().map(|field| field.name.as_str());
        let values: HashMap<_, _> = names.zip(values.iter().map(Option::as_ref)).collect();
        let changes = compare(&older, &newer);
        let (of_newer, dropped) = changes.split_at(newer.fields.len());
        let dropped_are_told = dropped.iter().all(|change| change.outcome == Shown::Dropped);
        prop_assert!(dropped_are_told);
        let errors = predicted_errors(of_newer, &values);
        match resolved {
            Err(error) => prop_assert!(errors.contains(&error), "{error:?} and not one of {errors:?}"),
            Ok(shown) => {
                prop_assert_eq!(errors, vec![]);
                let predicted: Vec<_> = newer.fields.iter().zip(of_newer)
                    .map(|(field, change)| predicted_value(field, change, &values))
                    .collect();
                prop_assert_eq!(shown, predicted);
            }
        }
    }

    #[test]
    fn every_failure_that_the_comparison_predicts_can_happen((older, _, newer) in any_link()) {
        let find = |template: &Template, name: &str| {
            template.fields.iter().find(|field| field.name == name).cloned()
        };
        for FieldChange { field, outcome } in compare(&older, &newer) {
            let Shown::Failure { reasons } = outcome else { continue };
            let Some(older) = find(&older, &field) else {
                prop_assert_eq!(reasons, vec![FailureReason::New]);
                continue;
            };
            let newer = find(&newer, &field).unwrap();
            for reason in reasons {
                match reason {
                    FailureReason::New => prop_assert!(false, "{field} is not new"),
                    FailureReason::RequiredNow => prop_assert!(shown(&older, &newer, None).is_err()),
                    FailureReason::TypeChanged { from, to } => {
                        prop_assert_eq!((from, to), (older.field_type, newer.field_type));
                    }
                    FailureReason::SymbolsRemoved(symbols) => for symbol in symbols {
                        prop_assert!(shown(&older, &newer, Some(&symbol)).is_err());
                    },
                }
            }
        }
    }

    #[test]
    fn avro_itself_agrees_that_a_comparison_without_failures_is_compatible((older, _, newer) in any_link()) {
        let fails = |change: &FieldChange| matches!(change.outcome, Shown::Failure { .. });
        let schema = |template| Schema::parse_str(&avro_schema(template)).unwrap();
        if !compare(&older, &newer).iter().any(fails) {
            let compatible = SchemaCompatibility::can_read(&schema(&older), &schema(&newer));
            prop_assert!(compatible.is_ok(), "{compatible:?}");
        }
    }

    #[test]
    fn every_link_shows_its_own_values_under_its_own_version((older, values, _) in any_link()) {
        let cells: Vec<_> = values.iter().map(Option::as_deref).collect();
        prop_assert_eq!(resolve(&older, &older, &datum(&older, &cells)), Ok(values));
        prop_assert!(compare(&older, &older).iter().all(|change| change.outcome == Shown::Same));
    }
}
