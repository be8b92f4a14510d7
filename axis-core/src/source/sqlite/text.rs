//! Strict readers of the text forms of dates, times, timestamps and decimals.

use chrono::NaiveDate;

const MICROS: i64 = 1_000_000;
const DAY_SECONDS: i64 = 86_400;

/// Reads `YYYY-MM-DD`, also with a time of midnight behind it, as days since 1970.
pub(super) fn date(text: &str) -> Option<i32> {
    let mut input = Input(text.as_bytes());
    let days = input.date()?;
    if !input.is_empty() && (!input.separator() || input.time()? != 0 || !input.is_empty()) {
        return None;
    }
    Some(days)
}

/// Reads `HH:MM[:SS[.fraction]]` as microseconds since midnight.
pub(super) fn time(text: &str) -> Option<i64> {
    let mut input = Input(text.as_bytes());
    let micros = input.time()?;
    input.is_empty().then_some(micros)
}

/// Reads `YYYY-MM-DD[(blank|T)HH:MM[:SS[.fraction]][Z|±HH[[:]MM]]]` as microseconds since 1970, in UTC when a zone is given.
///
/// A fraction has at most nine digits, of which those behind the sixth are zeros.
pub(super) fn timestamp(text: &str) -> Option<i64> {
    let mut input = Input(text.as_bytes());
    let mut micros = i64::from(input.date()?) * DAY_SECONDS * MICROS;
    if input.is_empty() {
        return Some(micros);
    }
    if !input.separator() {
        return None;
    }
    micros += input.time()?;
    micros -= input.offset()? * MICROS;
    input.is_empty().then_some(micros)
}

/// Reads a plain decimal number, without an exponent, as its unscaled value; `None` when it does not fit exactly.
pub(super) fn decimal(text: &str, precision: u8, scale: u8) -> Option<i128> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let point = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
    let whole = &digits[..point];
    let fraction = digits.get(point + 1..).unwrap_or_default();
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let kept = fraction.len().min(usize::from(scale));
    if fraction[kept..].iter().any(|byte| *byte != b'0') {
        return None;
    }
    let padding = std::iter::repeat_n(&b'0', usize::from(scale) - kept);
    let mut unscaled = 0_i128;
    for byte in whole.iter().chain(&fraction[..kept]).chain(padding) {
        if !byte.is_ascii_digit() {
            return None;
        }
        unscaled = unscaled.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
    }
    fits(unscaled, precision).then_some(if negative { -unscaled } else { unscaled })
}

/// Tells whether an unscaled value has no more digits than the precision.
pub(super) fn fits(unscaled: i128, precision: u8) -> bool {
    unscaled.unsigned_abs() < 10_u128.pow(u32::from(precision))
}

