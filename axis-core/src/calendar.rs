//! Days since 1970 in the Gregorian calendar, as far as 64 bits count them: PostgreSQL and DuckDB have years that chrono has not.

pub(crate) const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Returns year, month and day; the year before 1 is 0.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    // Counted from 0000-03-01, so that the leap day is a year's last day; 146,097 days make four centuries.
    let days = days + 719_468;
    let (century, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + century * 400 + i64::from(month <= 2), month, day_of_month)
}

/// Writes a date of ISO 8601; a year that has no four digits gets a sign.
pub(crate) fn date(days: i64) -> String {
    let (year, month, day) = civil(days);
    if (0..=9_999).contains(&year) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:+05}-{month:02}-{day:02}")
    }
}

/// Writes a time of day, the end of it included.
pub(crate) fn clock(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    format!(
        "{:02}:{:02}:{:02}.{:06}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        micros % 1_000_000
    )
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn years_that_chrono_has_not_are_written() {
        assert_eq!(date(2_145_042_905), "+5874897-12-31");
        assert_eq!(date(-2_440_588), "-4713-11-24");
    }

    proptest! {
        #[test]
        fn dates_are_those_of_chrono(days in -90_000_000..90_000_000_i32) {
            prop_assert_eq!(date(i64::from(days)), NaiveDate::from_epoch_days(days).unwrap().to_string());
        }
    }
}
