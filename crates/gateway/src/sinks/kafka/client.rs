//! One producer of librdkafka, reduced to what the sink relies on: what was handed over under which ticket, what became of
//! it, and what is wrong with the brokers. A [`Producer`] is never used again after a fault.

use super::config::{Config, Mechanism};
use super::ledger::{MOST, OVERHEAD, Ticket};
use super::message::Envelope;
use super::{Fault, KafkaError};
use crate::quiet::Quiet;
use crate::secret::Exposed;
use crate::secure::Secure;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError as LibraryError;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{ClientContext, config::FromClientConfigAndContext as _};
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tracing::{debug, info, warn};

/// Everything a producer needs, with the secrets read.
pub(super) struct Settings {
    client: ClientConfig,
    user: Option<(String, Exposed, Mechanism)>,
    pub(super) brokers: String,
}

/// The most octets of a record: no segment of the queue holds a larger one.
const LARGEST: usize = 64 << 20;

/// How much goes in one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Batch {
    /// So many octets, or one record.
    Octets(usize),
    /// One record.
    Alone,
}

/// A client that delivers in threads of its own.
pub(super) struct Producer {
    /// `None` once it is being ended.
    inner: Option<ThreadedProducer<Context>>,
}

/// What has happened since one last asked.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Messages, and why they failed where they did.
    pub(super) answers: Vec<(usize, Option<Code>)>,
    /// What is wrong with the brokers, in the library's words.
    pub(super) troubles: Vec<(Code, String)>,
}

/// Where the library's threads leave what has happened.
#[derive(Default)]
struct Context {
    news: Mutex<News>,
    some: Notify,
    quiet: Mutex<Quiet>,
}

/// The most troubles that wait to be heard: they repeat themselves.
const TROUBLES: usize = 16;

impl Settings {
    pub(super) fn new(config: &Config, gateway: &str) -> Result<Self, KafkaError> {
        let user = match &config.user {
            None => None,
            Some(user) => Some((user.name.clone(), user.password.read()?, user.mechanism)),
        };
        let brokers: Vec<_> = config.brokers.iter().map(ToString::to_string).collect();
        let brokers = brokers.join(",");
        let mut client = ClientConfig::new();
        client.set_log_level(RDKafkaLogLevel::Notice);
        let buffer = (config.buffer + LARGEST + MOST * OVERHEAD) >> 10;
        for (property, value) in [
            ("bootstrap.servers", brokers.clone()),
            ("client.id", config.client_id.clone().unwrap_or_else(|| format!("esh-{gateway}"))),
            // Acknowledged is what all replicas in sync have, in the order it was sent and once for each client.
            ("enable.idempotence", "true".to_owned()),
            ("acks", "all".to_owned()),
            // The queue keeps records for as long as it takes; nothing is given up here.
            ("message.timeout.ms", "0".to_owned()),
            ("message.max.bytes", LARGEST.to_string()),
            // The ledger bounds what is under way; these only must not be met first.
            ("queue.buffering.max.kbytes", buffer.to_string()),
            ("queue.buffering.max.messages", (4 * MOST).to_string()),
            ("queue.buffering.max.ms", config.linger.as_millis().to_string()),
            ("compression.codec", config.compression.word().to_owned()),
            // As the Java clients do, so that their streams of the same keys meet ours.
            ("partitioner", "murmur2_random".to_owned()),
            ("topic.metadata.propagation.max.ms", "10000".to_owned()),
            ("reconnect.backoff.max.ms", "10000".to_owned()),
            ("socket.connection.setup.timeout.ms", "10000".to_owned()),
            ("socket.keepalive.enable", "true".to_owned()),
            // An idle connection that a broker closes is no fault.
            ("log.connection.close", "false".to_owned()),
        ] {
            client.set(property, value);
        }
        let protocol = match (&config.secure, &config.user) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        client.set("security.protocol", protocol);
        if let Some(Secure { ca, own }) = &config.secure {
            if let Some(ca) = ca {
                client.set("ssl.ca.location", pem(ca)?);
            }
            if let Some((certificate, key)) = own {
                client.set("ssl.certificate.location", pem(certificate)?).set("ssl.key.location", pem(key)?);
            }
        }
        let settings = Self { client, user, brokers };
        settings.config(Batch::Alone).create_native_config().map_err(|error| KafkaError::Client(words(&error)))?;
        Ok(settings)
    }

    /// Begins to connect.
    pub(super) fn open(&self, batch: Batch) -> Result<Producer, Fault> {
        let producer = ThreadedProducer::from_config_and_context(&self.config(batch), Context::default());
        Ok(Producer { inner: Some(producer.map_err(|error| Fault::Refused(words(&error)))?) })
    }

    fn config(&self, batch: Batch) -> ClientConfig {
        let mut config = self.client.clone();
        match batch {
            Batch::Octets(octets) => config.set("batch.size", octets.to_string()),
            Batch::Alone => config.set("batch.num.messages", "1"),
        };
        if let Some((name, password, mechanism)) = &self.user {
            config.set("sasl.mechanisms", mechanism.word());
            config.set("sasl.username", name).set("sasl.password", password.expose());
        }
        config
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("brokers", &self.brokers).finish_non_exhaustive()
    }
}

