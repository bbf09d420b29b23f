//! Sources: where captures come from. A source is a folder here and a task when it runs.

pub mod archive;
pub mod coap;
pub mod datagram;
pub mod gwmp;
pub mod lines;
pub mod lns;
pub mod lorawan;
pub mod mqtt;
mod net;
mod program;
pub mod rs485;
pub mod simulate;
pub mod sniffer;

pub(crate) use crate::clock::now;

use crate::capture::Capture;
use crate::commands::{Link, Links};
use crate::config::{ConfigError, PartTable, Tcp};
use crate::keys::SharedKeys;
use crate::queue::QueueError;
use crate::stop::Stop;
use crate::telemetry::OfSource;
use esh_core::Protocol;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// One `[[source]]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Config {
    /// Lines of text from a socket, a file, a program or a serial port.
    Lines(lines::Config),
    /// An MQTT broker at which others publish.
    Mqtt(Box<mqtt::Config>),
    /// Packet forwarders of LoRaWAN.
    Gwmp(gwmp::Config),
    /// Basics Stations of LoRaWAN.
    Lns(lns::Config),
    /// Meters on a bus that are asked one after the other.
    Rs485(rs485::Config),
    /// Sniffed frames of Zigbee.
    Sniffer(sniffer::Config),
    /// Simulated meters.
    Simulate(simulate::Config),
    /// CoAP.
    Coap(coap::Config),
    /// Makers' own datagrams.
    Udp(datagram::UdpConfig),
    /// Makers' own frames on connections.
    Tcp(datagram::TcpConfig),
    /// Archives. It has no word: the command `replay` alone makes it.
    Archive(archive::Config),
}

impl Config {
    const KINDS: [&str; 10] = ["coap", "gwmp", "lines", "lns", "mqtt", "rs485", "simulate", "sniffer", "tcp", "udp"];

    pub(crate) fn of_kind(table: PartTable<'_, '_>) -> Result<Self, ConfigError> {
        match table.kind() {
            "coap" => table.build().map(Self::Coap),
            "lines" => table.build().map(Self::Lines),
            "mqtt" => table.build().map(Box::new).map(Self::Mqtt),
            "gwmp" => table.build().map(Self::Gwmp),
            "lns" => table.build().map(Self::Lns),
            "rs485" => table.build().map(Self::Rs485),
            "sniffer" => table.build().map(Self::Sniffer),
            "simulate" => table.build().map(Self::Simulate),
            "tcp" => table.build().map(Self::Tcp),
            "udp" => table.build().map(Self::Udp),
            _ => Err(table.unknown(&Self::KINDS)),
        }
    }

