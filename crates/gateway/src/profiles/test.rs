//! `[[test]]`: octets, and the readings they must give. A test runs through the whole of `decode`, so that it shows what
//! users will see.

use super::body::Here;
use super::file::{BlockTable, ExpectedTable, TestTable, Way};
use super::form::exact;
use super::registers::{Map, Maps, Value as Register};
use super::set::{Found, Profiles};
use crate::capture::{Framing, Stamp};
use crate::config::ConfigError;
use crate::decode::{Decoder, Frame, Witness};
use crate::meters::Meters;
use crate::protocols::{ModbusPolled, Payload};
use crate::sources::lines::octets;
use esh_core::report::{self, Report, Value};
use esh_core::{Alarm, Id, Key, Known, Layer, Learned, Meter, Protocol, Purpose, Reason};
use esh_modbus::{Mode, Table};
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;

/// What came of the tests of a profile.
#[derive(Debug)]
pub struct Outcome {
    /// How many it has.
    pub tests: usize,
    /// What is wrong, each with its place in the file.
    pub failures: Vec<ConfigError>,
}

/// Runs every test of a profile.
#[must_use]
pub fn run(found: Found) -> Outcome {
    let here = Here { file: &found.file, text: found.text };
    let failures = found.tests.iter().filter_map(|test| one(found, here, test).err());
    Outcome { tests: found.tests.len(), failures: failures.collect() }
}

/// A key for whatever asks.
struct OneKey(Option<Key>);

impl Known for OneKey {
    fn keys(&self, _: &Meter, _: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        self.0.as_ref().is_some_and(each)
    }
}

/// Nobody looks on.
struct Nobody;

