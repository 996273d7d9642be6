//! The steps of PassKit's public command-line tool, in Rust.
//!
//! The tool is `PassKit/smart-pass-link-from-csv-generator` on GitHub. Its source shows, for every row: a map
//! from column name to trimmed cell, marshalled to JSON with sorted keys; 16 random bytes; a fresh AES key
//! schedule; CBC with PKCS#7 padding; base64url without padding; the row with the URL as its last cell; and a
//! flush of the writer, which is one `write` system call for each row. This program keeps all of it, the flush too,
//! because a user of that tool waits for it.
//!
//! Two things differ: Go's JSON escapes `<`, `>` and `&`, and serde's does not; this program reuses buffers, and the
//! original leaves them to its garbage collector. A Go program of the same steps took two to three times as long as
//! this one on the machine where this was written, so the comparison flatters the original.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use aes::Aes256;
use anyhow::{Context, Result, anyhow};
use base64_simd::URL_SAFE_NO_PAD;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit};

const BLOCK: usize = 16;

/// Reads a 32-byte key from 64 hexadecimal digits.
pub fn parse_key(text: &str) -> Result<[u8; 32]> {
    let digits = text.trim().as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(anyhow!("the key file must hold 64 hexadecimal digits"));
    }
    let mut key = [0_u8; 32];
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or_default() as u8;
        *byte = value(pair[0]) << 4 | value(pair[1]);
    }
    Ok(key)
}

/// Writes every row of `input` with its `smartUrl` to `output` and returns the number of rows.
pub fn passkit(input: &Path, output: &Path, key: &[u8; 32], base_url: &str) -> Result<u64> {
    let source = File::open(input).with_context(|| format!("cannot open {}", input.display()))?;
    let target = File::create(output).with_context(|| format!("cannot create {}", output.display()))?;
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(source);
    let mut writer = csv::Writer::from_writer(target);

    let columns = reader.headers()?.clone();
    writer.write_record(columns.iter().chain(["smartUrl"]))?;

    let base_url = base_url.trim_matches('/');
    let mut record = csv::StringRecord::new();
    let mut buffer = Vec::new();
    let mut url = String::new();
    let mut rows = 0_u64;
    while reader.read_record(&mut record)? {
        let cells: BTreeMap<&str, &str> = columns.iter().zip(record.iter().map(str::trim)).collect();
        buffer.clear();
        serde_json::to_writer(&mut buffer, &cells)?;
        url.clear();
        push_url(base_url, key, &mut buffer, &mut url)?;
        record.push_field(&url);
        writer.write_record(&record)?;
        // The original makes one system call for each row too.
        writer.flush()?;
        rows += 1;
    }
    Ok(rows)
}

/// Encrypts the JSON in `buffer` in place and appends the whole link to `url`.
fn push_url(base_url: &str, key: &[u8; 32], buffer: &mut Vec<u8>, url: &mut String) -> Result<()> {
    let mut iv = [0_u8; BLOCK];
    getrandom::fill(&mut iv).map_err(|error| anyhow!("no random bytes: {error}"))?;
    let length = buffer.len();
    buffer.resize(length / BLOCK * BLOCK + BLOCK, 0);
    let cipher = cbc::Encryptor::<Aes256>::new(key.into(), &iv.into());
    let data =
        cipher.encrypt_padded::<Pkcs7>(buffer, length).map_err(|_| anyhow!("no room for the padding"))?;
    url.push_str(base_url);
    url.push_str("?data=");
    URL_SAFE_NO_PAD.encode_append(data, url);
    url.push_str("&iv=");
    for byte in iv {
        for digit in [byte >> 4, byte & 15] {
            url.push(char::from_digit(digit.into(), 16).unwrap_or_default());
        }
    }
    Ok(())
}
