//! What registers hold.

use super::Order;
use esh_core::profile::Code;
use esh_core::{CivilTime, Decimal, Precision, Quality, Text, Value};

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A number of 8 bits in one half of a register.
    Octet {
        /// Which half.
        half: Half,
        /// Whether it has a sign.
        signed: bool,
    },
    /// A number without a sign in so many registers, up to 4.
    Unsigned(u8),
    /// A number in two's complement in so many registers, up to 4.
    Signed(u8),
    /// A number with its sign in the top bit, in so many registers, up to 4.
    SignAndMagnitude(u8),
    /// Some of the bits of so many registers, up to 4, as a number without a sign.
    Field {
        /// How many registers.
        registers: u8,
        /// The lowest bit.
        first: u8,
        /// How many bits.
        count: u8,
    },
    /// Every bit of so many registers, up to 4, for itself.
    Flags(u8),
    /// Binary coded decimal digits in so many registers, up to 4.
    Bcd(u8),
    /// IEEE 754, 32 bits.
    Float,
    /// IEEE 754, 64 bits.
    Double,
    /// Text in so many registers, filled up with NUL or blanks.
    Text(u8),
    /// A time.
    Time(Clock),
    /// Octets that nobody has explained, in so many registers.
    Octets(u8),
}

/// A half of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// The most significant octet.
    High,
    /// The least significant octet.
    Low,
}

/// How a time is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Seconds since 1970 in UTC, in two registers.
    Unix,
    /// Seconds since 2000-01-01 as the meter's clock shows it, in two registers.
    Since2000,
    /// Year, month, day, hour, minute and second, a register each.
    Registers,
    /// Year of the century, month, day, hour, minute and second, an octet each, in binary.
    Octets,
    /// The same in BCD.
    BcdOctets,
    /// The seven octets of IEC 60870-5-4 (CP56Time2a), last one first, in four registers: year; month and day; hour and
    /// minute; milliseconds.
    Iec870,
}

impl Holds {
    /// How many registers it takes.
    #[must_use]
    pub const fn registers(self) -> u16 {
        match self {
            Self::Octet { .. } => 1,
            Self::Unsigned(count)
            | Self::Signed(count)
            | Self::SignAndMagnitude(count)
            | Self::Flags(count)
            | Self::Bcd(count)
            | Self::Text(count)
            | Self::Octets(count)
            | Self::Field { registers: count, .. } => count as u16,
            Self::Float => 2,
            Self::Double => 4,
            Self::Time(clock) => match clock {
                Clock::Unix | Clock::Since2000 => 2,
                Clock::Registers => 6,
                Clock::Octets | Clock::BcdOctets => 3,
                Clock::Iec870 => 4,
            },
        }
    }

    /// How many bits a number has that it holds.
    const fn bits(self) -> u8 {
        match self {
            Self::Octet { .. } => 8,
            Self::Field { count, .. } => count,
            _ => match self.registers() {
                registers @ 0..=3 => registers as u8 * 16,
                _ => 64,
            },
        }
    }

    /// Reads a value out of its registers, before any scale; one that is none comes as the quality that says why.
    ///
    /// # Errors
    /// Why there is no value: a code among `none`, digits that are none, a float that is no number, a wrong width.
    pub fn read<'p>(self, octets: &'p [u8], order: Order, none: &[(Code, Quality)]) -> Result<Value<'p>, Quality> {
        if octets.len() != usize::from(self.registers()) * 2 {
            return Err(Quality::Malformed);
        }
        match self {
            Self::Text(_) => return text(octets, order),
            Self::Octets(_) => return Ok(Value::Octets(octets)),
            Self::Time(clock) => return time(clock, octets, order, none),
            // A number has 64 bits at most.
            _ if !matches!(self.registers(), 1..=4) => return Err(Quality::Malformed),
            _ => {}
        }
        let arranged = order.arrange(octets);
        let all = u64::from_be_bytes(arranged);
        let bits = match self {
            Self::Octet { half: Half::High, .. } => all >> 8 & 0xff,
            Self::Octet { half: Half::Low, .. } => all & 0xff,
            Self::Field { first, count, .. } => {
                let mask = u64::MAX.checked_shr(64u32.saturating_sub(count.into())).unwrap_or_default();
                all.checked_shr(first.into()).unwrap_or_default() & mask
            }
            _ => all,
        };
        if let Some((_, quality)) = none.iter().find(|(code, _)| code.is(bits, self.bits())) {
            return Err(*quality);
        }
        let number = match self {
            Self::Octet { signed: false, .. } | Self::Unsigned(_) | Self::Field { .. } => Decimal::from(bits),
            Self::Octet { signed: true, .. } => Decimal::from(i64::from(bits as u8 as i8)),
            Self::Signed(count) => Decimal::from(signed(bits, count)),
            Self::SignAndMagnitude(count) => {
                let sign = 1u64.checked_shl(u32::from(count) * 16 - 1).unwrap_or_default();
                let magnitude = i128::from(bits & !sign);
                Decimal::new(if bits & sign == 0 { magnitude } else { -magnitude }, 0)
            }
            Self::Bcd(count) => {
                let digits = arranged.get(8 - 2 * usize::from(count.min(4))..).unwrap_or_default();
                return bcd(digits).map(Value::Number);
            }
            Self::Float => return float(Decimal::from_f32_shortest(f32::from_bits(bits as u32)), bits << 32, 8),
            Self::Double => return float(Decimal::from_f64_shortest(f64::from_bits(bits)), bits, 11),
            Self::Flags(_) => return Ok(Value::Flags(bits)),
            Self::Text(_) | Self::Time(_) | Self::Octets(_) => return Err(Quality::Malformed),
        };
        Ok(Value::Number(number))
    }
}

