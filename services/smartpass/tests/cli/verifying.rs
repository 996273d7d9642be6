//! `verify`: it passes on what `generate` wrote, and on nothing else.

use crate::support::{Lab, json};

/// Blank lines, CRLF, quoted cells and a bad row, with points that [`crate::support::CLUB`] wants.
const MIXED: &str =
    "surname,points\r\n\"Smi\r\nth\",1\r\n\r\nJones,2\r\nBad,x\r\n\"O\"\"Hara\",3\r\nBrown,4\r\n";

fn finished_run() -> Lab {
    let lab = Lab::with(&[("in.csv", MIXED.as_bytes())]);
    lab.publish_club("", "");
    lab.generate(&["in.csv", "--template", "club"], 2);
    lab
}

/// Writes a changed success file and demands that `verify` refuses it in these words.
#[track_caller]
fn changed(lab: &Lab, change: impl FnOnce(String) -> String, message: &str) {
    let before = lab.text("in.success.csv");
    let after = change(before.clone());
    assert_ne!(before, after, "the change changes something");
    lab.write("changed.csv", after);
    lab.run(&["verify", "in.csv", "changed.csv", "in.errors.csv"]).fails(1, message);
}

/// The text with one row, found by its start, replaced.
fn with_row(text: &str, start: &str, change: impl Fn(&str) -> String) -> String {
    let at = text.find(start).unwrap();
    let end = at + text[at..].find("http").unwrap();
    let end = end + text[end..].find('\n').unwrap() + 1;
    format!("{}{}{}", &text[..at], change(&text[at..end]), &text[end..])
}

