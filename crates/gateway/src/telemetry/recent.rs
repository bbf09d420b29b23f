//! What came in lately: the newest report of each meter, and the newest frames that could not be decoded.
//!
//! The line puts every record in, which costs it a lock that nobody holds for long and a look into a map; whoever looks
//! makes sense of it. Anyone can transmit made-up meters, so everything is bounded: the oldest goes out.

use super::number::{Count, Flag};
use crate::capture::Framing;
use crate::record::{Id, Kind, Record};
use bytes::Bytes;
use esh_core::{Protocol, Reason};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// Meters kept, and the octets of their reports.
pub(crate) const METERS: Limit = Limit { telegrams: 1000, octets: 4 << 20 };
/// Meters whose frames cannot be decoded, and frames that name none, and the octets of their reports.
pub(crate) const FAILURES: Limit = Limit { telegrams: 200, octets: 1 << 20 };
/// Telegrams that wait for those who watch; whoever is slower misses some.
const WATCHED: usize = 64;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) telegrams: usize,
    pub(crate) octets: usize,
}

/// What came in lately.
#[derive(Debug)]
pub(crate) struct Recent {
    /// Without it nothing is kept: there is no page.
    pub(crate) wanted: Flag,
    kept: Mutex<Kept>,
    watched: broadcast::Sender<Telegram>,
    /// Meters and frames that went out because others came.
    pub(crate) forgotten: Count,
}

#[derive(Debug, Default)]
struct Kept {
    /// Telegrams so far, by which the older is known.
    order: u64,
    meters: Table,
    failures: Table,
}

/// The newest telegram of a meter.
#[derive(Clone, Debug)]
pub(crate) struct Telegram {
    /// What it is called in addresses: stays as long as its meter is kept.
    pub(crate) number: u64,
    /// Whether it stands among those that could not be decoded, or not to their end.
    pub(crate) failed: bool,
    /// How many came.
    pub(crate) count: u64,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) framing: Option<Framing>,
    pub(crate) report: Bytes,
    order: u64,
}

#[derive(Debug, Default)]
struct Table {
    telegrams: HashMap<Whose, Telegram>,
    octets: usize,
}

/// Whose a telegram is; a frame that names nobody stands for itself.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Whose {
    Meter(Box<str>),
    Nobody(Id),
}

impl Default for Recent {
    fn default() -> Self {
        let watched = broadcast::Sender::new(WATCHED);
        Self { wanted: Flag::default(), kept: Mutex::default(), watched, forgotten: Count::default() }
    }
}

impl Recent {
    /// A record was taken; `failed` says why its frame could not be decoded, or not to its end.
    pub(crate) fn put(&self, record: Record, framing: Option<Framing>, failed: Option<Reason>) {
        if !self.wanted.get() {
            return;
        }
        let Record { kind, protocol, meter, id, report, .. } = record;
        let whose = || meter.clone().map_or(Whose::Nobody(id), Whose::Meter);
        let undecoded = kind == Kind::Undecoded;
        let mut kept = self.kept();
        kept.order += 1;
        let order = kept.order;
        let telegram =
            |failed| Telegram { number: order, failed, count: 1, protocol, framing, report: report.clone(), order };
        let mut told = None;
        if undecoded || failed.is_some() {
            let (telegram, out) = kept.failures.put(whose(), telegram(true), FAILURES);
            self.forgotten.add(out);
            told = Some(telegram);
        }
        if !undecoded {
            // Most telegrams come this way: nothing is copied.
            let whose = meter.map_or(Whose::Nobody(id), Whose::Meter);
            let (telegram, out) = kept.meters.put(whose, telegram(false), METERS);
            self.forgotten.add(out);
            told = told.or(Some(telegram));
        }
        drop(kept);
        if let Some(telegram) = told
            && self.watched.receiver_count() > 0
        {
            // Nobody may watch any more.
            let _ = self.watched.send(telegram);
        }
    }

    /// The telegrams to come.
    pub(crate) fn watch(&self) -> broadcast::Receiver<Telegram> {
        self.watched.subscribe()
    }

