//! Zigbee2MQTT: what it publishes of a device, as one JSON object with what it says of the device elsewhere.
//!
//! A message alone says neither whose it is beyond a name that people change, nor in which unit its numbers are. So the
//! source puts beside the `payload` and its `topic` what `bridge/devices` says: `friendly_name`, `ieee_address`,
//! `vendor`, `model`, and of `exposes` the entries of the properties that the payload has. That object is the frame.

mod properties;
mod property;
mod units;

pub(super) use properties::read;

use super::object::Object;
use crate::capture::Framing;
use crate::sources::lines::{LineError, Members, from_json};
use esh_core::note::{Notes, at};
use esh_core::{
    Content, DecodeError, Id, Known, Layer, Learned, Meter, Opened, Out, Protocol, Purpose, Reason, Refused, Security,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

const TEXT: Layer = Layer::Application;

/// The last level of the topic that says whether a device can be reached.
pub(crate) const AVAILABILITY: &str = "/availability";

/// What a message says that is no property.
struct Message<'a> {
    object: Object<'a>,
    topic: Cow<'a, str>,
    payload: &'a RawValue,
    /// None where the payload is no object.
    properties: Option<Object<'a>>,
}

impl<'a> Message<'a> {
    fn parse(frame: &'a [u8]) -> Result<Self, DecodeError> {
        let object = Object::parse(frame, 0)?;
        let missing = |field| DecodeError { layer: TEXT, field, offset: 0, reason: Reason::Malformed };
        let topic = object.text(&["topic"]).ok_or_else(|| missing("topic"))?;
        let payload = object.get(&["payload"]).ok_or_else(|| missing("payload"))?;
        let properties = payload.try_into().ok();
        Ok(Self { object, topic, payload, properties })
    }

    /// `None` where it says nothing on that.
    fn reachable(&self) -> Option<bool> {
        self.topic.strip_suffix(AVAILABILITY)?;
        let state = match &self.properties {
            Some(object) => object.text(&["state"]),
            // Older releases write the bare word.
            None => super::object::text(self.payload),
        };
        match state.as_deref() {
            Some("online") => Some(true),
            Some("offline") => Some(false),
            _ => None,
        }
    }

    fn friendly_name(&self) -> Cow<'a, str> {
        if let Some(name) = self.object.text(&["friendly_name"]) {
            return name;
        }
        let name = self.topic.strip_suffix(AVAILABILITY).unwrap_or(&self.topic);
        // Without a word of the source the base topic is one level.
        Cow::Owned(name.split_once('/').map_or(name, |(_, name)| name).to_owned())
    }

    /// Its address is its own, and stays; people give it names.
    fn meter(&self) -> Option<Meter> {
        let device = self.properties.as_ref().and_then(|properties| properties.object(&["device"]));
        let name = self.friendly_name();
        let address = self
            .object
            .text(&["ieee_address"])
            .or_else(|| device?.text(&["ieeeAddr"]).map(|text| Cow::Owned(text.into_owned())))
            .as_deref()
            .and_then(ieee_address)
            .or_else(|| ieee_address(&name));
        let id = match address {
            Some(address) => Id::new(&format!("{address:016x}"))?,
            None => of_name(&name)?,
        };
        Some(Meter { protocol: Protocol::Zigbee2mqtt, manufacturer: None, id, version: None, medium: None })
    }

    /// When the device was last heard, in milliseconds since 1970.
    fn last_seen(&self) -> Option<u64> {
        let properties = self.properties.as_ref()?;
        let at = match properties.text(&["last_seen"]) {
            Some(text) => text.parse::<jiff::Timestamp>().ok()?.as_millisecond(),
            None => properties.whole(&["last_seen"])?,
        };
        at.try_into().ok()
    }
}

/// A name as an id: what is too long ends in a hash of it, so that two names stay two.
fn of_name(name: &str) -> Option<Id> {
    if let Some(id) = Id::new(name) {
        return (!name.is_empty()).then_some(id);
    }
    let end = format!("~{:08x}", crc32c::crc32c(name.as_bytes()));
    let room = (0..=Id::LIMIT - end.len()).rev().find(|length| name.is_char_boundary(*length))?;
    Id::new(&format!("{}{end}", name.get(..room)?))
}

