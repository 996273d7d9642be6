//! One function for each kind of cell. Each appends the cell's bytes, quoted where CSV needs it.

use super::names::{LOCALES, Locale, Name};
use super::rng::Rng;

/// The person of a row, from whom name, email address and mobile number are made.
pub(super) struct Person {
    pub(super) forename: Name,
    pub(super) surname: Name,
    locale: &'static Locale,
}

impl Person {
    pub(super) fn draw(rng: &mut Rng) -> Person {
        let locale = locale(rng.below(1000));
        Person { forename: rng.pick(locale.forenames), surname: rng.pick(locale.surnames), locale }
    }

    /// The same person with the names swapped, for files that have the surname first.
    pub(super) fn surname_first(&self) -> Person {
        Person { forename: self.surname, surname: self.forename, locale: self.locale }
    }
}

fn locale(mut ticket: u64) -> &'static Locale {
    for locale in &LOCALES {
        if ticket < locale.share {
            return locale;
        }
        ticket -= locale.share;
    }
    &LOCALES[0]
}

/// Domains below reserved names (RFC 2606), so that no test can send an email to anybody.
const DOMAINS: [&str; 5] =
    ["example.com", "mail.example.com", "post.example.org", "example.net", "inbox.example.com"];

/// Offsets from UTC, most of them `Z`, as in most exports.
const OFFSETS: [&str; 16] =
    ["Z", "Z", "Z", "Z", "Z", "Z", "Z", "Z", "Z", "Z", "Z", "+01:00", "+01:00", "-05:00", "+05:30", "+09:00"];

const MONTH_DAYS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Days in a month of a year from 1901 to 2099.
fn month_days(year: u64, month: u64) -> u64 {
    let leap_day = u64::from(month == 2 && year.is_multiple_of(4));
    MONTH_DAYS[month as usize - 1] + leap_day
}

/// Appends text that needs no quotes.
pub(super) fn text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
}

