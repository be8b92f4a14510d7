//! PostgreSQL's `numeric` in its binary format: groups of four decimal digits.

use std::fmt::Write as _;

use super::values::{Fault, be_u16};

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;

/// A value split into its header and its groups: `Σ group[i] * 10000^(weight - i)`.
struct Numeric<'a> {
    sign: u16,
    weight: i32,
    groups: &'a [[u8; 2]],
}

impl<'a> Numeric<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let (header, groups) = bytes.split_first_chunk::<8>().ok_or(Fault::Malformed)?;
        let (groups, []) = groups.as_chunks::<2>() else {
            return Err(Fault::Malformed);
        };
        let weight = i32::from(be_u16([header[2], header[3]]).cast_signed());
        let ok = groups.len() == usize::from(be_u16([header[0], header[1]]))
            && groups.iter().all(|group| be_u16(*group) < 10_000);
        let numeric = Self {
            sign: be_u16([header[4], header[5]]),
            weight,
            groups,
        };
        if ok { Ok(numeric) } else { Err(Fault::Malformed) }
    }

    /// The power of ten of the last group.
    fn exponent(&self) -> i32 {
        4 * (self.weight + 1 - i32::try_from(self.groups.len()).unwrap_or(i32::MAX / 8))
    }
}

/// Decodes the unscaled value of a `DECIMAL`.
pub(super) fn to_decimal(bytes: &[u8], precision: u8, scale: u8) -> Result<i128, Fault> {
    let numeric = Numeric::parse(bytes)?;
    let negative = match numeric.sign {
        POSITIVE => false,
        NEGATIVE => true,
        NAN | INFINITY | NEGATIVE_INFINITY => return Err(Fault::CannotHold),
        _ => return Err(Fault::Malformed),
    };
    let unscaled = if numeric.groups.is_empty() {
        0
    } else {
        unscaled(&numeric, scale).ok_or(Fault::CannotHold)?
    };
    if unscaled >= 10_u128.pow(u32::from(precision.min(38))) {
        return Err(Fault::CannotHold);
    }
    let value = unscaled.cast_signed();
    Ok(if negative { -value } else { value })
}

/// Returns the digits without sign and point; `None` when they are too many or the scale would cut some.
fn unscaled(numeric: &Numeric<'_>, scale: u8) -> Option<u128> {
    let exponent = numeric.exponent() + i32::from(scale);
    let (last, head) = numeric.groups.split_last()?;
    let mut value = 0_u128;
    if head.len() <= 4 {
        let short = head
            .iter()
            .fold(0_u64, |value, group| value * 10_000 + u64::from(be_u16(*group)));
        value = u128::from(short);
    } else {
        for group in head {
            value = value.checked_mul(10_000)?.checked_add(u128::from(be_u16(*group)))?;
        }
    }
    let last = u128::from(be_u16(*last));
    if exponent >= 0 {
        let value = value.checked_mul(10_000)?.checked_add(last)?;
        if value == 0 {
            Some(0)
        } else {
            value.checked_mul(10_u128.checked_pow(exponent.cast_unsigned())?)
        }
    } else if exponent > -4 {
        // The scale ends inside the last group, whose other digits must be zeros.
        let cut = 10_u128.pow(exponent.unsigned_abs());
        let value = value.checked_mul(10_000 / cut)?.checked_add(last / cut)?;
        last.is_multiple_of(cut).then_some(value)
    } else {
        (value == 0 && last == 0).then_some(0)
    }
}

/// Decodes the nearest double; NaN and the infinities are kept. `scratch` is only there to save allocations.
pub(super) fn to_double(bytes: &[u8], scratch: &mut String) -> Result<f64, Fault> {
    let numeric = Numeric::parse(bytes)?;
    let negative = match numeric.sign {
        POSITIVE => false,
        NEGATIVE => true,
        NAN => return Ok(f64::NAN),
        INFINITY => return Ok(f64::INFINITY),
        NEGATIVE_INFINITY => return Ok(f64::NEG_INFINITY),
        _ => return Err(Fault::Malformed),
    };
    let value = if numeric.groups.is_empty() {
        0.0
    } else {
        match short_double(&numeric) {
            Some(value) => value,
            None => long_double(&numeric, scratch)?,
        }
    };
    Ok(if negative { -value } else { value })
}

