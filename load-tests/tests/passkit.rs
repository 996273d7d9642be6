//! The PassKit baseline makes links that open.

#![allow(clippy::unwrap_used)]

use std::fs;

use aes::Aes256;
use base64_simd::URL_SAFE_NO_PAD;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use smartpass_load_tests::baseline;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn open(url: &str) -> String {
    let (data, iv) =
        url.strip_prefix("https://pub1.pskt.io/wrsynr?data=").unwrap().split_once("&iv=").unwrap();
    let mut data = URL_SAFE_NO_PAD.decode_to_vec(data).unwrap();
    let iv = u128::from_str_radix(iv, 16).unwrap().to_be_bytes();
    let key = baseline::parse_key(KEY).unwrap();
    let cipher = cbc::Decryptor::<Aes256>::new((&key).into(), (&iv).into());
    String::from_utf8(cipher.decrypt_padded::<Pkcs7>(&mut data).unwrap().to_vec()).unwrap()
}

#[test]
fn a_link_holds_the_trimmed_row_as_json_with_sorted_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in.csv"), folder.path().join("out.csv"));
    fs::write(&input, "surname,forename,note\nMüller, Ann ,\n\"Smith, Jr.\",Bob,x\n").unwrap();
    let key = baseline::parse_key(KEY).unwrap();
    assert_eq!(baseline::passkit(&input, &output, &key, "https://pub1.pskt.io/wrsynr/").unwrap(), 2);

    let mut reader = csv::Reader::from_path(&output).unwrap();
    assert_eq!(reader.headers().unwrap(), vec!["surname", "forename", "note", "smartUrl"]);
    let opened: Vec<String> = reader.records().map(|row| open(&row.unwrap()[3])).collect();
    assert_eq!(
        opened,
        [
            r#"{"forename":"Ann","note":"","surname":"Müller"}"#,
            r#"{"forename":"Bob","note":"x","surname":"Smith, Jr."}"#
        ]
    );
}

#[test]
fn a_key_that_is_not_64_hexadecimal_digits_is_refused() {
    assert!(baseline::parse_key("00ff").is_err());
    assert!(baseline::parse_key(&"zz".repeat(32)).is_err());
    assert_eq!(baseline::parse_key(&format!("{}\n", "0f".repeat(32))).unwrap(), [15; 32]);
}
