//! What a sink counts, and whether it is stuck.

use super::number::{Count, Flag, seconds};
use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The most letters kept of a fault.
const WORDS: usize = 400;

/// What a sink counts.
#[derive(Debug, Default)]
pub(crate) struct OfSink {
    pub(crate) name: String,
    pub(crate) acknowledged: Count,
    /// When it last delivered something, in seconds since 1970; 0 when it has not.
    last: AtomicU64,
    /// Since when it has a record in hand, in seconds since 1970; 0 when it has none since it last delivered something.
    since: AtomicU64,
    /// Times it has begun again after a fault.
    pub(crate) reconnects: Count,
    /// It met a fault and has delivered nothing since.
    pub(crate) away: Flag,
    /// Records its peer will never take, of which the peer has got what stands for them,
    pub(crate) set_aside: Count,
    /// or not even that.
    pub(crate) given_up: Count,
    barred: Flag,
    why: Mutex<String>,
    /// Records sent again, since it was not known whether they had arrived.
    pub(crate) retried: Count,
    /// Records whose time under way is known, and the microseconds of all.
    pub(crate) timed: Count,
    micros: Count,
    /// The last fault in words, and when, in seconds since 1970.
    last_fault: Mutex<Option<(Box<str>, u64)>>,
}

impl OfSink {
    /// For a sink of that name.
    pub(crate) fn new(name: String) -> Self {
        Self { name, ..Self::default() }
    }

    /// It has a record in hand.
    pub(crate) fn handed(&self) {
        if self.since.load(Relaxed) == 0 {
            self.since.store(seconds(), Relaxed);
        }
    }

    /// So many records have arrived.
    pub(crate) fn acknowledged(&self, records: u64) {
        self.acknowledged.add(records);
        self.last.store(seconds(), Relaxed);
        self.since.store(0, Relaxed);
        self.away.set(false);
        if self.barred.get() {
            self.allowed();
        }
    }

    /// Its peer lets it do its work again.
    pub(crate) fn allowed(&self) {
        self.barred.set(false);
    }

    /// Its peer does not let it do its work until somebody changes that.
    pub(crate) fn barred(&self, why: &str) {
        why.clone_into(&mut self.why.lock().unwrap_or_else(PoisonError::into_inner));
        self.barred.set(true);
    }

    /// Why its peer does not let it do its work.
    pub(super) fn bar(&self) -> Option<String> {
        self.barred.get().then(|| self.why.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// So many records were under way for so long, all together.
    #[cfg(feature = "kafka")]
    pub(crate) fn took(&self, records: u64, time: Duration) {
        self.timed.add(records);
        self.micros.add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// How long all those were under way, together.
    pub(super) fn time(&self) -> Duration {
        Duration::from_micros(self.micros.get())
    }

    /// It met this fault, and will try again.
    pub(crate) fn fault(&self, fault: &dyn Display) {
        let fault: String = fault.to_string().chars().take(WORDS).collect();
        *self.last_fault.lock().unwrap_or_else(PoisonError::into_inner) = Some((fault.into(), seconds()));
        self.reconnects.add(1);
        self.away.set(true);
    }

    /// The last fault in words, and when, in seconds since 1970.
    pub(crate) fn last_fault(&self) -> Option<(Box<str>, u64)> {
        self.last_fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it delivers nothing though it should: for so many seconds nothing has arrived, and it met a fault or has
    /// had a record in hand as long.
    pub(crate) fn is_stuck(&self, now: u64, seconds: u64) -> bool {
        let long = |since: u64| now.saturating_sub(since) > seconds;
        let since = self.since.load(Relaxed);
        long(self.last()) && (self.away.get() || (since > 0 && long(since)))
    }

    /// When it last delivered something, in seconds since 1970; 0 when it has not.
    pub(crate) fn last(&self) -> u64 {
        self.last.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_is_stuck_when_it_owes_something_for_long_or_met_a_fault() {
        let sink = OfSink::default();
        let now = seconds();
        assert!(!sink.is_stuck(now, 60), "it was asked for nothing");
        sink.handed();
        assert!(!sink.is_stuck(now + 59, 60));
        assert!(sink.is_stuck(now + 120, 60), "it hangs");
        sink.acknowledged(1);
        assert!(!sink.is_stuck(now + 120, 60), "it has nothing in hand");
        sink.fault(&"away");
        assert!(!sink.is_stuck(now + 30, 60), "a short fault");
        assert!(sink.is_stuck(now + 120, 60), "a long one");
        sink.barred("not authorized");
        assert_eq!(sink.bar().as_deref(), Some("not authorized"));
        sink.acknowledged(1);
        assert_eq!(sink.bar(), None, "it delivers again");
        let first = OfSink::default();
        first.fault(&"away");
        assert!(first.is_stuck(now, 60), "it has never worked");
        assert_eq!(first.last_fault().map(|(words, _)| words), Some("away".into()));
    }
}
