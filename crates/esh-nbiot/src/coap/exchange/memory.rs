//! Which exchanges were answered, and how; RFC 7252, clauses 4.2 to 4.5.

use crate::coap::Code;

/// What an exchange is to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The first of its kind. It is under way from now on, until it is answered or withdrawn.
    New,
    /// A copy of one that is under way: its answer will come.
    UnderWay,
    /// A copy of one that was answered so: it is answered so again, and nothing else happens.
    Answered(Code),
    /// There is no room: everything that could give way is under way. It is not to be begun.
    Full,
}

/// An exchange in memory: sixteen octets.
#[derive(Clone, Copy, Debug)]
struct Place {
    exchange: u64,
    /// When it may be forgotten, in tenths of a second.
    until: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Nobody,
    UnderWay,
    Answered(Code),
}

/// Eight places, which exchanges share whose hashes are near.
#[derive(Clone, Copy, Debug)]
pub struct Bucket([Place; 8]);

impl Bucket {
    /// Nothing is remembered.
    pub const EMPTY: Self = Self([Place { exchange: 0, until: 0, state: State::Nobody }; 8]);
    /// How many exchanges it holds.
    pub const PLACES: usize = 8;
}

impl Default for Bucket {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// Remembers exchanges in buckets that its owner gives it: sixteen octets each, whatever was answered.
///
/// An exchange is told by a hash of endpoint, message id and token. The hash must have a secret key, or whoever can make
/// two alike takes one exchange for another. The rule when there is no room: of the eight exchanges that share a bucket,
/// the one that would be forgotten next gives way before its time, which is counted; one that is under way never does.
#[derive(Debug)]
pub struct Memory<B> {
    buckets: B,
    forgotten: u64,
}

const fn tenths(milliseconds: u64) -> u32 {
    (milliseconds / 100) as u32
}

impl Place {
    /// Whether nothing is lost with it.
    const fn is_free(self, now: u32) -> bool {
        match self.state {
            State::Nobody => true,
            State::UnderWay => false,
            State::Answered(_) => self.until <= now,
        }
    }
}

impl<B: AsRef<[Bucket]> + AsMut<[Bucket]>> Memory<B> {
    /// Remembers nothing yet.
    pub fn new(mut buckets: B) -> Self {
        buckets.as_mut().fill(Bucket::EMPTY);
        Self { buckets, forgotten: 0 }
    }

    /// An exchange has come at `now`, and is to be remembered for so long: [`super::EXCHANGE_LIFETIME`] or
    /// [`super::NON_LIFETIME`].
    pub fn see(&mut self, now: u64, exchange: u64, lifetime: u64) -> Seen {
        let (now, until) = (tenths(now), tenths(now + lifetime));
        let Some(places) = self.places_mut(exchange) else { return Seen::Full };
        let known = places.iter().find(|place| place.exchange == exchange && !place.is_free(now));
        match known.map(|place| place.state) {
            Some(State::UnderWay) => return Seen::UnderWay,
            Some(State::Answered(code)) => return Seen::Answered(code),
            Some(State::Nobody) | None => {}
        }
        let movable = places.iter_mut().filter(|place| place.state != State::UnderWay);
        let Some(place) = movable.min_by_key(|place| if place.is_free(now) { 0 } else { place.until }) else {
            return Seen::Full;
        };
        let lost = !place.is_free(now);
        *place = Place { exchange, until, state: State::UnderWay };
        self.forgotten += u64::from(lost);
        Seen::New
    }

    /// Whether an exchange can be remembered without another being forgotten before its time.
    #[must_use]
    pub fn has_room(&self, now: u64, exchange: u64) -> bool {
        let now = tenths(now);
        let bucket = self.index(exchange).and_then(|index| self.buckets.as_ref().get(index));
        bucket.is_some_and(|bucket| bucket.0.iter().any(|place| place.exchange == exchange || place.is_free(now)))
    }

    /// An exchange was answered.
    pub fn answer(&mut self, exchange: u64, code: Code) {
        if let Some(place) = self.under_way(exchange) {
            place.state = State::Answered(code);
        }
    }

    /// An exchange that is under way was never begun: when it comes again, it is the first of its kind.
    pub fn withdraw(&mut self, exchange: u64) {
        if let Some(place) = self.under_way(exchange) {
            place.state = State::Nobody;
        }
    }

    /// How many exchanges were forgotten before their time.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// How many exchanges it can hold.
    #[must_use]
    pub fn places(&self) -> usize {
        self.buckets.as_ref().len() * Bucket::PLACES
    }

    /// The same memory in other buckets, such as twice as many; what has expired at `now` is left behind.
    pub fn moved<C: AsRef<[Bucket]> + AsMut<[Bucket]>>(&self, now: u64, buckets: C) -> Memory<C> {
        let mut other = Memory::new(buckets);
        other.forgotten = self.forgotten;
        let now = tenths(now);
        for place in self.buckets.as_ref().iter().flat_map(|bucket| &bucket.0).filter(|place| !place.is_free(now)) {
            let room = other.places_mut(place.exchange).and_then(|places| {
                let movable = places.iter_mut().filter(|room| room.state != State::UnderWay);
                movable.min_by_key(|room| if room.is_free(now) { 0 } else { room.until })
            });
            match room {
                Some(room) => {
                    let lost = !room.is_free(now);
                    *room = *place;
                    other.forgotten += u64::from(lost);
                }
                None => other.forgotten += 1,
            }
        }
        other
    }

    fn under_way(&mut self, exchange: u64) -> Option<&mut Place> {
        let places = self.places_mut(exchange)?;
        places.iter_mut().find(|place| place.exchange == exchange && place.state == State::UnderWay)
    }

    fn places_mut(&mut self, exchange: u64) -> Option<&mut [Place; 8]> {
        let index = self.index(exchange)?;
        self.buckets.as_mut().get_mut(index).map(|bucket| &mut bucket.0)
    }

    fn index(&self, exchange: u64) -> Option<usize> {
        exchange.checked_rem(self.buckets.as_ref().len() as u64).map(|index| index as usize)
    }
}
