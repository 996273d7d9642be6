//! Reading is that of the `csv` crate, but for the differences that the module's table lists; the row limit.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use smartpass_core::csv::{Cut, MAX_ROW_BYTES, Row, RowFault, SplitError, Splitter};

use support::files::{cut_in_steps, files, rows};

type Record = Vec<Vec<u8>>;

fn with_csv_crate(text: &[u8], delimiter: u8) -> Vec<Record> {
    let mut reader = csv::ReaderBuilder::new();
    let reader = reader.has_headers(false).flexible(true).delimiter(delimiter);
    let records = reader.from_reader(text).into_byte_records();
    records.map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect()).collect()
}

/// The rows that are no blank lines, and their cells' values.
fn with_rows(text: &[u8], delimiter: u8) -> Vec<(Row, Record)> {
    let values = |cells: Vec<smartpass_core::csv::Cell>| {
        cells.iter().map(|cell| cell.value(text, &mut Vec::new()).to_vec()).collect()
    };
    let rows = rows(text, delimiter).into_iter().filter(|(row, _)| !row.is_blank());
    rows.map(|(row, cells)| (row, values(cells))).collect()
}

fn has_lone_carriage_return(row: &[u8]) -> bool {
    row.iter().enumerate().any(|(at, byte)| *byte == b'\r' && row.get(at + 1) != Some(&b'\n'))
}

proptest! {
    #![proptest_config(support::cases(2000))]

    #[test]
    fn cells_are_those_of_the_csv_crate_but_for_the_listed_differences(
        mut file in files(), mend: bool, times in prop_oneof![3 => Just(1usize), 1 => 2..9usize],
    ) {
        // Long enough, now and then, for every buffer and block of the reader.
        file.bytes = file.bytes.repeat(times);
        // A carriage return alone ends a row there, and then the rows no longer lie side by side.
        for at in 0..file.bytes.len() {
            if mend && file.bytes[at] == b'\r' && file.bytes.get(at + 1) != Some(&b'\n') {
                file.bytes[at] = b'r';
            }
        }
        let cut = match Splitter::new(file.delimiter).cut(&file.bytes, true) {
            Ok(cut) => cut,
            Err(error) => error.before,
        };
        let text = &file.bytes[..cut.bytes];
        let ours = with_rows(text, file.delimiter);
        let differs = |row: &Row| row.fault.is_some() && has_lone_carriage_return(row.text(text));
        if ours.iter().any(|(row, _)| differs(row)) {
            return Ok(());
        }
        let theirs = with_csv_crate(text, file.delimiter);
        prop_assert_eq!(ours.len(), theirs.len());
        prop_assert_eq!(cut.rows as usize, theirs.len());
        for ((row, cells), record) in ours.iter().zip(&theirs) {
            prop_assert_eq!(cells.len(), record.len());
            match row.fault {
                None => prop_assert_eq!(cells, record),
                Some((fault, first)) => {
                    prop_assert_eq!(fault, RowFault::TextAfterQuote);
                    prop_assert_eq!(&cells[..first], &record[..first]);
                    prop_assert_ne!(&cells[first], &record[first]);
                }
            }
        }
    }

    #[test]
    fn what_the_csv_crate_writes_reads_back(
        records in vec(vec(".{0,12}|[ab\"\r\n,;]{0,6}", 1..5), 0..12),
        style in 0..3usize,
    ) {
        let styles = [csv::QuoteStyle::Necessary, csv::QuoteStyle::Always, csv::QuoteStyle::NonNumeric];
        let mut writer = csv::WriterBuilder::new();
        let mut writer = writer.flexible(true).quote_style(styles[style]).from_writer(Vec::new());
        records.iter().for_each(|record| writer.write_record(record).unwrap());
        let text = writer.into_inner().unwrap();
        let read = with_rows(&text, b',');
        prop_assert!(read.iter().all(|(row, _)| row.fault.is_none()));
        let cells: Vec<Record> = read.into_iter().map(|(_, cells)| cells).collect();
        let bytes = |record: &Vec<String>| record.iter().map(|cell| cell.clone().into_bytes()).collect();
        let written: Vec<Record> = records.iter().map(bytes).collect();
        prop_assert_eq!(cells, written);
        prop_assert_eq!(Splitter::new(b',').cut(&text, true).unwrap().rows as usize, records.len());
    }
}