    /// How many meters and how many failures are kept.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let kept = self.kept();
        (kept.meters.telegrams.len(), kept.failures.telegrams.len())
    }

    /// The newest telegram of every meter, in no order.
    pub(crate) fn meters(&self) -> Vec<Telegram> {
        self.kept().meters.telegrams.values().cloned().collect()
    }

    /// The frames that could not be decoded, the newest first.
    pub(crate) fn failures(&self) -> Vec<Telegram> {
        let mut failures: Vec<_> = self.kept().failures.telegrams.values().cloned().collect();
        failures.sort_unstable_by_key(|telegram| std::cmp::Reverse(telegram.order));
        failures
    }

    /// A meter's telegram by its number.
    pub(crate) fn meter(&self, number: u64) -> Option<Telegram> {
        self.kept().meters.find(number)
    }

    /// A telegram that could not be decoded by its number.
    pub(crate) fn failure(&self, number: u64) -> Option<Telegram> {
        self.kept().failures.find(number)
    }

    /// The telegrams of meters since a place in their order, and the place to ask from the next time.
    pub(crate) fn since(&self, order: u64) -> (Vec<Telegram>, u64) {
        let kept = self.kept();
        let newer = kept.meters.telegrams.values().filter(|telegram| telegram.order > order);
        (newer.cloned().collect(), kept.order)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing panics while it holds this, and everything in it is whole at every step.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Puts a telegram in; gives it with its number and count, and how many went out for it.
    fn put(&mut self, whose: Whose, telegram: Telegram, limit: Limit) -> (Telegram, u64) {
        self.octets += telegram.report.len();
        if let Some(slot) = self.telegrams.get_mut(&whose) {
            self.octets -= slot.report.len();
            *slot = Telegram { number: slot.number, count: slot.count + 1, ..telegram };
            let telegram = slot.clone();
            return (telegram, self.make_room(limit));
        }
        self.telegrams.insert(whose, telegram.clone());
        (telegram, self.make_room(limit))
    }

    /// The oldest eighth goes at once, so that a flood does not look for the oldest each time.
    fn make_room(&mut self, limit: Limit) -> u64 {
        let mut out = 0;
        while self.telegrams.len() > 1 && (self.telegrams.len() > limit.telegrams || self.octets > limit.octets) {
            let mut orders: Vec<_> = self.telegrams.values().map(|telegram| telegram.order).collect();
            let (_, last, _) = orders.select_nth_unstable(self.telegrams.len() / 8);
            // The newest stays.
            let last =
                (*last).min(self.telegrams.values().map(|telegram| telegram.order).max().unwrap_or_default() - 1);
            let octets = &mut self.octets;
            self.telegrams.retain(|_, telegram| {
                let stays = telegram.order > last;
                if !stays {
                    *octets -= telegram.report.len();
                    out += 1;
                }
                stays
            });
        }
        out
    }

    fn find(&self, number: u64) -> Option<Telegram> {
        self.telegrams.values().find(|telegram| telegram.number == number).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn record(meter: Option<u16>, kind: Kind, octets: usize) -> Record {
        let meter = meter.map(|meter| format!("wmbus:AAA:{meter:08}:01:07").into());
        let report = vec![b' '; octets].into();
        Record { kind, protocol: Some(Protocol::Wmbus), meter, id: Id(octets as u128), received_at: None, report }
    }

    #[test]
    fn without_a_page_nothing_is_kept() {
        let recent = Recent::default();
        recent.put(record(Some(1), Kind::Readings, 10), None, None);
        assert_eq!(recent.counts(), (0, 0));
    }

    #[test]
    fn a_meter_keeps_its_number_and_what_failed_in_part_stands_in_both() {
        let recent = Recent::default();
        recent.wanted.set(true);
        let mut watched = recent.watch();
        recent.put(record(Some(1), Kind::Readings, 10), None, None);
        recent.put(record(Some(2), Kind::Readings, 11), None, Some(Reason::NoKey));
        recent.put(record(Some(1), Kind::Readings, 12), None, None);
        recent.put(record(None, Kind::Undecoded, 13), None, Some(Reason::NoKey));
        recent.put(record(None, Kind::Undecoded, 14), None, None);
        assert_eq!(recent.counts(), (2, 3));
        assert_eq!(recent.failures().iter().map(|failure| failure.report.len()).collect::<Vec<_>>(), [14, 13, 11]);
        let first = recent.meter(1).unwrap();
        assert_eq!((first.count, first.report.len(), first.failed), (2, 12, false));
        assert_eq!(recent.failure(2).unwrap().report.len(), 11);
        assert!(recent.failure(1).is_none() && recent.meter(4).is_none());
        let told: Vec<_> = std::iter::from_fn(|| watched.try_recv().ok()).collect();
        assert_eq!(told.iter().map(|told| told.failed).collect::<Vec<_>>(), [false, true, false, true, true]);
        assert_eq!(told[2].count, 2);
        let (newer, order) = recent.since(2);
        assert_eq!((newer.len(), order), (1, 5));
        assert!(recent.since(order).0.is_empty());
    }

    proptest! {
        /// However many come, no more is kept than the limits say; the newest is always there.
        #[test]
        fn what_is_kept_is_bounded(sent in prop::collection::vec((0u16..3000, 1usize..40_000), 1..1500)) {
            let recent = Recent::default();
            recent.wanted.set(true);
            for (meter, octets) in &sent {
                recent.put(record(Some(*meter), Kind::Readings, *octets), None, None);
            }
            let (meters, order) = recent.since(0);
            prop_assert_eq!(order, sent.len() as u64);
            prop_assert!(meters.len() <= METERS.telegrams);
            let octets: usize = meters.iter().map(|telegram| telegram.report.len()).sum();
            prop_assert!(octets <= METERS.octets);
            prop_assert_eq!(octets, recent.kept().meters.octets);
            prop_assert!(meters.iter().any(|telegram| telegram.order == order));
            prop_assert!(meters.len() as u64 + recent.forgotten.get() <= order);
        }
    }
}
