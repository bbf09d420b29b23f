//! Readings of resources.

use super::interval::Intervals;
use super::model::{self, Resource, Type};
use super::{ContentFormat, Lwm2m, Path, Value, alarm, json, open, tlv};
use crate::senml::{self, Data, Name, Pack};
use crate::units;
use esh_core::{
    CivilTime, Decimal, DecodeError, Format, Known, Layer, Meter, Origin, Out, Quality, Quantity, Reading, Reason,
    Register, Text, Unit, Value as ReadingValue,
};

/// The unit of a sensor, the time of its measurement; OMA reusable resources.
const SENSOR_UNITS: u16 = 5701;
const TIMESTAMP: u16 = 5518;
/// The payloads of interval data.
const INTERVAL_PAYLOADS: [u16; 2] = [6009, 6029];
/// Security, server, access control: the administration of LwM2M itself, keys among it.
const ADMINISTRATION: [u16; 3] = [0, 1, 2];
/// Packs of more records than this are not looked through for the unit of each sensor.
const LOOKED_THROUGH: usize = 256;

impl Format for Lwm2m {
    fn read<'p>(
        &self,
        _: Option<&Meter>,
        payload: &'p [u8],
        offset: usize,
        _: &'p dyn Known,
        out: &mut dyn Out<'p>,
    ) -> Result<(), DecodeError> {
        let Some(format) = ContentFormat::from_number(self.content_format) else {
            let reason = Reason::UnknownFormat(self.content_format.into());
            return Err(DecodeError { layer: Layer::Application, field: "Content-Format", offset, reason });
        };
        match format {
            ContentFormat::PlainText | ContentFormat::Opaque | ContentFormat::Cbor => {
                let value = open::single(format, self.path, payload, offset)?;
                let origin = Origin { octets: payload, header: &[], offset };
                say(Said { path: self.path, value, origin, unit: Unit::None, at: None, name: None }, out)
            }
            ContentFormat::SenmlJson | ContentFormat::SenmlCbor => {
                read_pack(Pack::parse(open::encoding(format), payload, offset)?, out)
            }
            ContentFormat::Tlv => {
                let mut failed = Ok(());
                tlv::walk(payload, offset, self.path, &mut |leaf, siblings| {
                    let instance = leaf.path.up_to(2);
                    let of_sensor = lacks_unit(leaf.path).then(|| siblings.find(instance, SENSOR_UNITS)).flatten();
                    let unit = match of_sensor {
                        Some(Value::Text(text)) => units::unit(text),
                        _ => Unit::None,
                    };
                    let at = siblings.find(instance, TIMESTAMP).and_then(Value::number).and_then(Decimal::to_i64);
                    let origin = Origin { octets: leaf.octets, header: &[], offset: leaf.offset };
                    let said = Said { path: leaf.path, value: leaf.value, origin, unit, at, name: None };
                    failed = core::mem::replace(&mut failed, Ok(())).and_then(|()| say(said, out));
                })?;
                failed
            }
            ContentFormat::Json => {
                let mut failed = Ok(());
                json::walk(payload, offset, &mut |element| {
                    let at = element.time.and_then(Decimal::to_i64);
                    let origin = Origin { octets: element.octets, header: &[], offset: element.offset };
                    // A name may be the rest of the path that was asked for.
                    let path = Path::of_chars(element.name.chars()).unwrap_or_default();
                    let path = if path.ids().len() < 3 {
                        path.ids().iter().try_fold(self.path, |path, id| path.join(*id)).unwrap_or(path)
                    } else {
                        path
                    };
                    let value = of_senml(element.value);
                    let said = Said { path, value, origin, unit: Unit::None, at, name: Some(element.name) };
                    failed = core::mem::replace(&mut failed, Ok(())).and_then(|()| say(said, out));
                })?;
                failed
            }
        }
    }
}

/// Readings of the records of a pack: those whose names are paths by the object model, the others by their units.
pub(crate) fn read_pack<'p>(pack: Pack<'p>, out: &mut dyn Out<'p>) -> Result<(), DecodeError> {
    let look = pack.records().nth(LOOKED_THROUGH).is_none();
    pack.records().filter_map(|record| Some((record, record.value?))).try_for_each(|(record, value)| {
        let path = Path::of_chars(record.name.chars()).unwrap_or_default();
        let unit = match record.unit {
            Some(unit) => units::unit(unit),
            None if look && lacks_unit(path) => unit_among(pack, path),
            None => Unit::None,
        };
        let origin = Origin { octets: record.octets, header: &[], offset: record.offset };
        let said = Said { path, value: of_senml(value), origin, unit, at: record.unix_time(), name: Some(record.name) };
        say(said, out)
    })
}

/// What the record of a sensor's unit says.
fn unit_among(pack: Pack<'_>, path: Path) -> Unit {
    let Some(of_unit) = path.up_to(2).join(SENSOR_UNITS) else { return Unit::None };
    pack.records()
        .find_map(|record| match record.value {
            Some(senml::Value::Text(text)) if Path::of_chars(record.name.chars()) == Some(of_unit) => {
                Some(units::unit(text))
            }
            _ => None,
        })
        .unwrap_or(Unit::None)
}

const fn of_senml(value: senml::Value<'_>) -> Value<'_> {
    match value {
        senml::Value::Number(number) => Value::Number(number),
        senml::Value::Text(text) => Value::Text(text),
        senml::Value::Flag(flag) => Value::Flag(flag),
        senml::Value::Data(data) => Value::Data(data),
        senml::Value::ObjectLink(text) => Value::ObjectLinkText(text),
    }
}

fn resource_of(path: Path) -> Option<&'static Resource> {
    model::resource(path.object()?, path.resource()?)
}

