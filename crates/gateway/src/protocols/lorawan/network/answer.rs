//! Answers: a join accept; an acknowledgement, and what a device asks with MAC commands; TS001, 4.3.1.2, 5 and 6.2.

use super::device::{Device, Joined, first, more, root};
use super::{Network, Sessions};
use crate::capture::{Capture, Framing, Radio, Stamp, whole};
use crate::sources::Reply;
use blake2::digest::consts::U8;
use blake2::{Blake2b, Digest};
use esh_core::{Decimal, Known, Meter, Purpose};
use esh_lorawan::{
    Data, DataRate, DevAddr, Direction, Eui64, FCtrl, JoinAccept, LIMIT, Lorawan, MType, MacCommands, PhyPayload,
    Plain, Request, Session, Transmission,
};
use std::time::Duration;

/// From a join request to its first window, RP002, 3.2.
const JOIN_ACCEPT_DELAY1: Duration = Duration::from_secs(5);

/// The most octets of MAC commands in a header.
const F_OPTS: usize = 15;

/// What answers are made with.
pub(crate) struct Answering<'a> {
    pub(crate) known: &'a dyn Known,
    pub(crate) sessions: &'a Sessions,
    pub(crate) capture: &'a Capture,
    pub(crate) radio: &'a Radio,
    pub(crate) network: &'a Network,
}

/// An answer, and what it uses up. It may go out once that is on the disk.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) reply: Reply,
    /// Whom it is for.
    pub(crate) meter: Meter,
    /// What is known of the device from then on, where it is more than before.
    pub(crate) device: Option<Device>,
    /// Of a data frame: the session, its next counter of the way down, and the frame that is answered.
    pub(crate) downlink: Option<Used>,
}

/// A counter of the way down that was used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) number: u32,
    pub(crate) next: u32,
    pub(crate) uplink: u64,
    pub(crate) at: Option<jiff::Timestamp>,
}

