//! What octets hold: integers of every width, BCD, floats, flags, texts, times.

use super::{Clock, Source};

/// The order of octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Order {
    /// The least significant first.
    #[default]
    Little,
    /// The most significant first.
    Big,
}

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Holds {
    /// A whole number.
    Integer(Integer),
    /// 7 bits an octet, the least significant first; the top bit says that more follow.
    Varint,
    /// IEEE 754 in 2, 4 or 8 octets.
    Float {
        /// How many.
        octets: u8,
        /// Their order.
        order: Order,
    },
    /// Every bit for itself.
    Flags(Integer),
    /// Latin-1, filled up with NUL or blanks.
    Text {
        /// How long.
        length: Length,
        /// Little: the last character first.
        order: Order,
    },
    /// BCD digits that are a name.
    Digits {
        /// How long.
        length: Length,
        /// Their order.
        order: Order,
    },
    /// Octets that are a name.
    Hex {
        /// How long.
        length: Length,
        /// Their order.
        order: Order,
    },
    /// Octets.
    Octets(Length),
    /// A time.
    Time(Clock),
    /// Octets that say nothing.
    Skip(Length),
}

/// How many octets there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Length {
    /// So many.
    Is(u16),
    /// All that are left.
    Rest,
    /// As many as another field says.
    Of(Source),
}

/// A whole number of up to 8 octets, or some of its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Integer {
    /// How many octets.
    pub octets: u8,
    /// Their order.
    pub order: Order,
    /// The lowest bit of it.
    pub first: u8,
    /// How many bits.
    pub count: u8,
    /// How the bits are a number.
    pub coding: Coding,
}

/// How bits are a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Coding {
    /// Without a sign.
    Unsigned,
    /// In two's complement.
    TwosComplement,
    /// The sign in the top bit.
    SignAndMagnitude,
    /// A decimal digit in four bits each.
    Bcd,
}

impl Integer {
    /// All bits of so many octets, without a sign.
    #[must_use]
    pub const fn unsigned(octets: u8, order: Order) -> Self {
        Self { octets, order, first: 0, count: octets * 8, coding: Coding::Unsigned }
    }

    /// The bits, at the low end; `None` when there are not enough octets.
    #[inline]
    pub(super) fn bits(self, octets: &[u8]) -> Option<u64> {
        let octets = octets.get(..self.octets.into())?;
        Some(cut(whole(octets, self.order), self.first, self.count))
    }

    /// The number that bits are; `None` for a digit that is none.
    #[inline]
    pub(super) fn number(self, bits: u64) -> Option<i128> {
        let top = 1u64.checked_shl(u32::from(self.count).saturating_sub(1)).unwrap_or_default();
        Some(match self.coding {
            Coding::Unsigned => bits.into(),
            Coding::TwosComplement if bits & top != 0 => i128::from(bits) - (i128::from(top) << 1),
            Coding::SignAndMagnitude if bits & top != 0 => -i128::from(bits & !top),
            Coding::TwosComplement | Coding::SignAndMagnitude => bits.into(),
            Coding::Bcd => bcd(bits)?.into(),
        })
    }
}

/// Octets as one integer; of more than 8 the last.
#[inline]
pub(super) fn whole(octets: &[u8], order: Order) -> u64 {
    let add = |value: u64, octet: &u8| value << 8 | u64::from(*octet);
    match order {
        Order::Little => octets.iter().rev().fold(0, add),
        Order::Big => octets.iter().fold(0, add),
    }
}

/// `count` bits from bit `first` on.
#[inline]
pub(super) fn cut(bits: u64, first: u8, count: u8) -> u64 {
    bits.checked_shr(first.into()).unwrap_or_default() & ones(count)
}

/// So many bits that are set.
#[inline]
pub(super) fn ones(count: u8) -> u64 {
    u64::MAX.checked_shr(64u32.saturating_sub(count.into())).unwrap_or_default()
}

/// The number of BCD digits, most significant in the top nibble.
fn bcd(bits: u64) -> Option<u64> {
    (0..16).rev().try_fold(0u64, |number, nibble| {
        let digit = bits >> (4 * nibble) & 0xf;
        (digit < 10).then(|| number * 10 + digit)
    })
}

/// The number of two BCD digits.
pub(super) const fn bcd_octet(bits: u64) -> Option<u64> {
    let (tens, units) = (bits >> 4, bits & 0xf);
    if tens > 9 || units > 9 { None } else { Some(tens * 10 + units) }
}

/// A number of 7 bits an octet, and how many octets it takes; `Err` when it does not end there, or not within 64 bits.
pub(super) fn varint(octets: &[u8]) -> Result<(u64, usize), bool> {
    let mut number = 0u64;
    for (n, octet) in octets.iter().enumerate() {
        let bits = u64::from(octet & 0x7f);
        if n > 9 || (n == 9 && bits > 1) {
            return Err(true);
        }
        number |= bits << (7 * n);
        if octet & 0x80 == 0 {
            return Ok((number, n + 1));
        }
    }
    Err(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_every_kind() {
        use Coding::{Bcd, SignAndMagnitude, TwosComplement, Unsigned};
        for (octets, order, first, count, coding, wanted) in [
            (&[0x34, 0x12][..], Order::Little, 0, 16, Unsigned, Some(0x1234)),
            (&[0x12, 0x34], Order::Big, 0, 16, Unsigned, Some(0x1234)),
            (&[0xff; 8], Order::Big, 0, 64, Unsigned, Some(i128::from(u64::MAX))),
            (&[0xff; 8], Order::Big, 0, 64, TwosComplement, Some(-1)),
            (&[0, 0, 0, 0, 0, 0, 0, 0x80], Order::Little, 0, 64, TwosComplement, Some(i128::from(i64::MIN))),
            (&[0xff, 0xff, 0xff, 0xf8], Order::Little, 0, 28, TwosComplement, Some(-0x0700_0001)),
            (&[0x80, 0x05], Order::Big, 0, 16, SignAndMagnitude, Some(-5)),
            (&[0x56, 0x34, 0x12], Order::Little, 0, 24, Bcd, Some(123_456)),
            (&[0x56, 0x34, 0x12], Order::Little, 4, 12, Bcd, Some(345)),
            (&[0x0a], Order::Little, 0, 8, Bcd, None),
            (&[0x10], Order::Little, 4, 4, Unsigned, Some(1)),
        ] {
            let integer = Integer { octets: octets.len() as u8, order, first, count, coding };
            assert_eq!(integer.number(integer.bits(octets).unwrap()), wanted, "{integer:?}");
            assert_eq!(integer.bits(&octets[1..]), None);
        }
    }

    #[test]
    fn numbers_of_seven_bits_an_octet() {
        for (octets, wanted) in [
            (&[0x05][..], Ok((5, 1))),
            (&[0xac, 0x02, 0x09], Ok((300, 2))),
            (&[0x80], Err(false)),
            (&[], Err(false)),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], Ok((u64::MAX, 10))),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], Err(true)),
        ] {
            assert_eq!(varint(octets), wanted, "{octets:02x?}");
        }
    }
}
