//! Readings of the attributes of a cluster.

use super::attribute::{self, Attribute, Scale, cluster};
use super::{Attributes, Command, Direction, FrameType, Header, Reported, Value, smart_energy, status};
use esh_core::{
    CivilTime, Decimal, DecodeError, Format, Input, Known, Layer, Learned, Meter, Origin, Out, Quality, Quantity,
    Reading, Register, Text, Unit, Value as ReadingValue,
    bcd::{self, Bcd},
};

/// Attributes of the Metering cluster that say what its numbers are.
const UNIT_OF_MEASURE: u16 = 0x0300;
const MULTIPLIER: u16 = 0x0301;
const DIVISOR: u16 = 0x0302;
const METERING_DEVICE_TYPE: u16 = 0x0306;

/// Seconds from 1970 to 2000, where ZCL begins to count.
pub(super) const ZCL_EPOCH: i64 = 946_684_800;

/// Reads the ZCL frames of a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// The cluster; a frame does not name it, the layer below does.
    pub cluster: u16,
    /// The endpoint that sends.
    pub endpoint: u8,
    /// What is known of the numbers of the Metering cluster beside what the meter says.
    pub scaling: Scaling,
}

/// What the numbers of the Metering cluster are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scaling {
    /// `Multiplier`.
    pub multiplier: Option<u32>,
    /// `Divisor`.
    pub divisor: Option<u32>,
    /// `UnitofMeasure`.
    pub unit_of_measure: Option<u8>,
}

/// The attributes of a cluster that scale others: they are learned.
const fn scales_others(of: u16, attribute: u16) -> bool {
    match of {
        cluster::METERING => matches!(attribute, 0x0300..=0x0302 | 0x0306),
        cluster::ELECTRICAL_MEASUREMENT => matches!(attribute, 0x0200..=0x0205 | 0x0400..=0x0403 | 0x0600..=0x0605),
        _ => false,
    }
}

impl Format for Readings {
    fn read<'p>(
        &self,
        meter: Option<&Meter>,
        payload: &'p [u8],
        offset: usize,
        known: &'p dyn Known,
        out: &mut dyn Out<'p>,
    ) -> Result<(), DecodeError> {
        let mut input = Input::new(payload, offset, Layer::Application);
        let header = Header::read(&mut input)?;
        let command = match (header.frame_type(), header.direction()) {
            (FrameType::Global, Direction::ToClient) => Command::from_id(header.command()),
            (FrameType::Cluster, _) if self.cluster == cluster::TUYA => {
                return crate::tuya::read(header.command(), input, out);
            }
            (FrameType::Cluster, direction) if header.manufacturer().is_none() => {
                let fields = smart_energy::fields(self.cluster, direction, header.command());
                return smart_energy::read(fields, self.endpoint, input, out);
            }
            _ => None,
        };
        let Some(mut attributes) = command.and_then(|command| Attributes::new(command, input)) else { return Ok(()) };
        // Attributes of a maker's own have other meanings.
        let of = if header.manufacturer().is_some() { None } else { Some(self.cluster) };
        let said = Said { of: self, meter, known, frame: attributes };
        loop {
            match attributes.next_attribute() {
                Ok(None) => return Ok(()),
                Ok(Some(reported)) => {
                    let attribute = of.and_then(|of| attribute::attribute(of, reported.attribute));
                    said.say(attribute, &reported, out);
                }
                // The frame is whole, its payload contradicts its own lengths: what is left is told as it is.
                Err(_) => {
                    let rest = attributes.rest();
                    let origin = Origin { octets: rest.rest(), header: &[], offset: rest.offset() };
                    let value = ReadingValue::Octets(rest.rest());
                    let mut reading = Reading::new(Quantity::Unknown, value, Unit::None, origin);
                    reading.quality = Quality::Malformed;
                    out.reading(reading);
                    return Ok(());
                }
            }
        }
    }
}

/// What is known when an attribute is read.
struct Said<'s, 'p> {
    of: &'s Readings,
    meter: Option<&'s Meter>,
    known: &'p dyn Known,
    /// The frame, in which a scale may stand beside what it scales.
    frame: Attributes<'p>,
}

