//! What a key may still do, told of genuine links only; and links shown with a newer template.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeMap;

use smartpass_core::ids::KeyVersion;
use smartpass_core::link::{KeyState, Keyring, KeyringKey, LinkKind, OpenError, Opener, sealing_version};
use smartpass_core::template::resolve::ResolveError;
use smartpass_core::template::{Field, FieldType, Template};
use support::{KINDS, cipher, key, required, seal};

const STATES: [KeyState; 4] = [KeyState::Active, KeyState::Retired, KeyState::Revoked, KeyState::Destroyed];

fn club() -> Template {
    support::template(vec![required("name", FieldType::String), Field::new("points", FieldType::Integer)])
}

fn opener_with(state: KeyState) -> Opener {
    let one = KeyVersion::MIN;
    Opener::new(Keyring {
        project: support::PROJECT.parse().unwrap(),
        keys: BTreeMap::from([(one, KeyringKey { key: key(), state })]),
        templates: BTreeMap::from([(one, club())]),
    })
}

fn token(kind: LinkKind, expires_hours: u32) -> String {
    seal(&cipher(kind, &club(), expires_hours), &club(), 5, &[Some("Ann"), Some("12")])
}

/// The token with its last character changed, and with one of its payload.
fn forged(token: &str) -> [String; 2] {
    let changed = |place: usize| {
        let mut text = token.to_owned().into_bytes();
        text[place] = if text[place] == b'A' { b'Q' } else { b'A' };
        String::from_utf8(text).unwrap()
    };
    [changed(token.len() - 1), changed(token.len() / 2)]
}

#[test]
fn a_genuine_link_opens_is_revoked_or_is_unknown_by_its_keys_state() {
    for kind in KINDS {
        let opened = |state| opener_with(state).open(&token(kind, 0), None).map(|opened| opened.values);
        let values = vec![Some("Ann".to_owned()), Some("12".to_owned())];
        assert_eq!(opened(KeyState::Active), Ok(values.clone()));
        assert_eq!(opened(KeyState::Retired), Ok(values));
        assert_eq!(opened(KeyState::Revoked), Err(OpenError::Revoked));
        assert_eq!(opened(KeyState::Destroyed), Err(OpenError::BadToken));
    }
}

#[test]
fn a_forged_link_is_bad_whatever_its_keys_state_before_and_after_a_genuine_one() {
    for kind in KINDS {
        for state in STATES {
            let opener = opener_with(state);
            for _ in 0..2 {
                for forged in forged(&token(kind, 0)) {
                    assert_eq!(opener.open(&forged, None), Err(OpenError::BadToken), "{state:?}");
                }
                let _ = opener.open(&token(kind, 0), None);
            }
        }
    }
}

#[test]
fn revoked_is_told_before_expired() {
    let opener = opener_with(KeyState::Revoked);
    assert_eq!(opener.open(&token(LinkKind::Encrypted, 1), Some(i64::MAX)), Err(OpenError::Revoked));
}

#[test]
fn the_newest_active_key_seals() {
    let version = |number: u32| KeyVersion::new(number).unwrap();
    let seals = |states: &[KeyState]| {
        let numbered = states.iter().zip(1..).map(|(state, number)| (version(number), *state));
        sealing_version(numbered).map(KeyVersion::get)
    };
    use KeyState::{Active, Destroyed, Retired, Revoked};
    assert_eq!(seals(&[Active, Active]), Some(2));
    assert_eq!(seals(&[Active, Retired]), Some(1));
    assert_eq!(seals(&[Active, Active, Revoked, Destroyed]), Some(2));
    assert_eq!(seals(&[Retired, Revoked, Destroyed]), None);
    assert_eq!(opener_with(Active).keyring().sealing_version(), Some(KeyVersion::MIN));
    assert_eq!(opener_with(Revoked).keyring().sealing_version(), None);
}

#[test]
fn states_are_stored_under_their_names() {
    let names = ["\"active\"", "\"retired\"", "\"revoked\"", "\"destroyed\""];
    assert_eq!(STATES.map(|state| serde_json::to_string(&state).unwrap()), names);
}

#[test]
fn one_opener_serves_many_threads() {
    let opener = opener_with(KeyState::Active);
    std::thread::scope(|scope| {
        let opener = &opener;
        for kind in KINDS {
            for _ in 0..2 {
                scope.spawn(move || {
                    for _ in 0..50 {
                        assert!(opener.open(&token(kind, 0), None).is_ok());
                        assert_eq!(opener.open(&forged(&token(kind, 0))[0], None), Err(OpenError::BadToken));
                    }
                });
            }
        }
    });
}

#[test]
fn an_opened_link_is_shown_with_a_newer_template() {
    let newer = |fields| support::template(fields);
    let opener = opener_with(KeyState::Active);
    let opened = opener.open(&token(LinkKind::Encrypted, 0), None).unwrap();
    let points = Field::new("points", FieldType::Integer);
    let reader = newer(vec![points, Field::new("seat", FieldType::String)]);
    assert_eq!(opener.values_under(&opened, &reader), Ok(vec![Some("12".to_owned()), None]));
    assert_eq!(opener.values_under(&opened, &club()), Ok(opened.values.clone()));
    let strict = newer(vec![required("seat", FieldType::String)]);
    let missing = ResolveError::Missing { field: "seat".to_owned() };
    assert_eq!(opener.values_under(&opened, &strict), Err(missing));
    let keyring = Keyring { templates: BTreeMap::new(), ..opener.keyring().clone() };
    assert_eq!(Opener::new(keyring).values_under(&opened, &reader), Err(ResolveError::Datum));
}
