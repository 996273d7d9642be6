//! The bytes of every released version of every message, read back; and what a message never holds.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::PathBuf;

use smartpass_core::encode::ErrorKind;
use smartpass_core::ids::JobId;
use smartpass_core::job::{BlobRef, Counts, Outcome, ReasonCount};
use smartpass_messages::{
    ChunkEncoded, ChunkFailed, ChunkReady, DeadLetter, DecodeError, JobAccepted, JobEnded, Message,
    PassIssued,
};

fn job() -> JobId {
    "00112233445566778899aabbccddeeff".parse().unwrap()
}

fn blob(name: &str, bytes: u64) -> BlobRef {
    BlobRef { path: name.to_owned(), tag: [7; 16].into(), bytes }
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schemas/messages").join(name)
}

/// Compares with the golden bytes, or writes them where `WRITE_GOLDEN` is set: for a version that is new.
fn check<M: Message + PartialEq + std::fmt::Debug>(name: &str, message: M) {
    let hex = base16ct::lower::encode_string(&message.encode());
    if std::env::var_os("WRITE_GOLDEN").is_some() {
        fs::write(golden(name), hex.clone() + "\n").unwrap();
    }
    let known = fs::read_to_string(golden(name)).unwrap();
    assert_eq!(hex, known.trim(), "{name}: the bytes changed: give the schema a new version");
    let bytes = base16ct::lower::decode_vec(known.trim()).unwrap();
    assert_eq!(M::decode(&bytes).unwrap(), message, "{name}");
    for cut in 0..bytes.len() {
        assert!(M::decode(&bytes[..cut]).is_err(), "{name}: {cut} bytes of it were read");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(M::decode(&longer).is_err(), "{name}: more than it was read");
}

#[test]
fn the_bytes_of_every_version_are_read() {
    let reason =
        ReasonCount { field: Some("person.mobileNumber".into()), kind: ErrorKind::WrongType, rows: 3 };
    let nameless = ReasonCount { field: None, kind: ErrorKind::CellCount, rows: 1 };
    let counts = Counts {
        links: 32_760,
        errors: 4,
        url_characters: 5_700_000,
        url_longest: 214,
        by_reason: vec![reason, nameless],
    };
    check(
        "chunk-ready.v1.golden.hex",
        ChunkReady {
            job: job(),
            index: 7,
            first_row: 229_376,
            first_line: 229_379,
            rows: 32_764,
            blob: blob("in/7.1", 4_194_304),
        },
    );
    check(
        "chunk-encoded.v1.golden.hex",
        ChunkEncoded {
            job: job(),
            index: 7,
            success: blob("out/7.2", 9_000_000),
            errors: Some(blob("err/7.2", 900)),
            counts,
        },
    );
    let failed = ChunkFailed {
        job: job(),
        index: u32::MAX,
        code: "damaged".into(),
        reason: "blob in/7.1 is damaged".into(),
    };
    check("chunk-failed.v1.golden.hex", failed);
    let project = || "wrsynr".parse().unwrap();
    check(
        "job-accepted.v1.golden.hex",
        JobAccepted { job: job(), project: project(), at: 1_795_000_000_123 },
    );
    let ended = JobEnded {
        event_id: "00112233445566778899aabbccddeeff-1".into(),
        job: job(),
        project: project(),
        outcome: Outcome::Refused,
        reason: Some("the file has a header and no rows".into()),
        at: 1_795_000_000_123,
        rows: 100_000_000,
        links: 99_999_990,
        errors: 10,
    };
    check("job-ended.v1.golden.hex", ended);
    let batch_id = "0011223344556677".parse().unwrap();
    check(
        "pass-issued.v1.golden.hex",
        PassIssued { project: project(), batch_id, row_number: u32::MAX, template_number: 3, at: 1 },
    );
    let letter = DeadLetter {
        topic: "smartpass.chunks".into(),
        code: "panic".into(),
        reason: "the encoder panicked".into(),
        job: Some(job()),
        index: Some(12),
    };
    check("dead-letter.v1.golden.hex", letter);
}

#[test]
fn what_is_no_message_of_ours_is_told_apart() {
    assert!(matches!(ChunkReady::decode(b"hello"), Err(DecodeError::NotAvro(5))));
    assert!(matches!(ChunkReady::decode(&[0xc3; 20]), Err(DecodeError::NotAvro(20))));
    let unknown = [&[0xc3, 0x01][..], &[9; 12]].concat();
    assert!(matches!(ChunkReady::decode(&unknown), Err(DecodeError::UnknownSchema(_))));
    let other = JobAccepted { job: job(), project: "abc".parse().unwrap(), at: 1 }.encode();
    assert!(matches!(ChunkReady::decode(&other), Err(DecodeError::UnknownSchema(_))));
}

#[test]
fn every_schema_has_golden_bytes() {
    let folder = golden("x").parent().unwrap().to_owned();
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for name in names.filter_map(|name| name.strip_suffix(".avsc").map(str::to_owned)) {
        assert!(golden(&format!("{name}.golden.hex")).exists(), "{name}");
    }
}
