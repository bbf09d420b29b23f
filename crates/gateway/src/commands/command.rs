//! Commands: what shall be done, to which meter, and until when.

use esh_core::Protocol;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// The name its sender gives it: the same id is carried out once.
    pub id: Box<str>,
    /// The protocol of the meter.
    #[serde(with = "word")]
    pub protocol: Protocol,
    /// The address of the meter, as it stands in reports; some sources know shorter ones.
    pub meter: Box<str>,
    /// What shall be done.
    #[serde(flatten)]
    pub does: Does,
    /// When it is too old.
    pub expires_at: Timestamp,
}

/// What shall be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Does {
    /// Octets as they are.
    Raw {
        /// The octets.
        raw: Raw,
    },
    /// Something that the source, or the profile of the meter, knows by its name.
    Named {
        /// The name, such as `set_period`.
        name: Box<str>,
        /// What belongs to it.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        args: Map<String, Value>,
    },
}

/// Octets for a meter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    /// The port, where the protocol has ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u8>,
    /// The octets in hexadecimal digits.
    pub hex: Box<str>,
    /// Whether the meter shall acknowledge them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmed: bool,
}

impl Raw {
    /// The octets.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        // It was checked when the command was read.
        octets(&self.hex).unwrap_or_default()
    }
}

/// What is no command, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// It is no JSON of a command.
    #[error("no command: {0}")]
    Json(String),
    /// The topic or the folder names no protocol.
    #[error("no protocol is called `{0}`")]
    Protocol(String),
    /// Its id is none.
    #[error("an `id` has 1 to 128 characters, none of them a control character")]
    Id,
    /// Its meter is none.
    #[error("a meter's address has 1 to 128 characters, none of them a control character")]
    Meter,
    /// It says both or neither of what it may do.
    #[error("a command has either a `name` (with `args`) or `raw`")]
    Does,
    /// Its octets are none.
    #[error("`raw.hex` is not an even number of hexadecimal digits, at most 512")]
    Hex,
    /// It is larger than any command.
    #[error("a command has at most {LARGEST} octets")]
    TooLarge,
}

/// The most octets of a command as it is sent.
pub(super) const LARGEST: usize = 16 << 10;

/// A command as it is sent: its meter may stand in the topic.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    id: Box<str>,
    protocol: Option<Box<str>>,
    meter: Option<Box<str>>,
    name: Option<Box<str>>,
    args: Option<Map<String, Value>>,
    raw: Option<Raw>,
    expires_at: Option<Timestamp>,
}

impl Command {
    /// Reads a command for a meter that its topic names, or its text where there is no topic. Without a time of its own it
    /// is too old at `or_else`.
    ///
    /// # Errors
    /// When it is none; with what is wrong.
    pub fn parse(topic: Option<(&str, &str)>, json: &[u8], or_else: Timestamp) -> Result<Self, CommandError> {
        if json.len() > LARGEST {
            return Err(CommandError::TooLarge);
        }
        let sent: Sent = serde_json::from_slice(json).map_err(|error| CommandError::Json(error.to_string()))?;
        let (protocol, meter) = match (topic, sent.protocol, sent.meter) {
            (Some((protocol, meter)), None, None) => (protocol.into(), meter.into()),
            (None, Some(protocol), Some(meter)) => (protocol, meter),
            (Some(_), ..) => return Err(CommandError::Json("its topic says which meter it is for".to_owned())),
            (None, ..) => return Err(CommandError::Json("`protocol` or `meter` is missing".to_owned())),
        };
        let protocol = Protocol::from_word(&protocol).ok_or_else(|| CommandError::Protocol(protocol.to_string()))?;
        if !is_plain(&sent.id) {
            return Err(CommandError::Id);
        }
        if !is_plain(&meter) {
            return Err(CommandError::Meter);
        }
        let does = match (sent.name, sent.raw) {
            (Some(name), None) => Does::Named { name, args: sent.args.unwrap_or_default() },
            (None, Some(raw)) if sent.args.is_none() => {
                if octets(&raw.hex).is_none() {
                    return Err(CommandError::Hex);
                }
                Does::Raw { raw }
            }
            _ => return Err(CommandError::Does),
        };
        Ok(Self { id: sent.id, protocol, meter, does, expires_at: sent.expires_at.unwrap_or(or_else) })
    }

