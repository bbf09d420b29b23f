//! What a sink for an MQTT broker is told.

use crate::config::{Part, Span, Wrong};
use crate::mqtt::{Connection, Urls, Version, connection_keys};
use crate::secret::Secret;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use std::{fmt, path::Path, path::PathBuf};

/// `kind = "mqtt"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What its cursor in the queue is called.
    pub name: Option<String>,
    /// Where the broker is, and who the gateway is there.
    pub connection: Connection,
    /// Whether it publishes beside the gateway, as a replay does: as another client, and without a word on the status.
    pub beside: bool,
    /// The most reports published and not yet acknowledged.
    pub window: u16,
    /// How long the broker may acknowledge nothing before the connection is given up.
    pub patience: Span,
    /// The first level of the topics at which Home Assistant finds what there is; none when it is not told.
    pub home_assistant: Option<String>,
}

/// `true`, or a table with the prefix.
#[derive(Default)]
struct HomeAssistant(Option<String>);

impl<'de> Deserialize<'de> for HomeAssistant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FlagOrTable;

        impl<'de> Visitor<'de> for FlagOrTable {
            type Value = HomeAssistant;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true`, or a table with a `prefix`")
            }

            fn visit_bool<E: de::Error>(self, on: bool) -> Result<HomeAssistant, E> {
                Ok(HomeAssistant(on.then(|| PREFIX.to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<HomeAssistant, A::Error> {
                #[derive(serde::Deserialize)]
                #[serde(deny_unknown_fields)]
                struct Table {
                    prefix: Option<String>,
                }
                let Table { prefix } = Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(HomeAssistant(Some(prefix.unwrap_or_else(|| PREFIX.to_owned()))))
            }
        }

        deserializer.deserialize_any(FlagOrTable)
    }
}

/// The prefix that Home Assistant looks at unless it is told otherwise.
const PREFIX: &str = "homeassistant";

/// The keys of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    name: Option<String>,
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
    ack_timeout: Option<Span>,
    #[serde(default)]
    home_assistant: HomeAssistant,
}

impl Part for Config {
    type Keys = Keys;

    fn build(keys: Keys, base: &Path) -> Result<Self, Wrong> {
        let connection = connection_keys!(keys).build(base)?;
        let window = keys.window.unwrap_or(100);
        if !(1..=10_000).contains(&window) {
            return Err(Wrong::new("window", "1 to 10000 reports may be under way"));
        }
        let patience = keys.ack_timeout.unwrap_or(Span::seconds(30));
        if patience.0.is_zero() {
            return Err(Wrong::new("ack_timeout", "no broker is that fast"));
        }
        let HomeAssistant(home_assistant) = keys.home_assistant;
        let is_topic = |prefix: &String| {
            !prefix.contains(['+', '#', '$'])
                && prefix.split('/').all(|level| !level.is_empty())
                && !prefix.contains(char::is_control)
        };
        if !home_assistant.iter().all(is_topic) {
            return Err(Wrong::new(
                "home_assistant",
                "a prefix is the first level of a topic, such as `homeassistant`",
            ));
        }
        Ok(Self { name: keys.name, connection, beside: false, window, patience, home_assistant })
    }
}
