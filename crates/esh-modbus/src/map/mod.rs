//! Register maps: what the registers of a device mean.
//!
//! A map is plain data: a `const` of a program, or what a profile is compiled into.

mod holds;
mod order;
mod probe;
mod scale;

pub use crate::Table;
pub use esh_core::profile::Code;
pub use holds::{Clock, Half, Holds};
pub use order::{Order, Words};
pub use probe::{Fit, probe};
pub use scale::{Other, Scale};

use esh_core::note::{Notes, at};
use esh_core::{
    Alarm, Alarms, Decimal, DecodeError, Format, Function, Known, Meter, Origin, Out, Qualifiers, Quality, Quantity,
    Reading, Text, Unit, Value,
};

/// The registers of a device that stand for something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegisterMap<'m> {
    /// Each of them, in the order in which readings shall come.
    pub registers: &'m [Register<'m>],
}

/// One value of a device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Register<'m> {
    /// The table it stands in.
    pub table: Table,
    /// Where it begins, from 0 as it is sent; see [`Table::numbered`] for the numbers of data sheets.
    pub address: u16,
    /// What it is.
    pub holds: Holds,
    /// How its octets come.
    pub order: Order,
    /// Codes that stand for no value, and what they say.
    pub none: &'m [(Code, Quality)],
    /// From the number to the value.
    pub scale: Scale<'m>,
    /// What is measured.
    pub quantity: Quantity,
    /// The unit of the value.
    pub unit: Unit,
    /// Whether it is the present value or an extreme.
    pub function: Function,
    /// Storage, tariff and subunit.
    pub register: esh_core::Register,
    /// What narrows the quantity down.
    pub qualifiers: Qualifiers,
    /// The name that the maker gives it; empty for none.
    pub name: &'m str,
    /// The bits of flags that are alarms.
    pub alarms: &'m [(u8, Alarm)],
}

impl<'m> Register<'m> {
    /// A present value, as it stands in a holding register.
    #[must_use]
    pub const fn new(address: u16, holds: Holds, quantity: Quantity, unit: Unit) -> Self {
        Self {
            table: Table::Holding,
            address,
            holds,
            order: Order::ABCD,
            none: &[],
            scale: Scale::ONE,
            quantity,
            unit,
            function: Function::Instantaneous,
            register: esh_core::Register { storage: 0, tariff: 0, subunit: 0 },
            qualifiers: Qualifiers::NONE,
            name: "",
            alarms: &[],
        }
    }

    /// The same in an input register.
    #[must_use]
    pub const fn in_input(self) -> Self {
        Self { table: Table::Input, ..self }
    }

    /// The same in another order.
    #[must_use]
    pub const fn ordered(self, order: Order) -> Self {
        Self { order, ..self }
    }

    /// The same with a scale.
    #[must_use]
    pub const fn scaled(self, scale: Scale<'m>) -> Self {
        Self { scale, ..self }
    }

    /// The same with codes for no value.
    #[must_use]
    pub const fn unless(self, none: &'m [(Code, Quality)]) -> Self {
        Self { none, ..self }
    }

    /// The same with a name.
    #[must_use]
    pub const fn named(self, name: &'m str) -> Self {
        Self { name, ..self }
    }

    /// The registers it takes.
    #[must_use]
    pub const fn span(&self) -> (Table, u16, u16) {
        (self.table, self.address, self.holds.registers())
    }
}

/// Registers that have been read, from an address on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'p> {
    /// The table they come from.
    pub table: Table,
    /// The address of the first one.
    pub address: u16,
    /// Their octets, as they came.
    pub octets: &'p [u8],
    /// The octet of the frame where they began.
    pub offset: usize,
}

impl<'p> Block<'p> {
    fn find(&self, table: Table, address: u16, count: u16) -> Option<(&'p [u8], usize)> {
        let start = usize::from(address.checked_sub(self.address)?) * 2;
        let octets = self.octets.get(start..start + usize::from(count) * 2)?;
        (self.table == table).then_some((octets, self.offset + start))
    }
}

