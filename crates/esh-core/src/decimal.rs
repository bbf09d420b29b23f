//! Exact decimals: what the display of a meter shows.

use core::fmt::{self, Write};

/// An exact decimal number, `digits × 10^exponent`.
///
/// The exponent is part of the value: `6400 × 10^-3` prints as `6.400`, with the digits the meter gave. Equality is
/// that of the digits as written; [`Decimal::same_value`] compares the numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    digits: i128,
    exponent: i8,
}

/// Beyond this many characters a decimal is written in scientific notation.
const PLAIN_LIMIT: usize = 40;

/// Room for the longest text of a decimal: sign, 39 digits, point, `e-128`.
const TEXT_LEN: usize = 48;

/// Digits kept of a quotient that is not finite.
const QUOTIENT_DIGITS: u32 = 18;

impl Decimal {
    /// Zero, without a fraction.
    pub const ZERO: Self = Self::new(0, 0);

    /// `digits × 10^exponent`.
    #[must_use]
    pub const fn new(digits: i128, exponent: i8) -> Self {
        Self { digits, exponent }
    }

    /// The digits, with their sign.
    #[must_use]
    pub const fn digits(self) -> i128 {
        self.digits
    }

    /// The power of ten of the last digit.
    #[must_use]
    pub const fn exponent(self) -> i8 {
        self.exponent
    }

    /// The same digits, `by` powers of ten larger; `None` when the exponent leaves its range.
    #[must_use]
    pub const fn scale10(self, by: i8) -> Option<Self> {
        match self.exponent.checked_add(by) {
            Some(exponent) => Some(Self { exponent, ..self }),
            None => None,
        }
    }

    /// The product with a whole number; `None` on overflow.
    #[must_use]
    pub const fn times(self, factor: i64) -> Option<Self> {
        match self.digits.checked_mul(factor as i128) {
            Some(digits) => Some(Self { digits, ..self }),
            None => None,
        }
    }