/// A file that must be there and look right before it is left to the library. What stands in it is never said.
fn pem(path: &Path) -> Result<String, KafkaError> {
    let wrong = |what: String| KafkaError::Pem(path.to_owned(), what);
    let text = zeroize::Zeroizing::new(std::fs::read(path).map_err(|error| wrong(error.to_string()))?);
    if memchr::memmem::find(&text, b"-----BEGIN ").is_none() {
        return Err(wrong("not a PEM file".to_owned()));
    }
    path.to_str().map(str::to_owned).ok_or_else(|| wrong("its name is not text".to_owned()))
}

/// An error of the library, without the values of properties: one is the password.
fn words(error: &LibraryError) -> String {
    match error {
        LibraryError::ClientConfig(_, _, property, _) => format!("the library does not take `{property}`"),
        LibraryError::Nul(_) => "a name or a password has a zero octet in it".to_owned(),
        LibraryError::ClientCreation(why) => why.clone(),
        other => other.to_string(),
    }
}

impl Producer {
    /// Hands a message over. It is copied.
    pub(super) fn send(&self, envelope: &Envelope<'_>, payload: &[u8], ticket: Ticket) -> Result<(), Code> {
        let Some(inner) = &self.inner else { return Err(Code::DestroyBroker) };
        let message = BaseRecord::with_opaque_to(envelope.topic, ticket.pack()).payload(payload);
        let message = BaseRecord { key: envelope.key, headers: Some(envelope.headers()), ..message };
        inner.send(message).map_err(|(error, _)| error.rdkafka_error_code().unwrap_or(Code::Unknown))
    }

    /// Waits for something to happen.
    pub(super) async fn news(&self, into: &mut News) {
        let Some(inner) = &self.inner else { return std::future::pending().await };
        let context = inner.client().context();
        loop {
            {
                let mut news = lock(&context.news);
                if !news.answers.is_empty() || !news.troubles.is_empty() {
                    std::mem::swap(&mut *news, into);
                    return;
                }
            }
            context.some.notified().await;
        }
    }

    /// Asks the brokers who they are and what topics they have, waiting for so long. It blocks.
    pub(super) fn ask(&self, patience: Duration) -> Result<(usize, Vec<String>), String> {
        let Some(inner) = &self.inner else { return Err(Code::DestroyBroker.to_string()) };
        match inner.client().fetch_metadata(None, patience) {
            Ok(found) => {
                let topics = found.topics().iter().map(|topic| topic.name().to_owned()).collect();
                Ok((found.brokers().len(), topics))
            }
            Err(error) => {
                // What the library has said since tells more than that nobody answered.
                let news = lock(&inner.client().context().news);
                let why = news.troubles.iter().find(|(code, _)| *code != Code::AllBrokersDown);
                Err(why.map_or_else(|| words(&error), |(_, why)| why.clone()))
            }
        }
    }

    /// Why it can never deliver anything again, if it is so.
    pub(super) fn fatal(&self) -> Option<(Code, String)> {
        self.inner.as_ref()?.client().fatal_error()
    }

    /// Ends it. What it has not delivered is forgotten here.
    pub(super) async fn end(mut self) {
        if let Some(inner) = self.inner.take() {
            // Its threads may be busy with a broker that does not answer. If they cannot be waited for, they end alone.
            let _ = tokio::task::spawn_blocking(move || drop(inner)).await;
        }
    }
}

/// How long a stopped sink waits for the library's threads.
const PATIENCE: Duration = Duration::from_secs(2);

impl Drop for Producer {
    fn drop(&mut self) {
        // The sink has been stopped in the middle, and so is the program: its end must not meet the library at work. Threads
        // that wait for the name of a broker are left alone after a while.
        let Some(inner) = self.inner.take() else { return };
        let (ended, end) = mpsc::channel();
        let ending = std::thread::Builder::new().name("kafka-end".to_owned()).spawn(move || {
            drop(inner);
            let _ = ended.send(());
        });
        if ending.is_ok() {
            let _ = end.recv_timeout(PATIENCE);
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // In an outage it has much to say.
        let (now, mut quiet) = (Instant::now(), lock(&self.quiet));
        quiet.due(now, |facility, lines| info!(facility, lines, "librdkafka has said more"));
        if !quiet.may(facility, now) {
            return;
        }
        drop(quiet);
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                warn!(facility, "librdkafka: {message}");
            }
            // What matters of these comes as an answer or a trouble, too.
            _ => debug!(facility, "librdkafka: {message}"),
        }
    }

    fn error(&self, error: LibraryError, reason: &str) {
        let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
        let mut news = lock(&self.news);
        let known = news.troubles.last().is_some_and(|(last, why)| *last == code && why == reason);
        if !known && news.troubles.len() < TROUBLES {
            news.troubles.push((code, reason.to_owned()));
            drop(news);
            self.some.notify_one();
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let failed = result.as_ref().err().map(|(error, _)| error.rdkafka_error_code().unwrap_or(Code::Unknown));
        lock(&self.news).answers.push((ticket, failed));
        self.some.notify_one();
    }
}

/// Nothing panics while it holds one of these locks; if something did, what they guard would still be whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
