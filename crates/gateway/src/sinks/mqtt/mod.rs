//! An MQTT broker: every record is published with QoS 1 and confirmed when the broker has acknowledged it.
//!
//! The client library loses publishes when a connection breaks, and may wait for ever for a packet id. This sink is
//! immune to both, because it relies on neither its memory nor its ids: a ledger of its own knows which record each packet
//! is, a new connection is a new client, and after any fault the records are read from the queue again.
//!
//! What a broker says to a record, and what becomes of it:
//!
//! | MQTT 5, reason code | |
//! |---|---|
//! | 0x00, 0x10 | it is confirmed |
//! | 0x97 quota exceeded, 0x91 identifier in use | a new connection after a while, again and again |
//! | 0x87 not authorised | a longer pause, and the gateway is not ready: somebody must change that |
//! | 0x80 unspecified, 0x83 implementation specific | tried a few times, then as below |
//! | 0x90 topic name, 0x99 payload format; too large for the broker | a small report of why goes to `undecoded` |

mod client;
mod config;
mod events;
mod home_assistant;
mod ledger;
mod probe;
mod session;
mod topic;

pub use crate::mqtt::{MqttError, Url, Version};
pub use config::{Config, Keys};

use crate::backoff::Backoff;
use crate::mqtt::{Brokers, Fault};
use crate::queue::{Position, Reader};
use crate::quiet::Quiet;
use client::Publisher;
use session::{End, Session};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;
use tracing::{info, warn};

/// A sink for a broker, ready to connect.
#[derive(Debug)]
pub struct Mqtt {
    publisher: Publisher,
    gateway: String,
    patience: Duration,
    next_after: Duration,
    first_after: Duration,
    home_assistant: Option<String>,
}

/// What outlasts a connection.
#[derive(Debug)]
struct Memory {
    brokers: Brokers,
    /// How often records were refused without a reason; at most as many as the window has.
    refused: BTreeMap<Position, u8>,
    /// The last broker did not let the gateway in.
    kept_out: bool,
    /// It was given records, and has taken none since.
    owes: bool,
    /// It has taken one since it let the gateway in.
    has_taken: bool,
    /// So it had through the connection before.
    had_taken: bool,
    quiet: Quiet,
}

impl Mqtt {
    /// Reads password and certificates.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn new(config: &Config, gateway: &str) -> Result<Self, MqttError> {
        let publisher = Publisher::new(config, gateway)?;
        let (next_after, first_after) = (config.connection.next_after.0, config.connection.first_after.0);
        Ok(Self {
            publisher,
            gateway: gateway.to_owned(),
            patience: config.patience.0,
            next_after,
            first_after,
            home_assistant: config.home_assistant.clone(),
        })
    }

    /// Publishes until the queue is closed and everything has been acknowledged.
    pub async fn run(self, reader: Reader) {
        let mut backoff = Backoff::default();
        let mut pause = Backoff::new(Duration::from_secs(2), Duration::from_secs(60));
        let brokers = Brokers::new(self.publisher.settings.urls.len(), self.next_after);
        let mut memory = Memory {
            brokers,
            refused: BTreeMap::new(),
            kept_out: false,
            owes: false,
            has_taken: false,
            had_taken: false,
            quiet: Quiet::default(),
        };
        loop {
            let started = Instant::now();
            let ended = match Session::open(&self, &reader, &mut memory).await {
                Ok(session) => session.run().await,
                Err(fault) => {
                    memory.kept_out = matches!(fault, Fault::Barred(_));
                    Err(fault)
                }
            };
            let fault = match ended {
                Ok(End::Done) => return,
                Ok(End::FirstIsBack) => {
                    memory.brokers.back_to_first();
                    continue;
                }
                Err(fault) => fault,
            };
            reader.fault(&fault);
            let broker =
                self.publisher.settings.urls.get(memory.brokers.now()).map(ToString::to_string).unwrap_or_default();
            let now = Instant::now();
            memory.quiet.due(now.into_std(), |of, more| info!(of, more, "more of the same"));
            if memory.quiet.may(&format!("{broker}: {fault}"), now.into_std()) {
                warn!(%broker, %fault, "the broker is away, trying again");
            }
            let lasted = now.saturating_duration_since(started) > Duration::from_secs(10);
            // A broker that takes records is not disturbed by who comes back soon, unless it has had too much.
            memory.had_taken = std::mem::take(&mut memory.has_taken);
            let took = memory.had_taken && !matches!(fault, Fault::Refused(_) | Fault::Barred(_));
            if lasted || took {
                backoff.reset();
                pause.reset();
            }
            let mut wait = backoff.wait();
            if matches!(fault, Fault::Barred(_)) {
                reader.barred(&format!("{broker}: {fault}"));
                wait = pause.wait();
            }
            if memory.brokers.fault(now, memory.owes) {
                info!(from = broker, "another broker is next");
                wait = Duration::ZERO;
            } else if let Some(left) = memory.brokers.left(now) {
                wait = wait.min(left).max(Duration::from_millis(100));
            }
            tokio::time::sleep(wait).await;
        }
    }
}

impl Memory {
    /// The broker has let the gateway in.
    fn connected(&mut self, reader: &Reader) {
        self.brokers.is_there();
        if std::mem::take(&mut self.kept_out) {
            reader.allowed();
        }
    }

    /// The broker has taken a record.
    const fn taken(&mut self) {
        (self.owes, self.has_taken) = (false, true);
        self.brokers.has_taken();
    }

    /// Whether the broker takes records these days: then a refusal is for the record that is refused.
    const fn takes(&self) -> bool {
        self.has_taken || self.had_taken
    }

    /// A record was refused without a reason; how often by now.
    fn refused(&mut self, position: Position) -> u8 {
        let times = self.refused.entry(position).or_default();
        *times = times.saturating_add(1);
        *times
    }

    /// Everything up to a place has arrived.
    fn confirmed(&mut self, position: Position) {
        while let Some(oldest) = self.refused.first_entry().filter(|oldest| *oldest.key() <= position) {
            oldest.remove();
        }
    }
}
