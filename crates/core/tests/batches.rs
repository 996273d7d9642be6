//! What a batch spec pins: its revision, its mapping, and that no row number is used twice.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use smartpass_core::encode::{
    BatchSpec, Chunk, ChunkOutput, ENCODER_REVISION, Encoder, ErrorKind, LinkSpec, SpecError,
};
use smartpass_core::link::passkit::{PasskitKey, PasskitKind};
use smartpass_core::link::{Expiry, LinkKind};
use smartpass_core::template::{Field, FieldType, Template};

use support::{names, required};

fn template() -> Template {
    support::template(vec![required("first", FieldType::String), Field::new("second", FieldType::Integer)])
}

fn spec() -> BatchSpec {
    support::v1_spec(&template(), &names(&["first", "second"]), b',', Expiry::from_hours(5))
}

fn encode(bytes: &[u8], first_row: u32) -> ChunkOutput {
    let mut out = ChunkOutput::default();
    let mut encoder = Encoder::v1(&spec(), &template(), &support::key()).unwrap();
    encoder.encode(Chunk { bytes, first_row, first_line: 2 }, &mut out);
    out
}

#[test]
fn the_last_row_number_is_used() {
    let out = encode(b"a,1\nb,2\n", u32::MAX - 1);
    assert_eq!((out.tally.links(), out.tally.errors()), (2, 0));
}

#[test]
#[should_panic(expected = "a batch has at most 2^32 rows")]
fn no_row_number_is_used_twice_after_the_last() {
    encode(b"a,1\nb,2\n", u32::MAX);
}

#[test]
fn a_batch_is_gone_on_with_by_the_same_revision_template_and_format_alone() {
    let key = support::key();
    let error = |spec: &BatchSpec| Encoder::v1(spec, &template(), &key).err();
    assert_eq!(error(&spec()), None);
    let old = BatchSpec { encoder_revision: ENCODER_REVISION + 1, ..spec() };
    assert_eq!(error(&old), Some(SpecError::Revision(ENCODER_REVISION + 1)));
    let fewer = BatchSpec { columns: names(&["first"]), ..spec() };
    assert_eq!(error(&fewer), Some(SpecError::Mapping));
    let smaller = support::template(vec![required("first", FieldType::String)]);
    assert_eq!(Encoder::v1(&spec(), &smaller, &key).err(), Some(SpecError::Mapping));
    let passkit = BatchSpec { link: LinkSpec::Passkit(PasskitKind::Hashed), ..spec() };
    assert_eq!(error(&passkit), Some(SpecError::Format));
    let passkit_key = PasskitKey::new(vec![1; 16]).unwrap();
    assert_eq!(Encoder::passkit(&spec(), &passkit_key).err(), Some(SpecError::Format));
}

#[test]
fn a_batch_spec_survives_json() {
    let v1 = spec();
    let passkit = BatchSpec { link: LinkSpec::Passkit(PasskitKind::HashedSha1), ..spec() };
    for spec in [v1, passkit] {
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<BatchSpec>(&json).unwrap(), spec, "{json}");
    }
}

#[test]
fn every_part_of_the_spec_decides_the_bytes() {
    let token = |change: fn(&mut BatchSpec)| {
        let mut spec = spec();
        change(&mut spec);
        let mut out = ChunkOutput::default();
        let mut encoder = Encoder::v1(&spec, &template(), &support::key()).unwrap();
        encoder.encode(Chunk { bytes: b"a,1\n", first_row: 0, first_line: 2 }, &mut out);
        out.success
    };
    let all = [
        token(|_| {}),
        token(|spec| spec.project = "other".parse().unwrap()),
        token(|spec| spec.batch_id.0[7] ^= 1),
        token(|spec| spec.base_url = "https://pass.example/v".parse().unwrap()),
        token(|spec| set(spec, |link| link.0 = LinkKind::Signed)),
        token(|spec| set(spec, |link| link.1 = 2)),
        token(|spec| set(spec, |link| link.2 = 2)),
        token(|spec| set(spec, |link| link.3 = 6)),
    ];
    for (index, bytes) in all.iter().enumerate() {
        assert!(!all[..index].contains(bytes), "{index}");
    }
    assert_eq!(all[0], token(|spec| spec.output_column = "link".to_owned()), "but for names in the header");
}

/// Kind, key version, template number and expiry of a v1 batch.
type Link = (LinkKind, u32, u32, u32);

fn set(spec: &mut BatchSpec, change: fn(&mut Link)) {
    let mut link = (LinkKind::Encrypted, 1, 1, 5);
    change(&mut link);
    spec.link = LinkSpec::V1 {
        kind: link.0,
        key_version: link.1.try_into().unwrap(),
        template_number: link.2.try_into().unwrap(),
        expires: Expiry::from_hours(link.3),
        mapping: vec![Some(0), Some(1)],
    };
}

#[test]
fn a_link_over_the_limit_is_a_row_error_and_one_byte_less_is_a_link() {
    // Header 12, expiry 1, the text's length 2, the blank 1, tag 16.
    let longest = 4096 - 32;
    for (length, links) in [(longest, 1), (longest + 1, 0), (1_000_000, 0)] {
        let out = encode(format!("{},\n", "x".repeat(length)).as_bytes(), 0);
        assert_eq!(out.tally.links(), links, "{length}");
        assert_eq!(out.tally.errors(), 1 - links);
    }
    let out = encode(format!("{},\n", "x".repeat(longest + 1)).as_bytes(), 0);
    let errors = String::from_utf8(out.errors).unwrap();
    assert!(errors.ends_with(
        "\"row 1, line 2: the link would hold 4097 bytes (expected at most 4096: map fewer or shorter columns)\"\n"
    ));
    assert_eq!(out.tally.errors_by_kind()[0].kind, ErrorKind::LinkTooLong);
}

#[test]
fn a_passkit_url_over_8191_characters_is_a_row_error_and_one_less_is_a_link() {
    let spec = support::spec(&names(&["a"]), b',', LinkSpec::Passkit(PasskitKind::HashedSha1));
    let key = PasskitKey::new(vec![1; 16]).unwrap();
    let mut lengths = Vec::new();
    for length in 6_000..6_200 {
        let row = format!("{}\n", "x".repeat(length));
        let mut out = ChunkOutput::default();
        let chunk = Chunk { bytes: row.as_bytes(), first_row: 0, first_line: 2 };
        Encoder::passkit(&spec, &key).unwrap().encode(chunk, &mut out);
        assert_eq!(out.tally.rows(), 1);
        lengths.extend((out.tally.links() == 1).then(|| out.tally.url_max()));
    }
    assert!((8_190..=8_191).contains(lengths.last().unwrap()), "{:?}", lengths.last());
    assert!(lengths.len() < 200);
}

#[test]
fn tallies_add_up_whatever_the_chunks() {
    let whole = encode(b"a,1\nb,x\n,3\nd,4\n", 0).tally;
    let mut sum = encode(b"a,1\nb,x\n", 0).tally;
    sum.add(&encode(b",3\nd,4\n", 2).tally);
    assert_eq!(sum, whole);
    assert_eq!((whole.rows(), whole.links(), whole.errors()), (4, 2, 2));
}
