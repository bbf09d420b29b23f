//! What frames have taught: the headers that compact frames leave out, the counters that were used, the meters heard.
//!
//! Decoding only says what it learned; it becomes true here, once the record of its frame is stored. Anyone can transmit
//! made-up meters, so everything is bounded: the oldest goes out.

use esh_core::{Learned, Manufacturer, Meter, Purpose};
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// What frames have taught so far.
///
/// Record headers are shared by the meters of one maker: many meters send only compact frames, and their siblings'
/// full frames explain them. A compact frame carries a checksum over the full one, so a wrong guess is found out.
#[derive(Debug)]
pub struct Taught {
    layouts: Bounded<LayoutName, Box<[u8]>>,
    counters: Bounded<(Meter, Purpose), u64>,
    meters: Bounded<Meter, ()>,
}

/// Layouts kept: a few for every model of meter there is.
const LAYOUTS: usize = 4096;

/// Counters kept: more meters than one radio hears.
const COUNTERS: usize = 65_536;

/// Meters known: as many.
const METERS: usize = 65_536;

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
    /// A meter that was not known.
    Heard(Meter),
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
            _ => None,
        }
    }
}

impl Default for Taught {
    fn default() -> Self {
        Self { layouts: Bounded::new(LAYOUTS), counters: Bounded::new(COUNTERS), meters: Bounded::new(METERS) }
    }
}

impl Taught {
    /// Takes a lesson.
    pub fn learn(&mut self, lesson: Lesson) {
        match lesson {
            Lesson::Layout(name, headers) => self.layouts.insert(name, headers),
            Lesson::Counter(meter, purpose, counter) => self.counters.insert((meter, purpose), counter),
            Lesson::Heard(meter) => self.meters.insert(meter, ()),
        }
    }

    /// Everything that was taught, as lessons, the older of each kind first.
    pub fn lessons(&self, each: &mut dyn FnMut(&Lesson)) {
        self.layouts.each(|name, headers| each(&Lesson::Layout(*name, headers.clone())));
        self.counters.each(|(meter, purpose), counter| each(&Lesson::Counter(*meter, *purpose, *counter)));
        self.meters.each(|meter, ()| each(&Lesson::Heard(*meter)));
    }

    /// Whether a lesson tells anything: no counter goes back, and nothing is learned twice.
    #[must_use]
    pub fn wants(&self, lesson: &Lesson) -> bool {
        match lesson {
            Lesson::Layout(name, _) => self.layout(*name).is_none(),
            Lesson::Counter(meter, purpose, counter) => self.counter(meter, *purpose) < Some(*counter),
            Lesson::Heard(meter) => !self.knows(meter),
        }
    }

    /// Whether a meter was heard before.
    #[must_use]
    pub fn knows(&self, meter: &Meter) -> bool {
        self.meters.get(meter).is_some()
    }

    /// The headers of a layout.
    #[must_use]
    pub fn layout(&self, name: LayoutName) -> Option<&[u8]> {
        self.layouts.get(&name).map(|headers| &**headers)
    }

    /// The last counter that a meter used.
    #[must_use]
    pub fn counter(&self, meter: &Meter, purpose: Purpose) -> Option<u64> {
        self.counters.get(&(*meter, purpose)).copied()
    }
}

/// A map of which the oldest goes out when it is full.
#[derive(Debug)]
struct Bounded<K, V> {
    entries: HashMap<K, V>,
    order: VecDeque<K>,
    limit: usize,
}

impl<K: Copy + Eq + Hash, V> Bounded<K, V> {
    fn new(limit: usize) -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), limit }
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    fn each(&self, mut each: impl FnMut(&K, &V)) {
        for key in &self.order {
            if let Some(value) = self.entries.get(key) {
                each(key, value);
            }
        }
    }

    fn insert(&mut self, key: K, value: V) {
        if self.entries.insert(key, value).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_layout_goes_out() {
        let mut taught = Taught::default();
        for signature in 0..=LAYOUTS as u16 {
            taught.learn(Lesson::Layout((None, signature), [4, 0x13].into()));
        }
        assert_eq!(taught.layout((None, 0)), None);
        assert_eq!(taught.layout((None, 1)), Some(&[4, 0x13][..]));
        assert_eq!(taught.layout((Some(Manufacturer(1)), 1)), None, "another maker's layout is another one");
    }
}
