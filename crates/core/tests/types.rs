//! Field types: what is accepted comes back exactly, and its bytes are Avro's.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::prelude::*;
use smartpass_core::encode::{Chunk, ChunkOutput, Encoder};
use smartpass_core::template::{CellFault, Field, FieldType, Template};

use support::required;

/// Text near what the types accept, on both sides of the border.
fn near_valid() -> impl Strategy<Value = String> {
    let number = "[-+]{0,1}[0-9]{0,21}(\\.[0-9]{0,20}){0,1}";
    let plain_number = "-?[1-9][0-9]{0,19}";
    let edges = proptest::sample::select(vec![
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "9.223372036854775807",
        "-9.223372036854775808",
        "-0",
        "0",
        "-0.0",
        "0.00",
        "true",
        "false",
        "True",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "silver",
        "gold",
        "Gold",
        "",
        " ",
    ]);
    prop_oneof![
        number,
        plain_number,
        edges.prop_map(str::to_owned),
        "[0-9]{4}-[01][0-9]-[0-3][0-9]",
        "[0-9]{4}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](Z|z|[-+][0-2][0-9]:?[0-6][0-9])",
        "[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-fg]{11,13}",
        "[+0]{0,2}[0-9]{5,17}",
        "[a-z.@ é]{0,4}@[a-z.@\u{a0}]{0,8}",
        "https?:/{1,3}[a-z@:.?#/\u{85}\u{3000}]{0,8}",
        ".{0,8}",
    ]
}

fn field(field_type: FieldType) -> Field {
    let symbols = ["silver", "gold", " ", "9223372036854775807"].map(str::to_owned).to_vec();
    let symbols = if field_type == FieldType::Enum { symbols } else { Vec::new() };
    Field { symbols, ..Field::new("cell", field_type) }
}

proptest! {
    #![proptest_config(support::cases(4000))]

    #[test]
    fn what_a_type_accepts_comes_back_exactly(text in near_valid(), other in near_valid()) {
        for field_type in FieldType::ALL {
            let template = support::template(vec![field(field_type)]);
            let encoded = |text: &str| {
                let mut datum = Vec::new();
                template.encode([Some(text)], &mut datum).map(|()| datum)
            };
            let Ok(datum) = encoded(&text) else { continue };
            let cell = (!text.is_empty()).then(|| text.clone());
            prop_assert_eq!(template.decode(&datum), Some(vec![cell]), "{:?}", field_type);
            if let Ok(other_datum) = encoded(&other) {
                prop_assert_eq!(text == other, datum == other_datum, "{:?}", field_type);
            }
        }
    }

    #[test]
    fn what_decodes_is_what_encodes_and_nothing_else(
        datum in proptest::collection::vec(prop_oneof![0..4u8, any::<u8>()], 0..24),
    ) {
        for field_type in FieldType::ALL {
            for required in [false, true] {
                let template = support::template(vec![Field { required, ..field(field_type) }]);
                let Some(values) = template.decode(&datum) else { continue };
                let cell = values[0].as_deref();
                // The rules of email and url are the writer's: the reader takes any string.
                let template = match field_type {
                    FieldType::Email | FieldType::Url => {
                        support::template(vec![Field { required, ..field(FieldType::String) }])
                    }
                    _ => template,
                };
                let mut again = Vec::new();
                prop_assert_eq!(template.encode([cell], &mut again), Ok(()), "{:?} {:?}", field_type, cell);
                prop_assert_eq!(&again, &datum, "{:?}", field_type);
            }
        }
    }
}

proptest! {
    #![proptest_config(support::cases(600))]

    #[test]
    fn a_cell_in_a_chunk_is_taken_as_it_is_alone(
        text in prop_oneof![5 => near_valid(), 1 => "[a-z]{0,70}@[a-z.]{0,70}", 1 => ".{55,70}"],
        beyond in prop_oneof!["[0-9@. é]{0,80}", Just(String::new())],
    ) {
        for field_type in FieldType::ALL {
            let template = support::template(vec![field(field_type)]);
            let alone = template.encode([Some(&text[..])], &mut Vec::new());
            let spec = support::v1_spec(&template, &support::names(&["cell", "beyond"]), b',', None);
            let row = format!("\"{}\",\"{beyond}\"", text.replace('"', "\"\""));
            let mut out = ChunkOutput::default();
            let mut encoder = Encoder::v1(&spec, &template, &support::key()).unwrap();
            encoder.encode(Chunk { bytes: row.as_bytes(), first_row: 0, first_line: 2 }, &mut out);
            prop_assert_eq!(out.tally.links() == 1, alone.is_ok(), "{:?}", field_type);
            if alone.is_ok() {
                let success = String::from_utf8(out.success).unwrap();
                let token = success.rsplit_once('/').unwrap().1;
                let values = support::opener(&template).open(token, None).unwrap().values;
                prop_assert_eq!(values, vec![Some(text.clone()).filter(|text| !text.is_empty())]);
            }
        }
    }
}

