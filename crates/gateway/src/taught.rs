//! What frames have taught: the headers that compact frames leave out, and the counters that were used.
//!
//! Decoding only says what it learned; it becomes true here, once the record of its frame is stored. Anyone can transmit
//! made-up meters, so everything is bounded: the oldest goes out.

use crate::meters::Standing;
use crate::protocols::lorawan::network::Device;
use esh_core::{Learned, Manufacturer, Meter, Purpose};
use std::collections::HashMap;
use std::hash::Hash;

/// What frames have taught so far.
///
/// Record headers are shared by the meters of one maker: many meters send only compact frames, and their siblings'
/// full frames explain them. A compact frame carries a checksum over the full one, so a wrong guess is found out.
#[derive(Debug)]
pub struct Taught {
    layouts: Bounded<LayoutName, Box<[u8]>>,
    counters: Bounded<(Meter, Purpose), u64>,
    numbers: Bounded<(Meter, u32), u64>,
    addresses: Bounded<Meter, Meter>,
    devices: Bounded<Meter, Device>,
}

/// Layouts kept: a few for every model of meter there is.
const LAYOUTS: usize = 4096;

/// Counters kept: more meters than one radio hears.
const COUNTERS: usize = 65_536;

/// The maker of the meters that share a layout, and its signature.
pub type LayoutName = (Option<Manufacturer>, u16);

/// The name of a meter's layout.
#[must_use]
pub fn layout_name(meter: Option<&Meter>, signature: u16) -> LayoutName {
    (meter.and_then(|meter| meter.manufacturer), signature)
}

/// Something that a frame teaches, kept until it becomes true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lesson {
    /// The headers of a full frame.
    Layout(LayoutName, Box<[u8]>),
    /// A counter that was used.
    Counter(Meter, Purpose, u64),
    /// A number that a meter said of itself.
    Number(Meter, u32, u64),
    /// An address that a network gave to a device.
    Address(Meter, Meter),
    /// A meter was heard: what the first release wrote of it.
    Heard(Meter),
    /// What is known of a meter from then on.
    Stands(Box<(Meter, Standing)>),
    /// What is known of a device of LoRaWAN from then on.
    Device(Box<(Meter, Device)>),
}

impl Lesson {
    /// What a frame of the meter teaches; `None` for what is of no use later.
    #[must_use]
    pub fn of(meter: Option<&Meter>, learned: Learned<'_>) -> Option<Self> {
        match (learned, meter) {
            (Learned::Layout { signature, headers }, meter) => {
                Some(Self::Layout(layout_name(meter, signature), headers.into()))
            }
            (Learned::Counter { purpose, counter }, Some(meter)) => Some(Self::Counter(*meter, purpose, counter)),
            (Learned::Number { name, number }, Some(meter)) => Some(Self::Number(*meter, name, number)),
            (Learned::Address { address, device }, _) => Some(Self::Address(address, device)),
            _ => None,
        }
    }
}

impl Default for Taught {
    fn default() -> Self {
        Self {
            layouts: Bounded::new(LAYOUTS),
            counters: Bounded::new(COUNTERS),
            numbers: Bounded::new(COUNTERS),
            addresses: Bounded::new(COUNTERS),
            devices: Bounded::new(COUNTERS),
        }
    }
}

impl Taught {
    /// Takes a lesson.
    pub fn learn(&mut self, lesson: Lesson) {
        match lesson {
            Lesson::Layout(name, headers) => self.layouts.insert(name, headers),
            Lesson::Counter(meter, purpose, counter) => self.counters.insert((meter, purpose), counter),
            Lesson::Number(meter, name, number) => self.numbers.insert((meter, name), number),
            Lesson::Address(address, device) => self.addresses.insert(address, device),
            Lesson::Device(device) => self.devices.insert(device.0, device.1),
            // What is known of meters, the watch keeps.
            Lesson::Heard(_) | Lesson::Stands(_) => {}
        }
    }

    /// Everything that was taught, as lessons, the older of each kind first.
    pub fn lessons(&self, each: &mut dyn FnMut(&Lesson)) {
        self.layouts.each(|name, headers| each(&Lesson::Layout(*name, headers.clone())));
        self.counters.each(|(meter, purpose), counter| each(&Lesson::Counter(*meter, *purpose, *counter)));
        self.numbers.each(|(meter, name), number| each(&Lesson::Number(*meter, *name, *number)));
        self.addresses.each(|address, device| each(&Lesson::Address(*address, *device)));
        self.devices.each(|meter, device| each(&Lesson::Device(Box::new((*meter, device.clone())))));
    }

