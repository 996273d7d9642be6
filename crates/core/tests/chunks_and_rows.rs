//! The invariants of cutting and encoding: I1 (every row once, in order), I2 (links give the values back)
//! and I4 (the same bytes however the file is cut).
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use proptest::prelude::*;
use smartpass_core::csv::{Cell, Cut, Splitter};
use smartpass_core::encode::{BatchSpec, Chunk, ChunkOutput, Encoder, LinkSpec};
use smartpass_core::link::Opener;
use smartpass_core::link::passkit::{self, PasskitKey, PasskitKind};
use smartpass_core::template::{Field, FieldType, Template};

use support::files::{File, cut_in_steps, files, rows, sound_files};
use support::{names, required};

const COLUMNS: [&str; 3] = ["first", "second", "third"];
const PREFIX: &str = "https://pass.example/w/";

/// The file as far as its rows can be cut, and its cut as a whole.
fn whole(file: &File) -> (&[u8], Cut) {
    let splitter = Splitter::new(file.delimiter);
    match splitter.cut(&file.bytes, true) {
        Ok(cut) => (&file.bytes, cut),
        Err(error) => {
            assert!(error.unclosed_quote);
            let before = &file.bytes[..error.before.bytes];
            (before, splitter.cut(before, true).unwrap())
        }
    }
}

fn encode_chunks(encoder: &mut Encoder, text: &[u8], chunks: &[(usize, Cut)]) -> (Vec<u8>, Vec<u8>, u64) {
    let (mut success, mut errors, mut out) = (Vec::new(), Vec::new(), ChunkOutput::default());
    let (mut first_row, mut first_line) = (0, 2);
    for (start, cut) in chunks {
        let bytes = &text[*start..start + cut.bytes];
        encoder.encode(Chunk { bytes, first_row, first_line }, &mut out);
        success.extend_from_slice(&out.success);
        errors.extend_from_slice(&out.errors);
        first_row += cut.rows;
        first_line += cut.lines;
    }
    (success, errors, out.tally.rows())
}

/// Takes `expected` off the front of `bytes`.
fn take<'a>(bytes: &mut &'a [u8], expected: &[u8]) -> Option<&'a [u8]> {
    let rest = bytes.strip_prefix(expected)?;
    let taken = &bytes[..expected.len()];
    *bytes = rest;
    Some(taken)
}

/// The cell that we wrote at the front of `bytes`, up to `end`.
fn take_link<'a>(bytes: &mut &'a [u8], end: &[u8]) -> &'a str {
    let is_link = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_:/.?&=".contains(byte);
    let length = bytes.iter().position(|byte| !is_link(byte)).unwrap_or(bytes.len());
    let (link, rest) = bytes.split_at(length);
    *bytes = rest.strip_prefix(end).expect("the row's own line end");
    std::str::from_utf8(link).unwrap()
}

fn take_quoted(bytes: &mut &[u8]) -> String {
    let mut text = Vec::new();
    let mut rest = bytes.strip_prefix(b"\"").expect("a quoted cell");
    loop {
        match rest {
            [b'"', b'"', after @ ..] => (text.push(b'"'), rest = after).1,
            [b'"', after @ ..] => break *bytes = after,
            [byte, after @ ..] => (text.push(*byte), rest = after).1,
            [] => panic!("no closing quote"),
        }
    }
    String::from_utf8(text).unwrap()
}

/// A row's values as the `csv` crate reads them.
fn values_of(row: &[u8], delimiter: u8) -> Vec<Vec<u8>> {
    let mut reader = csv::ReaderBuilder::new();
    let mut reader = reader.has_headers(false).delimiter(delimiter).from_reader(row);
    reader.byte_records().next().unwrap().unwrap().iter().map(<[u8]>::to_vec).collect()
}

struct Batch {
    template: Template,
    spec: BatchSpec,
}

impl Batch {
    fn new(delimiter: u8) -> Self {
        let fields = vec![
            required(COLUMNS[2], FieldType::String),
            Field::new(COLUMNS[0], FieldType::String),
            Field { max_length: Some(30), ..Field::new(COLUMNS[1], FieldType::String) },
        ];
        let template = support::template(fields);
        let spec = support::v1_spec(&template, &names(&COLUMNS), delimiter, None);
        Self { template, spec }
    }

    fn encoder(&self) -> Encoder {
        Encoder::v1(&self.spec, &self.template, &support::key()).unwrap()
    }
}

/// Checks a link against the row that it stands behind: its values, by the reader's own hand.
type CheckLink<'a> = dyn FnMut(&str, u32, &[u8]) + 'a;

