//! What several tests share: small builders for templates, batches and openers.
#![allow(dead_code, reason = "every test file uses another part")]

pub(crate) mod files;

use std::collections::BTreeMap;

use base64_simd::URL_SAFE_NO_PAD;
use proptest::test_runner::Config as ProptestConfig;
use smartpass_core::csv::{Dialect, Encoding};
use smartpass_core::encode::{BatchSpec, ENCODER_REVISION, LinkSpec};
use smartpass_core::ids::BatchId;
use smartpass_core::link::{BatchCipher, BatchKey, Expiry, Keyring, LinkKind, Opener, ProjectKey};
use smartpass_core::template::{Field, FieldType, Mapping, Template};

pub(crate) const KINDS: [LinkKind; 2] = [LinkKind::Encrypted, LinkKind::Signed];
pub(crate) const PROJECT: &str = "wrsynr";
pub(crate) const BATCH: BatchId = BatchId([0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77]);

/// A property is tried on `count` cases. None are stored: what fails becomes a test.
pub(crate) fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { cases: count, failure_persistence: None, ..ProptestConfig::default() }
}

/// A template called `club` of these fields.
pub(crate) fn template(fields: Vec<Field>) -> Template {
    let mut template = Template::from_toml("code = 'club'").unwrap();
    template.fields = fields;
    template.validated().unwrap()
}

pub(crate) fn required(name: &str, field_type: FieldType) -> Field {
    Field { required: true, ..Field::new(name, field_type) }
}

pub(crate) fn one_enum(name: &str, symbols: &[&str]) -> Field {
    let symbols = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
    Field { symbols, ..Field::new(name, FieldType::Enum) }
}

pub(crate) fn key() -> ProjectKey {
    ProjectKey::from([7; 32])
}

/// What seals rows of `template` for project, key version and template number 1.
pub(crate) fn cipher(kind: LinkKind, template: &Template, expires_hours: u32) -> BatchCipher {
    let one = 1.try_into().unwrap();
    let batch = BatchKey {
        project: &PROJECT.parse().unwrap(),
        kind,
        key_version: one,
        template_number: one,
        batch_id: BATCH,
        schema_digest: template.schema_digest(),
    };
    BatchCipher::new(&key(), &batch, expires_hours)
}

/// A token as it stands in a URL.
pub(crate) fn seal(
    cipher: &BatchCipher,
    template: &Template,
    row_number: u32,
    values: &[Option<&str>],
) -> String {
    let mut token = Vec::new();
    cipher.seal(row_number, &mut token, |datum| template.encode(values.iter().copied(), datum)).unwrap();
    URL_SAFE_NO_PAD.encode_to_string(&token)
}

/// What opens what [`cipher`] sealed.
pub(crate) fn opener(template: &Template) -> Opener {
    let one = 1.try_into().unwrap();
    Opener::new(Keyring {
        project: PROJECT.parse().unwrap(),
        keys: BTreeMap::from([(one, key().into())]),
        templates: BTreeMap::from([(one, template.clone())]),
    })
}

pub(crate) fn names(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|name| (*name).to_owned()).collect()
}

/// A UTF-8 batch of encrypted v1 links in which every field has the column of its name.
pub(crate) fn v1_spec(
    template: &Template,
    columns: &[String],
    delimiter: u8,
    expires: Option<Expiry>,
) -> BatchSpec {
    let mapping = Mapping::build(template, columns, &[]).unwrap().columns;
    let (key_version, template_number) = (1.try_into().unwrap(), 1.try_into().unwrap());
    let kind = LinkKind::Encrypted;
    spec(columns, delimiter, LinkSpec::V1 { kind, key_version, template_number, expires, mapping })
}

pub(crate) fn spec(columns: &[String], delimiter: u8, link: LinkSpec) -> BatchSpec {
    BatchSpec {
        project: PROJECT.parse().unwrap(),
        batch_id: BATCH,
        base_url: "https://pass.example/w".parse().unwrap(),
        dialect: Dialect { delimiter, encoding: Encoding::Utf8, bom: false },
        columns: columns.to_vec(),
        has_error_column: false,
        output_column: "smartUrl".to_owned(),
        link,
        encoder_revision: ENCODER_REVISION,
    }
}
