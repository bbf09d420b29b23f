//! The watch over the meters: what a frame changes of what is known of its meter, who is silent, and who sends too much.
//!
//! What it says becomes true only when it is kept ([`Watch::keep`]), once its entry is taken by the queue.

use super::known::KnownMeters;
use super::rate::{Bucket, Rate};
use super::standing::{Happened, Moment, Owed, Standing};
use super::{Meters, Unwanted, debounce, period};
use crate::capture::Stamp;
use crate::record::Id;
use esh_core::{Alarms, Meter};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a frame says of its meter beside its readings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heard {
    /// Whose frame it was; `None` where it is no sign of life of anybody.
    pub meter: Option<Meter>,
    /// Why it is not forwarded.
    pub unwanted: Option<Unwanted>,
    /// Its alarms.
    pub alarms: Alarms,
    /// Those that it says are not there.
    pub absent: Alarms,
    /// It comes as it was sent, and not from an archive: only then it is a sign of life.
    pub live: bool,
    /// Somebody else who watches over it says whether it can be reached: a frame that says `false` is no sign of its life.
    pub reachable: Option<bool>,
}

/// Who sends too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limited {
    Source,
    Meter,
}

/// Watches over the meters.
#[derive(Debug)]
pub(crate) struct Watch {
    meters: Arc<Meters>,
    known: KnownMeters,
    sources: HashMap<Arc<str>, Bucket>,
    listening: Listening,
    /// Those of whom events are to be told.
    owing: Vec<Meter>,
}

/// The most meters that are told to be silent in one go: a receiver that fails makes all of them so.
const SILENT_AT_ONCE: usize = 256;
/// The most sources that have a bucket; there are as many sources as the configuration says.
const SOURCES: usize = 1024;
/// The most events that are kept for a meter while the queue takes none.
const OWED: usize = 64;

impl Watch {
    /// Knows nobody yet.
    pub(crate) fn new(meters: Arc<Meters>, now: Instant) -> Self {
        Self {
            meters,
            known: KnownMeters::default(),
            sources: HashMap::new(),
            listening: Listening { so_far: BEFORE, since: now },
            owing: Vec::new(),
        }
    }

    /// A meter that was known before the gateway was started.
    pub(crate) fn restore(&mut self, meter: &Meter, standing: Standing) {
        let limit = self.meters.limits.meters;
        // What an older release wrote says less.
        let seat = self.known.seat(meter, limit);
        seat.heard = BEFORE;
        seat.standing = standing;
    }

    /// Everything is restored that was known.
    ///
    /// How long meters had been silent when the gateway ended is counted from the newest frame of all, which proves that
    /// it was listening then; but each is given half of its time at least, since nobody listened in between.
    pub(crate) fn begin(&mut self) {
        let newest = self.known.iter().filter_map(|(_, seat)| seat.standing.last).max();
        self.known.retain(|_, seat| {
            if let (Some(newest), Some(last)) = (newest, seat.standing.last) {
                let silent = Duration::from_millis(newest.0.get().saturating_sub(last.0.get()));
                seat.heard = BEFORE.saturating_sub(silent.min(BEFORE));
            }
            true
        });
        self.look_up();
        self.known.retain(|_, seat| {
            if let Some(patience) = period::patience(seat.period, &seat.standing.intervals) {
                seat.heard = seat.heard.max(BEFORE.saturating_sub(patience / 2));
            }
            true
        });
        self.owing =
            self.known.iter().filter(|(_, seat)| !seat.standing.owed.is_empty()).map(|(meter, _)| *meter).collect();
    }

    /// From now on something else is said about meters.
    pub(crate) fn replace(&mut self, meters: Arc<Meters>) {
        self.meters = meters;
        self.known.make_room(self.meters.limits.meters.saturating_add(1));
        self.look_up();
    }

    /// Looks up what is said about those that are known; of one that is not wanted, nothing is known any more.
    fn look_up(&mut self) {
        let list = &self.meters.list;
        self.known.retain(|meter, seat| {
            let Ok(listed) = list.judge(Some(meter)) else { return false };
            seat.listed = listed.is_some();
            seat.period = listed.and_then(|listed| listed.period);
            true
        });
    }

    /// What is said about meters.
    pub(crate) const fn meters(&self) -> &Arc<Meters> {
        &self.meters
    }