const fn signed(bits: u64, registers: u8) -> i64 {
    let unused = 64 - (if registers > 4 { 4 } else { registers }) as u32 * 16;
    if unused >= 64 { 0 } else { (bits << unused) as i64 >> unused }
}

/// Digits, most significant first. A top nibble `F` is no sign here: no register map has one.
fn bcd(octets: &[u8]) -> Result<Decimal, Quality> {
    let digits = octets.iter().try_fold(0i128, |number, octet| match (octet >> 4, octet & 0xf) {
        (tens @ 0..=9, units @ 0..=9) => Ok(number * 100 + i128::from(tens * 10 + units)),
        _ => Err(Quality::Invalid),
    });
    digits.map(|digits| Decimal::new(digits, 0))
}

/// A number that is none is absent, an infinite one too large. `bits` has the sign in its top bit.
fn float<'p>(number: Option<Decimal>, bits: u64, exponent_bits: u32) -> Result<Value<'p>, Quality> {
    let exponent = bits << 1 >> (64 - exponent_bits);
    let most = (1 << exponent_bits) - 1;
    match number {
        Some(number) => Ok(Value::Number(number)),
        None if exponent == most && bits << (1 + exponent_bits) != 0 => Err(Quality::NotAvailable),
        // Too large, in either direction, or too small, for a decimal.
        None if exponent > most / 2 && bits >> 63 == 0 => Err(Quality::Overflow),
        None => Err(Quality::Underflow),
    }
}

fn text(octets: &[u8], order: Order) -> Result<Value<'_>, Quality> {
    if octets.iter().all(|octet| matches!(octet, 0 | b' ')) {
        return Err(Quality::NotAvailable);
    }
    let text = match core::str::from_utf8(octets) {
        _ if order.octets_swapped => Text::latin1_swapped(octets),
        Ok(text) => Text::utf8(text.trim_matches(['\0', ' '])),
        Err(_) => Text::latin1(octets),
    };
    Ok(Value::Text(text))
}

