//! What a source that subscribes at an MQTT broker is told.

use crate::config::{Part, Span, Wrong};
use crate::mqtt::{Connection, Urls, Version, connection_keys};
use crate::secret::Secret;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// `kind = "mqtt"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What stands in reports; the broker knows the subscriber by it, too.
    pub name: Option<String>,
    /// Where the broker is, and who the gateway is there.
    pub connection: Connection,
    /// Who publishes there.
    pub format: Format,
    /// What is subscribed to.
    pub topics: Vec<String>,
    /// The first levels of the topics of Zigbee2MQTT.
    pub base: String,
    /// The most messages that the queue has not yet committed.
    pub window: u16,
    /// How long the broker keeps messages for a gateway that is away.
    pub session: Span,
}

/// Who publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// ChirpStack, version 3 or 4, JSON or Protocol Buffers.
    Chirpstack,
    /// The Things Stack.
    Tts,
    /// LORIOT.
    Loriot,
    /// Actility ThingPark.
    Thingpark,
    /// Zigbee2MQTT.
    Zigbee2mqtt,
}

impl Format {
    /// Where it publishes unless somebody has told it otherwise; empty where somebody always has.
    const fn topics(self) -> &'static [&'static str] {
        match self {
            Self::Chirpstack => &["application/+/device/+/event/+"],
            Self::Tts => &["v3/+/devices/+/up", "v3/+/devices/+/join"],
            Self::Thingpark => &["mqtt/things/+/uplink"],
            Self::Loriot | Self::Zigbee2mqtt => &[],
        }
    }

    /// The word of it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Chirpstack => "chirpstack",
            Self::Tts => "tts",
            Self::Loriot => "loriot",
            Self::Thingpark => "thingpark",
            Self::Zigbee2mqtt => "zigbee2mqtt",
        }
    }
}

/// The keys of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    name: Option<String>,
    format: Format,
    topics: Option<Vec<String>>,
    base: Option<String>,
    url: Urls,
    next_after: Option<Span>,
    first_after: Option<Span>,
    version: Option<Version>,
    client_id: Option<String>,
    user: Option<String>,
    password: Option<Secret>,
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    keep_alive: Option<Span>,
    window: Option<u16>,
    session_expiry: Option<Span>,
}

impl Part for Config {
    type Keys = Keys;

    fn build(mut keys: Keys, base: &Path) -> Result<Self, Wrong> {
        let format = keys.format;
        let is_zigbee = format == Format::Zigbee2mqtt;
        if keys.base.is_some() && !is_zigbee {
            return Err(Wrong::new("base", "only Zigbee2MQTT has a base topic: write `topics`"));
        }
        if keys.topics.is_some() && is_zigbee {
            return Err(Wrong::new("topics", "write the `base` topic of Zigbee2MQTT instead"));
        }
        let topic = keys.base.unwrap_or_else(|| "zigbee2mqtt".to_owned());
        if topic.contains(['+', '#']) || !is_filter(&topic) {
            return Err(Wrong::new("base", "a topic without wildcards, such as `zigbee2mqtt`"));
        }
        let topics = match keys.topics {
            Some(topics) => topics,
            None if is_zigbee => vec![format!("{topic}/#")],
            None => format.topics().iter().map(|topic| (*topic).to_owned()).collect(),
        };
        if topics.is_empty() {
            return Err(Wrong::new("topics", "name the topics to which it publishes"));
        }
        if let Some(wrong) = topics.iter().find(|topic| !is_filter(topic)) {
            return Err(Wrong::new(
                "topics",
                format!("`{wrong}` is no topic filter: `+` and `#` stand for whole levels"),
            ));
        }
        let window = keys.window.unwrap_or(100);
        if !(1..=10_000).contains(&window) {
            return Err(Wrong::new("window", "1 to 10000 messages may be under way"));
        }
        let session = keys.session_expiry.unwrap_or(Span::seconds(7 * 86_400));
        if !(60..u64::from(u32::MAX)).contains(&session.0.as_secs()) {
            return Err(Wrong::new(
                "session_expiry",
                "a minute or more: what comes while the gateway is away is kept so long",
            ));
        }
        // The server of The Things Stack speaks no other.
        keys.version = keys.version.or_else(|| (format == Format::Tts).then_some(Version::Three));
        let connection = connection_keys!(keys).build(base)?;
        Ok(Self { name: keys.name, connection, format, topics, base: topic, window, session })
    }
}

/// MQTT 5, 4.7.1.
fn is_filter(filter: &str) -> bool {
    let mut levels = filter.split('/').peekable();
    let mut wild = true;
    while let Some(level) = levels.next() {
        wild &= match level {
            "#" => levels.peek().is_none(),
            "+" => true,
            level => !level.contains(['+', '#']),
        };
    }
    wild && !filter.is_empty() && filter.len() < 65_536 && !filter.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_a_whole_level() {
        for filter in ["#", "+", "a/+/b/#", "/", "application/+/device/+/event/+", "ä/b c"] {
            assert!(is_filter(filter), "{filter}");
        }
        for filter in ["", "a#", "#/a", "a/b+", "a/#/b", "a\0"] {
            assert!(!is_filter(filter), "{filter:?}");
        }
    }
}
