//! An MQTT broker at which others publish what meters say: network servers of LoRaWAN, and Zigbee2MQTT.
//!
//! Every message is acknowledged only once the queue has committed its record, in the order they came. The session
//! lasts, so what is published while the gateway is away, and what it had not acknowledged, comes when it is back; such a
//! message says its own counter or time, by which its report has the id of the first. What the broker had kept
//! (`retain`) is no news but for a device of Zigbee2MQTT that says when it was heard, and that counts once.

mod config;
mod devices;
mod link;
mod probe;
mod session;
mod translate;

pub use config::{Config, Format, Keys};
pub use devices::Devices;

use super::Intake;
use crate::backoff::Backoff;
use crate::mqtt::{Brokers, Fault, MqttError, Url};
use crate::quiet::Quiet;
use crate::stop::Stop;
use link::Subscriber;
use session::{End, Session};
use std::time::Duration;
use tokio::time::Instant;
use tracing::{info, warn};
use translate::Translator;

/// A source that is ready to connect.
#[derive(Debug)]
struct Mqtt {
    name: String,
    subscriber: Subscriber,
    /// The same under another name, which asks what the broker has kept.
    asking: Subscriber,
    topics: Vec<String>,
    /// The base topic, where there is a bridge to ask.
    bridge: Option<String>,
    window: usize,
    first_after: Duration,
    brokers: Brokers,
    translator: Translator,
    intake: Intake,
    quiet: Quiet,
}

/// Takes messages until it is asked to stop. A broker that is away is waited for.
///
/// # Errors
/// When a password or a certificate cannot be read.
pub async fn run(config: Config, intake: Intake, mut stop: Stop) -> Result<(), MqttError> {
    let counts = intake.counts.clone();
    let mut mqtt = Mqtt {
        name: config.name.clone().unwrap_or_else(|| "mqtt".to_owned()),
        subscriber: Subscriber::new(&config)?,
        asking: Subscriber::new(&config)?.asking(),
        topics: config.topics.clone(),
        bridge: (config.format == Format::Zigbee2mqtt).then(|| config.base.clone()),
        window: config.window.into(),
        first_after: config.connection.first_after.0,
        brokers: Brokers::new(config.connection.urls.len(), config.connection.next_after.0),
        translator: Translator::new(&config, &counts),
        intake,
        quiet: Quiet::default(),
    };
    let mut backoff = Backoff::default();
    while !stop.is_asked() {
        let started = Instant::now();
        let opened = tokio::select! {
            () = stop.asked() => return Ok(()),
            opened = Session::open(&mut mqtt) => opened,
        };
        let ended = match opened {
            Ok(session) => session.run(&mut stop).await,
            Err(fault) => Err(fault),
        };
        let fault = match ended {
            Ok(End::Stopped) => return Ok(()),
            Ok(End::FirstIsBack) => {
                mqtt.brokers.back_to_first();
                continue;
            }
            Err(fault) => fault,
        };
        if started.elapsed() > Duration::from_secs(10) {
            backoff.reset();
        }
        let wait = mqtt.fault(&fault, backoff.wait());
        tokio::select! {
            () = stop.asked() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    Ok(())
}

impl Config {
    /// Reads what it needs before it runs.
    ///
    /// # Errors
    /// When a password or a certificate cannot be read.
    pub(crate) fn check(&self) -> Result<(), MqttError> {
        Subscriber::new(self).map(drop)
    }

    /// The broker knows it by its gateway, unless it has a name there.
    pub(super) fn belongs_to(&mut self, gateway: &str) {
        let source = self.name.as_deref().unwrap_or("mqtt");
        self.connection.client_id.get_or_insert_with(|| format!("esh-{gateway}-{source}"));
    }
}

impl Mqtt {
    /// The present broker.
    fn url(&self) -> Option<&Url> {
        let urls = &self.subscriber.settings.urls;
        urls.get(self.brokers.now()).or_else(|| urls.first())
    }

    /// The broker lets the gateway in and gives it what it asks for.
    fn let_in(&mut self) {
        self.brokers.is_there();
        self.intake.counts.reached();
    }

    /// A connection has ended; says how long to wait.
    fn fault(&mut self, fault: &Fault, wait: Duration) -> Duration {
        let (broker, now) = (self.url().map(ToString::to_string).unwrap_or_default(), Instant::now());
        self.intake.counts.reconnects.add(1);
        self.intake.counts.unreached(&format!("{broker}: {fault}"), matches!(fault, Fault::Barred(_)));
        self.quiet.due(now.into_std(), |of, more| info!(of, more, "more of the same"));
        if self.quiet.may(&format!("{broker}: {fault}"), now.into_std()) {
            warn!(source = &*self.name, %broker, %fault, "the broker is away, trying again");
        }
        if self.brokers.fault(now, false) {
            info!(source = &*self.name, from = broker, "another broker is next");
            return Duration::ZERO;
        }
        self.brokers.left(now).map_or(wait, |left| wait.min(left).max(Duration::from_millis(100)))
    }
}
