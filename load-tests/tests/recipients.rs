//! The generated files have the properties that the module docs promise.

#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::fs;

use smartpass_load_tests::baseline;
use smartpass_load_tests::recipients::{Profile, write_rows};

const ROWS: u64 = 20_000;

fn file(profile: Profile, rows: u64, seed: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_rows(profile, rows, seed, &mut bytes).unwrap();
    bytes
}

fn records(bytes: &[u8]) -> Vec<csv::StringRecord> {
    csv::Reader::from_reader(bytes).into_records().map(Result::unwrap).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    for profile in [Profile::Slim, Profile::Wide, Profile::Errors] {
        let bytes = file(profile, 1000, 7);
        assert_eq!(bytes, file(profile, 1000, 7));
        assert_ne!(bytes, file(profile, 1000, 8));
    }
}

#[test]
fn a_short_file_is_a_prefix_of_a_long_one() {
    for profile in [Profile::Slim, Profile::Wide, Profile::Errors] {
        let long = file(profile, 5000, 1);
        for rows in [0, 1, 999, 4999] {
            assert!(long.starts_with(&file(profile, rows, 1)), "{profile:?} {rows}");
        }
    }
}

/// A changed generator makes earlier measurements incomparable, so a change of these rows has to be deliberate.
#[test]
fn the_first_rows_are_pinned() {
    assert_eq!(
        String::from_utf8(file(Profile::Slim, 2, 1)).unwrap(),
        "person.forename,person.surname,person.emailAddress,person.mobileNumber,members.member.externalId,\
         members.tier.id,members.member.points,universal.expiryDate\n\
         Lukas,Koch,lukas.koch3540@example.com,\
         +491777242599,LOY-000000000,platinum,20553,2029-06-24T10:25:00Z\n\
         Ute,Schmidt,ute.schmidt4289@post.example.org,\
         +41792786100,M1234567891,silver,54079,2027-09-30T23:59:59Z\n"
    );
}

#[test]
fn rows_are_as_long_and_as_quoted_as_documented() {
    for (profile, bytes_a_row, quoted_share) in
        [(Profile::Slim, 105.0..118.0, 0.015..0.025), (Profile::Wide, 280.0..315.0, 0.018..0.032)]
    {
        let bytes = file(profile, ROWS, 1);
        let header = file(profile, 0, 1);
        let mean = (bytes.len() - header.len()) as f64 / ROWS as f64;
        assert!(bytes_a_row.contains(&mean), "{profile:?}: {mean} bytes a row");

        let records = records(&bytes);
        assert_eq!(records.len() as u64, ROWS);
        let quoted =
            records.iter().filter(|row| row.iter().any(|cell| cell.contains([',', '"', '\n']))).count();
        let share = quoted as f64 / ROWS as f64;
        assert!(quoted_share.contains(&share), "{profile:?}: {share} quoted");
    }
}

#[test]
fn every_row_has_all_columns_and_an_external_id_of_its_own() {
    for (profile, columns) in [(Profile::Slim, 8), (Profile::Wide, 29)] {
        assert_eq!(profile.columns().len(), columns);
        let id = profile.columns().iter().position(|name| *name == "members.member.externalId").unwrap();
        let records = records(&file(profile, ROWS, 1));
        assert!(records.iter().all(|row| row.len() == columns));
        let ids: HashSet<&str> = records.iter().map(|row| &row[id]).collect();
        assert_eq!(ids.len() as u64, ROWS);
    }
}

#[test]
fn phones_and_points_have_their_natural_form() {
    for profile in [Profile::Slim, Profile::Wide] {
        let column = |wanted: &str| profile.columns().iter().position(|name| *name == wanted).unwrap();
        let (phone, points) = (column("person.mobileNumber"), column("members.member.points"));
        for row in records(&file(profile, ROWS, 1)) {
            if let Some(number) = row[phone].strip_prefix('+') {
                assert!((7..=15).contains(&number.len()) && !number.starts_with('0'), "{number}");
                assert!(number.bytes().all(|digit| digit.is_ascii_digit()), "{number}");
            } else {
                assert_eq!(&row[phone], "");
            }
            let number: u64 = row[points].parse().unwrap();
            assert!(number <= 100_000 && number.to_string() == row[points], "{number}");
        }
    }
}

#[test]
fn the_errors_profile_breaks_one_row_in_a_hundred_and_leaves_the_rest_as_in_slim() {
    // Some rows have two lines, so the lines of the two files are compared as sets.
    let slim = file(Profile::Slim, ROWS, 1);
    let good: HashSet<&[u8]> = slim.split(|byte| *byte == b'\n').collect();
    let errors = file(Profile::Errors, ROWS, 1);
    let broken = errors.split(|byte| *byte == b'\n').filter(|line| !good.contains(line)).count();
    let share = broken as f64 / ROWS as f64;
    assert!((0.007..0.013).contains(&share), "{share}");
    assert!(String::from_utf8(errors.clone()).is_err());
    for sign in [",4.41E+11,", "2027-13-01", "\n,", ",\"12,000\",", ",Jr.,"] {
        assert!(errors.windows(sign.len()).any(|part| part == sign.as_bytes()), "{sign:?}");
    }
}

#[test]
fn csv_copy_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in.csv"), folder.path().join("out.csv"));
    for profile in [Profile::Slim, Profile::Wide] {
        let bytes = file(profile, ROWS, 3);
        fs::write(&input, &bytes).unwrap();
        assert_eq!(baseline::csv_copy(&input, &output).unwrap(), ROWS);
        assert!(fs::read(&output).unwrap() == bytes, "{profile:?} changed");
    }
}