/// `0x` and sixteen digits.
fn ieee_address(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok()
}

/// When the device of a payload was last heard: what a source may ask before it takes a message that was kept.
pub(crate) fn says_when(payload: &RawValue) -> bool {
    let properties = Object::try_from(payload).ok();
    properties.is_some_and(|properties| properties.get(&["last_seen"]).is_some_and(|value| value.get() != "null"))
}

/// A line is the object itself, or has its octets in `hex`.
pub(super) fn members(line: &str) -> Result<Members, LineError> {
    #[derive(Deserialize)]
    struct Line<'a> {
        #[serde(borrow, default)]
        payload: Option<&'a RawValue>,
        #[serde(default)]
        retain: bool,
    }
    let Line { payload, retain } = from_json(line)?;
    let framing = retain.then_some(Framing::Retained);
    Ok(Members { octets: payload.map(|_| line.as_bytes().to_vec()), framing, ..Members::default() })
}

/// Takes a message apart.
///
/// # Errors
/// When it is none, or one that was kept and is not news.
pub(super) fn open<'f>(
    framing: Option<Framing>,
    frame: &'f mut [u8],
    known: &dyn Known,
    out: &mut dyn Out<'_>,
) -> Result<Opened<'f>, Refused> {
    let frame = &*frame;
    let message = Message::parse(frame)?;
    let (meter, last_seen, reachable) = (message.meter(), message.last_seen(), message.reachable());
    message.told(&mut Notes::new(out), meter.as_ref(), last_seen);
    let refused = |field, reason| {
        let offset = properties::place(message.payload.get(), frame);
        Refused { meter, mode: None, counter: None, error: DecodeError { layer: TEXT, field, offset, reason } }
    };
    if let Some(reachable) = reachable {
        out.reachable(reachable);
    } else if message.properties.is_none() {
        return Err(refused("payload", Reason::Malformed));
    }
    if let (Some(last_seen), Some(meter)) = (last_seen, &meter) {
        let before = known.counter(meter, Purpose::Data);
        if let Some(last) = before.filter(|before| framing == Some(Framing::Retained) && last_seen <= *before) {
            return Err(refused("last_seen", Reason::Replayed { last, found: last_seen }));
        }
        out.occasion(last_seen);
        if before < Some(last_seen) {
            out.learned(Learned::Counter { purpose: Purpose::Data, counter: last_seen });
        }
    } else if framing == Some(Framing::Retained) && reachable.is_none() {
        // Nobody can say when this was so, nor whether it was told before.
        return Err(refused("last_seen", Reason::Unsupported));
    }
    Ok(Opened {
        meter,
        content: Content::Properties,
        payload: frame,
        offset: 0,
        security: Security::NONE,
        counter: None,
        trailing: &[],
    })
}

impl Message<'_> {
    fn told(&self, notes: &mut Notes<'_, '_>, meter: Option<&Meter>, last_seen: Option<u64>) {
        if !notes.wanted() {
            return;
        }
        let place = |name, key| at(TEXT, 0, 0, name, key);
        notes.text(place("topic", "topic"), &self.topic, &"");
        notes.text(place("friendly_name", "friendly_name"), &self.friendly_name(), &"");
        if let Some(meter) = meter {
            notes.text(place("ieee_address", "device"), &meter.id, &"");
        }
        for key in ["vendor", "model"] {
            if let Some(text) = self.object.text(&[key]) {
                notes.text(place(key, key), &text, &"");
            }
        }
        match last_seen {
            Some(last_seen) => notes.number(place("last_seen", "last_seen"), last_seen, &"milliseconds since 1970"),
            None => notes.null(place("last_seen", "last_seen"), &"nobody says when this was measured"),
        }
        match &self.properties {
            Some(properties) => notes.object(place("payload", "payload"), |notes| properties.pass_on(&[], 0, notes)),
            None => notes.text(place("payload", "payload"), &self.payload, &""),
        }
    }
}

#[cfg(test)]
mod tests;
