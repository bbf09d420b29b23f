//! What a sink for Kafka is told.

use crate::config::{Part, Size, Span, Wrong, host_and_port};
use crate::secret::Secret;
use crate::secure::{Files, Secure, without_user};
use serde::Deserialize;
use serde::de::{self, Deserializer, Unexpected};
use std::{fmt, path::Path, path::PathBuf, time::Duration};

/// `kind = "kafka"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What its cursor in the queue is called. Brokers come and go, so it is not made of their addresses.
    pub name: Option<String>,
    /// The brokers that are asked first; they know the others.
    pub brokers: Vec<Broker>,
    /// The name the brokers know the gateway by; without one `esh-` and the gateway's name.
    pub client_id: Option<String>,
    /// Where what goes.
    pub topics: Topics,
    /// Whether the frames themselves are sent too.
    pub raw: bool,
    /// How batches are compressed.
    pub compression: Compression,
    /// How long a batch waits to become larger.
    pub linger: Duration,
    /// The most octets in memory that are sent and not yet acknowledged.
    pub buffer: usize,
    /// Certificates, where the brokers are spoken to through TLS.
    pub secure: Option<Secure>,
    /// Who the gateway says it is.
    pub user: Option<User>,
    /// How long the brokers may acknowledge nothing before the client is given up.
    pub patience: Duration,
}

/// Who the gateway says it is: SASL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// Where the password stands.
    pub password: Secret,
    /// How it is proved.
    pub mechanism: Mechanism,
}

/// The mechanism of SASL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Mechanism {
    /// The password itself is sent.
    #[serde(rename = "PLAIN")]
    Plain,
    /// RFC 5802 with SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    Scram256,
    /// RFC 5802 with SHA-512.
    #[default]
    #[serde(rename = "SCRAM-SHA-512")]
    Scram512,
}

/// How batches are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// LZ4.
    Lz4,
    /// RFC 8878.
    #[default]
    Zstd,
}

/// Where what goes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Topics {
    /// Readings of meters.
    pub readings: Topic,
    /// What happened and is no reading.
    pub events: Topic,
    /// Frames that could not be decoded, and what is left of reports that the brokers refuse.
    pub undecoded: Topic,
    /// The frames themselves.
    pub raw: Topic,
}

/// The name of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic(pub String);

/// The address of a broker, `host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Name or address of the host, an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Config {
    /// The files that are read before it connects.
    pub(in crate::sinks) fn files(&self) -> Vec<&Path> {
        let password = self.user.as_ref().and_then(|user| user.password.file());
        let secure = self.secure.iter().flat_map(Secure::files);
        password.into_iter().chain(secure).collect()
    }
}

impl Default for Topics {
    fn default() -> Self {
        let topic = |kind| Topic(format!("esh.{kind}.v1"));
        Self { readings: topic("readings"), events: topic("events"), undecoded: topic("undecoded"), raw: topic("raw") }
    }
}

impl Mechanism {
    /// The word the brokers know.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Scram256 => "SCRAM-SHA-256",
            Self::Scram512 => "SCRAM-SHA-512",
        }
    }
}

impl Compression {
    /// The word the client library knows.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl<'de> Deserialize<'de> for Broker {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        without_user(&text)?;
        // A comma would make two of it for the client library.
        let broker = host_and_port(&text).filter(|_| !text.contains([',', ';', '"', '\\']) && !text.contains("://"));
        let (host, port) = broker.ok_or_else(|| {
            de::Error::invalid_value(Unexpected::Str(&text), &"an address such as `kafka.example:9092`")
        })?;
        Ok(Self { host: host.to_owned(), port: port.unwrap_or(9092) })
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if (1..=249).contains(&text.len()) && text.chars().all(plain) && text != "." && text != ".." {
            return Ok(Self(text));
        }
        let expected = "a topic of 1 to 249 letters, digits, `.`, `_` and `-`";
        Err(de::Error::invalid_value(Unexpected::Str(&text), &expected))
    }
}

/// The keys of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    name: Option<String>,
    brokers: Vec<Broker>,
    client_id: Option<String>,
    #[serde(default)]
    topics: Topics,
    #[serde(default)]
    raw: bool,
    #[serde(default)]
    compression: Compression,
    linger: Option<Span>,
    buffer: Option<Size>,
    #[serde(default)]
    tls: bool,
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    user: Option<String>,
    password: Option<Secret>,
    mechanism: Option<Mechanism>,
    ack_timeout: Option<Span>,
}

impl Part for Config {
    type Keys = Keys;

