//! The encoder keeps its buffers: once they have their size, no row allocates.

#![allow(clippy::unwrap_used, missing_docs)]

use smartpass_core::csv::{ChunkLimits, Dialect, Encoding, Intake};
use smartpass_core::encode::{BatchSpec, Chunk, ChunkOutput, ENCODER_REVISION, Encoder, LinkSpec};
use smartpass_core::ids::BatchId;
use smartpass_core::link::LinkKind;
use smartpass_core::link::passkit::{PasskitKey, PasskitKind};
use smartpass_core::template::{Field, FieldType, Mapping, Template};

const ROW: &str = "Zoë,\"a \"\"b\"\", c\",z@example.com,-12.50,2027-01-31,2027-01-31T10:00:00+01:00,gold,\
    +447700900123,,0f14d0ab-9605-4a62-a9e4-5ed26688389b,true,1234567890\n";

fn template() -> Template {
    let types = [
        FieldType::String,
        FieldType::String,
        FieldType::Email,
        FieldType::Decimal,
        FieldType::Date,
        FieldType::Datetime,
        FieldType::Enum,
        FieldType::Phone,
        FieldType::Url,
        FieldType::Uuid,
        FieldType::Boolean,
        FieldType::Integer,
    ];
    let field = |(index, &field_type): (usize, &FieldType)| {
        let symbols =
            if field_type == FieldType::Enum { vec!["silver".into(), "gold".into()] } else { Vec::new() };
        Field { symbols, ..Field::new(format!("field{index}"), field_type) }
    };
    let fields = types.iter().enumerate().map(field).collect();
    let (link, aliases, design) = Default::default();
    Template { code: "all".to_owned(), link, aliases, fields, design }
}

fn spec(link: LinkSpec, columns: Vec<String>) -> BatchSpec {
    BatchSpec {
        project: "wrsynr".parse().unwrap(),
        batch_id: BatchId([7; 8]),
        base_url: "https://example.com/w".parse().unwrap(),
        dialect: Dialect { delimiter: b',', encoding: Encoding::Utf8, bom: false },
        columns,
        has_error_column: false,
        output_column: "smartUrl".to_owned(),
        link,
        encoder_revision: ENCODER_REVISION,
    }
}

/// How often encoding `rows` rows allocates, after the buffers had rows enough to grow on.
fn allocations(encoder: &mut Encoder, rows: usize) -> u64 {
    let text = ROW.repeat(2_000);
    let mut output = ChunkOutput::default();
    encoder.encode(Chunk { bytes: text.as_bytes(), first_row: 0, first_line: 2 }, &mut output);
    assert_eq!((output.tally.links(), output.errors.len()), (2_000, 0), "every row becomes a link");
    let part = &text.as_bytes()[..rows * ROW.len()];
    let chunk = Chunk { bytes: part, first_row: 0, first_line: 2 };
    allocation_counter::measure(|| {
        encoder.encode(chunk, &mut output);
    })
    .count_total
}

#[test]
fn a_thousand_rows_allocate_no_more_than_one() {
    let template = template();
    let columns: Vec<String> = template.fields.iter().map(|field| field.name.clone()).collect();
    let mapping = Mapping::build(&template, &columns, &[]).unwrap();
    let one = 1.try_into().unwrap();
    let mut encoders = Vec::new();
    for kind in [LinkKind::Encrypted, LinkKind::Signed] {
        let mapping = mapping.columns.clone();
        let link = LinkSpec::V1 { kind, key_version: one, template_number: one, expires: None, mapping };
        encoders.push(Encoder::v1(&spec(link, columns.clone()), &template, &[9; 32].into()).unwrap());
    }
    let key = PasskitKey::new(vec![3; 32]).unwrap();
    for kind in [PasskitKind::Encrypted, PasskitKind::Hashed, PasskitKind::HashedSha1] {
        encoders.push(Encoder::passkit(&spec(LinkSpec::Passkit(kind), columns.clone()), &key).unwrap());
    }
    for mut encoder in encoders {
        let (one, thousand) = (allocations(&mut encoder, 1), allocations(&mut encoder, 1_000));
        assert_eq!(one, thousand, "allocations of a chunk of one row, and of a thousand");
    }
}

#[test]
fn cutting_chunks_that_a_reader_fills_does_not_allocate() {
    let file = format!("name,points\n{}", "Müller,1200\n".repeat(100_000));
    let mut rest = file.as_bytes();
    let mut intake = Intake::new(None, ChunkLimits::of_bytes(64 << 10), 0);
    let mut next_chunk = |intake: &mut Intake| {
        loop {
            if let Some(chunk) = intake.next_chunk().unwrap() {
                return Some(chunk);
            }
            if intake.has_ended() {
                return None;
            }
            let room = intake.room();
            let (reading, after) = rest.split_at(rest.len().min(room.len()));
            room[..reading.len()].copy_from_slice(reading);
            rest = after;
            intake.fill(reading.len()).unwrap();
        }
    };
    for _ in 0..3 {
        let chunk = next_chunk(&mut intake).unwrap();
        intake.recycle(chunk.text);
    }
    let mut chunks = 0;
    let info = allocation_counter::measure(|| {
        while let Some(chunk) = next_chunk(&mut intake) {
            intake.recycle(chunk.text);
            chunks += 1;
        }
    });
    assert!(chunks > 10, "{chunks}");
    assert_eq!(info.count_total, 0);
}
