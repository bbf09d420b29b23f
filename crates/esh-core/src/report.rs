//! The owned report: one JSON object for each frame, the same from every command and every sink.
//!
//! This is the side that consumes reports. The gateway writes the same text straight from the readings; a test holds
//! both to the same octets.

use crate::Decimal;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// The name and version of the report's shape.
pub const SCHEMA: &str = "esh.report.v1";

/// A report, `esh.report.v1`.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// Lower-case hexadecimal of 128 bits: equal for every delivery of the same occasion.
    pub id: String,
    /// The protocol's word.
    pub protocol: String,
    /// The gateway's name; `None` from `decode`.
    pub gateway: Option<String>,
    /// When the frame came, RFC 3339 in UTC.
    pub received_at: Option<String>,
    /// `synchronised` or `unsynchronised`: whether the gateway's clock was set.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub clock: Option<String>,
    /// Whose frame it is; `None` where it names nobody.
    pub meter: Option<Meter>,
    /// The message counter, where the frame has one.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub counter: Option<u64>,
    /// How the frame was protected.
    pub security: Security,
    /// What was read, in the order of the frame.
    pub readings: Vec<Reading>,
    /// Alarms in the words of the vocabulary.
    pub alarms: Vec<String>,
    /// The profile that read the payload.
    pub profile: Option<String>,
    /// What a payload codec gave: JSON text, with its numbers as the script writes them.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub data: Option<JsonText>,
    /// What it warned of.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub warnings: Vec<String>,
    /// The octets as received, in hexadecimal.
    pub frame: String,
    /// Who heard the frame.
    pub source: Option<Source>,
    /// Why it could not be decoded, or not to its end.
    pub error: Option<Error>,
    /// What the carrier found, in the protocol's own terms: JSON text of an object.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub opened: Option<JsonText>,
    /// The id of the line that was decoded.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub input: Option<JsonText>,
}

/// A meter in a report.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Meter {
    /// Its number or name.
    pub id: String,
    /// Three letters of its maker.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub manufacturer: Option<String>,
    /// What it measures.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub medium: Option<String>,
    /// The version of its model.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub version: Option<u8>,
    /// Its address, the key of topics and data bases.
    pub address: String,
    /// What its operator calls it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub name: Option<String>,
    /// Where it is.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub site: Option<String>,
    /// Whose business it is.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub tenant: Option<String>,
    /// What else its operator says of it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "BTreeMap::is_empty"))]
    pub labels: BTreeMap<String, String>,
}

/// How a frame was protected.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Security {
    /// The security mode, in the protocol's own number.
    pub mode: Option<u8>,
    /// `none`, `decrypted`, `already_plain` or `refused`.
    pub state: String,
    /// Whether an authentication code proved that nothing was altered.
    pub authenticated: bool,
}

/// A reading in a report.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Reading {
    /// What is measured, in the words of the vocabulary.
    pub quantity: String,
    /// The name the meter gives the value, where it gives one.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub name: Option<String>,
    /// The value.
    pub value: Value,
    /// UCUM text of the unit; `None` for dates, texts and flags.
    pub unit: Option<String>,
    /// `instantaneous`, `maximum`, `minimum` or `error`.
    pub function: String,
    /// The storage number; 0 is the present value.
    pub storage: u64,
    /// The tariff; 0 is the total.
    pub tariff: u32,
    /// The subunit.
    pub subunit: u16,
    /// What narrows the quantity down.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub qualifiers: Vec<String>,
    /// The OBIS code, where the standard gives one.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub obis: Option<String>,
    /// When the value was taken, as the meter said it.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub at: Option<String>,
    /// How far down `at`, or a value that is a time, is told.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub precision: Option<String>,
    /// Whether the meter says that daylight saving was in force.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub dst: Option<bool>,
    /// `at` as an instant, RFC 3339 in UTC, where the zone is known.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub time: Option<String>,
    /// Why the value is not simply good.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub quality: Option<String>,
    /// Whether a quotient that is not finite had to be rounded.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "core::ops::Not::not"))]
    pub rounded: bool,
    /// The value before rounding, or the octets of what is not understood.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub raw: Option<Raw>,
}