    /// The sum, with the finer of both exponents; `None` on overflow.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let exponent = self.exponent.min(other.exponent);
        let digits = self.digits_at(exponent)?.checked_add(other.digits_at(exponent)?)?;
        Some(Self { digits, exponent })
    }

    /// The quotient by a whole number, and whether it had to be rounded.
    ///
    /// A finite quotient is exact. One that is not keeps 18 significant digits, rounded half away from zero. `None` for
    /// a divisor of zero or when the quotient cannot be held.
    #[must_use]
    pub fn divided_by(self, divisor: u32) -> Option<(Self, bool)> {
        let divisor = i128::from(divisor);
        if divisor == 0 {
            return None;
        }
        let (mut digits, mut exponent) = (self.digits, self.exponent);
        while digits % divisor != 0 {
            if (digits / divisor).unsigned_abs() >= 10u128.pow(QUOTIENT_DIGITS - 1) {
                let half = if digits < 0 { -(divisor / 2) } else { divisor / 2 };
                return Some((Self { digits: digits.checked_add(half)? / divisor, exponent }, true));
            }
            digits = digits.checked_mul(10)?;
            exponent = exponent.checked_sub(1)?;
        }
        Some((Self { digits: digits / divisor, exponent }, false))
    }

    /// Whether both are the same number, however many digits they are written with.
    #[must_use]
    pub fn same_value(self, other: Self) -> bool {
        let (a, b) = (self.normalised(), other.normalised());
        a == b
    }

    /// The whole number it is; `None` for a fraction or when it does not fit.
    #[must_use]
    pub fn to_i64(self) -> Option<i64> {
        let Self { digits, exponent } = self.normalised();
        let factor = 10i128.checked_pow(u32::try_from(exponent).ok()?)?;
        i64::try_from(digits.checked_mul(factor)?).ok()
    }

    /// The shortest decimal that reads back as the given 32-bit float; `None` for infinities and NaN.
    #[must_use]
    pub fn from_f32_shortest(value: f32) -> Option<Self> {
        Self::from_shortest(value.is_finite(), format_args!("{value:e}"))
    }

    /// The shortest decimal that reads back as the given 64-bit float; `None` for infinities and NaN.
    #[must_use]
    pub fn from_f64_shortest(value: f64) -> Option<Self> {
        Self::from_shortest(value.is_finite(), format_args!("{value:e}"))
    }

    /// The shortest decimal that reads back as the 16-bit float of those bits (IEEE 754 binary16); `None` for infinities
    /// and NaN.
    #[must_use]
    pub fn from_f16_shortest(bits: u16) -> Option<Self> {
        let value = f32_of_half(bits)?;
        // Five digits tell any two of them apart.
        (0..5).find_map(|fraction| {
            let mut text = DecimalText::empty();
            write!(text, "{value:.fraction$e}").ok()?;
            let read: f32 = text.as_str().parse().ok()?;
            (half_of_f32(read) == bits).then(|| Self::parse(text.as_str())).flatten()
        })
    }

    fn from_shortest(finite: bool, scientific: fmt::Arguments<'_>) -> Option<Self> {
        if !finite {
            return None;
        }
        let mut text = DecimalText::empty();
        text.write_fmt(scientific).ok()?;
        Self::parse(text.as_str())
    }

    /// A number as written in JSON: an optional sign, digits, a fraction, an exponent.
    ///
    /// `None` for anything else and for what cannot be held exactly.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction_is_empty = mantissa.len() > whole.len() && fraction.is_empty();
        if whole.is_empty() || fraction_is_empty {
            return None;
        }
        let mut digits: i128 = 0;
        // Zeros at the end that the digits have no room for go into the exponent.
        let mut zeros = 0;
        for octet in whole.bytes().chain(fraction.bytes()) {
            if !octet.is_ascii_digit() {
                return None;
            }
            let digit = i128::from(octet - b'0');
            let longer =
                digits.checked_mul(10).and_then(|digits| digits.checked_add(if negative { -digit } else { digit }));
            match longer {
                Some(longer) if zeros == 0 => digits = longer,
                _ if digit == 0 => zeros += 1,
                _ => return None,
            }
        }
        let exponent = exponent.checked_add(zeros)?;
        let exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        let exponent = i8::try_from(exponent).ok()?;
        Some(Self { digits, exponent })
    }

    /// Its text, written without an allocation.
    #[must_use]
    pub fn text(self) -> DecimalText {
        let mut reversed = [0u8; 39];
        let mut count = 0;
        // Most meters count within 64 bits, where a division is an order of magnitude cheaper.
        match u64::try_from(self.digits.unsigned_abs()) {
            Ok(mut rest) => {
                for slot in &mut reversed {
                    *slot = b'0' + (rest % 10) as u8;
                    count += 1;
                    rest /= 10;
                    if rest == 0 {
                        break;
                    }
                }
            }
            Err(_) => {
                let mut rest = self.digits.unsigned_abs();
                for slot in &mut reversed {
                    *slot = b'0' + (rest % 10) as u8;
                    count += 1;
                    rest /= 10;
                    if rest == 0 {
                        break;
                    }
                }
            }
        }
        let mut text = DecimalText::empty();
        if self.digits < 0 {
            text.push(b'-');
        }
        let exponent = i32::from(self.exponent);
        let digits = reversed.get(..count).unwrap_or_default().iter().rev();
        let written = if exponent >= 0 {
            count + self.exponent.unsigned_abs() as usize
        } else {
            count.max(self.exponent.unsigned_abs() as usize + 1) + 1
        };
        if written > PLAIN_LIMIT {
            for (at, digit) in digits.enumerate() {
                if at == 1 {
                    text.push(b'.');
                }
                text.push(*digit);
            }
            let exponent = exponent + count as i32 - 1;
            // The text has room for every exponent an `i8` and 39 digits can make.
            let _ = write!(text, "e{exponent}");
        } else if exponent >= 0 {
            digits.for_each(|digit| text.push(*digit));
            if self.digits != 0 {
                (0..exponent).for_each(|_| text.push(b'0'));
            }
        } else {
            let places = self.exponent.unsigned_abs() as usize;
            if count <= places {
                text.push(b'0');
                text.push(b'.');
                (count..places).for_each(|_| text.push(b'0'));
            }
            for (at, digit) in digits.enumerate() {
                if at > 0 && at + places == count {
                    text.push(b'.');
                }
                text.push(*digit);
            }
        }
        text
    }

    fn digits_at(self, exponent: i8) -> Option<i128> {
        let places = u32::try_from(i16::from(self.exponent) - i16::from(exponent)).ok()?;
        self.digits.checked_mul(10i128.checked_pow(places)?)
    }

    const fn normalised(self) -> Self {
        let Self { mut digits, mut exponent } = self;
        if digits == 0 {
            return Self::ZERO;
        }
        while digits % 10 == 0 && exponent < i8::MAX {
            digits /= 10;
            exponent += 1;
        }
        Self { digits, exponent }
    }
}

