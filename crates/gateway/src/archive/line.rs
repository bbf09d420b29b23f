//! A line of the archive: a capture as JSON.

use crate::capture::{Capture, Framing, Stamp};
use crate::record::Record;
use crate::sources::lines::{LineError, from_json, octets};
use esh_core::Protocol;
use esh_core::json::Json;
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::Arc;

/// What a line is written from: the parts of a report that are as they came.
#[derive(Debug, Deserialize)]
pub struct ArchiveLine<'a> {
    /// The octets as received, in hexadecimal.
    #[serde(borrow)]
    frame: Cow<'a, str>,
    #[serde(borrow, default)]
    clock: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    source: Option<Heard<'a>>,
}

#[derive(Debug, Deserialize)]
struct Heard<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(default)]
    rssi: Option<i16>,
    #[serde(borrow, default)]
    format: Option<Cow<'a, str>>,
}

/// Why a line cannot be fed.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveLineError {
    /// It is no line at all, or lacks the octets.
    #[error(transparent)]
    Line(#[from] LineError),
    /// It does not say a protocol that this release knows.
    #[error("\"protocol\" is none that this release knows")]
    Protocol,
    /// It does not say when the frame came.
    #[error("\"received_at\" is missing: the report would get another id")]
    Time,
}

/// What a line says.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow, default)]
    hex: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    protocol: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    received_at: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    clock: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    source: Option<Cow<'a, str>>,
    #[serde(default)]
    rssi: Option<i16>,
    #[serde(borrow, default)]
    format: Option<Cow<'a, str>>,
}

impl<'a> ArchiveLine<'a> {
    /// What a record holds of its capture; `None` for an event, which has none.
    #[must_use]
    pub fn of(record: &'a Record) -> Option<Self> {
        record.protocol?;
        serde_json::from_slice(&record.report).ok()
    }

    /// Appends the line, with its end.
    pub fn write(&self, record: &Record, into: &mut Vec<u8>) {
        let mut json = Json::new(into);
        json.open(b'{');
        json.key("id").hex(&record.id.0.to_be_bytes());
        if let Some(protocol) = record.protocol {
            json.key("protocol").word(protocol.word());
        }
        if let Some(at) = record.received_at {
            // To the nanosecond: the id of a report may depend on it.
            json.key("received_at").display(&at);
        }
        if let Some(clock) = &self.clock {
            json.key("clock").text(clock);
        }
        if let Some(source) = &self.source {
            if let Some(name) = &source.name {
                json.key("source").text(name);
            }
            if let Some(rssi) = source.rssi {
                json.key("rssi").signed(rssi.into());
            }
            if let Some(format) = &source.format {
                json.key("format").text(format);
            }
        }
        json.key("hex").text(&self.frame);
        json.close(b'}');
        into.push(b'\n');
    }
}

impl ArchiveLine<'_> {
    /// Reads a line: the capture it was written from.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(text: &[u8]) -> Result<Capture, ArchiveLineError> {
        let text = std::str::from_utf8(text).map_err(|error| LineError::NotText(error.valid_up_to() + 1))?;
        let said: Said<'_> = from_json(text)?;
        let protocol = said.protocol.as_deref().and_then(Protocol::from_word).ok_or(ArchiveLineError::Protocol)?;
        let at = said.received_at.ok_or(ArchiveLineError::Time)?.parse().map_err(|_| LineError::Time)?;
        let framing = said.format.map(|word| Framing::from_word(&word).ok_or(LineError::Format)).transpose()?;
        let octets = match said.hex.ok_or(LineError::NoHex)? {
            // Nothing is a payload too.
            hex if hex.is_empty() => Vec::new(),
            hex => octets(hex.as_bytes())?,
        };
        Ok(Capture {
            octets: octets.into(),
            protocol,
            framing,
            received_at: Stamp { at: Some(at), synchronised: said.clock.as_deref() != Some("unsynchronised") },
            source: Arc::from(said.source.as_deref().unwrap_or("archive")),
            rssi: said.rssi,
            radio: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyStore;
    use crate::run::Decode;
    use crate::worker::Worker;
    use proptest::prelude::*;

    fn framings() -> impl Strategy<Value = Option<Framing>> {
        proptest::option::of(prop_oneof![
            Just(Framing::A),
            Just(Framing::None),
            Just(Framing::Manchester),
            (0..9_u16).prop_map(Framing::Records),
        ])
    }

    proptest! {
        #[test]
        fn a_capture_comes_back_as_it_was(
            octets in proptest::collection::vec(any::<u8>(), 1..60),
            nanoseconds in 0..4_102_444_800_000_000_000_i128,
            synchronised in any::<bool>(),
            rssi in any::<Option<i16>>(),
            framing in framings(),
            wired in any::<bool>(),
            source in "[ -~é\"\\\\]{1,12}",
        ) {
            let capture = Capture {
                octets: octets.into(),
                protocol: if wired { Protocol::Mbus } else { Protocol::Wmbus },
                framing,
                received_at: Stamp { at: jiff::Timestamp::from_nanosecond(nanoseconds).ok(), synchronised },
                source: source.as_str().into(),
                rssi,
                radio: None,
            };
            let mut worker = Worker::new("g", None, KeyStore::default());
            let record = worker.decode(&capture, 1);
            let mut line = Vec::new();
            ArchiveLine::of(&record).unwrap().write(&record, &mut line);
            prop_assert_eq!(line.last(), Some(&b'\n'));
            let back = ArchiveLine::read(&line).unwrap();
            prop_assert_eq!(format!("{back:?}"), format!("{capture:?}"));
            let mut again = Worker::new("g", None, KeyStore::default());
            let again = again.decode(&back, 1);
            prop_assert_eq!((again.id, again.report), (record.id, record.report));
        }
    }

    #[test]
    fn what_is_no_line_is_refused_with_its_reason() {
        for (line, reason) in [
            ("", "not a JSON line: it ends too early at column 0"),
            ("2a44", "not a JSON line: a value of the wrong kind at column 1"),
            (r#"{"hex":"2a44","received_at":"2026-11-22T05:00:00Z"}"#, "\"protocol\" is none that this release knows"),
            (r#"{"hex":"2a44","protocol":"telex"}"#, "\"protocol\" is none that this release knows"),
            (r#"{"hex":"2a44","protocol":"wmbus"}"#, "\"received_at\" is missing: the report would get another id"),
            (r#"{"protocol":"wmbus","received_at":"2026-11-22T05:00:00Z"}"#, "the JSON line has no \"hex\""),
        ] {
            assert_eq!(ArchiveLine::read(line.as_bytes()).unwrap_err().to_string(), reason, "{line}");
        }
    }
}
