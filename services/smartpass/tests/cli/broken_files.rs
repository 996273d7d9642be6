//! Files that cannot be used: each is refused with its own words, and nothing is left behind.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::process::Command;

use crate::support::{Lab, finish};

/// Demands that `generate in.csv` refuses the bytes with exactly this message, and leaves nothing.
#[track_caller]
fn refused(bytes: &[u8], message: &str) {
    refused_with(&[], bytes, message);
}

#[track_caller]
fn refused_with(options: &[&str], bytes: &[u8], message: &str) {
    let lab = Lab::with(&[("in.csv", bytes)]);
    lab.run(&[&["generate", "in.csv"], options].concat()).fails(1, message);
    assert_eq!(lab.names(), ["in.csv"]);
    assert!(!lab.state().exists(), "a refused file makes no key and no template");
}

#[test]
fn a_file_without_a_header_is_refused() {
    for empty in [&b""[..], b"\xef\xbb\xbf", b"\n\n\r\n", b"\xff\xfe\n\0"] {
        refused(empty, "in.csv: the file is empty (expected a header row, then at least one row)");
    }
}

#[test]
fn a_header_alone_is_refused_before_anything_is_published() {
    for text in ["surname,city", "surname,city\n", "surname,city\r\n\r\n\r\n"] {
        refused(text.as_bytes(), "in.csv has a header and no rows (expected at least one row)");
    }
    let lab = Lab::new();
    let piped = lab.run_piped(&["generate", "-", "--out", "out.csv"], b"surname\n");
    piped.fails(1, "standard input has a header and no rows (expected at least one row)");
    assert!(lab.names().is_empty() && !lab.state().exists());
}

#[test]
fn more_blank_lines_than_a_buffer_holds_are_still_no_rows() {
    let lab = Lab::with(&[("in.csv", &[&b"surname"[..], &b"\n".repeat(1_000_000)].concat())]);
    lab.run(&["generate", "in.csv"]).fails(1, "in.csv has a header and no rows (expected at least one row)");
    assert_eq!(lab.names(), ["in.csv"]);
}

#[test]
fn rows_that_end_with_a_carriage_return_alone_are_refused() {
    let message = "in.csv: rows end with a carriage return alone, as on old Macs \
                   (expected LF or CRLF: save the file again)";
    refused(b"surname,city\rSmith,Bath\rJones,Ely\r", message);
    refused(&b"surname,city\r".repeat(20_000), message);
}

#[test]
fn names_that_cannot_be_told_apart_are_refused() {
    let twice = "in.csv: columns 1 and 3 are both called \"city\" (rename one)";
    refused(b"city,name,city\na,b,c\n", twice);
    refused(b"city,,name\na,b,c\n", "in.csv: column 2 has no name (give it one, or remove the column)");
    refused(
        b"city,\"na\nme\"\na,b\n",
        "in.csv: column 2 has a control character in its name: \"na\\nme\" (rename it)",
    );
}

#[test]
fn a_header_with_nul_bytes_is_refused_and_the_likely_encoding_named() {
    let message = "in.csv: the header holds NUL bytes: the file is not text, or UTF-16 without a byte \
                   order mark (then use --encoding utf-16le)";
    refused(b"surname,ci\0ty\nSmith,Bath\n", message);
    let utf16: Vec<u8> = "surname\nSmith\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    refused(&utf16, message);
}

#[test]
fn an_encoding_that_contradicts_the_byte_order_mark_is_refused() {
    refused_with(
        &["--encoding", "utf-16le"],
        b"\xef\xbb\xbfsurname\nSmith\n",
        "in.csv: the file's byte order mark does not fit the given encoding (leave the encoding out)",
    );
    let half = b"\xff\xfes\0\n\0x\0\n";
    refused(half, "in.csv: the file ends in the middle of a UTF-16 character: is it cut off?");
}

#[test]
fn a_column_of_links_that_is_there_already_is_refused() {
    refused(
        b"surname,smartUrl\nSmith,https://example.com\n",
        "the file has a column \"smartUrl\" already \
         (rename or remove it, or choose another with --column)",
    );
    let lab = Lab::with(&[("in.csv", b"surname,smartUrl\nSmith,https://example.com\n")]);
    lab.ok(&["generate", "in.csv", "--column", "passLink"]);
    assert!(
        lab.text("in.success.csv").starts_with("surname,smartUrl,passLink\nSmith,https://example.com,http")
    );
}