    /// The id of what could not be read as a command, so that its sender can be told.
    #[must_use]
    pub fn id_of(json: &[u8]) -> Option<Box<str>> {
        #[derive(Deserialize)]
        struct WithId {
            id: Box<str>,
        }
        let json = json.get(..json.len().min(LARGEST))?;
        let WithId { id } = serde_json::from_slice(json).ok()?;
        is_plain(&id).then_some(id)
    }
}

fn is_plain(text: &str) -> bool {
    (1..=128).contains(&text.chars().count()) && !text.contains(char::is_control)
}

fn octets(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) || hex.len() > 512 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}

mod word {
    use esh_core::Protocol;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(protocol: &Protocol, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(protocol.word())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Protocol, D::Error> {
        let word = String::deserialize(deserializer)?;
        Protocol::from_word(&word).ok_or_else(|| de::Error::custom(format_args!("no protocol is called `{word}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Command, String> {
        let later = "2026-12-01T00:00:00Z".parse().unwrap();
        Command::parse(Some(("lorawan", "lorawan:0102030405060708")), json.as_bytes(), later)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_command_is_read_and_kept_as_it_is() {
        for json in [
            r#"{"id":"a","raw":{"port":2,"hex":"00ff"}}"#,
            r#"{"id":"a","raw":{"hex":"","confirmed":true},"expires_at":"2026-11-24T00:00:00Z"}"#,
            r#"{"id":"ä 1","name":"set_period","args":{"seconds":900}}"#,
            r#"{"id":"a","name":"read"}"#,
        ] {
            let command = parse(json).unwrap();
            let kept = serde_json::to_string(&command).unwrap();
            assert_eq!(serde_json::from_str::<Command>(&kept).unwrap(), command, "{kept}");
        }
        let Does::Raw { raw } = parse(r#"{"id":"a","raw":{"port":2,"hex":"00fF"}}"#).unwrap().does else { panic!() };
        assert_eq!((raw.port, raw.octets()), (Some(2), vec![0x00, 0xff]));
        let own = r#"{"id":"a","protocol":"modbus","meter":"modbus:1","name":"read"}"#;
        let own = Command::parse(None, own.as_bytes(), Timestamp::MAX).unwrap();
        assert_eq!((own.protocol, &*own.meter), (Protocol::Modbus, "modbus:1"));
    }

    #[test]
    fn what_is_no_command_is_answered_with_a_reason() {
        for (json, reason) in [
            ("{}", "missing field `id`"),
            (r#"{"id":"","name":"read"}"#, "an `id` has"),
            (r#"{"id":"a\n","name":"read"}"#, "an `id` has"),
            (r#"{"id":"a"}"#, "either a `name`"),
            (r#"{"id":"a","name":"b","raw":{"hex":""}}"#, "either a `name`"),
            (r#"{"id":"a","raw":{"hex":"0"}}"#, "`raw.hex`"),
            (r#"{"id":"a","raw":{"hex":"+1"}}"#, "`raw.hex`"),
            (r#"{"id":"a","raw":{"hex":"éa"}}"#, "`raw.hex`"),
            (r#"{"id":"a","meter":"b","name":"c"}"#, "its topic says"),
            (r#"{"id":"a","name":"c","expires_at":"tomorrow"}"#, "no command"),
            (r#"{"id":"a","name":"c","more":1}"#, "unknown field `more`"),
        ] {
            match parse(json) {
                Err(error) => assert!(error.contains(reason), "{json}: {error}"),
                Ok(command) => panic!("{json}: {command:?}"),
            }
        }
        assert_eq!(Command::id_of(br#"{"id":"a","more":1}"#).as_deref(), Some("a"));
        assert_eq!(Command::id_of(b"{"), None);
        let large = format!(r#"{{"id":"a","name":"{}"}}"#, "x".repeat(LARGEST));
        assert!(parse(&large).unwrap_err().contains("at most"));
    }
}
