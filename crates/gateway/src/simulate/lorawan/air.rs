//! The air between simulated devices and simulated packet forwarders, and the datagrams of these.

use super::{Options, Tally, one_more};
use crate::protocols::lorawan::rxpk::sent_down;
use crate::simulate::meter::Random;
use base64::Engine as _;
use esh_core::Decimal;
use esh_core::json::Json;
use esh_lorawan::gwmp::{Datagram, Packet};
use esh_lorawan::{DataRate, Eui64, Region};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout_at};

/// How long after its second window a device listens no more.
const WINDOW: Duration = Duration::from_millis(500);
/// How often a packet forwarder holds the way back open.
const PULL: Duration = Duration::from_secs(5);
/// Datagrams of which it is remembered what they held.
const REMEMBERED: usize = 65_536;

/// What a device sends.
#[derive(Debug)]
pub(super) struct Uplink {
    pub(super) octets: Vec<u8>,
    pub(super) frequency: u32,
    pub(super) data_rate: DataRate,
    /// How long after it the first window opens; the second a second later.
    pub(super) delay: Duration,
}

/// The air.
#[derive(Debug)]
pub(super) struct Air {
    forwarders: Vec<Forwarder>,
    region: Region,
    channels: Vec<u32>,
    tally: Arc<Tally>,
    state: Mutex<State>,
    begun: Instant,
}

#[derive(Debug)]
struct Forwarder {
    eui: Eui64,
    socket: UdpSocket,
}

#[derive(Debug)]
struct State {
    random: Random,
    token: u16,
    /// The frames of a datagram, by forwarder and token.
    pushed: HashMap<(usize, u16), Vec<u8>>,
    /// Who listens: by forwarder and its time of the uplink.
    listening: HashMap<(usize, u32), Listening>,
}

#[derive(Clone, Debug)]
struct Listening {
    frequency: u32,
    data_rate: DataRate,
    delay: Duration,
    heard: mpsc::Sender<(Vec<u8>, Instant)>,
}

