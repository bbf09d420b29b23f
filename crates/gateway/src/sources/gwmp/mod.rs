//! Packet forwarders as a source: the UDP protocol of the Semtech packet forwarder, versions 1 and 2; `PROTOCOL.TXT`.
//!
//! A `PUSH_DATA` is acknowledged once the queue has committed every packet in it. `PULL_DATA` is acknowledged at once, and
//! tells where what is to be transmitted goes.

mod config;
mod feed;
mod forwarders;

pub use config::{Config, Keys};

use crate::capture::Capture;
use crate::protocols::lorawan::rxpk::{Crc, Rxpk, Txpk, not_transmitted, received};
use crate::quiet::Quiet;
use crate::sources::lorawan::{Heard, Window};
use crate::sources::{Intake, Reply, now};
use crate::stop::Stop;
use esh_core::Protocol;
use esh_lorawan::Eui64;
use esh_lorawan::gwmp::{Datagram, Packet};
use feed::{Outcome, Pushed, Sending, Uplink};
use forwarders::Forwarders;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{debug, warn};

/// Why a source of packet forwarders cannot go on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen at udp://{0}: {1}")]
pub struct GwmpError(String, #[source] io::Error);

/// Datagrams that wait for the line; more are let go, and their senders are told nothing.
const WAITING: usize = 1024;
/// The longest datagram there is.
const LONGEST: usize = 65_535;
/// How long before a window opens a gateway must have what it is to send.
const IN_TIME: Duration = Duration::from_millis(100);
/// How long it is remembered what a TX_ACK may be about, and the most of it.
const PENDING: Duration = Duration::from_secs(20);
const PENDING_MOST: usize = 4096;

/// Takes datagrams until it is asked to stop; then it answers what it has taken.
///
/// # Errors
/// When it cannot listen.
pub async fn run(config: Config, intake: Intake, mut stop: Stop) -> Result<(), GwmpError> {
    let address = config.address();
    let (host, port) = &config.listen;
    let socket = UdpSocket::bind((host.as_str(), *port)).await.map_err(|error| GwmpError(address, error))?;
    let (to_line, pushed) = mpsc::channel(WAITING);
    let (outcome, mut outcomes) = mpsc::channel(WAITING);
    let counts = Arc::clone(&intake.counts);
    // It ends with this task.
    let mut feeding = JoinSet::new();
    feeding.spawn(feed::feed(pushed, intake, outcome));
    let name = config.name.as_deref().unwrap_or("gwmp").into();
    let forwarders = Forwarders::new(config.most);
    let mut server =
        Server { config, name, socket, forwarders, pending: HashMap::new(), token: 0, quiet: Quiet::default(), counts };
    let mut to_line = Some(to_line);
    let mut buffer = vec![0; LONGEST];
    loop {
        tokio::select! {
            biased;
            outcome = outcomes.recv() => match outcome {
                Some(outcome) => server.outcome(outcome).await,
                None => return Ok(()),
            },
            () = stop.asked(), if to_line.is_some() => to_line = None,
            datagram = server.socket.recv_from(&mut buffer), if to_line.is_some() => match datagram {
                Ok((len, from)) => {
                    let datagram = buffer.get(..len).unwrap_or_default();
                    if let Some(to_line) = &to_line {
                        server.datagram(datagram, from, to_line).await;
                    }
                }
                // A port that nobody listens at any more is told of in the next call.
                Err(error) => debug!(source = &*server.name, %error, "a datagram was not received"),
            },
        }
    }
}

struct Server {
    config: Config,
    name: Arc<str>,
    socket: UdpSocket,
    forwarders: Forwarders,
    /// What was sent, by the token that its TX_ACK has.
    pending: HashMap<u16, Pending>,
    token: u16,
    quiet: Quiet,
    counts: Arc<crate::telemetry::OfSource>,
}

/// Something that was sent to a gateway.
struct Pending {
    sending: Sending,
    /// The window to try when this one is not had.
    next: Option<Window>,
}

impl Server {
    async fn datagram(&mut self, octets: &[u8], from: SocketAddr, to_line: &mpsc::Sender<Pushed>) {
        let datagram = match Datagram::parse(octets) {
            Ok(datagram) => datagram,
            Err(error) => {
                self.counts.unreadable.add(1);
                debug!(source = &*self.name, %from, %error, "no datagram of a packet forwarder");
                return;
            }
        };
        let Some(gateway) = datagram.gateway else { return self.counts.unreadable.add(1) };
        if self.config.gateways.as_ref().is_some_and(|known| !known.contains(&gateway)) {
            return self.counts.unreadable.add(1);
        }
        match datagram.packet {
            Packet::PullData => {
                self.forwarders.pulls(gateway, from, datagram.version);
                self.acknowledge(from, datagram.acknowledgement()).await;
            }
            Packet::PushData => {
                let acknowledgement = datagram.acknowledgement();
                let uplinks = self.uplinks(&datagram, gateway, octets);
                if uplinks.is_empty() {
                    // It told how it fares, and nothing that would have to be kept.
                    return self.acknowledge(from, acknowledgement).await;
                }
                if to_line.try_send(Pushed { from, acknowledgement, uplinks }).is_err() {
                    self.counts.overrun.add(1);
                }
            }
            Packet::TxAck => self.transmitted(&datagram, gateway).await,
            _ => self.counts.unreadable.add(1),
        }
    }

    async fn acknowledge(&self, to: SocketAddr, acknowledgement: Option<[u8; 4]>) {
        if let Some(octets) = acknowledgement
            && let Err(error) = self.socket.send_to(&octets, to).await
        {
            debug!(source = &*self.name, %to, %error, "an acknowledgement was not sent");
        }
    }

    /// What is to be kept of a datagram: its packets; itself where its text is none.
    fn uplinks(&self, datagram: &Datagram<'_>, gateway: Eui64, octets: &[u8]) -> Vec<Uplink> {
        let Some(packets) = received(datagram) else {
            self.counts.unreadable.add(1);
            return vec![Uplink::of(self.refused(octets.to_vec()), gateway)];
        };
        let header = octets.get(..datagram.text_at).unwrap_or_default();
        let uplinks = packets.into_iter().filter_map(|packet| match packet {
            Ok(packet) if packet.crc == Crc::Fits || self.config.bad_crc => Some(self.uplink(packet, gateway)),
            Ok(_) => {
                self.counts.bad_crc.add(1);
                None
            }
            Err(text) => {
                self.counts.unreadable.add(1);
                Some(Uplink::of(self.refused(alone(header, text)), gateway))
            }
        });
        uplinks.collect()
    }

    /// A datagram that is passed on as it came, so that its report says what is wrong with it.
    fn refused(&self, octets: Vec<u8>) -> Capture {
        let source = Arc::clone(&self.name);
        let octets = octets.into();
        Capture { octets, protocol: Protocol::Gwmp, framing: None, received_at: now(), source, rssi: None, radio: None }
    }

    fn uplink(&self, packet: Rxpk, gateway: Eui64) -> Uplink {
        let Rxpk { octets, tmst, frequency, data_rate, rssi, snr, crc: _, board } = packet;
        let air = &self.config.air;
        let index = data_rate.and_then(|rate| air.network.region.uplink_index(rate));
        let capture = air.capture(Heard { octets, gateway, frequency, data_rate, index, rssi, snr }, &self.name);
        Uplink { capture, gateway, tmst, frequency, data_rate, board, received: Instant::now() }
    }

    async fn outcome(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Committed { to, acknowledgement } => self.acknowledge(to, acknowledgement).await,
            Outcome::Reply(sending) => {
                let windows = self.config.air.windows(&sending.reply, sending.frequency, sending.data_rate);
                let windows = [windows.first, windows.second].into_iter().flatten();
                let mut windows = windows.filter(|window| sending.received.elapsed() + IN_TIME < window.delay);
                match (windows.next(), windows.next()) {
                    (Some(window), next) => self.transmit(sending, window, next).await,
                    (None, _) => self.lost(sending.gateway, "too late: the queue or the disk is slow"),
                }
            }
        }
    }

    /// Sends a reply to the gateway that heard its device best.
    async fn transmit(&mut self, sending: Sending, window: Window, next: Option<Window>) {
        let Some((to, version)) = self.forwarders.route(sending.gateway) else {
            return self.lost(sending.gateway, "the gateway has not sent PULL_DATA");
        };
        let Some(tmst) = sending.tmst else { return self.lost(sending.gateway, "the uplink has no tmst") };
        let after = u32::try_from(window.delay.as_micros()).unwrap_or_default();
        let Reply { octets, .. } = &sending.reply;
        let txpk = Txpk {
            tmst: tmst.wrapping_add(after),
            frequency: window.hertz,
            data_rate: window.data_rate,
            power: self.config.air.power(window.hertz),
            board: sending.board,
            octets,
        };
        self.token = self.token.wrapping_add(1);
        let [t0, t1] = self.token.to_be_bytes();
        let mut datagram = vec![version, t0, t1, PULL_RESP];
        txpk.write(&mut datagram);
        if let Err(error) = self.socket.send_to(&datagram, to).await {
            debug!(source = &*self.name, %to, %error, "a downlink was not sent");
            return self.lost(sending.gateway, "the network does not take it");
        }
        self.counts.transmitted.add(1);
        if self.pending.len() >= PENDING_MOST {
            self.pending.retain(|_, pending| pending.sending.received.elapsed() < PENDING);
        }
        if self.pending.len() < PENDING_MOST {
            self.pending.insert(self.token, Pending { sending, next });
        }
    }

    /// A gateway tells what became of what it was to transmit.
    async fn transmitted(&mut self, datagram: &Datagram<'_>, gateway: Eui64) {
        let token = u16::from_be_bytes(datagram.token);
        let known = self.pending.get(&token).is_some_and(|pending| pending.sending.gateway == gateway);
        let Some(Pending { sending, next }) = known.then(|| self.pending.remove(&token)).flatten() else { return };
        let Some(error) = not_transmitted(datagram) else { return };
        self.lost(gateway, &error);
        if let Some(window) = next.filter(|window| sending.received.elapsed() + IN_TIME < window.delay) {
            self.transmit(sending, window, None).await;
        }
    }

    /// An answer is not transmitted: its device asks again.
    fn lost(&mut self, gateway: Eui64, reason: &str) {
        self.counts.not_transmitted.add(1);
        let (gateway, now) = (gateway.to_string(), Instant::now());
        if self.quiet.may(&gateway, now) {
            warn!(source = &*self.name, gateway, reason, "an answer was not transmitted");
        }
        self.quiet.due(now, |of, more| warn!(of = of.unwrap_or("others"), more, "more answers not transmitted"));
    }
}

/// The identifier of a PULL_RESP.
const PULL_RESP: u8 = 3;

/// A datagram that holds one packet of another.
fn alone(header: &[u8], packet: &RawValue) -> Vec<u8> {
    [header, b"{\"rxpk\":[", packet.get().as_bytes(), b"]}"].concat()
}
