//! The addresses of brokers.

use crate::config::host_and_port;
use crate::secure::without_user;
use serde::Deserialize;
use serde::de::{self, Deserializer, IntoDeserializer, SeqAccess, Unexpected, Visitor};
use std::{fmt, str::FromStr};

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
pub(crate) struct Urls(pub(super) Vec<Url>);

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
