//! One line: bare hexadecimal, the text of `rtl_wmbus`, or a JSON object.

use crate::capture::Framing;
use crate::protocols;
use esh_core::{DecodeError, Key, Layer, Protocol, Purpose, Reason};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A line that has been read.
#[derive(Debug)]
pub struct Line<'a> {
    /// The octets of the frame.
    pub octets: Vec<u8>,
    /// What the line calls itself, as JSON.
    pub id: Option<&'a RawValue>,
    /// The keys it brings along; `None` when it says nothing of keys. Used by `decode`; `run` takes its keys from
    /// `keys.toml` alone.
    pub keys: Option<Vec<(Purpose, Key)>>,
    /// How the frame is laid out.
    pub framing: Option<Framing>,
    /// When the frame came.
    pub received_at: Option<jiff::Timestamp>,
    /// Whether the clock that says so was set: unless the line says `unsynchronised`.
    pub synchronised: bool,
    /// Signal strength in dBm.
    pub rssi: Option<i16>,
    /// The profile that it names. Used by `decode`; `run` takes profiles from its configuration alone.
    pub profile: Option<Cow<'a, str>>,
}

impl Default for Line<'_> {
    fn default() -> Self {
        Self {
            octets: Vec::new(),
            id: None,
            keys: None,
            framing: None,
            received_at: None,
            synchronised: true,
            rssi: None,
            profile: None,
        }
    }
}

/// What a protocol reads from the members of a JSON line that only its lines have.
#[derive(Debug, Default)]
pub struct Members {
    /// The octets of the frame, where they stand in another member than `hex`.
    pub octets: Option<Vec<u8>>,
    /// Keys.
    pub keys: Vec<(Purpose, Key)>,
    /// How the frame is laid out, and what its carrier must be told.
    pub framing: Option<Framing>,
}