impl Witness for Nobody {
    fn learned(&mut self, _: Option<&Meter>, _: Learned<'_>) {}
}

fn one(found: Found, here: Here<'_>, test: &Spanned<TestTable>) -> Result<(), ConfigError> {
    let span = test.span();
    let test = test.get_ref();
    let report = decoded(found, here, test, &span)?;
    let named = |message: String| match &test.description {
        Some(description) => format!("{description}: {message}"),
        None => message,
    };
    let reason = report.error.as_ref().map(|error| error.reason.as_str());
    match &test.error {
        None => {
            if let Some(error) = &report.error {
                return Err(here.at(span, named(format!("it cannot be read: {}", error.message))));
            }
        }
        Some(wanted) if Reason::WORDS.contains(&wanted.get_ref().as_str()) => {
            if reason != Some(wanted.get_ref()) {
                let got = reason.unwrap_or("none");
                return Err(here.at(wanted.span(), named(format!("the error is {got}"))));
            }
        }
        Some(wanted) => {
            let message = format!("`{}` is no reason of an error", wanted.get_ref());
            return Err(here.at(wanted.span(), message).suggest(wanted.get_ref(), &Reason::WORDS));
        }
    }
    for expected in &test.readings {
        let wanted = Wanted::of(here, expected)?;
        if !report.readings.iter().any(|reading| wanted.misses(reading).is_empty()) {
            let nearest = report.readings.iter().min_by_key(|reading| wanted.misses(reading).len());
            let message = match nearest {
                None => "there are no readings".to_owned(),
                Some(reading) => {
                    let misses = wanted.misses(reading).join(", ");
                    format!("no such reading; the nearest has {misses}")
                }
            };
            return Err(here.at(expected.span(), named(message)));
        }
    }
    if let Some(count) = test.count
        && count != report.readings.len()
    {
        return Err(here.at(span, named(format!("there are {} readings", report.readings.len()))));
    }
    if let Some(wanted) = &test.alarms {
        for alarm in wanted {
            here.word(alarm, "alarm of the vocabulary", Alarm::ALL, Alarm::name)?;
        }
        let (mut wanted, mut got): (Vec<&str>, Vec<&str>) = (
            wanted.iter().map(|alarm| alarm.get_ref().as_str()).collect(),
            report.alarms.iter().map(String::as_str).collect(),
        );
        wanted.sort_unstable();
        got.sort_unstable();
        if wanted != got {
            return Err(here.at(span, named(format!("the alarms are {got:?}"))));
        }
    }
    Ok(())
}

/// The report of a test's octets.
fn decoded(found: Found, here: Here<'_>, test: &TestTable, span: &Range<usize>) -> Result<Report, ConfigError> {
    let hex = |text: &Spanned<String>| {
        let compact: String = text.get_ref().split_whitespace().collect();
        octets(compact.as_bytes()).map_err(|error| here.at(text.span(), error.to_string()))
    };
    let down = test.direction == Way::Down;
    if let (Some(registers), false) = (&found.registers, test.registers.is_empty()) {
        return polled(found, registers, here, test);
    }
    let (octets, protocol, framing) = match (&test.payload, &test.frame) {
        (Some(payload), None) => {
            let octets = hex(payload)?;
            if let Some(ci) = test.ci {
                return report(found, &of_the_maker(&octets, ci), Protocol::Wmbus, Some(Framing::None), None);
            }
            match found.protocol {
                Some(protocol @ (Protocol::Wmbus | Protocol::Mbus)) => (octets, protocol, Framing::Records(0)),
                _ => {
                    let payload = Payload { port: test.port, down, device: None };
                    (octets, Protocol::Lorawan, Framing::Payload(payload))
                }
            }
        }
        (None, Some(frame)) => {
            let message = "no protocol: say `protocol` in [meter], or put the file into a folder of that name";
            let protocol = found.protocol.ok_or_else(|| here.at(frame.span(), message))?;
            let framing = Framing::None;
            let octets = hex(frame)?;
            return report(
                found,
                &octets,
                protocol,
                (protocol == Protocol::Wmbus).then_some(framing),
                key(here, test)?,
            );
        }
        _ => return Err(here.at(span.clone(), "a test has one of `payload`, `frame` and `registers`")),
    };
    report(found, &octets, protocol, Some(framing), key(here, test)?)
}

/// The report of a poll that brings these registers.
fn polled(found: Found, registers: &Arc<[Register]>, here: Here<'_>, test: &TestTable) -> Result<Report, ConfigError> {
    const UNIT: u8 = 1;
    let id = Id::new("test").unwrap_or(Id::from_bcd([0; 4]));
    let mut poll = Vec::new();
    for block in &test.registers {
        let BlockTable { table, address, octets: text } = block.get_ref();
        let compact: String = text.get_ref().split_whitespace().collect();
        let octets = octets(compact.as_bytes()).map_err(|error| here.at(text.span(), error.to_string()))?;
        if octets.is_empty() || !octets.len().is_multiple_of(2) || octets.len() > 250 {
            return Err(here.at(text.span(), "registers are an even number of octets, at most 250"));
        }
        let function = if table.table() == Table::Input { 4 } else { 3 };
        let ([address_high, address_low], count) = (address.to_be_bytes(), (octets.len() / 2) as u8);
        // Frames of Modbus TCP: a request, and what answers it.
        poll.extend([0, 0, 0, 0, 0, 6, UNIT, function, address_high, address_low, 0, count]);
        poll.extend([0, 0, 0, 0, 0, octets.len() as u8 + 3, UNIT, function, octets.len() as u8]);
        poll.extend(octets);
    }
    let polled = ModbusPolled { mode: Mode::Tcp, slot: 0, id };
    let maps = Maps::from([(id, Map::Registers(Arc::clone(registers)))]);
    report_with(found, &poll, Protocol::Modbus, Some(Framing::ModbusPoll(polled)), None, maps)
}

fn key(here: Here<'_>, test: &TestTable) -> Result<Option<Key>, ConfigError> {
    let Some(key) = &test.key else { return Ok(None) };
    let parsed = Key::from_hex(key.get_ref());
    parsed.map(Some).map_err(|_| here.at(key.span(), "a key is 8 to 64 octets in hexadecimal"))
}

fn report(
    found: Found,
    octets: &[u8],
    protocol: Protocol,
    framing: Option<Framing>,
    key: Option<Key>,
) -> Result<Report, ConfigError> {
    report_with(found, octets, protocol, framing, key, Maps::new())
}

fn report_with(
    found: Found,
    octets: &[u8],
    protocol: Protocol,
    framing: Option<Framing>,
    key: Option<Key>,
    maps: Maps,
) -> Result<Report, ConfigError> {
    let mut decoder = Decoder::for_gateway("test", None);
    decoder.set_meters(Arc::new(Meters { profiles: Arc::new(Profiles::default()), maps, ..Meters::default() }));
    let received_at = Stamp { at: None, synchronised: true };
    let recognised = Frame { octets, protocol, framing, received_at, source: None, input: None, profile: Some(found) };
    let mut json = Vec::new();
    let known = OneKey(key);
    let decoded = decoder.decode(&recognised, &known, None, &mut Nobody, &mut json);
    if framing == Some(Framing::None) && decoded.error.is_some_and(|error| error.layer == Layer::Link) {
        // With the CRCs of its link, then.
        json.clear();
        decoder.decode(&Frame { framing: None, ..recognised }, &known, None, &mut Nobody, &mut json);
    }
    serde_json::from_slice(&json).map_err(|error| ConfigError::whole(&found.file, error.to_string()))
}

/// A frame of wireless M-Bus around a payload that is the maker's own.
fn of_the_maker(payload: &[u8], ci: u8) -> Vec<u8> {
    let address = [0x00, 0x04, 0, 0, 0, 0, 0, 0];
    let mut frame = vec![(payload.len() + 10) as u8, 0x44];
    frame.extend_from_slice(&address);
    frame.push(ci);
    frame.extend_from_slice(payload);
    frame
}

/// A reading that a test wants.
struct Wanted<'t> {
    table: &'t ExpectedTable,
    value: Option<Value>,
}

