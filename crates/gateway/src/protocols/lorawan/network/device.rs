//! What is known for ever of a device: its joins, the nonces it used, and which counters of the way down are used up.

use esh_core::{Key, Known, Meter, Purpose};
use esh_lorawan::{DevAddr, DlSettings, JoinAccept, Request, Session};
use std::collections::VecDeque;

/// Nonces that are remembered of a device. Up to 1.0.3 they are random, 16 bits: who remembers them all refuses a device
/// in the end that does nothing wrong. Whoever sends an older one again gets an answer that nobody listens to, and the
/// session of the device goes on.
const NONCES: usize = 64;

/// Joins that are remembered: a frame that waits to be read may be of one before the last.
const JOINS: usize = 4;

/// Counters of the way down are used up so many at a time, so that most answers need no word of it on the disk.
const BLOCK: u32 = 32;
/// With fewer left the next ones are taken in time.
const FEW: u32 = 8;

/// A device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The last JoinNonce that it got.
    pub join_nonce: u32,
    /// The nonces that it used, the newest last.
    pub nonces: VecDeque<u16>,
    /// Its joins, the newest first.
    pub joins: Vec<Joined>,
    /// Of a device that is personalised: counters of the way down below this one may have been used.
    pub used_up: u32,
}

/// A join: everything but the key that makes a session of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// What the device asked.
    pub request: Request,
    /// The number of the answer, which is that of the session.
    pub number: u32,
    /// The address it got.
    pub address: DevAddr,
    /// The number of the network.
    pub net_id: u32,
    /// Whether both speak 1.1.
    pub opt_neg: bool,
    /// Seconds from an uplink to its first window.
    pub rx_delay: u8,
    /// Counters of the way down below this one may have been used.
    pub used_up: u32,
}

impl Device {
    /// Whether it used a nonce before.
    #[must_use]
    pub fn has_used(&self, nonce: u16) -> bool {
        self.nonces.contains(&nonce)
    }

    /// It has used this nonce.
    pub fn use_nonce(&mut self, nonce: u16) {
        self.nonces.push_back(nonce);
        while self.nonces.len() > NONCES {
            self.nonces.pop_front();
        }
    }

    /// It has joined.
    pub fn join(&mut self, joined: Joined) {
        self.join_nonce = joined.number;
        self.joins.insert(0, joined);
        self.joins.truncate(JOINS);
    }

    /// Up to which counter of the way down those of a session are used up, where they need not be asked for again.
    pub(super) fn used_up(&mut self, number: u32) -> &mut u32 {
        match self.joins.iter_mut().find(|joined| joined.number == number) {
            Some(joined) => &mut joined.used_up,
            None => &mut self.used_up,
        }
    }

    /// Seconds from an uplink of a session to its first window.
    pub(super) fn rx_delay(&self, number: u32) -> u8 {
        self.joins.iter().find(|joined| joined.number == number).map_or(1, |joined| joined.rx_delay.max(1))
    }
}

/// The limit up to which counters are to be used up when the next one is this; `None` while there are enough.
pub(super) const fn more(next: u32, used_up: u32) -> Option<u32> {
    if used_up.saturating_sub(next) <= FEW { Some(next.saturating_add(BLOCK)) } else { None }
}

impl Joined {
    /// The device as its frames name it.
    #[must_use]
    pub fn device(&self) -> Meter {
        self.request.asked().dev_eui.meter()
    }

    /// The session, where the key is still there that the device joined with.
    #[must_use]
    pub fn session(&self, known: &dyn Known) -> Option<Session> {
        let device = self.device();
        let accept = JoinAccept {
            join_nonce: self.number,
            net_id: self.net_id,
            dev_addr: self.address,
            dl_settings: DlSettings(u8::from(self.opt_neg) << 7),
            rx_delay: self.rx_delay,
            cf_list: None,
        };
        let application = if self.opt_neg { first(known, &device, Purpose::JoinApplication) } else { None };
        let root = root(known, &self.request)?;
        Session::joined(&accept, &self.request.asked(), &root, application.as_ref()).ok()
    }
}

/// The key that a request is signed with.
pub(super) fn root(known: &dyn Known, request: &Request) -> Option<Key> {
    let mut root = None;
    known.keys(&request.asked().dev_eui.meter(), Purpose::Join, &mut |key| {
        let signed = request.is_signed_with(key);
        if signed {
            root = Some(key.clone());
        }
        signed
    });
    root
}

/// The most precise key for a purpose.
pub(super) fn first(known: &dyn Known, device: &Meter, purpose: Purpose) -> Option<Key> {
    let mut first = None;
    known.keys(device, purpose, &mut |key| {
        first = Some(key.clone());
        true
    });
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_and_joins_are_bounded() {
        let mut device = Device::default();
        (0..100).for_each(|nonce| device.use_nonce(nonce));
        assert!(device.has_used(99) && device.has_used(36) && !device.has_used(35));
        let request = Request::new(&[0; 23]).unwrap();
        for number in 1..=6 {
            let address = DevAddr(number);
            device.join(Joined { request, number, address, net_id: 0, opt_neg: false, rx_delay: 5, used_up: 0 });
        }
        assert_eq!(device.joins.iter().map(|joined| joined.number).collect::<Vec<_>>(), [6, 5, 4, 3]);
        assert_eq!((device.join_nonce, device.rx_delay(6), device.rx_delay(9)), (6, 5, 1));
        *device.used_up(5) = 32;
        assert_eq!((device.joins[1].used_up, device.used_up), (32, 0));
    }

    #[test]
    fn counters_are_used_up_in_time() {
        assert_eq!((more(0, 0), more(0, 32), more(23, 32), more(24, 32)), (Some(32), None, None, Some(56)));
        assert_eq!(more(u32::MAX, u32::MAX), Some(u32::MAX));
    }
}
