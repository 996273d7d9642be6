//! Benchmarks of the steps of a row: `cargo bench -p smartpass-load-tests`.
//!
//! Each figure is for 10,000 rows or messages: a figure in microseconds, divided by ten, is nanoseconds a row. Rows are
//! those of the recipient files `slim` and `wide`.

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use divan::Bencher;
use smartpass_core::csv::{Dialect, Encoding, Rows, Splitter, read_header};
use smartpass_core::encode::{BatchSpec, Chunk, ChunkOutput, ENCODER_REVISION, Encoder, LinkSpec};
use smartpass_core::ids::BatchId;
use smartpass_core::link::{BatchCipher, BatchKey, LinkKind, ProjectKey};
use smartpass_core::template::infer::Observation;
use smartpass_core::template::{Mapping, Template};

const ROWS: u32 = 10_000;
const KINDS: [&str; 2] = ["slim", "wide"];

fn main() {
    divan::main();
}

/// A recipient file's header and rows.
struct File {
    columns: Vec<String>,
    rows: Vec<u8>,
}

impl File {
    fn new(kind: &str) -> Self {
        let mut text = Vec::new();
        let profile = if kind == "slim" {
            smartpass_load_tests::recipients::Profile::Slim
        } else {
            smartpass_load_tests::recipients::Profile::Wide
        };
        smartpass_load_tests::recipients::write_rows(profile, u64::from(ROWS), 7, &mut text).unwrap();
        let (_, header) = read_header(&text, true).unwrap().unwrap();
        let rows = text[header.bytes()..].to_vec();
        Self { columns: header.columns, rows }
    }

    fn template(&self) -> Template {
        let mut seen = Observation::new(&self.columns);
        seen.observe_chunk(&self.rows, b',', self.columns.len());
        seen.propose("bench")
    }

    fn encoder(&self) -> Encoder {
        let template = self.template();
        let mapping = Mapping::build(&template, &self.columns, &[]).unwrap();
        let spec = BatchSpec {
            project: "wrsynr".parse().unwrap(),
            batch_id: BatchId([7; 8]),
            base_url: "https://pub1.pskt.io/wrsynr".parse().unwrap(),
            dialect: Dialect { delimiter: b',', encoding: Encoding::Utf8, bom: false },
            columns: self.columns.clone(),
            has_error_column: false,
            output_column: "smartUrl".to_owned(),
            link: LinkSpec::V1 {
                kind: LinkKind::Encrypted,
                key_version: 1.try_into().unwrap(),
                template_number: 1.try_into().unwrap(),
                expires: None,
                mapping: mapping.columns,
            },
            encoder_revision: ENCODER_REVISION,
        };
        Encoder::v1(&spec, &template, &[9; 32].into()).unwrap()
    }
}

#[divan::bench(args = KINDS)]
fn cut_into_rows(bencher: Bencher<'_, '_>, kind: &str) {
    let file = File::new(kind);
    bencher.bench(|| Splitter::new(b',').cut(black_box(&file.rows), true).unwrap());
}

#[divan::bench(args = KINDS)]
fn find_cells(bencher: Bencher<'_, '_>, kind: &str) {
    let file = File::new(kind);
    let mut cells = Vec::new();
    bencher.bench_local(|| {
        let mut rows = Rows::new(black_box(&file.rows), b',');
        let mut found = 0;
        while rows.next(&mut cells).is_some() {
            found += cells.len();
        }
        found
    });
}

#[divan::bench(args = KINDS)]
fn check_and_write_datum(bencher: Bencher<'_, '_>, kind: &str) {
    let file = File::new(kind);
    let template = file.template();
    let mut datum = Vec::new();
    let mut cells = Vec::new();
    let mut scratch = Vec::new();
    bencher.bench_local(|| {
        let mut rows = Rows::new(black_box(&file.rows), b',');
        while rows.next(&mut cells).is_some() {
            datum.clear();
            for (field, cell) in template.fields.iter().zip(&cells) {
                field.encode(cell.value(&file.rows, &mut scratch), true, &mut datum).unwrap();
            }
            black_box(&datum);
        }
    });
}

#[divan::bench(args = [64, 96, 256])]
fn seal(bencher: Bencher<'_, '_>, bytes: usize) {
    let project = "wrsynr".parse().unwrap();
    let batch = BatchKey {
        project: &project,
        kind: LinkKind::Encrypted,
        key_version: 1.try_into().unwrap(),
        template_number: 1.try_into().unwrap(),
        batch_id: BatchId([7; 8]),
        schema_digest: [0; 32],
    };
    let cipher = BatchCipher::new(&ProjectKey::from([9; 32]), &batch, 0);
    let datum = vec![5; bytes];
    let mut token = Vec::new();
    bencher.bench_local(|| {
        for row in 0..ROWS {
            let written: Result<(), ()> = cipher.seal(row, &mut token, |out| {
                out.extend_from_slice(&datum);
                Ok(())
            });
            written.unwrap();
            black_box(&token);
        }
    });
}

/// The `aes-gcm` crate alone, for comparison with [`seal`].
#[divan::bench(args = [64, 96, 256])]
fn seal_with_the_aes_gcm_crate(bencher: Bencher<'_, '_>, bytes: usize) {
    let cipher = Aes256Gcm::new(&[9; 32].into());
    let mut text = vec![5; bytes];
    bencher.bench_local(|| {
        for row in 0..ROWS {
            let mut nonce = [0; 12];
            nonce[8..].copy_from_slice(&row.to_be_bytes());
            let buffer = text.as_mut_slice().into();
            black_box(cipher.encrypt_inout_detached(&nonce.into(), &[7; 14], buffer).unwrap());
        }
    });
}

#[divan::bench(args = KINDS)]
fn encode(bencher: Bencher<'_, '_>, kind: &str) {
    let file = File::new(kind);
    let mut encoder = file.encoder();
    let mut output = ChunkOutput::default();
    bencher.bench_local(|| {
        let chunk = Chunk { bytes: black_box(&file.rows), first_row: 0, first_line: 2 };
        encoder.encode(chunk, &mut output)
    });
}
