//! Rows that break others: each is a link or a row error, never a lost row and never a stopped job.

use crate::support::{Lab, json};

/// Runs `generate in.csv`, verifies the run byte for byte, and answers the errors file's text.
#[track_caller]
fn errors_of(lab: &Lab, options: &[&str]) -> String {
    lab.generate(&[&["in.csv"], options].concat(), 2);
    lab.ok(&["verify", "in.csv", "in.success.csv", "in.errors.csv", "--exact"]);
    lab.text("in.errors.csv")
}

#[track_caller]
fn all_become_links(lab: &Lab, options: &[&str]) {
    lab.generate(&[&["in.csv"], options].concat(), 0);
    lab.ok(&["verify", "in.csv", "in.success.csv", "--exact"]);
    assert!(!lab.path("in.errors.csv").exists());
}

#[test]
fn quoted_cells_may_hold_line_ends_quotes_and_delimiters() {
    let rows = "\"Smi\nth\",\"a \"\"quoted\"\" word\"\n\"Jones, Jr\",\"x\r\ny\"\n";
    let lab = Lab::with(&[("in.csv", format!("surname,note\n{rows}").as_bytes())]);
    all_become_links(&lab, &[]);
    let text = lab.text("in.success.csv");
    let url = text.rsplit(',').next().unwrap().trim_end();
    let carried = json(&lab.ok(&["open", url]));
    assert_eq!(carried["fields"], json(r#"{"surname": "Jones, Jr", "note": "x\r\ny"}"#));
    assert_eq!(carried["row"], 2);
}

#[test]
fn ragged_rows_are_row_errors_with_row_and_line() {
    let lab = Lab::with(&[("in.csv", b"surname,city\n\"Smi\nth\",Bath\nJones\n\nBrown,Ely,x\n")]);
    let expected = "surname,city,error\n\
        Jones,\"row 2, line 4: 1 cells (expected 2, as in the header)\"\n\
        Brown,Ely,x,\"row 3, line 6: 3 cells (expected 2, as in the header)\"\n";
    assert_eq!(errors_of(&lab, &[]), expected.replace("1 cells", "1 cell"));
}

#[test]
fn stray_quotes_and_carriage_returns_are_row_errors() {
    let lab = Lab::with(&[("in.csv", b"surname,city\n\"Smith\"x,Bath\nJo\rnes,Ely\nBro\"wn,Hove\n")]);
    let expected = "surname,city,error\n\
        \"Smith\"x,Bath,\"row 1, line 2: surname: text after a closing quote \
        (write a quote inside a quoted cell twice: \"\"\"\")\"\n\
        Jo\rnes,Ely,\"row 2, line 3: surname: a carriage return alone \
        (end rows with LF or CRLF, or quote the cell)\"\n";
    assert_eq!(errors_of(&lab, &[]), expected);
    assert_eq!(lab.urls("in.success.csv").len(), 1);
}

#[test]
fn a_number_that_a_spreadsheet_shortened_is_told_so() {
    let template = "code = 'club'\nfields = [{ name = 'mobile', type = 'phone' }]\n";
    let lab =
        Lab::with(&[("in.csv", b"mobile\n4.41E+11\n+447700900123\n"), ("club.toml", template.as_bytes())]);
    let expected = "mobile,error\n4.41E+11,\"row 1, line 2: mobile: \"\"4.41E+11\"\" is a number that a \
        spreadsheet shortened: its digits are lost \
        (format the column as text before you fill or open it, then export again)\"\n";
    assert_eq!(errors_of(&lab, &["--template", "club.toml"]), expected);
}

#[test]
fn a_nul_in_a_cell_is_a_character_like_any_other() {
    let lab = Lab::with(&[("in.csv", b"surname,city\nSm\0ith,Bath\n")]);
    all_become_links(&lab, &[]);
    let url = lab.urls("in.success.csv").remove(0);
    assert_eq!(json(&lab.ok(&["open", &url]))["fields"]["surname"], "Sm\0ith");
}

#[test]
fn a_cell_that_is_not_utf8_is_a_row_error_and_its_bytes_are_kept() {
    let lab = Lab::with(&[("in.csv", b"surname,city\nSmith,B\xff\xfeth\nJones,Ely\n")]);
    lab.generate(&["in.csv"], 2);
    let errors = lab.read("in.errors.csv");
    assert!(errors.starts_with(b"surname,city,error\nSmith,B\xff\xfeth,\"row 1, line 2: city: "));
    assert_eq!(lab.urls("in.success.csv").len(), 1);
    lab.ok(&["verify", "in.csv", "in.success.csv", "in.errors.csv", "--exact"]);
}

#[test]
fn bytes_that_are_not_utf8_do_no_harm_outside_the_link() {
    let template = "code = 'club'\nfields = [{ name = 'surname', type = 'string' }]\n";
    let lab = Lab::with(&[("in.csv", b"surname,city\nSmith,B\xffth\n"), ("club.toml", template.as_bytes())]);
    lab.generate(&["in.csv", "--template", "club.toml"], 0);
    assert!(lab.read("in.success.csv").starts_with(b"surname,city,smartUrl\nSmith,B\xffth,http"));
}

#[test]
fn a_huge_cell_is_kept_where_it_is_not_mapped_and_a_row_error_where_it_is() {
    let huge = "x".repeat(900 << 10);
    let text = format!("surname,notes\nSmith,{huge}\nJones,short\n");
    let template = "code = 'club'\nfields = [{ name = 'surname', type = 'string' }]\n";
    let lab = Lab::with(&[("in.csv", text.as_bytes()), ("club.toml", template.as_bytes())]);
    all_become_links(&lab, &["--template", "club.toml"]);
    assert!(lab.text("in.success.csv").starts_with(&format!("surname,notes,smartUrl\nSmith,{huge},http")));

    let errors = errors_of(&lab, &["--force"]);
    let reason = "row 1, line 2: the link would hold 921638 bytes \
        (expected at most 4096: map fewer or shorter columns)";
    assert_eq!(errors, format!("surname,notes,error\nSmith,{huge},\"{reason}\"\n"));
}

#[test]
fn ten_thousand_columns_are_read_and_a_template_chooses_among_them() {
    let line = |cell: &str| (0..10_000).map(|number| format!("{cell}{number}")).collect::<Vec<_>>().join(",");
    let text = format!("{}\n{}\n", line("column "), line("v"));
    let template = "code = 'club'\nfields = [{ name = 'column 9999', type = 'string' }]\n";
    let lab = Lab::with(&[("in.csv", text.as_bytes()), ("club.toml", template.as_bytes())]);
    all_become_links(&lab, &["--template", "club.toml"]);
    let success = lab.text("in.success.csv");
    let url = success.rsplit(',').next().unwrap().trim_end();
    assert_eq!(json(&lab.ok(&["open", url]))["fields"], json(r#"{"column 9999": "v9999"}"#));

    lab.generate(&["in.csv", "--force"], 2);
    lab.ok(&["verify", "in.csv", "in.success.csv", "in.errors.csv"]);
    assert!(lab.text("in.errors.csv").contains("(expected at most 4096: map fewer or shorter columns)"));
    lab.run(&["verify", "in.csv", "in.success.csv", "in.errors.csv", "--exact"])
        .fails(64, "--exact takes the batch id from a v1 link, and there is none in SUCCESS (leave it out)");
}

#[test]
fn blank_lines_are_kept_and_are_no_rows() {
    let lab = Lab::with(&[("in.csv", b"\n\r\nsurname,city\n\nSmith,Bath\n\r\n\nJones,Ely\n\n")]);
    let summary = lab.generate(&["in.csv"], 0);
    assert_eq!(summary["rows"], 2);
    let text = lab.text("in.success.csv");
    let links: Vec<&str> = text.split(['\n', ',']).filter(|cell| cell.starts_with("http")).collect();
    let expected =
        format!("\n\r\nsurname,city,smartUrl\n\nSmith,Bath,{}\n\r\n\nJones,Ely,{}\n\n", links[0], links[1]);
    assert_eq!(text, expected);
    lab.ok(&["verify", "in.csv", "in.success.csv", "--exact"]);
}

#[test]
fn the_last_row_needs_no_line_end_in_either_output() {
    for (text, code) in [("surname\nSmith", 0), ("surname\nSmith\nJones,x", 2)] {
        let lab = Lab::with(&[("in.csv", text.as_bytes())]);
        lab.generate(&["in.csv"], code);
        let last = if code == 0 { "in.success.csv" } else { "in.errors.csv" };
        assert!(!lab.text(last).ends_with('\n'));
        assert!(lab.text("in.success.csv").starts_with("surname,smartUrl\nSmith,http"));
    }
}

#[test]
fn repaired_errors_can_be_fed_back_and_fail_again_with_one_error_column() {
    let template = "code = 'club'\nfields = [{ name = 'points', type = 'integer', required = true }]\n";
    let lab = Lab::with(&[
        ("in.csv", b"name,points\nA,1\nB,many\nC,\nD,\"x,y\"\nE,5,6\n"),
        ("club.toml", template.as_bytes()),
    ]);
    let errors = errors_of(&lab, &["--template", "club.toml"]);
    assert!(
        errors
            .starts_with("name,points,error\nB,many,\"row 2, line 3: points: \"\"many\"\" is not an integer")
    );

    lab.write("again.csv", errors.replace("B,many,", "B,22,"));
    let summary = lab.generate(&["again.csv", "--template", "club.toml"], 2);
    assert_eq!((&summary["links"], &summary["errors"]), (&1.into(), &3.into()));
    assert_eq!(summary["template"]["unmapped"], json(r#"[{"column": "name", "suggestion": null}]"#));
    let again = lab.text("again.errors.csv");
    assert!(
        again.starts_with("name,points,error\nC,,\"row 2, line 3: points: blank, but required"),
        "{again}"
    );
    assert_eq!(again.matches("blank, but required").count(), 1, "the old reason is replaced");
    assert_eq!(again.lines().next(), Some("name,points,error"));
    lab.ok(&["verify", "again.csv", "again.success.csv", "again.errors.csv", "--exact"]);

    lab.write("last.csv", again.replace("C,,", "C,3,").replacen("\"x,y\"", "4", 1).replace("E,5,6,", "E,5,"));
    lab.generate(&["last.csv", "--template", "club.toml"], 0);
    lab.ok(&["verify", "last.csv", "last.success.csv", "--exact"]);
}

#[test]
fn one_leading_zero_late_in_a_column_of_numbers_makes_it_a_string() {
    let numbers: String = (1..=100_000)
        .map(|row| if row == 90_000 { "007\n".to_owned() } else { format!("{row}\n") })
        .collect();
    let lab = Lab::with(&[("in.csv", format!("badge\n{numbers}").as_bytes())]);
    let summary = lab.generate(&["in.csv"], 0);
    assert_eq!(summary["links"], 100_000);
    assert_eq!(lab.ok(&["template", "show", "in", "--schema-text"]), "badge\tstring\trequired\n");
    let url = lab.urls("in.success.csv").remove(89_999);
    assert_eq!(json(&lab.ok(&["open", &url]))["fields"]["badge"], "007");
    lab.ok(&["verify", "in.csv", "in.success.csv", "--exact"]);
}