const WRITER: &str = r#"{ "type": "record", "name": "row", "fields": [
    { "name": "text", "type": "string" },
    { "name": "number", "type": "long" },
    { "name": "flag", "type": "boolean" },
    { "name": "day", "type": "int" },
    { "name": "tier", "type": { "type": "enum", "name": "tier", "symbols": ["silver", "gold", "black"] } },
    { "name": "id", "type": { "type": "fixed", "name": "id", "size": 16 } },
    { "name": "amount", "type": { "type": "record", "name": "amount", "fields": [
        { "name": "unscaled", "type": "long" }, { "name": "scale", "type": "int" } ] } },
    { "name": "moment", "type": { "type": "record", "name": "moment", "fields": [
        { "name": "seconds", "type": "long" }, { "name": "offset", "type": "int" } ] } },
    { "name": "phone", "type": "long" },
    { "name": "nickname", "type": ["null", "string"] },
    { "name": "seat", "type": ["null", "long"] }
] }"#;

fn avro_template() -> Template {
    let tier = Field { required: true, ..support::one_enum("tier", &["silver", "gold", "black"]) };
    support::template(vec![
        required("text", FieldType::String),
        required("number", FieldType::Integer),
        required("flag", FieldType::Boolean),
        required("day", FieldType::Date),
        tier,
        required("id", FieldType::Uuid),
        required("amount", FieldType::Decimal),
        required("moment", FieldType::Datetime),
        required("phone", FieldType::Phone),
        Field::new("nickname", FieldType::String),
        Field::new("seat", FieldType::Integer),
    ])
}

