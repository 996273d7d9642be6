//! The first row, and text that is not UTF-8.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use proptest::prelude::*;
use smartpass_core::csv::{
    Decoder, Dialect, Encoding, EncodingError, Header, HeaderError, MAX_ROW_BYTES, Splitter, read_header,
};
use smartpass_core::encode::{Chunk, ChunkOutput, Encoder, errors_header, success_header};
use smartpass_core::template::{Field, FieldType};

fn header(text: &str) -> (char, Header) {
    let (delimiter, header) = read_header(text.as_bytes(), true).unwrap().unwrap();
    (char::from(delimiter), header)
}

fn columns(text: &str) -> Vec<String> {
    header(text).1.columns
}

fn message(text: &[u8]) -> String {
    read_header(text, true).unwrap_err().to_string()
}

#[test]
fn the_delimiter_is_found_from_the_first_rows() {
    for (text, delimiter, count) in [
        ("a,b,c\n1,2,3\n", ',', 3),
        ("a;b;c\n1;2;3\n", ';', 3),
        ("a\tb\n1\t2\n", '\t', 2),
        ("a|b|c\n", '|', 3),
        ("a;b\n1,5;2,5\n1,7;2,9\n", ';', 2),
        ("\"name, first\";city\nx;y\n", ';', 2),
        ("\"a;b\",c\n1,2\n", ',', 2),
        ("email\nann@example.com\nbob@example.com\n", ',', 1),
        ("notes\n\"a;b\"\n\"c;d\"\n", ',', 1),
        ("a,b\n\n\n1,2\n", ',', 2),
        ("\n\r\na;b\n1;2\n", ';', 2),
    ] {
        let (found, header) = header(text);
        assert_eq!((found, header.columns.len()), (delimiter, count), "{text:?}");
    }
}

#[test]
fn a_header_alone_is_a_header() {
    assert_eq!(columns("a,b"), ["a", "b"]);
    assert_eq!(columns("a"), ["a"]);
    assert_eq!(columns("\"a\"\r\n"), ["a"]);
}

#[test]
fn names_are_unquoted_and_otherwise_as_written() {
    assert_eq!(columns("\"first \"\"name\"\"\", b ,\"ü\"\n1,2,3\n"), ["first \"name\"", " b ", "ü"]);
}

#[test]
fn raw_line_end_and_lines_are_those_of_the_file() {
    let (_, header) = header("\r\n\"a\"\r\n1\r\n");
    assert_eq!((&header.raw[..], &header.line_end[..]), (&b"\r\n\"a\""[..], &b"\r\n"[..]));
    assert_eq!((header.bytes(), header.lines), (7, 2));
    assert!(!header.has_error_column);
}

#[test]
fn more_is_asked_for_until_the_header_has_its_end() {
    let text = b"\n\"a,\",b\r\n1,2\r\n";
    for end in 0..=9 {
        assert_eq!(read_header(&text[..end], false), Ok(None), "{end} bytes");
    }
    for end in 10..=text.len() {
        let (_, header) = read_header(&text[..end], false).unwrap().unwrap_or_else(|| panic!("{end} bytes"));
        assert_eq!(header.bytes(), 9);
    }
}

#[test]
fn a_byte_order_mark_is_told_and_taken_off_even_before_a_quote() {
    let text = "\u{feff}\"a\",b\n1,2\n".as_bytes();
    assert_eq!(Encoding::from_bom(text), Some((Encoding::Utf8, 3)));
    assert_eq!(read_header(&text[3..], true).unwrap().unwrap().1.columns, ["a", "b"]);
    assert_eq!(Encoding::from_bom(b"\xff\xfea\0"), Some((Encoding::Utf16le, 2)));
    assert_eq!(Encoding::from_bom(b"\xfe\xff\0a"), Some((Encoding::Utf16be, 2)));
    assert_eq!(Encoding::from_bom(b"a,b"), None);
}