impl<'p> Said<'_, 'p> {
    fn say(&self, attribute: Option<&'static Attribute>, record: &Reported<'p>, out: &mut dyn Out<'p>) {
        let (id, value) = (record.attribute, record.value());
        let origin = Origin { octets: record.octets, header: &[], offset: record.offset };
        let mut reading = Reading::new(Quantity::Unknown, ReadingValue::Absent, Unit::None, origin);
        reading.register = Register { subunit: self.of.endpoint.into(), ..Register::default() };
        if let Some(attribute) = attribute {
            reading.quantity = attribute.quantity;
            reading.function = attribute.function;
            reading.register.tariff = attribute.tariff.into();
        }
        match value {
            Value::NoValue => reading.quality = Quality::NotAvailable,
            Value::Nothing => return,
            Value::Number(number) => self.number(attribute, number, record, &mut reading),
            Value::Flag(flag) => reading.value = ReadingValue::Flags(flag.into()),
            Value::Bits(bits) => reading.value = ReadingValue::Flags(bits),
            Value::Code(code) => reading.value = ReadingValue::Flags(code.into()),
            Value::Text(text) => reading.value = ReadingValue::Text(Text::utf8(text)),
            Value::WrongText(octets) => reading.value = ReadingValue::Text(Text::latin1(octets)),
            Value::Octets(octets) => reading.value = octets_or_text(attribute, octets),
            Value::Utc(seconds) => match CivilTime::from_unix(ZCL_EPOCH + i64::from(seconds)) {
                Some(time) => reading.value = ReadingValue::Time(time),
                None => reading.quality = Quality::Malformed,
            },
            Value::TimeOfDay([hour @ 0..=23, minute @ 0..=59, second @ 0..=59, _]) => {
                reading.value = ReadingValue::TimeOfDay(hour, minute, second);
            }
            Value::Date([year, month, day, _]) if CivilTime::date(1900 + u16::from(year), month, day).is_some() => {
                if let Some(date) = CivilTime::date(1900 + u16::from(year), month, day) {
                    reading.value = ReadingValue::Time(date);
                }
            }
            Value::TimeOfDay(_) | Value::Date(_) => reading.quality = Quality::Incomplete,
            Value::Address(address) => reading.value = ReadingValue::Text(Text::digits(address)),
            Value::Key => reading.quality = Quality::Withheld,
            Value::Collection(_) | Value::Structure(_) => {
                reading.value = ReadingValue::Octets(record.value_octets);
            }
        }
        if scales_others(self.of.cluster, id)
            && attribute.is_some()
            && let Some(number) = whole(value)
        {
            out.learned(Learned::Number { name: name_of(self.of.cluster, id), number });
        }
        if let (Some(attribute), Value::Bits(bits)) = (attribute, value)
            && attribute.id == 0x0200
            && self.of.cluster == cluster::METERING
        {
            out.alarms(status::alarms(bits, self.whole_number(METERING_DEVICE_TYPE)));
        }
        if reading.quantity == Quantity::Unknown {
            reading.label = attribute.map(|attribute| Text::utf8(attribute.name));
        }
        reading.to_canonical_unit();
        out.reading(reading);
    }

    fn number(&self, attribute: Option<&Attribute>, number: Decimal, record: &Reported<'p>, reading: &mut Reading<'p>) {
        reading.value = ReadingValue::Number(number);
        let Some(attribute) = attribute else { return };
        match attribute.scale {
            Scale::None => {}
            Scale::Fixed(unit, power) => {
                reading.unit = unit;
                reading.value = number.scale10(power).map_or(ReadingValue::Absent, ReadingValue::Number);
            }
            Scale::Halves(unit) => {
                reading.unit = unit;
                let halved = number.times(5).and_then(|number| number.scale10(-1));
                reading.value = halved.map_or(ReadingValue::Absent, ReadingValue::Number);
            }
            Scale::Own(unit, multiplier, divisor) => {
                let scale = (self.whole_number(multiplier), self.whole_number(divisor));
                if scaled(number, scale, reading) {
                    reading.unit = unit;
                } else {
                    reading.quantity = Quantity::Unknown;
                }
            }
            Scale::Total | Scale::Rate => {
                let unit =
                    self.of.scaling.unit_of_measure.or_else(|| u8::try_from(self.whole_number(UNIT_OF_MEASURE)?).ok());
                let number = match unit {
                    // The same units again, with the number in BCD.
                    Some(unit) if unit & 0x80 != 0 => match of_bcd(record) {
                        Some(number) => number,
                        None => {
                            reading.quality = Quality::Malformed;
                            reading.value = ReadingValue::Absent;
                            return;
                        }
                    },
                    _ => number,
                };
                let own = &self.of.scaling;
                let multiplier = own.multiplier.map(u64::from).or_else(|| self.whole_number(MULTIPLIER));
                let divisor = own.divisor.map(u64::from).or_else(|| self.whole_number(DIVISOR));
                if scaled(number, (multiplier, divisor), reading) {
                    measured(attribute, unit, reading);
                } else {
                    reading.quantity = Quantity::Unknown;
                }
            }
        }
    }

    /// A number that the meter says of itself: in this frame, or before.
    fn whole_number(&self, id: u16) -> Option<u64> {
        let mut attributes = self.frame;
        while let Ok(Some(reported)) = attributes.next_attribute() {
            if reported.attribute == id
                && let Some(number) = whole(reported.value())
            {
                return Some(number);
            }
        }
        self.known.number(self.meter, name_of(self.of.cluster, id))
    }
}

