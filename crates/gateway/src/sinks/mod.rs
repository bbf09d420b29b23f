//! Sinks: where records go. A sink is a file or a folder here and a task when it runs; each has its own cursor in the
//! queue, so one that is down holds up no other.

pub mod archive;
pub mod file;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod mqtt;
pub(crate) mod refused;
pub mod stdout;
pub mod table;

use crate::config::{ConfigError, PartTable};
use crate::connect::Found;
use crate::queue::{EntryError, Reader};
use crate::stop::Stop;
use std::path::Path;

/// One `[[sink]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Config {
    /// An MQTT broker.
    Mqtt(Box<mqtt::Config>),
    /// Kafka.
    #[cfg(feature = "kafka")]
    Kafka(Box<kafka::Config>),
    /// Files of JSON lines.
    File(file::Config),
    /// The archive of raw frames.
    Archive(archive::Config),
    /// JSON lines on the standard output.
    Stdout(stdout::Config),
    /// A table on the terminal.
    Table(table::Config),
}

impl Config {
    const KINDS: [&str; 6] = ["mqtt", "kafka", "file", "archive", "stdout", "table"];

    pub(crate) fn of_kind(table: PartTable<'_, '_>) -> Result<Self, ConfigError> {
        match table.kind() {
            "mqtt" => table.build().map(Box::new).map(Self::Mqtt),
            #[cfg(feature = "kafka")]
            "kafka" => table.build().map(Box::new).map(Self::Kafka),
            #[cfg(not(feature = "kafka"))]
            "kafka" => Err(table.left_out(
                "this esh-gateway is built without Kafka: take the one of the packages, or build it with \
                 `cargo build --release -p esh-gateway --features kafka`",
            )),
            "file" => table.build().map(Self::File),
            "archive" => table.build().map(Self::Archive),
            "stdout" => table.build().map(Self::Stdout),
            "table" => table.build().map(Self::Table),
            _ => Err(table.unknown(&Self::KINDS)),
        }
    }

    /// The word behind `kind`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Mqtt(_) => "mqtt",
            #[cfg(feature = "kafka")]
            Self::Kafka(_) => "kafka",
            Self::File(_) => "file",
            Self::Archive(_) => "archive",
            Self::Stdout(_) => "stdout",
            Self::Table(_) => "table",
        }
    }

    /// The files that belong to it: with other content it is another sink.
    #[must_use]
    pub fn files(&self) -> Vec<&Path> {
        match self {
            Self::Mqtt(config) => config.connection.files(),
            #[cfg(feature = "kafka")]
            Self::Kafka(config) => config.files(),
            Self::File(_) | Self::Archive(_) | Self::Stdout(_) | Self::Table(_) => Vec::new(),
        }
    }

    /// Its name, which its cursor in the queue has: a sink of another name begins with the oldest record there is. Without
    /// one it is made of its kind and its address or path.
    #[must_use]
    pub fn name(&self) -> String {
        let (name, place) = match self {
            // The first broker alone, so that the name stays when others are added.
            Self::Mqtt(config) => (
                &config.name,
                config.connection.urls.first().map(|url| format!("{}-{}", url.host, url.port)).unwrap_or_default(),
            ),
            // Brokers come and go.
            #[cfg(feature = "kafka")]
            Self::Kafka(config) => (&config.name, String::new()),
            Self::File(config) => (&config.name, config.path.display().to_string()),
            Self::Archive(config) => (&config.name, config.path.display().to_string()),
            Self::Stdout(config) => (&config.name, String::new()),
            Self::Table(config) => (&config.name, String::new()),
        };
        name.clone().unwrap_or_else(|| {
            let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
            let place: Vec<char> = place.chars().map(plain).collect();
            // The end of a path says most.
            let end: String = place.get(place.len().saturating_sub(50)..).unwrap_or_default().iter().collect();
            let end = end.trim_matches('-');
            if end.is_empty() { self.kind().to_owned() } else { format!("{}-{end}", self.kind()) }
        })
    }
}

