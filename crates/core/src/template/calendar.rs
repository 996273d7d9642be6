//! Dates of the proleptic Gregorian calendar, years 0001 to 9999, to and from counts of days and seconds.

pub(crate) const SECONDS_PER_DAY: i64 = 86_400;
/// 0001-01-01 and 9999-12-31, in days since 1970-01-01.
const FIRST_DAY: i64 = -719_162;
const LAST_DAY: i64 = 2_932_896;

/// `yyyy-mm-dd` as days since 1970-01-01.
#[inline(always)]
pub(crate) fn parse_date(text: &[u8]) -> Option<i64> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let digits = eight_digits([y1, y2, y3, y4, m1, m2, d1, d2])?;
    let (year, month, day) = (digits / 10_000, digits / 100 % 100, digits % 100);
    let exists = year >= 1 && (1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month);
    exists.then(|| days_from_civil(year, month, day))
}

/// Days since 1970-01-01 as `yyyy-mm-dd`.
pub(crate) fn format_date(days: i64) -> Option<String> {
    (FIRST_DAY..=LAST_DAY).contains(&days).then(|| {
        let (year, month, day) = civil_from_days(days);
        format!("{year:04}-{month:02}-{day:02}")
    })
}

/// `yyyy-mm-ddThh:mm:ss` as seconds since 1970-01-01T00:00:00 of the same clock.
#[inline(always)]
pub(crate) fn parse_local_seconds(text: &[u8]) -> Option<i64> {
    let (date, time) = text.split_at_checked(10)?;
    let &[b'T', h1, h2, b':', m1, m2, b':', s1, s2] = time else { return None };
    let digits = eight_digits([b'0', b'0', h1, h2, m1, m2, s1, s2])?;
    let (hours, minutes, seconds) = (digits / 10_000, digits / 100 % 100, digits % 100);
    let exists = hours < 24 && minutes < 60 && seconds < 60;
    let of_day = i64::from(hours * 3600 + minutes * 60 + seconds);
    parse_date(date).filter(|_| exists).map(|days| days * SECONDS_PER_DAY + of_day)
}

/// Seconds since 1970-01-01T00:00:00 as `yyyy-mm-ddThh:mm:ss`.
pub(crate) fn format_local_seconds(seconds: i64) -> Option<String> {
    let date = format_date(seconds.div_euclid(SECONDS_PER_DAY))?;
    let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
    Some(format!("{date}T{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60))
}

/// `hh:mm`, up to 23:59, in minutes.
pub(crate) fn parse_hours_and_minutes(text: &[u8]) -> Option<i32> {
    let &[h1, h2, b':', m1, m2] = text else { return None };
    let digits = eight_digits([b'0', b'0', b'0', b'0', h1, h2, m1, m2])?;
    let (hours, minutes) = (digits / 100, digits % 100);
    (hours < 24 && minutes < 60).then_some((hours * 60 + minutes) as i32)
}

#[inline(always)]
fn eight_digits(text: [u8; 8]) -> Option<u32> {
    let (number, are_digits) = super::digits::eight_digits(u64::from_le_bytes(text));
    are_digits.then_some(number as u32)
}

#[inline(always)]
fn days_in_month(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": `days_from_civil`, for years from 1 on.
#[inline(always)]
fn days_from_civil(year: u32, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    i64::from(era * 146_097 + day_of_era) - 719_468
}

/// The same source: `civil_from_days`.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_from_year_1_to_9999_has_one_spelling() {
        let mut previous = String::new();
        for days in FIRST_DAY..=LAST_DAY {
            let text = format_date(days).unwrap();
            assert_eq!(parse_date(text.as_bytes()), Some(days));
            assert!(text > previous);
            previous = text;
        }
        assert_eq!((format_date(FIRST_DAY - 1), format_date(LAST_DAY + 1)), (None, None));
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in ["2023-02-29", "1900-02-29", "2023-13-01", "2023-00-10", "2023-01-00", "0000-01-01"] {
            assert_eq!(parse_date(text.as_bytes()), None, "{text}");
        }
        assert!(parse_date(b"2000-02-29").is_some());
    }
}