    /// Whether one more frame of a source is taken.
    pub(crate) fn admit_source(&mut self, source: &Arc<str>, now: Instant) -> Result<(), Limited> {
        let Some(rate) = self.meters.limits.source else { return Ok(()) };
        if !self.sources.contains_key(source) && self.sources.len() >= SOURCES {
            self.sources.clear();
        }
        let (burst, now) = (self.meters.limits.burst.0, self.listening.now(now));
        let bucket = self.sources.entry(Arc::clone(source)).or_default();
        if bucket.take(rate, burst, now) { Ok(()) } else { Err(Limited::Source) }
    }

    /// Whether one more frame of a meter is taken. The first one always is.
    pub(crate) fn admit_meter(&mut self, meter: &Meter, now: Instant) -> Result<(), Limited> {
        let Some(rate): Option<Rate> = self.meters.limits.meter else { return Ok(()) };
        let (burst, now) = (self.meters.limits.burst.0, self.listening.now(now));
        let fits = self.known.get_mut(meter).is_none_or(|seat| seat.bucket.take(rate, burst, now));
        if fits { Ok(()) } else { Err(Limited::Meter) }
    }

    /// What is known of a meter when its frame has become a record.
    pub(crate) fn heard(&self, meter: &Meter, heard: &Heard, report: Id, stamp: Stamp, now: Instant) -> Standing {
        let seat = self.known.get(meter);
        let mut standing = seat.map_or_else(Standing::default, |seat| seat.standing.clone());
        let moment = stamp.at.and_then(Moment::of);
        let since = seat
            .filter(|seat| seat.lately && heard.live)
            .map(|seat| self.listening.now(now).saturating_sub(seat.heard));
        let mut owed = std::mem::take(&mut standing.owed);
        let mut tell = |happened| {
            owed.push(Owed { happened, at: stamp.at, synchronised: stamp.synchronised, occasion: report });
        };
        if seat.is_none() {
            standing.first = moment;
            tell(Happened::Discovered);
        }
        if heard.live && heard.reachable == Some(false) {
            if !std::mem::replace(&mut standing.silent, true) {
                tell(Happened::Silent);
            }
        } else if heard.live && std::mem::take(&mut standing.silent) {
            tell(Happened::Returned);
        } else if let Some(since) = since.filter(|_| heard.reachable.is_none()) {
            // The time it was away is no period, nor how often others look after it.
            standing.intervals.push(since);
        }
        let after = self.meters.alarms.debounce;
        debounce::settle(&mut standing, (heard.alarms, heard.absent), since.unwrap_or_default(), after, tell);
        owed.drain(..owed.len().saturating_sub(OWED));
        standing.frames = standing.frames.saturating_add(1);
        standing.last = if heard.live { moment.or(standing.last) } else { moment.max(standing.last) };
        standing.owed = owed;
        standing
    }

    /// The frame's record is taken: it is so.
    pub(crate) fn keep_heard(&mut self, meter: &Meter, standing: Standing, live: bool, now: Instant) {
        let heard = self.listening.now(now);
        let (meters, is_new) = (Arc::clone(&self.meters), self.known.get(meter).is_none());
        if !standing.owed.is_empty() && !self.owing.contains(meter) {
            self.owing.push(*meter);
        }
        let seat = self.known.seat(meter, meters.limits.meters);
        seat.standing = standing;
        if live || is_new {
            (seat.heard, seat.lately) = (heard, live);
        }
        if is_new {
            let listed = meters.list.judge(Some(meter)).ok().flatten();
            (seat.listed, seat.period) = (listed.is_some(), listed.and_then(|listed| listed.period));
        }
    }

    /// An event's record is taken: it is so.
    pub(crate) fn keep(&mut self, meter: &Meter, standing: Standing) {
        if let Some(seat) = self.known.get_mut(meter) {
            seat.standing = standing;
        }
    }

    /// The next event that is to be told, and what is known of its meter when it is.
    pub(crate) fn owed(&mut self) -> Option<(Meter, Owed, Standing)> {
        while let Some(meter) = self.owing.last().copied() {
            if let Some(seat) = self.known.get(&meter)
                && let Some((first, rest)) = seat.standing.owed.split_first()
            {
                let standing = Standing { owed: rest.to_vec(), ..seat.standing.clone() };
                return Some((meter, *first, standing));
            }
            self.owing.pop();
        }
        None
    }

