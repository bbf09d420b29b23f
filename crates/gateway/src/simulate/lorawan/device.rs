//! One simulated device: it joins, sends and listens, as TS001 has it for class A.

use super::air::{Air, Uplink};
use super::{Options, Tally, one_more};
use crate::simulate::meter::Random;
use esh_core::{Carrier, Key, Known, Learned, Meter, Out, Purpose, Reading};
use esh_lorawan::{
    DataRate, DevAddr, Eui64, FCtrl, Join, Keys1_1, LIMIT, Lorawan, MType, PhyPayload, Plain, Session, Transmission,
    write_join_request,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Every so many uplinks one is to be confirmed.
const CONFIRMED: u64 = 3;
/// How often one is sent that nobody confirms.
const TRIES: usize = 3;
/// After so many uplinks of a session frames are lost, all but a few of 65,536.
const LOSES: u64 = 3;
/// After so many a device joins anew.
const JOINS_ANEW: u64 = 40;

/// A device.
#[derive(Debug)]
pub(super) struct Device {
    eui: Eui64,
    join_eui: Eui64,
    /// AppKey of 1.0, NwkKey of 1.1.
    root: [u8; 16],
    /// AppKey of 1.1, which every other device speaks.
    application: Option<[u8; 16]>,
    random: Random,
    nonce: u16,
    joined: Option<Joined>,
    /// Watt hours.
    total: u32,
}

#[derive(Debug)]
struct Joined {
    session: Session,
    address: DevAddr,
    counter: u32,
    sent: u64,
    /// How long after an uplink it listens.
    delay: Duration,
}

/// Knows the keys of one device.
struct Own<'a>(&'a Device);

impl Known for Own<'_> {
    fn keys(&self, _: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        let key = match purpose {
            Purpose::Join => Some(&self.0.root),
            Purpose::JoinApplication => self.0.application.as_ref(),
            _ => None,
        };
        key.and_then(|key| Key::new(key).ok()).is_some_and(|key| each(&key))
    }
}

/// Takes the session that a join accept begins.
#[derive(Default)]
struct Begun {
    session: Option<(Meter, Session)>,
}

impl Out<'_> for Begun {
    fn reading(&mut self, _: Reading<'_>) {}

    fn learned(&mut self, learned: Learned<'_>) {
        let Learned::Session { address, number, keys } = learned else { return };
        let of = |purpose| keys.iter().find(|(of, _)| *of == purpose).map(|(_, key)| key);
        let (forwarding, application) = (of(Purpose::Network), of(Purpose::Application));
        let session = match of(Purpose::NetworkIntegrity) {
            None => Session::v1_0(forwarding, application),
            serving => {
                let encryption = of(Purpose::NetworkEncryption);
                Session::v1_1(&Keys1_1 { forwarding, serving, encryption, application })
            }
        };
        self.session = session.ok().map(|session| (address, session.numbered(number)));
    }
}

impl Device {
    pub(super) fn new(number: u64, seed: u64) -> Self {
        let mut random = Random(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x4c6f_5261);
        let mut key = || {
            let mut key = [0; 16];
            key.as_chunks_mut::<8>().0.iter_mut().for_each(|half| *half = random.next().to_be_bytes());
            key
        };
        let (root, application) = (key(), (number % 2 == 1).then(&mut key));
        let total = random.below(9_000_000) as u32;
        Self {
            eui: Eui64(0x0200_0000_0000_0000 | seed << 32 & 0x00ff_ffff_0000_0000 | number),
            join_eui: Eui64(0x0200_0000_0000_00ff),
            root,
            application,
            random,
            nonce: 0,
            joined: None,
            total,
        }
    }

    /// Its keys, as they stand in a `keys.toml`.
    pub(super) fn keys_toml(&self) -> String {
        let one = |purpose: &str, key: &[u8; 16]| {
            let hex: String = key.iter().map(|octet| format!("{octet:02x}")).collect();
            format!("\n[[key]]\nmeter = \"{}\"\npurpose = \"{purpose}\"\nkey = \"{hex}\"\n", self.eui.meter().address())
        };
        let application = self.application.as_ref().map(|key| one("join-application", key));
        one("join", &self.root) + &application.unwrap_or_default()
    }

