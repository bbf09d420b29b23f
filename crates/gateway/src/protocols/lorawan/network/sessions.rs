//! The sessions of the devices that have joined, with their keys expanded. What is durable of them stands in [`Device`];
//! the keys never leave memory.

use super::answer::Used;
use super::device::{Device, Joined};
use crate::taught::Taught;
use esh_core::{Known, Meter};
use esh_lorawan::Session;
use std::any::Any;
use std::collections::HashMap;

/// Sessions by the address that their frames name, and where they are on the way down.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    by_address: HashMap<Meter, Vec<Open>>,
    /// The addresses that each device has or had.
    addresses: HashMap<Meter, Vec<Meter>>,
    /// The devices that have or had an address.
    devices: HashMap<Meter, Vec<Meter>>,
    /// The session of a device that was answered last, and its next counter of the way down.
    next: HashMap<Meter, (u32, u32)>,
    /// The last frame of each device that was answered, and when it came.
    answered: HashMap<Meter, (u64, jiff::Timestamp)>,
}

#[derive(Debug)]
struct Open {
    device: Meter,
    number: u32,
    /// Taken out for a moment only.
    session: Option<Session>,
}

impl Sessions {
    /// What is known of a device has changed; its last counter was `last`.
    pub(crate) fn learn(&mut self, meter: &Meter, device: &Device, last: Option<u64>, known: &dyn Known) {
        self.forget(meter);
        for address in device.joins.iter().map(|joined| joined.address.meter()) {
            let devices = self.devices.entry(address).or_default();
            if !devices.contains(meter) {
                devices.push(*meter);
                self.addresses.entry(*meter).or_default().push(address);
            }
        }
        // One that is older than the one in use is over.
        let over = |joined: &&Joined| last.is_none_or(|last| u64::from(joined.number) >= last >> 32);
        for joined in device.joins.iter().filter(over) {
            let Some(session) = joined.session(known) else { continue };
            let used = last.filter(|last| last >> 32 == u64::from(joined.number)).map(|last| last as u32);
            let open = Open { device: *meter, number: joined.number, session: Some(session.after_uplink(used)) };
            self.by_address.entry(joined.address.meter()).or_default().push(open);
        }
    }

    fn forget(&mut self, meter: &Meter) {
        for address in self.addresses.remove(meter).unwrap_or_default() {
            if let Some(open) = self.by_address.get_mut(&address) {
                open.retain(|open| open.device != *meter);
                if open.is_empty() {
                    self.by_address.remove(&address);
                }
            }
            if let Some(devices) = self.devices.get_mut(&address) {
                devices.retain(|device| device != meter);
                if devices.is_empty() {
                    self.devices.remove(&address);
                }
            }
        }
    }

    /// A device has used a counter: older ones are replays, and older sessions are over.
    pub(crate) fn counted(&mut self, meter: &Meter, counter: u64) {
        let number = (counter >> 32) as u32;
        for address in self.addresses.get(meter).into_iter().flatten() {
            let Some(open) = self.by_address.get_mut(address) else { continue };
            open.retain_mut(|open| {
                let is_of_it = open.device == *meter && open.number == number;
                if is_of_it {
                    open.session = open.session.take().map(|session| session.after_uplink(Some(counter as u32)));
                }
                open.device != *meter || open.number >= number
            });
        }
    }

    /// Offers the sessions of an address until one is accepted; says whether one was.
    pub(crate) fn offer(&self, address: &Meter, each: &mut dyn FnMut(&dyn Any) -> bool) -> bool {
        let open = self.by_address.get(address);
        open.into_iter().flatten().filter_map(|open| open.session.as_ref()).any(|session| each(session))
    }

    /// Offers the sessions of an address against counters of another time, those that are over among them.
    pub(crate) fn offer_then(
        &self,
        address: &Meter,
        taught: &Taught,
        known: &dyn Known,
        last: &dyn Fn(&Meter) -> Option<u64>,
        each: &mut dyn FnMut(&dyn Any) -> bool,
    ) -> bool {
        let devices = self.devices.get(address).into_iter().flatten();
        let joins = devices.filter_map(|device| Some((device, taught.device(device)?)));
        joins.flat_map(|(meter, device)| device.joins.iter().map(move |joined| (meter, joined))).any(
            |(meter, joined)| {
                let used = last(meter).filter(|last| last >> 32 == u64::from(joined.number)).map(|last| last as u32);
                let fits = joined.address.meter() == *address;
                let session = if fits { joined.session(known) } else { None };
                session.is_some_and(|session| each(&session.after_uplink(used)))
            },
        )
    }

    /// An answer is on its way to the disk: its counter is used.
    pub(crate) fn used(&mut self, meter: &Meter, Used { number, next, uplink, at }: Used) {
        self.next.insert(*meter, (number, next));
        if let Some(at) = at {
            self.answered.insert(*meter, (uplink, at));
        }
    }

    /// The next counter of the way down, where it is known since the start.
    pub(super) fn next(&self, meter: &Meter, number: u32) -> Option<u32> {
        self.next.get(meter).filter(|(session, _)| *session == number).map(|(_, next)| *next)
    }

    /// The last frame of a device that was answered, and when it came.
    pub(super) fn answered(&self, meter: &Meter) -> Option<(u64, jiff::Timestamp)> {
        self.answered.get(meter).copied()
    }
}