    /// The word behind `kind`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Coap(_) => "coap",
            Self::Udp(_) => "udp",
            Self::Tcp(_) => "tcp",
            Self::Lines(_) => "lines",
            Self::Mqtt(_) => "mqtt",
            Self::Gwmp(_) => "gwmp",
            Self::Lns(_) => "lns",
            Self::Rs485(_) => "rs485",
            Self::Sniffer(_) => "sniffer",
            Self::Simulate(_) => "simulate",
            Self::Archive(_) => "archive",
        }
    }

    /// The address at which it listens.
    #[must_use]
    pub const fn listens(&self) -> Option<&Tcp> {
        match self {
            Self::Lines(lines::Config { input: lines::Input::Listen(tcp), .. }) => Some(tcp),
            Self::Lns(config) => Some(&config.listen),
            Self::Tcp(config) => Some(&config.listen),
            Self::Rs485(config) => config.listen.as_ref(),
            Self::Coap(_) | Self::Udp(_) | Self::Lines(_) | Self::Mqtt(_) | Self::Gwmp(_) => None,
            Self::Sniffer(_) | Self::Simulate(_) | Self::Archive(_) => None,
        }
    }

    /// What the registers of the devices mean that it asks.
    pub(crate) fn maps(&self) -> crate::profiles::registers::Maps {
        if let Self::Rs485(config) = self { config.maps() } else { Default::default() }
    }

    /// The folder of the gateway is this one.
    pub(crate) fn set_data(&mut self, data: &Path) {
        if let Self::Rs485(config) = self {
            config.data = data.to_owned();
        }
    }

    /// Its name, which stands in reports.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Coap(config) => config.name.as_deref(),
            Self::Udp(config) => config.name.as_deref(),
            Self::Tcp(config) => config.name.as_deref(),
            Self::Lines(config) => config.name.as_deref(),
            Self::Mqtt(config) => config.name.as_deref(),
            Self::Gwmp(config) => config.name.as_deref(),
            Self::Lns(config) => config.name.as_deref(),
            Self::Rs485(config) => config.name.as_deref(),
            Self::Sniffer(config) => config.name.as_deref(),
            Self::Simulate(config) => config.name.as_deref(),
            Self::Archive(config) => config.name.as_deref(),
        }
    }

    pub(crate) fn set_name(&mut self, name: &str) {
        match self {
            Self::Coap(config) => config.name = Some(name.to_owned()),
            Self::Udp(config) => config.name = Some(name.to_owned()),
            Self::Tcp(config) => config.name = Some(name.to_owned()),
            Self::Lines(config) => config.name = Some(name.to_owned()),
            Self::Mqtt(config) => config.name = Some(name.to_owned()),
            Self::Gwmp(config) => config.name = Some(name.to_owned()),
            Self::Lns(config) => config.name = Some(name.to_owned()),
            Self::Rs485(config) => config.name = Some(name.to_owned()),
            Self::Sniffer(config) => config.name = Some(name.to_owned()),
            Self::Simulate(config) => config.name = Some(name.to_owned()),
            Self::Archive(config) => config.name = Some(name.to_owned()),
        }
    }
}

impl Config {
    /// It is a source of that gateway.
    pub(crate) fn belongs_to(&mut self, gateway: &str) {
        if let Self::Mqtt(config) = self {
            config.belongs_to(gateway);
        }
    }
}

/// A capture on its way into the line, and whoever waits to hear what became of it.
#[derive(Debug)]
pub struct Taken {
    /// The capture.
    pub capture: Capture,
    /// Whom to tell, for sources that can acknowledge.
    pub answer: Option<oneshot::Sender<Answer>>,
    /// Where a reply to it goes, for sources that can transmit one. It comes before the answer.
    pub reply: Option<oneshot::Sender<Reply>>,
}

/// What goes back to the device that a capture is of: so long after the end of the frame it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The frame.
    pub octets: Vec<u8>,
    /// When the first window of the device opens.
    pub delay: std::time::Duration,
}

/// What became of a capture: `Ok` once the queue has committed its record, or that of the frame it is a copy of.
pub type Answer = Result<(), QueueError>;

/// Where sources put what they capture. Waiting here is how a full queue makes sources wait.
#[derive(Clone, Debug)]
pub struct Intake {
    sender: mpsc::Sender<Taken>,
    links: Links,
    pub(crate) counts: Arc<OfSource>,
    /// The keys in force, for sources whose transport needs some.
    pub(crate) keys: SharedKeys,
}

impl Intake {
    /// An intake that holds so many captures, and the end where they come out.
    #[must_use]
    pub fn new(limit: usize) -> (Self, mpsc::Receiver<Taken>) {
        let (sender, receiver) = mpsc::channel(limit);
        let (links, counts, keys) = (Links::default(), Arc::default(), SharedKeys::default());
        (Self { sender, links, counts, keys }, receiver)
    }

    /// The same intake for a source that counts here.
    pub(crate) fn counting(&self, counts: &Arc<OfSource>) -> Self {
        let (links, keys) = (self.links.clone(), self.keys.clone());
        Self { sender: self.sender.clone(), links, counts: Arc::clone(counts), keys }
    }

    /// The same intake for sources that use these keys.
    #[must_use]
    pub(crate) fn with_keys(self, keys: SharedKeys) -> Self {
        Self { keys, ..self }
    }