impl Answering<'_> {
    /// Lets a device join, whose request is in order: `device` is what is known of it, with the nonce of the request.
    pub(crate) fn join(&self, request: &Request, mut device: Device) -> Option<Answered> {
        let asked = request.asked();
        let meter = asked.dev_eui.meter();
        let key = root(self.known, request)?;
        let opt_neg = first(self.known, &meter, Purpose::JoinApplication).is_some();
        let number = join_nonce(device.join_nonce, self.capture.received_at)?;
        let accept = JoinAccept {
            join_nonce: number,
            net_id: self.network.net_id,
            dev_addr: address(self.network.net_id, asked.dev_eui, number),
            dl_settings: self.network.settings(opt_neg),
            rx_delay: self.network.rx_delay,
            cf_list: self.network.cf_list,
        };
        let mut octets = [0; LIMIT];
        let octets = accept.write(&asked, &key, &mut octets).ok()?.to_vec();
        device.join(Joined {
            request: *request,
            number,
            address: accept.dev_addr,
            net_id: accept.net_id,
            opt_neg,
            rx_delay: accept.rx_delay,
            used_up: 0,
        });
        let reply = Reply { octets, delay: JOIN_ACCEPT_DELAY1 };
        Some(Answered { reply, meter, device: Some(device), downlink: None })
    }

    /// Answers a data frame that wants it: one to be confirmed, one that asks something, one that asks whether it is
    /// heard. `plain` is the frame decrypted, `device` what is known of its device.
    pub(crate) fn data(&self, plain: &[u8], device: &dyn Fn(&Meter) -> Device) -> Option<Answered> {
        let PhyPayload::Data(data) = PhyPayload::parse(plain).ok()? else { return None };
        let mut answered = None;
        let carrier = match self.capture.framing {
            Some(Framing::Lorawan(carrier)) => carrier,
            _ => Lorawan::default(),
        };
        let (commands, confirmed) = (self.commands(&data), data.m_type == MType::ConfirmedDataUp);
        if !confirmed && commands.is_empty() && !data.fhdr.f_ctrl().adr_ack_req() {
            return None;
        }
        carrier.session(&self.capture.octets, self.known, |session, counter| {
            let meter = whose(session, &data);
            answered = self.downlink(session, counter, meter, &data, &commands, device(&meter), true);
        });
        answered
    }

    /// Answers a frame again that was confirmed before: its device has not heard it, and sends the same octets. Only the
    /// counters are used that are used up on the disk already.
    pub(crate) fn again(&self, device: &dyn Fn(&Meter) -> Device) -> Option<Answered> {
        let PhyPayload::Data(data) = PhyPayload::parse(&self.capture.octets).ok()? else { return None };
        if data.m_type != MType::ConfirmedDataUp {
            return None;
        }
        let mut answered = None;
        Lorawan::default().session(&self.capture.octets, self.known, |session, counter| {
            let meter = whose(session, &data);
            let whole = counter_of(session, counter);
            let device = device(&meter);
            // Its windows are over before it sends again; until then it is another gateway that tells late.
            let windows = jiff::SignedDuration::from_secs(i64::from(device.rx_delay(session.number())) + 1);
            let is_again =
                self.sessions.answered(&meter).zip(self.capture.received_at.at).is_some_and(
                    |((answered, then), now)| answered == whole && now.duration_since(then).abs() >= windows,
                );
            if is_again {
                answered = self.downlink(session, counter, meter, &data, &[], device, false);
            }
        });
        answered
    }

    /// A frame down without a payload. With `may_take` more counters may be used up.
    #[expect(clippy::too_many_arguments, reason = "what an answer depends on; none of it belongs together")]
    fn downlink(
        &self,
        session: &Session,
        uplink: u32,
        meter: Meter,
        data: &Data<'_>,
        f_opts: &[u8],
        mut device: Device,
        may_take: bool,
    ) -> Option<Answered> {
        let number = session.number();
        let delay = Duration::from_secs(device.rx_delay(number).into());
        let used_up = device.used_up(number);
        // After a start, what may have been used is skipped.
        let counter = self.sessions.next(&meter, number).unwrap_or(*used_up);
        let next = counter.checked_add(1)?;
        let mut changed = false;
        match more(next, *used_up) {
            Some(limit) if may_take => {
                *used_up = limit;
                changed = true;
            }
            _ if next > *used_up => return None,
            _ => {}
        }
        let confirmed = data.m_type == MType::ConfirmedDataUp;
        let plain = Plain {
            m_type: MType::UnconfirmedDataDown,
            dev_addr: data.fhdr.dev_addr(),
            f_ctrl: FCtrl(if confirmed { ACK } else { 0 }),
            counter,
            f_opts,
            payload: None,
        };
        let sent = Transmission { confirmed: confirmed.then_some(uplink as u16), ..Transmission::default() };
        let mut octets = [0; LIMIT];
        let octets = plain.write(session, &sent, &mut octets).ok()?.to_vec();
        let reply = Reply { octets, delay };
        let at = self.capture.received_at.at;
        let downlink = Some(Used { number, next, uplink: counter_of(session, uplink), at });
        Some(Answered { reply, meter, device: changed.then_some(device), downlink })
    }

    /// The answers to what a device asks with MAC commands.
    fn commands(&self, data: &Data<'_>) -> Vec<u8> {
        let asked = if data.f_port == Some(0) { data.frm_payload } else { data.f_opts };
        let mut answers = Vec::new();
        for command in MacCommands::new(asked, Direction::Up).filter(|command| command.whole) {
            let mut answer = Vec::with_capacity(F_OPTS);
            match (command.name, command.payload) {
                (Some("LinkCheckReq"), _) => answer.extend([command.cid, self.margin(), self.gateways()]),
                (Some("DeviceTimeReq"), _) => {
                    if let Some(time) = gps_time(self.capture.received_at) {
                        answer.push(command.cid);
                        answer.extend(time);
                    }
                }
                // Of 1.1: the version that both speak, and the class that the device has asked for.
                (Some("ResetInd" | "RekeyInd"), [version]) => answer.extend([command.cid, (*version).min(1)]),
                (Some("DeviceModeInd"), [class]) => answer.extend([command.cid, *class]),
                _ => {}
            }
            if answers.len() + answer.len() <= F_OPTS {
                answers.extend(answer);
            }
        }
        answers
    }

    /// By how many dB the frame was heard better than it had to be; 0 to 254.
    fn margin(&self) -> u8 {
        let lowest = self.radio.data_rate.and_then(DataRate::lowest_snr);
        let parts = |decimal: Decimal| whole(decimal.scale10(3)?);
        let margin = self.radio.snr.zip(lowest).and_then(|(snr, lowest)| Some((parts(snr)? - parts(lowest)?) / 1000));
        margin.unwrap_or_default().clamp(0, 254) as u8
    }

    fn gateways(&self) -> u8 {
        self.radio.receptions.len().clamp(1, 255) as u8
    }
}

/// The frame acknowledges; TS001, 4.3.1.2.
const ACK: u8 = 0x20;

/// The device of a frame; one that is personalised has no other name than its address.
fn whose(session: &Session, data: &Data<'_>) -> Meter {
    session.device().copied().unwrap_or_else(|| data.fhdr.dev_addr().meter())
}