const fn name_of(cluster: u16, attribute: u16) -> u32 {
    (cluster as u32) << 16 | attribute as u32
}

fn whole(value: Value<'_>) -> Option<u64> {
    match value {
        Value::Number(number) => u64::try_from(number.to_i64()?).ok(),
        Value::Code(code) => Some(code.into()),
        Value::Bits(bits) => Some(bits),
        _ => None,
    }
}

/// The number as the meter scales it. Without a word of a scale, or with a zero for one, it is told as it is.
fn scaled(number: Decimal, (multiplier, divisor): (Option<u64>, Option<u64>), reading: &mut Reading<'_>) -> bool {
    if multiplier.is_none() && divisor.is_none() || multiplier == Some(0) || divisor == Some(0) {
        reading.quality = Quality::Unscaled;
        return false;
    }
    let multiplier = i64::try_from(multiplier.unwrap_or(1)).ok();
    let divisor = u32::try_from(divisor.unwrap_or(1)).ok();
    let quotient = |(multiplier, divisor): (i64, u32)| {
        let product = if multiplier == 1 { number } else { number.times(multiplier)? };
        // A power of ten only moves the point, and the digits stay those of the meter.
        if let Some(power) = power_of_ten(divisor) {
            return Some((product.scale10(-power)?, false));
        }
        product.divided_by(divisor)
    };
    match multiplier.zip(divisor).and_then(quotient) {
        Some((value, rounded)) => {
            reading.value = ReadingValue::Number(value);
            if rounded {
                reading.unrounded = Some((number, Unit::None));
            }
            true
        }
        None => {
            reading.quality = Quality::Unscaled;
            false
        }
    }
}

const fn power_of_ten(number: u32) -> Option<i8> {
    Some(match number {
        1 => 0,
        10 => 1,
        100 => 2,
        1_000 => 3,
        10_000 => 4,
        100_000 => 5,
        1_000_000 => 6,
        10_000_000 => 7,
        100_000_000 => 8,
        1_000_000_000 => 9,
        _ => return None,
    })
}

/// The octets of a number as digits, least significant octet first.
fn of_bcd(record: &Reported<'_>) -> Option<Decimal> {
    match bcd::read(record.value_octets)? {
        Bcd::Number(digits) => Some(Decimal::new(digits, 0)),
        Bcd::ErrorDigit => None,
    }
}

/// `UnitofMeasure`, ZCL 07-5123, table 10-24: the unit of a total, the unit of a rate, ten to which power of each.
const UNITS: &[(Unit, Unit, i8)] = &[
    (Unit::KiloWattHour, Unit::KiloWatt, 0),
    (Unit::CubicMetre, Unit::CubicMetrePerHour, 0),
    (Unit::CubicFoot, Unit::CubicFootPerHour, 0),
    (Unit::CubicFoot, Unit::CubicFootPerHour, 2),
    (Unit::UsGallon, Unit::UsGallonPerHour, 0),
    (Unit::ImperialGallon, Unit::ImperialGallonPerHour, 0),
    (Unit::BritishThermalUnit, Unit::BritishThermalUnitPerHour, 0),
    (Unit::Litre, Unit::LitrePerHour, 0),
    (Unit::Pascal, Unit::Pascal, 3),
    (Unit::Pascal, Unit::Pascal, 3),
    (Unit::CubicFoot, Unit::CubicFootPerHour, 3),
    (Unit::Pulse, Unit::None, 0),
    (Unit::Joule, Unit::JoulePerHour, 6),
    (Unit::KiloVarHour, Unit::KiloVar, 0),
];