/// The same number with more bits; `None` for infinities and NaN.
fn f32_of_half(bits: u16) -> Option<f32> {
    let (sign, exponent, fraction) =
        (u32::from(bits >> 15) << 31, u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    let magnitude = match (exponent, fraction) {
        (31, _) => return None,
        (0, 0) => 0,
        (0, fraction) => {
            // Subnormal there, normal here: the highest bit becomes the hidden one.
            let shift = fraction.leading_zeros() - 21;
            (113 - shift) << 23 | (fraction << shift & 0x3ff) << 13
        }
        (exponent, fraction) => (exponent + 112) << 23 | fraction << 13,
    };
    Some(f32::from_bits(sign | magnitude))
}

/// The nearest 16-bit float, ties to even.
fn half_of_f32(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    let (exponent, fraction) = ((magnitude >> 23) as i32 - 112, magnitude & 0x7f_ffff);
    if exponent >= 31 {
        return sign | 0x7c00;
    }
    // Bits that fall away, and what is in front of them.
    let (kept, dropped, width) = if exponent > 0 {
        ((exponent as u32) << 10 | fraction >> 13, fraction & 0x1fff, 13)
    } else if exponent >= -10 {
        let width = (14 - exponent) as u32;
        let all = fraction | 0x80_0000;
        (all >> width, all & ((1 << width) - 1), width)
    } else {
        return sign;
    };
    let half = 1 << (width - 1);
    let up = dropped > half || dropped == half && kept & 1 == 1;
    sign | (kept + u32::from(up)) as u16
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self::new(i128::from(value), 0)
    }
}

impl From<u64> for Decimal {
    fn from(value: u64) -> Self {
        Self::new(i128::from(value), 0)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text().as_str())
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

/// The text of a decimal, held without an allocation.
#[derive(Clone, Copy)]
pub struct DecimalText {
    octets: [u8; TEXT_LEN],
    len: usize,
}

impl DecimalText {
    const fn empty() -> Self {
        Self { octets: [0; TEXT_LEN], len: 0 }
    }

    const fn push(&mut self, octet: u8) {
        if let Some(slot) = self.octets.as_mut_slice().split_at_mut(self.len).1.first_mut() {
            *slot = octet;
            self.len += 1;
        }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.octets.get(..self.len).and_then(|octets| core::str::from_utf8(octets).ok()).unwrap_or_default()
    }

    /// As ASCII octets.
    #[must_use]
    pub fn as_octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}

impl Write for DecimalText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.len + text.len() > TEXT_LEN {
            return Err(fmt::Error);
        }
        text.bytes().for_each(|octet| self.push(octet));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn a_decimal_prints_the_digits_it_was_given() {
        for (digits, exponent, text) in [
            (0, 0, "0"),
            (0, -3, "0.000"),
            (0, 3, "0"),
            (6400, -3, "6.400"),
            (-5, -1, "-0.5"),
            (-12345, -3, "-12.345"),
            (12, 2, "1200"),
            (1, -9, "0.000000001"),
            (5, -45, "5e-45"),
            (12345, -60, "1.2345e-56"),
            (7, 100, "7e100"),
            (i128::MAX, 0, "170141183460469231731687303715884105727"),
            (i128::MIN, 0, "-170141183460469231731687303715884105728"),
            (i128::MIN, -128, "-1.70141183460469231731687303715884105728e-90"),
        ] {
            assert_eq!(Decimal::new(digits, exponent).to_string(), text);
            assert!(Decimal::parse(text).unwrap().same_value(Decimal::new(digits, exponent)), "{text}");
        }
    }

