//! Sources: where captures come from. A source is a folder here and a task when it runs.

pub mod archive;
pub mod lines;
pub mod simulate;

pub(crate) use crate::clock::now;

use crate::capture::Capture;
use crate::commands::{Link, Links};
use crate::config::{ConfigError, PartTable, Tcp};
use crate::queue::QueueError;
use crate::stop::Stop;
use crate::telemetry::OfSource;
use esh_core::Protocol;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// One `[[source]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Config {
    /// Lines of text from a socket, a file, a program or a serial port.
    Lines(lines::Config),
    /// Simulated meters.
    Simulate(simulate::Config),
    /// Archives. It has no word: the command `replay` alone makes it.
    Archive(archive::Config),
}

impl Config {
    const KINDS: [&str; 2] = ["lines", "simulate"];

    pub(crate) fn of_kind(table: PartTable<'_, '_>) -> Result<Self, ConfigError> {
        match table.kind() {
            "lines" => table.build().map(Self::Lines),
            "simulate" => table.build().map(Self::Simulate),
            _ => Err(table.unknown(&Self::KINDS)),
        }
    }

    /// The word behind `kind`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Lines(_) => "lines",
            Self::Simulate(_) => "simulate",
            Self::Archive(_) => "archive",
        }
    }

    /// The address at which it listens.
    #[must_use]
    pub const fn listens(&self) -> Option<&Tcp> {
        match self {
            Self::Lines(lines::Config { input: lines::Input::Listen(tcp), .. }) => Some(tcp),
            Self::Lines(_) | Self::Simulate(_) | Self::Archive(_) => None,
        }
    }

    /// Its name, which stands in reports.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Lines(config) => config.name.as_deref(),
            Self::Simulate(config) => config.name.as_deref(),
            Self::Archive(config) => config.name.as_deref(),
        }
    }

    pub(crate) fn set_name(&mut self, name: &str) {
        match self {
            Self::Lines(config) => config.name = Some(name.to_owned()),
            Self::Simulate(config) => config.name = Some(name.to_owned()),
            Self::Archive(config) => config.name = Some(name.to_owned()),
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
}

/// What became of a capture: `Ok` once the queue has committed its record, or that of the frame it is a copy of.
pub type Answer = Result<(), QueueError>;

/// Where sources put what they capture. Waiting here is how a full queue makes sources wait.
#[derive(Clone, Debug)]
pub struct Intake {
    sender: mpsc::Sender<Taken>,
    links: Links,
    pub(crate) counts: Arc<OfSource>,
}

impl Intake {
    /// An intake that holds so many captures, and the end where they come out.
    #[must_use]
    pub fn new(limit: usize) -> (Self, mpsc::Receiver<Taken>) {
        let (sender, receiver) = mpsc::channel(limit);
        (Self { sender, links: Links::default(), counts: Arc::default() }, receiver)
    }

    /// The same intake for a source that counts here.
    pub(crate) fn counting(&self, counts: &Arc<OfSource>) -> Self {
        Self { sender: self.sender.clone(), links: self.links.clone(), counts: Arc::clone(counts) }
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
        self.sender.send(Taken { capture, answer: None }).await.is_ok()
    }

    /// Puts a capture in; what comes back tells what became of it. An error there means that the gateway stopped first.
    pub async fn ask(&self, capture: Capture) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        self.counts.frames.add(1);
        // When the line has ended the sender is dropped with the capture, and the receiver says so.
        let _ = self.sender.send(Taken { capture, answer: Some(sender) }).await;
        receiver
    }
}

/// Why a source ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A source of lines.
    #[error(transparent)]
    Lines(#[from] lines::LinesError),
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
        Config::Lines(config) => Ok(lines::run(config, intake, stop).await?),
        Config::Simulate(config) => {
            simulate::run(config, intake, stop).await;
            Ok(())
        }
        Config::Archive(config) => Ok(archive::run(config, intake, stop).await?),
    }
}