/// Gives a scaled number of the Metering cluster its unit, and the quantity that goes with it.
fn measured(attribute: &Attribute, unit: Option<u8>, reading: &mut Reading<'_>) {
    let Some((total, rate, power)) = unit.and_then(|unit| UNITS.get(usize::from(unit & 0x7f))) else {
        // Which unit it is, is not known, and so it is no energy yet.
        reading.quantity = Quantity::Unknown;
        return;
    };
    let is_total = attribute.scale == Scale::Total;
    reading.unit = if is_total { *total } else { *rate };
    if let ReadingValue::Number(number) = reading.value
        && let Some(number) = number.scale10(*power)
    {
        reading.value = ReadingValue::Number(number);
    }
    let received = matches!(attribute.quantity, Quantity::EnergyActiveExport | Quantity::PowerActiveExport);
    reading.quantity = match (attribute.quantity, reading.unit.canonical()) {
        (Quantity::Unknown, _) => Quantity::Unknown,
        (quantity, Unit::KiloWattHour | Unit::KiloWatt) => quantity,
        (_, Unit::CubicMetre) if received => Quantity::VolumeReverse,
        (_, Unit::CubicMetre) => Quantity::Volume,
        (_, Unit::CubicMetrePerHour) => Quantity::Flow,
        (_, Unit::GigaJoule) if !received => Quantity::Energy,
        (_, Unit::Bar) => Quantity::Pressure,
        (_, Unit::Pulse) => Quantity::PulseCount,
        (_, Unit::KiloVarHour) if received => Quantity::EnergyReactiveExport,
        (_, Unit::KiloVarHour) => Quantity::EnergyReactiveImport,
        _ => Quantity::Unknown,
    };
}

