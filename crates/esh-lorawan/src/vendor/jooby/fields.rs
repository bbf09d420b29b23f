//! Fields of a command one after the other, and how they are told.

use esh_core::{
    CivilTime, Decimal, DecodeError, Input, Origin, Out, Quality, Quantity, Reading, Register, Text, Unit, Value,
};

/// Seconds from 1970 to 2000, when Jooby's clocks begin.
const YEAR_2000: i64 = 946_684_800;

/// A field: most significant octet first.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) coding: Coding,
    pub(super) exponent: i8,
    pub(super) quantity: Quantity,
    pub(super) unit: Unit,
}

/// How a field is coded.
#[derive(Clone, Copy)]
pub(super) enum Coding {
    Unsigned(u8),
    Signed(u8),
    Flags(u8),
    /// Seconds since 2000, in UTC.
    Time,
    /// A number of a channel, counted from 0 and told from 1.
    Channel,
    /// What a pulse is worth, see [`pulse_weight`].
    Weight,
    /// Octets, so many.
    Hex(u8),
    /// An octet of length and a text.
    Text,
    /// A value that says by its top bits how long it is.
    Extended,
    /// Two numbers of 12 bits.
    Pair,
    /// Octets that are reserved.
    Reserved(u8),
}

pub(super) const fn part(name: &'static str, coding: Coding, exponent: i8, quantity: Quantity, unit: Unit) -> Part {
    Part { name, coding, exponent, quantity, unit }
}

/// A field that no quantity of a meter names.
pub(super) const fn plain(name: &'static str, coding: Coding) -> Part {
    part(name, coding, 0, Quantity::Unknown, Unit::None)
}

/// Where readings go, with what all of the command have in common.
pub(super) struct Told<'o, 'p> {
    pub(super) out: &'o mut dyn Out<'p>,
    pub(super) at: Option<CivilTime>,
    pub(super) register: Register,
    /// Whether what is told is of now, so that states are alarms; an archive is of the past.
    pub(super) now: bool,
}

impl<'o, 'p> Told<'o, 'p> {
    pub(super) fn new(out: &'o mut dyn Out<'p>, now: bool) -> Self {
        Self { out, at: None, register: Register::default(), now }
    }

    /// Tells a value that stands between `start` and `end`.
    pub(super) fn value(
        &mut self,
        part: &Part,
        value: Value<'p>,
        quality: Quality,
        start: &Input<'p>,
        end: &Input<'p>,
    ) {
        let octets = start.rest().get(..end.offset() - start.offset()).unwrap_or_default();
        let origin = Origin { octets, header: &[], offset: start.offset() };
        let reading = Reading {
            label: Some(Text::utf8(part.name)),
            quality,
            register: self.register,
            at: self.at,
            ..Reading::new(part.quantity, value, part.unit, origin)
        };
        self.out.reading(reading.in_canonical_unit());
    }

    pub(super) fn number(&mut self, part: &Part, count: i128, start: &Input<'p>, end: &Input<'p>) {
        let value = Value::Number(Decimal::new(count, part.exponent));
        self.value(part, value, Quality::Good, start, end);
    }

    /// Tells that there is no value, and why.
    pub(super) fn absent(&mut self, part: &Part, quality: Quality, start: &Input<'p>, end: &Input<'p>) {
        self.value(part, Value::Absent, quality, start, end);
    }

    /// Tells octets that nobody has explained.
    pub(super) fn octets(&mut self, name: &'static str, octets: &'p [u8], offset: usize) {
        let origin = Origin { octets, header: &[], offset };
        let label = Some(Text::utf8(name));
        let reading = Reading::new(Quantity::Unknown, Value::Octets(octets), Unit::None, origin);
        self.out.reading(Reading { label, register: self.register, ..reading });
    }
}

/// Reads the fields in their order.
pub(super) fn fields<'p>(parts: &[Part], input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<(), DecodeError> {
    for part in parts {
        field(part, input, told)?;
    }
    Ok(())
}