/// The registers at an address, and the octet of the frame where they began; `None` when no block has all of them.
#[must_use]
pub fn find<'p>(blocks: &[Block<'p>], table: Table, address: u16, count: u16) -> Option<(&'p [u8], usize)> {
    blocks.iter().find_map(|block| block.find(table, address, count))
}

impl<'m> RegisterMap<'m> {
    /// Hands over a reading for each value that stands in the blocks, wherever they were asked for. The addresses of the
    /// map count from `base`, which is 0 except for maps that stand in several places.
    pub fn read_blocks<'p>(&self, base: u16, blocks: &[Block<'p>], out: &mut dyn Out<'p>)
    where
        'm: 'p,
    {
        read_blocks(self.registers.iter().copied(), base, blocks, out);
    }

    /// The format that reads the registers of one response, which were asked for from this address on.
    #[must_use]
    pub const fn at(&self, table: Table, address: u16) -> At<'m> {
        At { map: *self, table, address }
    }
}

/// As [`RegisterMap::read_blocks`], for a map that is not laid out as one: registers that are told one by one.
pub fn read_blocks<'p, 'm: 'p>(
    registers: impl IntoIterator<Item = Register<'m>>,
    base: u16,
    blocks: &[Block<'p>],
    out: &mut dyn Out<'p>,
) {
    let mut alarms = Alarms::NONE;
    let mut taken = None;
    for register in registers {
        let (table, address, count) = register.span();
        let Some(address) = base.checked_add(address) else { continue };
        let Some((octets, offset)) = find(blocks, table, address, count) else { continue };
        let reading = register.read(base, octets, offset, blocks);
        if let Value::Flags(bits) = reading.value {
            for (bit, alarm) in register.alarms {
                if bits.checked_shr((*bit).into()).unwrap_or_default() & 1 == 1 {
                    alarms = alarms.with(*alarm);
                }
            }
        }
        // Bits of one register may be several values; their octets are explained once.
        note(&reading, taken == Some(offset), &register, out);
        taken = Some(offset);
        out.reading(reading);
    }
    if !alarms.is_empty() {
        out.alarms(alarms);
    }
}

impl<'m> Register<'m> {
    fn read<'p>(&self, base: u16, octets: &'p [u8], offset: usize, blocks: &[Block<'p>]) -> Reading<'p>
    where
        'm: 'p,
    {
        let origin = Origin { octets, header: &[], offset };
        let (value, quality, unrounded) = match self.value(base, octets, blocks) {
            Ok((value, unrounded)) => (value, Quality::Good, unrounded.map(|raw| (raw, self.unit))),
            Err(quality) => (Value::Absent, quality, None),
        };
        let reading = Reading {
            function: self.function,
            register: self.register,
            qualifiers: self.qualifiers,
            quality,
            label: if self.name.is_empty() { None } else { Some(Text::utf8(self.name)) },
            ..Reading::new(self.quantity, value, self.unit, origin)
        };
        let reading = reading.in_canonical_unit();
        Reading { unrounded: reading.unrounded.or(unrounded), ..reading }
    }

    /// The value, and the number before rounding where there was any.
    fn value<'p>(
        &self,
        base: u16,
        octets: &'p [u8],
        blocks: &[Block<'p>],
    ) -> Result<(Value<'p>, Option<Decimal>), Quality> {
        let value = self.holds.read(octets, self.order, self.none)?;
        let Value::Number(number) = value else { return Ok((value, None)) };
        let other = |other: &Other| {
            let address = base.checked_add(other.address).ok_or(Quality::Invalid)?;
            let found = find(blocks, other.table, address, other.holds.registers());
            let (octets, _) = found.ok_or(Quality::Invalid)?;
            let none = [(Code::Smallest, Quality::NotAvailable)];
            let none = if matches!(other.holds, Holds::Signed(1)) { &none[..] } else { &[] };
            other.holds.read(octets, other.order, none).and_then(scale::number)
        };
        let (value, rounded) = self.scale.apply(number, other)?;
        Ok((Value::Number(value), rounded.then_some(number)))
    }
}

/// A map for the registers of one response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct At<'m> {
    map: RegisterMap<'m>,
    table: Table,
    address: u16,
}

