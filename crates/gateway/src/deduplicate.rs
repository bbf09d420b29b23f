//! Copies of a frame: the first goes on at once, later ones within the window are only counted.
//!
//! Nothing is held back (`hold = 0`): gathering all receptions of several antennas in one report comes with the sources
//! that need it. Time is passed in, so the part is a function of what it is told.
//!
//! A frame is remembered once its record is taken ([`Deduplicate::keep`]), never before: a copy of what was not stored is
//! no copy. The queue stores the frame beside the record, so the window is the same after a restart.

use crate::capture::{Capture, Framing};
use crate::config::Span;
use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};
use esh_core::Protocol;
use serde::Deserialize;
use std::collections::{HashMap, VecDeque};
use std::num::NonZeroI64;
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

/// Protocol, octets and, where its source knows it, endpoint of a frame, hashed to 128 bits of which nobody can make two
/// alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame([u8; 16]);

impl Frame {
    /// Of these octets in that protocol.
    #[must_use]
    pub fn of(protocol: Protocol, framing: Option<Framing>, octets: &[u8]) -> Self {
        let mut hash = Blake2b::<U16>::new();
        hash.update(protocol.word());
        hash.update([0]);
        match framing {
            Some(Framing::From(sender)) => hash.update(sender.endpoint.to_be_bytes()),
            // A meter that stands still answers every poll with the same octets.
            Some(polled @ (Framing::ModbusPoll(_) | Framing::WiredPoll(_))) => {
                hash.update(polled.to_string());
                hash.update([0]);
            }
            _ => {}
        }
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

/// Knows the frames of the last minute. A frame takes some sixty octets, as there may be tens of thousands.
#[derive(Debug)]
pub struct Deduplicate {
    window: Duration,
    limit: usize,
    /// Times are told from here on.
    begun: Option<Instant>,
    /// By half of its hash, the number of the last entry of a frame. Of two frames that share the half the later is known.
    numbers: HashMap<u64, u32>,
    /// In the order they were kept. Some are of frames that have come again since.
    entries: VecDeque<Entry>,
    /// The number of the first of them; numbers begin again when they have been used up.
    first: u32,
    forgotten: u64,
}

#[derive(Debug)]
struct Entry {
    frame: Frame,
    /// Nanoseconds since it was begun.
    seen: u64,
    /// Microseconds since 1970.
    received_at: Option<NonZeroI64>,
    receptions: u32,
}

impl Entry {
    fn received_at(&self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_microsecond(self.received_at?.get()).ok()
    }
}

impl Frame {
    fn half(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

impl Deduplicate {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            window: config.window.0,
            limit: config.entries.clamp(1, u32::MAX as usize / 2),
            begun: None,
            numbers: HashMap::new(),
            entries: VecDeque::new(),
            first: 0,
            forgotten: 0,
        }
    }

    /// From now on copies are recognised so.
    pub fn set(&mut self, config: &Config) {
        (self.window, self.limit) = (config.window.0, config.entries.clamp(1, u32::MAX as usize / 2));
        while self.entries.len() > self.limit {
            self.forgotten += u64::from(self.pop());
        }
    }

    /// A frame has come.
    pub fn see(&mut self, capture: &Capture, now: Instant) -> Seen {
        self.expire(now);
        let frame = Frame::of(capture.protocol, capture.framing, &capture.octets);
        let (received_at, window) = (capture.received_at.at, self.window);
        if let Some(entry) = self.number(frame).and_then(|place| self.entries.get_mut(place))
            && near(entry.received_at(), received_at, window)
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
        if self.entries.len() >= self.limit {
            self.forgotten += u64::from(self.pop());
        }
        let begun = *self.begun.get_or_insert(seen);
        let seen = u64::try_from(seen.saturating_duration_since(begun).as_nanos()).unwrap_or(u64::MAX);
        // The first microsecond of 1970 is told as the second.
        let received_at = received_at.and_then(|at| NonZeroI64::new(at.as_microsecond()).or(NonZeroI64::new(1)));
        self.numbers.insert(frame.half(), self.first.wrapping_add(self.entries.len() as u32));
        self.entries.push_back(Entry { frame, seen, received_at, receptions: 1 });
    }

    /// The frames in the window, the older first: when each was seen, and when it came by its record.
    pub fn frames(&self) -> impl Iterator<Item = (Frame, Instant, Option<jiff::Timestamp>)> {
        let newest = |(place, entry): &(usize, &Entry)| self.number(entry.frame) == Some(*place);
        self.entries.iter().enumerate().filter(newest).filter_map(|(_, entry)| {
            let seen = self.begun?.checked_add(Duration::from_nanos(entry.seen))?;
            Some((entry.frame, seen, entry.received_at()))
        })
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

    /// Where the entry of a frame is.
    fn number(&self, frame: Frame) -> Option<usize> {
        let place = self.numbers.get(&frame.half())?.wrapping_sub(self.first) as usize;
        self.entries.get(place).filter(|entry| entry.frame == frame).map(|_| place)
    }

    fn expire(&mut self, now: Instant) {
        let Some(begun) = self.begun else { return };
        let now = now.saturating_duration_since(begun);
        while let Some(entry) = self.entries.front()
            && now.saturating_sub(Duration::from_nanos(entry.seen)) > self.window
        {
            self.pop();
        }
    }

    /// Forgets the first entry; says whether it was the last one of its frame.
    fn pop(&mut self) -> bool {
        let Some(entry) = self.entries.pop_front() else { return false };
        let newest = self.numbers.get(&entry.frame.half()) == Some(&self.first);
        if newest {
            self.numbers.remove(&entry.frame.half());
        }
        self.first = self.first.wrapping_add(1);
        newest
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
            radio: None,
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
    fn equal_messages_of_two_endpoints_are_two() {
        let (mut deduplicate, start) = deduplicate(10);
        let of = |word| Capture { framing: Framing::from_word(word), ..capture(b"a", 0) };
        assert!(is_first(&mut deduplicate, &of("from+1+-+-"), start));
        assert!(is_first(&mut deduplicate, &of("from+2+-+-"), start));
        assert_eq!(deduplicate.see(&of("from+1+-+a"), start), Seen::Copy(2));
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
    fn numbers_begin_again_and_a_frame_takes_little() {
        let (mut deduplicate, start) = deduplicate(4);
        deduplicate.first = u32::MAX - 1;
        for second in 0..6 {
            assert!(is_first(&mut deduplicate, &capture([b"a", b"b", b"c"][second % 3], 100 * second as i64), start));
        }
        assert_eq!((deduplicate.entries.len(), deduplicate.frames().count()), (4, 3));
        assert_eq!(deduplicate.see(&capture(b"a", 301), start), Seen::Copy(2));
        assert!(matches!(deduplicate.see(&capture(b"d", 301), start), Seen::First(_)));
        assert!(size_of::<Entry>() <= 40);
    }

    #[test]
    fn it_is_bounded_and_counts_what_it_forgets() {
        let (mut deduplicate, start) = deduplicate(2);
        for octets in [b"a", b"b", b"c"] {
            assert!(is_first(&mut deduplicate, &capture(octets, 0), start));
        }
        assert_eq!((deduplicate.entries.len(), deduplicate.numbers.len(), deduplicate.forgotten()), (2, 2, 1));
        assert!(is_first(&mut deduplicate, &capture(b"a", 0), start));
        assert_eq!(deduplicate.see(&capture(b"c", 0), start), Seen::Copy(2));
    }
}
