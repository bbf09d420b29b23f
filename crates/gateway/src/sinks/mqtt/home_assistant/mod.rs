//! Home Assistant's MQTT discovery: a retained configuration for each quantity of each meter, so that meters show up by
//! themselves. What is sent is a function of the record.
//!
//! | topic | |
//! |---|---|
//! | `<prefix>/sensor/esh_<gateway>_<meter>/<quantity>[_t<tariff>][_s<subunit>]/config` | where the present value of a quantity stands in the reports |
//! | `<prefix>/binary_sensor/esh_<gateway>/status/config` | whether the gateway is there |
//!
//! A value is the reading of that quantity with storage 0, of that tariff and subunit. A report without it changes
//! nothing; one that says the value is invalid makes it unknown.

mod classes;

use super::topic;
use crate::record::{Kind, Record};
use esh_core::{Quantity, Unit};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use std::borrow::Cow;
use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::BuildHasher;

/// Which configurations a broker has got since it let the gateway in. It may have lost those from before.
#[derive(Debug, Default)]
pub(super) struct Told {
    hasher: RandomState,
    /// Hashes of gateway, meter and quantity, at most [`MOST`].
    told: HashSet<u64>,
}

/// The most configurations that are remembered; when there are more, they are sent again, which changes nothing.
const MOST: usize = 1 << 16;

/// What is looked at of a report.
#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow)]
    meter: Option<Meter<'a>>,
    #[serde(borrow)]
    readings: Vec<Reading<'a>>,
    #[serde(borrow)]
    profile: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Meter<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    manufacturer: Option<Cow<'a, str>>,
    #[serde(borrow)]
    medium: Option<Cow<'a, str>>,
    #[serde(borrow)]
    address: Cow<'a, str>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Reading<'a> {
    quantity: &'a str,
    unit: Option<&'a str>,
    function: &'a str,
    storage: u64,
    tariff: u32,
    subunit: u32,
    #[serde(borrow)]
    value: &'a RawValue,
    #[serde(borrow, default)]
    qualifiers: Vec<&'a str>,
}

/// The qualifiers that the name of a quantity says already.
const NAMED: &[&str] = &[
    "forward",
    "backward",
    "net",
    "uncorrected",
    "base_conditions",
    "leakage",
    "phase_l1",
    "phase_l2",
    "phase_l3",
    "neutral",
    "between_l1_l2",
    "between_l2_l3",
    "between_l3_l1",
    "quadrant_1",
    "quadrant_2",
    "quadrant_3",
    "quadrant_4",
];

impl Told {
    /// The configurations that a record calls for and the broker has not got, with their topics.
    pub(super) fn of(&mut self, prefix: &str, gateway: &str, record: &Record) -> Vec<(String, String)> {
        let mut messages = Vec::new();
        if record.kind != Kind::Readings {
            return messages;
        }
        // Whatever is no report has no readings.
        let Ok(report) = serde_json::from_slice::<Report<'_>>(&record.report) else { return messages };
        let Some(meter) = &report.meter else { return messages };
        for reading in report.readings.iter().filter(|reading| reading.is_present()) {
            let Some(quantity) = Quantity::from_name(reading.quantity) else { continue };
            let unit = reading.unit.map_or(Some(Unit::None), Unit::from_ucum).unwrap_or(Unit::None);
            let Some(class) = classes::of(quantity, unit, meter.medium.as_deref()) else { continue };
            let key = (&*meter.address, quantity, unit, reading.tariff, reading.subunit);
            if !self.is_new(key) {
                continue;
            }
            if self.is_new(gateway) {
                messages.push(status(prefix, gateway));
            }
            messages.push(sensor(prefix, gateway, record, &report, meter, reading, class, classes::unit(unit)));
        }
        messages
    }

    fn is_new(&mut self, what: impl std::hash::Hash) -> bool {
        if self.told.len() >= MOST {
            self.told.clear();
        }
        self.told.insert(self.hasher.hash_one(what))
    }
}

