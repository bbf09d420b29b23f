//! What the analyser knows: keys, and what earlier lines taught.

use crate::decode::Witness;
use crate::keys::KeyStore;
use crate::protocols::{JoinLesson, Joins};
use crate::taught::{LayoutName, Lesson, Taught, layout_name};
use esh_core::{Key, Known, Learned, Meter, Protocol, Purpose};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;

/// Layouts that were handed on already: most frames of a fleet teach the same.
#[derive(Debug, Default)]
pub(super) struct HandedOn(RefCell<HashSet<LayoutName>>);

/// Beyond so many names all are forgotten: they are only handed on once more.
const HANDED_ON: usize = 1024;

impl HandedOn {
    fn contains(&self, name: LayoutName) -> bool {
        self.0.borrow().contains(&name)
    }

    fn insert(&self, name: LayoutName) {
        let mut names = self.0.borrow_mut();
        if names.len() >= HANDED_ON {
            names.clear();
        }
        names.insert(name);
    }
}

/// The keys of the command line.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// Keys that belong to meters: `keys.toml`.
    pub store: KeyStore,
    /// Keys for any meter.
    pub any: Vec<Key>,
}

/// Keys for one line: its own, or those of the command line.
#[derive(Clone, Copy, Debug)]
pub(super) enum LineKeys<'a> {
    /// The line names its keys, or says that there are none.
    Own(&'a [(Purpose, Key)]),
    /// The keys of the command line.
    Common(&'a Keys),
}

impl<'a> LineKeys<'a> {
    /// What a line says of its keys, or the keys of the command line.
    pub(super) fn of(own: Option<&'a [(Purpose, Key)]>, common: &'a Keys) -> Self {
        own.map_or(Self::Common(common), Self::Own)
    }
}

/// What earlier lines are to a line.
#[derive(Clone, Copy, Debug)]
pub(super) enum LineMemory<'a> {
    /// Everything that they taught is at hand.
    Full(&'a Taught, &'a Joins),
    /// It is not known what they taught, only what this thread has handed on: a line that asks must be decoded again.
    HandedOn(&'a HandedOn),
}

/// What is known when one line is decoded.
#[derive(Debug)]
pub(super) struct LineKnown<'a> {
    keys: LineKeys<'a>,
    memory: LineMemory<'a>,
    replay_check: bool,
    /// Whether the answer depends on what earlier lines taught.
    asked: Cell<bool>,
}

impl<'a> LineKnown<'a> {
    pub(super) const fn new(keys: LineKeys<'a>, memory: LineMemory<'a>, replay_check: bool) -> Self {
        Self { keys, memory, replay_check, asked: Cell::new(false) }
    }

    fn ask(&self) -> Option<&'a Taught> {
        self.ask_all().map(|(taught, _)| taught)
    }

    fn ask_all(&self) -> Option<(&'a Taught, &'a Joins)> {
        match self.memory {
            LineMemory::Full(taught, joins) => Some((taught, joins)),
            LineMemory::HandedOn(_) => {
                self.asked.set(true);
                None
            }
        }
    }

    /// Whether anything was asked for that earlier lines could have taught.
    pub(super) const fn asked(&self) -> bool {
        self.asked.get()
    }
}

impl Known for LineKnown<'_> {
    fn keys(&self, meter: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        match self.keys {
            LineKeys::Own(keys) => keys.iter().any(|(of, key)| *of == purpose && each(key)),
            LineKeys::Common(keys) => {
                let any = purpose == Purpose::Data || meter.protocol == Protocol::Zigbee;
                keys.store.keys(meter, purpose, each)
                    || any && keys.any.iter().any(&mut *each)
                    // Only Zigbee brings keys that open the frames of others; the others have sessions.
                    || meter.protocol == Protocol::Zigbee
                        && self.ask_all().is_some_and(|(_, joins)| joins.offer_keys(meter, purpose, each))
            }
        }
    }

    fn number(&self, meter: Option<&Meter>, name: u32) -> Option<u64> {
        self.ask()?.number(meter?, name)
    }

    fn device(&self, address: &Meter) -> Option<Meter> {
        self.ask()?.device_at(address)
    }

    fn counter(&self, meter: &Meter, purpose: Purpose) -> Option<u64> {
        if !self.replay_check {
            return None;
        }
        self.ask()?.counter(meter, purpose)
    }

    /// A line that brings its session keys along needs no session of an earlier one; the root key of its join does.
    fn sessions(&self, address: &Meter, each: &mut dyn FnMut(&dyn Any) -> bool) -> bool {
        let brings = |purpose| matches!(self.keys, LineKeys::Own(keys) if keys.iter().any(|(of, _)| *of == purpose));
        if brings(Purpose::Network) || brings(Purpose::Application) {
            return false;
        }
        self.ask_all().is_some_and(|(_, joins)| joins.offer(address, each))
    }

    fn layout(&self, meter: Option<&Meter>, signature: u16) -> Option<&[u8]> {
        self.ask()?.layout(layout_name(meter, signature))
    }

    fn has_layout(&self, meter: Option<&Meter>, signature: u16) -> bool {
        let name = layout_name(meter, signature);
        match self.memory {
            LineMemory::Full(taught, _) => taught.layout(name).is_some(),
            LineMemory::HandedOn(names) => names.contains(name),
        }
    }
}

/// Takes what a line teaches.
#[derive(Debug)]
pub(super) struct Lessons<'a> {
    /// What it taught.
    pub(super) list: Vec<Lesson>,
    /// What it taught of joins.
    pub(super) joins: Vec<JoinLesson>,
    /// What need not be handed on again.
    pub(super) handed_on: Option<&'a HandedOn>,
}

impl Witness for Lessons<'_> {
    fn learned(&mut self, meter: Option<&Meter>, learned: Learned<'_>) {
        self.joins.extend(JoinLesson::of(meter, &learned));
        let Some(lesson) = Lesson::of(meter, learned) else { return };
        if let (Lesson::Layout(name, _), Some(handed_on)) = (&lesson, self.handed_on) {
            handed_on.insert(*name);
        }
        self.list.push(lesson);
    }
}
