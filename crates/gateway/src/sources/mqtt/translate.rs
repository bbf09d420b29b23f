//! From messages to captures: what each of those who publish means by its topics.

use super::config::{Config, Format};
use super::devices::{Devices, Exposed};
use super::link::Message;
use crate::capture::{Capture, Framing};
use crate::protocols::EventKind;
use crate::protocols::zigbee2mqtt::{AVAILABILITY, says_when};
use crate::sources::now;
use crate::telemetry::OfSource;
use bytes::Bytes;
use esh_core::Protocol;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::sync::Arc;
use tracing::{debug, warn};

/// The largest message that becomes a capture, in octets.
const LARGEST: usize = 1 << 20;

/// Knows what was said beside the messages.
#[derive(Debug)]
pub(super) struct Translator {
    source: Arc<str>,
    format: Format,
    /// The base topic of Zigbee2MQTT, with the solidus behind it.
    base: String,
    counts: Arc<OfSource>,
    devices: Devices,
    /// Those of whom it was said that they do not say when they were heard.
    timeless: HashSet<String>,
}

/// What a message is.
#[derive(Debug)]
pub(super) enum Meaning {
    /// Something to be decoded.
    Capture(Capture),
    /// Nothing that is measured.
    Nothing,
}

/// A message of Zigbee2MQTT and what is known of its device: the frame that is decoded.
#[derive(Serialize)]
struct Frame<'a> {
    topic: &'a str,
    friendly_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ieee_address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exposes: Vec<&'a Exposed>,
    payload: &'a RawValue,
}

impl Translator {
    pub(super) fn new(config: &Config, counts: &Arc<OfSource>) -> Self {
        Self {
            source: config.name.as_deref().unwrap_or("mqtt").into(),
            format: config.format,
            base: format!("{}/", config.base),
            counts: Arc::clone(counts),
            devices: Devices::default(),
            timeless: HashSet::new(),
        }
    }

    /// What a message is.
    pub(super) fn meaning(&mut self, message: &Message) -> Meaning {
        if message.payload.is_empty() {
            // So a message that was kept is taken back.
            return Meaning::Nothing;
        }
        match self.format {
            Format::Zigbee2mqtt => self.zigbee2mqtt(message),
            Format::Chirpstack => self.event(message, message.topic.rsplit('/').next().and_then(EventKind::from_word)),
            Format::Tts | Format::Loriot | Format::Thingpark => self.event(message, None),
        }
    }

    fn event(&self, message: &Message, kind: Option<EventKind>) -> Meaning {
        if message.retain {
            // When it happened was told when it happened.
            self.counts.retained.add(1);
            return Meaning::Nothing;
        }
        self.capture(Protocol::Events, kind.map(Framing::Event), message.payload.clone())
    }

    fn capture(&self, protocol: Protocol, framing: Option<Framing>, octets: Bytes) -> Meaning {
        if octets.len() > LARGEST {
            return self.unreadable("it is too large");
        }
        Meaning::Capture(Capture {
            octets,
            protocol,
            framing,
            received_at: now(),
            source: Arc::clone(&self.source),
            rssi: None,
            radio: None,
        })
    }

    fn unreadable(&self, why: &str) -> Meaning {
        debug!(source = &*self.source, why, "a message is no frame");
        self.counts.unreadable.add(1);
        Meaning::Nothing
    }

    fn zigbee2mqtt(&mut self, message: &Message) -> Meaning {
        let Some(name) = message.topic.strip_prefix(&self.base) else { return self.unreadable("its topic is another") };
        if let Some(what) = name.strip_prefix("bridge/") {
            self.bridge(what, &message.payload);
            return Meaning::Nothing;
        }
        let device = name.strip_suffix(AVAILABILITY).filter(|_| self.devices.get(name).is_none());
        let (friendly_name, is_availability) = device.map_or((name, false), |name| (name, true));
        let known = self.devices.get(friendly_name);
        // What others ask of a device, it has not said.
        let is_asked =
            ["/set", "/get"].iter().any(|end| name.ends_with(end)) || name.contains("/set/") || name.contains("/get/");
        if known.is_none() && (is_asked || self.devices.is_group(friendly_name)) {
            return Meaning::Nothing;
        }
        let word;
        let payload: &RawValue = match serde_json::from_slice(&message.payload) {
            Ok(payload) => payload,
            // Older releases write the bare word.
            Err(_) if is_availability => {
                let text = String::from_utf8_lossy(&message.payload);
                let Ok(quoted) = serde_json::value::to_raw_value(&*text) else {
                    return self.unreadable("it is no text");
                };
                word = quoted;
                &word
            }
            Err(_) => return self.unreadable("it is no JSON"),
        };
        if !is_availability && !payload.get().starts_with('{') {
            return self.unreadable("it is no JSON object: Zigbee2MQTT publishes attributes one by one");
        }
        if !is_availability && !says_when(payload) {
            if message.retain {
                // Nobody can say when this was measured, nor whether it was told before.
                self.counts.retained.add(1);
                return Meaning::Nothing;
            }
            if self.timeless.len() < 1000 && self.timeless.insert(friendly_name.to_owned()) {
                let hint = "set `last_seen: ISO_8601` under `advanced` in the configuration of Zigbee2MQTT";
                warn!(
                    source = &*self.source,
                    device = friendly_name,
                    hint,
                    "it is not said when this device was heard"
                );
            }
        }
        let exposes = known.map(|device| device.exposes(|property| has(payload, property))).unwrap_or_default();
        let frame = Frame {
            topic: &message.topic,
            friendly_name,
            ieee_address: known.map(|device| device.ieee_address.as_str()),
            vendor: known.and_then(|device| device.vendor.as_deref()),
            model: known.and_then(|device| device.model.as_deref()),
            exposes,
            payload,
        };
        match serde_json::to_vec(&frame) {
            Ok(octets) => {
                self.capture(Protocol::Zigbee2mqtt, message.retain.then_some(Framing::Retained), octets.into())
            }
            Err(_) => self.unreadable("it is no text"),
        }
    }

    /// What the bridge says of itself, of devices and of groups.
    pub(super) fn bridge(&mut self, what: &str, payload: &[u8]) {
        let learned = match what {
            "devices" => self.devices.learn(payload).map(|count| {
                debug!(source = &*self.source, count, "the devices are known");
            }),
            "groups" => self.devices.learn_groups(payload),
            "state" => {
                match state(payload) {
                    Some(true) => self.counts.allowed(),
                    Some(false) => self.counts.barred("Zigbee2MQTT is offline"),
                    None => {}
                }
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(error) = learned {
            warn!(source = &*self.source, what, %error, "what the bridge says is not understood");
        }
    }
}

/// Whether an object has a member. Its name may stand there with escapes; then nobody exposes it.
fn has(object: &RawValue, property: &str) -> bool {
    object.get().contains(&format!("\"{property}\""))
}

/// `{"state":"online"}`, or the bare word of older releases.
fn state(payload: &[u8]) -> Option<bool> {
    #[derive(serde::Deserialize)]
    struct State {
        state: String,
    }
    let word = match serde_json::from_slice::<State>(payload) {
        Ok(State { state }) => state,
        Err(_) => String::from_utf8_lossy(payload).trim_matches('"').to_owned(),
    };
    match word.as_str() {
        "online" => Some(true),
        "offline" => Some(false),
        _ => None,
    }
}