/// A value in a report.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Absent,
    /// A number, exact; flags are whole numbers.
    Number(Decimal),
    /// A text, a time, or octets in hexadecimal.
    Text(String),
}

/// What a value was before it was told in its unit.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Raw {
    /// The number as the meter sent it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub value: Option<Value>,
    /// Its unit.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub unit: Option<String>,
    /// The octets of the reading, in hexadecimal.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub octets: Option<String>,
}

/// Who heard a frame.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Source {
    /// The source's name.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub name: Option<String>,
    /// Signal strength in dBm.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub rssi: Option<i16>,
    /// How often the frame was heard by now.
    pub copies: u32,
    /// How the receiver lays frames out, where it says so: a word such as `A`, `none` or `3of6`.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub format: Option<String>,
    /// The radio gateway that heard it best, by its EUI.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub gateway: Option<String>,
    /// Signal to noise ratio in dB, as it was told.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub snr: Option<JsonText>,
    /// On which frequency, in hertz.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub frequency: Option<u32>,
    /// How fast, as packet forwarders write it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub data_rate: Option<String>,
    /// Everybody who heard it, where there were several.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub receptions: Vec<Reception>,
}

/// Who heard a frame, one of several.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Reception {
    /// The radio gateway, by its EUI, or the source.
    pub gateway: String,
    /// Signal strength in dBm, as it was told.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub rssi: Option<JsonText>,
    /// Signal to noise ratio in dB, as it was told.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub snr: Option<JsonText>,
    /// When it told.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub at: Option<String>,
}

/// Why a frame could not be decoded, or not to its end.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Error {
    /// The layer that could not be read.
    pub layer: String,
    /// The octet of the frame.
    pub octet: u64,
    /// The field, in the standard's own words.
    pub field: String,
    /// The reason, a word of [`crate::Reason::WORDS`].
    pub reason: String,
    /// All of it in a sentence.
    pub message: String,
}

/// JSON text that is carried, not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonText(pub String);

#[cfg(feature = "serde")]
mod form {
    //! The serde forms that cannot be derived: numbers keep their digits only as raw JSON.

    use super::{JsonText, Value};
    use crate::Decimal;
    use alloc::borrow::ToOwned;
    use alloc::boxed::Box;
    use alloc::string::String;
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::value::RawValue;

    impl Serialize for Value {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self {
                Self::Absent => serializer.serialize_none(),
                Self::Text(text) => serializer.serialize_str(text),
                Self::Number(number) => serialize_raw(number.text().as_str(), serializer),
            }
        }
    }

    impl<'de> Deserialize<'de> for Value {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let raw = Box::<RawValue>::deserialize(deserializer)?;
            let text = raw.get();
            if text == "null" {
                Ok(Self::Absent)
            } else if text.starts_with('"') {
                serde_json::from_str(text).map(Self::Text).map_err(D::Error::custom)
            } else {
                let number = Decimal::parse(text);
                number.map(Self::Number).ok_or_else(|| D::Error::custom("a value is a number, a text or null"))
            }
        }
    }

    impl Serialize for JsonText {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serialize_raw(&self.0, serializer)
        }
    }

    impl<'de> Deserialize<'de> for JsonText {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Box::<RawValue>::deserialize(deserializer).map(|raw| Self(String::from(raw.get())))
        }
    }

    fn serialize_raw<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(text.to_owned()).map_err(S::Error::custom)?.serialize(serializer)
    }
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn digits_survive_the_way_through_serde() {
        for text in ["6.400", "null", "\"2016-12-31\"", "170141183460469231731687303715884105727", "1.5e-60"] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&value).unwrap(), text);
        }
        assert!(serde_json::from_str::<Value>("{}").is_err());
    }
}