pub(super) fn field<'p>(part: &Part, input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<(), DecodeError> {
    let start = *input;
    match part.coding {
        Coding::Unsigned(len) => {
            let count = unsigned(part.name, len, input)?;
            told.number(part, count.into(), &start, input);
        }
        Coding::Signed(len) => {
            let count = unsigned(part.name, len, input)?;
            let spare = 64u32.saturating_sub(8 * u32::from(len));
            let signed = (count << spare).cast_signed() >> spare;
            told.number(part, signed.into(), &start, input);
        }
        Coding::Flags(len) => {
            let flags = unsigned(part.name, len, input)?;
            told.value(part, Value::Flags(flags), Quality::Good, &start, input);
        }
        Coding::Time => {
            let (value, quality) = match time(part.name, input)? {
                Some(time) => (Value::Time(time), Quality::Good),
                None => (Value::Absent, Quality::Malformed),
            };
            told.value(part, value, quality, &start, input);
        }
        Coding::Channel => {
            let channel = u16::from(input.u8(part.name)?) + 1;
            told.register.subunit = channel;
            told.number(part, channel.into(), &start, input);
        }
        Coding::Weight => weight(part, input, told)?,
        Coding::Hex(len) => {
            let octets = input.take(part.name, len.into())?;
            told.value(part, Value::Text(Text::hex(octets)), Quality::Good, &start, input);
        }
        Coding::Text => {
            let len = input.u8(part.name)?;
            let text = Text::latin1(input.take(part.name, len.into())?);
            told.value(part, Value::Text(text), Quality::Good, &start, input);
        }
        Coding::Extended => {
            let count = extended(part.name, input)?;
            told.number(part, count.into(), &start, input);
        }
        Coding::Pair => {
            let both = unsigned(part.name, 3, input)?;
            told.number(part, (both >> 12).into(), &start, input);
            told.number(part, (both & 0xfff).into(), &start, input);
        }
        Coding::Reserved(len) => {
            input.take(part.name, len.into())?;
        }
    }
    Ok(())
}

/// Up to eight octets, most significant first.
pub(super) fn unsigned(name: &'static str, len: u8, input: &mut Input<'_>) -> Result<u64, DecodeError> {
    let octets = input.take(name, len.into())?;
    Ok(octets.iter().fold(0, |count, octet| count << 8 | u64::from(*octet)))
}

/// An extended value, `docs/analog/types.md`: seven bits an octet, least significant first; the top bit says that more
/// follow.
pub(super) fn extended(name: &'static str, input: &mut Input<'_>) -> Result<u64, DecodeError> {
    let start = *input;
    let mut value = 0u64;
    for place in 0..9 {
        let octet = input.u8(name)?;
        value |= u64::from(octet & 0x7f) << (7 * place);
        if octet & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(start.error(name, esh_core::Reason::TooLong { limit: 9, found: 10 }))
}

/// Seconds since 2000; `None` where no calendar has it.
pub(super) fn time(name: &'static str, input: &mut Input<'_>) -> Result<Option<CivilTime>, DecodeError> {
    Ok(CivilTime::from_unix(YEAR_2000 + i64::from(input.u32_be(name)?)))
}

/// The weight of a pulse: the number itself, or a power of ten or half of it by a code from 0x80. Codes that are none have
/// no value.
pub(super) fn weight<'p>(part: &Part, input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<(), DecodeError> {
    let start = *input;
    let litres = match input.u8(part.name)? {
        code @ ..0x80 => u32::from(code),
        0x80 => 1,
        0x81 => 5,
        0x82 => 10,
        0x83 => 100,
        0x84 => 1_000,
        0x85 => 10_000,
        0x86 => 100_000,
        _ => {
            told.absent(part, Quality::Invalid, &start, input);
            return Ok(());
        }
    };
    told.number(part, litres.into(), &start, input);
    Ok(())
}

/// Octets behind the last field of a command.
pub(super) fn octets_left<'p>(input: &mut Input<'p>, told: &mut Told<'_, 'p>) {
    if !input.is_empty() {
        told.octets("more of the command", input.rest(), input.offset());
    }
}