impl Config {
    /// The same sink for a replay, which may run beside the gateway: it is another client of its peer.
    pub(crate) fn beside(&mut self) {
        if let Self::Mqtt(config) = self {
            config.beside = true;
        }
    }
}

/// A sink that is ready to run: everything it needs to be told has been read.
#[derive(Debug)]
pub enum Sink {
    /// An MQTT broker.
    Mqtt(Box<mqtt::Mqtt>),
    /// Kafka.
    #[cfg(feature = "kafka")]
    Kafka(Box<kafka::Kafka>),
    /// Files of JSON lines.
    File(file::Config),
    /// The archive of raw frames.
    Archive(archive::Config),
    /// JSON lines on the standard output.
    Stdout(stdout::Config),
    /// A table on the terminal.
    Table(table::Config),
}

/// Why a sink cannot begin, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// An MQTT broker.
    #[error("mqtt: {0}")]
    Mqtt(#[from] mqtt::MqttError),
    /// Kafka.
    #[cfg(feature = "kafka")]
    #[error("kafka: {0}")]
    Kafka(#[from] kafka::KafkaError),
    /// Files.
    #[error("file: {0}")]
    File(#[from] file::FileError),
    /// The archive.
    #[error("archive: {0}")]
    Archive(#[from] archive::ArchiveError),
    /// The standard output.
    #[error("stdout: {0}")]
    Stdout(#[from] stdout::StdoutError),
    /// The queue holds what a later release wrote: what is before it has been delivered, the rest stays.
    #[error("{0}: install the newer release again, nothing is lost")]
    Newer(#[source] EntryError),
    /// The terminal.
    #[error("table: {0}")]
    Table(#[from] table::TableError),
}

impl Sink {
    /// Reads what a sink needs before it runs, such as passwords and certificates.
    ///
    /// # Errors
    /// When something is missing.
    pub fn new(config: &Config, gateway: &str) -> Result<Self, SinkError> {
        Ok(match config {
            Config::Mqtt(config) => Self::Mqtt(Box::new(mqtt::Mqtt::new(config, gateway)?)),
            #[cfg(feature = "kafka")]
            Config::Kafka(config) => Self::Kafka(Box::new(kafka::Kafka::new(config, gateway)?)),
            Config::File(config) => Self::File(config.clone()),
            Config::Archive(config) => Self::Archive(config.clone()),
            Config::Stdout(config) => Self::Stdout(config.clone()),
            Config::Table(config) => Self::Table(config.clone()),
        })
    }

    /// Tries what it relies on, once: a line for each thing.
    pub(crate) async fn probe(self, name: &str) -> Vec<Found> {
        let found = match self {
            Self::Mqtt(mqtt) => return mqtt.probe(name).await,
            #[cfg(feature = "kafka")]
            Self::Kafka(kafka) => kafka.probe().await,
            Self::File(config) => config.probe(),
            Self::Archive(config) => config.probe(),
            Self::Stdout(_) | Self::Table(_) => Ok("writes to the standard output".to_owned()),
        };
        vec![Found::new(format!("sink {name}"), found)]
    }

    /// Delivers records until the queue is closed and everything has arrived. What may heal by itself, such as a lost
    /// connection, it waits out; `stop` tells it to wait no longer than it must.
    ///
    /// # Errors
    /// When it cannot go on.
    pub async fn run(self, reader: Reader, stop: Stop) -> Result<(), SinkError> {
        let refusal = reader.refusal();
        match self {
            Self::Mqtt(mqtt) => mqtt.run(reader).await,
            #[cfg(feature = "kafka")]
            Self::Kafka(kafka) => kafka.run(reader).await,
            Self::File(config) => file::run(config, reader, stop).await?,
            Self::Archive(config) => archive::run(config, reader, stop).await?,
            Self::Stdout(_) => stdout::run(reader).await?,
            Self::Table(_) => table::run(reader).await?,
        }
        refusal.heard().map_or(Ok(()), |newer| Err(SinkError::Newer(newer)))
    }
}