#[test]
fn bad_headers_are_refused_with_a_reason() {
    for (text, expected) in [
        (&b""[..], "the file is empty (expected a header row, then at least one row)"),
        (b"\n\r\n\n", "the file is empty (expected a header row, then at least one row)"),
        (b"a,b,a\n", "columns 1 and 3 are both called \"a\" (rename one)"),
        (b"a,,c\n1,2,3\n", "column 2 has no name (give it one, or remove the column)"),
        (b"a,\"\"\n", "column 2 has no name (give it one, or remove the column)"),
        (b"a,b,\n1,2,3\n", "column 3 has no name (give it one, or remove the column)"),
        (b"a,\"x\ny\"\n", "column 2 has a control character in its name: \"x\\ny\" (rename it)"),
        (b"a,b\x7f\n", "column 2 has a control character in its name: \"b\\u{7f}\" (rename it)"),
        (
            b"a\0,\0b\0\n\0",
            "the header holds NUL bytes: the file is not text, or UTF-16 without a byte order mark \
             (then name its encoding, utf-16le)",
        ),
        (
            b"name,caf\xe9\n",
            "the header is not UTF-8 (a file from an older Windows program: name its encoding, windows-1252)",
        ),
        (
            b"a,b\r1,2\r3,4\r",
            "rows end with a carriage return alone, as on old Macs \
             (expected LF or CRLF: save the file again)",
        ),
        (
            b"a,\"b\n1,2\n",
            "the header's quotes are broken at column 2 (write a quote inside a quoted name twice)",
        ),
        (
            b"a,\"b\"c\n1,2\n",
            "the header's quotes are broken at column 2 (write a quote inside a quoted name twice)",
        ),
    ] {
        assert_eq!(message(text), expected, "{:?}", String::from_utf8_lossy(text));
    }
}

#[test]
fn a_header_over_the_row_limit_is_refused_even_while_more_may_come() {
    let text = [b"a,\"", &b"x".repeat(MAX_ROW_BYTES)[..]].concat();
    for last in [false, true] {
        assert_eq!(read_header(&text, last), Err(HeaderError::TooLong));
    }
}

#[test]
fn ten_thousand_columns_are_read() {
    let names: Vec<String> = (0..10_000).map(|number| format!("column {number}")).collect();
    assert_eq!(columns(&(names.join(";") + "\n")), names);
}

#[test]
fn an_error_column_at_the_end_is_ours() {
    let (_, errors) = header("a,b,error\n1,2,x\n");
    assert!(errors.has_error_column);
    assert_eq!(errors.data_columns(), ["a", "b"]);
    for text in ["a,error,b\n", "a,b,Error\n", "error\n", "a,b\n"] {
        let (_, header) = header(text);
        assert!(!header.has_error_column && header.data_columns() == header.columns, "{text}");
    }
}

