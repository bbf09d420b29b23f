//! What is left of a report that a sink's peer will never take: whose it is, the frame, and why it was refused. It goes
//! where reports go that could not be decoded, so the frame can be decoded elsewhere and nothing is lost in silence.

use crate::record::Record;
use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{json, value::RawValue};
use std::fmt;

/// Why a peer will never take a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It is larger than the peer takes.
    TooLarge {
        /// The most octets of a message, where the peer says so.
        limit: Option<usize>,
    },
    /// Kafka, error code 87.
    #[cfg(feature = "kafka")]
    InvalidRecord,
    /// MQTT 5, reason code 0x90.
    TopicNameInvalid,
    /// MQTT 5, reason code 0x99.
    PayloadFormatInvalid,
    /// MQTT 5, reason code 0x80, again and again.
    UnspecifiedError,
    /// MQTT 5, reason code 0x83, again and again.
    ImplementationSpecificError,
}

impl Why {
    /// The word in a report.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            #[cfg(feature = "kafka")]
            Self::InvalidRecord => "invalid_record",
            Self::TopicNameInvalid => "topic_name_invalid",
            Self::PayloadFormatInvalid => "payload_format_invalid",
            Self::UnspecifiedError => "unspecified_error",
            Self::ImplementationSpecificError => "implementation_specific_error",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit: Some(limit) } => {
                write!(f, "the report is larger than the {limit} octets that the peer takes")
            }
            Self::TooLarge { limit: None } => f.write_str("the report is larger than the peer takes"),
            other => write!(f, "the peer refuses the report for good: {}", other.word().replace('_', " ")),
        }
    }
}

/// The reports that may stand for a refused one, the more telling first: without its readings, without its frame, without
/// everything that a report need not have. None for an event, which is small anyhow.
pub(crate) fn reports(record: &Record, why: Why) -> Vec<Bytes> {
    let Ok(Members(members)) = serde_json::from_slice(&record.report) else { return Vec::new() };
    if !members.iter().any(|(key, value)| *key == "schema" && value.get() == "\"esh.report.v1\"") {
        return Vec::new();
    }
    let mut refused = json!({"reason": why.word(), "octets": record.report.len(), "message": why.to_string()});
    if let (Why::TooLarge { limit: Some(limit) }, Some(members)) = (why, refused.as_object_mut()) {
        members.insert("limit".to_owned(), limit.into());
    }
    let refused = refused.to_string();
    let forms: [fn(&str) -> Form; 3] = [without_readings, without_frame, bare];
    forms.into_iter().map(|form| write(&members, form, &refused)).collect()
}

/// What becomes of a member.
enum Form {
    Kept,
    Gone,
    Instead(&'static str),
}

fn without_readings(key: &str) -> Form {
    match key {
        "readings" | "alarms" => Form::Instead("[]"),
        "opened" | "data" => Form::Gone,
        _ => Form::Kept,
    }
}

fn without_frame(key: &str) -> Form {
    if key == "frame" { Form::Instead("\"\"") } else { without_readings(key) }
}

fn bare(key: &str) -> Form {
    match key {
        "schema" | "id" | "protocol" | "gateway" | "received_at" | "security" => Form::Kept,
        "meter" | "profile" | "source" | "error" => Form::Instead("null"),
        "readings" | "alarms" | "frame" => without_frame(key),
        _ => Form::Gone,
    }
}

fn write(members: &[(&str, &RawValue)], form: fn(&str) -> Form, refused: &str) -> Bytes {
    let mut report = String::from("{");
    for (key, value) in members {
        let value = match form(key) {
            Form::Kept => value.get(),
            Form::Gone => continue,
            Form::Instead(value) => value,
        };
        for part in ["\"", key, "\":", value, ","] {
            report.push_str(part);
        }
    }
    for part in ["\"refused\":", refused, "}"] {
        report.push_str(part);
    }
    report.into()
}

/// The members of an object, in their order and as they are written.
struct Members<'a>(Vec<(&'a str, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a report")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Fleet;
    use crate::sources::now;
    use crate::worker::Worker;
    use crate::{capture::Capture, event, queue::Losses, run::Decode as _};
    use esh_core::{CivilTime, Protocol};

    fn record() -> Record {
        let mut fleet = Fleet::new(1, 1);
        let mut worker = Worker::new("g", None, fleet.keys());
        let octets = fleet.send(CivilTime::date(2026, 1, 1).unwrap()).unwrap().octets.into();
        let (protocol, received_at) = (Protocol::Wmbus, now());
        let capture = Capture {
            octets,
            protocol,
            framing: None,
            received_at,
            source: "air".into(),
            rssi: Some(-70),
            radio: None,
        };
        worker.decode(&capture, 1)
    }

    #[test]
    fn each_form_is_a_report_that_the_schema_knows_and_smaller_than_the_one_before() {
        let schema = serde_json::from_str(include_str!("../../schema/esh.report.v1.json")).unwrap();
        let schema = jsonschema::validator_for(&schema).unwrap();
        let record = record();
        let whole: serde_json::Value = serde_json::from_slice(&record.report).unwrap();
        assert!(!whole["readings"].as_array().unwrap().is_empty());
        for why in [
            Why::TooLarge { limit: Some(500) },
            Why::TooLarge { limit: None },
            #[cfg(feature = "kafka")]
            Why::InvalidRecord,
            Why::TopicNameInvalid,
            Why::PayloadFormatInvalid,
            Why::UnspecifiedError,
            Why::ImplementationSpecificError,
        ] {
            let mut before = usize::MAX;
            let forms = reports(&record, why);
            assert_eq!(forms.len(), 3);
            for (n, form) in forms.iter().enumerate() {
                let report: serde_json::Value = serde_json::from_slice(form).unwrap();
                assert!(schema.is_valid(&report), "{report}");
                assert!(form.len() < before);
                before = form.len();
                assert_eq!(report["id"], whole["id"]);
                assert_eq!(report["refused"]["reason"], why.word());
                assert_eq!(report["refused"]["octets"], record.report.len());
                let kept = n == 0;
                assert_eq!(report["frame"] == whole["frame"], kept, "the frame can be decoded elsewhere: {report}");
                assert_eq!(report["meter"] == whole["meter"], n < 2);
            }
        }
        let mut wrong: serde_json::Value = serde_json::from_slice(&reports(&record, Why::TopicNameInvalid)[0]).unwrap();
        wrong["refused"]["reason"] = "bad luck".into();
        assert!(!schema.is_valid(&wrong), "the reasons are a closed list");
    }

    #[test]
    fn an_event_or_rubbish_is_no_report() {
        let losses = Losses { refused: 3, ..Losses::default() };
        let event = event::of_losses("g", &losses, crate::sources::now()).remove(0);
        assert!(reports(&event, Why::TopicNameInvalid).is_empty());
        let rubbish = Record { report: "{\"schema\":".into(), ..event };
        assert!(reports(&rubbish, Why::TopicNameInvalid).is_empty());
    }
}