#[test]
fn a_finished_run_passes_and_is_counted() {
    let lab = finished_run();
    let told = lab.ok(&["verify", "in.csv", "in.success.csv", "in.errors.csv", "--exact"]);
    let expected = "verified 5 rows: 4 links open to their own rows, 1 row in errors, in order, nothing \
                    lost or changed, and encoding it again gives the same bytes\n";
    assert_eq!(told, expected);
    let told = lab.ok(&["verify", "in.csv", "in.success.csv", "in.errors.csv", "--json"]);
    assert_eq!(json(&told), json(r#"{"rows": 5, "links": 4, "errors": 1, "exact": false}"#));
}

#[test]
fn utf_16_with_errors_and_blank_lines_passes() {
    let bytes: Vec<u8> = format!("\u{feff}{MIXED}").encode_utf16().flat_map(u16::to_be_bytes).collect();
    let lab = Lab::with(&[("in.csv", &bytes)]);
    lab.publish_club("", "");
    lab.generate(&["in.csv", "--template", "club"], 2);
    lab.ok(&["verify", "in.csv", "in.success.csv", "in.errors.csv", "--exact"]);
}

#[test]
fn a_dropped_a_doubled_and_a_swapped_row_are_found() {
    let lab = finished_run();
    let not_next = "it is not the next row of either output (I1)";
    changed(
        &lab,
        |text| with_row(&text, "Jones", |_| String::new()),
        &format!("row 2, line 5 of IN: {not_next}"),
    );
    changed(
        &lab,
        |text| with_row(&text, "Brown", |_| String::new()),
        &format!("row 5, line 8 of IN: {not_next}"),
    );
    changed(
        &lab,
        |text| with_row(&text, "Jones", |row| row.repeat(2)),
        &format!("row 4, line 7 of IN: {not_next}"),
    );
    changed(
        &lab,
        |text| with_row(&text, "Brown", |row| row.repeat(2)),
        "row 5, line 8 of SUCCESS: IN has no such row (I1)",
    );
    changed(
        &lab,
        |text| {
            let brown = text[text.find("Brown").unwrap()..].to_owned();
            let without = text.replace(&brown, "");
            with_row(&without, "Jones", |row| format!("{brown}{row}"))
        },
        &format!("row 2, line 5 of IN: {not_next}"),
    );
}

#[test]
fn a_changed_byte_is_found_wherever_it_is() {
    let lab = finished_run();
    let not_next = "it is not the next row of either output (I1)";
    changed(&lab, |text| text.replace("Jones", "Jonas"), &format!("row 2, line 5 of IN: {not_next}"));
    changed(
        &lab,
        |text| text.replace("\"O\"\"Hara\"", "O\"Hara"),
        &format!("row 4, line 7 of IN: {not_next}"),
    );
    changed(
        &lab,
        |text| with_row(&text, "Jones", |row| row.replace("\r\n", "\n")),
        &format!("row 2, line 5 of IN: {not_next}"),
    );
    changed(
        &lab,
        |text| text.replace("surname,points", "surname,Points"),
        "SUCCESS is not an output of IN: its columns are not those of IN and one more",
    );
    let url = lab.urls("in.success.csv").remove(2);
    let other = if url.as_bytes()[60] == b'A' { "B" } else { "A" };
    let forged = format!("{}{other}{}", &url[..60], &url[61..]);
    changed(
        &lab,
        |text| text.replace(&url, &forged),
        "row 4, line 7 of IN: this is not a link of the project",
    );
}

#[test]
fn links_of_other_rows_and_other_runs_are_found() {
    let lab = finished_run();
    let urls = lab.urls("in.success.csv");
    changed(
        &lab,
        |text| text.replace(&urls[1], "#").replace(&urls[3], &urls[1]).replace('#', &urls[3]),
        "row 2, line 5 of IN: the link is that of row 5",
    );
    lab.generate(&["in.csv", "--template", "club", "--out", "other.csv"], 2);
    let other = lab.urls("other.csv").remove(3);
    changed(
        &lab,
        |text| text.replace(&urls[3], &other),
        "row 5, line 8 of IN: the link is of another batch than the first one",
    );
    changed(
        &lab,
        |text| text.replace(&urls[3], &urls[3].replace("localhost", "example.com")),
        "row 5, line 8 of IN: the link is of another batch than the first one",
    );
}

#[test]
fn an_output_that_was_cut_off_is_found_at_every_byte() {
    let lab = finished_run();
    let whole = lab.text("in.success.csv");
    let first_row = whole.find('\n').unwrap() + 1;
    for length in (first_row..whole.len() - 2).step_by(13) {
        lab.write("cut.csv", &whole[..length]);
        let run = lab.run(&["verify", "in.csv", "cut.csv", "in.errors.csv"]);
        assert_eq!(run.code, Some(1), "{length} of {} bytes: {}", whole.len(), run.err);
    }
}

#[test]
fn a_missing_errors_file_is_asked_for() {
    let lab = finished_run();
    lab.run(&["verify", "in.csv", "in.success.csv"]).fails(
        1,
        "row 3, line 6 of IN: it is not the next row of either output (I1), \
         or give ERRORS if the run wrote one",
    );
    lab.run(&["verify", "in.csv", "in.success.csv", "in.csv"])
        .fails(1, "ERRORS is not an output of IN: its columns are not those of IN and \"error\"");
    let more = lab.text("in.errors.csv") + "Bad,y,\"row 9, line 9: points\"\r\n";
    lab.write("more.csv", more);
    lab.run(&["verify", "in.csv", "in.success.csv", "more.csv"])
        .fails(1, "row 2, line 3 of ERRORS: IN has no such row (I1)");
}

#[test]
fn only_exact_finds_a_changed_blank_line_and_a_changed_reason() {
    let lab = finished_run();
    lab.write("changed.csv", lab.text("in.success.csv").replace("\r\n\r\n", "\r\n"));
    lab.ok(&["verify", "in.csv", "changed.csv", "in.errors.csv"]);
    lab.run(&["verify", "in.csv", "changed.csv", "in.errors.csv", "--exact"])
        .fails_with(1, "changed.csv, byte ");
    lab.write("reason.csv", lab.text("in.errors.csv").replace("not an integer", "not an Integer"));
    lab.ok(&["verify", "in.csv", "in.success.csv", "reason.csv"]);
    lab.run(&["verify", "in.csv", "in.success.csv", "reason.csv", "--exact"])
        .fails_with(1, "encoding again gives other bytes (I4)");
    lab.write("longer.csv", lab.text("in.success.csv") + "\r\n");
    lab.ok(&["verify", "in.csv", "longer.csv", "in.errors.csv"]);
    lab.run(&["verify", "in.csv", "longer.csv", "in.errors.csv", "--exact"])
        .fails_with(1, "encoding again gives no more bytes (I4)");
}

#[test]
fn without_the_project_it_says_what_is_missing() {
    let lab = finished_run();
    std::fs::remove_dir_all(lab.state()).unwrap();
    lab.run(&["verify", "in.csv", "in.success.csv", "in.errors.csv"]).fails(
        1,
        "row 1, line 2 of IN: no project with a key and a template is in ~/state \
         (bring one with: smartpass project import FILE)",
    );
}