fn lacks_unit(path: Path) -> bool {
    resource_of(path).is_some_and(|resource| {
        resource.unit == Unit::None && !matches!(resource.quantity, Quantity::Unknown | Quantity::TimeDevice)
    })
}

/// A value and what is said around it.
struct Said<'a> {
    path: Path,
    value: Value<'a>,
    origin: Origin<'a>,
    /// The unit that stands beside the value.
    unit: Unit,
    /// Seconds since 1970.
    at: Option<i64>,
    name: Option<Name<'a>>,
}

fn say<'a>(said: Said<'a>, out: &mut dyn Out<'a>) -> Result<(), DecodeError> {
    let Said { path, value, origin, unit, at, name } = said;
    if path.object().is_some_and(|object| ADMINISTRATION.contains(&object)) {
        return Ok(());
    }
    let resource = resource_of(path);
    if let (Some(object), Some(id)) = (path.object(), path.resource()) {
        let number = match value {
            Value::Flag(flag) => i64::from(flag),
            _ => value.number().and_then(Decimal::to_i64).unwrap_or_default(),
        };
        let alarms = alarm::alarms(object, id, number);
        if !alarms.is_empty() {
            out.alarms(alarms);
        }
        out.no_alarms(alarm::spoken_of(object, id).minus(alarms));
        if is_interval_payload(object, id)
            && let Value::Data(Data::Octets(octets)) = value
        {
            return say_intervals(octets, path, origin, out);
        }
    }
    let (quantity, unit) = measured(resource, unit);
    let mut reading = Reading::new(quantity, reading_value(value, resource), unit, origin);
    reading.label = match resource {
        Some(resource) if quantity == Quantity::Unknown => Some(Text::utf8(resource.name)),
        None => name.map(Name::label),
        Some(_) => None,
    };
    if let Some(resource) = resource {
        reading.function = resource.function;
    }
    reading.register = register(path);
    reading.at = at.and_then(CivilTime::from_unix);
    if matches!(reading.value, ReadingValue::Absent) {
        reading.quality = Quality::Malformed;
    }
    out.reading(reading.in_canonical_unit());
    Ok(())
}

/// What a resource measures, in the unit that is said: none is guessed.
fn measured(resource: Option<&Resource>, said: Unit) -> (Quantity, Unit) {
    let Some(resource) = resource else { return (Quantity::Unknown, said) };
    let unit = if resource.unit == Unit::None { said } else { resource.unit };
    let wanted = resource.quantity.unit();
    match (resource.quantity, unit.canonical()) {
        (quantity, _) if wanted == Unit::None => (quantity, unit),
        (quantity, canonical) if canonical == wanted.canonical() => (quantity, unit),
        (Quantity::EnergyActiveImport, Unit::GigaJoule) => (Quantity::Energy, unit),
        // Heat in watt hours; a report tells it in the unit it was counted in.
        (quantity @ Quantity::Energy, Unit::KiloWattHour) => (quantity, unit),
        _ => (Quantity::Unknown, unit),
    }
}

fn reading_value<'a>(value: Value<'a>, resource: Option<&Resource>) -> ReadingValue<'a> {
    let is_time = resource.is_some_and(|resource| resource.type_ == Type::Time);
    match value {
        Value::Number(number) if is_time => {
            number.to_i64().and_then(CivilTime::from_unix).map_or(ReadingValue::Absent, ReadingValue::Time)
        }
        Value::Number(number) => ReadingValue::Number(number),
        Value::Flag(flag) => ReadingValue::Flags(flag.into()),
        Value::Text(text) | Value::ObjectLinkText(text) => ReadingValue::Text(text),
        Value::Data(Data::Octets(octets)) => ReadingValue::Octets(octets),
        Value::Data(Data::Base64(text)) => ReadingValue::Text(Text::utf8(text)),
        Value::ObjectLink(object, instance) => ReadingValue::Flags(u64::from(object) << 16 | u64::from(instance)),
    }
}

/// The instance of the object is a device within the device; of a resource with several instances, its instance is.
fn register(path: Path) -> Register {
    let subunit = path.resource_instance().or_else(|| path.instance()).unwrap_or_default();
    Register { subunit, ..Register::default() }
}

fn is_interval_payload(object: u16, resource: u16) -> bool {
    matches!(object, 10266..=10271 | 10313) && INTERVAL_PAYLOADS.contains(&resource)
}

/// The registry names neither unit nor resolution of interval data, so what the numbers are, the maker has to say.
fn say_intervals<'a>(
    octets: &'a [u8],
    path: Path,
    origin: Origin<'a>,
    out: &mut dyn Out<'a>,
) -> Result<(), DecodeError> {
    let Some(intervals) = Intervals::parse(octets, origin.offset)? else { return Ok(()) };
    let name = path.object().and_then(model::object).map(|object| Text::utf8(object.name));
    for value in intervals.values() {
        let number = ReadingValue::Number(Decimal::from(value.number));
        let mut reading = Reading::new(Quantity::Unknown, number, Unit::None, origin);
        reading.label = name;
        reading.register = Register { subunit: value.index.into(), ..register(path) };
        reading.at = CivilTime::from_unix(value.end);
        out.reading(reading);
    }
    Ok(())
}
