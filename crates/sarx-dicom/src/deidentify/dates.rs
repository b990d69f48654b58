//! Dates as days, to move them.

/// Moves a date (`YYYYMMDD`) or a date with time (`YYYYMMDDHHMM...`) by days; `None` if it is no date.
pub(super) fn shifted(text: &str, days: i64) -> Option<String> {
    if text.is_empty() {
        return Some(String::new());
    }
    let (date, rest) = (text.get(..8)?, text.get(8..)?);
    if !date.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| date[range].parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month, day) = civil(days_of(year, month, day) + days);
    (0..=9999)
        .contains(&year)
        .then(|| format!("{year:04}{month:02}{day:02}{rest}"))
}

/// Days since 1 March of year 0, by counting years from March (Hinnant, "chrono-compatible
/// low-level date algorithms").
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year
}

/// The inverse of [`days_of`].
fn civil(days: i64) -> (i64, i64, i64) {
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn leap_days_and_times_are_kept_right() {
        assert_eq!(shifted("20240301", -1).unwrap(), "20240229");
        assert_eq!(shifted("20230301", -1).unwrap(), "20230228");
        assert_eq!(shifted("20000101120000.5", -1).unwrap(), "19991231120000.5");
        assert_eq!(shifted("", -1).unwrap(), "");
        for bad in ["2024", "20241301", "2024013x", "ä0240101"] {
            assert_eq!(shifted(bad, 1), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn intervals_stay(day in 600_000i64..760_000, gap in 0i64..5000, shift in -3650i64..0) {
            let text = |d| { let (y, m, d) = civil(d); format!("{y:04}{m:02}{d:02}") };
            let moved = |d| shifted(&text(d), shift).unwrap();
            prop_assert_eq!(moved(day), text(day + shift));
            prop_assert_eq!(moved(day + gap), text(day + shift + gap));
        }
    }
}