fn record(cells: &[&str]) -> Record {
    cells.iter().map(|cell| cell.as_bytes().to_vec()).collect()
}

/// Our rows' faults and cells.
fn ours(text: &str) -> Vec<(Option<(RowFault, usize)>, Record)> {
    with_rows(text.as_bytes(), b',').into_iter().map(|(row, cells)| (row.fault, cells)).collect()
}

#[test]
fn a_lone_carriage_return_ends_a_row_there_and_is_a_row_error_here() {
    let text = "a,b\rc\n1,2\n";
    let theirs = [record(&["a", "b"]), record(&["c"]), record(&["1", "2"])];
    assert_eq!(with_csv_crate(text.as_bytes(), b','), theirs);
    let fault = Some((RowFault::CarriageReturn, 1));
    assert_eq!(ours(text), [(fault, record(&["a", "b\rc"])), (None, record(&["1", "2"]))]);
    assert_eq!(ours("a\r")[0].0, Some((RowFault::CarriageReturn, 0)), "also at the end of the file");
    assert_eq!(ours("a\r\r\n")[0].0, Some((RowFault::CarriageReturn, 0)), "also before a CRLF");
    assert_eq!(ours("\"a\"\rb\n")[0].0, Some((RowFault::TextAfterQuote, 0)), "also after a quoted cell");
}

#[test]
fn text_after_a_closing_quote_is_part_of_the_cell_there_and_a_row_error_here() {
    let text = "1,\"ab\"c,\"d\"\n2,3,4\n";
    assert_eq!(with_csv_crate(text.as_bytes(), b',')[0], record(&["1", "abc", "d"]));
    let fault = Some((RowFault::TextAfterQuote, 1));
    assert_eq!(ours(text)[0], (fault, record(&["1", "ab", "d"])));
    assert_eq!(ours(text)[1], (None, record(&["2", "3", "4"])));
    assert_eq!(ours("\"ab\" ,c\n")[0].0, Some((RowFault::TextAfterQuote, 0)), "a space is text too");
}

#[test]
fn an_unclosed_quote_takes_the_rest_of_the_file_there_and_stops_it_here() {
    let text = "1,2\n3,\"4\n5,6\n";
    assert_eq!(with_csv_crate(text.as_bytes(), b',')[1], record(&["3", "4\n5,6\n"]));
    let before = Cut { bytes: 4, rows: 1, lines: 1 };
    let stopped = Splitter::new(b',').cut(text.as_bytes(), true);
    assert_eq!(stopped, Err(SplitError { before, unclosed_quote: true }));
    // While more may follow, the rows before it are cut off.
    assert_eq!(Splitter::new(b',').cut(text.as_bytes(), false), Ok(before));
    assert_eq!(ours(text)[1].0, Some((RowFault::UnclosedQuote, 1)), "without a splitter: a row error");
}

#[test]
fn a_row_over_the_limit_is_read_there_and_stops_the_file_here() {
    let text = [b"1\n", &b"x".repeat(MAX_ROW_BYTES + 1)[..], b"\n"].concat();
    assert_eq!(with_csv_crate(&text, b',').len(), 2);
    let before = Cut { bytes: 2, rows: 1, lines: 1 };
    assert_eq!(Splitter::new(b',').cut(&text, true), Err(SplitError { before, unclosed_quote: false }));
}

#[test]
fn a_ragged_row_stops_the_file_there_and_is_a_row_here() {
    let text = "a,b\n1\n1,2,3\n";
    let mut reader = csv::ReaderBuilder::new();
    let strict = reader.has_headers(false).from_reader(text.as_bytes());
    assert!(strict.into_byte_records().any(|record| record.is_err()));
    assert_eq!(ours(text).iter().map(|(_, cells)| cells.len()).collect::<Vec<_>>(), [2, 1, 3]);
}

