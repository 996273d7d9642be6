//! The checks themselves: each takes any bytes, and panics where a promise is broken.

use std::collections::BTreeMap;

use base64_simd::URL_SAFE_NO_PAD;
use smartpass_core::csv::{Cell, Cut, Row, RowFault, Rows, SplitError, Splitter};
use smartpass_core::ids::BatchId;
use smartpass_core::link::{BatchCipher, BatchKey, Expiry, Keyring, LinkKind, OpenError, Opener};
use smartpass_core::template::{Mapping, Template};

/// A file is cut and read alike in any pieces, and as the `csv` crate reads it, listed differences apart.
///
/// The first byte chooses the delimiter, the second how much the buffer grows at a time.
pub fn splitter(data: &[u8]) {
    let [choice, step, file @ ..] = data else { return };
    let delimiter = b",;\t|"[usize::from(choice % 4)];
    let step = usize::from(*step) + 1;
    let at_once = Splitter::new(delimiter).cut(file, true);
    let stepwise = cut_in_steps(file, delimiter, step);
    let whole = match (at_once, &stepwise) {
        (Ok(cut), Ok(_)) => cut,
        (Err(error), Err((start, same))) => {
            assert_eq!(error.before.bytes, start + same.before.bytes);
            assert!(error.unclosed_quote && same.unclosed_quote, "the input is far below the row limit");
            error.before
        }
        differ => panic!("{differ:?}"),
    };
    let text = &file[..whole.bytes];
    let rows = rows_of(text, delimiter);
    let sound: Vec<_> = rows.iter().filter(|(row, _)| !row.is_blank()).collect();
    assert_eq!(sound.len(), whole.rows as usize);
    assert_eq!(text.iter().filter(|&&byte| byte == b'\n').count() as u64, whole.lines);
    let joined: Vec<u8> =
        rows.iter().flat_map(|(row, _)| [row.text(text), row.line_end(text)].concat()).collect();
    assert_eq!(joined, text);
    if let Ok(chunks) = stepwise {
        let pieces = chunks.iter().flat_map(|(start, cut)| {
            let chunk = &text[*start..start + cut.bytes];
            rows_of(chunk, delimiter).into_iter().map(|(row, cells)| (row.text(chunk).to_vec(), cells))
        });
        let pieces: Vec<_> = pieces.collect();
        let all: Vec<_> = rows.iter().map(|(row, cells)| (row.text(text).to_vec(), cells.clone())).collect();
        assert_eq!(pieces, all);
    }
    compare_with_csv_crate(text, delimiter, &sound);
}

type Values = Vec<Vec<u8>>;

fn rows_of(text: &[u8], delimiter: u8) -> Vec<(Row, Values)> {
    let (mut rows, mut cells, mut found) = (Rows::new(text, delimiter), Vec::<Cell>::new(), Vec::new());
    while let Some(row) = rows.next(&mut cells) {
        found.push((row, cells.iter().map(|cell| cell.value(text, &mut Vec::new()).to_vec()).collect()));
    }
    found
}

fn cut_in_steps(file: &[u8], delimiter: u8, step: usize) -> Result<Vec<(usize, Cut)>, (usize, SplitError)> {
    let (mut start, mut end, mut chunks) = (0, 0, Vec::new());
    loop {
        end = file.len().min(end + step);
        let last = end == file.len();
        let cut = Splitter::new(delimiter).cut(&file[start..end], last).map_err(|error| (start, error))?;
        chunks.push((start, cut));
        start += cut.bytes;
        if last {
            return Ok(chunks);
        }
    }
}

fn compare_with_csv_crate(text: &[u8], delimiter: u8, rows: &[&(Row, Values)]) {
    let is_damaged = |row: &Row| row.fault.is_some() && row.text(text).contains(&b'\r');
    // Listed differences after which the rows are no longer side by side.
    if text.starts_with(b"\xef\xbb\xbf") || rows.iter().any(|(row, _)| is_damaged(row)) {
        return;
    }
    let mut reader = csv::ReaderBuilder::new();
    let reader = reader.has_headers(false).flexible(true).delimiter(delimiter).from_reader(text);
    let mut records = reader.into_byte_records();
    for (row, cells) in rows {
        let record = records.next().expect("as many records").expect("a record");
        let record: Values = record.iter().map(<[u8]>::to_vec).collect();
        match row.fault {
            None => assert_eq!(cells, &record),
            Some((fault, _)) => assert_eq!((fault, cells.len()), (RowFault::TextAfterQuote, record.len())),
        }
    }
    assert!(records.next().is_none());
}

const TEMPLATE: &str = r#"
code = "fuzz"
fields = [
    { name = "text", type = "string" },
    { name = "whole", type = "integer" },
    { name = "amount", type = "decimal" },
    { name = "flag", type = "boolean" },
    { name = "day", type = "date" },
    { name = "moment", type = "datetime" },
    { name = "tier", type = "enum", symbols = ["silver", "gold"] },
    { name = "id", type = "uuid" },
    { name = "phone", type = "phone" },
    { name = "name", type = "string", required = true },
]
"#;

