//! Which type and order fit: for someone who sees a value on a display and registers on a line.

use super::{Holds, Order};
use esh_core::{Decimal, Value};

/// How registers can be read so that they give what a display shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// The register where the value begins, counted from the first one given.
    pub at: usize,
    /// What it is.
    pub holds: Holds,
    /// How its octets come.
    pub order: Order,
    /// The power of ten by which it is to be multiplied.
    pub exponent: i8,
    /// The value it gives.
    pub value: Decimal,
}

/// What a value is tried as.
const TRIED: [Holds; 12] = [
    Holds::Float,
    Holds::Unsigned(2),
    Holds::Signed(2),
    Holds::Unsigned(1),
    Holds::Signed(1),
    Holds::Double,
    Holds::Unsigned(4),
    Holds::Signed(4),
    Holds::Unsigned(3),
    Holds::Bcd(2),
    Holds::Bcd(4),
    Holds::Bcd(3),
];

/// Tries every type and order at every register, and every power of ten from -6 to 6; hands over what gives the value
/// shown. A display shows fewer digits than a meter has: what is cut or rounded to them fits, too. Ways that give the
/// same number are handed over once, the commonest one.
pub fn probe(octets: &[u8], shown: Decimal, each: &mut dyn FnMut(Fit)) {
    for at in 0..octets.len() / 2 {
        for holds in TRIED {
            let Some(octets) = octets.get(2 * at..2 * (at + usize::from(holds.registers()))) else { continue };
            for (place, order) in Order::ALL.into_iter().enumerate() {
                let arranged = order.arrange(octets);
                if Order::ALL.iter().take(place).any(|before| before.arrange(octets) == arranged) {
                    continue;
                }
                let Ok(Value::Number(number)) = holds.read(octets, order, &[]) else { continue };
                // Without its sign bit a number is the same with a sign and without.
                let is_unsigned_too = matches!(holds, Holds::Signed(_)) && number.digits() >= 0;
                // A float has its point already.
                let exponents = if matches!(holds, Holds::Float | Holds::Double) { -3..=3 } else { -6..=6 };
                for exponent in exponents.filter(|_| !is_unsigned_too) {
                    let Some(value) = number.scale10(exponent) else { continue };
                    if shows(value, shown) {
                        each(Fit { at, holds, order, exponent, value });
                    }
                }
            }
        }
    }
}

/// Whether a display with as many digits as `shown` would show this value so.
fn shows(value: Decimal, shown: Decimal) -> bool {
    if shown.digits() == 0 {
        return value.digits() == 0;
    }
    let places = i16::from(shown.exponent()) - i16::from(value.exponent());
    let Ok(places) = u32::try_from(places) else { return value.same_value(shown) };
    let Some(unit) = 10i128.checked_pow(places) else { return false };
    let (cut, rest) = (value.digits() / unit, value.digits() % unit);
    let up = if value.digits() < 0 { -1 } else { 1 };
    cut == shown.digits() || (rest.abs() * 2 >= unit && cut + up == shown.digits())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn fits(octets: &[u8], shown: &str) -> Vec<Fit> {
        let mut fits = Vec::new();
        probe(octets, Decimal::parse(shown).unwrap(), &mut |fit| fits.push(fit));
        fits
    }

    #[test]
    fn a_known_value_finds_its_order() {
        // 230.2 V as a float, least significant register first, behind another register.
        let octets = [0, 1, 0x33, 0x33, 0x43, 0x66];
        let found = fits(&octets, "230.2");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].at, found[0].holds, found[0].order), (1, Holds::Float, Order::CDAB));
        // 1234.5 kWh in tenths.
        let found = fits(&[0, 0, 0x30, 0x39], "1234.5");
        assert_eq!((found[0].holds, found[0].order, found[0].exponent), (Holds::Unsigned(2), Order::ABCD, -1));
        // A display that cuts, and one that rounds.
        assert!(fits(&[0x03, 0xe7], "99").iter().any(|fit| fit.exponent == -1));
        assert!(fits(&[0x03, 0xe7], "100").iter().any(|fit| fit.exponent == -1));
        assert!(fits(&[0x03, 0xe7], "98").is_empty());
    }
}