/// I1: success and errors, less the added cells, are the rows in order, each in one of them, once.
fn assert_every_row_once(
    text: &[u8],
    delimiter: u8,
    success: &[u8],
    errors: &[u8],
    check: &mut CheckLink<'_>,
) {
    let (mut success, mut errors) = (success, errors);
    let (mut number, mut line, mut position) = (0, 2, 0);
    for (row, _) in rows(text, delimiter) {
        assert_eq!(row.start, position, "rows lie side by side");
        position = row.next;
        let (bytes, end) = (row.text(text), row.line_end(text));
        assert!([&b"\n"[..], b"\r\n", b""].contains(&end));
        if row.is_blank() {
            take(&mut success, end).expect("a blank line is kept in success.csv");
            line += 1;
            continue;
        }
        let with_delimiter = [bytes, &[delimiter]].concat();
        let place = format!("row {}, line {line}: ", number + 1);
        let in_errors = errors.strip_prefix(&with_delimiter[..]).is_some_and(|rest| {
            rest.strip_prefix(b"\"").is_some_and(|message| message.starts_with(place.as_bytes()))
        });
        if in_errors {
            take(&mut errors, &with_delimiter).unwrap();
            assert!(take_quoted(&mut errors).starts_with(&place));
            take(&mut errors, end).expect("the row's own line end");
        } else {
            take(&mut success, &with_delimiter).expect("a row is in one of the two");
            check(take_link(&mut success, end), number, bytes);
        }
        number += 1;
        line += text[row.start..row.next].iter().filter(|&&byte| byte == b'\n').count();
    }
    assert_eq!(position, text.len());
    assert!(success.is_empty() && errors.is_empty(), "nothing else is written");
}

fn check_v1_link(opener: &mut Opener, delimiter: u8, url: &str, number: u32, row: &[u8]) {
    let opened = opener.open(url.strip_prefix(PREFIX).unwrap(), None).unwrap();
    assert_eq!(opened.header.row_number, number);
    let values = values_of(row, delimiter);
    let value =
        |column: usize| Some(String::from_utf8(values[column].clone()).unwrap()).filter(|v| !v.is_empty());
    assert_eq!(values.len(), 3);
    assert_eq!(opened.values, [value(2), value(0), value(1)]);
}

