//! An MQTT broker: every record is published with QoS 1 and confirmed when the broker has acknowledged it.
//!
//! The client library loses publishes when a connection breaks, and may wait for ever for a packet id. This sink is
//! immune to both, because it relies on neither its memory nor its ids: a ledger of its own knows which record each packet
//! is, a new connection is a new client, and after any fault the records are read from the queue again.

mod client;
mod config;
mod events;
mod ledger;
mod tls;
mod topic;

pub use config::{Config, Keys, Secure, Url, Version};

use crate::backoff::Backoff;
use crate::queue::{Position, Reader};
use crate::secret::SecretError;
use client::{Fault, Link, Settings, Step, Verdict};
use ledger::Ledger;
use std::{path::PathBuf, time::Duration};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{error, info, warn};

/// A sink for a broker, ready to connect.
#[derive(Debug)]
pub struct Mqtt {
    settings: Settings,
    gateway: String,
    patience: Duration,
}

/// Why the sink cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum MqttError {
    /// The password is not there.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A certificate or key cannot be read.
    #[error("{path}: {1}", path = .0.display())]
    Pem(PathBuf, String),
    /// The certificates do not make a TLS configuration.
    #[error("TLS: {0}")]
    Tls(String),
}

impl Mqtt {
    /// Reads password and certificates.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn new(config: &Config, gateway: &str) -> Result<Self, MqttError> {
        let settings = Settings::new(config, gateway)?;
        Ok(Self { settings, gateway: gateway.to_owned(), patience: config.patience.0 })
    }

    /// Publishes until the queue is closed and everything has been acknowledged.
    pub async fn run(self, reader: Reader) {
        let mut backoff = Backoff::default();
        loop {
            let started = Instant::now();
            match self.session(&reader).await {
                Ok(()) => return,
                Err(fault) => {
                    reader.fault();
                    warn!(broker = %self.settings.url, %fault, "the broker is away, trying again");
                }
            }
            if started.elapsed() > Duration::from_secs(10) {
                backoff.reset();
            }
            tokio::time::sleep(backoff.wait()).await;
        }
    }

    /// One connection, from its first packet to its end. Everything it knows ends with it, but for the queue's cursor.
    async fn session(&self, reader: &Reader) -> Result<(), Fault> {
        let mut link = Link::open(&self.settings, &topic::status(&self.gateway));
        let (limit, largest) = link.connected(self.patience).await?;
        info!(broker = %self.settings.url, "connected");
        let mut ledger = Ledger::new(self.settings.window.min(limit));
        let mut read = reader.confirmed();
        if !self.settings.beside {
            link.publish(topic::status(&self.gateway), true, "online".into())?;
            ledger.handed_over(None);
        }

        let mut more = true;
        let mut steps = Vec::with_capacity(64);
        let mut deadline = Instant::now() + self.patience;
        while more || !ledger.is_empty() {
            tokio::select! {
                count = link.steps(&mut steps) => {
                    if count == 0 {
                        return Err(Fault::Gone);
                    }
                    for step in steps.drain(..) {
                        if self.step(step?, &mut ledger, reader)? {
                            deadline = Instant::now() + self.patience;
                        }
                    }
                }
                entry = reader.next(read), if more && ledger.has_room() => match entry {
                    None => more = false,
                    Some(entry) => {
                        if ledger.is_empty() {
                            deadline = Instant::now() + self.patience;
                        }
                        read = entry.position;
                        let topic = topic::record(&self.gateway, &entry.record);
                        let octets = topic.len() + entry.record.report.len();
                        if octets > largest {
                            // No broker will ever take it, and it would take the connection with it each time.
                            error!(broker = %self.settings.url, id = %format_args!("{:032x}", entry.record.id.0), octets, largest,
                                "a report is larger than the broker takes and is left out");
                            if let Some(position) = ledger.left_out(entry.position) {
                                reader.confirm(position);
                            }
                            continue;
                        }
                        link.publish(topic, false, entry.record.report.clone())?;
                        ledger.handed_over(Some(entry.position));
                    }
                },
                () = sleep_until(deadline), if !ledger.is_empty() => return Err(Fault::Silent(self.patience)),
            }
        }
        self.leave(link).await;
        Ok(())
    }

    /// Takes note of what has happened; says whether something was acknowledged.
    fn step(&self, step: Step, ledger: &mut Ledger, reader: &Reader) -> Result<bool, Fault> {
        let (packet, verdict) = match step {
            Step::Connected { .. } => return Ok(false),
            Step::Sent(packet) => return ledger.sent(packet).then_some(false).ok_or(Fault::Confused),
            Step::Acknowledged(packet, verdict) => (packet, verdict),
        };
        match verdict {
            Verdict::Taken => {}
            Verdict::NotNow(reason) if ledger.is_record(packet) => return Err(Fault::Refused(reason)),
            // The next issue sends it as `undecoded`, with the reason.
            Verdict::Never(reason) if ledger.is_record(packet) => {
                error!(broker = %self.settings.url, reason, "the broker refuses a report for good, it is left out");
            }
            Verdict::NotNow(reason) | Verdict::Never(reason) => {
                warn!(broker = %self.settings.url, reason, "the broker does not take the gateway's status");
            }
        }
        if let Some(position) = ledger.acknowledged(packet).map_err(|_| Fault::Confused)? {
            reader.confirm(position);
        }
        Ok(true)
    }

    /// Says that it goes, as far as the broker still listens.
    async fn leave(&self, mut link: Link) {
        let farewell = async {
            if !self.settings.beside {
                link.publish(topic::status(&self.gateway), true, "offline".into())?;
            }
            let mut steps = Vec::new();
            'waiting: while !self.settings.beside && link.steps(&mut steps).await > 0 {
                for step in steps.drain(..) {
                    if matches!(step?, Step::Acknowledged(..)) {
                        break 'waiting;
                    }
                }
            }
            link.close().await;
            Ok::<_, Fault>(())
        };
        // Everything has been delivered; a broker that does not hear the farewell sends the last will.
        let _ = timeout(Duration::from_secs(2), farewell).await;
    }
}

impl Position {
    /// The later of two places.
    fn later(self, other: Option<Self>) -> Self {
        other.map_or(self, |other| self.max(other))
    }
}
