//! What a standard reader makes of a meter, corrected: records of M-Bus.

use super::slots::{Held, Slots};
use super::walk::Walk;
use super::{Code, Count, Derived, FieldAlarm, Scale, Step, TimeOf, derived, holds};
use crate::bcd::{self, Bcd};
use crate::note::Notes;
use crate::{
    Alarms, Decimal, DecodeError, Field, Format, Function, Known, Learned, Meter, Out, Qualifiers, Quality, Quantity,
    Reading, Register, Text, Unit, Value,
};

/// The rules for the records of a meter.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Records {
    /// The rules; the first that selects a record counts.
    pub rules: &'static [Record],
    /// Values made of others.
    pub derived: &'static [Derived],
    /// Whether something refers to a record behind it.
    pub looks_ahead: bool,
}

/// A rule for a record.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Record {
    /// DIF to last VIFE, each with the bits that count; empty for any.
    pub header: &'static [(u8, u8)],
    /// What the standard reader found.
    pub select: Select,
    /// Only the so-many-th that is selected like this; 0 for all.
    pub number: u8,
    /// Whether there is no reading.
    pub drop: bool,
    /// A layout for its data, in place of the standard reading.
    pub steps: &'static [Step],
    /// What is said in place of what the standard says.
    pub body: RecordBody,
    /// Where it is kept for others.
    pub slot: Option<u8>,
    /// What its bits say.
    pub alarms: &'static [FieldAlarm],
}

/// What a record is selected by.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Select {
    /// What is measured.
    pub quantity: Option<Quantity>,
    /// The canonical unit.
    pub unit: Option<Unit>,
    /// Present value or extreme.
    pub function: Option<Function>,
    /// Storage number.
    pub storage: Option<Within>,
    /// Tariff.
    pub tariff: Option<Within>,
    /// Subunit.
    pub subunit: Option<Within>,
    /// Exactly these qualifiers.
    pub qualifiers: Option<Qualifiers>,
}

/// A range, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Within {
    /// At least.
    pub min: u64,
    /// At most.
    pub max: u64,
}

/// What is said in place of what the standard says.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct RecordBody {
    /// The name.
    pub name: &'static str,
    /// What is measured.
    pub quantity: Option<Quantity>,
    /// The unit of the number after its scale.
    pub unit: Option<Unit>,
    /// A scale.
    pub scale: Option<Scale>,
    /// Whether the scale takes the integer as sent.
    pub raw: bool,
    /// Names of numbers as sent.
    pub names: &'static [(i128, &'static str)],
    /// Codes for no value.
    pub none: &'static [(Code, Quality)],
    /// Present value or extreme.
    pub function: Option<Function>,
    /// Storage number.
    pub storage: Option<Count>,
    /// Tariff.
    pub tariff: Option<Count>,
    /// Subunit.
    pub subunit: Option<Count>,
    /// Qualifiers.
    pub qualifiers: Option<Qualifiers>,
    /// Its time.
    pub time: Option<TimeOf>,
    /// Whether it is a reading.
    pub report: bool,
}

impl RecordBody {
    /// Nothing is said.
    pub const AS_IT_IS: Self = Self {
        name: "",
        quantity: None,
        unit: None,
        scale: None,
        raw: false,
        names: &[],
        none: &[],
        function: None,
        storage: None,
        tariff: None,
        subunit: None,
        qualifiers: None,
        time: None,
        report: true,
    };
}

impl Records {
    /// No rules.
    pub const NONE: Self = Self { rules: &[], derived: &[], looks_ahead: false };

    /// Reads a payload with a standard reader and corrects what comes of it.
    ///
    /// # Errors
    /// Those of the standard reader.
    pub fn read<'p>(
        &self,
        format: &dyn Format,
        meter: Option<&Meter>,
        payload: &'p [u8],
        offset: usize,
        known: &'p dyn Known,
        out: &mut dyn Out<'p>,
    ) -> Result<(), DecodeError> {
        if self.rules.is_empty() {
            return format.read(meter, payload, offset, known, out);
        }
        let mut slots = Slots::default();
        if self.looks_ahead {
            let mut quiet = Corrected { records: *self, meter, known, slots, seen: [0; 64], quiet: true, out };
            // What is wrong is said the second time.
            let _ = format.read(meter, payload, offset, known, &mut quiet);
            slots = quiet.slots;
        }
        let mut corrected = Corrected { records: *self, meter, known, slots, seen: [0; 64], quiet: false, out };
        let read = format.read(meter, payload, offset, known, &mut corrected);
        let slots = corrected.slots;
        derived::all(self.derived, offset, &slots, out);
        read
    }
}