fn time<'p>(clock: Clock, octets: &[u8], order: Order, none: &[(Code, Quality)]) -> Result<Value<'p>, Quality> {
    if octets.iter().all(|octet| *octet == 0) || octets.iter().all(|octet| *octet == 0xff) {
        return Err(none.first().map_or(Quality::NotAvailable, |(_, quality)| *quality));
    }
    let civil = |year, month, day, hour, minute, second| {
        CivilTime::date(year, month, day)?.at(hour, minute, second, Precision::Second)
    };
    let register = |at: usize| {
        let [high, low] = octets.as_chunks::<2>().0.get(at).copied().unwrap_or_default();
        if order.octets_swapped { [low, high] } else { [high, low] }
    };
    let small = |at: usize| u8::try_from(u16::from_be_bytes(register(at))).unwrap_or(u8::MAX);
    let seconds = || i64::from(u64::from_be_bytes(order.arrange(octets)) as u32);
    let time = match clock {
        Clock::Unix => CivilTime::from_unix(seconds()),
        Clock::Since2000 => {
            let epoch = civil(2000, 1, 1, 0, 0, 0);
            epoch.and_then(|epoch| epoch.seconds_before(-seconds()))
        }
        Clock::Registers => {
            let year = match u16::from_be_bytes(register(0)) {
                year @ 0..100 => 2000 + year,
                year => year,
            };
            civil(year, small(1), small(2), small(3), small(4), small(5))
        }
        Clock::Octets | Clock::BcdOctets => {
            let ([year, month], [day, hour], [minute, second]) = (register(0), register(1), register(2));
            let read = |octet: u8| match clock {
                Clock::BcdOctets if octet >> 4 > 9 || octet & 0xf > 9 => u8::MAX,
                Clock::BcdOctets => (octet >> 4) * 10 + (octet & 0xf),
                _ => octet,
            };
            let year = 2000 + u16::from(read(year));
            civil(year, read(month), read(day), read(hour), read(minute), read(second))
        }
        Clock::Iec870 => {
            let ([_, year], [month, day]) = (register(0), register(1));
            let ([hour, minute], milliseconds) = (register(2), u16::from_be_bytes(register(3)));
            if minute & 0x80 != 0 {
                return Err(Quality::Invalid);
            }
            let year = 2000 + u16::from(year & 0x7f);
            let second = (milliseconds / 1000) as u8;
            civil(year, month & 0x0f, day & 0x1f, hour & 0x1f, minute & 0x3f, second)
                .map(|time| time.with_daylight_saving(hour & 0x80 != 0))
        }
    };
    time.map(Value::Time).ok_or(Quality::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::string::String;

    fn read(holds: Holds, octets: &[u8], order: Order, none: &[(Code, Quality)]) -> String {
        match holds.read(octets, order, none) {
            Ok(Value::Number(number)) => format!("{number}"),
            Ok(Value::Text(text)) => format!("{text}"),
            Ok(Value::Time(time)) => format!("{time}"),
            Ok(other) => format!("{other:?}"),
            Err(quality) => quality.word().into(),
        }
    }

    #[test]
    fn every_type_is_read() {
        let cases: &[(Holds, &[u8], &str)] = &[
            (Holds::Octet { half: Half::High, signed: false }, &[0xfe, 0x01], "254"),
            (Holds::Octet { half: Half::High, signed: true }, &[0xfe, 0x01], "-2"),
            (Holds::Octet { half: Half::Low, signed: true }, &[0xfe, 0x01], "1"),
            (Holds::Unsigned(1), &[0xff, 0xfe], "65534"),
            (Holds::Signed(1), &[0xff, 0xfe], "-2"),
            (Holds::Unsigned(2), &[0x80, 0, 0, 0], "2147483648"),
            (Holds::Signed(2), &[0x80, 0, 0, 0], "-2147483648"),
            (Holds::Unsigned(3), &[0, 1, 0, 0, 0, 0], "4294967296"),
            (Holds::Signed(3), &[0xff; 6], "-1"),
            (Holds::Unsigned(4), &[0xff; 8], "18446744073709551615"),
            (Holds::Signed(4), &[0x80, 0, 0, 0, 0, 0, 0, 0], "-9223372036854775808"),
            (Holds::SignAndMagnitude(1), &[0x80, 0x05], "-5"),
            (Holds::SignAndMagnitude(2), &[0x00, 0, 1, 0], "256"),
            (Holds::Field { registers: 1, first: 4, count: 3 }, &[0x00, 0xf5], "7"),
            (Holds::Field { registers: 2, first: 31, count: 1 }, &[0x80, 0, 0, 0], "1"),
            (Holds::Flags(1), &[0x80, 0x01], "Flags(32769)"),
            (Holds::Bcd(2), &[0x12, 0x34, 0x56, 0x78], "12345678"),
            (Holds::Bcd(1), &[0x1a, 0x00], "invalid"),
            (Holds::Float, &[0x43, 0x66, 0x33, 0x33], "230.2"),
            (Holds::Float, &[0x7f, 0xc0, 0, 0], "not_available"),
            (Holds::Float, &[0x7f, 0x80, 0, 0], "overflow"),
            (Holds::Float, &[0xff, 0x80, 0, 0], "underflow"),
            (Holds::Double, &[0x40, 0x6c, 0xc6, 0x66, 0x66, 0x66, 0x66, 0x66], "230.2"),
            (Holds::Double, &[0x7f, 0xef, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "overflow"),
            (Holds::Double, &[0x00, 0x10, 0, 0, 0, 0, 0, 0], "underflow"),
            (Holds::Double, &[0x7f, 0xf8, 0, 0, 0, 0, 0, 0], "not_available"),
            (Holds::Text(3), b"SDM63\0", "SDM63"),
            (Holds::Text(2), b"ab  ", "ab"),
            (Holds::Text(2), &[0xb0, b'C', 0, 0], "\u{b0}C"),
            (Holds::Text(2), &[0; 4], "not_available"),
            (Holds::Octets(1), &[1, 2], "Octets([1, 2])"),
            (Holds::Time(Clock::Unix), &[0x65, 0x53, 0xf1, 0x00], "2023-11-14T22:13:20Z"),
            (Holds::Time(Clock::Since2000), &[0, 0, 0x0e, 0x10], "2000-01-01T01:00:00"),
            (Holds::Time(Clock::Registers), &[0x07, 0xea, 0, 11, 0, 24, 0, 14, 0, 41, 0, 5], "2026-11-24T14:41:05"),
            (Holds::Time(Clock::Registers), &[0, 26, 0, 13, 0, 24, 0, 14, 0, 41, 0, 5], "malformed"),
            (Holds::Time(Clock::Octets), &[26, 11, 24, 14, 41, 5], "2026-11-24T14:41:05"),
            (Holds::Time(Clock::BcdOctets), &[0x26, 0x11, 0x24, 0x14, 0x41, 0x05], "2026-11-24T14:41:05"),
            (Holds::Time(Clock::BcdOctets), &[0x26, 0x1a, 0x24, 0x14, 0x41, 0x05], "malformed"),
            (Holds::Time(Clock::Iec870), &[0, 26, 0x0b, 0x58, 0x0e, 0x29, 0x13, 0x88], "2026-11-24T14:41:05"),
            (Holds::Time(Clock::Iec870), &[0, 26, 0x0b, 0x58, 0x0e, 0xa9, 0x13, 0x88], "invalid"),
            (Holds::Time(Clock::Unix), &[0xff; 4], "not_available"),
            // A wrong number of octets, and numbers wider than any.
            (Holds::Unsigned(2), &[0, 0], "malformed"),
            (Holds::Unsigned(5), &[0; 10], "malformed"),
            (Holds::SignAndMagnitude(0), &[], "malformed"),
        ];
        for (holds, octets, wanted) in cases {
            assert_eq!(read(*holds, octets, Order::ABCD, &[]), *wanted, "{holds:?} {octets:02x?}");
        }
        assert_eq!(read(Holds::Text(2), b"ba\0c", Order::BADC, &[]), "abc");
        assert_eq!(read(Holds::Float, &[0x33, 0x33, 0x43, 0x66], Order::CDAB, &[]), "230.2");
        assert_eq!(read(Holds::Double, &[0x66, 0x66, 0x66, 0x66, 0x66, 0xc6, 0x6c, 0x40], Order::DCBA, &[]), "230.2");
    }

    #[test]
    fn codes_for_no_value_are_no_numbers() {
        for (holds, octets, code) in [
            (Holds::Unsigned(1), &[0xff, 0xff][..], Code::AllOnes),
            (Holds::Signed(1), &[0x80, 0x00], Code::Smallest),
            (Holds::Signed(2), &[0x7f, 0xff, 0xff, 0xff], Code::Largest),
            (Holds::Unsigned(4), &[0xff; 8], Code::AllOnes),
            (Holds::Unsigned(2), &[0; 4], Code::Zero),
            (Holds::Unsigned(2), &[0, 0, 0xde, 0xad], Code::Bits(0xdead)),
            (Holds::Octet { half: Half::Low, signed: false }, &[0x12, 0xff], Code::AllOnes),
            (Holds::Field { registers: 1, first: 0, count: 4 }, &[0x12, 0xef], Code::AllOnes),
        ] {
            assert_eq!(read(holds, octets, Order::ABCD, &[(code, Quality::NotAvailable)]), "not_available");
            let other = if code == Code::Zero { Code::AllOnes } else { Code::Zero };
            assert_ne!(read(holds, octets, Order::ABCD, &[(other, Quality::NotAvailable)]), "not_available");
        }
    }

    proptest! {
        /// What is written in an order is read in it, and whatever stands in registers is a value or none.
        #[test]
        fn any_octets_are_read(octets: [u8; 8], kind in 0usize..16, count: u8, first: u8, order in 0usize..8) {
            let (registers, order) = (count, Order::ALL[order]);
            let clocks = [
                Clock::Unix, Clock::Since2000, Clock::Registers, Clock::Octets, Clock::BcdOctets, Clock::Iec870,
            ];
            let kinds = [
                Holds::Unsigned(registers), Holds::Signed(registers), Holds::SignAndMagnitude(registers),
                Holds::Field { registers: registers % 5, first, count }, Holds::Flags(registers), Holds::Bcd(registers),
                Holds::Float, Holds::Double, Holds::Text(registers), Holds::Octets(registers),
                Holds::Time(clocks[kind % 6]), Holds::Unsigned(registers % 5), Holds::Signed(registers % 5),
                Holds::SignAndMagnitude(registers % 5), Holds::Bcd(registers % 5), Holds::Text(registers % 5),
            ];
            let holds = kinds[kind];
            let all = octets.repeat(64);
            let taken = &all[..usize::from(holds.registers()) * 2];
            let _ = read(holds, taken, order, &[(Code::Largest, Quality::Error)]);
            let wanted = u64::from_be_bytes(octets);
            let arranged = order.arrange(&octets);
            // Each order is its own way back.
            prop_assert_eq!(u64::from_be_bytes(order.arrange(&arranged)), wanted);
        }
    }
}