impl<'t> Wanted<'t> {
    fn of(here: Here<'_>, expected: &'t Spanned<ExpectedTable>) -> Result<Self, ConfigError> {
        let table = expected.get_ref();
        if let Some(quantity) = &table.quantity {
            here.quantity(quantity)?;
        }
        let value = match &table.value {
            None => None,
            Some(value) => Some(match value.get_ref() {
                toml::Value::String(text) if text == "none" => Value::Absent,
                toml::Value::String(text) => Value::Text(text.clone()),
                _ => {
                    let message = "write a number, a text, or \"none\" for no value";
                    Value::Number(exact(here.text, value).ok_or_else(|| here.at(value.span(), message))?)
                }
            }),
        };
        Ok(Self { table, value })
    }

    /// What of it a reading has otherwise, in the words of the report.
    fn misses(&self, reading: &report::Reading) -> Vec<String> {
        let ExpectedTable {
            quantity,
            name,
            unit,
            at,
            time,
            function,
            storage,
            tariff,
            subunit,
            quality,
            qualifiers,
            ..
        } = self.table;
        let mut misses = Vec::new();
        let mut text = |key: &str, wanted: Option<&str>, got: Option<&str>| {
            if wanted.is_some() && wanted != got {
                misses.push(format!("{key} {}", got.unwrap_or("none")));
            }
        };
        let quantity = quantity.as_ref().map(|quantity| quantity.get_ref().as_str());
        text("quantity", quantity, Some(&reading.quantity));
        text("name", name.as_deref(), reading.name.as_deref());
        text("unit", unit.as_deref(), reading.unit.as_deref());
        text("at", at.as_deref(), reading.at.as_deref());
        text("time", time.as_deref(), reading.time.as_deref());
        text("function", function.as_deref(), Some(&reading.function));
        text("quality", quality.as_deref(), reading.quality.as_deref().or(Some("good")));
        if let Some(qualifiers) = qualifiers
            && *qualifiers != reading.qualifiers
        {
            misses.push(format!("qualifiers {:?}", reading.qualifiers));
        }
        let numbers = [
            ("storage", *storage, reading.storage),
            ("tariff", *tariff, reading.tariff.into()),
            ("subunit", *subunit, reading.subunit.into()),
        ];
        for (key, wanted, got) in numbers {
            if wanted.is_some_and(|wanted| wanted != got) {
                misses.push(format!("{key} {got}"));
            }
        }
        let same = match (&self.value, &reading.value) {
            (None, _) | (Some(Value::Absent), Value::Absent) => true,
            (Some(Value::Number(wanted)), Value::Number(got)) => wanted.same_value(*got),
            (Some(Value::Text(wanted)), Value::Text(got)) => wanted == got,
            // A number may be written as a text, where TOML has none for it.
            (Some(Value::Text(wanted)), Value::Number(got)) => {
                esh_core::Decimal::parse(wanted).is_some_and(|wanted| wanted.same_value(*got))
            }
            _ => false,
        };
        if !same {
            misses.push(match &reading.value {
                Value::Absent => "no value".to_owned(),
                Value::Number(number) => format!("value {number}"),
                Value::Text(text) => format!("value {text:?}"),
            });
        }
        misses
    }
}
