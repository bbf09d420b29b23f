//! SunSpec: devices that say themselves what their registers mean. SunSpec device information model specification 1.1,
//! clause 6: a mark, then models one behind the other, each with its number and its length in front.

mod common;
mod inverter;
mod inverter_float;
mod meter;
mod meter_float;
mod point;

use crate::map::RegisterMap;
use crate::pdu::Registers;

/// Where the mark may stand, in the order in which it is looked for.
pub const BASES: [u16; 3] = [40_000, 50_000, 0];

/// `SunS`.
pub const MARK: [u16; 2] = [0x5375, 0x6e53];

/// The number that ends the chain.
pub const END: u16 = 0xffff;

/// A number and a length.
const HEADER: u16 = 2;

/// A model of a device: a run of holding registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// Its number.
    pub id: u16,
    /// Where it begins, with the register of its number.
    pub address: u16,
    /// How many registers follow its number and length.
    pub length: u16,
}

impl Model {
    /// What its registers mean, counted from [`Self::address`]; `None` for a model that is not described here.
    #[must_use]
    pub const fn map(&self) -> Option<&'static RegisterMap<'static>> {
        map(self.id)
    }

    /// Its first register and how many it has, with number and length.
    #[must_use]
    pub const fn span(&self) -> (u16, u16) {
        (self.address, self.length.saturating_add(HEADER))
    }
}

/// What the registers of a model mean.
#[must_use]
pub const fn map(id: u16) -> Option<&'static RegisterMap<'static>> {
    match id {
        1 => Some(&common::MODEL),
        101..=103 => Some(&inverter::MODEL),
        111..=113 => Some(&inverter_float::MODEL),
        201..=204 => Some(&meter::MODEL),
        211..=214 => Some(&meter_float::MODEL),
        _ => None,
    }
}

/// Walks the chain of models of a device: it says what to ask for and is told what came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walk(Step);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Looking for the mark at one of [`BASES`].
    Mark(usize),
    /// At the header of a model.
    Header(u16),
    /// At the end.
    End { found: bool },
}

impl Default for Step {
    fn default() -> Self {
        Self::Mark(0)
    }
}

impl Walk {
    /// At the beginning.
    #[must_use]
    pub const fn new() -> Self {
        Self(Step::Mark(0))
    }

    /// The holding registers to ask for next: address and quantity; `None` at the end.
    #[must_use]
    pub fn ask(&self) -> Option<(u16, u16)> {
        match self.0 {
            Step::Mark(place) => BASES.get(place).map(|base| (*base, HEADER)),
            Step::Header(address) => Some((address, HEADER)),
            Step::End { .. } => None,
        }
    }

    /// Takes what came, and gives the model whose header it is.
    pub fn answer(&mut self, registers: Registers<'_>) -> Option<Model> {
        let pair = [registers.get(0).unwrap_or(END), registers.get(1).unwrap_or_default()];
        match self.0 {
            Step::Mark(place) if pair == MARK => {
                self.0 = Step::Header(BASES.get(place).copied().unwrap_or_default() + HEADER);
                None
            }
            Step::Mark(_) => {
                self.refused();
                None
            }
            // Zero is no number of a model: a device that has nothing there.
            Step::Header(_) if matches!(pair, [END | 0, _]) => {
                self.0 = Step::End { found: true };
                None
            }
            Step::Header(address) => {
                let [id, length] = pair;
                let next = address.checked_add(HEADER).and_then(|behind| behind.checked_add(length));
                self.0 = next.map_or(Step::End { found: true }, Step::Header);
                Some(Model { id, address, length })
            }
            Step::End { .. } => None,
        }
    }

    /// The device has refused what was asked for, or has not answered: it is looked for elsewhere, or the chain ends.
    pub fn refused(&mut self) {
        self.0 = match self.0 {
            Step::Mark(place) if place + 1 < BASES.len() => Step::Mark(place + 1),
            Step::Mark(_) => Step::End { found: false },
            Step::Header(_) => Step::End { found: true },
            Step::End { found } => Step::End { found },
        };
    }

