//! One station: what it hears becomes captures, and what answers them goes back to it.

use super::Config;
use crate::capture::Capture;
use crate::protocols::lorawan::gps;
use crate::protocols::lorawan::station::{Downlink, Message, Uplink, router_config, time_sync};
use crate::sources::lorawan;
use crate::sources::{Answer, Intake, Reply, now};
use crate::stop::Stop;
use esh_core::Protocol;
use esh_lorawan::Eui64;
use futures_util::{SinkExt, StreamExt};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Error, Utf8Bytes};
use tracing::{debug, info, warn};

/// How often a station is asked whether it is there, and what it is that was not transmitted.
const PING: Duration = Duration::from_secs(30);
/// A station that says nothing for so long is gone.
const GONE: Duration = Duration::from_secs(90);
/// How long before its window a station must have what it is to transmit.
const IN_TIME: Duration = Duration::from_millis(100);
/// How long a station may take to tell that it has transmitted something, and the most of it that is remembered.
const PENDING: Duration = Duration::from_secs(30);
const PENDING_MOST: usize = 1024;
/// The most frames of one station that wait for the disk: until then no more is read from it.
const WAITING: usize = 1024;

/// A station that is connected.
pub(super) struct Session<'a> {
    config: &'a Config,
    name: &'a Arc<str>,
    intake: &'a Intake,
    station: Eui64,
    /// What was handed over and not told of yet, and when.
    pending: HashMap<i64, Instant>,
    diid: i64,
    waiting: JoinSet<Option<Sending>>,
}

/// An answer on its way to the station.
struct Sending {
    reply: Reply,
    uplink: Heard,
}

/// What is needed to answer an uplink.
#[derive(Clone, Copy)]
struct Heard {
    received: Instant,
    frequency: Option<u32>,
    data_rate: Option<u8>,
    xtime: Option<i64>,
    rctx: i64,
}

impl<'a> Session<'a> {
    pub(super) fn new(config: &'a Config, name: &'a Arc<str>, intake: &'a Intake, station: Eui64) -> Self {
        let (pending, waiting) = (HashMap::new(), JoinSet::new());
        Self { config, name, intake, station, pending, diid: 0, waiting }
    }

    /// Serves it until it goes or the gateway stops.
    pub(super) async fn run<S>(mut self, mut socket: WebSocketStream<S>, mut stop: Stop) -> Result<(), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut ping = interval(PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            let answer = tokio::select! {
                biased;
                () = stop.asked() => break,
                Some(sent) = self.waiting.join_next() => match sent {
                    Ok(Some(sending)) => self.downlink(&sending).map(text),
                    _ => None,
                },
                _ = ping.tick() => {
                    if heard.elapsed() > GONE {
                        return Err(super::late());
                    }
                    self.untold();
                    Some(tungstenite::Message::Ping(Default::default()))
                }
                message = socket.next(), if self.waiting.len() < WAITING => {
                    let Some(message) = message.transpose()? else { return Ok(()) };
                    heard = Instant::now();
                    match message {
                        tungstenite::Message::Text(message) => self.message(message.as_bytes()).await.map(text),
                        tungstenite::Message::Binary(message) => self.message(&message).await.map(text),
                        // The library answers pings.
                        _ => None,
                    }
                }
            };
            if let Some(answer) = answer {
                socket.send(answer).await?;
            }
        }
        // It connects again, to whoever is here then.
        socket.close(None).await
    }

    /// Takes a message; what is to be said to it.
    async fn message(&mut self, message: &[u8]) -> Option<String> {
        match Message::read(message) {
            Some(Message::Version(version)) => {
                info!(source = &**self.name, station = %self.station, version, "a station has come");
                Some(router_config(self.config.air.network.region, &self.config.air.channels))
            }
            Some(Message::Uplink(uplink)) => {
                self.uplink(uplink).await;
                None
            }
            Some(Message::TimeSync(txtime)) => {
                // A clock that is not set tells nobody the time.
                let at = Some(now()).filter(|now| now.synchronised)?.at?;
                Some(time_sync(&txtime, gps(at)))
            }
            Some(Message::Transmitted(diid)) => {
                self.pending.remove(&diid);
                None
            }
            Some(Message::Discovery(_) | Message::Other) => None,
            None => {
                self.intake.counts.unreadable.add(1);
                let octets = bytes::Bytes::copy_from_slice(message);
                let source = Arc::clone(self.name);
                let (framing, rssi, radio) = (None, None, None);
                // Its report says what is wrong with it.
                self.intake
                    .put(Capture { octets, protocol: Protocol::Lns, framing, received_at: now(), source, rssi, radio })
                    .await;
                None
            }
        }
    }

    async fn uplink(&mut self, uplink: Uplink) {
        let Uplink { octets, data_rate, frequency, rssi, snr, xtime, rctx } = uplink;
        let (air, received) = (&self.config.air, Instant::now());
        let heard = lorawan::Heard {
            octets,
            gateway: self.station,
            frequency,
            data_rate: data_rate.and_then(|index| air.network.region.data_rate(index)),
            index: data_rate,
            rssi,
            snr,
        };
        let capture = air.capture(heard, self.name);
        let (answer, reply) = self.intake.converse(capture).await;
        let heard = Heard { received, frequency, data_rate, xtime, rctx };
        self.waiting.spawn(wait(answer, reply, heard));
    }

    /// What the station is to transmit.
    fn downlink(&mut self, Sending { reply, uplink }: &Sending) -> Option<String> {
        let region = self.config.air.network.region;
        let rate = uplink.data_rate.and_then(|index| region.data_rate(index));
        let windows = self.config.air.windows(reply, uplink.frequency, rate);
        let in_time = windows.second.is_some_and(|window| uplink.received.elapsed() + IN_TIME < window.delay);
        let Some(xtime) = uplink.xtime.filter(|_| in_time) else {
            self.lost(1, "too late: the queue or the disk is slow");
            return None;
        };
        self.diid += 1;
        if self.pending.len() < PENDING_MOST {
            self.pending.insert(self.diid, Instant::now());
        }
        self.intake.counts.transmitted.add(1);
        let downlink = Downlink {
            diid: self.diid,
            octets: &reply.octets,
            rx_delay: reply.delay.as_secs(),
            rx1: windows.first.map(|window| (window.index, window.hertz)),
            rx2: windows.second.map(|window| (window.index, window.hertz)),
            xtime,
            rctx: uplink.rctx,
        };
        Some(downlink.write())
    }

    /// What the station has not told of by now it has not transmitted.
    fn untold(&mut self) {
        let before = self.pending.len();
        self.pending.retain(|_, since| since.elapsed() < PENDING);
        let untold = (before - self.pending.len()) as u64;
        if untold > 0 {
            self.lost(untold, "the station has not told that it did");
        }
    }

    fn lost(&self, answers: u64, reason: &str) {
        self.intake.counts.not_transmitted.add(answers);
        warn!(source = &**self.name, station = %self.station, answers, reason, "answers were not transmitted");
    }
}

fn text(message: String) -> tungstenite::Message {
    tungstenite::Message::Text(Utf8Bytes::from(message))
}

async fn wait(
    answer: oneshot::Receiver<Answer>,
    mut reply: oneshot::Receiver<Reply>,
    uplink: Heard,
) -> Option<Sending> {
    match answer.await {
        // The reply comes before the answer.
        Ok(Ok(())) => reply.try_recv().ok().map(|reply| Sending { reply, uplink }),
        refused => {
            debug!(?refused, "an uplink is not taken");
            None
        }
    }
}
