//! The library's event loops, one for each version of the protocol, told as the steps the sink knows.

use super::client::{Fault, HEAD, LARGEST, Step, Verdict};
use rumqttc::{ConnectionError, v5};
use tokio::sync::mpsc;

/// Runs a connection of MQTT 5.
pub(super) async fn five(mut events: v5::EventLoop, steps: mpsc::Sender<Result<Step, Fault>>) {
    use rumqttc::Outgoing;
    use v5::mqttbytes::v5::{Packet, PubAckReason};
    let mut network = events.options.network_options();
    network.set_tcp_nodelay(true);
    events.options.set_network_options(network);
    loop {
        let step = match events.poll().await {
            Ok(v5::Event::Incoming(Packet::ConnAck(connack))) => {
                let properties = connack.properties.as_ref();
                let window = properties.and_then(|all| all.receive_max).unwrap_or(u16::MAX);
                let largest = properties.and_then(|all| all.max_packet_size).map_or(LARGEST, |size| size as usize);
                Step::Connected { window, largest: largest.min(LARGEST).saturating_sub(HEAD) }
            }
            Ok(v5::Event::Incoming(Packet::PubAck(ack))) => {
                let verdict = match ack.reason {
                    PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Verdict::Taken,
                    PubAckReason::TopicNameInvalid => Verdict::Never("topic name invalid"),
                    PubAckReason::PayloadFormatInvalid => Verdict::Never("payload format invalid"),
                    PubAckReason::NotAuthorized => Verdict::NotNow("not authorized"),
                    PubAckReason::QuotaExceeded => Verdict::NotNow("quota exceeded"),
                    PubAckReason::PacketIdentifierInUse => Verdict::NotNow("packet identifier in use"),
                    PubAckReason::ImplementationSpecificError => Verdict::NotNow("implementation specific error"),
                    PubAckReason::UnspecifiedError => Verdict::NotNow("unspecified error"),
                };
                Step::Acknowledged(ack.pkid, verdict)
            }
            Ok(v5::Event::Outgoing(Outgoing::Publish(packet))) => Step::Sent(packet),
            Ok(_) => continue,
            Err(error) => {
                let _ = steps.send(Err(Fault::Connection(five_words(&error)))).await;
                return;
            }
        };
        if steps.send(Ok(step)).await.is_err() {
            return;
        }
    }
}

/// Runs a connection of MQTT 3.1.1.
pub(super) async fn three(mut events: rumqttc::EventLoop, steps: mpsc::Sender<Result<Step, Fault>>) {
    use rumqttc::{Event, Outgoing, Packet};
    events.network_options.set_tcp_nodelay(true);
    loop {
        let step = match events.poll().await {
            // This version does not say what a broker takes.
            Ok(Event::Incoming(Packet::ConnAck(_))) => Step::Connected { window: u16::MAX, largest: LARGEST - HEAD },
            Ok(Event::Incoming(Packet::PubAck(ack))) => Step::Acknowledged(ack.pkid, Verdict::Taken),
            Ok(Event::Outgoing(Outgoing::Publish(packet))) => Step::Sent(packet),
            Ok(_) => continue,
            Err(error) => {
                let _ = steps.send(Err(Fault::Connection(three_words(&error)))).await;
                return;
            }
        };
        if steps.send(Ok(step)).await.is_err() {
            return;
        }
    }
}

/// The refusals of a broker are the library's debug words otherwise.
fn five_words(error: &v5::ConnectionError) -> String {
    match error {
        v5::ConnectionError::ConnectionRefused(code) => format!("the broker refuses: {code:?}"),
        other => other.to_string(),
    }
}

fn three_words(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ConnectionRefused(code) => format!("the broker refuses: {code:?}"),
        other => other.to_string(),
    }
}