/// Both numbers are exact doubles, so that one operation rounds once.
fn short_double(numeric: &Numeric<'_>) -> Option<f64> {
    const POWERS: [f64; 23] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ];
    if numeric.groups.len() > 4 {
        return None;
    }
    let digits = numeric
        .groups
        .iter()
        .fold(0_u64, |value, group| value * 10_000 + u64::from(be_u16(*group)));
    let exponent = numeric.exponent();
    let power = *POWERS.get(usize::try_from(exponent.unsigned_abs()).ok()?)?;
    if digits >= 1 << f64::MANTISSA_DIGITS {
        return None;
    }
    let digits = digits as f64;
    Some(if exponent < 0 { digits / power } else { digits * power })
}

fn long_double(numeric: &Numeric<'_>, scratch: &mut String) -> Result<f64, Fault> {
    scratch.clear();
    for group in numeric.groups {
        // Writing to a text cannot fail.
        let _ = write!(scratch, "{:04}", be_u16(*group));
    }
    let _ = write!(scratch, "e{}", numeric.exponent());
    let value: f64 = scratch.parse().map_err(|_| Fault::Malformed)?;
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Fault::CannotHold)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Builds the binary form of a decimal text the way PostgreSQL does.
    fn binary(text: &str) -> Vec<u8> {
        let (sign, digits) = text
            .strip_prefix('-')
            .map_or((POSITIVE, text), |digits| (NEGATIVE, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let whole = format!("{}{whole}", "0".repeat((4 - whole.len() % 4) % 4));
        let padded = format!("{whole}{fraction}{}", "0".repeat((4 - fraction.len() % 4) % 4));
        let mut groups: Vec<u16> = (0..padded.len() / 4)
            .map(|i| padded[i * 4..i * 4 + 4].parse().unwrap())
            .collect();
        let mut weight = whole.len() as i16 / 4 - 1;
        while groups.first() == Some(&0) {
            groups.remove(0);
            weight -= 1;
        }
        while groups.last() == Some(&0) {
            groups.pop();
        }
        let head = [groups.len() as u16, weight.cast_unsigned(), sign, fraction.len() as u16];
        head.into_iter().chain(groups).flat_map(u16::to_be_bytes).collect()
    }

    #[test]
    fn decimals_are_exact_to_the_last_digit() {
        let nines = "9".repeat(38);
        for (text, precision, scale, unscaled) in [
            ("0", 1, 0, 0),
            ("1.5", 12, 6, 1_500_000),
            ("-0.000001", 12, 6, -1),
            ("10000", 5, 0, 10_000),
            ("100000000000000000000", 21, 0, 100_000_000_000_000_000_000),
            ("0.00000000000000000000000000000000000001", 38, 38, 1),
            (&nines, 38, 0, 99_999_999_999_999_999_999_999_999_999_999_999_999),
            (
                "9999999999999999999999999999.9999999999",
                38,
                10,
                99_999_999_999_999_999_999_999_999_999_999_999_999,
            ),
        ] {
            assert_eq!(
                to_decimal(&binary(text), precision, scale).ok(),
                Some(unscaled),
                "{text}"
            );
        }
        assert!(matches!(to_decimal(&binary("10"), 1, 0), Err(Fault::CannotHold)));
        assert!(matches!(to_decimal(&binary("0.15"), 5, 1), Err(Fault::CannotHold)));
        assert!(matches!(
            to_decimal(&binary("0.00000015"), 5, 1),
            Err(Fault::CannotHold)
        ));
        assert!(matches!(
            to_decimal(&[0, 0, 0, 0, 0xC0, 0, 0, 0], 5, 1),
            Err(Fault::CannotHold)
        ));
        assert!(matches!(
            to_decimal(&[0, 1, 0, 0, 0, 0, 0, 0, 0x27, 0x10], 5, 1),
            Err(Fault::Malformed)
        ));
        assert!(matches!(
            to_decimal(&[0, 1, 0, 0, 0, 0, 0, 0], 5, 1),
            Err(Fault::Malformed)
        ));
    }

    proptest! {
        #[test]
        fn any_decimal_comes_back(value in -(10_i128.pow(38) - 1)..10_i128.pow(38), shift in 0_u32..38, scale in 0_u8..=38) {
            let value = value / 10_i128.pow(shift);
            let text = crate::source::horizon::decimal_text(value, scale);
            prop_assert_eq!(to_decimal(&binary(&text), 38, scale).ok(), Some(value));
        }

        #[test]
        fn doubles_are_the_nearest(text in "-?[1-9][0-9]{0,25}(\\.[0-9]{1,25})?") {
            let expected: f64 = text.parse().unwrap();
            prop_assert_eq!(to_double(&binary(&text), &mut String::new()).ok(), Some(expected));
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = to_decimal(&bytes, 38, 10);
            let _ = to_double(&bytes, &mut String::new());
        }
    }
}