/// Takes the readings of a standard reader and hands them on, corrected.
pub struct Corrected<'a, 'p> {
    records: Records,
    meter: Option<&'a Meter>,
    known: &'p dyn Known,
    slots: Slots,
    /// How often each rule has selected a record.
    seen: [u8; 64],
    quiet: bool,
    out: &'a mut dyn Out<'p>,
}

impl core::fmt::Debug for Corrected<'_, '_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Corrected").field("records", &self.records).finish_non_exhaustive()
    }
}

impl<'p> Out<'p> for Corrected<'_, 'p> {
    fn reading(&mut self, reading: Reading<'p>) {
        let mut chosen = None;
        for (rule, seen) in self.records.rules.iter().zip(&mut self.seen) {
            if rule.selects(&reading) {
                *seen = seen.saturating_add(1);
                if rule.number == 0 || rule.number == *seen {
                    chosen = Some(rule);
                    break;
                }
            }
        }
        match chosen {
            Some(rule) => self.apply(rule, reading),
            None if self.quiet => {}
            None => self.out.reading(reading),
        }
    }

    fn alarms(&mut self, alarms: Alarms) {
        if !self.quiet {
            self.out.alarms(alarms);
        }
    }

    fn no_alarms(&mut self, alarms: Alarms) {
        if !self.quiet {
            self.out.no_alarms(alarms);
        }
    }

    fn learned(&mut self, learned: Learned<'_>) {
        if !self.quiet {
            self.out.learned(learned);
        }
    }

    fn wants_layouts(&self) -> bool {
        !self.quiet && self.out.wants_layouts()
    }

    fn wants_fields(&self) -> bool {
        !self.quiet && self.out.wants_fields()
    }

    fn field(&mut self, field: Field<'_>) {
        if !self.quiet {
            self.out.field(field);
        }
    }
}

impl<'p> Corrected<'_, 'p> {
    fn apply(&mut self, rule: &Record, reading: Reading<'p>) {
        if rule.drop {
            return;
        }
        let data = data_of(&reading);
        if !rule.steps.is_empty() {
            let offset = reading.origin.offset + (reading.origin.octets.len() - data.len());
            let mut walk = Walk::new(data, offset, self.meter, self.known, None);
            walk.slots = self.slots.clone();
            if self.quiet {
                let _ = walk.layout(rule.steps, false, &mut crate::Ignore);
            } else if walk.layout(rule.steps, true, self.out).is_err() {
                // It is not what the profile says it is: the standard reading stays.
                self.out.reading(reading);
            }
            self.slots = walk.slots;
            return;
        }
        let body = &rule.body;
        let sent = integer(&reading, data);
        let raw = sent.map(|(_, number)| number);
        let (mut value, mut quality, mut unrounded) = (reading.value, reading.quality, reading.unrounded);
        let mut unit = reading.unit;
        let code = sent.and_then(|(bits, _)| {
            let width = u8::try_from(data.len() * 8).unwrap_or(64);
            super::Body { none: body.none, ..super::Body::new(reading.quantity, unit) }.none_of(bits, width)
        });
        if let Some(code) = code {
            (value, quality) = (Value::Absent, code);
        } else if let Some((_, name)) = body
            .names
            .iter()
            .find(|(of, _)| sent.is_some_and(|(bits, number)| number == *of || i128::from(bits) == *of))
        {
            (value, quality, unit) = (Value::Text(Text::utf8(name)), Quality::Good, Unit::None);
        } else {
            if body.raw
                && let Some(raw) = raw
            {
                (value, quality) = (Value::Number(Decimal::new(raw, 0)), Quality::Good);
            }
            if let Value::Number(number) = value {
                match body.scale.unwrap_or(Scale::ONE).apply(number, raw, &self.slots) {
                    Ok((scaled, rounded)) => {
                        value = Value::Number(scaled);
                        unrounded = if rounded { Some((number, unit)) } else { unrounded };
                        unit = body.unit.unwrap_or(unit);
                    }
                    Err(why) => (value, quality) = (Value::Absent, why),
                }
            }
        }
        if let Some(slot) = rule.slot {
            self.slots.set(
                slot,
                match value {
                    Value::Time(time) => Held::Time(time),
                    Value::Number(number) => Held::Number(raw, Some(number)),
                    Value::Absent => Held::Nothing,
                    _ => Held::Number(raw, None),
                },
            );
        }
        if self.quiet {
            return;
        }
        if let (Some(raw), false) = (raw, rule.alarms.is_empty() || code.is_some()) {
            let (mut alarms, mut of) = (Alarms::NONE, Alarms::NONE);
            for alarm in rule.alarms {
                of = of.with(alarm.alarm);
                if alarm.numbers.contains(&holds::cut(raw as u64, alarm.first, alarm.count).into()) {
                    alarms = alarms.with(alarm.alarm);
                }
            }
            Notes::new(self.out).alarms(alarms, of);
        }
        if !body.report {
            return;
        }
        let number = |count: Option<Count>, had: u64| match count {
            None => had,
            Some(Count::Is(number)) => number,
            Some(Count::Of(source)) => source.number(&self.slots).unwrap_or(had),
        };
        let had = reading.register;
        let corrected = Reading {
            quantity: body.quantity.unwrap_or(reading.quantity),
            value,
            unit,
            function: body.function.unwrap_or(reading.function),
            register: Register {
                storage: number(body.storage, had.storage),
                tariff: u32::try_from(number(body.tariff, had.tariff.into())).unwrap_or(had.tariff),
                subunit: u16::try_from(number(body.subunit, had.subunit.into())).unwrap_or(had.subunit),
            },
            qualifiers: body.qualifiers.unwrap_or(reading.qualifiers),
            at: body.time.map_or(reading.at, |time| time.find(&self.slots)),
            quality,
            unrounded: None,
            label: if body.name.is_empty() { reading.label } else { Some(Text::utf8(body.name)) },
            origin: reading.origin,
        };
        let corrected = corrected.in_canonical_unit();
        self.out.reading(Reading { unrounded: corrected.unrounded.or(unrounded), ..corrected });
    }
}