    /// The line still listens; those that have been silent for too long, the event that tells it, and what is known of
    /// each when it is told.
    pub(crate) fn listen(&mut self, now: Instant, stamp: Stamp) -> Vec<(Meter, Owed, Standing)> {
        self.listening.goes_on(now);
        let now = self.listening.now(now);
        let silent = self.known.iter().filter(|(_, seat)| {
            let away = now.saturating_sub(seat.heard);
            let patience = || period::patience(seat.period, &seat.standing.intervals);
            !seat.standing.silent && patience().is_some_and(|patience| away > patience)
        });
        let silent = silent.take(SILENT_AT_ONCE).map(|(meter, seat)| {
            let (last, frames) = (seat.standing.last.map_or(0, |last| last.0.get()), seat.standing.frames);
            let owed = Owed {
                happened: Happened::Silent,
                at: stamp.at,
                synchronised: stamp.synchronised,
                occasion: Id(u128::from(last) << 64 | u128::from(frames)),
            };
            (*meter, owed, Standing { silent: true, ..seat.standing.clone() })
        });
        silent.collect()
    }

    /// Everything that is known, those heard longest ago first.
    pub(crate) fn all(&self, each: &mut dyn FnMut(&Meter, &Standing)) {
        let mut all: Vec<_> = self.known.iter().collect();
        all.sort_unstable_by_key(|(_, seat)| seat.heard);
        all.into_iter().for_each(|(meter, seat)| each(meter, &seat.standing));
    }

    /// How many meters are known, how many of them are listed and silent, and how many were forgotten.
    pub(crate) fn numbers(&self) -> Numbers {
        let count = |of: fn(&super::known::Seat) -> bool| self.known.iter().filter(|(_, seat)| of(seat)).count() as u64;
        let silent = count(|seat| seat.standing.silent);
        Numbers {
            known: self.known.len() as u64,
            listed: count(|seat| seat.listed),
            silent,
            forgotten: self.known.forgotten(),
        }
    }
}

/// How many meters there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) known: u64,
    pub(crate) listed: u64,
    pub(crate) silent: u64,
    pub(crate) forgotten: u64,
}

/// The clock of silence: it runs while the line listens, and stands while a full queue or a slow disk keeps it from
/// listening, or the machine sleeps.
#[derive(Clone, Copy, Debug)]
struct Listening {
    so_far: Duration,
    since: Instant,
}

/// What lies before the start of the gateway: longer than anybody waits for a meter.
const BEFORE: Duration = Duration::from_secs(10 * 365 * 86_400);
/// A line that does not look up for longer does not listen.
const STALL: Duration = Duration::from_secs(5);

impl Listening {
    fn now(self, now: Instant) -> Duration {
        self.so_far + now.saturating_duration_since(self.since).min(STALL)
    }

