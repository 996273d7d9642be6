//! A token that is not exactly what was sealed does not open, and the answer never says why.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use base64_simd::URL_SAFE_NO_PAD;
use smartpass_core::link::{Keyring, LinkKind, OpenError, Opener, ProjectKey};
use smartpass_core::template::{Field, FieldType, Template};

use support::{KINDS, cipher, opener, required, seal};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn club() -> Template {
    support::template(vec![
        required("person.surname", FieldType::String),
        Field::new("person.dateOfBirth", FieldType::Date),
        Field::new("points", FieldType::Integer),
    ])
}

/// Tokens of each kind, of payloads and row numbers of several lengths.
fn tokens() -> Vec<String> {
    let template = club();
    let long = "é".repeat(60);
    let rows: [(u32, [Option<&str>; 3]); 4] = [
        (0, [Some("a"), None, None]),
        (16_384, [Some("Müllers"), Some("1986-12-01"), Some("1200")]),
        (u32::MAX, [Some("abcd"), None, Some("-1")]),
        (7, [Some(&long), None, None]),
    ];
    let mut tokens = Vec::new();
    for kind in KINDS {
        for (index, (row, values)) in rows.iter().enumerate() {
            tokens.push(seal(&cipher(kind, &template, index as u32), &template, *row, values));
        }
    }
    let remainders: BTreeSet<usize> = tokens.iter().map(|token| token.len() % 4).collect();
    assert_eq!(remainders, BTreeSet::from([0, 2, 3]), "every length that base64 can have");
    tokens
}

#[track_caller]
fn assert_bad(opener: &Opener, changed: &str) {
    assert_eq!(opener.open(changed, None), Err(OpenError::BadToken), "{changed}");
    assert_eq!(opener.open(changed, Some(i64::MAX)), Err(OpenError::BadToken), "{changed}");
}

#[test]
fn the_tokens_themselves_open() {
    for token in tokens() {
        assert!(opener(&club()).open(&token, None).is_ok());
    }
}

#[test]
fn changing_one_character_to_any_other_breaks_a_token() {
    let opener = opener(&club());
    for token in tokens() {
        for place in 0..token.len() {
            for &character in ALPHABET.iter().filter(|&&character| character != token.as_bytes()[place]) {
                let mut changed = token.clone().into_bytes();
                changed[place] = character;
                assert_bad(&opener, std::str::from_utf8(&changed).unwrap());
            }
        }
        assert!(opener.open(&token, None).is_ok(), "the opener still opens what is genuine");
    }
}

#[test]
fn deleting_doubling_or_swapping_characters_breaks_a_token() {
    let opener = opener(&club());
    for token in tokens() {
        for place in 0..token.len() {
            let (before, after) = token.split_at(place);
            assert_bad(&opener, &[before, &after[1..]].concat());
            assert_bad(&opener, &[before, &after[..1], after].concat());
            for length in 1..=(token.len() - place).min(3) {
                assert_bad(&opener, &token[..token.len() - length]);
                assert_bad(&opener, &token[length..]);
            }
            for other in place + 1..token.len() {
                let mut swapped = token.clone().into_bytes();
                swapped.swap(place, other);
                if swapped != token.as_bytes() {
                    assert_bad(&opener, std::str::from_utf8(&swapped).unwrap());
                }
            }
        }
    }
}

#[test]
fn inserted_and_appended_characters_break_a_token() {
    let opener = opener(&club());
    let foreign = ["=", "==", "%3D", "+", "/", ".", " ", "\n", "\r\n", "\t", "\0", "é", "\u{feff}", "ａ"];
    for token in tokens() {
        for place in 0..=token.len() {
            let (before, after) = token.split_at(place);
            for &character in ALPHABET {
                assert_bad(&opener, &format!("{before}{}{after}", char::from(character)));
            }
            for inserted in foreign {
                assert_bad(&opener, &format!("{before}{inserted}{after}"));
            }
        }
        for tail in ["AA", "AAA", "AAAA", "____", &"A".repeat(6000)] {
            assert_bad(&opener, &format!("{token}{tail}"));
            assert_bad(&opener, &format!("{tail}{token}"));
        }
        assert_bad(&opener, &token.repeat(2));
        assert_bad(&opener, &token.to_lowercase());
        assert_bad(&opener, &token.to_uppercase());
    }
}

#[test]
fn no_two_halves_of_tokens_make_a_third() {
    let opener = opener(&club());
    let tokens = tokens();
    for first in &tokens {
        for second in tokens.iter().filter(|second| *second != first) {
            for place in 1..first.len().min(second.len()) {
                let joined = [&first[..place], &second[place..]].concat();
                if !tokens.contains(&joined) {
                    assert_bad(&opener, &joined);
                }
            }
        }
    }
}

fn keyring(project: &str, keys: &[(u32, [u8; 32])], templates: &[(u32, Template)]) -> Opener {
    let number = |number: u32| number.try_into().unwrap();
    Opener::new(Keyring {
        project: project.parse().unwrap(),
        keys: keys.iter().map(|(version, key)| (number(*version), ProjectKey::from(*key).into())).collect(),
        templates: templates.iter().map(|(at, template)| (number(*at), template.clone())).collect(),
    })
}

#[test]
fn a_token_of_another_project_does_not_open() {
    for token in tokens() {
        assert!(keyring("wrsynr", &[(1, [7; 32])], &[(1, club())]).open(&token, None).is_ok());
        for project in ["wrsyn", "wrsynq", "wrsynr1", "0wrsynr"] {
            assert_bad(&keyring(project, &[(1, [7; 32])], &[(1, club())]), &token);
        }
    }
}

