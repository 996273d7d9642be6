//! The format's test vectors, made by the independent implementation in `schemas/reader`.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeMap;

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use smartpass_core::encode::{Chunk, ChunkOutput, Encoder, LinkSpec};
use smartpass_core::link::passkit::{self, BadLink, PasskitCipher, PasskitKey, PasskitKind};
use smartpass_core::link::{BatchCipher, BatchKey, Expiry, Keyring, LinkKind, OpenError, Opener, ProjectKey};
use smartpass_core::template::{CellFault, Field, FieldType, Template};

fn list(name: &str) -> Vec<Value> {
    let vectors: Value = serde_json::from_str(include_str!("../../../schemas/link-v1-vectors.json")).unwrap();
    let list = vectors[name].as_array().unwrap().clone();
    assert!(!list.is_empty());
    list
}

fn text<'a>(vector: &'a Value, member: &str) -> &'a str {
    vector[member].as_str().unwrap()
}

fn number(vector: &Value, member: &str) -> u32 {
    vector[member].as_u64().unwrap().try_into().unwrap()
}

fn hex<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    base16ct::lower::decode_vec(text).unwrap().try_into().unwrap()
}

fn template(fields: &Value) -> Template {
    let field = |field: &Value| Field {
        required: field["required"].as_bool().unwrap(),
        symbols: serde_json::from_value(field.get("symbols").cloned().unwrap_or_default())
            .unwrap_or_default(),
        ..Field::new(text(field, "name"), serde_json::from_value(field["type"].clone()).unwrap())
    };
    support::template(fields.as_array().unwrap().iter().map(field).collect())
}

fn kind(vector: &Value) -> LinkKind {
    serde_json::from_value(vector["kind"].clone()).unwrap()
}

/// A valid vector's values: `None` is a blank.
fn values(vector: &Value) -> Vec<Option<String>> {
    serde_json::from_value(vector["values"].clone()).unwrap()
}

fn cipher(vector: &Value, template: &Template) -> BatchCipher {
    let batch = BatchKey {
        project: &text(vector, "project").parse().unwrap(),
        kind: kind(vector),
        key_version: number(vector, "key_version").try_into().unwrap(),
        template_number: number(vector, "template_number").try_into().unwrap(),
        batch_id: text(vector, "batch_id").parse().unwrap(),
        schema_digest: template.schema_digest(),
    };
    let key = ProjectKey::from(hex(text(vector, "project_key")));
    BatchCipher::new(&key, &batch, number(vector, "expires_hours"))
}

fn opener_of_valid(vector: &Value) -> Opener {
    let key_version = number(vector, "key_version").try_into().unwrap();
    let template_number = number(vector, "template_number").try_into().unwrap();
    Opener::new(Keyring {
        project: text(vector, "project").parse().unwrap(),
        keys: BTreeMap::from([(key_version, hex(text(vector, "project_key")).into())]),
        templates: BTreeMap::from([(template_number, template(&vector["fields"]))]),
    })
}

/// The opener of an invalid or broken vector. A key or template of number 0, there as a trap, cannot be held.
fn opener_of_bad(vector: &Value) -> Opener {
    let members = |name: &str| vector[name].as_object().unwrap().clone().into_iter();
    let keys = members("keys")
        .filter_map(|(version, key)| Some((version.parse().ok()?, hex(key.as_str().unwrap()).into())));
    let templates =
        members("templates").filter_map(|(number, fields)| Some((number.parse().ok()?, template(&fields))));
    let project = text(vector, "project").parse().unwrap();
    Opener::new(Keyring { project, keys: keys.collect(), templates: templates.collect() })
}

#[test]
fn schema_texts_are_those_of_the_vectors() {
    for vector in list("valid") {
        let template = template(&vector["fields"]);
        assert_eq!(template.schema_text(), text(&vector, "schema_text"), "{}", vector["name"]);
        assert_eq!(template.schema_digest(), hex(text(&vector, "schema_sha256")), "{}", vector["name"]);
        assert_eq!(template.schema_digest()[..], Sha256::digest(text(&vector, "schema_text"))[..]);
    }
}