    #[test]
    fn a_float_enters_by_its_shortest_decimal() {
        assert_eq!(Decimal::from_f32_shortest(0.1).unwrap().to_string(), "0.1");
        assert_eq!(Decimal::from_f32_shortest(16777216.0).unwrap().to_string(), "16777216");
        assert_eq!(Decimal::from_f32_shortest(-23.85).unwrap().to_string(), "-23.85");
        assert_eq!(Decimal::from_f64_shortest(0.1).unwrap().to_string(), "0.1");
        assert_eq!(Decimal::from_f32_shortest(f32::NAN), None);
        assert_eq!(Decimal::from_f32_shortest(f32::MIN_POSITIVE).unwrap().to_string(), "1.1754944e-38");
    }

    #[test]
    fn a_quotient_is_exact_where_it_is_finite_and_says_so_where_not() {
        assert_eq!(Decimal::new(9, 0).divided_by(8).unwrap(), (Decimal::new(1125, -3), false));
        let (third, rounded) = Decimal::new(1, 0).divided_by(3).unwrap();
        assert_eq!((third.to_string().as_str(), rounded), ("0.333333333333333333", true));
        let (two_thirds, rounded) = Decimal::new(-2, 0).divided_by(3).unwrap();
        assert_eq!((two_thirds.to_string().as_str(), rounded), ("-0.666666666666666667", true));
        assert_eq!(Decimal::new(1, 0).divided_by(0), None);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in
            ["", "-", ".", "1.", ".5", "1e", "0x1", "1 ", "+1", "1e999", "99999999999999999999999999999999999999999"]
        {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_half_enters_by_its_shortest_decimal() {
        for (bits, text) in [
            (0x5cb0, "300"),
            (0x2e66, "0.1"),
            (0x3c00, "1"),
            (0xc000, "-2"),
            (0x7bff, "65500"),
            (0x0001, "0.00000006"),
            (0x0400, "0.00006104"),
            (0x0000, "0"),
        ] {
            assert!(
                Decimal::from_f16_shortest(bits).unwrap().same_value(Decimal::parse(text).unwrap()),
                "{bits:04x}: {:?} is not {text}",
                Decimal::from_f16_shortest(bits)
            );
        }
        assert_eq!(Decimal::from_f16_shortest(0x7c00), None);
        assert_eq!(Decimal::from_f16_shortest(0x7e00), None);
        let finite = (0..=u16::MAX).filter(|bits| bits & 0x7c00 != 0x7c00);
        assert!(finite.into_iter().all(|bits| Decimal::from_f16_shortest(bits).is_some()));
    }

    proptest! {
        #[test]
        fn text_reads_back(digits in any::<i128>(), exponent in -80i8..60) {
            let decimal = Decimal::new(digits, exponent);
            let text = decimal.to_string();
            prop_assert!(text.len() <= PLAIN_LIMIT + 8);
            let back = Decimal::parse(&text).unwrap();
            prop_assert!(back.same_value(decimal), "{} {:?}", text, back);
        }

        #[test]
        fn a_float_survives_the_way_through_a_decimal(bits in any::<u32>()) {
            let float = f32::from_bits(bits);
            if let Some(decimal) = Decimal::from_f32_shortest(float) {
                prop_assert_eq!(decimal.to_string().parse::<f32>().unwrap(), float);
            }
        }

        #[test]
        fn the_sum_is_that_of_the_numbers(a in -1_000_000i64..1_000_000, b in -1_000_000i64..1_000_000, e in -6i8..6) {
            let sum = Decimal::new(a.into(), e).plus(Decimal::new(b.into(), 0)).unwrap();
            let back = sum.plus(Decimal::new(-i128::from(b), 0)).unwrap();
            prop_assert!(back.same_value(Decimal::new(a.into(), e)));
        }
    }
}
