//! Days, as a cohort table gives them.

use std::fmt;

/// A day of the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// Reads `2020-01-31` (ISO 8601) or `20200131` (DICOM); nothing else, as `01/02/2020` is two days.
    /// `None` if it is no day.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = match text.len() {
            8 => text.to_owned(),
            10 => {
                let mut parts = text.split('-');
                let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
                if (year.len(), month.len(), day.len()) != (4, 2, 2) {
                    return None;
                }
                format!("{year}{month}{day}")
            }
            _ => return None,
        };
        if digits.len() != 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let date = Self {
            year: digits[..4].parse().ok()?,
            month: digits[4..6].parse().ok()?,
            day: digits[6..].parse().ok()?,
        };
        let is_day =
            (1..=12).contains(&date.month) && (1..=date.days_in_month()).contains(&date.day);
        is_day.then_some(date)
    }

    fn days_in_month(self) -> u8 {
        let leap = self.year.is_multiple_of(4)
            && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_and_what_is_no_day_is_not() {
        for (text, shown) in [
            ("2020-02-29", "2020-02-29"),
            ("20191231", "2019-12-31"),
            ("2000-02-29", "2000-02-29"),
        ] {
            assert_eq!(
                Date::parse(text).map(|d| d.to_string()).as_deref(),
                Some(shown)
            );
        }
        for text in [
            "2019-02-29",
            "1900-02-29",
            "2020-13-01",
            "01/02/2020",
            "2020-1-1",
            "",
            "2020-01-00",
            "abcdefgh",
            "2020-01-0é",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
        assert!(Date::parse("2019-12-31") < Date::parse("2020-01-01"));
    }
}
