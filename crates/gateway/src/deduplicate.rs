//! Copies of a frame: the first goes on at once, later ones within the window are only counted.
//!
//! Nothing is held back (`hold = 0`): gathering all receptions of several antennas in one report comes with the sources
//! that need it. Time is passed in, so the part is a function of what it is told.
//!
//! A frame is remembered once its record is taken ([`Deduplicate::keep`]), never before: a copy of what was not stored is
//! no copy. The queue stores the frame beside the record, so the window is the same after a restart.

use crate::{capture::Capture, config::Span};
use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};
use esh_core::Protocol;
use serde::Deserialize;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// How copies are recognised: `[deduplicate]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long after the first one an equal frame is a copy; `0s` turns it off.
    pub window: Span,
    /// The most frames remembered; beyond them the oldest are forgotten early, and counted.
    pub entries: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { window: Span::seconds(60), entries: 65_536 }
    }
}

/// What a frame is to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The first of its kind. It is to be kept when its record is taken.
    First(Frame),
    /// A copy of one that went on, the how many-eth reception it is.
    Copy(u32),
}

/// Protocol and octets of a frame, hashed to 128 bits of which nobody can make two alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame([u8; 16]);

impl Frame {
    /// Of these octets in that protocol.
    #[must_use]
    pub fn of(protocol: Protocol, octets: &[u8]) -> Self {
        let mut hash = Blake2b::<U16>::new();
        hash.update(protocol.word());
        hash.update([0]);
        hash.update(octets);
        Self(hash.finalize().into())
    }

    /// As it was written.
    #[must_use]
    pub const fn from_octets(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// As it is written.
    #[must_use]
    pub const fn octets(self) -> [u8; 16] {
        self.0
    }
}

/// Knows the frames of the last minute.
#[derive(Debug)]
pub struct Deduplicate {
    window: Duration,
    limit: usize,
    frames: HashMap<Frame, Entry>,
    order: VecDeque<(Frame, Instant)>,
    forgotten: u64,
}

#[derive(Debug)]
struct Entry {
    seen: Instant,
    received_at: Option<jiff::Timestamp>,
    receptions: u32,
}

impl Deduplicate {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            window: config.window.0,
            limit: config.entries.max(1),
            frames: HashMap::new(),
            order: VecDeque::new(),
            forgotten: 0,
        }
    }

    /// From now on copies are recognised so.
    pub fn set(&mut self, config: &Config) {
        (self.window, self.limit) = (config.window.0, config.entries.max(1));
        while self.frames.len() > self.limit {
            self.forget_oldest();
        }
    }

    /// A frame has come.
    pub fn see(&mut self, capture: &Capture, now: Instant) -> Seen {
        self.expire(now);
        let frame = Frame::of(capture.protocol, &capture.octets);
        let received_at = capture.received_at.at;
        if let Some(entry) = self.frames.get_mut(&frame)
            && near(entry.received_at, received_at, self.window)
        {
            entry.receptions = entry.receptions.saturating_add(1);
            return Seen::Copy(entry.receptions);
        }
        Seen::First(frame)
    }

    /// The record of a frame that was seen then is taken: what is equal to it within the window is a copy.
    pub fn keep(&mut self, frame: Frame, received_at: Option<jiff::Timestamp>, seen: Instant) {
        if self.window.is_zero() {
            return;
        }
        if self.frames.len() >= self.limit && !self.frames.contains_key(&frame) {
            self.forget_oldest();
        }
        self.frames.insert(frame, Entry { seen, received_at, receptions: 1 });
        self.order.push_back((frame, seen));
    }

    /// The frames in the window, the older first: when each was seen, and when it came by its record.
    pub fn frames(&self) -> impl Iterator<Item = (Frame, Instant, Option<jiff::Timestamp>)> {
        let same = |(frame, seen): &(Frame, Instant)| {
            let entry = self.frames.get(frame).filter(|entry| entry.seen == *seen)?;
            Some((*frame, *seen, entry.received_at))
        };
        self.order.iter().filter_map(same)
    }

    /// How long a frame is remembered.
    #[must_use]
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// How many frames were forgotten before their time because there were too many.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn expire(&mut self, now: Instant) {
        while let Some((frame, seen)) = self.order.front().copied() {
            if now.saturating_duration_since(seen) <= self.window {
                return;
            }
            self.order.pop_front();
            self.remove(frame, seen);
        }
    }

    fn forget_oldest(&mut self) {
        while let Some((frame, seen)) = self.order.pop_front() {
            if self.remove(frame, seen) {
                self.forgotten += 1;
                return;
            }
        }
    }

    /// The order may still name frames that have come again since.
    fn remove(&mut self, frame: Frame, seen: Instant) -> bool {
        let same = self.frames.get(&frame).is_some_and(|entry| entry.seen == seen);
        if same {
            self.frames.remove(&frame);
        }
        same
    }
}

