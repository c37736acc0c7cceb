//! Dates and timestamps, in the forms of `DateStyle = ISO` and of JSON.
//!
//! Postgres counts days (`date`, 32 bits) and microseconds (`timestamp`, 64 bits) from 2000-01-01, in the proleptic
//! Gregorian calendar, without leap seconds; the least and the greatest integer stand for -infinity and infinity
//! (`datatype/timestamp.h`). A `timestamptz` is the same count in UTC.

use super::Unfit;

/// How a moment is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// As `to_json` does: quoted, `2024-01-02T03:04:05+00:00`.
    Json,
    /// As a cast to text does: `2024-01-02 03:04:05+00`.
    Text,
}

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

pub(super) fn push_date(days: i32, style: Style, out: &mut Vec<u8>) -> Result<(), Unfit> {
    if days == i32::MIN || days == i32::MAX {
        return push_infinity(days > 0, style, out);
    }
    let date = Civil::of(i64::from(days));
    within_quotes(style, out, |out| {
        date.push(out);
        date.push_era(out);
    });
    Ok(())
}

pub(super) fn push_timestamp(micros: i64, zoned: bool, style: Style, out: &mut Vec<u8>) -> Result<(), Unfit> {
    if micros == i64::MIN || micros == i64::MAX {
        return push_infinity(micros > 0, style, out);
    }
    let date = Civil::of(micros.div_euclid(MICROSECONDS_A_DAY));
    within_quotes(style, out, |out| {
        date.push(out);
        out.push(if style == Style::Json { b'T' } else { b' ' });
        push_time(micros.rem_euclid(MICROSECONDS_A_DAY), out);
        if zoned {
            out.extend_from_slice(if style == Style::Json { b"+00:00" } else { b"+00" });
        }
        date.push_era(out);
    });
    Ok(())
}

fn push_infinity(positive: bool, style: Style, out: &mut Vec<u8>) -> Result<(), Unfit> {
    if style == Style::Json {
        return Err(Unfit::Infinite); // a string, to `to_json`, but no date to Elasticsearch
    }
    out.extend_from_slice(if positive { b"infinity" } else { b"-infinity" });
    Ok(())
}

fn within_quotes(style: Style, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    if style == Style::Json {
        out.push(b'"');
    }
    write(out);
    if style == Style::Json {
        out.push(b'"');
    }
}

/// A day of the calendar. Year 0 is 1 BC.
struct Civil {
    year: i64,
    month: u32,
    day: u32,
}

impl Civil {
    /// `civil_from_days` of Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms": years begin in March, so
    /// that the leap day comes last, and repeat every 400 (146,097 days). That count begins at 0000-03-01, 730,425 days
    /// before 2000-01-01.
    fn of(days_since_2000: i64) -> Self {
        let days = days_since_2000 + 730_425;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097).unsigned_abs() as u32;
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        Self {
            year: era * 400 + i64::from(year_of_era) + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
        }
    }

    fn push(&self, out: &mut Vec<u8>) {
        let year = if self.year > 0 { self.year } else { 1 - self.year };
        let year = year.unsigned_abs() as u32;
        if year > 9999 {
            out.extend_from_slice(itoa::Buffer::new().format(year).as_bytes());
        } else {
            out.extend_from_slice([two(year / 100), two(year % 100)].as_flattened());
        }
        let (month, day) = (two(self.month), two(self.day));
        out.extend_from_slice(&[b'-', month[0], month[1], b'-', day[0], day[1]]);
    }

    fn push_era(&self, out: &mut Vec<u8>) {
        if self.year <= 0 {
            out.extend_from_slice(b" BC");
        }
    }
}

/// Microseconds since midnight as `03:04:05.1234`: zeros at the end of the fraction are left out, and then the point.
pub(super) fn push_time(micros: i64, out: &mut Vec<u8>) {
    let micros = micros.unsigned_abs();
    let (seconds, fraction) = ((micros / 1_000_000) as u32, (micros % 1_000_000) as u32);
    let [h, m, s] = [seconds / 3_600, seconds / 60 % 60, seconds % 60].map(two);
    out.extend_from_slice(&[h[0], h[1], b':', m[0], m[1], b':', s[0], s[1]]);
    if fraction > 0 {
        let digits = [fraction / 10_000, fraction / 100 % 100, fraction % 100].map(two);
        out.push(b'.');
        out.extend_from_slice(digits.as_flattened());
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// The digits of a number below 100.
fn two(number: u32) -> [u8; 2] {
    let number = number as u8;
    [b'0' + number / 10, b'0' + number % 10]
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, NaiveDate, TimeDelta};
    use proptest::prelude::*;

    use super::*;

    fn date(days: i32) -> String {
        let mut out = Vec::new();
        push_date(days, Style::Text, &mut out).expect("a date");
        String::from_utf8(out).expect("UTF-8")
    }

    fn timestamp(micros: i64, zoned: bool, style: Style) -> String {
        let mut out = Vec::new();
        push_timestamp(micros, zoned, style, &mut out).expect("a timestamp");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn dates_have_four_digits_and_an_era() {
        assert_eq!(date(0), "2000-01-01");
        assert_eq!(date(59), "2000-02-29");
        assert_eq!(date(-1), "1999-12-31");
        assert_eq!(date(-730_119), "0001-01-01");
        assert_eq!(date(-730_120), "0001-12-31 BC");
        assert_eq!(date(2_921_940), "10000-01-01");
        assert_eq!(date(-2_451_545), "4714-11-24 BC"); // the first day Postgres has
    }

    #[test]
    fn fractions_lose_their_trailing_zeros() {
        assert_eq!(timestamp(0, false, Style::Json), "\"2000-01-01T00:00:00\"");
        assert_eq!(
            timestamp(1_500_000, true, Style::Json),
            "\"2000-01-01T00:00:01.5+00:00\""
        );
        assert_eq!(timestamp(-1, false, Style::Text), "1999-12-31 23:59:59.999999");
        assert_eq!(timestamp(10, true, Style::Text), "2000-01-01 00:00:00.00001+00");
        assert_eq!(
            timestamp(-63_082_281_600_000_001, true, Style::Text),
            "0001-12-31 23:59:59.999999+00 BC"
        );
    }

    #[test]
    fn infinity_is_a_word_in_text_and_unfit_in_json() {
        assert_eq!(date(i32::MAX), "infinity");
        assert_eq!(timestamp(i64::MIN, true, Style::Text), "-infinity");
        assert_eq!(push_date(i32::MIN, Style::Json, &mut Vec::new()), Err(Unfit::Infinite));
        assert_eq!(
            push_timestamp(i64::MAX, false, Style::Json, &mut Vec::new()),
            Err(Unfit::Infinite)
        );
    }

    proptest! {
        #[test]
        fn the_calendar_is_chronos(days in -95_000_000_i32..95_000_000) {
            let expected = NaiveDate::from_ymd_opt(2000, 1, 1).expect("a day") + TimeDelta::days(days.into());
            let found = Civil::of(days.into());
            let found = (found.year, found.month, found.day);
            prop_assert_eq!(found, (expected.year().into(), expected.month(), expected.day()));
        }
    }
}
