//! One line of `decode --lines`: bare hexadecimal, or a JSON object that says more.

use super::batch::LINE_LIMIT;
use crate::capture::{Framing, Stamp};
use crate::decode::{Frame, not_octets};
use crate::encode::Source;
use esh_core::{DecodeError, Key, Protocol, Reason};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A line, read; its octets stand in the scratch buffer it was read with.
#[derive(Debug)]
pub(super) struct Line<'t> {
    /// The key it names; `Some(None)` when it says that there is none.
    pub(super) key: Option<Option<Key>>,
    /// Why it is no frame at all.
    pub(super) error: Option<DecodeError>,
    id: Option<&'t RawValue>,
    framing: Option<Framing>,
    received_at: Option<jiff::Timestamp>,
    rssi: Option<i16>,
}

/// The members of a JSON line that matter here; others are welcome.
#[derive(Deserialize)]
struct Members<'t> {
    #[serde(borrow)]
    id: Option<&'t RawValue>,
    #[serde(borrow)]
    hex: Option<Cow<'t, str>>,
    #[serde(default, borrow, deserialize_with = "present")]
    key: Option<Option<Cow<'t, str>>>,
    #[serde(borrow)]
    format: Option<Cow<'t, str>>,
    #[serde(borrow)]
    received_at: Option<Cow<'t, str>>,
    rssi: Option<i16>,
}

/// Tells a member that is `null` from one that is not there.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl<'t> Line<'t> {
    /// Reads a line; its octets go into `octets`.
    pub(super) fn read(text: &'t [u8], octets: &mut Vec<u8>) -> Self {
        octets.clear();
        let mut line = Self { key: None, error: None, id: None, framing: None, received_at: None, rssi: None };
        if text.len() > LINE_LIMIT {
            line.error = Some(not_octets("line", 0, Reason::TooLong { limit: LINE_LIMIT, found: text.len() }));
            return line;
        }
        line.error = if text.first() == Some(&b'{') { line.read_json(text, octets) } else { hex(text, octets) }.err();
        line
    }

    /// Whether the line names itself.
    pub(super) const fn has_id(&self) -> bool {
        self.id.is_some()
    }

    /// The frame that the line holds.
    pub(super) fn frame<'f>(&self, protocol: Protocol, octets: &'f [u8]) -> Frame<'f>
    where
        't: 'f,
    {
        Frame {
            octets,
            protocol,
            framing: self.framing,
            received_at: Stamp { at: self.received_at, synchronised: true },
            source: self.rssi.map(|rssi| Source { name: None, rssi: Some(rssi), copies: 1 }),
            input: self.id.map(|id| id.get().as_bytes()),
        }
    }

    fn read_json(&mut self, text: &'t [u8], octets: &mut Vec<u8>) -> Result<(), DecodeError> {
        let members: Members<'t> = serde_json::from_slice(text)
            .map_err(|error| not_octets("JSON line", error.column().saturating_sub(1), Reason::Malformed))?;
        self.id = members.id;
        self.rssi = members.rssi;
        if let Some(format) = members.format {
            self.framing = Some(Framing::from_word(&format).ok_or_else(|| not_octets("format", 0, Reason::Malformed))?);
        }
        if let Some(at) = members.received_at {
            self.received_at = Some(at.parse().map_err(|_| not_octets("received_at", 0, Reason::Malformed))?);
        }
        if let Some(key) = members.key {
            self.key = Some(match key.as_deref() {
                None | Some("") => None,
                Some(key) => Some(Key::from_hex(key).map_err(|_| not_octets("key", 0, Reason::Malformed))?),
            });
        }
        hex(members.hex.as_deref().unwrap_or_default().as_bytes(), octets)
    }
}

/// Reads hexadecimal text; the error names the character.
pub(super) fn hex(text: &[u8], octets: &mut Vec<u8>) -> Result<(), DecodeError> {
    let text = text.strip_prefix(b"0x").unwrap_or(text);
    octets.reserve(text.len() / 2);
    let (pairs, odd) = text.as_chunks::<2>();
    for (at, [high, low]) in pairs.iter().enumerate() {
        match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => octets.push(high << 4 | low),
            (high, _) => {
                let at = at * 2 + usize::from(high.is_some());
                return Err(not_octets("hexadecimal digit", at, Reason::Malformed));
            }
        }
    }
    if odd.is_empty() {
        Ok(())
    } else {
        Err(not_octets("hexadecimal digit", text.len(), Reason::Truncated { needed: 1, left: 0 }))
    }
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