impl Air {
    pub(super) async fn open(options: &Options, tally: &Arc<Tally>, tasks: &mut JoinSet<()>) -> io::Result<Arc<Self>> {
        let mut forwarders = Vec::new();
        for number in 0..options.forwarders.max(1) {
            let socket = UdpSocket::bind(if options.gwmp.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" }).await?;
            socket.connect(&options.gwmp).await?;
            forwarders.push(Forwarder { eui: Eui64(0x0200_0000_ff00_0000 | number as u64), socket });
        }
        let channels = match options.region.adds_channels() {
            true => options.region.channels().collect(),
            false => options.region.sub_band(0).take(8).collect(),
        };
        let state = State {
            random: Random(options.seed ^ 0x6169_7221),
            token: 0,
            pushed: HashMap::new(),
            listening: HashMap::new(),
        };
        let air = Arc::new(Self {
            forwarders,
            region: options.region,
            channels,
            tally: Arc::clone(tally),
            state: Mutex::new(state),
            begun: Instant::now(),
        });
        for number in 0..air.forwarders.len() {
            tasks.spawn(Arc::clone(&air).hear(number));
        }
        Ok(air)
    }

    pub(super) fn channels(&self) -> &[u32] {
        &self.channels
    }

    /// The indices of data rate and channel of an uplink.
    pub(super) fn told(&self, uplink: &Uplink) -> (u8, u8) {
        let channel = match self.region.adds_channels() {
            true => self.channels.iter().position(|hertz| *hertz == uplink.frequency).map(|number| number as u8),
            false => self.region.channel(uplink.frequency),
        };
        (self.region.uplink_index(uplink.data_rate).unwrap_or_default(), channel.unwrap_or_default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time of a forwarder's concentrator. Each has begun at another time; the first one rolls over soon.
    fn time(&self, forwarder: usize, at: Instant) -> u32 {
        let since = at.saturating_duration_since(self.begun).as_micros() as u32;
        since.wrapping_sub(3_000_000).wrapping_add(forwarder as u32 * 123_456_789)
    }

    /// Sends, and listens in both windows until something comes that fits.
    pub(super) async fn converse(&self, uplink: Uplink, mut fits: impl FnMut(&[u8], Instant) -> bool) {
        let sent = Instant::now();
        let (heard, mut hears) = mpsc::channel(4);
        let mut datagrams = Vec::new();
        for (number, forwarder) in self.forwarders.iter().enumerate() {
            let mut state = self.state();
            // Most hear most.
            if number > 0 && state.random.below(4) == 0 {
                continue;
            }
            let mut time = self.time(number, sent);
            while state.listening.contains_key(&(number, time)) {
                time = time.wrapping_add(1);
            }
            let Uplink { frequency, data_rate, delay, .. } = uplink;
            state.listening.insert((number, time), Listening { frequency, data_rate, delay, heard: heard.clone() });
            state.token = state.token.wrapping_add(1);
            if state.pushed.len() >= REMEMBERED {
                state.pushed.clear();
            }
            let token = state.token;
            state.pushed.insert((number, token), uplink.octets.clone());
            let (rssi, snr) = (-45 - state.random.below(75), state.random.below(160) - 60);
            drop(state);
            datagrams.push((number, time, push(forwarder.eui, token, time, &uplink, rssi, snr)));
        }
        drop(heard);
        for (number, _, datagram) in &datagrams {
            if let Some(forwarder) = self.forwarders.get(*number) {
                one_more(&self.tally.pushed);
                // A gateway that is away is what is simulated, too.
                let _ = forwarder.socket.send(datagram).await;
            }
        }
        let until = sent + uplink.delay + Duration::from_secs(1) + WINDOW;
        while let Ok(Some((frame, at))) = timeout_at(until.into(), hears.recv()).await {
            sleep_until(at.into()).await;
            if fits(&frame, at) {
                break;
            }
        }
        let mut state = self.state();
        for (number, time, _) in datagrams {
            state.listening.remove(&(number, time));
        }
    }

    /// What a forwarder hears from the gateway.
    async fn hear(self: Arc<Self>, number: usize) {
        let Some(Forwarder { eui, socket }) = self.forwarders.get(number) else { return };
        let mut buffer = vec![0; 4096];
        let mut pull = tokio::time::interval(PULL);
        loop {
            tokio::select! {
                _ = pull.tick() => {
                    let [a, b, c, d, e, f, g, h] = eui.0.to_be_bytes();
                    let _ = socket.send(&[2, 7, 7, 2, a, b, c, d, e, f, g, h]).await;
                }
                received = socket.recv(&mut buffer) => {
                    let Ok(len) = received else { continue };
                    let octets = buffer.get(..len).unwrap_or_default();
                    let Ok(datagram) = Datagram::parse(octets) else { continue };
                    match datagram.packet {
                        Packet::PushAck => self.acknowledged(number, u16::from_be_bytes(datagram.token)),
                        Packet::PullResp => {
                            let error = self.transmit(number, &datagram);
                            let [t0, t1] = datagram.token;
                            let mut answer = vec![2, t0, t1, 5];
                            answer.extend(eui.0.to_be_bytes());
                            answer.extend(format!("{{\"txpk_ack\":{{\"error\":\"{error}\"}}}}").as_bytes());
                            let _ = socket.send(&answer).await;
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    fn acknowledged(&self, number: usize, token: u16) {
        if let Some(frame) = self.state().pushed.remove(&(number, token)) {
            one_more(&self.tally.acknowledged);
            self.tally.taken.lock().unwrap_or_else(PoisonError::into_inner).push(frame);
        }
    }

    /// Transmits what the gateway hands over, to whoever listens then and there; what the forwarder says of it.
    fn transmit(&self, number: usize, datagram: &Datagram<'_>) -> &'static str {
        let Some((time, frequency, rate, octets)) = sent_down(datagram) else { return "TX_FREQ" };
        let ahead = time.wrapping_sub(self.time(number, Instant::now()));
        if ahead > u32::MAX / 2 {
            one_more(&self.tally.too_late);
            return "TOO_LATE";
        }
        let at = Instant::now() + Duration::from_micros(ahead.into());
        let state = self.state();
        let listening = state.listening.iter().find(|((forwarder, uplink), listening)| {
            let (second, rx2) = (listening.delay + Duration::from_secs(1), self.region.rx2());
            let index = self.region.uplink_index(listening.data_rate);
            let rx1 = index.and_then(|index| self.region.rx1(listening.frequency, index, 0));
            let opens = |delay: Duration| uplink.wrapping_add(delay.as_micros() as u32) == time;
            let on = |window: Option<(u32, u8)>| {
                window.is_some_and(|(hertz, index)| hertz == frequency && self.region.data_rate(index) == Some(rate))
            };
            *forwarder == number && (opens(listening.delay) && on(rx1) || opens(second) && on(Some(rx2)))
        });
        if let Some((_, listening)) = listening {
            let _ = listening.heard.try_send((octets, at));
        }
        "NONE"
    }
}

/// A PUSH_DATA with one packet. The ratio is in tenths of dB.
fn push(eui: Eui64, token: u16, time: u32, uplink: &Uplink, rssi: i64, snr: i64) -> Vec<u8> {
    let [t0, t1] = token.to_be_bytes();
    let mut datagram = vec![2, t0, t1, 0];
    datagram.extend(eui.0.to_be_bytes());
    let mut json = Json::new(&mut datagram);
    json.object(|json| {
        json.key("rxpk").array(|json| {
            json.object(|json| {
                json.key("tmst").number(time.into());
                json.key("chan").number(0);
                json.key("rfch").number(0);
                json.key("freq").raw(Decimal::new(uplink.frequency.into(), -6).text().as_octets());
                json.key("stat").number(1);
                json.key("modu").word("LORA");
                json.key("datr").display(&uplink.data_rate);
                json.key("codr").word("4/5");
                json.key("lsnr").raw(Decimal::new(snr.into(), -1).text().as_octets());
                json.key("rssi").signed(rssi);
                json.key("size").number(uplink.octets.len() as u64);
                json.key("data").word(&base64::engine::general_purpose::STANDARD.encode(&uplink.octets));
            });
        });
    });
    datagram
}