#[test]
fn a_file_that_is_not_there_or_no_file_is_refused() {
    let lab = Lab::new();
    lab.run(&["generate", "in.csv"]).fails(1, "cannot open in.csv: No such file or directory (os error 2)");
    std::fs::create_dir(lab.path("in.csv")).unwrap();
    lab.run(&["generate", "in.csv"]).fails(1, "in.csv is a directory (expected a CSV file)");
}

#[test]
fn a_row_over_the_limit_is_refused_by_row_line_and_byte() {
    let long = "x".repeat(1_100_000);
    let text = format!("surname,notes\nSmith,\"two\nlines\"\n\nJones,{long}\n");
    refused(
        text.as_bytes(),
        "in.csv: row 2, line 5, byte 33: the row is longer than 1048576 bytes: is a quote left open?",
    );
}

#[test]
fn a_quote_left_open_at_the_end_is_refused_by_row_line_and_byte() {
    refused(
        b"\xef\xbb\xbfsurname;city\r\nSmith;Bath\r\nJones;\"Ely\r\nBrown;Hove\r\n",
        "in.csv: row 2, line 3, byte 29: a quote is opened and never closed",
    );
    let text = "\u{feff}name,city\nA,\"Ü\"\nB,\"x\n";
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    refused(&utf16, "in.csv: row 2, line 3, byte 34: a quote is opened and never closed");
}

#[test]
fn far_into_a_file_the_byte_is_still_that_of_the_file_in_its_own_encoding() {
    let rows = "Müller,\"Ulm\nWest\"\n".repeat(60_000);
    let before = format!("\u{feff}name,city\n{rows}").encode_utf16().count() * 2;
    let text = format!("\u{feff}name,city\n{rows}A,\"x\n");
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let place = format!("row 60001, line 120002, byte {before}");
    refused(&utf16, &format!("in.csv: {place}: a quote is opened and never closed"));
}

/// The file comes through a named pipe: what is not read from it is never made.
#[test]
fn an_unclosed_quote_at_row_3_of_200_mb_stops_the_reading_there() {
    const BYTES: usize = 200 << 20;
    let lab = Lab::with(&[("club.toml", b"code = 'club'\nfields = [{ name = 'city', type = 'string' }]\n")]);
    assert!(Command::new("mkfifo").arg(lab.path("in.csv")).status().unwrap().success());
    let child = lab.start(&["generate", "in.csv", "--out", "out.csv", "--template", "club.toml"]);

    let mut pipe = OpenOptions::new().write(true).open(lab.path("in.csv")).unwrap();
    pipe.write_all(b"surname,city\nSmith,Bath\nJones,Ely\nBrown,\"Hove\n").unwrap();
    let row = b"Another,Oxford\n".repeat(4096);
    let mut written = 0;
    let outcome = loop {
        match pipe.write_all(&row) {
            Ok(()) if written < BYTES => written += row.len(),
            outcome => break outcome,
        }
    };
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::BrokenPipe, "the reading stops");
    assert!(written < 8 << 20, "{written} bytes were taken: a row has 1 MiB at most");
    finish(child.wait_with_output().unwrap()).fails(
        1,
        "in.csv: row 3, line 4, byte 34: the row is longer than 1048576 bytes: is a quote left open?",
    );
    assert_eq!(lab.names(), ["club.toml", "in.csv"]);
}

#[test]
fn an_unclosed_quote_in_a_200_mb_file_is_refused_without_a_template_too() {
    let lab = Lab::new();
    let mut file = File::create(lab.path("in.csv")).unwrap();
    file.write_all(b"surname,city\nSmith,Bath\nJones,Ely\nBrown,\"Hove\n").unwrap();
    // The rest is a hole: as long as the real thing, and no block of the disk.
    file.set_len(200 << 20).unwrap();
    lab.run(&["generate", "in.csv"]).fails(
        1,
        "in.csv: row 3, line 4, byte 34: the row is longer than 1048576 bytes: is a quote left open?",
    );
    assert_eq!(lab.names(), ["in.csv"]);
}
