//! An errors.csv can be mended and fed back; until it is, nothing that we wrote becomes a link.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use proptest::prelude::*;
use smartpass_core::csv::{Splitter, read_header};
use smartpass_core::encode::{BatchSpec, Chunk, ChunkOutput, Encoder, errors_header, success_header};
use smartpass_core::template::{Field, FieldType, Template};

use support::files::files;
use support::required;

fn template() -> Template {
    support::template(vec![
        required("first", FieldType::String),
        Field::new("second", FieldType::Integer),
        Field::new("third", FieldType::String),
    ])
}

/// success.csv and errors.csv of a file with its header.
fn encode(file: &[u8]) -> (String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (success, errors) = encode_bytes(file);
    (text(success), text(errors))
}

fn encode_bytes(file: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (delimiter, header) = read_header(file, true).unwrap().unwrap();
    let mut spec: BatchSpec = support::v1_spec(&template(), &header.columns, delimiter, None);
    spec.has_error_column = header.has_error_column;
    let rows = &file[header.bytes()..];
    let rows = match Splitter::new(delimiter).cut(rows, true) {
        Ok(cut) => &rows[..cut.bytes],
        Err(error) => &rows[..error.before.bytes],
    };
    let mut out = ChunkOutput::default();
    let chunk = Chunk { bytes: rows, first_row: 0, first_line: 1 + header.lines };
    Encoder::v1(&spec, &template(), &support::key()).unwrap().encode(chunk, &mut out);
    let success = [success_header(&header, &spec), out.success].concat();
    (success, [errors_header(&header, &spec), out.errors].concat())
}

/// The text before every reason of ours.
fn without_reasons(errors: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(errors);
    let before = |piece: &str| piece.split_once(['\n', '\r']).map_or("", |(_, row)| row).to_owned();
    text.split("\"row ").map(before).collect()
}

fn links(success: &str) -> usize {
    success.matches("https://pass.example/w/").count()
}

#[test]
fn errors_say_row_line_field_and_what_was_expected() {
    let (success, errors) = encode(b"first,second,third\nann,1,\n\nbob,many,\"x\ny\"\n,3,\n");
    assert_eq!(links(&success), 1);
    assert_eq!(
        errors,
        "first,second,third,error\n\
         bob,many,\"x\ny\",\"row 2, line 4: second: \"\"many\"\" is not an integer \
         (expected digits without leading zeros, spaces or separators)\"\n\
         ,3,,\"row 3, line 6: first: blank, but required (expected text)\"\n"
    );
}

#[test]
fn a_cell_is_shown_as_far_as_a_person_needs_it() {
    let shown = |cell: &[u8]| {
        let (_, errors) = encode_bytes(&[b"first,second,third\nx,", cell, b",\n"].concat());
        let errors = String::from_utf8_lossy(&errors).into_owned();
        let after = errors.split_once("second: ").unwrap().1;
        after.split_once(" is not").unwrap().0.to_owned()
    };
    for (cell, expected) in [
        ("x".repeat(40).into_bytes(), format!("\"\"{}\"\"", "x".repeat(40))),
        ("x".repeat(41).into_bytes(), format!("\"\"{}\"\"…", "x".repeat(40))),
        ("é".repeat(1000).into_bytes(), format!("\"\"{}\"\"…", "é".repeat(40))),
        (vec![0xff; 40], format!("\"\"{}\"\"", "\u{fffd}".repeat(40))),
        (vec![0xff; 45], format!("\"\"{}\"\"…", "\u{fffd}".repeat(40))),
        (b"a\tb=1+1".to_vec(), "\"\"a\\tb=1+1\"\"".to_owned()),
    ] {
        assert_eq!(shown(&cell), expected);
    }
}

#[test]
fn a_mended_row_becomes_a_link_and_keeps_its_error_column() {
    let (_, errors) = encode(b"first,second,third\nann,1,\nbob,many,x\ncy,few,y\n");
    let mended = errors.replace("bob,many", "bob,2");
    let (success, errors) = encode(mended.as_bytes());
    let rows: Vec<&str> = success.lines().collect();
    assert_eq!(rows[0], "first,second,third,error,smartUrl");
    assert!(rows[1].starts_with("bob,2,x,\"row 2, line 3: second: \"\"many\"\""));
    assert_eq!((rows.len(), links(&success)), (2, 1));
    assert_eq!(
        errors,
        "first,second,third,error\n\
         cy,few,y,\"row 2, line 3: second: \"\"few\"\" is not an integer \
         (expected digits without leading zeros, spaces or separators)\"\n"
    );
}

#[test]
fn an_error_cell_that_lost_its_quotes_is_replaced_too() {
    let (_, errors) = encode(b"first,second,third,error\na,many,c,was wrong\na,many,c,\na,many,c,\"\"\n");
    for line in errors.lines().skip(1) {
        assert!(line.starts_with("a,many,c,\"row "), "{line}");
    }
}

#[test]
fn a_row_with_too_few_cells_never_takes_its_error_for_a_value() {
    let (_, mut errors) = encode(b"first,third\nann\nbob\n");
    for _ in 0..3 {
        let (success, again) = encode(errors.as_bytes());
        assert_eq!(links(&success), 0, "{success}");
        assert_eq!(again.lines().count(), 3);
        errors = again;
    }
}

#[test]
fn a_short_row_in_a_mended_file_keeps_what_the_customer_wrote() {
    let (success, errors) = encode(b"first,third,error\nann\nrow 1\n\"row 1, line 2: bob\"\n");
    assert_eq!(links(&success), 0);
    let lines: Vec<&str> = errors.lines().collect();
    assert!(lines[1].starts_with("ann,\"row 1, line 2: 1 cell") && lines[2].starts_with("row 1,\"row 2"));
    assert_eq!(lines.len(), 4);
}

proptest! {
    #![proptest_config(support::cases(300))]

    #[test]
    fn errors_fed_back_as_they_are_give_the_same_rows_and_no_links(file in files()) {
        let delimiter = char::from(file.delimiter);
        let header = format!("first{delimiter}second{delimiter}third\n");
        // Too many cells in the first rows could point to another delimiter.
        let sample = format!("a{delimiter}1{delimiter}b\n").repeat(21);
        let (_, errors) = encode_bytes(&[header.as_bytes(), sample.as_bytes(), &file.bytes].concat());
        prop_assume!(read_header(&errors, true).unwrap().unwrap().0 == file.delimiter);
        let (success, again) = encode_bytes(&errors);
        prop_assert_eq!(links(&String::from_utf8_lossy(&success)), 0);
        // The places change once, and then no more.
        prop_assert_eq!(without_reasons(&again), without_reasons(&errors));
        prop_assert_eq!(encode_bytes(&again).1, again);
    }
}
