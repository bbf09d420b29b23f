//! The library's event loops, one for each version of the protocol, told as the steps the sink knows.

use super::client::{Step, Verdict};
use crate::mqtt::{Fault, LARGEST};
use crate::sinks::refused::Why;
use rumqttc::v5;
use rumqttc::v5::mqttbytes::v5::PubAckReason;
use tokio::sync::mpsc;

/// Runs a connection of MQTT 5.
pub(super) async fn five(mut events: v5::EventLoop, steps: mpsc::Sender<Result<Step, Fault>>) {
    use rumqttc::Outgoing;
    use v5::mqttbytes::v5::Packet;
    let mut network = events.options.network_options();
    network.set_tcp_nodelay(true);
    events.options.set_network_options(network);
    loop {
        let step = match events.poll().await {
            Ok(v5::Event::Incoming(Packet::ConnAck(connack))) => {
                let properties = connack.properties.as_ref();
                let window = properties.and_then(|all| all.receive_max).unwrap_or(u16::MAX);
                let largest = properties.and_then(|all| all.max_packet_size).map_or(LARGEST, |size| size as usize);
                Step::Connected { window, largest: largest.min(LARGEST) }
            }
            Ok(v5::Event::Incoming(Packet::PubAck(ack))) => Step::Acknowledged(ack.pkid, verdict(ack.reason)),
            Ok(v5::Event::Outgoing(Outgoing::Publish(packet))) => Step::Sent(packet),
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
pub(super) async fn three(mut events: rumqttc::EventLoop, steps: mpsc::Sender<Result<Step, Fault>>) {
    use rumqttc::{Event, Outgoing, Packet};
    events.network_options.set_tcp_nodelay(true);
    loop {
        let step = match events.poll().await {
            // This version does not say what a broker takes.
            Ok(Event::Incoming(Packet::ConnAck(_))) => Step::Connected { window: u16::MAX, largest: LARGEST },
            Ok(Event::Incoming(Packet::PubAck(ack))) => Step::Acknowledged(ack.pkid, Verdict::Taken),
            Ok(Event::Outgoing(Outgoing::Publish(packet))) => Step::Sent(packet),
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

/// MQTT 5, table 3-4.
const fn verdict(reason: PubAckReason) -> Verdict {
    match reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Verdict::Taken,
        PubAckReason::TopicNameInvalid => Verdict::Never(Why::TopicNameInvalid),
        PubAckReason::PayloadFormatInvalid => Verdict::Never(Why::PayloadFormatInvalid),
        PubAckReason::UnspecifiedError => Verdict::Doubtful(Why::UnspecifiedError),
        PubAckReason::ImplementationSpecificError => Verdict::Doubtful(Why::ImplementationSpecificError),
        PubAckReason::NotAuthorized => Verdict::Barred("not authorized"),
        PubAckReason::QuotaExceeded => Verdict::NotNow("quota exceeded"),
        PubAckReason::PacketIdentifierInUse => Verdict::NotNow("packet identifier in use"),
    }
}
