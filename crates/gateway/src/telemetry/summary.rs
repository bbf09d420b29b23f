//! What the page tells of a report in a line: borrowed from its text, digits as they stand there.

use super::recent::Telegram;
use esh_core::Decimal;
use esh_core::json::Json;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Readings told of a meter in a line.
const READINGS: usize = 4;

/// The members of a report that are of interest; what else it holds is passed over.
#[derive(Debug, Deserialize)]
pub(crate) struct Told<'r> {
    #[serde(borrow)]
    received_at: Option<Cow<'r, str>>,
    #[serde(borrow)]
    meter: &'r RawValue,
    #[serde(borrow)]
    security: &'r RawValue,
    #[serde(borrow)]
    pub(super) readings: Vec<Reading<'r>>,
    #[serde(borrow)]
    alarms: &'r RawValue,
    #[serde(borrow)]
    source: Option<Source<'r>>,
    #[serde(borrow)]
    pub(crate) error: &'r RawValue,
    #[serde(borrow)]
    pub(crate) frame: Cow<'r, str>,
}

#[derive(Debug, Deserialize)]
struct Source<'r> {
    #[serde(borrow)]
    name: Option<Cow<'r, str>>,
    rssi: Option<i16>,
}

/// A reading of a report.
#[derive(Debug, Deserialize)]
pub(crate) struct Reading<'r> {
    #[serde(borrow)]
    quantity: Cow<'r, str>,
    #[serde(borrow)]
    name: Option<Cow<'r, str>>,
    #[serde(borrow)]
    value: &'r RawValue,
    #[serde(borrow)]
    unit: Option<Cow<'r, str>>,
    #[serde(borrow)]
    function: Cow<'r, str>,
    storage: u64,
    tariff: u32,
    subunit: u16,
    #[serde(borrow, default)]
    qualifiers: Vec<Cow<'r, str>>,
    #[serde(borrow)]
    at: Option<Cow<'r, str>>,
    #[serde(borrow)]
    quality: Option<Cow<'r, str>>,
}

/// Whether a reading can be plotted: a number with a unit, of now, that is no date and no set of flags.
pub(crate) fn is_plotted(reading: &Reading<'_>) -> bool {
    let measured = !reading.quantity.starts_with("time.") && !reading.quantity.starts_with("status.");
    measured
        && reading.storage == 0
        && reading.unit.is_some()
        && reading.value.get().starts_with(|c: char| c == '-' || c.is_ascii_digit())
}

impl Reading<'_> {
    /// What distinguishes it from the other readings of a meter, in words.
    pub(crate) fn label(&self) -> String {
        let mut label = self.quantity.to_string();
        let mut say = |word: &str, number: Option<u64>| {
            label.push_str(", ");
            label.push_str(word);
            if let Some(number) = number {
                label.push(' ');
                label.push_str(&number.to_string());
            }
        };
        if let Some(name) = &self.name {
            say(name, None);
        }
        if self.function != "instantaneous" {
            say(&self.function, None);
        }
        for (word, number) in
            [("storage", self.storage), ("tariff", self.tariff.into()), ("subunit", self.subunit.into())]
        {
            if number != 0 {
                say(word, Some(number));
            }
        }
        for word in &self.qualifiers {
            say(&word.replace('_', " "), None);
        }
        label
    }

    /// The number it is.
    pub(crate) fn number(&self) -> Option<Decimal> {
        Decimal::parse(self.value.get())
    }

    /// Its unit.
    pub(crate) fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
    }
}

impl Told<'_> {
    /// When the telegram came, in seconds since 1970.
    pub(crate) fn seconds(&self) -> Option<u32> {
        let at: jiff::Timestamp = self.received_at.as_ref()?.parse().ok()?;
        at.as_second().try_into().ok()
    }

    /// Writes the telegram as the lists of the page have it.
    pub(crate) fn write(&self, telegram: &Telegram, json: &mut Json<'_>) {
        json.object(|json| {
            json.key("n").number(telegram.number);
            json.key("failed").flag(telegram.failed);
            json.key("count").number(telegram.count);
            if let Some(protocol) = telegram.protocol {
                json.key("protocol").word(protocol.word());
            }
            if let Some(at) = &self.received_at {
                json.key("at").text(at);
            }
            json.key("octets").number((self.frame.len() / 2) as u64);
            json.key("meter").raw(self.meter.get().as_bytes());
            json.key("security").raw(self.security.get().as_bytes());
            json.key("alarms").raw(self.alarms.get().as_bytes());
            json.key("error").raw(self.error.get().as_bytes());
            if let Some(source) = &self.source {
                if let Some(name) = &source.name {
                    json.key("source").text(name);
                }
                if let Some(rssi) = source.rssi {
                    json.key("rssi").signed(rssi.into());
                }
            }
            json.key("readings").array(|json| {
                let plotted = self.readings.iter().filter(|reading| is_plotted(reading));
                plotted.take(READINGS).for_each(|reading| reading.write(json));
            });
        });
    }

    /// Writes all readings.
    pub(crate) fn write_readings(&self, json: &mut Json<'_>) {
        json.array(|json| self.readings.iter().for_each(|reading| reading.write(json)));
    }
}

impl Reading<'_> {
    fn write(&self, json: &mut Json<'_>) {
        json.object(|json| {
            json.key("label").text(&self.label());
            // As text: the digits are for the eye, and no browser shall make a float of them.
            match self.value.get() {
                text if text.starts_with('"') || text == "null" => json.key("value").raw(text.as_bytes()),
                digits => json.key("value").text(digits),
            }
            if let Some(unit) = &self.unit {
                json.key("unit").text(unit);
            }
            for (key, text) in [("at", &self.at), ("quality", &self.quality)] {
                if let Some(text) = text {
                    json.key(key).text(text);
                }
            }
        });
    }
}
