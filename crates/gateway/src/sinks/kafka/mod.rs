//! Kafka: every record is produced once, idempotently and to all replicas in sync, and confirmed when the brokers have
//! acknowledged it and everything before it.
//!
//! The client library retries by itself as long as a fault may pass; its memory is bounded by a ledger of ours. What it
//! reports as failed is judged by its code (`verdict.rs`):
//!
//! | what the brokers say | what becomes of it |
//! |---|---|
//! | a record too large, an invalid record | it is sent again alone, since others of its batch fail with it; refused alone, what is left of it goes to `undecoded` with the reason |
//! | not authorised, an unknown topic, no such user, wrong certificates | nothing goes until somebody changes that, which readiness says; tried again with longer and longer waits |
//! | anything else, and a client that is beyond repair | a new client, and everything that was not confirmed once more |
//!
//! Nothing is ever dropped because it waits too long.

mod client;
mod config;
mod ledger;
mod message;
mod session;
mod verdict;

pub use config::{Broker, Compression, Config, Keys, Mechanism, Topic, Topics, User};

use crate::backoff::Backoff;
use crate::connect::PATIENCE;
use crate::queue::{Position, Reader};
use crate::secret::SecretError;
use client::{Batch, Settings};
use session::{End, Session};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// A sink for Kafka, ready to connect.
#[derive(Debug)]
pub struct Kafka {
    settings: Settings,
    gateway: String,
    topics: Topics,
    raw: bool,
    buffer: usize,
    patience: Duration,
}

/// Why the sink cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    /// The password is not there.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A certificate or key cannot be read.
    #[error("{path}: {1}", path = .0.display())]
    Pem(PathBuf, String),
    /// The client library does not take what it is told.
    #[error("{0}")]
    Client(String),
}

/// Why a client is given up.
#[derive(Debug, thiserror::Error)]
enum Fault {
    /// Somebody must change something.
    #[error("{0}")]
    Refused(String),
    /// It is beyond repair, or failed for a reason that may pass.
    #[error("{0}")]
    Lost(String),
    /// The brokers do not answer.
    #[error("the brokers have acknowledged nothing for {} s", .0.as_secs())]
    Silent(Duration),
    /// A record was refused, and others with it: which one, they show alone.
    #[error("a batch is refused")]
    Batch,
}

/// How records are put together, which outlasts a client.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// The most octets of a batch.
    batch: usize,
    /// Up to here each record goes alone: one of them, or the batch they went in, was refused.
    alone: Option<Position>,
    /// The batch may have been too large, and none of its records.
    large: bool,
}

/// The most octets of a batch: what brokers take, as they come.
const BATCH: usize = 1_000_000;
/// It never becomes smaller: a larger record goes alone anyhow.
const SMALLEST: usize = 4 << 10;

impl Pace {
    const fn batch(&self) -> Batch {
        match self.alone {
            Some(_) => Batch::Alone,
            None => Batch::Octets(self.batch),
        }
    }

    /// A batch with this record was refused, maybe because it was too large.
    const fn refused(&mut self, position: Option<Position>, large: bool) {
        self.alone = position;
        self.large = large;
    }

    /// So was another record, of that batch or of one behind it.
    fn suspect(&mut self, position: Option<Position>) {
        self.alone = self.alone.and_then(|last| position.map(|position| position.max(last))).or(self.alone);
    }

    /// Those that went alone have arrived.
    fn passed(&mut self) {
        if self.large {
            self.batch = (self.batch / 2).max(SMALLEST);
            info!(octets = self.batch, "the brokers take smaller batches only");
        }
        self.alone = None;
    }
}

impl Kafka {
    /// Reads password and certificates.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn new(config: &Config, gateway: &str) -> Result<Self, KafkaError> {
        Ok(Self {
            settings: Settings::new(config, gateway)?,
            gateway: gateway.to_owned(),
            topics: config.topics.clone(),
            raw: config.raw,
            buffer: config.buffer,
            patience: config.patience,
        })
    }

    /// Delivers until the queue is closed and everything has been acknowledged.
    pub async fn run(self, reader: Reader) {
        let mut backoff = Backoff::default();
        let mut pace = Pace { batch: BATCH, alone: None, large: false };
        loop {
            let (started, before) = (Instant::now(), reader.confirmed());
            let fault = match self.session(&reader, &mut pace).await {
                Ok(End::Done) => return,
                Ok(End::Passed) => {
                    pace.passed();
                    continue;
                }
                Err(Fault::Batch) => {
                    info!("a batch is refused: its records go alone, to find which one it is");
                    continue;
                }
                Err(fault) => fault,
            };
            let brokers = &self.settings.brokers;
            reader.fault(&fault);
            match &fault {
                Fault::Refused(why) => {
                    reader.barred(why);
                    warn!(brokers, %fault, "the brokers refuse: nothing is delivered until that is changed");
                }
                _ => warn!(brokers, %fault, "a new client begins where the last one was"),
            }
            if started.elapsed() > Duration::from_secs(10) && reader.confirmed() > before {
                backoff.reset();
            }
            tokio::time::sleep(backoff.wait()).await;
        }
    }

    /// Tries the brokers, once.
    pub(crate) async fn probe(self) -> Result<String, String> {
        let producer = self.settings.open(Batch::Alone).map_err(|fault| fault.to_string())?;
        let asked = tokio::task::spawn_blocking(move || {
            let found = producer.ask(PATIENCE);
            (producer, found)
        });
        let (producer, found) = asked.await.map_err(|error| error.to_string())?;
        producer.end().await;
        let (brokers, there) = found.map_err(|why| format!("{}: {why}", self.settings.brokers))?;
        let Topics { readings, events, undecoded, raw } = &self.topics;
        let wanted = [Some(readings), Some(events), Some(undecoded), self.raw.then_some(raw)];
        let missing = wanted.into_iter().flatten().filter(|topic| !there.contains(&topic.0));
        let missing: Vec<_> = missing.map(|topic| topic.0.as_str()).collect();
        let brokers = format!("{brokers} of the cluster of {} answer", self.settings.brokers);
        if missing.is_empty() {
            return Ok(brokers);
        }
        Ok(format!("{brokers}; not there, unless the brokers make them: {}", missing.join(", ")))
    }

    /// One client, from its beginning to its end. Everything it knows ends with it, but for the queue's cursor.
    async fn session(&self, reader: &Reader, pace: &mut Pace) -> Result<End, Fault> {
        let producer = self.settings.open(pace.batch())?;
        let mut session = Session::new(self, reader, pace, producer);
        let ended = session.run().await;
        session.end().await;
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::tests::place;

    #[test]
    fn batches_become_smaller_only_when_no_record_is_to_blame() {
        let mut pace = Pace { batch: BATCH, alone: None, large: false };
        pace.suspect(Some(place(5)));
        assert_eq!(pace.batch(), Batch::Octets(BATCH), "another fault than that of a batch");
        pace.refused(Some(place(7)), true);
        pace.suspect(Some(place(9)));
        pace.suspect(Some(place(8)));
        assert_eq!((pace.batch(), pace.alone), (Batch::Alone, Some(place(9))));
        pace.large = false;
        pace.passed();
        assert_eq!(pace.batch(), Batch::Octets(BATCH));
        for _ in 0..20 {
            pace.refused(Some(place(9)), true);
            pace.passed();
        }
        assert_eq!(pace.batch(), Batch::Octets(SMALLEST));
    }
}