    /// Lives until it has sent what it should.
    pub(super) async fn run(mut self, options: Options, air: Arc<Air>, tally: Arc<Tally>) {
        let every = u64::try_from(options.every.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut sent = 0;
        // They do not begin all at once.
        self.pause(every).await;
        while options.uplinks == 0 || sent < options.uplinks {
            if self.joined.as_ref().is_none_or(|joined| joined.sent >= JOINS_ANEW) && !self.join(&air, &tally).await {
                // A real device waits longer each time.
                self.pause(every.max(1000)).await;
                continue;
            }
            self.send(&air, &tally).await;
            sent += 1;
            self.pause(every).await;
        }
    }

    async fn pause(&mut self, about: u64) {
        let half = i64::try_from(about / 2 + 1).unwrap_or(i64::MAX);
        let milliseconds = about / 2 + self.random.below(half).unsigned_abs();
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }

    fn uplink(&mut self, air: &Air, octets: Vec<u8>, delay: Duration) -> Uplink {
        let channels = air.channels();
        let place = self.random.below(channels.len().max(1) as i64).unsigned_abs() as usize;
        let spreading = 7 + self.random.below(4) as u8;
        Uplink {
            octets,
            frequency: channels.get(place).copied().unwrap_or_default(),
            data_rate: DataRate::Lora { spreading, kilohertz: 125 },
            delay,
        }
    }

    /// Asks to join; whether it was let.
    async fn join(&mut self, air: &Arc<Air>, tally: &Tally) -> bool {
        let Ok(root) = Key::new(&self.root) else { return false };
        self.nonce = self.nonce.wrapping_add(1);
        let mut octets = [0; LIMIT];
        let Ok(request) = write_join_request(self.join_eui, self.eui, self.nonce, &root, &mut octets) else {
            return false;
        };
        let request = request.to_vec();
        let uplink = self.uplink(air, request, Duration::from_secs(5));
        let mut joined = None;
        let answered = air.converse(uplink, |frame, _| {
            joined = self.accepted(frame);
            joined.is_some()
        });
        answered.await;
        self.joined = joined;
        one_more(if self.joined.is_some() { &tally.joined } else { &tally.unanswered });
        self.joined.is_some()
    }

    /// The session that a join accept begins, if it is one and for this device.
    fn accepted(&self, frame: &[u8]) -> Option<Joined> {
        let join =
            Join { dev_eui: Some(self.eui), join_eui: Some(self.join_eui), dev_nonce: Some(self.nonce), rejoin: None };
        let mut octets = frame.to_vec();
        let mut begun = Begun::default();
        Lorawan { join, ..Lorawan::default() }.open(&mut octets, &Own(self), &mut begun).ok()?;
        let (address, session) = begun.session?;
        let address = DevAddr(u32::from_str_radix(address.id.as_str(), 16).ok()?);
        // In plain now: RxDelay stands behind nonce, network, address and settings.
        let delay = octets.get(12).map_or(1, |delay| (delay & 15).max(1));
        Some(Joined { session, address, counter: 0, sent: 0, delay: Duration::from_secs(delay.into()) })
    }

    /// Sends what it measures.
    async fn send(&mut self, air: &Arc<Air>, tally: &Tally) {
        self.total = self.total.wrapping_add(self.random.below(40) as u32);
        let total = self.total;
        let Some(joined) = &mut self.joined else { return };
        joined.sent += 1;
        if joined.sent == LOSES {
            // Nobody heard the frames in between.
            joined.counter = joined.counter.max(0xffff);
        }
        let (counter, delay, confirmed) = (joined.counter, joined.delay, joined.sent.is_multiple_of(CONFIRMED));
        joined.counter += 1;
        if counter == 0x1_0000 {
            one_more(&tally.rolled_over);
        }
        // Cayenne LPP: energy of channel 1, and now and then the commands LinkCheckReq and DeviceTimeReq.
        let [a, b, c, d] = total.to_be_bytes();
        let payload = [1, 131, a, b, c, d];
        let plain = Plain {
            m_type: if confirmed { MType::ConfirmedDataUp } else { MType::UnconfirmedDataUp },
            dev_addr: joined.address,
            f_ctrl: FCtrl(0),
            counter,
            f_opts: if joined.sent.is_multiple_of(5) { &[2, 0x0d] } else { &[] },
            payload: Some((1, &payload)),
        };
        let sends = if confirmed { TRIES } else { 1 };
        for n in 0..sends {
            let uplink = self.uplink(air, Vec::new(), delay);
            let Some(joined) = &self.joined else { return };
            let (data_rate, channel) = air.told(&uplink);
            let sent = Transmission { data_rate, channel, confirmed: None };
            let mut octets = [0; LIMIT];
            let Ok(frame) = plain.write(&joined.session, &sent, &mut octets) else { return };
            let uplink = Uplink { octets: frame.to_vec(), ..uplink };
            if n == 0 {
                one_more(&tally.uplinks);
            }
            let mut acknowledged = false;
            air.converse(uplink, |frame, _| {
                acknowledged |= is_acknowledgement(&joined.session, frame, counter);
                acknowledged
            })
            .await;
            if acknowledged {
                tally.confirmed.fetch_add(u64::from(confirmed), Ordering::Relaxed);
                return;
            }
        }
        tally.unconfirmed.fetch_add(u64::from(confirmed), Ordering::Relaxed);
    }
}

/// Whether a frame for a device is in order and acknowledges its last one.
fn is_acknowledgement(session: &Session, frame: &[u8], counter: u32) -> bool {
    let Ok(PhyPayload::Data(data)) = PhyPayload::parse(frame) else { return false };
    let acknowledges = data.fhdr.f_ctrl().ack();
    let sent = Transmission { confirmed: acknowledges.then_some(counter as u16), ..Transmission::default() };
    acknowledges && session.open(&mut frame.to_vec(), &sent).is_ok()
}
