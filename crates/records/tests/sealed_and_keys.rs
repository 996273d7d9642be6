//! Sealed blobs and wrapped keys: what was sealed opens where it was sealed for, and nothing else does.
#![allow(clippy::unwrap_used, missing_docs)]

use bytes::Bytes;
use proptest::prelude::*;
use smartpass_core::ids::{ProjectCode, Tag};
use smartpass_platform::Error;
use smartpass_records::data_key::DataKey;
use smartpass_records::wrapping_keys::{MasterKey, Purpose, WrappingKeys};

const PATH: &str = "jobs/1/in/0.1";
const KEY: [u8; 32] = [0x5a; 32];

fn data_key() -> DataKey {
    DataKey::from([7; 32])
}

fn sealed(text: &[u8]) -> (Vec<u8>, Tag) {
    let blob = data_key().seal(PATH, text.to_vec()).unwrap();
    assert_eq!(blob.plain_bytes, text.len() as u64);
    (blob.pieces.concat(), blob.tag)
}

fn is_damaged(path: &str, tag: Tag, bytes: &[u8]) -> bool {
    let opened = data_key().open(path, tag, Bytes::copy_from_slice(bytes));
    opened == Err(Error::Damaged(format!("blob {path}")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sealed_opens(
        text in proptest::collection::vec(any::<u8>(), 0..5_000),
        path in "[a-z0-9/.]{1,40}",
    ) {
        let blob = data_key().seal(&path, text.clone()).unwrap();
        let opened = data_key().open(&path, blob.tag, Bytes::from(blob.pieces.concat())).unwrap();
        prop_assert_eq!(opened, text);
    }

    #[test]
    fn nothing_of_the_text_is_in_the_pieces(text in proptest::collection::vec(any::<u8>(), 8..2_000)) {
        let (bytes, _) = sealed(&text);
        prop_assert_eq!(bytes.len(), 12 + text.len() + 16);
        let windows: std::collections::HashSet<&[u8]> = bytes.windows(8).collect();
        prop_assert!(!text.windows(8).any(|piece| windows.contains(piece)));
    }

    #[test]
    fn a_changed_byte_is_damage(
        text in proptest::collection::vec(any::<u8>(), 0..300),
        place in any::<prop::sample::Index>(),
        change in 1..=255u8,
    ) {
        let (mut bytes, tag) = sealed(&text);
        let place = place.index(bytes.len());
        bytes[place] ^= change;
        prop_assert!(is_damaged(PATH, tag, &bytes));
    }

    #[test]
    fn another_path_is_damage(path in "[a-z0-9/.]{0,20}") {
        prop_assume!(path != PATH);
        let (bytes, tag) = sealed(b"a row");
        prop_assert!(is_damaged(&path, tag, &bytes));
    }
}

#[test]
fn every_flipped_bit_is_damage() {
    let (bytes, tag) = sealed(b"a row");
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(is_damaged(PATH, tag, &flipped), "bit {bit}");
    }
    for bit in 0..128 {
        let mut flipped = tag;
        flipped.0[bit / 8] ^= 1 << (bit % 8);
        assert!(is_damaged(PATH, flipped, &bytes), "bit {bit} of the tag");
    }
}

#[test]
fn another_length_is_damage() {
    let (bytes, tag) = sealed(b"a row");
    for length in 0..bytes.len() {
        assert!(is_damaged(PATH, tag, &bytes[..length]), "the first {length} bytes");
        assert!(is_damaged(PATH, tag, &bytes[bytes.len() - length..]), "the last {length} bytes");
    }
    assert!(is_damaged(PATH, tag, &[&bytes[..], b"\0"].concat()));
}

#[test]
fn an_older_blob_of_the_same_path_is_damage() {
    let ((old, _), (_, tag)) = (sealed(b"a row"), sealed(b"a row"));
    assert!(is_damaged(PATH, tag, &old));
}

#[test]
fn another_data_key_does_not_open() {
    let (bytes, tag) = sealed(b"a row");
    let opened = DataKey::from([8; 32]).open(PATH, tag, Bytes::from(bytes));
    assert_eq!(opened, Err(Error::Damaged(format!("blob {PATH}"))));
}

#[test]
fn the_same_text_is_sealed_otherwise_each_time() {
    let ((first, _), (second, _)) = (sealed(b"the same row"), sealed(b"the same row"));
    assert_ne!(first[..12], second[..12]);
    assert_ne!(first[12..24], second[12..24]);
}

fn project(code: &str) -> ProjectCode {
    code.parse().unwrap()
}

/// Wrapping keys of every purpose, of a new master key.
fn wrapping_keys() -> WrappingKeys {
    MasterKey::generate().unwrap().wrapping_keys(&Purpose::ALL)
}

fn wrap(master: &WrappingKeys) -> Vec<u8> {
    master.wrap(Purpose::Link, &project("wrsynr"), "1", &KEY).unwrap()
}

#[test]
fn a_wrapped_key_unwraps_and_does_not_show() {
    let master = wrapping_keys();
    let (wrapped, again) = (wrap(&master), wrap(&master));
    assert_ne!(wrapped, again);
    assert!(!wrapped.windows(4).any(|piece| piece == &KEY[..4]));
    for wrapped in [wrapped, again] {
        assert_eq!(*master.unwrap(Purpose::Link, &project("wrsynr"), "1", &wrapped).unwrap(), KEY);
    }
}

#[test]
fn a_wrapped_key_does_not_unwrap_anywhere_else() {
    let master = wrapping_keys();
    let wrapped = wrap(&master);
    for (purpose, code, version) in [
        (Purpose::JobData, "wrsynr", "1"),
        (Purpose::Link, "wrsyns", "1"),
        (Purpose::Link, "wrsynr", "2"),
        (Purpose::Link, "wrsynr", "11"),
        (Purpose::Link, "wrsynr", ""),
    ] {
        let outcome = master.unwrap(purpose, &project(code), version, &wrapped);
        assert!(matches!(outcome, Err(Error::Damaged(_))), "{purpose:?} {code} {version}");
    }
}

#[test]
fn a_wrapped_key_with_a_flipped_bit_does_not_unwrap() {
    let master = wrapping_keys();
    let wrapped = wrap(&master);
    for bit in 0..wrapped.len() * 8 {
        let mut flipped = wrapped.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let outcome = master.unwrap(Purpose::Link, &project("wrsynr"), "1", &flipped);
        // The first four bytes name the master key.
        let fits = if bit < 32 { matches!(outcome, Err(Error::Config(_))) } else { is_damage(&outcome) };
        assert!(fits, "bit {bit}");
    }
    for length in 0..wrapped.len() {
        assert!(is_damage(&master.unwrap(Purpose::Link, &project("wrsynr"), "1", &wrapped[..length])));
    }
    let longer = [&wrapped[..], b"\0"].concat();
    assert!(is_damage(&master.unwrap(Purpose::Link, &project("wrsynr"), "1", &longer)));
}

fn is_damage<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Damaged(_)))
}

