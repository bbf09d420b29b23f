//! One connection of a subscriber through `rumqttc`, reduced to what the source relies on: what has come, and what it has
//! been told is safe. A [`Link`] is never used again after a fault, as in the sink: a new one is a new client, and the
//! broker sends again what it was not told is safe.

use super::Config;
use crate::mqtt::{Fault, LARGEST, MqttError, Settings, Url, Version};
use bytes::Bytes;
use rumqttc::v5::mqttbytes::v5 as packets;
use rumqttc::{SubscribeFilter, v5};
use std::time::Duration;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

/// What a subscriber is beside a client.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) settings: Settings,
    window: u16,
    session: Duration,
}

/// What happens on a connection.
#[derive(Debug)]
pub(super) enum Step {
    /// The broker has let the gateway in, and remembers it or does not.
    Connected { remembered: bool },
    /// What the broker says to the subscriptions, in words where it refuses one.
    Subscribed(Result<bool, String>),
    /// A message.
    Message(Message),
}

/// A message as it came.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    /// The broker had kept it.
    pub(super) retain: bool,
    /// What the broker is told when it is safe; none where nobody waits for that.
    pub(super) packet: Option<u16>,
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

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

/// Messages that have come and were not looked at. Of those that wait to be safe there are no more than the window: the
/// rest may be messages that nobody waits for.
const ROOM: usize = 1024;

impl Subscriber {
    /// Reads password and certificates.
    pub(super) fn new(config: &Config) -> Result<Self, MqttError> {
        let settings = Settings::new(&config.connection, config.name.as_deref().unwrap_or("esh"), "")?;
        Ok(Self { settings, window: config.window, session: config.session.0 })
    }

    /// The same for somebody else, who disturbs no connection of the gateway.
    pub(super) fn apart(self) -> Self {
        Self { settings: self.settings.apart(), ..self }
    }

    /// The same for somebody who asks what the broker has kept, beside the session that lasts.
    pub(super) fn asking(self) -> Self {
        Self { settings: self.settings.beside("-bridge"), ..self }
    }

    /// Acknowledgements and subscriptions that wait to be sent.
    fn capacity(&self) -> usize {
        2 * usize::from(self.window) + 64
    }
}

impl Link {
    /// Begins to connect: with a session that lasts, or without one.
    pub(super) fn open(subscriber: &Subscriber, url: &Url, lasts: bool) -> Self {
        let (sender, steps) = mpsc::channel(ROOM);
        let Subscriber { settings, window, session } = subscriber;
        let (client, task) = match settings.version {
            Version::Five => {
                let mut options = settings.five(url);
                options.set_clean_start(!lasts).set_manual_acks(true).set_receive_maximum(Some(*window));
                options.set_max_packet_size(u32::try_from(LARGEST).ok());
                if lasts {
                    options.set_session_expiry_interval(u32::try_from(session.as_secs()).ok());
                }
                let (client, events) = v5::AsyncClient::new(options, subscriber.capacity());
                (Client::Five(client), tokio::spawn(five(events, sender)))
            }
            Version::Three => {
                let mut options = settings.three(url);
                options.set_clean_session(!lasts).set_manual_acks(true).set_max_packet_size(LARGEST, 64 << 10);
                let (client, events) = rumqttc::AsyncClient::new(options, subscriber.capacity());
                (Client::Three(client), tokio::spawn(three(events, sender)))
            }
        };
        Self { client, steps, task }
    }

    /// Waits until the broker lets the gateway in, and says whether it remembers it.
    pub(super) async fn connected(&mut self, patience: Duration) -> Result<bool, Fault> {
        match timeout(patience, self.steps.recv()).await {
            Err(_) => Err(Fault::Silent(patience)),
            Ok(None) => Err(Fault::Gone),
            Ok(Some(Err(fault))) => Err(fault),
            Ok(Some(Ok(Step::Connected { remembered }))) => Ok(remembered),
            Ok(Some(Ok(_))) => Err(Fault::Confused),
        }
    }