impl Format for At<'static> {
    fn read<'p>(
        &self,
        _: Option<&Meter>,
        payload: &'p [u8],
        offset: usize,
        _: &'p dyn Known,
        out: &mut dyn Out<'p>,
    ) -> Result<(), DecodeError> {
        let block = Block { table: self.table, address: self.address, octets: payload, offset };
        self.map.read_blocks(0, &[block], out);
        Ok(())
    }
}

fn note<'p>(reading: &Reading<'p>, again: bool, register: &Register<'_>, out: &mut dyn Out<'p>) {
    let mut notes = Notes::new(out);
    if !notes.wanted() {
        return;
    }
    let Origin { octets, offset, .. } = reading.origin;
    let len = if again { 0 } else { octets.len() };
    let name = if register.name.is_empty() { reading.quantity.name() } else { register.name };
    let place = at(crate::pdu::LAYER, offset, len, "register", "");
    match reading.value {
        Value::Number(number) => notes.text(place, &format_args!("{name} = {number} {}", reading.unit.ucum()), &""),
        Value::Flags(bits) => notes.text(place, &format_args!("{name} = {bits:#b}"), &""),
        Value::Text(text) => notes.text(place, &format_args!("{name} = {text}"), &""),
        Value::Time(time) => notes.text(place, &format_args!("{name} = {time}"), &""),
        _ => notes.text(place, &format_args!("{name}: {}", reading.quality.word()), &""),
    }
}