fn record(fields: Vec<(&str, Value)>) -> Value {
    Value::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

proptest! {
    #![proptest_config(support::cases(500))]

    #[test]
    fn a_rows_bytes_are_those_of_apache_avro(
        (text, number) in (".{1,70}", any::<i64>()),
        flag: bool, day in -719_162..=2_932_896i32, tier in 0..3usize, id: u128,
        (unscaled, scale) in (any::<i64>(), 0..=18usize), minutes in -1439..=1439i32, seconds in 0..86_400i64,
        phone in 1_000_000..=999_999_999_999_999i64, nickname in proptest::option::of(".{1,9}"),
        seat in proptest::option::of(any::<i64>()),
    ) {
        let schema = Schema::parse_str(WRITER).unwrap();
        let local = i64::from(day) * 86_400 + seconds;
        let union = |value: Option<Value>| match value {
            Some(value) => Value::Union(1, Box::new(value)),
            None => Value::Union(0, Box::new(Value::Null)),
        };
        let value = record(vec![
            ("text", Value::String(text.clone())),
            ("number", Value::Long(number)),
            ("flag", Value::Boolean(flag)),
            ("day", Value::Int(day)),
            ("tier", Value::Enum(tier as u32, ["silver", "gold", "black"][tier].to_owned())),
            ("id", Value::Fixed(16, id.to_be_bytes().to_vec())),
            ("amount", record(vec![
                ("unscaled", Value::Long(unscaled)), ("scale", Value::Int(scale as i32)),
            ])),
            ("moment", record(vec![
                ("seconds", Value::Long(local - i64::from(minutes) * 60)), ("offset", Value::Int(minutes)),
            ])),
            ("phone", Value::Long(phone)),
            ("nickname", union(nickname.clone().map(Value::String))),
            ("seat", union(seat.map(Value::Long))),
        ]);
        let writer = GenericDatumWriter::builder(&schema).build().unwrap();
        let avro = writer.write_value_to_vec(value.clone()).unwrap();

        let template = avro_template();
        let cells = template.decode(&avro).unwrap();
        let cell = |index: usize| cells[index].as_deref();
        prop_assert_eq!((cell(0), cell(9)), (Some(&text[..]), nickname.as_deref()));
        prop_assert_eq!(cell(1), Some(&number.to_string()[..]));
        prop_assert_eq!(cell(8), Some(&format!("+{phone}")[..]));
        prop_assert_eq!(cell(6), Some(&decimal_text(unscaled, scale)[..]));
        let hours = format!("{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60);
        let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        let sign = if minutes < 0 { '-' } else { '+' };
        prop_assert_eq!(cell(7).unwrap(), format!("{}T{clock}{sign}{hours}", cell(3).unwrap()));

        let mut datum = Vec::new();
        template.encode(cells.iter().map(Option::as_deref), &mut datum).unwrap();
        prop_assert_eq!(&datum, &avro);
        let reader = GenericDatumReader::builder(&schema).build().unwrap();
        prop_assert_eq!(reader.read_value(&mut &datum[..]).unwrap(), value);
    }
}

/// A decimal's text, made by moving digits about rather than by arithmetic.
fn decimal_text(unscaled: i64, scale: usize) -> String {
    let mut digits = unscaled.unsigned_abs().to_string();
    while digits.len() <= scale {
        digits.insert(0, '0');
    }
    if scale > 0 {
        digits.insert(digits.len() - scale, '.');
    }
    if unscaled < 0 { format!("-{digits}") } else { digits }
}

/// The rules of email and url once more, a character at a time.
fn is_email(text: &str) -> bool {
    let parts: Vec<&str> = text.split('@').collect();
    let is_dotted = |domain: &str| domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
    parts.len() == 2 && !parts[0].is_empty() && is_dotted(parts[1]) && is_tight(text) && text.len() <= 254
}

fn is_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    let authority: String = rest.chars().take_while(|c| !"/?#".contains(*c)).collect();
    let host = authority.rsplit('@').next().unwrap();
    !host.is_empty() && !host.starts_with(':') && is_tight(text)
}

fn is_tight(text: &str) -> bool {
    !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

proptest! {
    #![proptest_config(support::cases(2000))]

    #[test]
    fn email_and_url_are_as_the_specification_says(
        text in prop_oneof![
            "[a-z@. \t\u{a0}é-]{0,10}",
            "[a-z.]{0,3}@[a-z.@]{0,8}",
            "[a-z]{0,40}@([a-z]{1,40}\\.){0,3}[a-z@]{0,20}",
            "[a-z]{1,3}@[a-z.]{40,260}",
            "https?://[a-z:@/?#. \u{3000}é]{0,10}",
            "https?://[a-z]{1,9}[/?#][a-z:@/?#. é\u{7f}]{0,80}",
            "https?:/{0,3}[a-z]{0,3}",
        ],
        beyond in "[a-z@. ]{0,80}",
    ) {
        for (field_type, expected) in [(FieldType::Email, is_email(&text)), (FieldType::Url, is_url(&text))] {
            let expected = expected || text.is_empty();
            let template = support::template(vec![field(field_type)]);
            prop_assert_eq!(template.encode([Some(&text[..])], &mut Vec::new()).is_ok(), expected);
            let spec = support::v1_spec(&template, &support::names(&["cell", "beyond"]), b',', None);
            let row = format!("{text},{beyond}");
            let mut out = ChunkOutput::default();
            let mut encoder = Encoder::v1(&spec, &template, &support::key()).unwrap();
            encoder.encode(Chunk { bytes: row.as_bytes(), first_row: 0, first_line: 2 }, &mut out);
            prop_assert_eq!(out.tally.links() == 1, expected, "{:?}", field_type);
        }
    }
}

#[test]
fn no_single_byte_can_be_changed_and_read_as_something_else() {
    let integers = (0..19).map(|length| "1234567890123456789"[..=length].to_owned());
    let decimals =
        (1..18).map(|scale| format!("{}.{}", &"1234567890"[..=scale / 2], "9".repeat(scale - scale / 2)));
    let negative = ["-1", "-12345678", "-1234567890123456", "-0.000000000000000001"].map(str::to_owned);
    let phones = (7..=15).map(|length| format!("+{}", &"447700900123456"[..length]));
    let others = [
        "1986-12-01",
        "2021-06-22T23:59:00Z",
        "2021-06-22T23:59:00-05:30",
        "123e4567-e89b-12d3-a456-426614174000",
        "true",
        "silver",
    ];
    let texts = integers.chain(decimals).chain(negative).chain(phones).chain(others.map(str::to_owned));
    for text in texts {
        for field_type in FieldType::ALL {
            let field = field(field_type);
            let template = support::template(vec![field.clone()]);
            for place in 0..text.len() {
                for byte in 0..=255 {
                    let mut changed = text.clone().into_bytes();
                    changed[place] = byte;
                    let mut datum = Vec::new();
                    if field.encode(&changed, false, &mut datum).is_ok() {
                        let changed = String::from_utf8(changed).unwrap();
                        assert_eq!(template.decode(&datum), Some(vec![Some(changed)]), "{field_type:?}");
                    }
                }
            }
        }
    }
}

/// Whether the encoder, with its table of symbols, takes the cell.
fn is_taken_in_a_chunk(template: &Template, cell: &str) -> bool {
    let spec = support::v1_spec(template, &support::names(&["cell", "beyond"]), b',', None);
    let row = format!("{cell},beyond");
    let mut out = ChunkOutput::default();
    let mut encoder = Encoder::v1(&spec, template, &support::key()).unwrap();
    encoder.encode(Chunk { bytes: row.as_bytes(), first_row: 0, first_line: 2 }, &mut out);
    out.tally.links() == 1
}

#[test]
fn the_start_of_a_long_symbol_is_not_the_symbol() {
    for length in 8..400usize {
        for short in 1..=8.min(length - 1) {
            // A careless fingerprint mixes the length into the eighth byte.
            let eighth = (length ^ short) as u8 & 0x7f;
            let eighth =
                if eighth.is_ascii_graphic() && !b"\",".contains(&eighth) { char::from(eighth) } else { 'x' };
            let symbol = format!("abcdefg{eighth}{}", "y".repeat(length - 8));
            let template = support::template(vec![support::one_enum("cell", &[&symbol])]);
            assert!(!is_taken_in_a_chunk(&template, &symbol[..short]), "{short} of {length}");
            assert!(is_taken_in_a_chunk(&template, &symbol), "{symbol}");
        }
    }
}

#[test]
fn symbols_that_begin_alike_are_told_apart() {
    let symbols = ["category one", "category two", "category", "categorY", "a", "b", "\u{1}b"];
    let field = support::one_enum("cell", &symbols[..6]);
    let template = support::template(vec![field]);
    for symbol in symbols {
        let mut datum = Vec::new();
        let outcome = template.encode([Some(symbol)], &mut datum);
        assert_eq!(outcome.is_ok(), symbol != "\u{1}b");
        assert_eq!(is_taken_in_a_chunk(&template, symbol), outcome.is_ok());
        if outcome.is_ok() {
            assert_eq!(template.decode(&datum), Some(vec![Some(symbol.to_owned())]));
        }
    }
    for other in ["category six", "category on", "category ", "catego", "c", "category one "] {
        assert!(template.encode([Some(other)], &mut Vec::new()).is_err(), "{other}");
        assert!(!is_taken_in_a_chunk(&template, other), "{other}");
    }
}

#[test]
fn faults_say_what_kind_of_wrong() {
    let fault = |field: Field, text: &[u8]| field.encode(text, false, &mut Vec::new()).unwrap_err();
    assert_eq!(fault(required("a", FieldType::String), b""), CellFault::Blank);
    assert_eq!(fault(Field::new("a", FieldType::String), b"\xff"), CellFault::NotUtf8);
    assert_eq!(fault(Field::new("a", FieldType::Email), b"\xff@b.c"), CellFault::NotUtf8);
    assert_eq!(fault(Field::new("a", FieldType::Integer), b"\xff"), CellFault::NotUtf8);
    assert_eq!(fault(Field::new("a", FieldType::Integer), b"12x"), CellFault::Malformed);
    assert_eq!(fault(Field::new("a", FieldType::Integer), b"9223372036854775808"), CellFault::OutOfRange);
    assert_eq!(fault(Field::new("a", FieldType::Decimal), b"92233720368547758.08"), CellFault::OutOfRange);
    let short = Field { max_length: Some(2), ..Field::new("a", FieldType::String) };
    assert_eq!(fault(short.clone(), "日本語".as_bytes()), CellFault::TooLong);
    assert_eq!(short.encode("日本".as_bytes(), true, &mut Vec::new()), Ok(()));
}

#[test]
fn text_that_is_not_utf8_is_refused_by_every_type() {
    for field_type in FieldType::ALL {
        for text in [&b"\xff"[..], b"a@b.\xff", b"https://a/\xff", b"2020-01-0\xff", b"silver\xff"] {
            assert!(field(field_type).encode(text, false, &mut Vec::new()).is_err(), "{field_type:?}");
        }
    }
}
