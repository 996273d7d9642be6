//! The output is written as the input is: byte order mark, encoding, delimiter, line ends.

use crate::support::{Lab, json};

fn utf16le(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn from_utf16le(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks(2).map(|pair| u16::from_le_bytes(pair.try_into().unwrap())).collect();
    String::from_utf16(&units).unwrap()
}

fn fields(lab: &Lab, url: &str) -> serde_json::Value {
    json(&lab.ok(&["open", url]))["fields"].take()
}

#[test]
fn a_byte_order_mark_before_a_quoted_header_is_kept_and_no_part_of_the_name() {
    let lab = Lab::with(&[("in.csv", "\u{feff}\"surname\",\"city\"\n\"Smith\",Bath\n".as_bytes())]);
    lab.ok(&["generate", "in.csv"]);
    let url = lab.urls("in.success.csv").remove(0);
    let expected = format!("\u{feff}\"surname\",\"city\",smartUrl\n\"Smith\",Bath,{url}\n");
    assert_eq!(lab.text("in.success.csv"), expected);
    assert_eq!(fields(&lab, &url), json(r#"{"surname": "Smith", "city": "Bath"}"#));
    lab.ok(&["verify", "in.csv", "in.success.csv", "--exact"]);
}

#[test]
fn semicolons_and_crlf_from_a_spreadsheet_are_kept() {
    let lab = Lab::with(&[("in.csv", "surname;price\r\nSmith;1,50\r\n\r\nZoë;2,75".as_bytes())]);
    lab.ok(&["generate", "in.csv"]);
    let text = lab.text("in.success.csv");
    let urls = lab.urls("in.success.csv");
    let expected = format!(
        "surname;price;smartUrl\r\nSmith;1,50;{}\r\n\r\nZoë;2,75;{}",
        urls[0].trim_end(),
        urls[1].trim_end()
    );
    assert_eq!(text, expected, "blank lines stay, and so does the missing line end");
    assert_eq!(fields(&lab, &urls[1]), json(r#"{"surname": "Zoë", "price": "2,75"}"#));
    lab.ok(&["verify", "in.csv", "in.success.csv", "--exact"]);
}

#[test]
fn tabs_and_bars_separate_cells_too() {
    for delimiter in ["\t", "|"] {
        let text = "surname,city\nSmith,Bath\n".replace(',', delimiter);
        let lab = Lab::with(&[("in.csv", text.as_bytes())]);
        lab.ok(&["generate", "in.csv"]);
        let url = lab.urls("in.success.csv").remove(0);
        let expected = format!("surname,city,smartUrl\nSmith,Bath,{url}\n").replace(',', delimiter);
        assert_eq!(lab.text("in.success.csv"), expected);
    }
}

#[test]
fn utf_16_goes_out_as_utf_16_byte_for_byte() {
    let text = "\u{feff}surname\tcity\r\nMüller\t\"Køb\nenhavn\"\r\n𝔘lm\t東京\r\n";
    let lab = Lab::with(&[("in.csv", &utf16le(text))]);
    lab.ok(&["generate", "in.csv"]);
    let success = lab.read("in.success.csv");
    let decoded = from_utf16le(&success);
    assert_eq!(utf16le(&decoded), success);
    let without_links: Vec<&str> =
        decoded.split("\r\n").map(|row| row.rsplit_once('\t').map_or("", |row| row.0)).collect();
    assert_eq!(without_links.join("\r\n"), text);
    let url = decoded.rsplit('\t').next().unwrap().trim_end();
    assert_eq!(fields(&lab, url), json(r#"{"surname": "𝔘lm", "city": "東京"}"#));
    lab.ok(&["verify", "in.csv", "in.success.csv", "--exact"]);
}

#[test]
fn a_surrogate_that_stands_alone_is_a_row_error_with_its_bytes_kept() {
    let mut bytes = utf16le("\u{feff}surname,city\nSmith,");
    let bad_row = [utf16le("Jones,x"), vec![0x00, 0xd8], utf16le("y")].concat();
    bytes.extend(utf16le("Bath\n"));
    bytes.extend(&bad_row);
    bytes.extend(utf16le("\n"));
    let lab = Lab::with(&[("in.csv", &bytes)]);
    lab.generate(&["in.csv"], 2);
    let errors = lab.read("in.errors.csv");
    let expected =
        [utf16le("\u{feff}surname,city,error\n"), bad_row, utf16le(",\"row 2, line 3: city: ")].concat();
    assert!(errors.starts_with(&expected));
    let reason = from_utf16le(&errors[expected.len()..]);
    assert!(reason.ends_with("is not UTF-8 (save the file as UTF-8, or name its encoding)\"\n"), "{reason}");
    lab.ok(&["verify", "in.csv", "in.success.csv", "in.errors.csv", "--exact"]);
}

#[test]
fn windows_1252_is_read_and_written_when_told() {
    let lab = Lab::with(&[("in.csv", b"surname;pr\xe9nom\nM\xfcller;\x80uro\x81\n")]);
    lab.ok(&["generate", "in.csv", "--encoding", "windows-1252"]);
    let success = lab.read("in.success.csv");
    assert!(
        success
            .starts_with(b"surname;pr\xe9nom;smartUrl\nM\xfcller;\x80uro\x81;http://localhost:8080/local/")
    );
    let url = String::from_utf8(success.rsplit(|&byte| byte == b';').next().unwrap().to_vec()).unwrap();
    assert_eq!(fields(&lab, &url)["prénom"], "€uro\u{81}");
    lab.ok(&["verify", "in.csv", "in.success.csv", "--encoding", "windows-1252", "--exact"]);
}

#[test]
fn windows_1252_untold_is_refused_in_the_header_and_a_row_error_in_a_cell() {
    let lab = Lab::with(&[("in.csv", b"surname,pr\xe9nom\nSmith,Ann\n")]);
    lab.run(&["generate", "in.csv"]).fails(
        1,
        "in.csv: the header is not UTF-8 (a file from an older Windows program: use --encoding windows-1252)",
    );
    lab.write("in.csv", b"surname,city\nM\xfcller,Ulm\nSmith,Bath\n");
    let summary = lab.generate(&["in.csv"], 2);
    assert_eq!((&summary["links"], &summary["errors"]), (&1.into(), &1.into()));
    assert_eq!(summary["errors_by_kind"], json(r#"[{"field": "surname", "kind": "not-utf8", "rows": 1}]"#));
    let reason = "row 1, line 2: surname: \"\"M\u{fffd}ller\"\" is not UTF-8 \
                  (save the file as UTF-8, or name its encoding)";
    let expected = [b"surname,city,error\nM\xfcller,Ulm,\"", reason.as_bytes(), b"\"\n"].concat();
    assert_eq!(lab.read("in.errors.csv"), expected);
    lab.ok(&["verify", "in.csv", "in.success.csv", "in.errors.csv", "--exact"]);
}