/// Appends a number in decimal.
pub(super) fn integer(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// Appends the last `width` decimal digits, zeros in front.
pub(super) fn digits(mut number: u64, width: u32, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + width as usize, b'0');
    for digit in out[start..].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Appends the last `width` hexadecimal digits from this alphabet.
fn hex(number: u64, width: u32, alphabet: &[u8; 16], out: &mut Vec<u8>) {
    for place in (0..width).rev() {
        out.push(alphabet[(number >> (4 * place) & 15) as usize]);
    }
}

/// Forename and surname, two cells. In `quoted` of a thousand rows, one of the two needs quotes: for a comma, a
/// nickname in doubled quotes or a second line.
pub(super) fn names(rng: &mut Rng, person: &Person, quoted: u64, out: &mut Vec<u8>) {
    let (forename, surname) = (person.forename.0, person.surname.0);
    let oddity = if rng.per_mille(quoted) { rng.below(4) } else { u64::MAX };
    match oddity {
        0 | 1 => {
            let suffix = if oddity == 0 { "Jr." } else { "née Baker" };
            push_all(&[forename, ",\"", surname, ", ", suffix, "\""], out);
        }
        2 => push_all(&["\"", forename, " \"\"", &forename_nick(forename), "\"\"\",", surname], out),
        3 => push_all(&[forename, ",\"", surname, "\nc/o ", surname, "\""], out),
        _ => push_all(&[forename, ",", surname], out),
    }
}

fn forename_nick(forename: &str) -> String {
    forename.chars().take(3).collect()
}

fn push_all(parts: &[&str], out: &mut Vec<u8>) {
    for part in parts {
        text(part, out);
    }
}

/// An address made of the ASCII name and, for three people in four, a number.
pub(super) fn email(rng: &mut Rng, person: &Person, out: &mut Vec<u8>) {
    let dice = rng.bits();
    text(person.forename.1, out);
    if dice & 3 != 3 {
        out.push(b'.');
    }
    text(person.surname.1, out);
    if dice >> 2 & 3 != 3 {
        integer(1 + (dice >> 4) % 9999, out);
    }
    out.push(b'@');
    text(rng.pick(&DOMAINS), out);
}

/// A mobile number in E.164 form. One person in twenty has none.
pub(super) fn mobile(rng: &mut Rng, person: &Person, out: &mut Vec<u8>) {
    if rng.per_mille(50) {
        return;
    }
    let (start, width) = rng.pick(person.locale.mobiles);
    out.push(b'+');
    text(start, out);
    digits(rng.bits() >> 8, width, out);
}

/// A membership number that no other row of the file has: the row number, shuffled by a bijection.
pub(super) fn external_id(rng: &mut Rng, row: u64, out: &mut Vec<u8>) {
    const SPACE: u64 = 10_000_000_000;
    if rng.per_mille(700) {
        out.push(b'M');
        // The factor ends in 1 and is coprime to ten, so every row below SPACE gets its own number.
        let shuffled = (row % SPACE) * 1_234_567_891 % SPACE;
        digits(shuffled, 10, out);
    } else {
        // An odd factor is a bijection modulo 2^36.
        let shuffled = row.wrapping_mul(0x5_deec_e66d) & 0xf_ffff_ffff;
        text("LOY-", out);
        hex(shuffled, 9, b"0123456789ABCDEF", out);
    }
}

/// A random UUID (version 4), lower case.
pub(super) fn uuid(rng: &mut Rng, out: &mut Vec<u8>) {
    const LOWER: &[u8; 16] = b"0123456789abcdef";
    let (high, low) = (rng.bits(), rng.bits());
    hex(high >> 32, 8, LOWER, out);
    out.push(b'-');
    hex(high >> 16, 4, LOWER, out);
    text("-4", out);
    hex(high, 3, LOWER, out);
    out.push(b'-');
    hex(8 | low >> 62, 1, LOWER, out);
    hex(low >> 48, 3, LOWER, out);
    out.push(b'-');
    hex(low, 12, LOWER, out);
}

/// A tier: silver 68 %, gold 22 %, platinum 8 %, black 2 %.
pub(super) fn tier(rng: &mut Rng, out: &mut Vec<u8>) {
    let tier = match rng.below(100) {
        0..=67 => "silver",
        68..=89 => "gold",
        90..=97 => "platinum",
        _ => "black",
    };
    text(tier, out);
}

/// A whole number up to `most`, small far more often than large, zero for one row in seven.
pub(super) fn points(rng: &mut Rng, most: u64, out: &mut Vec<u8>) {
    if rng.per_mille(140) {
        out.push(b'0');
        return;
    }
    let uniform = rng.bits() >> 32;
    let squared = (uniform * uniform) >> 32;
    let fourth_power = (squared * squared) >> 32;
    integer((fourth_power * (most + 1)) >> 32, out);
}

/// A date, `yyyy-mm-dd`.
pub(super) fn date(rng: &mut Rng, first_year: u64, years: u64, out: &mut Vec<u8>) {
    let (year, month) = (first_year + rng.below(years), 1 + rng.below(12));
    let day = 1 + rng.below(month_days(year, month));
    year_month_day(year, month, day, out);
}

fn year_month_day(year: u64, month: u64, day: u64, out: &mut Vec<u8>) {
    digits(year, 4, out);
    out.push(b'-');
    digits(month, 2, out);
    out.push(b'-');
    digits(day, 2, out);
}

/// The end of a membership: four in five are the last second of a month, the others any second.
pub(super) fn expiry(rng: &mut Rng, out: &mut Vec<u8>) {
    if rng.per_mille(800) {
        let (year, month) = (2027 + rng.below(3), 1 + rng.below(12));
        year_month_day(year, month, month_days(year, month), out);
        text("T23:59:59", out);
    } else {
        date(rng, 2027, 3, out);
        out.push(b'T');
        digits(rng.below(24), 2, out);
        out.push(b':');
        digits(rng.below(60), 2, out);
        out.push(b':');
        digits(rng.below(60), 2, out);
    }
    text(rng.pick(&OFFSETS), out);
}