    fn build(keys: Keys, base: &Path) -> Result<Self, Wrong> {
        if keys.brokers.is_empty() {
            return Err(Wrong::new("brokers", "no broker: write `brokers = [\"kafka.example:9092\"]`"));
        }
        let files = Files { ca: keys.ca, certificate: keys.certificate, key: keys.key };
        let secure = files.build(base, keys.tls, "tls = true")?;
        let user = match (keys.user, keys.password) {
            (Some(name), Some(mut password)) => {
                password.resolve(base);
                Some(User { name, password, mechanism: keys.mechanism.unwrap_or_default() })
            }
            (None, None) if keys.mechanism.is_some() => return Err(Wrong::new("mechanism", "its `user` is missing")),
            (None, None) => None,
            (Some(_), None) => return Err(Wrong::new("user", "its `password` is missing")),
            (None, Some(_)) => return Err(Wrong::new("password", "its `user` is missing")),
        };
        let linger = keys.linger.map_or(Duration::from_millis(20), |linger| linger.0);
        if linger > Duration::from_secs(60) {
            return Err(Wrong::new("linger", "a batch waits for a minute at most"));
        }
        let buffer = keys.buffer.unwrap_or(Size(8 << 20)).0;
        if !(64 << 10..=1 << 30).contains(&buffer) {
            return Err(Wrong::new("buffer", "64 KiB to 1 GiB may be under way"));
        }
        let patience = keys.ack_timeout.unwrap_or(Span::seconds(120)).0;
        if patience.is_zero() {
            return Err(Wrong::new("ack_timeout", "no broker is that fast"));
        }
        Ok(Self {
            name: keys.name,
            brokers: keys.brokers,
            client_id: keys.client_id,
            topics: keys.topics,
            raw: keys.raw,
            compression: keys.compression,
            linger,
            buffer: usize::try_from(buffer).unwrap_or(usize::MAX),
            secure,
            user,
            patience,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use std::path::Path;

    fn parse(sink: &str) -> Result<super::Config, String> {
        let text = format!(
            "name = \"g\"\ndata = \"d\"\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\nstdin = true\n\
             [[sink]]\nkind = \"kafka\"\n{sink}\n"
        );
        let config = Config::parse(Path::new("/etc/gateway.toml"), &text).map_err(|error| error.to_string())?;
        match config.sinks.into_iter().next() {
            Some(crate::sinks::Config::Kafka(kafka)) => Ok(*kafka),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn keys_are_read() {
        let config = parse("brokers = [\"a\", \"[::1]:1\"]").unwrap();
        let brokers: Vec<_> = config.brokers.iter().map(ToString::to_string).collect();
        assert_eq!(brokers, ["a:9092", "[::1]:1"]);
        assert_eq!(
            (config.topics.readings.0.as_str(), config.topics.raw.0.as_str()),
            ("esh.readings.v1", "esh.raw.v1")
        );
        let config = parse(
            "brokers = [\"a\"]\ntls = true\nca = \"ca.pem\"\nuser = \"u\"\npassword = { file = \"p\" }\n\
             [sink.topics]\nreadings = \"r\"",
        )
        .unwrap();
        assert_eq!(config.secure.unwrap().ca.unwrap(), Path::new("/etc/ca.pem"));
        assert_eq!((config.topics.readings.0.as_str(), config.topics.events.0.as_str()), ("r", "esh.events.v1"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (sink, expected) in [
            ("brokers = []", "gateway.toml:9:1: no broker"),
            ("", "the key `brokers` is missing"),
            ("brokers = [\"a\"]\nbroker = 1", "gateway.toml:10:1: unknown key `broker`"),
            ("brokers = [\"a,b\"]", "an address such as `kafka.example:9092`"),
            ("brokers = [\"kafka://a\"]", "an address such as `kafka.example:9092`"),
            ("brokers = [\"me:hunter2@a\"]", "user and password do not stand in the address"),
            ("brokers = [\"a\"]\nca = \"x\"", "gateway.toml:10:1: there are no certificates without TLS"),
            ("brokers = [\"a\"]\nuser = \"x\"", "its `password` is missing"),
            ("brokers = [\"a\"]\nmechanism = \"PLAIN\"", "its `user` is missing"),
            ("brokers = [\"a\"]\ncompression = \"zst\"", "did you mean `zstd`?"),
            ("brokers = [\"a\"]\nbuffer = \"1 KiB\"", "64 KiB to 1 GiB may be under way"),
            ("brokers = [\"a\"]\n[sink.topics]\nreadings = \"a/b\"", "a topic of 1 to 249 letters"),
            ("brokers = [\"a\"]\n[sink.topics]\nreading = \"a\"", "did you mean `readings`?"),
        ] {
            let answer = parse(sink).unwrap_err();
            assert!(answer.contains(expected), "{answer}\nshould say: {expected}");
            assert!(!answer.contains("hunter2"), "{answer}");
        }
    }
}