    /// The links of all sources.
    pub(crate) fn links(&self) -> Links {
        self.links.clone()
    }

    /// Where commands for meters of these protocols come out, which the source of this intake reaches.
    #[must_use]
    pub fn link(&self, protocols: &[Protocol]) -> Link {
        self.links.link(&self.counts.name, protocols)
    }

    /// Puts a capture in that nobody waits for; `false` when the line has ended.
    pub async fn put(&self, capture: Capture) -> bool {
        self.counts.frames.add(1);
        self.sender.send(Taken { capture, answer: None, reply: None }).await.is_ok()
    }

    /// Puts a capture in; what comes back tells what became of it. An error there means that the gateway stopped first.
    pub async fn ask(&self, capture: Capture) -> oneshot::Receiver<Answer> {
        self.counts.frames.add(1);
        self.ask_again(capture).await
    }

    /// Puts a capture in that was refused, and counted.
    pub async fn ask_again(&self, capture: Capture) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        // When the line has ended the sender is dropped with the capture, and the receiver says so.
        let _ = self.sender.send(Taken { capture, answer: Some(sender), reply: None }).await;
        receiver
    }
}

impl Intake {
    /// Puts a capture in, as [`Intake::ask`]; what comes back beside is the reply to transmit, if there is one.
    pub async fn converse(&self, capture: Capture) -> (oneshot::Receiver<Answer>, oneshot::Receiver<Reply>) {
        let ((answer, answered), (reply, replied)) = (oneshot::channel(), oneshot::channel());
        self.counts.frames.add(1);
        let _ = self.sender.send(Taken { capture, answer: Some(answer), reply: Some(reply) }).await;
        (answered, replied)
    }
}

/// Why a source ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A source of CoAP.
    #[error(transparent)]
    Coap(#[from] coap::CoapError),
    /// A source of datagrams or frames.
    #[error(transparent)]
    Datagram(#[from] datagram::DatagramError),
    /// A source of lines.
    #[error(transparent)]
    Lines(#[from] lines::LinesError),
    /// A broker.
    #[error("mqtt: {0}")]
    Mqtt(#[from] crate::mqtt::MqttError),
    /// Packet forwarders.
    #[error(transparent)]
    Gwmp(#[from] gwmp::GwmpError),
    /// Basics Stations.
    #[error(transparent)]
    Lns(#[from] lns::LnsError),
    /// A bus.
    #[error(transparent)]
    Rs485(#[from] rs485::Rs485Error),
    /// A sniffer.
    #[error(transparent)]
    Sniffer(#[from] sniffer::SnifferError),
    /// An archive.
    #[error(transparent)]
    Archive(#[from] archive::ArchiveError),
}

/// Runs a source until it ends by itself or is asked to stop.
///
/// # Errors
/// When it cannot go on. What may heal by itself, such as a lost connection, it waits out.
pub async fn run(config: Config, intake: Intake, stop: Stop) -> Result<(), SourceError> {
    match config {
        Config::Coap(config) => Ok(coap::run(config, intake, stop).await?),
        Config::Udp(config) => Ok(datagram::run_udp(config, intake, stop).await?),
        Config::Tcp(config) => Ok(datagram::run_tcp(config, intake, stop).await?),
        Config::Lines(config) => Ok(lines::run(config, intake, stop).await?),
        Config::Mqtt(config) => Ok(mqtt::run(*config, intake, stop).await?),
        Config::Gwmp(config) => Ok(gwmp::run(config, intake, stop).await?),
        Config::Lns(config) => Ok(lns::run(config, intake, stop).await?),
        Config::Rs485(config) => Ok(rs485::run(config, intake, stop).await?),
        Config::Sniffer(config) => Ok(sniffer::run(config, intake, stop).await?),
        Config::Simulate(config) => {
            simulate::run(config, intake, stop).await;
            Ok(())
        }
        Config::Archive(config) => Ok(archive::run(config, intake, stop).await?),
    }
}