#[test]
fn sealing_the_values_gives_the_vectors_token() {
    for vector in list("valid") {
        let template = template(&vector["fields"]);
        let (values, mut token) = (values(&vector), Vec::new());
        cipher(&vector, &template)
            .seal(number(&vector, "row_number"), &mut token, |datum| {
                template.encode(values.iter().map(Option::as_deref), datum)
            })
            .unwrap();
        let header: Vec<u8> = base16ct::lower::decode_vec(text(&vector, "header")).unwrap();
        assert_eq!(token[..header.len()], header, "{}", vector["name"]);
        if kind(&vector) == LinkKind::Signed {
            let payload = &token[header.len()..token.len() - 16];
            assert_eq!(
                payload,
                base16ct::lower::decode_vec(text(&vector, "payload")).unwrap(),
                "{}",
                vector["name"]
            );
        }
        assert_eq!(URL_SAFE_NO_PAD.encode_to_string(&token), text(&vector, "token"), "{}", vector["name"]);
    }
}

#[test]
fn opening_the_token_gives_the_vectors_values() {
    for vector in list("valid") {
        let opened = opener_of_valid(&vector).open(text(&vector, "token"), None).unwrap();
        assert_eq!(opened.values, values(&vector), "{}", vector["name"]);
        assert_eq!(opened.expires, Expiry::from_hours(number(&vector, "expires_hours")));
        assert_eq!(opened.header.kind, kind(&vector));
        assert_eq!(opened.header.key_version.get(), number(&vector, "key_version"));
        assert_eq!(opened.header.template_number.get(), number(&vector, "template_number"));
        assert_eq!(opened.header.batch_id.to_string(), text(&vector, "batch_id"));
        assert_eq!(opened.header.row_number, number(&vector, "row_number"));
    }
}

#[test]
fn a_link_expires_at_the_hour_and_not_a_second_before() {
    let mut with_expiry = 0;
    for vector in list("valid") {
        let (opener, token) = (opener_of_valid(&vector), text(&vector, "token"));
        let hours = number(&vector, "expires_hours");
        let end = 1_577_836_800 + i64::from(hours) * 3600;
        let Some(expiry) = Expiry::from_hours(hours) else {
            assert!(opener.open(token, Some(i64::MAX)).is_ok(), "{}", vector["name"]);
            continue;
        };
        with_expiry += 1;
        for now in [i64::MIN, 0, end - 1] {
            assert!(opener.open(token, Some(now)).is_ok(), "{} at {now}", vector["name"]);
        }
        for now in [end, end + 1, i64::MAX] {
            assert_eq!(opener.open(token, Some(now)), Err(OpenError::Expired(expiry)), "{}", vector["name"]);
        }
    }
    assert!(with_expiry > 2);
}

#[test]
fn expired_is_told_before_the_datum_is_read_and_only_for_genuine_links() {
    let mut opened_late = 0;
    for vector in list("broken") {
        let answer = opener_of_bad(&vector).open(text(&vector, "token"), Some(i64::MAX));
        opened_late += usize::from(matches!(answer, Err(OpenError::Expired(_))));
        assert!(
            matches!(answer, Err(OpenError::Expired(_) | OpenError::BrokenPayload)),
            "{}",
            vector["name"]
        );
    }
    for vector in list("invalid") {
        let answer = opener_of_bad(&vector).open(text(&vector, "token"), Some(i64::MAX));
        assert_eq!(answer, Err(OpenError::BadToken), "{}", vector["name"]);
    }
    assert_eq!(opened_late, 0, "no broken vector has an expiry");
}

#[test]
fn every_invalid_token_has_one_and_the_same_error() {
    for vector in list("invalid") {
        let answer = opener_of_bad(&vector).open(text(&vector, "token"), None);
        assert_eq!(answer, Err(OpenError::BadToken), "{}", vector["name"]);
    }
}

#[test]
fn a_genuine_token_with_a_broken_payload_is_our_fault() {
    for vector in list("broken") {
        let answer = opener_of_bad(&vector).open(text(&vector, "token"), None);
        assert_eq!(answer, Err(OpenError::BrokenPayload), "{}", vector["name"]);
    }
}

fn template_of_cell(vector: &Value) -> Template {
    let symbols = serde_json::from_value(vector.get("symbols").cloned().unwrap_or_default());
    let field_type: FieldType = serde_json::from_value(vector["type"].clone()).unwrap();
    let field = Field { symbols: symbols.unwrap_or_default(), ..Field::new("cell", field_type) };
    support::template(vec![Field { required: true, name: "needed".into(), ..field.clone() }, field])
}