#[test]
fn blank_lines_are_no_rows_and_are_kept() {
    let text = "\n1\n\r\n\n2\n\n";
    assert_eq!(with_csv_crate(text.as_bytes(), b','), [record(&["1"]), record(&["2"])]);
    assert_eq!(ours(text).len(), 2);
    assert_eq!(rows(text.as_bytes(), b',').len(), 6);
    let cut = Splitter::new(b',').cut(text.as_bytes(), true).unwrap();
    assert_eq!(cut, Cut { bytes: text.len(), rows: 2, lines: 6 });
    // A row of one cell that is empty needs its quotes; a row of white space is a row.
    assert_eq!(ours("\"\"\n \n"), [(None, record(&[""])), (None, record(&[" "]))]);
}

#[test]
fn a_byte_order_mark_is_dropped_there_and_taken_off_before_here() {
    let text = "\u{feff}a,b\n";
    assert_eq!(with_csv_crate(text.as_bytes(), b',')[0], record(&["a", "b"]));
    assert_eq!(ours(text)[0].1, record(&["\u{feff}a", "b"]));
}

#[test]
fn a_quote_inside_an_unquoted_cell_is_a_character_in_both() {
    for text in ["ab\"c,d\n", "ab\",d\n", "a\"\"b,\"d\"\n", " \"a\",b\n", "1,a\"b\nc\"d,2\n"] {
        let cells: Vec<Record> = ours(text).into_iter().map(|(_, cells)| cells).collect();
        assert_eq!(cells, with_csv_crate(text.as_bytes(), b','), "{text}");
        assert!(ours(text).iter().all(|(fault, _)| fault.is_none()));
    }
}

/// Buffers that grow by a little, by more than a row, and by everything.
const STEPS: [&[usize]; 4] =
    [&[400_000], &[MAX_ROW_BYTES, 4], &[MAX_ROW_BYTES + 1, 1, 1, 1, 1, 1, 1, 1 << 20], &[8 << 20]];

#[test]
fn a_row_of_one_mebibyte_is_taken_and_one_byte_more_is_not() {
    for end in ["\n", "\r\n", ""] {
        for (length, fits) in [(MAX_ROW_BYTES, true), (MAX_ROW_BYTES + 1, false)] {
            for quoted in [false, true] {
                let row =
                    if quoted { format!("\"{}\"", "\n".repeat(length - 2)) } else { "x".repeat(length) };
                let after = if end.is_empty() { "" } else { "3,4\n" };
                let text = format!("1,2\n{row}{end}{after}").into_bytes();
                for steps in STEPS {
                    let outcome = cut_in_steps(&text, b',', steps);
                    let context =
                        format!("{length} bytes, ended by {end:?}, quoted {quoted}, steps {steps:?}");
                    match outcome {
                        Ok(chunks) => {
                            let cut: u32 = chunks.iter().map(|(_, cut)| cut.rows).sum();
                            assert!(fits && cut == 2 + u32::from(!end.is_empty()), "{context}");
                        }
                        Err((start, error)) => {
                            assert!(!fits && !error.unclosed_quote, "{context}");
                            assert_eq!(start + error.before.bytes, 4, "{context}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_quote_left_open_is_found_at_the_end_of_the_file_or_after_one_mebibyte() {
    for (rows_after, at_the_end) in [(0, true), (1000, true), (200_000, false)] {
        let text = format!("1,2\n\n3,\"4\n{}", "5,6,7\n".repeat(rows_after)).into_bytes();
        for steps in STEPS {
            let (start, error) = cut_in_steps(&text, b',', steps).unwrap_err();
            assert_eq!((start + error.before.bytes, error.unclosed_quote), (5, at_the_end), "{steps:?}");
        }
    }
}

#[test]
fn a_long_row_behind_many_others_is_named_by_its_own_place() {
    for quote in ["", "\""] {
        let text =
            format!("{}{quote}{}", "a,b\r\n".repeat(30_000), "x".repeat(2 * MAX_ROW_BYTES)).into_bytes();
        for last in [false, true] {
            let before = Splitter::new(b',').cut(&text, last).unwrap_err().before;
            assert_eq!(before, Cut { bytes: 150_000, rows: 30_000, lines: 30_000 });
        }
    }
}