/// Whether two receptions may be of one transmission by the clock: an archive that is fed again brings equal octets
/// that are hours apart.
fn near(a: Option<jiff::Timestamp>, b: Option<jiff::Timestamp>, window: Duration) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => b.duration_since(a).unsigned_abs() <= window,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Stamp;
    use bytes::Bytes;

    fn capture(octets: &'static [u8], second: i64) -> Capture {
        Capture {
            octets: Bytes::from_static(octets),
            protocol: Protocol::Wmbus,
            framing: None,
            received_at: Stamp { at: jiff::Timestamp::from_second(second).ok(), synchronised: true },
            source: "test".into(),
            rssi: None,
        }
    }

    fn deduplicate(entries: usize) -> (Deduplicate, Instant) {
        (Deduplicate::new(&Config { entries, ..Config::default() }), Instant::now())
    }

    /// Whether a capture is the first; it is then kept.
    fn is_first(deduplicate: &mut Deduplicate, capture: &Capture, now: Instant) -> bool {
        let Seen::First(frame) = deduplicate.see(capture, now) else { return false };
        deduplicate.keep(frame, capture.received_at.at, now);
        true
    }

    #[test]
    fn copies_within_the_window_are_counted() {
        let (mut deduplicate, start) = deduplicate(10);
        assert!(is_first(&mut deduplicate, &capture(b"a", 0), start));
        assert_eq!(deduplicate.see(&capture(b"a", 1), start + Duration::from_secs(1)), Seen::Copy(2));
        assert_eq!(deduplicate.see(&capture(b"a", 60), start + Duration::from_secs(60)), Seen::Copy(3));
        assert!(is_first(&mut deduplicate, &capture(b"b", 60), start + Duration::from_secs(60)));
        assert!(is_first(&mut deduplicate, &capture(b"a", 61), start + Duration::from_secs(61)));
    }

    #[test]
    fn the_protocol_is_part_of_it() {
        let (mut deduplicate, start) = deduplicate(10);
        let wired = Capture { protocol: Protocol::Mbus, ..capture(b"a", 0) };
        assert!(is_first(&mut deduplicate, &capture(b"a", 0), start));
        assert!(is_first(&mut deduplicate, &wired, start));
    }

    #[test]
    fn frames_of_an_archive_are_told_apart_by_their_own_time() {
        let (mut deduplicate, start) = deduplicate(10);
        assert!(is_first(&mut deduplicate, &capture(b"a", 0), start));
        assert!(is_first(&mut deduplicate, &capture(b"a", 3600), start));
        assert_eq!(deduplicate.see(&capture(b"a", 3601), start), Seen::Copy(2));
    }

    #[test]
    fn what_was_not_kept_comes_first_again() {
        let (mut deduplicate, start) = deduplicate(10);
        assert!(matches!(deduplicate.see(&capture(b"a", 0), start), Seen::First(_)));
        assert!(is_first(&mut deduplicate, &capture(b"a", 0), start));
        let later = start + Duration::from_secs(61);
        assert!(is_first(&mut deduplicate, &capture(b"a", 30), later));
        // The old entry's time is over, the new one's is not.
        assert_eq!(deduplicate.see(&capture(b"a", 70), start + Duration::from_secs(70)), Seen::Copy(2));
        assert_eq!(deduplicate.frames().count(), 1);
    }

    #[test]
    fn it_is_bounded_and_counts_what_it_forgets() {
        let (mut deduplicate, start) = deduplicate(2);
        for octets in [b"a", b"b", b"c"] {
            assert!(is_first(&mut deduplicate, &capture(octets, 0), start));
        }
        assert_eq!((deduplicate.frames.len(), deduplicate.forgotten()), (2, 1));
        assert!(is_first(&mut deduplicate, &capture(b"a", 0), start));
        assert_eq!(deduplicate.see(&capture(b"c", 0), start), Seen::Copy(2));
    }
}
