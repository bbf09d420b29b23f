//! What a sink for an MQTT broker is told.

use crate::config::{Part, Span, Wrong, host_and_port};
use crate::secret::Secret;
use crate::sinks::secure::{Files, Secure, without_user};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize};
use std::{fmt, path::Path, path::PathBuf, str::FromStr};

/// `kind = "mqtt"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What its cursor in the queue is called.
    pub name: Option<String>,
    /// The brokers: the first one, and those that are tried in their order when it stays away. There is one.
    pub urls: Vec<Url>,
    /// How long a broker may stay away before the next is tried.
    pub next_after: Span,
    /// How long another one is spoken to before the first is tried again.
    pub first_after: Span,
    /// The version of the protocol.
    pub version: Version,
    /// The name the broker knows the gateway by; without one `esh-` and the gateway's name.
    pub client_id: Option<String>,
    /// User, and where the password stands.
    pub user: Option<(String, Option<Secret>)>,
    /// Certificates, where the broker is spoken to through TLS.
    pub secure: Option<Secure>,
    /// Whether it publishes beside the gateway, as a replay does: as another client, and without a word on the status.
    pub beside: bool,
    /// How often a silent connection is tried.
    pub keep_alive: Span,
    /// The most reports published and not yet acknowledged.
    pub window: u16,
    /// How long the broker may acknowledge nothing before the connection is given up.
    pub patience: Span,
    /// The first level of the topics at which Home Assistant finds what there is; none when it is not told.
    pub home_assistant: Option<String>,
}

impl Config {
    /// The files that are read before it connects.
    pub(in crate::sinks) fn files(&self) -> Vec<&Path> {
        let password = self.user.as_ref().and_then(|(_, password)| password.as_ref()?.file());
        let secure = self.secure.iter().flat_map(Secure::files);
        password.into_iter().chain(secure).collect()
    }
}

/// The version of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum Version {
    /// MQTT 5.
    #[default]
    #[serde(rename = "5")]
    Five,
    /// MQTT 3.1.1.
    #[serde(rename = "3.1.1")]
    Three,
}

/// The address of a broker, `mqtt://host:port` or `mqtts://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Through TLS.
    pub secure: bool,
    /// Name or address of the host.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl FromStr for Url {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "an address such as `mqtt://127.0.0.1:1883` or `mqtts://broker.example:8883`";
        let (secure, rest) = match text.split_once("://") {
            Some(("mqtt", rest)) => (false, rest),
            Some(("mqtts", rest)) => (true, rest),
            _ => return Err(EXPECTED),
        };
        let (host, port) = host_and_port(rest.strip_suffix('/').unwrap_or(rest)).ok_or(EXPECTED)?;
        Ok(Self { secure, host: host.to_owned(), port: port.unwrap_or(if secure { 8883 } else { 1883 }) })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "mqtts" } else { "mqtt" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        without_user(&text)?;
        text.parse().map_err(|expected: &str| de::Error::invalid_value(Unexpected::Str(&text), &expected))
    }
}

/// One address, or a list of them.
struct Urls(Vec<Url>);

impl<'de> Deserialize<'de> for Urls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;

        // An untagged form would not say what is wrong with an address, nor where.
        impl<'de> Visitor<'de> for OneOrMore {
            type Value = Urls;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the address of a broker, or a list of addresses")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Urls, E> {
                Url::deserialize(text.into_deserializer()).map(|url| Urls(vec![url]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Urls, A::Error> {
                let mut urls = Vec::new();
                while let Some(url) = all.next_element()? {
                    urls.push(url);
                }
                Ok(Urls(urls))
            }
        }

        deserializer.deserialize_any(OneOrMore)
    }
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
    #[serde(default)]
    version: Version,
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

    fn build(mut keys: Keys, base: &Path) -> Result<Self, Wrong> {
        if let Some(password) = &mut keys.password {
            password.resolve(base);
        }
        let Urls(urls) = keys.url;
        if urls.is_empty() {
            return Err(Wrong::new("url", "name a broker"));
        }
        for (key, span) in [("next_after", keys.next_after), ("first_after", keys.first_after)] {
            match span {
                Some(_) if urls.len() == 1 => return Err(Wrong::new(key, "there is one broker: `url` may be a list")),
                Some(span) if span.0.is_zero() => return Err(Wrong::new(key, "no broker is that fast")),
                _ => {}
            }
        }
        let files = Files { ca: keys.ca, certificate: keys.certificate, key: keys.key };
        let secure = files.build(base, urls.iter().any(|url| url.secure), "url = \"mqtts://…\"")?;
        let user = match (keys.user, keys.password) {
            (Some(user), password) => Some((user, password)),
            (None, None) => None,
            (None, Some(_)) => return Err(Wrong::new("password", "its `user` is missing")),
        };
        let window = keys.window.unwrap_or(100);
        if !(1..=10_000).contains(&window) {
            return Err(Wrong::new("window", "1 to 10000 reports may be under way"));
        }
        let keep_alive = keys.keep_alive.unwrap_or(Span::seconds(30));
        if !(5..=65_535).contains(&keep_alive.0.as_secs()) {
            return Err(Wrong::new("keep_alive", "five seconds to 18 hours"));
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
        Ok(Self {
            name: keys.name,
            secure,
            urls,
            next_after: keys.next_after.unwrap_or(Span::seconds(30)),
            first_after: keys.first_after.unwrap_or(Span::seconds(600)),
            version: keys.version,
            client_id: keys.client_id,
            beside: false,
            user,
            keep_alive,
            window,
            patience,
            home_assistant,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written() {
        for (text, written) in [
            ("mqtt://127.0.0.1", "mqtt://127.0.0.1:1883"),
            ("mqtts://broker.example/", "mqtts://broker.example:8883"),
            ("mqtt://[::1]:1884", "mqtt://[::1]:1884"),
        ] {
            assert_eq!(text.parse::<Url>().map(|url| url.to_string()), Ok(written.to_owned()));
        }
        for text in ["", "mqtt://", "mqtt://:1883", "http://a", "mqtt://a:x", "mqtt://a/b", "127.0.0.1:1883"] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }
}