fn decode(encoding: Encoding, bytes: &[u8], steps: &[usize]) -> Result<Vec<u8>, EncodingError> {
    let (mut decoder, mut out, mut rest) = (Decoder::new(encoding), Vec::new(), bytes);
    for step in steps.iter().cycle() {
        let (piece, after) = rest.split_at((*step).min(rest.len()));
        decoder.decode(piece, after.is_empty(), &mut out)?;
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    Ok(out)
}

/// UTF-16 code units, many of them surrogates, alone and in pairs.
fn units() -> impl Strategy<Value = Vec<u16>> {
    let unit =
        prop_oneof![3 => any::<u16>(), 1 => 0xd800..=0xdbffu16, 1 => 0xdc00..=0xdfffu16, 1 => 0..128u16];
    proptest::collection::vec(unit, 0..60)
}

proptest! {
    #![proptest_config(support::cases(1000))]

    #[test]
    fn utf16_comes_back_byte_for_byte_lone_surrogates_too(
        units in units(), steps in proptest::collection::vec(1..9usize, 1..5),
    ) {
        for encoding in [Encoding::Utf16le, Encoding::Utf16be] {
            let to_bytes = if encoding == Encoding::Utf16le { u16::to_le_bytes } else { u16::to_be_bytes };
            let bytes: Vec<u8> = units.iter().flat_map(|unit| to_bytes(*unit)).collect();
            let text = decode(encoding, &bytes, &steps).unwrap();
            prop_assert_eq!(&text, &decode(encoding, &bytes, &[usize::MAX]).unwrap());
            if let Ok(expected) = String::from_utf16(&units) {
                prop_assert_eq!(std::str::from_utf8(&text), Ok(&expected[..]));
            } else {
                prop_assert!(std::str::from_utf8(&text).is_err(), "a lone surrogate is no UTF-8");
            }
            let mut back = text.clone();
            encoding.encode_in_place(&mut back);
            prop_assert_eq!(encoding.encoded_len(&text), bytes.len());
            prop_assert_eq!(back, bytes);
        }
    }

    #[test]
    fn any_bytes_are_windows_1252_and_come_back(
        bytes in proptest::collection::vec(any::<u8>(), 0..300), step in 1..50usize,
    ) {
        let mut text = decode(Encoding::Windows1252, &bytes, &[step]).unwrap();
        prop_assert!(std::str::from_utf8(&text).is_ok());
        Encoding::Windows1252.encode_in_place(&mut text);
        prop_assert_eq!(text, bytes);
    }

    #[test]
    fn encoding_never_panics_whatever_the_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        for encoding in [Encoding::Utf8, Encoding::Utf16le, Encoding::Utf16be, Encoding::Windows1252] {
            encoding.encode_in_place(&mut bytes.clone());
        }
    }

    #[test]
    fn half_a_utf16_character_at_the_end_is_an_error(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..40),
        steps in proptest::collection::vec(1..9usize, 1..5),
    ) {
        if bytes.len().is_multiple_of(2) {
            bytes.push(0);
        }
        for encoding in [Encoding::Utf16le, Encoding::Utf16be] {
            prop_assert_eq!(decode(encoding, &bytes, &steps), Err(EncodingError::HalfCharacter));
        }
    }
}

#[test]
fn the_output_is_in_the_files_own_encoding_with_its_own_rows() {
    let template = support::template(vec![Field::new("städt", FieldType::String)]);
    let text = "\"städt\";x\r\nZürich;\"€\"\r\n\r\nBâle;1;2\r\n";
    for encoding in [Encoding::Utf8, Encoding::Utf16le, Encoding::Utf16be, Encoding::Windows1252] {
        let (delimiter, header) = read_header(text.as_bytes(), true).unwrap().unwrap();
        let mut spec = support::v1_spec(&template, &header.columns, delimiter, None);
        let bom = encoding != Encoding::Windows1252;
        spec.dialect = Dialect { delimiter, encoding, bom };
        let rows = &text.as_bytes()[header.bytes()..];
        assert_eq!(Splitter::new(delimiter).cut(rows, true).unwrap().rows, 2);
        let mut out = ChunkOutput::default();
        let chunk = Chunk { bytes: rows, first_row: 0, first_line: 2 };
        Encoder::v1(&spec, &template, &support::key()).unwrap().encode(chunk, &mut out);

        let back = |bytes: Vec<u8>| {
            let bytes = bytes.strip_prefix(encoding.bom()).unwrap_or_else(|| panic!("{encoding:?}"));
            String::from_utf8(decode(encoding, bytes, &[7]).unwrap()).unwrap()
        };
        let success = back([success_header(&header, &spec), out.success].concat());
        assert!(
            success.starts_with("\"städt\";x;smartUrl\r\nZürich;\"€\";https://pass.example/w/EA"),
            "{success}"
        );
        assert!(success.ends_with("\r\n\r\n"));
        let errors = back([errors_header(&header, &spec), out.errors].concat());
        let reason = "\"row 2, line 4: 3 cells (expected 2, as in the header)\"";
        assert_eq!(errors, format!("\"städt\";x;error\r\nBâle;1;2;{reason}\r\n"));
    }
}