    /// Subscribes with QoS 1. What the broker had kept it shall send when a subscription is new, not each time anew.
    pub(super) fn subscribe(&self, topics: &[String]) -> Result<(), Fault> {
        let subscribed = match &self.client {
            Client::Five(client) => {
                let filter = |topic: &String| packets::Filter {
                    path: topic.clone(),
                    qos: v5::mqttbytes::QoS::AtLeastOnce,
                    nolocal: false,
                    preserve_retain: false,
                    retain_forward_rule: packets::RetainForwardRule::OnNewSubscribe,
                };
                client.try_subscribe_many(topics.iter().map(filter)).is_ok()
            }
            Client::Three(client) => {
                let filter = |topic: &String| SubscribeFilter::new(topic.clone(), rumqttc::QoS::AtLeastOnce);
                client.try_subscribe_many(topics.iter().map(filter)).is_ok()
            }
        };
        if subscribed { Ok(()) } else { Err(Fault::Gone) }
    }

    /// What has happened, waiting for something to happen.
    pub(super) async fn step(&mut self) -> Result<Step, Fault> {
        self.steps.recv().await.unwrap_or(Err(Fault::Gone))
    }

    /// Tells the broker that a message is safe.
    pub(super) fn acknowledge(&self, packet: u16) -> Result<(), Fault> {
        let told = match &self.client {
            Client::Five(client) => {
                let mut publish = packets::Publish::new("", v5::mqttbytes::QoS::AtLeastOnce, Bytes::new(), None);
                publish.pkid = packet;
                client.try_ack(&publish).is_ok()
            }
            Client::Three(client) => {
                let mut publish = rumqttc::Publish::new("", rumqttc::QoS::AtLeastOnce, Bytes::new());
                publish.pkid = packet;
                client.try_ack(&publish).is_ok()
            }
        };
        if told { Ok(()) } else { Err(Fault::Gone) }
    }

    /// Leaves politely: everything that was acknowledged goes out before.
    pub(super) async fn close(mut self) {
        let asked = match &self.client {
            Client::Five(client) => client.try_disconnect().is_ok(),
            Client::Three(client) => client.try_disconnect().is_ok(),
        };
        // The library reports the end of the connection as a fault, after the last packet is out.
        while asked && self.steps.recv().await.is_some() {}
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Runs a connection of MQTT 5.
async fn five(mut events: v5::EventLoop, steps: mpsc::Sender<Result<Step, Fault>>) {
    use packets::{Packet, SubscribeReasonCode};
    loop {
        let step = match events.poll().await {
            Ok(v5::Event::Incoming(Packet::ConnAck(connack))) => {
                Step::Connected { remembered: connack.session_present }
            }
            Ok(v5::Event::Incoming(Packet::SubAck(answer))) => {
                let refused = answer.return_codes.iter().find(|code| !matches!(code, SubscribeReasonCode::Success(_)));
                let weak = SubscribeReasonCode::Success(v5::mqttbytes::QoS::AtMostOnce);
                Step::Subscribed(match refused {
                    Some(code) => Err(format!("{code:?}")),
                    None => Ok(!answer.return_codes.contains(&weak)),
                })
            }
            Ok(v5::Event::Incoming(Packet::Publish(publish))) => Step::Message(Message {
                topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                payload: publish.payload,
                retain: publish.retain,
                packet: (publish.qos != v5::mqttbytes::QoS::AtMostOnce).then_some(publish.pkid),
            }),
            Ok(_) => continue,
            Err(error) => {
                let _ = steps.send(Err(Fault::five(&error))).await;
                return;
            }
        };
        if steps.send(Ok(step)).await.is_err() {
            return;
        }
    }
}

/// Runs a connection of MQTT 3.1.1.
async fn three(mut events: rumqttc::EventLoop, steps: mpsc::Sender<Result<Step, Fault>>) {
    use rumqttc::{Event, Packet, SubscribeReasonCode};
    loop {
        let step = match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(connack))) => Step::Connected { remembered: connack.session_present },
            Ok(Event::Incoming(Packet::SubAck(answer))) => {
                let refused = answer.return_codes.iter().any(|code| matches!(code, SubscribeReasonCode::Failure));
                let weak = SubscribeReasonCode::Success(rumqttc::QoS::AtMostOnce);
                Step::Subscribed(match refused {
                    true => Err("Failure".to_owned()),
                    false => Ok(!answer.return_codes.contains(&weak)),
                })
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => Step::Message(Message {
                topic: publish.topic,
                payload: publish.payload,
                retain: publish.retain,
                packet: (publish.qos != rumqttc::QoS::AtMostOnce).then_some(publish.pkid),
            }),
            Ok(_) => continue,
            Err(error) => {
                let _ = steps.send(Err(Fault::three(&error))).await;
                return;
            }
        };
        if steps.send(Ok(step)).await.is_err() {
            return;
        }
    }
}
