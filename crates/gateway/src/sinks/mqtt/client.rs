//! One connection to a broker through `rumqttc`, reduced to what the sink relies on: what was sent under which packet id,
//! what was acknowledged, and that it is over. A [`Link`] is never used again after a fault.

use super::{Config, events};
use crate::mqtt::{Fault, LARGEST, MqttError, Settings, Url, Version};
use crate::sinks::refused::Why;
use bytes::Bytes;
use rumqttc::{MqttOptions, v5};
use std::{fmt, time::Duration};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

/// What happens on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The broker has let the gateway in: it takes so many publishes at once, of so many octets each.
    Connected { window: u16, largest: usize },
    /// The next publish has gone out under this id.
    Sent(u16),
    /// The broker has said what becomes of a publish.
    Acknowledged(u16, Verdict),
}

/// What becomes of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The broker has it.
    Taken,
    /// The broker does not take it now.
    NotNow(&'static str),
    /// The broker takes nothing of the kind from this gateway: somebody must do something about it.
    Barred(&'static str),
    /// The broker does not say whether it will take it later.
    Doubtful(Why),
    /// The broker will never take it.
    Never(Why),
}

/// A connection that runs in a task of its own, so that its library is never interrupted in the middle of a packet.
#[derive(Debug)]
pub(super) struct Link {
    client: Client,
    steps: mpsc::Receiver<Result<Step, Fault>>,
    task: JoinHandle<()>,
}

enum Client {
    Five(v5::AsyncClient),
    Three(rumqttc::AsyncClient),
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

/// What a publisher is beside a client.
#[derive(Debug)]
pub(super) struct Publisher {
    pub(super) settings: Settings,
    pub(super) window: u16,
    /// It says nothing of the gateway's status.
    pub(super) beside: bool,
}

impl Publisher {
    pub(super) fn new(config: &Config, gateway: &str) -> Result<Self, MqttError> {
        let end = if config.beside { "-replay" } else { "" };
        let settings = Settings::new(&config.connection, &format!("esh-{gateway}"), end)?;
        Ok(Self { settings, window: config.window, beside: config.beside })
    }

    /// Larger than the window, so that the library never has to wait for a packet id.
    const fn ids(&self) -> u16 {
        self.window + 16
    }

    fn capacity(&self) -> usize {
        usize::from(self.ids())
    }

    fn five(&self, url: &Url, status: Option<&str>) -> v5::MqttOptions {
        let mut options = self.settings.five(url);
        options.set_clean_start(true).set_outgoing_inflight_upper_limit(self.ids());
        if let Some(status) = status.filter(|_| !self.beside) {
            let will = v5::mqttbytes::v5::LastWill::new(status, "offline", v5::mqttbytes::QoS::AtLeastOnce, true, None);
            options.set_last_will(will);
        }
        options
    }

    fn three(&self, url: &Url, status: Option<&str>) -> MqttOptions {
        let mut options = self.settings.three(url);
        options.set_clean_session(true).set_inflight(self.ids()).set_max_packet_size(64 << 10, LARGEST);
        if let Some(status) = status.filter(|_| !self.beside) {
            options.set_last_will(rumqttc::LastWill::new(status, "offline", rumqttc::QoS::AtLeastOnce, true));
        }
        options
    }
}

/// How many octets a publish with QoS 1 takes on the wire.
pub(super) fn packet_size(version: Version, topic: &str, payload: &[u8]) -> usize {
    // Topic and packet id, and in MQTT 5 how long the properties are.
    let body = 2 + topic.len() + 2 + usize::from(version == Version::Five) + payload.len();
    // The length of the body has seven bits an octet.
    let length = 1 + [7, 14, 21].iter().filter(|bits| body >> *bits > 0).count();
    1 + length + body
}

impl Link {
    /// Begins to connect; the last will says `offline` at the topic of the status, where there is one.
    pub(super) fn open(publisher: &Publisher, url: &Url, status: Option<&str>) -> Self {
        let (sender, steps) = mpsc::channel(1024);
        let (client, task) = match publisher.settings.version {
            Version::Five => {
                let (client, events) = v5::AsyncClient::new(publisher.five(url, status), publisher.capacity());
                (Client::Five(client), tokio::spawn(events::five(events, sender)))
            }
            Version::Three => {
                let (client, events) = rumqttc::AsyncClient::new(publisher.three(url, status), publisher.capacity());
                (Client::Three(client), tokio::spawn(events::three(events, sender)))
            }
        };
        Self { client, steps, task }
    }

    /// Waits until the broker lets the gateway in; tells how much it takes at once.
    pub(super) async fn connected(&mut self, patience: Duration) -> Result<(u16, usize), Fault> {
        match timeout(patience, self.steps.recv()).await {
            Err(_) => Err(Fault::Silent(patience)),
            Ok(None) => Err(Fault::Gone),
            Ok(Some(Err(fault))) => Err(fault),
            Ok(Some(Ok(Step::Connected { window, largest }))) => Ok((window, largest)),
            Ok(Some(Ok(_))) => Err(Fault::Confused),
        }
    }

    /// What has happened, waiting for something to happen; none when the connection is over.
    pub(super) async fn steps(&mut self, steps: &mut Vec<Result<Step, Fault>>) -> usize {
        self.steps.recv_many(steps, 64).await
    }

    /// Publishes with QoS 1. There is always room: the ledger lets no more out than fits.
    pub(super) fn publish(&self, topic: String, retain: bool, payload: Bytes) -> Result<(), Fault> {
        match &self.client {
            Client::Five(client) => {
                client.try_publish(topic, v5::mqttbytes::QoS::AtLeastOnce, retain, payload).map_err(|_| Fault::Gone)
            }
            Client::Three(client) => {
                client.try_publish(topic, rumqttc::QoS::AtLeastOnce, retain, payload).map_err(|_| Fault::Gone)
            }
        }
    }

    /// Leaves politely.
    pub(super) async fn close(mut self) {
        let asked = match &self.client {
            Client::Five(client) => client.try_disconnect().is_ok(),
            Client::Three(client) => client.try_disconnect().is_ok(),
        };
        if asked {
            // The library reports the end of the connection as a fault, after the last packet is out.
            while self.steps.recv().await.is_some() {}
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_packet_is_that_on_the_wire() {
        use v5::mqttbytes::{QoS, v5::Publish};
        for length in [0, 1, 100, 127, 128, 16_370, 16_384, 2_097_140, 2_097_152] {
            let payload = vec![b'x'; length];
            let mut five = Publish::new("a/topic", QoS::AtLeastOnce, payload.clone(), None);
            five.pkid = 7;
            let mut octets = Default::default();
            let five = five.write(&mut octets).unwrap();
            assert_eq!((packet_size(Version::Five, "a/topic", &payload), five), (octets.len(), octets.len()));
            let mut three = rumqttc::Publish::new("a/topic", rumqttc::QoS::AtLeastOnce, payload.clone());
            three.pkid = 7;
            let mut octets = Default::default();
            three.write(&mut octets).unwrap();
            assert_eq!(packet_size(Version::Three, "a/topic", &payload), octets.len());
        }
    }
}
