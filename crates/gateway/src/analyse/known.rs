//! What the analyser knows: keys, and what earlier lines taught.

use esh_core::{Key, Known, Learned, Manufacturer, Meter, Purpose};
use std::cell::Cell;
use std::collections::HashMap;

/// What earlier frames taught.
///
/// Record headers are shared by the meters of one maker: many meters send only compact frames, and their siblings'
/// full frames explain them. A compact frame carries a checksum over the full one, so a wrong guess is found out.
#[derive(Debug, Default)]
pub(super) struct Taught {
    layouts: HashMap<(Option<Manufacturer>, u16), Box<[u8]>>,
    counters: HashMap<(Meter, Purpose), u64>,
}

/// Layouts beyond this many are forgotten all at once: anyone can transmit made-up ones.
const LAYOUTS: usize = 4096;

/// Something that a frame teaches, kept until it becomes true.
#[derive(Clone, Debug)]
pub(super) enum Lesson {
    /// The headers of a full frame.
    Layout(Option<Manufacturer>, u16, Box<[u8]>),
    /// A counter that was used.
    Counter(Meter, Purpose, u64),
}

impl Lesson {
    /// What a frame of the meter teaches.
    #[must_use]
    pub(super) fn of(meter: Option<&Meter>, learned: Learned<'_>) -> Option<Self> {
        match (learned, meter) {
            (Learned::Layout { signature, headers }, meter) => {
                Some(Self::Layout(meter.and_then(|meter| meter.manufacturer), signature, headers.into()))
            }
            (Learned::Counter { purpose, counter }, Some(meter)) => Some(Self::Counter(*meter, purpose, counter)),
            _ => None,
        }
    }
}

impl Taught {
    /// Takes a lesson.
    pub(super) fn learn(&mut self, lesson: Lesson) {
        match lesson {
            Lesson::Layout(maker, signature, headers) => {
                if self.layouts.len() >= LAYOUTS {
                    self.layouts.clear();
                }
                self.layouts.insert((maker, signature), headers);
            }
            Lesson::Counter(meter, purpose, counter) => {
                self.counters.insert((meter, purpose), counter);
            }
        }
    }
}

/// Keys for one line: its own, or those of the command line.
#[derive(Clone, Copy, Debug)]
pub(super) enum LineKeys<'a> {
    /// The line names its key, or says that there is none.
    Own(Option<&'a Key>),
    /// The keys of the command line.
    Common(&'a [Key]),
}

/// What is known when one line is decoded.
#[derive(Debug)]
pub(super) struct LineKnown<'a> {
    keys: LineKeys<'a>,
    taught: Option<&'a Taught>,
    replay_check: bool,
    /// Whether the answer depends on what earlier lines taught.
    asked: Cell<bool>,
}

impl<'a> LineKnown<'a> {
    /// With what earlier lines taught; without it the line must be decoded again when it turns out to ask for it.
    pub(super) const fn new(keys: LineKeys<'a>, taught: Option<&'a Taught>, replay_check: bool) -> Self {
        Self { keys, taught, replay_check, asked: Cell::new(false) }
    }

    /// Whether anything was asked for that earlier lines could have taught.
    pub(super) const fn asked(&self) -> bool {
        self.asked.get()
    }
}

impl Known for LineKnown<'_> {
    fn keys(&self, _: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        purpose == Purpose::Data
            && match self.keys {
                LineKeys::Own(key) => key.is_some_and(each),
                LineKeys::Common(keys) => keys.iter().any(each),
            }
    }

    fn counter(&self, meter: &Meter, purpose: Purpose) -> Option<u64> {
        if !self.replay_check {
            return None;
        }
        self.asked.set(true);
        self.taught?.counters.get(&(*meter, purpose)).copied()
    }

    fn layout(&self, meter: Option<&Meter>, signature: u16) -> Option<&[u8]> {
        self.asked.set(true);
        self.taught?.layouts.get(&(meter.and_then(|meter| meter.manufacturer), signature)).map(|headers| &**headers)
    }
}
