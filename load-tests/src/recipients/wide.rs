//! Twenty-nine columns, as in a marketing department's export. Most cells repeat or are blank.

use super::cells::{self, Person};
use super::rng::Rng;

pub(super) const COLUMNS: [&str; 29] = [
    "universal.optIn",
    "universal.expiryDate",
    "person.surname",
    "person.forename",
    "person.otherNames",
    "person.salutation",
    "person.suffix",
    "person.displayName",
    "person.gender",
    "person.dateOfBirth",
    "person.emailAddress",
    "person.mobileNumber",
    "person.externalId",
    "members.tier.id",
    "members.member.externalId",
    "members.member.points",
    "members.member.tierPoints",
    "members.member.secondaryPoints",
    "members.member.groupingIdentifier",
    "members.member.profileImage",
    "meta.customField",
    "meta.store",
    "meta.language",
    "utm_source",
    "utm_medium",
    "utm_name",
    "utm_term",
    "utm_content",
    "meta.note",
];

const SALUTATIONS: [&str; 8] = ["Mr", "Mr", "Mr", "Ms", "Ms", "Mrs", "Dr", "Prof"];
const SUFFIXES: [&str; 5] = ["Jr", "Sr", "II", "III", "PhD"];
const GENDERS: [&str; 9] = ["male", "male", "male", "male", "female", "female", "female", "female", "other"];
const GROUPS: [&str; 3] = ["GRP-NORTH-", "GRP-SOUTH-", "GRP-ONLINE-"];
/// Free text that a number follows, so that no two cells need be the same.
const REMARKS: [&str; 5] = [
    "Prefers the early show; ticket ",
    "Guest parking space ",
    "Collects in store; order ",
    "Kundenkarte übertragen; alte Nummer ",
    "Carte en plastique; dossier ",
];
const STORES: [&str; 20] = [
    "London Oxford Street",
    "London Westfield",
    "Manchester Arndale",
    "Glasgow Buchanan Street",
    "Dublin Grafton Street",
    "Berlin Mitte",
    "Hamburg Altona",
    "München Marienplatz",
    "Paris Haussmann",
    "Lyon Part-Dieu",
    "Madrid Gran Vía",
    "Barcelona Diagonal",
    "Warszawa Centrum",
    "Stockholm Gallerian",
    "Athens Ermou",
    "Istanbul Nişantaşı",
    "Dubai Mall",
    "Hong Kong Central",
    "Tokyo Ginza",
    "New York SoHo",
];
const LANGUAGES: [&str; 12] = ["en", "en", "en", "en", "de", "fr", "es", "pl", "el", "ru", "ar", "zh-Hant"];
const SOURCES: [&str; 7] =
    ["newsletter", "newsletter", "facebook", "instagram", "google", "in-store", "partner"];
const MEDIUMS: [&str; 6] = ["email", "email", "social", "cpc", "qr", "referral"];
const CAMPAIGNS: [&str; 6] = [
    "spring_sale",
    "member_days_2026",
    "welcome_back",
    "black_friday_2026",
    "loyalty_relaunch",
    "birthday_reward",
];
const TERMS: [&str; 5] = ["loyalty card", "membership", "free delivery", "gift ideas", "store near me"];
const CONTENTS: [&str; 5] = ["header_banner", "footer_link", "story_a", "story_b", "big_red_button"];
const NOTES: [&str; 5] = [
    "\"Moved house, new address to follow\"",
    "\"Called on Monday:\nwants the card re-sent\"",
    "\"Goes by \"\"Coach\"\", please use it\"",
    "\"VIP, front row, two seats\"",
    "\"Complaint 2025-118\nclosed, voucher sent\"",
];

/// The number of rows in a thousand whose name needs quotes. Some notes need quotes too.
const QUOTED_NAMES: u64 = 5;

pub(super) fn push_row(rng: &mut Rng, row: u64, out: &mut Vec<u8>) {
    let person = Person::draw(rng);
    push_person(rng, &person, out);
    push_membership(rng, row, out);
    push_marketing(rng, out);
}

fn push_person(rng: &mut Rng, person: &Person, out: &mut Vec<u8>) {
    cells::text(if rng.per_mille(620) { "true," } else { "false," }, out);
    if rng.per_mille(970) {
        cells::expiry(rng, out);
    }
    out.push(b',');
    cells::names(rng, &person.surname_first(), QUOTED_NAMES, out);
    out.push(b',');
    let other = Person::draw(rng);
    choice(rng, 200, &[other.forename.0], out);
    choice(rng, 800, &SALUTATIONS, out);
    choice(rng, 30, &SUFFIXES, out);
    if rng.per_mille(900) {
        cells::text(person.forename.0, out);
        out.push(b' ');
        cells::text(person.surname.0, out);
    }
    out.push(b',');
    choice(rng, 900, &GENDERS, out);
    if rng.per_mille(850) {
        cells::date(rng, 1938, 70, out);
    }
    out.push(b',');
    cells::email(rng, person, out);
    out.push(b',');
    cells::mobile(rng, person, out);
    out.push(b',');
    if rng.per_mille(950) {
        cells::uuid(rng, out);
    }
    out.push(b',');
}

fn push_membership(rng: &mut Rng, row: u64, out: &mut Vec<u8>) {
    cells::tier(rng, out);
    out.push(b',');
    cells::external_id(rng, row, out);
    out.push(b',');
    cells::points(rng, 100_000, out);
    out.push(b',');
    if rng.per_mille(700) {
        cells::points(rng, 5_000, out);
    }
    out.push(b',');
    if rng.per_mille(250) {
        cells::points(rng, 500, out);
    }
    out.push(b',');
    if rng.per_mille(600) {
        cells::text(rng.pick(&GROUPS), out);
        cells::digits(rng.below(3_000), 5, out);
    }
    out.push(b',');
    if rng.per_mille(300) {
        cells::text("https://cdn.example.com/p/", out);
        cells::digits(row, 6, out);
        cells::text(".jpg", out);
    }
    out.push(b',');
}

fn push_marketing(rng: &mut Rng, out: &mut Vec<u8>) {
    if rng.per_mille(400) {
        cells::text(rng.pick(&REMARKS), out);
        cells::integer(1 + rng.below(90_000), out);
    }
    out.push(b',');
    choice(rng, 950, &STORES, out);
    choice(rng, 950, &LANGUAGES, out);
    choice(rng, 900, &SOURCES, out);
    choice(rng, 900, &MEDIUMS, out);
    choice(rng, 850, &CAMPAIGNS, out);
    choice(rng, 200, &TERMS, out);
    choice(rng, 500, &CONTENTS, out);
    if rng.per_mille(20) {
        cells::text(rng.pick(&NOTES), out);
    }
    out.push(b'\n');
}

/// One of the choices for `filled` of a thousand rows, else blank; then the comma.
fn choice(rng: &mut Rng, filled: u64, choices: &[&str], out: &mut Vec<u8>) {
    if rng.per_mille(filled) {
        cells::text(rng.pick(choices), out);
    }
    out.push(b',');
}