/// Why a line is refused. It never quotes the line, which may hold a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Nothing stands in it.
    #[error("empty line")]
    Empty,
    /// It is longer than the configuration allows.
    #[error("line too long: more than {0} octets")]
    TooLong(usize),
    /// It is not text.
    #[error("not text: octet {0} is no UTF-8")]
    NotText(usize),
    /// A character that is no hexadecimal digit.
    #[error("not hexadecimal at character {0}")]
    NotHex(usize),
    /// Half an octet at the end.
    #[error("odd number of hexadecimal digits: {0}")]
    OddHex(usize),
    /// An object that cannot be read.
    #[error("not a JSON line: {0} at column {1}")]
    Json(&'static str, usize),
    /// No octets in the object.
    #[error("the JSON line has no \"hex\"")]
    NoHex,
    /// Not the eight fields of `rtl_wmbus`.
    #[error("not a line of rtl_wmbus: {0} fields where 8 are expected")]
    Fields(usize),
    /// The receiver has found the checksum or the line code wrong and has taken out what one could check.
    #[error("the receiver says that the checksum or the line code is wrong")]
    ReceiverSaysWrong,
    /// A key that is none; this member should have been one.
    #[error("\"{0}\" is not 8 to 64 octets in hexadecimal")]
    Key(&'static str),
    /// A member of the protocol's own that is wrong, and what it should be.
    #[error("\"{0}\" is not {1}")]
    Member(&'static str, &'static str),
    /// A word that is no framing.
    #[error("\"format\" is none of A, B, none, 3of6, manchester, wired, records, records+N")]
    Format,
    /// A time that is none.
    #[error("\"received_at\" is not a time such as 2026-11-22T05:00:00Z")]
    Time,
}

impl LineError {
    /// The same, as an answer of a decoder: a report tells it like any other error.
    #[must_use]
    pub const fn as_decode_error(&self) -> DecodeError {
        let (field, offset, reason) = match *self {
            Self::Empty => ("line", 0, Reason::Truncated { needed: 1, left: 0 }),
            Self::TooLong(limit) => ("line", limit, Reason::TooLong { limit, found: limit + 1 }),
            Self::NotText(at) => ("line", at - 1, Reason::Malformed),
            Self::NotHex(at) => ("hexadecimal digit", at - 1, Reason::Malformed),
            Self::OddHex(digits) => ("hexadecimal digit", digits, Reason::Truncated { needed: 1, left: 0 }),
            Self::Json(_, column) => ("JSON line", column.saturating_sub(1), Reason::Malformed),
            Self::NoHex => ("hex", 0, Reason::Malformed),
            Self::Fields(_) | Self::ReceiverSaysWrong => ("line of rtl_wmbus", 0, Reason::Malformed),
            Self::Key(member) | Self::Member(member, _) => (member, 0, Reason::Malformed),
            Self::Format => ("format", 0, Reason::Malformed),
            Self::Time => ("received_at", 0, Reason::Malformed),
        };
        DecodeError { layer: Layer::Line, field, offset, reason }
    }
}

impl<'a> Line<'a> {
    /// Reads a line of a protocol, without its line end.
    ///
    /// # Errors
    /// When it is none of the three forms; says why and where.
    pub fn parse(protocol: Protocol, line: &'a [u8]) -> Result<Self, LineError> {
        let line = line.trim_ascii();
        match line.first() {
            None => Err(LineError::Empty),
            Some(b'{') => Self::json(protocol, line),
            Some(_) if line.contains(&b';') => Self::rtl_wmbus(line),
            Some(_) => Ok(Self { octets: octets(line)?, ..Self::default() }),
        }
    }

    fn json(protocol: Protocol, line: &'a [u8]) -> Result<Self, LineError> {
        /// The names that mean something; others are the sender's own.
        #[derive(Deserialize)]
        struct Object<'a> {
            #[serde(borrow, default)]
            id: Option<&'a RawValue>,
            #[serde(borrow, default)]
            hex: Option<Cow<'a, str>>,
            #[serde(default, deserialize_with = "said")]
            key: Option<Option<String>>,
            #[serde(borrow, default)]
            format: Option<Cow<'a, str>>,
            #[serde(borrow, default)]
            received_at: Option<Cow<'a, str>>,
            #[serde(borrow, default)]
            clock: Option<Cow<'a, str>>,
            #[serde(default)]
            rssi: Option<i16>,
            #[serde(borrow, default)]
            profile: Option<Cow<'a, str>>,
        }
        let text = std::str::from_utf8(line).map_err(|error| LineError::NotText(error.valid_up_to() + 1))?;
        let object: Object<'a> = from_json(text)?;
        let members = protocols::members(protocol, text)?;
        let mut keys = match object.key {
            None if members.keys.is_empty() => None,
            None | Some(None) => Some(Vec::new()),
            Some(Some(text)) => Some(vec![(Purpose::Data, Key::from_hex(&text).map_err(|_| LineError::Key("key"))?)]),
        };
        if let Some(keys) = &mut keys {
            keys.extend(members.keys);
        }
        let framing = match object.format {
            Some(word) if matches!(protocol, Protocol::Wmbus | Protocol::Mbus) => {
                Some(Framing::from_word(&word).ok_or(LineError::Format)?)
            }
            _ => None,
        };
        let received_at = match object.received_at {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| LineError::Time)?),
        };
        Ok(Self {
            octets: match (members.octets, object.hex) {
                (Some(octets), _) => octets,
                (None, Some(hex)) => octets(hex.as_bytes())?,
                (None, None) => return Err(LineError::NoHex),
            },
            id: object.id,
            keys,
            framing: members.framing.or(framing),
            received_at,
            synchronised: object.clock.as_deref() != Some("unsynchronised"),
            rssi: object.rssi,
            profile: object.profile,
        })
    }

    /// `mode;CRC right;line code right;time;packet RSSI;RSSI now;number;0x…`, as its README lists the fields. The
    /// datagram comes without CRCs. Its RSSI is no dBm but a magnitude of its own, and its time has no zone: neither is
    /// taken. A word for the receiver's method may stand before the mode.
    fn rtl_wmbus(line: &[u8]) -> Result<Self, LineError> {
        let fields: Vec<&[u8]> = line.split(|octet| *octet == b';').map(<[u8]>::trim_ascii).collect();
        let fields = match fields.as_slice() {
            [_method, eight @ ..] if eight.len() == 8 => eight,
            fields => fields,
        };
        let &[_mode, checksum, line_code, _time, _packet, _now, _number, datagram] = fields else {
            return Err(LineError::Fields(fields.len()));
        };
        if checksum != b"1" || line_code != b"1" {
            return Err(LineError::ReceiverSaysWrong);
        }
        Ok(Self { octets: octets(datagram)?, framing: Some(Framing::None), ..Self::default() })
    }
}

/// Reads the members that mean something from a JSON line.
///
/// # Errors
/// When it is none, or one of them is of another kind.
pub fn from_json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, LineError> {
    serde_json::from_str(text).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Eof => "it ends too early",
            serde_json::error::Category::Data => "a value of the wrong kind",
            _ => "wrong syntax",
        };
        LineError::Json(what, error.column())
    })
}

