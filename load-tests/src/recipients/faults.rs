//! Slim rows, of which one in a hundred is broken as real exports are broken.
//!
//! A good row has the bytes of the slim row with the same number, so a test can tell which rows must become links.

use super::cells::{self, Person};
use super::rng::Rng;
use super::slim;

/// The number of broken rows in a thousand.
const BROKEN: u64 = 10;

pub(super) fn push_row(rng: &mut Rng, row: u64, out: &mut Vec<u8>) {
    // The dice are a separate stream, so that a good row uses the same draws as in slim.
    let mut dice = Rng::for_row(rng.clone().bits(), row);
    if dice.per_mille(BROKEN) {
        push_broken_row(rng, dice.below(8), row, out);
    } else {
        slim::push_row(rng, row, out);
    }
}

fn push_broken_row(rng: &mut Rng, kind: u64, row: u64, out: &mut Vec<u8>) {
    let person = Person::draw(rng);
    match kind {
        0 => bad_expiry(rng, &person, "2027-13-01T00:00:00Z", row, out),
        1 => bad_expiry(rng, &person, "31/12/2027 23:59", row, out),
        2 => mobile_after_excel(rng, &person, row, out),
        3 => one_cell_too_few(rng, &person, row, out),
        4 => one_cell_too_many(rng, &person, row, out),
        5 => blank_forename(rng, &person, row, out),
        6 => surname_not_utf8(rng, &person, row, out),
        _ => points_with_a_thousands_comma(rng, &person, row, out),
    }
}

fn push_names(rng: &mut Rng, person: &Person, out: &mut Vec<u8>) {
    cells::names(rng, person, 0, out);
    out.push(b',');
}

fn bad_expiry(rng: &mut Rng, person: &Person, expiry: &str, row: u64, out: &mut Vec<u8>) {
    one_cell_too_few(rng, person, row, out);
    out.pop();
    out.push(b',');
    cells::text(expiry, out);
    out.push(b'\n');
}

/// Excel takes a long number for a measurement and saves it rounded.
fn mobile_after_excel(rng: &mut Rng, person: &Person, row: u64, out: &mut Vec<u8>) {
    push_names(rng, person, out);
    cells::email(rng, person, out);
    cells::text(",4.41E+11,", out);
    slim::push_membership(rng, row, out);
}

fn one_cell_too_few(rng: &mut Rng, person: &Person, row: u64, out: &mut Vec<u8>) {
    push_names(rng, person, out);
    cells::email(rng, person, out);
    out.push(b',');
    cells::mobile(rng, person, out);
    out.push(b',');
    cells::external_id(rng, row, out);
    out.push(b',');
    cells::tier(rng, out);
    out.push(b',');
    cells::points(rng, 100_000, out);
    out.push(b'\n');
}

/// A comma in a name that nobody quoted.
fn one_cell_too_many(rng: &mut Rng, person: &Person, row: u64, out: &mut Vec<u8>) {
    push_names(rng, person, out);
    cells::text("Jr.,", out);
    slim::push_rest(rng, row, person, out);
}

fn blank_forename(rng: &mut Rng, person: &Person, row: u64, out: &mut Vec<u8>) {
    out.push(b',');
    cells::text(person.surname.0, out);
    out.push(b',');
    slim::push_rest(rng, row, person, out);
}

/// `Müller` in Windows-1252, in a file that says it is UTF-8.
fn surname_not_utf8(rng: &mut Rng, person: &Person, row: u64, out: &mut Vec<u8>) {
    cells::text(person.forename.0, out);
    out.extend_from_slice(b",M\xfcller,");
    slim::push_rest(rng, row, person, out);
}

fn points_with_a_thousands_comma(rng: &mut Rng, person: &Person, row: u64, out: &mut Vec<u8>) {
    push_names(rng, person, out);
    cells::email(rng, person, out);
    out.push(b',');
    cells::mobile(rng, person, out);
    out.push(b',');
    cells::external_id(rng, row, out);
    cells::text(",gold,\"12,000\",2027-12-31T23:59:59Z\n", out);
}