#[test]
fn another_master_key_is_told_apart_from_damage() {
    let wrapped = wrap(&wrapping_keys());
    let other = wrapping_keys();
    let Err(Error::Config(message)) = other.unwrap(Purpose::Link, &project("wrsynr"), "1", &wrapped) else {
        panic!("no setting is blamed");
    };
    assert!(message.contains("another master key (give the one that this state was made with)"), "{message}");
}

#[test]
fn a_master_key_is_sixty_four_digits_and_comes_back_as_them() {
    let digits = "00ff".repeat(16);
    assert_eq!(*MasterKey::from_hex(&format!(" {digits}\n")).unwrap().to_hex(), digits);
    for bad in ["", "00", &digits[1..], &format!("{digits}00"), &digits.replace('f', "g")] {
        let Err(Error::Config(message)) = MasterKey::from_hex(bad) else { panic!("{bad:?} is a key") };
        assert!(message.contains("openssl rand -hex 32"), "{message}");
        assert!(bad.is_empty() || bad == "00" || !message.contains(bad), "{message}");
    }
}

#[test]
fn printing_a_key_shows_nothing_of_it() {
    let master = MasterKey::from_hex(&"5a".repeat(32)).unwrap();
    assert_eq!(format!("{master:?} {master:#?}"), "MasterKey(..) MasterKey(..)");
    let keys = master.wrapping_keys(&[Purpose::Link]);
    assert_eq!(format!("{keys:?}"), "WrappingKeys([Link])");
    let key = DataKey::from(KEY);
    assert_eq!(format!("{key:?} {key:#?}"), "DataKey(..) DataKey(..)");
}

#[test]
fn a_process_unwraps_only_what_it_was_given_a_key_for() {
    let all = wrapping_keys();
    let wrapped = wrap(&all);
    for given in Purpose::ALL {
        let only = WrappingKeys::from_text(&all.only(&[given]).to_text()).unwrap();
        let outcome = only.unwrap(Purpose::Link, &project("wrsynr"), "1", &wrapped);
        match given {
            Purpose::Link => assert_eq!(*outcome.unwrap(), KEY),
            _ => assert!(matches!(outcome, Err(Error::Config(_))), "{given:?}: {outcome:?}"),
        }
        assert!(only.require(&[given]).is_ok());
        assert!(only.require(&[Purpose::Link, Purpose::Contact]).is_err(), "{given:?}");
    }
}

#[test]
fn a_purposes_key_is_of_no_use_under_another_purposes_name() {
    let all = wrapping_keys();
    let wrapped = wrap(&all);
    let renamed = all.only(&[Purpose::Contact]).to_text().replace("contact", "link");
    let forged = WrappingKeys::from_text(&renamed).unwrap();
    let outcome = forged.unwrap(Purpose::Link, &project("wrsynr"), "1", &wrapped);
    assert!(is_damage(&outcome), "{outcome:?}");
}

/// HKDF-SHA-256 of RFC 5869, computed with another implementation (Python's `cryptography`).
#[test]
fn wrapping_keys_are_derived_as_the_design_says() {
    let text = MasterKey::from_hex(&"07".repeat(32)).unwrap().wrapping_keys(&[Purpose::JobData]).to_text();
    assert!(text.contains("24a44ed77d93cd7dcb23da9867541905e154872236cae397911dac9e277395ed"), "{}", *text);
}