    /// Whether a lesson tells anything: no counter goes back, and nothing is learned twice.
    #[must_use]
    pub fn wants(&self, lesson: &Lesson) -> bool {
        match lesson {
            Lesson::Layout(name, _) => self.layout(*name).is_none(),
            Lesson::Counter(meter, purpose, counter) => self.counter(meter, *purpose) < Some(*counter),
            // What an older frame said may not be so any more.
            Lesson::Number(meter, name, _) => self.number(meter, *name).is_none(),
            Lesson::Address(address, _) => self.device_at(address).is_none(),
            // What is known of meters stands elsewhere.
            Lesson::Heard(_) | Lesson::Stands(_) | Lesson::Device(_) => false,
        }
    }

    /// How much was forgotten because there was too much.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        let said = self.numbers.forgotten + self.addresses.forgotten + self.devices.forgotten;
        self.layouts.forgotten + self.counters.forgotten + said
    }

    /// The headers of a layout.
    #[must_use]
    pub fn layout(&self, name: LayoutName) -> Option<&[u8]> {
        self.layouts.get(&name).map(|headers| &**headers)
    }

    /// A number that a meter said of itself.
    #[must_use]
    pub fn number(&self, meter: &Meter, name: u32) -> Option<u64> {
        self.numbers.get(&(*meter, name)).copied()
    }

    /// The device that has an address in its network.
    #[must_use]
    pub fn device_at(&self, address: &Meter) -> Option<Meter> {
        self.addresses.get(address).copied()
    }

    /// What is known of a device of LoRaWAN.
    #[must_use]
    pub fn device(&self, meter: &Meter) -> Option<&Device> {
        self.devices.get(meter)
    }

    /// All devices of LoRaWAN, the older first.
    pub fn devices(&self, each: impl FnMut(&Meter, &Device)) {
        self.devices.each(each);
    }

    /// The last counter that a meter used.
    #[must_use]
    pub fn counter(&self, meter: &Meter, purpose: Purpose) -> Option<u64> {
        self.counters.get(&(*meter, purpose)).copied()
    }
}

/// A map of which the oldest goes out when it is full: what was not taught again for the longest time.
#[derive(Debug)]
struct Bounded<K, V> {
    /// With the turn in which each was last taught.
    entries: HashMap<K, (u64, V)>,
    turn: u64,
    limit: usize,
    forgotten: u64,
}

impl<K: Copy + Eq + Hash, V> Bounded<K, V> {
    fn new(limit: usize) -> Self {
        Self { entries: HashMap::new(), turn: 0, limit, forgotten: 0 }
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// All of them, the older first.
    fn each(&self, mut each: impl FnMut(&K, &V)) {
        let mut all: Vec<_> = self.entries.iter().map(|(key, (turn, value))| (*turn, key, value)).collect();
        all.sort_unstable_by_key(|(turn, ..)| *turn);
        all.into_iter().for_each(|(_, key, value)| each(key, value));
    }

    fn insert(&mut self, key: K, value: V) {
        self.turn += 1;
        self.entries.insert(key, (self.turn, value));
        if self.entries.len() > self.limit {
            self.make_room();
        }
    }

    /// Some go at once, so that the oldest are not looked for each time.
    fn make_room(&mut self) {
        let mut turns: Vec<u64> = self.entries.values().map(|(turn, _)| *turn).collect();
        let many = (1 + self.limit / 64).min(turns.len());
        let (_, last, _) = turns.select_nth_unstable(many - 1);
        let last = *last;
        self.entries.retain(|_, (turn, _)| *turn > last);
        self.forgotten += many as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taught_again_is_not_old() {
        let mut bounded = Bounded::new(4);
        (0..4).for_each(|n| bounded.insert(n, n));
        bounded.insert(0, 7);
        bounded.insert(4, 4);
        let mut left = Vec::new();
        bounded.each(|key, value| left.push((*key, *value)));
        assert_eq!((left, bounded.forgotten), (vec![(2, 2), (3, 3), (0, 7), (4, 4)], 1));
    }

    #[test]
    fn the_oldest_layout_goes_out() {
        let mut taught = Taught::default();
        for signature in 0..=LAYOUTS as u16 {
            taught.learn(Lesson::Layout((None, signature), [4, 0x13].into()));
        }
        assert_eq!((taught.layout((None, 0)), taught.forgotten()), (None, 65));
        assert_eq!(taught.layout((None, 65)), Some(&[4, 0x13][..]));
        assert_eq!(taught.layout((Some(Manufacturer(1)), 65)), None, "another maker's layout is another one");
    }
}
