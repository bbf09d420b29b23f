//! The meters that are known: a bounded table. When it is full, those heard longest ago go, of meters of which
//! `meters.toml` says nothing before all others: anyone can transmit made-up ones.

use super::rate::Bucket;
use super::standing::Standing;
use esh_core::Meter;
use std::collections::HashMap;
use std::time::Duration;

/// A meter in the table.
#[derive(Clone, Debug, Default)]
pub(super) struct Seat {
    pub(super) standing: Standing,
    /// When it was last heard, by the clock that runs while the gateway listens.
    pub(super) heard: Duration,
    /// Whether that was since the gateway was started.
    pub(super) lately: bool,
    /// Whether something is said about it.
    pub(super) listed: bool,
    /// Its period, where one is said.
    pub(super) period: Option<Duration>,
    pub(super) bucket: Bucket,
}

/// The meters that are known.
#[derive(Debug, Default)]
pub(super) struct KnownMeters {
    /// Each in a place of its own: a table has room to spare, which shall be small.
    seats: HashMap<Meter, Box<Seat>>,
    forgotten: u64,
}

impl KnownMeters {
    pub(super) fn len(&self) -> usize {
        self.seats.len()
    }

    /// How many were forgotten because there were too many.
    pub(super) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    pub(super) fn get(&self, meter: &Meter) -> Option<&Seat> {
        self.seats.get(meter).map(|seat| &**seat)
    }

    pub(super) fn get_mut(&mut self, meter: &Meter) -> Option<&mut Seat> {
        self.seats.get_mut(meter).map(|seat| &mut **seat)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Meter, &Seat)> {
        self.seats.iter().map(|(meter, seat)| (meter, &**seat))
    }

    /// Keeps those that are wanted, after they were told what is new about them.
    pub(super) fn retain(&mut self, mut wanted: impl FnMut(&Meter, &mut Seat) -> bool) {
        self.seats.retain(|meter, seat| wanted(meter, seat));
    }

    /// The seat of a meter, a new one where there is none; of so many.
    pub(super) fn seat(&mut self, meter: &Meter, limit: usize) -> &mut Seat {
        if !self.seats.contains_key(meter) {
            self.make_room(limit.max(1));
        }
        self.seats.entry(*meter).or_default()
    }

    /// Makes room for one more, and for some more at the same time, so that it is not looked for each time.
    pub(super) fn make_room(&mut self, limit: usize) {
        if self.seats.len() < limit {
            return;
        }
        let many = self.seats.len() - limit + 1 + limit / 16;
        let mut ages: Vec<_> = self.seats.iter().map(|(meter, seat)| (seat.listed, seat.heard, *meter)).collect();
        let many = many.min(ages.len());
        if many < ages.len() {
            ages.select_nth_unstable_by_key(many, |(listed, heard, _)| (*listed, *heard));
        }
        for (_, _, meter) in ages.iter().take(many) {
            self.seats.remove(meter);
        }
        self.forgotten += many as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::{Id, Protocol};

    fn meter(n: u64) -> Meter {
        let id = Id::new(&n.to_string()).unwrap();
        Meter { protocol: Protocol::Wmbus, manufacturer: None, id, version: None, medium: None }
    }

    #[test]
    fn a_flood_of_made_up_meters_pushes_out_its_own() {
        let mut known = KnownMeters::default();
        for n in 0..50_000 {
            let seat = known.seat(&meter(n), 1000);
            (seat.heard, seat.listed) = (Duration::from_secs(n), n < 100);
        }
        assert!((900..=1000).contains(&known.len()), "{}", known.len());
        assert_eq!(known.len() as u64 + known.forgotten(), 50_000);
        assert!((0..100).all(|n| known.get(&meter(n)).is_some()), "those of which something is said stay");
        assert!((49_500..50_000).all(|n| known.get(&meter(n)).is_some()), "and the newest");
    }

    #[test]
    fn a_limit_of_one_is_one() {
        let mut known = KnownMeters::default();
        (0..3).for_each(|n| known.seat(&meter(n), 0).lately = true);
        assert_eq!((known.len(), known.forgotten()), (1, 2));
    }
}