/// What is still to be read.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    fn separator(&mut self) -> bool {
        self.take(b' ') || self.take(b'T') || self.take(b't')
    }

    /// Reads exactly this many digits.
    fn number(&mut self, digits: usize) -> Option<u32> {
        let (head, rest) = self.0.split_at_checked(digits)?;
        if !head.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = rest;
        Some(head.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
    }

    fn below(&mut self, limit: u32) -> Option<i64> {
        self.number(2).filter(|value| *value < limit).map(i64::from)
    }

    fn date(&mut self) -> Option<i32> {
        let year = i32::try_from(self.number(4)?).ok()?;
        let month = self.take(b'-').then(|| self.number(2))??;
        let day = self.take(b'-').then(|| self.number(2))??;
        NaiveDate::from_ymd_opt(year, month, day).map(|date| date.to_epoch_days())
    }

    fn time(&mut self) -> Option<i64> {
        let hours = self.below(24)?;
        let minutes = self.take(b':').then(|| self.below(60))??;
        let mut micros = (hours * 60 + minutes) * 60 * MICROS;
        if self.take(b':') {
            micros += self.below(60)? * MICROS;
            if self.take(b'.') {
                micros += self.fraction()?;
            }
        }
        Some(micros)
    }

    fn fraction(&mut self) -> Option<i64> {
        let len = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&len) {
            return None;
        }
        let (digits, rest) = self.0.split_at(len);
        if digits.iter().skip(6).any(|digit| *digit != b'0') {
            return None;
        }
        self.0 = rest;
        let padded = digits.iter().copied().chain(std::iter::repeat(b'0')).take(6);
        Some(padded.fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
    }

    /// Reads a zone as seconds east of UTC; none means UTC.
    fn offset(&mut self) -> Option<i64> {
        if self.is_empty() || self.take(b'Z') || self.take(b'z') {
            return Some(0);
        }
        let sign = if self.take(b'+') {
            1
        } else if self.take(b'-') {
            -1
        } else {
            return None;
        };
        let hours = self.below(24)?;
        let minutes = if self.take(b':') || !self.is_empty() {
            self.below(60)?
        } else {
            0
        };
        Some(sign * (hours * 60 + minutes) * 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_704_110_400 * MICROS;

    #[test]
    fn timestamps_are_iso_8601() {
        for (text, micros) in [
            ("2024-01-01 12:00:00", NOON),
            ("2024-01-01T12:00", NOON),
            ("2024-01-01T12:00:00Z", NOON),
            ("2024-01-01 12:00:00.5", NOON + 500_000),
            ("2024-01-01 12:00:00.000001", NOON + 1),
            ("2024-01-01 12:00:00.000001000", NOON + 1),
            ("2024-01-01 14:30:00+02:30", NOON),
            ("2024-01-01 07:00:00-05", NOON),
            ("2024-01-01T13:00:00+0100", NOON),
            ("2024-01-01", NOON - 12 * 3_600 * MICROS),
            ("1969-12-31 23:59:59.999999", -1),
        ] {
            assert_eq!(timestamp(text), Some(micros), "{text}");
        }
        for text in [
            "",
            "now",
            "12:00",
            " 2024-01-01",
            "2024-02-30",
            "2024-13-01",
            "2024-01-01 24:00",
            "2024-01-01 12",
            "2024-01-01 12:00:00.",
            "2024-01-01 12:00:00.0000001",
            "2024-01-01 12:00:00.0000000000",
            "2024-01-01 12:00:00+",
            "2024-01-01 12:00:00 UTC",
            "2024-01-01x12:00:00",
            "2024-01-01 12:00:00Z ",
            "2460310.5",
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn dates_and_times_are_strict() {
        assert_eq!(date("1970-01-02"), Some(1));
        assert_eq!(date("1970-01-02 00:00:00"), Some(1));
        assert_eq!(date("1970-01-02 00:00:01"), None);
        assert_eq!(date("1970-1-2"), None);
        assert_eq!(time("23:59:59.999999"), Some(86_400 * MICROS - 1));
        assert_eq!(time("24:00:00"), None);
        assert_eq!(time("10:00+01"), None);
    }

    #[test]
    fn decimals_fit_exactly_or_not_at_all() {
        assert_eq!(decimal("12.34", 5, 2), Some(1234));
        assert_eq!(decimal("-0.5", 5, 2), Some(-50));
        assert_eq!(decimal(".5", 5, 2), Some(50));
        assert_eq!(decimal("7", 5, 2), Some(700));
        assert_eq!(decimal("1.2300", 5, 2), Some(123));
        assert_eq!(decimal("999.99", 5, 2), Some(99_999));
        let most = "9".repeat(38);
        assert_eq!(decimal(&most, 38, 0), most.parse().ok());
        for text in ["1000", "1.234", "", ".", "-", "1e2", "1,5", "0x1", "1.2.3", "--1", " 1"] {
            assert_eq!(decimal(text, 5, 2), None, "{text}");
        }
        assert_eq!(decimal(&"9".repeat(60), 38, 0), None);
    }
}