#[test]
fn accepted_cells_come_back_exactly() {
    for vector in list("accepted_cells") {
        let (template, cell) = (template_of_cell(&vector), text(&vector, "text"));
        let mut datum = Vec::new();
        template.encode([Some(cell), Some(cell)], &mut datum).unwrap_or_else(|_| panic!("{vector}"));
        let both = vec![Some(cell.to_owned()); 2];
        assert_eq!(template.decode(&datum), Some(both), "{vector}");
    }
}

#[test]
fn refused_cells_are_refused() {
    for vector in list("refused_cells") {
        let template = template_of_cell(&vector);
        let refusal = template.encode([Some(text(&vector, "text"))], &mut Vec::new());
        let expected = matches!(refusal, Err((0, CellFault::Malformed | CellFault::OutOfRange)));
        assert!(expected, "{vector}: {refusal:?}");
    }
}

fn passkit_key(vector: &Value) -> PasskitKey {
    PasskitKey::new(base16ct::lower::decode_vec(text(vector, "key")).unwrap()).unwrap()
}

fn passkit_kind(vector: &Value) -> PasskitKind {
    match text(vector, "format") {
        "passkit-encrypted" => PasskitKind::Encrypted,
        "passkit-hashed" => PasskitKind::Hashed,
        "passkit-hashed-sha1" => PasskitKind::HashedSha1,
        other => panic!("{other}"),
    }
}

fn members(json: &str) -> BTreeMap<String, String> {
    serde_json::from_str(json).unwrap()
}

fn opened(vector: &Value) -> Result<BTreeMap<String, String>, BadLink> {
    passkit::open(text(vector, "url"), &passkit_key(vector)).map(|members| members.into_iter().collect())
}

#[test]
fn passkit_links_are_sealed_and_opened_as_in_the_vectors() {
    for vector in list("passkit") {
        let batch_id = text(&vector, "batch_id").parse().unwrap();
        let (key, base_url) = (passkit_key(&vector), text(&vector, "base_url"));
        let cipher = PasskitCipher::new(passkit_kind(&vector), &key, base_url, batch_id);
        let (mut json, mut url) = (text(&vector, "json").as_bytes().to_vec(), Vec::new());
        cipher.seal(number(&vector, "row_number"), &mut json, &mut url);
        assert_eq!(String::from_utf8(url).unwrap(), text(&vector, "url"), "{}", vector["name"]);
        assert_eq!(opened(&vector), Ok(members(text(&vector, "json"))), "{}", vector["name"]);
    }
}

#[test]
fn the_encoder_makes_the_vectors_passkit_links_from_their_columns() {
    for vector in list("passkit") {
        let columns: Vec<(String, String)> = serde_json::from_value(vector["columns"].clone()).unwrap();
        let (headers, cells): (Vec<String>, Vec<String>) = columns.into_iter().unzip();
        if headers.is_empty() {
            continue;
        }
        let mut spec = support::spec(&headers, b',', LinkSpec::Passkit(passkit_kind(&vector)));
        spec.batch_id = text(&vector, "batch_id").parse().unwrap();
        spec.base_url = text(&vector, "base_url").parse().unwrap();
        let cells: Vec<_> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        let row = cells.join(",");
        let mut encoder = Encoder::passkit(&spec, &passkit_key(&vector)).unwrap();
        let mut out = ChunkOutput::default();
        let first_row = number(&vector, "row_number");
        encoder.encode(Chunk { bytes: row.as_bytes(), first_row, first_line: 2 }, &mut out);
        let expected = format!("{row},{}", text(&vector, "url"));
        assert_eq!(String::from_utf8(out.success).unwrap(), expected, "{}", vector["name"]);
    }
}

#[test]
fn passkit_links_in_every_spelling_of_base64_are_read() {
    for vector in list("passkit_readable") {
        assert_eq!(opened(&vector), Ok(members(text(&vector, "json"))), "{}", vector["name"]);
    }
}

/// The reader is told neither the base URL nor the hash that a project uses; a link of either hash opens.
const NEEDS_MORE_THAN_THE_KEY: [&str; 3] = [
    "another base URL",
    "a sig of the other hash, passkit-hashed",
    "a sig of the other hash, passkit-hashed-sha1",
];

#[test]
fn bad_passkit_links_have_one_and_the_same_error() {
    for vector in list("passkit_invalid") {
        let opens = NEEDS_MORE_THAN_THE_KEY.contains(&text(&vector, "name"));
        assert_eq!(opened(&vector).is_ok(), opens, "{}", vector["name"]);
        assert!(opens || opened(&vector) == Err(BadLink));
    }
}