/// Tells `null` from nothing.
fn said<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Octets in hexadecimal, with an optional `0x` and with blanks, `:`, `-` or `_` between them.
///
/// # Errors
/// Where it is something else, or nothing.
pub fn octets(text: &[u8]) -> Result<Vec<u8>, LineError> {
    let digits = text.strip_prefix(b"0x").or_else(|| text.strip_prefix(b"0X")).unwrap_or(text);
    let mut octets = Vec::with_capacity(digits.len() / 2);
    // Most lines are digits and nothing else.
    for &[high, low] in digits.as_chunks::<2>().0 {
        match (digit(high), digit(low)) {
            (Some(high), Some(low)) => octets.push(high << 4 | low),
            _ => break,
        }
    }
    let read = octets.len() * 2;
    let before = text.len() - digits.len() + read;
    let mut high = None;
    for (at, &character) in digits.get(read..).unwrap_or_default().iter().enumerate() {
        match (digit(character), high) {
            (Some(digit), None) => high = Some(digit),
            (Some(digit), Some(first)) => {
                octets.push(first << 4 | digit);
                high = None;
            }
            (None, None) if matches!(character, b' ' | b'\t' | b':' | b'-' | b'_') => {}
            _ => return Err(LineError::NotHex(before + at + 1)),
        }
    }
    if high.is_some() {
        return Err(LineError::OddHex(octets.len() * 2 + 1));
    }
    if octets.is_empty() { Err(LineError::Empty) } else { Ok(octets) }
}

#[inline]
const fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        b'A'..=b'F' => Some(character - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &[u8]) -> Result<Line<'_>, LineError> {
        Line::parse(Protocol::Wmbus, line)
    }

    #[test]
    fn hexadecimal_is_read() {
        for text in ["2a440102", "0x2A440102", "2a 44 01 02", " 2A-44-01-02\r", "2a:44:01:02"] {
            assert_eq!(parse(text.as_bytes()).unwrap().octets, [0x2a, 0x44, 1, 2], "{text}");
        }
    }

    #[test]
    fn the_text_of_rtl_wmbus_is_read() {
        for text in [
            "T1;1;1;2019-04-03 19:00:42.000;97;148;88888888;0x2a440102",
            "C1;1;1;2019-04-03 19:00:42.000;97;148;88888888;0x2a440102\r",
            "rla;C1;1;1;2019-04-03 19:00:42.000;97;148;88888888;0x2a440102",
        ] {
            let line = parse(text.as_bytes()).unwrap();
            assert_eq!(line.octets, [0x2a, 0x44, 1, 2]);
            assert_eq!((line.framing, line.rssi), (Some(Framing::None), None));
        }
    }

    #[test]
    fn a_json_line_is_read() {
        let text = r#"{"id":7,"hex":"2a44","key":null,"format":"A","received_at":"2026-11-22T05:00:00Z","rssi":-71,"more":[1]}"#;
        let line = parse(text.as_bytes()).unwrap();
        assert_eq!((line.octets.as_slice(), line.id.map(RawValue::get)), (&[0x2a, 0x44][..], Some("7")));
        assert_eq!((line.framing, line.rssi), (Some(Framing::A), Some(-71)));
        assert_eq!(line.received_at.map(|at| at.to_string()).as_deref(), Some("2026-11-22T05:00:00Z"));
        assert!(line.keys.is_some_and(|keys| keys.is_empty()));
        assert!(parse(br#"{"hex":"2a44"}"#).unwrap().keys.is_none());
        let keys = parse(br#"{"hex":"2a44","key":"000102030405060708090a0b0c0d0e0f"}"#).unwrap().keys;
        assert_eq!(format!("{keys:?}"), "Some([(Data, Key(16 octets))])");
    }

    #[test]
    fn a_wrong_line_is_refused_with_its_reason_and_not_quoted() {
        for (text, reason) in [
            ("", "empty line"),
            ("  \r", "empty line"),
            ("0x", "empty line"),
            ("2a4", "odd number of hexadecimal digits: 3"),
            ("2a4g", "not hexadecimal at character 4"),
            ("0x2a4g", "not hexadecimal at character 6"),
            ("2 a", "not hexadecimal at character 2"),
            ("GET / HTTP/1.1", "not hexadecimal at character 1"),
            ("T1;1;1;x;1;1", "not a line of rtl_wmbus: 6 fields where 8 are expected"),
            ("T1;0;1;x;1;1;1;0x2a", "the receiver says that the checksum or the line code is wrong"),
            ("{", "not a JSON line: it ends too early at column 1"),
            ("{\"hex\":7}", "not a JSON line: a value of the wrong kind at column 8"),
            ("{}", "the JSON line has no \"hex\""),
            ("{\"hex\":\"2a\",\"key\":\"00\"}", "\"key\" is not 8 to 64 octets in hexadecimal"),
            ("{\"hex\":\"2a\",\"received_at\":\"noon\"}", "\"received_at\" is not a time such as 2026-11-22T05:00:00Z"),
            (
                "{\"hex\":\"2a\",\"format\":\"Z\"}",
                "\"format\" is none of A, B, none, 3of6, manchester, wired, records, records+N",
            ),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err().to_string(), reason, "{text}");
        }
        assert!(matches!(parse(b"{\"hex\":\"\xff\"}"), Err(LineError::NotText(9))));
    }
}