    /// Whether the mark was found; `None` before that is known.
    #[must_use]
    pub const fn is_sunspec(&self) -> Option<bool> {
        match self.0 {
            Step::Mark(_) => None,
            Step::Header(_) => Some(true),
            Step::End { found } => Some(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::{Block, Table};
    use esh_core::{Alarm, Alarms, Out, Quantity, Reading, Value};
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::format;
    use std::string::String;
    use std::vec;
    use std::vec::Vec;

    /// A device: runs of registers from some addresses on.
    #[derive(Default)]
    struct Device(BTreeMap<u16, u16>);

    impl Device {
        fn put(&mut self, address: u16, registers: &[u16]) -> u16 {
            self.0.extend((address..).zip(registers.iter().copied()));
            address + registers.len() as u16
        }

        fn octets(&self, address: u16, count: u16) -> Option<Vec<u8>> {
            let registers = (address..=address.checked_add(count - 1)?).map(|at| self.0.get(&at).copied());
            registers.collect::<Option<Vec<u16>>>().map(|all| all.into_iter().flat_map(u16::to_be_bytes).collect())
        }

        fn walk(&self) -> (Vec<Model>, Option<bool>) {
            let (mut walk, mut models) = (Walk::new(), Vec::new());
            while let Some((address, count)) = walk.ask() {
                match self.octets(address, count) {
                    Some(octets) => models.extend(walk.answer(Registers::new(&octets).unwrap())),
                    None => walk.refused(),
                }
            }
            (models, walk.is_sunspec())
        }
    }

    #[derive(Default)]
    struct Lines(Vec<String>, Alarms);

    impl<'a> Out<'a> for Lines {
        fn reading(&mut self, reading: Reading<'a>) {
            let name = match reading.label {
                Some(label) if reading.quantity == Quantity::Unknown => format!("{label}"),
                _ => reading.quantity.name().into(),
            };
            let value = match reading.value {
                Value::Number(number) => format!("{number} {}", reading.unit.ucum()),
                Value::Text(text) => format!("{text}"),
                Value::Flags(bits) => format!("{bits:x}"),
                _ => return,
            };
            self.0.push(format!("{name} = {value}"));
        }

        fn alarms(&mut self, alarms: Alarms) {
            self.1 = self.1.and(alarms);
        }
    }

    fn read(model: &Model, device: &Device) -> Lines {
        let octets = device.octets(model.address, model.length + 2).unwrap();
        let block = Block { table: Table::Holding, address: model.address, octets: &octets, offset: 0 };
        let mut lines = Lines::default();
        model.map().unwrap().read_blocks(model.address, &[block], &mut lines);
        lines
    }

    /// A three-phase meter with scale factors, behind a common model and one that nobody knows, at the second base.
    fn device() -> Device {
        let mut device = Device::default();
        let mut at = device.put(50_000, &MARK);
        let mut common = vec![0; 66];
        common[..4].copy_from_slice(&[0x4163, 0x6d65, 0x2049, 0x6e63]);
        common[48..50].copy_from_slice(&[0x3132, 0x3300]);
        common[64] = 126;
        at = device.put(at, &[1, 66]);
        at = device.put(at, &common);
        at = device.put(at, &[64_999, 3, 1, 2, 3]);
        let mut meter = vec![0x8000; 105];
        let put = |meter: &mut Vec<u16>, at: usize, values: &[u16]| {
            meter[at - 2..at - 2 + values.len()].copy_from_slice(values);
        };
        // Current and its scale factor of -2, voltages and -1, frequency, power and 1, power factor in percent.
        put(&mut meter, 2, &[1234, 400, 410, 424, 0xfffe]);
        put(&mut meter, 7, &[2301, 2300, 2302, 0x8000]);
        put(&mut meter, 15, &[0xffff, 5001, 0xfffe, 0xff9c]);
        put(&mut meter, 22, &[1]);
        put(&mut meter, 33, &[9850]);
        put(&mut meter, 37, &[0xfffe]);
        // Energy: exported nothing, imported 70,000 Wh, nothing of single phases; flags.
        for at in [38, 40, 42, 44, 46, 48, 50, 52, 55, 57, 59, 61, 63, 65, 67, 69, 72] {
            put(&mut meter, at, &[0, 0]);
        }
        put(&mut meter, 46, &[1, 4464]);
        put(&mut meter, 54, &[0]);
        put(&mut meter, 105, &[0, 0x84]);
        at = device.put(at, &[203, 105]);
        at = device.put(at, &meter);
        device.put(at, &[END, 0]);
        device
    }

    #[test]
    fn the_chain_is_walked() {
        let (models, found) = device().walk();
        let wanted = [
            Model { id: 1, address: 50_002, length: 66 },
            Model { id: 64_999, address: 50_070, length: 3 },
            Model { id: 203, address: 50_075, length: 105 },
        ];
        assert_eq!((models.as_slice(), found), (&wanted[..], Some(true)));
        assert_eq!((models[1].map(), models[2].span()), (None, (50_075, 107)));
        assert_eq!(Device::default().walk(), (vec![], Some(false)));
        // Registers that are no mark, and a chain without an end.
        let mut device = Device::default();
        device.put(0, &[1, 2]);
        assert_eq!(device.walk(), (vec![], Some(false)));
        device.put(40_000, &[MARK[0], MARK[1], 1, 65]);
        assert_eq!(device.walk(), (vec![Model { id: 1, address: 40_002, length: 65 }], Some(true)));
    }

    #[test]
    fn models_are_read() {
        let device = device();
        let (models, _) = device.walk();
        let lines = read(&models[0], &device).0;
        let wanted = [
            "identification.manufacturer = Acme Inc",
            "identification.fabrication = 123",
            "identification.address = 126 1",
        ];
        assert_eq!(lines, wanted);
        let lines = read(&models[2], &device);
        let wanted = [
            "A = 12.34 A",
            "current.l1 = 4.00 A",
            "current.l2 = 4.10 A",
            "current.l3 = 4.24 A",
            "PhV = 230.1 V",
            "voltage.l1 = 230.0 V",
            "voltage.l2 = 230.2 V",
            "frequency = 50.01 Hz",
            "power.active.net = -1.00 kW",
            "power_factor = 0.9850 1",
            "energy.active.export = 0.000 kW.h",
            "energy.active.import = 70.000 kW.h",
            "status.flags = 84",
        ];
        assert_eq!(lines.0, wanted);
        assert_eq!(lines.1, Alarms::NONE.with(Alarm::PowerFailure).with(Alarm::ErrorPermanent));
    }

    #[test]
    fn float_models_are_read() {
        for (id, length, cases) in [
            (
                213,
                124,
                &[
                    (10, "PhV"),
                    (26, "frequency"),
                    (28, "power.active.net"),
                    (60, "energy.active.export"),
                    (68, "energy.active.import"),
                    (116, "energy.reactive.q4"),
                ][..],
            ),
            (
                113,
                60,
                &[
                    (2, "A"),
                    (16, "voltage.l1"),
                    (22, "power.active.export"),
                    (32, "energy.active.export"),
                    (40, "temperature.device"),
                ],
            ),
        ] {
            for (at, name) in cases {
                let mut registers = vec![0x7fc0; length + 2];
                registers[*at..*at + 2].copy_from_slice(&[0x4248, 0x0000]);
                let mut device = Device::default();
                device.put(7, &registers);
                let lines = read(&Model { id, address: 7, length: length as u16 }, &device).0;
                let fifty = lines.iter().find(|line| line.starts_with(&format!("{name} = ")));
                let fifty = fifty.unwrap_or_else(|| panic!("{id} {name}: {lines:?}"));
                assert!(fifty.contains("50 ") || fifty.contains("0.05 "), "{id}: {fifty}");
            }
        }
    }

    #[test]
    fn no_value_overlaps_another_and_all_lie_in_their_model() {
        for (id, length) in [(1, 66), (101, 50), (113, 60), (203, 105), (214, 124)] {
            let mut end = 2;
            for register in map(id).unwrap().registers {
                let (_, address, count) = register.span();
                assert!(address >= end, "{id}: {} at {address}", register.name);
                end = address + count;
            }
            assert!(end <= length + 2, "{id}");
        }
    }

    proptest! {
        /// Whatever a device answers, the walk ends, and its models lie one behind the other.
        #[test]
        fn every_walk_ends(answers in proptest::collection::vec(any::<Option<(u16, u16)>>(), 0..400)) {
            let mut walk = Walk::new();
            walk.answer(Registers::new(&[0x53, 0x75, 0x6e, 0x53]).unwrap());
            let mut end = 0;
            for answer in answers.into_iter().chain([None]) {
                if walk.ask().is_none() {
                    break;
                }
                match answer {
                    Some((id, length)) => {
                        let octets = [id.to_be_bytes(), (length % 512).to_be_bytes()].concat();
                        if let Some(model) = walk.answer(Registers::new(&octets).unwrap()) {
                            prop_assert!(model.address >= end);
                            end = model.address.saturating_add(2 + model.length);
                        }
                    }
                    None => walk.refused(),
                }
            }
            prop_assert_eq!(walk.ask(), None);
        }
    }
}