/// Opening never panics and has one error before the tag; what opens is spelled as sealing spells it.
///
/// The input is tried as a token, and sealed as a payload whose token is then opened and changed.
pub fn token(data: &[u8]) {
    let template = Template::from_toml(TEMPLATE).expect("a template");
    let one = 1.try_into().expect("not zero");
    let keyring = Keyring {
        project: "wrsynr".parse().expect("a code"),
        keys: BTreeMap::from([(one, [7; 32].into())]),
        templates: BTreeMap::from([(one, template.clone())]),
    };
    let opener = Opener::new(keyring);
    if let Ok(text) = std::str::from_utf8(data) {
        assert_eq!(opener.open(text, None).map(drop), reseal(&opener, text));
    }
    assert_eq!(opener.open_bytes(data, None), Err(OpenError::BadToken), "nobody guesses a tag");

    let [choice, row, hours, change, at, datum @ ..] = data else { return };
    let kind = if choice & 1 == 0 { LinkKind::Encrypted } else { LinkKind::Signed };
    let row_number = u32::from(*row) << (choice >> 3);
    let cipher = cipher_of(kind, &template, u32::from(*hours));
    let mut token = Vec::new();
    let sealed = cipher.seal(row_number, &mut token, |out| {
        out.extend_from_slice(datum);
        Ok::<(), ()>(())
    });
    assert_eq!(sealed, Ok(()));
    let spelled = URL_SAFE_NO_PAD.encode_to_string(&token);
    match opener.open(&spelled, None) {
        Ok(opened) => {
            assert_eq!((opened.header.kind, opened.header.row_number), (kind, row_number));
            assert_eq!(opened.expires, Expiry::from_hours(u32::from(*hours)));
            let mut again = Vec::new();
            template
                .encode(opened.values.iter().map(Option::as_deref), &mut again)
                .expect("values that opened");
            assert_eq!(again, datum, "a datum has one spelling");
        }
        Err(error) => {
            let expected = if token.len() > 4096 { OpenError::BadToken } else { OpenError::BrokenPayload };
            assert_eq!(error, expected);
        }
    }
    let mut changed = spelled.into_bytes();
    let place = usize::from(*at) % changed.len();
    if changed[place] != *change {
        changed[place] = *change;
        if let Ok(text) = std::str::from_utf8(&changed) {
            assert_eq!(opener.open(text, None), Err(OpenError::BadToken));
        }
    }
}

fn cipher_of(kind: LinkKind, template: &Template, hours: u32) -> BatchCipher {
    let one = 1.try_into().expect("not zero");
    let batch = BatchKey {
        project: &"wrsynr".parse().expect("a code"),
        kind,
        key_version: one,
        template_number: one,
        batch_id: BatchId([9; 8]),
        schema_digest: template.schema_digest(),
    };
    BatchCipher::new(&[7; 32].into(), &batch, hours)
}

/// Opens a token and seals what came out; a token that opens is the one that is sealed.
fn reseal(opener: &Opener, text: &str) -> Result<(), OpenError> {
    let opened = opener.open(text, None)?;
    let header = opened.header;
    let template = &opener.keyring().templates[&header.template_number];
    let batch = BatchKey {
        project: &opener.keyring().project,
        kind: header.kind,
        key_version: header.key_version,
        template_number: header.template_number,
        batch_id: header.batch_id,
        schema_digest: template.schema_digest(),
    };
    let key = &opener.keyring().keys[&header.key_version].key;
    let cipher = BatchCipher::new(key, &batch, opened.expires.map_or(0, Expiry::hours));
    let mut token = Vec::new();
    let values = opened.values.iter().map(Option::as_deref);
    cipher
        .seal(header.row_number, &mut token, |datum| template.encode(values, datum))
        .expect("values that opened");
    assert_eq!(URL_SAFE_NO_PAD.encode_to_string(&token), text);
    Ok(())
}

/// The parsers never panic, and a template that they take survives both forms and maps its own names.
pub fn template(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for template in [Template::from_toml(text), Template::from_json(text)] {
        let template = match template {
            Ok(template) => template,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                continue;
            }
        };
        assert_eq!(Template::from_toml(&template.to_toml()).as_ref(), Ok(&template));
        assert_eq!(Template::from_json(&template.to_json()).as_ref(), Ok(&template));
        assert_eq!(template.schema_text().lines().count(), template.fields.len());
        let columns: Vec<String> = template.fields.iter().map(|field| field.name.clone()).collect();
        let mapping = Mapping::build(&template, &columns, &[]).expect("names that are the fields'");
        assert!(mapping.columns.iter().enumerate().all(|(index, column)| *column == Some(index)));
        let mut datum = Vec::new();
        let blank = template.encode([], &mut datum);
        assert_eq!(blank.is_ok(), template.fields.iter().all(|field| !field.required));
        if blank.is_ok() {
            assert_eq!(template.decode(&datum), Some(vec![None; template.fields.len()]));
        }
    }
}