/// The counter of a frame that tells it from those of other sessions, as its report has it.
fn counter_of(session: &Session, counter: u32) -> u64 {
    u64::from(session.number()) << 32 | u64::from(counter)
}

/// The next JoinNonce. It grows, and so that it does so even when the folder of the gateway was lost, it begins with the
/// minutes since 2020, where the time is known: 24 bits of them last until 2051, and then it still grows by one.
fn join_nonce(last: u32, now: Stamp) -> Option<u32> {
    const YEAR_2020: i64 = 1_577_836_800;
    const MOST: u32 = 0xff_ffff;
    let minutes = now.at.filter(|_| now.synchronised).map_or(0, |at| (at.as_second() - YEAR_2020) / 60);
    let minutes = u32::try_from(minutes).ok().filter(|minutes| *minutes <= MOST).unwrap_or_default();
    last.checked_add(1).map(|next| next.max(minutes)).filter(|nonce| *nonce <= MOST)
}

/// An address of the network for a session. Two devices may come to the same one: the MIC tells them apart.
fn address(net_id: u32, device: Eui64, number: u32) -> DevAddr {
    /// How many bits the prefix of a type has, and how many of the network's number follow; TS002, 3.3.
    const TYPES: [(u32, u32); 8] = [(1, 6), (2, 6), (3, 9), (4, 11), (5, 12), (6, 13), (7, 15), (8, 17)];
    let mut hash = Blake2b::<U8>::new();
    hash.update(device.0.to_be_bytes());
    hash.update(number.to_be_bytes());
    let octets: [u8; 8] = hash.finalize().into();
    let hash = u64::from_be_bytes(octets) as u32;
    let (prefix, network) = TYPES.get((net_id >> 21 & 7) as usize).copied().unwrap_or((1, 6));
    let free = 32 - prefix - network;
    // So many ones, and a zero behind them.
    let ones = (u32::MAX << (32 - prefix)) << 1;
    let id = (net_id & ((1 << network) - 1)) << free;
    DevAddr(ones | id | hash & ((1 << free) - 1))
}

/// Seconds since 1980 without leap seconds, and parts of 256 of a second; TS001, 5.9.
fn gps_time(stamp: Stamp) -> Option<[u8; 5]> {
    let since = gps(stamp.at.filter(|_| stamp.synchronised)?);
    let seconds = u32::try_from(since.as_secs()).ok()?;
    let [a, b, c, d] = seconds.to_le_bytes();
    Some([a, b, c, d, (since.subsec_nanos() / 3_906_250) as u8])
}

/// How long since the epoch of GPS an instant is.
pub(crate) fn gps(at: jiff::Timestamp) -> Duration {
    const EPOCH: i64 = 315_964_800;
    /// Leap seconds since then; the last was in 2016, and there shall be no more from 2035 on.
    const LEAP: i64 = 18;
    let since = at.duration_since(jiff::Timestamp::UNIX_EPOCH) + jiff::SignedDuration::from_secs(LEAP - EPOCH);
    Duration::try_from(since).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_of_its_network() {
        // What stands in front of the bits that are free: of type 0, of type 3 with eleven bits of the network, of type 7.
        for (net_id, free, front) in
            [(0, 25, 0), (0x13, 25, 0x13), (0x60_0013, 17, 0b1110 << 11 | 0x13), (0xe0_0001, 7, 0b1111_1110 << 17 | 1)]
        {
            let [one, other] = [7, 8].map(|device| address(net_id, Eui64(device), 1).0);
            assert_eq!((one >> free, other >> free), (front, front), "{net_id:06x}: {one:08x}");
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_join_nonce_grows_through_everything() {
        let at = |second, synchronised| Stamp { at: jiff::Timestamp::from_second(second).ok(), synchronised };
        assert_eq!(join_nonce(0, at(1_577_836_800 + 6000, true)), Some(100));
        assert_eq!(join_nonce(100, at(1_577_836_800 + 6000, true)), Some(101));
        assert_eq!(join_nonce(7, at(1_577_836_800 + 6000, false)), Some(8));
        assert_eq!(join_nonce(7, at(4_102_444_800, true)), Some(8), "beyond 24 bits");
        assert_eq!(join_nonce(0xff_ffff, at(0, true)), None);
    }

    #[test]
    fn the_time_is_that_of_gps() {
        let stamp = Stamp { at: "2026-11-22T05:00:00.5Z".parse().ok(), synchronised: true };
        let [a, b, c, d, fraction] = gps_time(stamp).unwrap();
        assert_eq!((u32::from_le_bytes([a, b, c, d]), fraction), (1_479_358_818, 128));
        assert_eq!(gps_time(Stamp { synchronised: false, ..stamp }), None);
    }
}