/// The serial numbers and names of the Metering cluster are octet strings that hold text.
fn octets_or_text<'a>(attribute: Option<&Attribute>, octets: &'a [u8]) -> ReadingValue<'a> {
    match core::str::from_utf8(octets) {
        Ok(text) if attribute.is_some() && text.chars().all(|character| !character.is_control()) => {
            ReadingValue::Text(Text::utf8(text))
        }
        _ => ReadingValue::Octets(octets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::{Alarm, Alarms, NothingKnown};
    use std::{format, string::String, vec, vec::Vec};

    #[derive(Default)]
    struct Told {
        readings: Vec<String>,
        alarms: Alarms,
        learned: Vec<(u32, u64)>,
    }

    impl<'a> Out<'a> for Told {
        fn reading(&mut self, reading: Reading<'a>) {
            let Reading { quantity, value, unit, register, quality, .. } = reading;
            let tariff = if register.tariff > 0 { format!(" T{}", register.tariff) } else { String::new() };
            let label = reading.label.map_or(String::new(), |label| format!(" {label:?}"));
            self.readings.push(format!(
                "{} {value:?} {}{tariff}{label} {}",
                quantity.name(),
                unit.ucum(),
                quality.word()
            ));
        }

        fn alarms(&mut self, alarms: Alarms) {
            self.alarms = self.alarms.and(alarms);
        }

        fn learned(&mut self, learned: Learned<'_>) {
            if let Learned::Number { name, number } = learned {
                self.learned.push((name, number));
            }
        }
    }

    fn read(cluster: u16, scaling: Scaling, payload: &[u8]) -> Told {
        let mut told = Told::default();
        Readings { cluster, endpoint: 0, scaling }.read(None, payload, 0, &NothingKnown, &mut told).unwrap();
        told
    }

    const KWH: Scaling = Scaling { multiplier: Some(1), divisor: Some(1000), unit_of_measure: Some(0) };

    #[test]
    fn a_plug_reports_its_energy_and_power() {
        // Report of CurrentSummationDelivered 123456 and InstantaneousDemand -1500.
        let payload = [0x18, 1, 0x0a, 0, 0, 0x25, 0x40, 0xe2, 1, 0, 0, 0, 0, 4, 0x2a, 0x24, 0xfa, 0xff];
        assert_eq!(
            read(cluster::METERING, KWH, &payload).readings,
            ["energy.active.import Number(123.456) kW.h good", "power.active.net Number(-1.500) kW good",]
        );
    }

    #[test]
    fn without_a_scale_a_number_is_no_energy() {
        let payload = [0x18, 1, 0x0a, 0, 0, 0x25, 0x40, 0xe2, 1, 0, 0, 0];
        let unscaled = ["unknown Number(123456)  \"CurrentSummationDelivered\" unscaled"];
        assert_eq!(read(cluster::METERING, Scaling::default(), &payload).readings, unscaled);
        let lies = Scaling { divisor: Some(0), ..KWH };
        assert_eq!(read(cluster::METERING, lies, &payload).readings, unscaled);
    }

    #[test]
    fn a_quotient_that_is_not_finite_keeps_the_number_as_it_was_sent() {
        struct Unrounded(Option<(Decimal, Unit)>);
        impl<'a> Out<'a> for Unrounded {
            fn reading(&mut self, reading: Reading<'a>) {
                self.0 = reading.unrounded;
            }
        }
        let payload = [0x18, 1, 0x0a, 0, 0, 0x25, 0x40, 0xe2, 1, 0, 0, 0];
        let scaling = Scaling { divisor: Some(3_600_000), ..KWH };
        let mut out = Unrounded(None);
        let format = Readings { cluster: cluster::METERING, endpoint: 0, scaling };
        format.read(None, &payload, 0, &NothingKnown, &mut out).unwrap();
        assert_eq!(out.0, Some((Decimal::new(123_456, 0), Unit::None)));
    }

    #[test]
    fn all_ones_are_no_two_million_megawatt_hours() {
        let payload = [0x18, 1, 0x0a, 0, 0, 0x25, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 4, 0x2a, 0, 0, 0x80];
        assert_eq!(
            read(cluster::METERING, KWH, &payload).readings,
            ["energy.active.import Absent  not_available", "power.active.net Absent  not_available",]
        );
    }

    #[test]
    fn units_are_those_of_the_meter() {
        let payload = [0x18, 1, 0x0a, 0, 0, 0x25, 0x39, 0x30, 0, 0, 0, 0];
        for (unit, told) in [
            (1, "volume Number(12.345) m3 good"),
            (2, "volume Number(0.349571471178240) m3 good"),
            // A CCF is a hundred cubic feet.
            (3, "volume Number(34.9571471178240) m3 good"),
            (5, "volume Number(0.05612148105) m3 good"),
            (7, "volume Number(0.012345) m3 good"),
            (8, "pressure Number(0.12345) bar good"),
            (11, "pulse.count Number(12.345) {pulse} good"),
            (12, "energy Number(0.012345) GJ good"),
            (0x81, "volume Number(3.039) m3 good"),
            (0x40, "unknown Number(12.345)  \"CurrentSummationDelivered\" good"),
        ] {
            let scaling = Scaling { unit_of_measure: Some(unit), ..KWH };
            let told_so = read(cluster::METERING, scaling, &payload).readings;
            assert_eq!(told_so, [told], "unit {unit:02x}");
        }
    }

    #[test]
    fn a_scale_beside_what_it_scales_is_used_and_learned() {
        // Read response: multiplier 1, divisor 1000, unit 0, summation 5000, tier 2 at 4000.
        let mut payload = vec![0x18, 1, 0x01];
        payload.extend([0x01, 3, 0, 0x22, 1, 0, 0]);
        payload.extend([0x02, 3, 0, 0x22, 0xe8, 3, 0]);
        payload.extend([0x00, 3, 0, 0x30, 0]);
        payload.extend([0x02, 1, 0, 0x25, 0xa0, 0x0f, 0, 0, 0, 0]);
        payload.extend([0x55, 0x55, 0x86]);
        let told = read(cluster::METERING, Scaling::default(), &payload);
        assert_eq!(told.readings.last().unwrap(), "energy.active.import Number(4.000) kW.h T2 good");
        assert_eq!(told.learned, [(0x0702_0301, 1), (0x0702_0302, 1000), (0x0702_0300, 0)]);
    }

    #[test]
    fn electrical_measurement_has_scales_of_its_own() {
        let mut payload = vec![0x18, 1, 0x0a];
        payload.extend([0x05, 5, 0x21, 0x03, 0x09]);
        payload.extend([0x0b, 5, 0x29, 0x00, 0x80]);
        let told = read(cluster::ELECTRICAL_MEASUREMENT, Scaling::default(), &payload);
        assert_eq!(
            told.readings,
            ["unknown Number(2307)  \"RMSVoltage\" unscaled", "power.active.l1 Absent  not_available",]
        );
        payload.extend([0x01, 6, 0x21, 10, 0]);
        let told = read(cluster::ELECTRICAL_MEASUREMENT, Scaling::default(), &payload);
        assert_eq!(told.readings[0], "voltage.l1 Number(230.7) V good");
    }

    #[test]
    fn a_payload_that_contradicts_itself_is_one_malformed_reading() {
        let told = read(cluster::METERING, KWH, &[0x18, 1, 0x0a, 0, 4, 0x2a, 1, 0, 0, 0, 0, 0x25, 1, 2]);
        assert_eq!(told.readings[1], "unknown Octets([0, 0, 37, 1, 2])  malformed");
        assert_eq!(told.readings.len(), 2);
    }

    #[test]
    fn the_status_of_a_water_meter_has_bits_of_its_own() {
        let payload = [0x18, 1, 0x0a, 0x06, 3, 0x18, 2, 0, 2, 0x18, 0b1010_0010];
        let told = read(cluster::METERING, KWH, &payload);
        let names: Vec<_> = told.alarms.iter().map(Alarm::name).collect();
        assert_eq!(names, ["battery.low", "leak", "flow.reverse"]);
    }
}
