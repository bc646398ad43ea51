//! Days, months and years as they are written in a query.

const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;

/// A span of time, in milliseconds since 1970: from its first moment up to the first one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first moment.
    pub from: i64,
    /// The first moment after it.
    pub to: i64,
}

/// The span of `2026`, `2026-05` or `2026-05-01` at so many minutes east of UTC; nothing if it is none of these.
pub fn parse(text: &str, minutes_east: i32) -> Option<Span> {
    let mut parts = text.split('-');
    let year = number(parts.next()?, 4)?;
    let month = parts.next().map(|part| number(part, 2));
    let day = parts.next().map(|part| number(part, 2));
    if parts.next().is_some() || !(1970..=9999).contains(&year) {
        return None;
    }
    let (from, to) = match (month, day) {
        (None, _) => (days(year, 1, 1), days(year + 1, 1, 1)),
        (Some(month), None) => {
            let month = month.filter(|month| (1..=12).contains(month))?;
            (days(year, month, 1), days(year + month / 12, month % 12 + 1, 1))
        }
        (Some(month), Some(day)) => {
            let month = month.filter(|month| (1..=12).contains(month))?;
            let first = days(year, month, 1);
            let length = days(year + month / 12, month % 12 + 1, 1) - first;
            let day = day.filter(|day| (1..=length).contains(day))?;
            (first + day - 1, first + day)
        }
    };
    let shift = i64::from(minutes_east) * MINUTE_MS;
    Some(Span { from: from * DAY_MS - shift, to: to * DAY_MS - shift })
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let is_plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}

/// The days from 1970 to a date of the Gregorian calendar, by Howard Hinnant's algorithm.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // The year begins in March, so that the leap day is its last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_months_and_years_have_their_length() {
        let length = |text| parse(text, 0).map(|span| (span.to - span.from) / DAY_MS);
        for (text, expected) in [
            ("2026-11-30", Some(1)),
            ("2024-02", Some(29)),
            ("2023-02", Some(28)),
            ("2000-02-29", Some(1)),
            ("2026-12", Some(31)),
            ("2024", Some(366)),
            ("1900-02-29", None),
            ("2023-02-29", None),
            ("2026-13", None),
            ("2026-00-01", None),
            ("2026-1-1", None),
            ("26", None),
            ("2026-05-01-01", None),
            ("99999", None),
            ("", None),
            ("yesterday", None),
        ] {
            assert_eq!(length(text), expected, "{text}");
        }
    }

    #[test]
    fn a_day_begins_where_its_reader_is() {
        assert_eq!(parse("1970-01-02", 0), Some(Span { from: DAY_MS, to: 2 * DAY_MS }));
        assert_eq!(parse("1970-01-02", 180).map(|span| span.from), Some(DAY_MS - 3 * 3_600_000));
        assert_eq!(parse("2026-11-30", 0).map(|span| span.from), Some(1_795_996_800_000));
    }
}
