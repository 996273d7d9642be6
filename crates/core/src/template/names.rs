//! PassKit's public field names and their aliases, so that its customers' files work unchanged.
//!
//! A field may have any name: `person.surname`, `location[1].lat` and `meta.seat` need no list.
//! PassKit's list: `universal.{optIn,expiryDate}`, `person.{surname,forename,otherNames,salutation,suffix,displayName,
//! gender,dateOfBirth,emailAddress,mobileNumber,externalId}`, `members.tier.id`, `members.member.{externalId,points,
//! tierPoints,secondaryPoints,groupingIdentifier,profileImage}`, `singleUseCoupons.coupon.{externalId,sku}`, `meta.*`,
//! `utm_{source,medium,name,term,content}`, `location[1..10].{lat,lon,lockScreenMessage,alt,name,position}`,
//! `beacon[1..10].{uuid,major,minor,lockScreenMessage,name,position}`,
//! `colors.{backgroundColor,labelColor,textColor,stripColor}`, `images.*`.
//!
//! This module lists the aliases that people write for them, and the names that may identify a person.

/// Aliases of known fields: alias and field.
const ALIASES: [(&str, &str); 16] = [
    ("person.email", "person.emailAddress"),
    ("person.mobile", "person.mobileNumber"),
    ("person.phone", "person.mobileNumber"),
    ("person.firstName", "person.forename"),
    ("person.lastName", "person.surname"),
    ("person.birthday", "person.dateOfBirth"),
    ("person.dob", "person.dateOfBirth"),
    ("members.tierId", "members.tier.id"),
    ("members.tier", "members.tier.id"),
    ("members.externalId", "members.member.externalId"),
    ("members.points", "members.member.points"),
    ("members.member.tierId", "members.tier.id"),
    ("coupons.externalId", "singleUseCoupons.coupon.externalId"),
    ("coupons.sku", "singleUseCoupons.coupon.sku"),
    ("universal.expiry", "universal.expiryDate"),
    ("utm_campaign", "utm_name"),
];

/// Plain words that people use as headers, in lower case without white space. They are suggested, never mapped.
const PLAIN_WORDS: &[(&str, &str)] = &[
    ("firstname", "person.forename"),
    ("givenname", "person.forename"),
    ("lastname", "person.surname"),
    ("familyname", "person.surname"),
    ("fullname", "person.displayName"),
    ("name", "person.displayName"),
    ("email", "person.emailAddress"),
    ("mail", "person.emailAddress"),
    ("mobile", "person.mobileNumber"),
    ("phone", "person.mobileNumber"),
    ("phonenumber", "person.mobileNumber"),
    ("birthday", "person.dateOfBirth"),
    ("birthdate", "person.dateOfBirth"),
    ("title", "person.salutation"),
    ("tier", "members.tier.id"),
    ("level", "members.tier.id"),
    ("points", "members.member.points"),
    ("memberid", "members.member.externalId"),
    ("expires", "universal.expiryDate"),
    ("vorname", "person.forename"),
    ("nachname", "person.surname"),
    ("anrede", "person.salutation"),
    ("handy", "person.mobileNumber"),
    ("telefon", "person.mobileNumber"),
    ("geburtsdatum", "person.dateOfBirth"),
    ("kundennummer", "members.member.externalId"),
    ("punkte", "members.member.points"),
    ("prénom", "person.forename"),
    ("nom", "person.surname"),
    ("nombre", "person.forename"),
    ("apellido", "person.surname"),
];

/// Known fields with few values, which do not identify a person.
const SHARED_BY_MANY: [&str; 12] = [
    "universal.optIn",
    "person.salutation",
    "person.gender",
    "members.tier.id",
    "utm_source",
    "utm_medium",
    "utm_name",
    "utm_term",
    "utm_content",
    "colors.backgroundColor",
    "colors.labelColor",
    "singleUseCoupons.coupon.sku",
];

/// Parts of header names that mark a column as naming or identifying people, in several languages.
const PERSONAL_WORDS: &[&str] = &[
    "person",
    "name",
    "mail",
    "phone",
    "mobile",
    "birth",
    "address",
    "street",
    "city",
    "zip",
    "post",
    "identifier",
    "number",
    "account",
    "card",
    "token",
    "password",
    "image",
    "photo",
    "passport",
    "ssn",
    "iban",
    "contact",
    "customer",
    "telefon",
    "handy",
    "adresse",
    "kunde",
    "plz",
    "nummer",
    "strasse",
    "straße",
    "geburt",
    "nom",
    "téléphone",
    "courriel",
    "rue",
    "ville",
    "apellido",
    "teléfono",
    "correo",
    "dirección",
    "ciudad",
];

/// The known field that a header is an alias of, such as `person.emailAddress` for `person.email`.
pub fn alias_of(header: &str) -> Option<&'static str> {
    ALIASES.iter().find(|(alias, _)| *alias == header).map(|(_, name)| *name)
}

/// The candidate that a header probably means: the same name but for case, white space and punctuation, the field of an
/// alias or a plain word, or a name with that last part.
pub fn suggestion<'a>(header: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = plain(header);
    let meant = PLAIN_WORDS
        .iter()
        .chain(&ALIASES)
        .find(|(word, _)| self::plain(word) == plain)
        .map(|(_, name)| *name);
    let last_part = |name: &str| self::plain(name.rsplit('.').next().unwrap_or(name));
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let alike = candidates.iter().find(|name| self::plain(name) == plain);
    let named = || candidates.iter().find(|name| Some(**name) == meant);
    let by_end = || candidates.iter().find(|name| last_part(name) == plain);
    if plain.is_empty() { None } else { alike.or_else(named).or_else(by_end).copied() }
}

/// Whether a column of this name may name or identify people. The values of such a column never become symbols.
pub fn may_identify_people(name: &str) -> bool {
    if SHARED_BY_MANY.contains(&name) {
        return false;
    }
    let lower = name.to_lowercase();
    let ends_in_id =
        plain(name).ends_with("id") || lower.split(|c: char| !c.is_alphanumeric()).any(|word| word == "id");
    ends_in_id || PERSONAL_WORDS.iter().any(|word| lower.contains(word))
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_suggested_without_case_and_space() {
        let fields = ["person.surname", "person.emailAddress", "meta.seat"];
        for (header, field) in [
            ("Person.Surname", "person.surname"),
            ("Last Name", "person.surname"),
            ("E-Mail", "person.emailAddress"),
            ("Email Address", "person.emailAddress"),
            ("SEAT", "meta.seat"),
        ] {
            assert_eq!(suggestion(header, fields), Some(field), "{header}");
        }
        assert_eq!(suggestion("shoe size", fields), None);
    }

    #[test]
    fn columns_that_name_people_are_told_from_those_that_do_not() {
        for name in
            ["person.surname", "Customer ID", "customerid", "Home address", "members.member.externalId"]
        {
            assert!(may_identify_people(name), "{name}");
        }
        for name in ["members.tier.id", "person.gender", "language", "meta.store", "utm_name"] {
            assert!(!may_identify_people(name), "{name}");
        }
    }
}