proptest! {
    #![proptest_config(support::cases(600))]

    #[test]
    fn chunks_are_the_file_cut_between_rows_whatever_the_buffers(
        file in files(), steps in proptest::collection::vec(1..90usize, 1..6),
    ) {
        let chunks = match (Splitter::new(file.delimiter).cut(&file.bytes, true),
                            cut_in_steps(&file.bytes, file.delimiter, &steps)) {
            (Ok(_), Ok(chunks)) => chunks,
            (Err(at_once), Err((start, stepwise))) => {
                // Both stop at the same row and byte.
                prop_assert_eq!(at_once.before.bytes, start + stepwise.before.bytes);
                prop_assert_eq!(at_once.unclosed_quote, stepwise.unclosed_quote);
                return Ok(());
            }
            (at_once, stepwise) => panic!("{at_once:?} but {stepwise:?}"),
        };
        let mut position = 0;
        for (start, cut) in chunks {
            prop_assert_eq!(start, position);
            position += cut.bytes;
            let chunk = &file.bytes[start..position];
            prop_assert!(chunk.ends_with(b"\n") || position == file.bytes.len());
            let rows = rows(chunk, file.delimiter);
            let counted = rows.iter().filter(|(row, _)| !row.is_blank()).count();
            prop_assert_eq!(cut.rows as usize, counted);
            prop_assert_eq!(cut.lines, chunk.iter().filter(|&&byte| byte == b'\n').count() as u64);
        }
        prop_assert_eq!(position, file.bytes.len());
    }

    #[test]
    fn walking_the_chunks_gives_the_rows_and_cells_of_the_whole(
        file in files(), steps in proptest::collection::vec(1..90usize, 1..6),
    ) {
        let (text, cut) = whole(&file);
        let at_once = rows(text, file.delimiter);
        prop_assert_eq!(cut.rows as usize, at_once.iter().filter(|(row, _)| !row.is_blank()).count());
        let mut at_once = at_once.into_iter();
        let mut lines = 0;
        for (start, cut) in cut_in_steps(text, file.delimiter, &steps).unwrap() {
            let chunk = &text[start..start + cut.bytes];
            for (row, cells) in rows(chunk, file.delimiter) {
                let (expected, expected_cells) = at_once.next().unwrap();
                prop_assert_eq!((row.start + start, row.next + start), (expected.start, expected.next));
                prop_assert_eq!(row.lines_before + lines, expected.lines_before);
                prop_assert_eq!(row.fault, expected.fault);
                let texts = |cells: &[Cell], text| -> Vec<Vec<u8>> {
                    cells.iter().map(|cell| cell.value(text, &mut Vec::new()).to_vec()).collect()
                };
                prop_assert_eq!(texts(&cells, chunk), texts(&expected_cells, text));
            }
            lines += cut.lines;
        }
        prop_assert!(at_once.next().is_none());
    }

    #[test]
    fn every_row_comes_out_once_in_order_and_its_link_opens_to_its_values(
        file in files(), steps in proptest::collection::vec(1..400usize, 1..6),
    ) {
        let (text, cut) = whole(&file);
        let batch = Batch::new(file.delimiter);
        let at_once = encode_chunks(&mut batch.encoder(), text, &[(0, cut)]);
        let chunks = cut_in_steps(text, file.delimiter, &steps).unwrap();
        let stepwise = encode_chunks(&mut batch.encoder(), text, &chunks);
        prop_assert_eq!(&at_once, &stepwise, "I4");
        prop_assert_eq!(at_once.2, u64::from(cut.rows));

        let mut opener = support::opener(&batch.template);
        let mut check = |url: &str, number, row: &[u8]| {
            check_v1_link(&mut opener, file.delimiter, url, number, row);
        };
        assert_every_row_once(text, file.delimiter, &at_once.0, &at_once.1, &mut check);
    }

    #[test]
    fn chunks_may_be_encoded_in_any_order_and_twice(
        file in sound_files(3), steps in proptest::collection::vec(1..400usize, 1..6),
    ) {
        let batch = Batch::new(file.delimiter);
        let chunks = cut_in_steps(&file.bytes, file.delimiter, &steps).unwrap();
        let mut encoder = batch.encoder();
        let in_order = encode_chunks(&mut batch.encoder(), &file.bytes, &chunks);
        let mut positions = Vec::new();
        let (mut first_row, mut first_line) = (0, 2);
        for (start, cut) in &chunks {
            positions.push((*start, *cut, first_row, first_line));
            first_row += cut.rows;
            first_line += cut.lines;
        }
        let mut parts = Vec::new();
        for &(start, cut, first_row, first_line) in positions.iter().rev().chain(positions.iter().rev()) {
            let mut out = ChunkOutput::default();
            let bytes = &file.bytes[start..start + cut.bytes];
            encoder.encode(Chunk { bytes, first_row, first_line }, &mut out);
            parts.push(out);
        }
        let second_time = &parts[positions.len()..];
        let success: Vec<u8> = second_time.iter().rev().flat_map(|out| out.success.clone()).collect();
        prop_assert_eq!(success, in_order.0);
    }

    #[test]
    fn sound_files_have_no_row_errors(file in sound_files(3)) {
        let template = support::template(COLUMNS.map(|name| Field::new(name, FieldType::String)).to_vec());
        let spec = support::v1_spec(&template, &names(&COLUMNS), file.delimiter, None);
        let mut encoder = Encoder::v1(&spec, &template, &support::key()).unwrap();
        let (text, cut) = whole(&file);
        prop_assert_eq!(text.len(), file.bytes.len());
        let (_, errors, _) = encode_chunks(&mut encoder, text, &[(0, cut)]);
        prop_assert_eq!(String::from_utf8(errors).unwrap(), "");
    }

    #[test]
    fn passkit_links_open_to_the_trimmed_cells_of_their_row(
        file in files(), steps in proptest::collection::vec(1..400usize, 1..6), kind in 0..3usize,
    ) {
        let kind = [PasskitKind::Encrypted, PasskitKind::Hashed, PasskitKind::HashedSha1][kind];
        let key = PasskitKey::new(vec![3; 32]).unwrap();
        // Not in byte order, so that the columns of the JSON must be put in order.
        let columns = ["b", "a\"", "B"];
        let spec = support::spec(&names(&columns), file.delimiter, LinkSpec::Passkit(kind));
        let (text, cut) = whole(&file);
        let at_once = encode_chunks(&mut Encoder::passkit(&spec, &key).unwrap(), text, &[(0, cut)]);
        let chunks = cut_in_steps(text, file.delimiter, &steps).unwrap();
        let stepwise = encode_chunks(&mut Encoder::passkit(&spec, &key).unwrap(), text, &chunks);
        prop_assert_eq!(&at_once, &stepwise, "I4");
        let mut check = |url: &str, _: u32, row: &[u8]| {
            let values = values_of(row, file.delimiter);
            let trimmed = |column: usize| std::str::from_utf8(&values[column]).unwrap().trim().to_owned();
            let expected =
                [("B".to_owned(), trimmed(2)), ("a\"".to_owned(), trimmed(1)), ("b".to_owned(), trimmed(0))];
            assert_eq!(passkit::open(url, &key).unwrap(), expected);
        };
        assert_every_row_once(text, file.delimiter, &at_once.0, &at_once.1, &mut check);
    }
}

#[test]
fn generated_files_hold_good_rows_and_bad_ones() {
    use proptest::strategy::{Strategy, ValueTree};
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut links, mut errors) = (0, 0);
    for _ in 0..200 {
        let file = files().new_tree(&mut runner).unwrap().current();
        let (text, cut) = whole(&file);
        let mut out = ChunkOutput::default();
        let chunk = Chunk { bytes: &text[..cut.bytes], first_row: 0, first_line: 2 };
        Batch::new(file.delimiter).encoder().encode(chunk, &mut out);
        links += out.tally.links();
        errors += out.tally.errors();
    }
    assert!(links > 500 && errors > 200, "{links} links, {errors} errors");
}
