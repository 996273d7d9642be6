//! Eight columns, those of a membership card.

use super::cells::{self, Person};
use super::rng::Rng;

pub(super) const COLUMNS: [&str; 8] = [
    "person.forename",
    "person.surname",
    "person.emailAddress",
    "person.mobileNumber",
    "members.member.externalId",
    "members.tier.id",
    "members.member.points",
    "universal.expiryDate",
];

/// The number of rows in a thousand whose name needs quotes.
const QUOTED: u64 = 20;

pub(super) fn push_row(rng: &mut Rng, row: u64, out: &mut Vec<u8>) {
    let person = Person::draw(rng);
    cells::names(rng, &person, QUOTED, out);
    out.push(b',');
    push_rest(rng, row, &person, out);
}

/// Everything after the two names.
pub(super) fn push_rest(rng: &mut Rng, row: u64, person: &Person, out: &mut Vec<u8>) {
    cells::email(rng, person, out);
    out.push(b',');
    cells::mobile(rng, person, out);
    out.push(b',');
    push_membership(rng, row, out);
}

/// External id, tier, points and expiry, then the line feed.
pub(super) fn push_membership(rng: &mut Rng, row: u64, out: &mut Vec<u8>) {
    cells::external_id(rng, row, out);
    out.push(b',');
    cells::tier(rng, out);
    out.push(b',');
    cells::points(rng, 100_000, out);
    out.push(b',');
    cells::expiry(rng, out);
    out.push(b'\n');
}