impl Table {
    /// The table and the address of a number in the old way of counting, where 40001 or 400001 is the first holding
    /// register and 30001 or 300001 the first input register; `None` for other numbers. Addresses that a data sheet
    /// counts from 0, or in hexadecimal, are what is sent and need no change.
    #[must_use]
    pub const fn numbered(number: u32) -> Option<(Self, u16)> {
        match number {
            30_001..=39_999 => Some((Self::Input, (number - 30_001) as u16)),
            40_001..=49_999 => Some((Self::Holding, (number - 40_001) as u16)),
            300_001..=365_536 => Some((Self::Input, (number - 300_001) as u16)),
            400_001..=465_536 => Some((Self::Holding, (number - 400_001) as u16)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::NothingKnown;
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    const NONE: &[(Code, Quality)] = &[(Code::AllOnes, Quality::NotAvailable)];

    /// Current and voltage transformer ratios at 10 and 11, a power of ten at 20.
    const MAP: RegisterMap<'static> = RegisterMap {
        registers: &[
            Register::new(0, Holds::Unsigned(2), Quantity::EnergyActiveImport, Unit::WattHour).unless(NONE),
            Register::new(2, Holds::Unsigned(1), Quantity::VoltageL1, Unit::Volt).scaled(Scale::by(1, -1)),
            Register::new(3, Holds::Signed(1), Quantity::PowerActiveImport, Unit::Watt)
                .scaled(Scale { multipliers: &[RATIO_OF_CURRENT, RATIO_OF_VOLTAGE], ..Scale::ONE }),
            Register::new(4, Holds::Signed(1), Quantity::CurrentL1, Unit::Ampere).scaled(Scale::ONE.with_exponent(20)),
            Register::new(5, Holds::Unsigned(1), Quantity::Frequency, Unit::Hertz)
                .scaled(Scale { divisor: 7, ..Scale::ONE }),
            Register::new(6, Holds::Signed(1), Quantity::TemperatureDevice, Unit::Celsius)
                .scaled(Scale { plus: Decimal::new(-100, 0), ..Scale::by(5, -1) }),
            Register { alarms: &[(0, Alarm::Leak), (3, Alarm::Frost)], ..FLAGS },
            Register::new(40, Holds::Unsigned(1), Quantity::Volume, Unit::CubicMetre).in_input(),
        ],
    };
    const RATIO_OF_CURRENT: Other =
        Other { table: Table::Holding, address: 10, holds: Holds::Unsigned(1), order: Order::ABCD };
    const RATIO_OF_VOLTAGE: Other = Other { address: 11, ..RATIO_OF_CURRENT };
    const FLAGS: Register<'static> =
        Register::new(7, Holds::Flags(1), Quantity::StatusFlags, Unit::None).named("state");

    #[derive(Default)]
    struct Lines(Vec<String>, Alarms);

    impl<'a> Out<'a> for Lines {
        fn reading(&mut self, reading: Reading<'a>) {
            let value = match reading.value {
                Value::Number(number) => format!("{number} {}", reading.unit.ucum()),
                Value::Flags(bits) => format!("{bits:b} {}", reading.label.unwrap()),
                _ => reading.quality.word().into(),
            };
            let from = reading.unrounded.map_or_else(String::new, |(raw, _)| format!(" from {raw}"));
            self.0.push(format!("{} = {value}{from} @{}", reading.quantity.name(), reading.origin.offset));
        }

        fn alarms(&mut self, alarms: Alarms) {
            self.1 = self.1.and(alarms);
        }
    }

    fn octets(registers: &[u16]) -> Vec<u8> {
        registers.iter().flat_map(|register| register.to_be_bytes()).collect()
    }

    fn read(blocks: &[(u16, &[u16])]) -> Lines {
        let all: Vec<_> = blocks.iter().map(|(address, registers)| (*address, octets(registers))).collect();
        let blocks: Vec<_> = all
            .iter()
            .map(|(address, octets)| Block { table: Table::Holding, address: *address, octets, offset: 3 })
            .collect();
        let mut lines = Lines::default();
        MAP.read_blocks(0, &blocks, &mut lines);
        lines
    }

    #[test]
    fn registers_become_readings() {
        let minus_two = 0xfffe;
        let lines = read(&[(0, &[1, 0, 2302, 0xff9c, 1234, 350, 250, 9]), (10, &[40, 100]), (20, &[minus_two])]);
        let wanted = [
            "energy.active.import = 65.536 kW.h @3",
            "voltage.l1 = 230.2 V @7",
            "power.active.import = -400.000 kW @9",
            "current.l1 = 12.34 A @11",
            "frequency = 50 Hz @13",
            "temperature.device = 25.0 Cel @15",
            "status.flags = 1001 state @17",
        ];
        assert_eq!(lines.0, wanted);
        assert_eq!(lines.1.iter().collect::<Vec<_>>(), [Alarm::Leak, Alarm::Frost]);
    }

    #[test]
    fn what_is_not_there_is_no_reading_and_what_has_no_value_no_number() {
        // Two blocks that leave something out; a code for no value; ratios that were not read, an exponent that is none.
        let lines = read(&[(0, &[0xffff, 0xffff]), (3, &[1, 2, 50]), (20, &[0x8000])]);
        let wanted = [
            "energy.active.import = not_available @3",
            "power.active.import = invalid @3",
            "current.l1 = not_available @5",
            "frequency = 7.14285714285714286 Hz from 50 @7",
        ];
        assert_eq!(lines.0, wanted);
        assert!(read(&[(20, &[500]), (4, &[2])]).0[0].contains("invalid"));
        // Half a value is none.
        assert!(read(&[(1, &[5])]).0.is_empty());
    }

    #[test]
    fn a_map_is_a_format_for_a_response() {
        let registers = octets(&[0, 7]);
        let mut lines = Lines::default();
        MAP.at(Table::Holding, 0).read(None, &registers, 9, &NothingKnown, &mut lines).unwrap();
        assert_eq!(lines.0, ["energy.active.import = 0.007 kW.h @9"]);
        let mut lines = Lines::default();
        MAP.at(Table::Input, 40).read(None, &registers, 9, &NothingKnown, &mut lines).unwrap();
        assert_eq!(lines.0, ["volume = 0 m3 @9"]);
    }

    #[test]
    fn numbers_of_data_sheets() {
        for (number, wanted) in [
            (40_001, Some((Table::Holding, 0))),
            (49_999, Some((Table::Holding, 9_998))),
            (400_001, Some((Table::Holding, 0))),
            (465_536, Some((Table::Holding, 0xffff))),
            (30_001, Some((Table::Input, 0))),
            (365_536, Some((Table::Input, 0xffff))),
            (40_000, None),
            (1, None),
            (465_537, None),
        ] {
            assert_eq!(Table::numbered(number), wanted, "{number}");
        }
    }
}