    fn goes_on(&mut self, now: Instant) {
        (self.so_far, self.since) = (self.now(now), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meters::List;
    use esh_core::{Id as MeterId, Protocol};
    use std::path::Path;

    fn meter(n: u32) -> Meter {
        let id = MeterId::new(&n.to_string()).unwrap();
        Meter { protocol: Protocol::Wmbus, manufacturer: None, id, version: None, medium: None }
    }

    fn said(text: &str) -> Arc<Meters> {
        let list = List::parse(Path::new("meters.toml"), text).unwrap();
        Arc::new(Meters { list, ..Meters::default() })
    }

    /// A gateway and its two clocks, of which only one can be set.
    struct World {
        watch: Watch,
        now: Instant,
        wall: i64,
        told: Vec<(u64, Meter, &'static str)>,
        start: Instant,
    }

    impl World {
        fn new(text: &str) -> Self {
            let now = Instant::now();
            let watch = Watch::new(said(text), now);
            Self { watch, now, wall: 1_790_000_000, told: Vec::new(), start: now }
        }

        fn stamp(&self) -> Stamp {
            Stamp { at: jiff::Timestamp::from_second(self.wall).ok(), synchronised: true }
        }

        fn second(&self) -> u64 {
            self.now.duration_since(self.start).as_secs()
        }

        fn tell_owed(&mut self) {
            while let Some((meter, owed, standing)) = self.watch.owed() {
                self.watch.keep(&meter, standing);
                self.told.push((self.second(), meter, owed.happened.word()));
            }
        }

        fn hear(&mut self, meter: &Meter) {
            let heard = Heard { meter: Some(*meter), live: true, ..Heard::default() };
            let standing = self.watch.heard(meter, &heard, Id(1), self.stamp(), self.now);
            self.watch.keep_heard(meter, standing, true, self.now);
            self.tell_owed();
        }

        /// So many seconds pass while the line listens; each meter is heard in its period, up to a time.
        fn pass(&mut self, seconds: u64, meters: &[(u32, u64, u64)]) {
            for _ in 0..seconds {
                self.now += Duration::from_secs(1);
                self.wall += 1;
                for (n, period, until) in meters {
                    if self.second().is_multiple_of(*period) && self.second() <= *until {
                        self.hear(&meter(*n));
                    }
                }
                for (meter, owed, standing) in self.watch.listen(self.now, self.stamp()) {
                    self.watch.keep(&meter, standing);
                    self.told.push((self.second(), meter, owed.happened.word()));
                }
            }
        }

        /// Another process that knows what this one has stored.
        fn again(self, text: &str) -> Self {
            let mut next = Self::new(text);
            self.watch.all(&mut |meter, standing| next.watch.restore(meter, standing.clone()));
            next.watch.begin();
            next.wall = self.wall;
            next.tell_owed();
            next
        }

        fn told(&self, what: &str) -> Vec<(u64, u32)> {
            let told = self.told.iter().filter(|(.., word)| *word == what);
            told.map(|(second, meter, _)| (*second, meter.id.as_str().parse().unwrap())).collect()
        }
    }

    const PERIODS: &str =
        "[[meter]]\nmatch = \"wmbus:1\"\nperiod = \"1min\"\n[[meter]]\nmatch = \"wmbus:2\"\nperiod = \"10s\"\n";

    #[test]
    fn a_meter_that_misses_its_period_is_told_once_and_again_when_it_returns() {
        let mut world = World::new(PERIODS);
        world.pass(1000, &[(1, 60, 600), (2, 10, u64::MAX), (3, 100, 200)]);
        assert_eq!(world.told("silent"), [(796, 1)], "after three periods and a quarter; of 3 nothing is usual");
        world.hear(&meter(1));
        world.pass(200, &[(2, 10, u64::MAX)]);
        assert_eq!(world.told("returned"), [(1000, 1)]);
        assert_eq!(world.told("silent"), [(796, 1), (1196, 1)]);
        assert_eq!(world.told("discovered").len(), 3);
    }

    #[test]
    fn a_period_is_learned() {
        let mut world = World::new("");
        world.pass(20_000, &[(1, 900, 9000), (2, 16, 10_000)]);
        // Three times 900 s and a quarter; a fast one is given ten minutes.
        assert_eq!(world.told("silent"), [(10_000 + 601, 2), (9000 + 2926, 1)]);
    }

    #[test]
    fn a_clock_that_is_set_makes_no_meter_silent_and_none_return() {
        for jump in [86_400, -86_400, -1_790_000_000] {
            let mut world = World::new(PERIODS);
            world.pass(300, &[(1, 60, u64::MAX), (2, 10, 100)]);
            assert_eq!(world.told("silent"), [(133, 2)]);
            world.wall += jump;
            world.pass(300, &[(1, 60, u64::MAX)]);
            world.wall -= jump;
            world.pass(300, &[(1, 60, u64::MAX)]);
            assert_eq!((world.told("silent"), world.told("returned")), (vec![(133, 2)], vec![]));
        }
    }

    #[test]
    fn a_line_that_cannot_listen_hears_of_nobody_that_he_is_silent() {
        let mut world = World::new(PERIODS);
        world.pass(120, &[(1, 60, u64::MAX)]);
        // The queue was full for a day.
        world.now += Duration::from_secs(86_400);
        assert_eq!(world.watch.listen(world.now, world.stamp()).len(), 0);
        world.pass(100, &[]);
        assert_eq!(world.told("silent"), []);
        world.pass(100, &[]);
        assert_eq!(world.told("silent").len(), 1);
    }

    #[test]
    fn who_is_silent_is_known_after_a_restart() {
        let mut world = World::new(PERIODS);
        world.pass(1000, &[(1, 60, 600), (2, 10, u64::MAX), (3, 100, u64::MAX)]);
        assert_eq!(world.told("silent"), [(796, 1)]);
        let mut world = world.again(PERIODS);
        // The gateway was off for a day: nobody is told for that.
        world.wall += 86_400;
        world.pass(16, &[]);
        assert_eq!(world.told, []);
        world.hear(&meter(1));
        world.hear(&meter(2));
        assert_eq!((world.told("returned"), world.told("discovered")), (vec![(16, 1)], vec![]));
        world.pass(40, &[]);
        assert_eq!(world.told("silent"), [(49, 2)]);
    }

    #[test]
    fn who_is_said_to_be_out_of_reach_is_silent_at_once_and_what_looks_after_it_is_no_habit() {
        let mut world = World::new("");
        world.pass(300, &[(1, 60, u64::MAX)]);
        let said = |world: &mut World, reachable: bool| {
            let heard = Heard { meter: Some(meter(1)), live: true, reachable: Some(reachable), ..Heard::default() };
            let standing = world.watch.heard(&meter(1), &heard, Id(1), world.stamp(), world.now);
            world.watch.keep_heard(&meter(1), standing, reachable, world.now);
            world.tell_owed();
        };
        let habits = world.watch.known.get(&meter(1)).unwrap().standing.intervals;
        said(&mut world, false);
        said(&mut world, false);
        assert_eq!((world.told("silent").len(), world.told("returned").len()), (1, 0));
        said(&mut world, true);
        said(&mut world, true);
        assert_eq!((world.told("silent").len(), world.told("returned").len()), (1, 1));
        assert_eq!(world.watch.known.get(&meter(1)).unwrap().standing.intervals, habits);
    }

    #[test]
    fn what_an_archive_says_is_no_sign_of_life_and_no_habit() {
        let mut world = World::new(PERIODS);
        world.pass(300, &[(2, 10, 100)]);
        let old = Stamp { at: jiff::Timestamp::from_second(1_780_000_000).ok(), synchronised: true };
        for n in [2, 3, 3, 3, 3, 3] {
            let heard = Heard { meter: Some(meter(n)), ..Heard::default() };
            let standing = world.watch.heard(&meter(n), &heard, Id(1), old, world.now);
            world.watch.keep_heard(&meter(n), standing, false, world.now);
            world.tell_owed();
        }
        assert_eq!((world.told("silent"), world.told("returned")), (vec![(133, 2)], vec![]));
        world.pass(2000, &[]);
        assert_eq!(world.told("silent"), [(133, 2)], "of 3 nothing is usual");
        let standing = &world.watch.known.get(&meter(2)).unwrap().standing;
        assert_eq!(
            (standing.last, standing.frames),
            (Moment::of(jiff::Timestamp::from_second(1_790_000_100).unwrap()), 11)
        );
    }

    #[test]
    fn silence_before_a_restart_counts_but_not_alone() {
        let mut world = World::new(PERIODS);
        world.pass(780, &[(1, 60, 600), (2, 10, u64::MAX)]);
        assert_eq!(world.told("silent"), []);
        let mut world = world.again(PERIODS);
        world.pass(90, &[(2, 10, u64::MAX)]);
        assert_eq!(world.told("silent"), [], "half of its time is given in any case");
        world.pass(20, &[(2, 10, u64::MAX)]);
        assert_eq!(world.told("silent"), [(98, 1)]);
    }

    #[test]
    fn ten_thousand_meters_take_little() {
        let mut world = World::new("");
        let heard = Heard::default();
        for n in 0..10_000 {
            let standing = world.watch.heard(&meter(n), &heard, Id(1), world.stamp(), world.now);
            world.watch.keep_heard(&meter(n), standing, true, world.now);
        }
        world.tell_owed();
        assert_eq!(world.watch.numbers(), Numbers { known: 10_000, listed: 0, silent: 0, forgotten: 0 });
        let octets = size_of::<Meter>() + size_of::<super::super::known::Seat>();
        assert!(octets <= 300, "{octets}");
    }
}