impl Record {
    fn selects(&self, reading: &Reading<'_>) -> bool {
        let Select { quantity, unit, function, storage, tariff, subunit, qualifiers } = self.select;
        let header = reading.origin.header;
        let same = |(octet, (value, mask)): (&u8, &(u8, u8))| octet & mask == value & mask;
        let within =
            |range: Option<Within>, number: u64| range.is_none_or(|Within { min, max }| (min..=max).contains(&number));
        (self.header.is_empty() || (self.header.len() == header.len() && header.iter().zip(self.header).all(same)))
            && quantity.is_none_or(|quantity| quantity == reading.quantity)
            && unit.is_none_or(|unit| unit == reading.unit)
            && function.is_none_or(|function| function == reading.function)
            && qualifiers.is_none_or(|qualifiers| qualifiers == reading.qualifiers)
            && within(storage, reading.register.storage)
            && within(tariff, reading.register.tariff.into())
            && within(subunit, reading.register.subunit.into())
    }
}

/// The data of a record, without its header and without the octet that says its length.
fn data_of<'p>(reading: &Reading<'p>) -> &'p [u8] {
    let crate::Origin { octets, header, .. } = reading.origin;
    let data = octets.strip_prefix(header).unwrap_or(octets);
    match (header.first(), data) {
        (Some(dif), [_, data @ ..]) if dif & 0x0f == 0x0d => data,
        _ => data,
    }
}

/// The integer of a record as sent: its bits, and the number that they are by its DIF; EN 13757-3, table 4.
fn integer(reading: &Reading<'_>, data: &[u8]) -> Option<(u64, i128)> {
    let dif = reading.origin.header.first()?;
    if data.is_empty() || data.len() > 8 {
        return None;
    }
    let bits = holds::whole(data, super::Order::Little);
    let number = match dif & 0x0f {
        // Type B: in two's complement.
        1..=4 | 6 | 7 => {
            let unused = 64 - 8 * data.len() as u32;
            i128::from(((bits << unused) as i64) >> unused)
        }
        9..=12 | 14 => match bcd::read(data)? {
            Bcd::Number(number) => number,
            Bcd::ErrorDigit => return None,
        },
        _ => bits.into(),
    };
    Some((bits, number))
}