#[test]
fn a_token_of_another_or_unknown_key_does_not_open() {
    let mut almost = [7; 32];
    almost[31] ^= 1;
    for token in tokens() {
        for keys in [vec![], vec![(2, [7; 32])], vec![(1, almost)], vec![(1, [0; 32]), (2, [7; 32])]] {
            assert_bad(&keyring("wrsynr", &keys, &[(1, club())]), &token);
        }
    }
}

#[test]
fn a_token_does_not_open_when_its_templates_schema_differs() {
    let changes: [fn(&mut Template); 7] = [
        |template| template.fields[0].name.push('s'),
        |template| template.fields[1].required = true,
        |template| template.fields[2].field_type = FieldType::Phone,
        |template| template.fields.swap(1, 2),
        |template| drop(template.fields.pop()),
        |template| template.fields.push(Field::new("more", FieldType::String)),
        |template| template.fields[2] = support::one_enum("points", &["1200"]),
    ];
    for token in tokens() {
        for change in changes {
            let mut changed = club();
            change(&mut changed);
            assert_bad(&keyring("wrsynr", &[(1, [7; 32])], &[(1, changed)]), &token);
        }
        assert_bad(&keyring("wrsynr", &[(1, [7; 32])], &[]), &token);
        assert_bad(&keyring("wrsynr", &[(1, [7; 32])], &[(2, club())]), &token);
    }
}

#[test]
fn what_does_not_change_the_schema_does_not_change_the_key() {
    let mut described = club();
    described.fields[0].default = Some("Ann".to_owned());
    described.fields[0].max_length = Some(1);
    described.aliases.insert("name".to_owned(), "person.surname".to_owned());
    for token in tokens() {
        assert!(keyring("wrsynr", &[(1, [7; 32])], &[(1, described.clone())]).open(&token, None).is_ok());
    }
}

#[test]
fn the_other_kinds_first_byte_does_not_open() {
    for token in tokens() {
        let other = if token.starts_with("EA") { "EQ" } else { "EA" };
        assert_bad(&opener(&club()), &[other, &token[2..]].concat());
    }
}

#[test]
fn an_opener_that_saw_other_batches_opens_and_refuses_just_the_same() {
    let template = club();
    let opener = opener(&template);
    let tokens = tokens();
    for first in &tokens {
        for second in &tokens {
            assert!(opener.open(first, None).is_ok());
            assert_bad(&opener, &first[..first.len() - 4]);
            assert!(opener.open(second, None).is_ok());
        }
    }
}

#[test]
fn expired_is_told_before_the_datum_is_looked_at() {
    for kind in KINDS {
        let token = |hours| {
            let mut token = Vec::new();
            let broken = |datum: &mut Vec<u8>| -> Result<(), ()> {
                datum.push(0xff);
                Ok(())
            };
            cipher(kind, &club(), hours).seal(3, &mut token, broken).unwrap();
            token
        };
        let open = |hours, now| opener(&club()).open_bytes(&token(hours), now).unwrap_err();
        assert!(matches!(open(1, Some(i64::MAX)), OpenError::Expired(_)));
        assert_eq!(open(1, Some(0)), OpenError::BrokenPayload);
        assert_eq!(open(0, Some(i64::MAX)), OpenError::BrokenPayload);
    }
}

#[test]
fn payloads_of_every_length_open() {
    let template = support::template(vec![required("text", FieldType::String)]);
    let opener = opener(&template);
    for kind in KINDS {
        let cipher = cipher(kind, &template, 0);
        for length in (1..700).chain([1023, 1024, 1025, 2047, 2048, 4000]) {
            let text = "x".repeat(length);
            let token = seal(&cipher, &template, length as u32, &[Some(&text)]);
            assert_eq!(opener.open(&token, None).unwrap().values, [Some(text)], "{length}");
        }
    }
}

#[test]
fn a_token_over_4096_bytes_is_refused_even_with_a_right_tag() {
    let template = support::template(vec![required("text", FieldType::String)]);
    for kind in KINDS {
        // Header 12, expiry 1, length 2, tag 16.
        for (text_bytes, opens) in [(4096 - 31, true), (4096 - 30, false), (9000, false)] {
            let text = "x".repeat(text_bytes);
            let token = seal(&cipher(kind, &template, 0), &template, 1, &[Some(&text)]);
            assert_eq!(opener(&template).open(&token, None).is_ok(), opens, "{text_bytes}");
            let decoded = URL_SAFE_NO_PAD.decode_to_vec(&token).unwrap();
            assert_eq!(opener(&template).open_bytes(&decoded, None).is_ok(), opens, "{text_bytes}");
        }
    }
}

#[test]
fn equal_rows_have_unlike_tokens_and_equal_spellings_are_one_token() {
    let template = club();
    for kind in KINDS {
        let cipher = cipher(kind, &template, 0);
        let all: BTreeMap<String, u32> =
            (0..500).map(|row| (seal(&cipher, &template, row, &[Some("Ann"), None, None]), row)).collect();
        assert_eq!(all.len(), 500);
        let bodies: BTreeSet<&str> = all.keys().map(|token| &token[token.len() - 20..]).collect();
        assert_eq!(bodies.len(), 500);
        assert_eq!(all[&seal(&cipher, &template, 9, &[Some("Ann"), None, None])], 9);
    }
}

#[test]
fn error_values_hold_nothing_of_the_token() {
    let error = opener(&club()).open("EAEBAAAAAAAAAAAAAA", None).unwrap_err();
    assert_eq!(format!("{error} {error:?}"), "this is not a link of the project BadToken");
    assert_eq!(LinkKind::Encrypted, KINDS[0]);
}