impl Reading<'_> {
    /// Whether it is the present value of a quantity, a number or for now none.
    fn is_present(&self) -> bool {
        let value = self.value.get();
        self.storage == 0
            && self.function == "instantaneous"
            && (value == "null" || value.starts_with(|c: char| c == '-' || c.is_ascii_digit()))
            && self.qualifiers.iter().all(|qualifier| NAMED.contains(qualifier))
    }

    /// `volume`, with tariff and subunit where it has them.
    fn object(&self) -> String {
        let mut object = slug(self.quantity);
        for (letter, number) in [('t', self.tariff), ('s', self.subunit)] {
            if number > 0 {
                let _ = write!(object, "_{letter}{number}");
            }
        }
        object
    }

    fn name(&self) -> String {
        let mut name = self.quantity.replace(['.', '_'], " ");
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        for (word, number) in [("tariff", self.tariff), ("subunit", self.subunit)] {
            if number > 0 {
                let _ = write!(name, " {word} {number}");
            }
        }
        name
    }

    /// Picks the value out of a report. Nothing is rendered where the report has none, which Home Assistant passes over;
    /// `None` makes it unknown.
    fn template(&self) -> String {
        let Self { quantity, tariff, subunit, .. } = self;
        format!(
            "{{% for r in value_json.readings if r.quantity == '{quantity}' and r.storage == 0 and r.tariff == {tariff} \
             and r.subunit == {subunit} and r.function == 'instantaneous' and r.qualifiers | default([]) == {} %}}\
             {{% if loop.first %}}{{{{ 'None' if r.value is none else r.value }}}}{{% endif %}}{{% endfor %}}",
            json!(self.qualifiers)
        )
    }
}

#[expect(clippy::too_many_arguments, reason = "it is one sentence about all of them")]
fn sensor(
    prefix: &str,
    gateway: &str,
    record: &Record,
    report: &Report<'_>,
    meter: &Meter<'_>,
    reading: &Reading<'_>,
    class: classes::Class,
    unit: Option<&str>,
) -> (String, String) {
    let (via, object) = (device(gateway), reading.object());
    let device = format!("{via}_{}", slug(&meter.address));
    let medium = meter.medium.as_deref().map(|medium| medium.replace('_', " "));
    let name = match (&meter.name, &meter.manufacturer) {
        (Some(name), _) => name.to_string(),
        (None, Some(manufacturer)) => format!("{manufacturer} {}", meter.id),
        (None, None) => meter.id.to_string(),
    };
    let mut message = json!({
        "name": reading.name(),
        "unique_id": format!("{device}_{object}"),
        "state_topic": topic::record(gateway, record),
        "value_template": reading.template(),
        "availability_topic": topic::status(gateway),
        "state_class": class.state,
        "qos": 1,
        "device": {"identifiers": [device], "name": name, "serial_number": meter.id, "via_device": via},
        "origin": origin(),
    });
    let mut put = |at: &str, key: &str, value: Option<&str>| {
        if let (Some(Value::Object(members)), Some(value)) = (message.pointer_mut(at), value) {
            members.insert(key.to_owned(), value.into());
        }
    };
    put("", "device_class", class.device);
    put("", "unit_of_measurement", unit);
    put("", "entity_category", class.diagnostic.then_some("diagnostic"));
    put("/device", "manufacturer", meter.manufacturer.as_deref());
    put("/device", "model", report.profile.as_deref().or(medium.as_deref()));
    (format!("{prefix}/sensor/{device}/{object}/config"), message.to_string())
}

/// The gateway itself, which the meters' devices are heard through.
fn status(prefix: &str, gateway: &str) -> (String, String) {
    let device = device(gateway);
    let message = json!({
        "name": "Status",
        "unique_id": format!("{device}_status"),
        "state_topic": topic::status(gateway),
        "payload_on": "online",
        "payload_off": "offline",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
        "device": {"identifiers": [device], "name": gateway, "manufacturer": "ESH", "model": "esh-gateway"},
        "origin": origin(),
    });
    (format!("{prefix}/binary_sensor/{device}/status/config"), message.to_string())
}

fn origin() -> Value {
    json!({"name": "esh-gateway", "sw_version": env!("CARGO_PKG_VERSION")})
}

fn device(gateway: &str) -> String {
    format!("esh_{}", slug(gateway))
}

/// Letters and digits, `_` for `:` and `.`, and anything else as `-` and its hexadecimal digits: two texts that differ in
/// more than `:` and `.` have two slugs.
fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b':' | b'.' => slug.push('_'),
            octet if octet.is_ascii_alphanumeric() => slug.push(octet.into()),
            octet => {
                let _ = write!(slug, "-{octet:02x}");
            }
        }
    }
    slug
}

#[cfg(test)]
mod tests;
