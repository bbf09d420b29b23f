//! Endpoints: a hash that lasts, and how much each may send.

use crate::meters::{Rate, RateBucket};
use blake2::digest::consts::U8;
use blake2::{Blake2b, Digest};
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::SocketAddr;
use std::time::Duration;

/// A hash of an address, the same in every run.
pub(in crate::sources) fn of_address(address: SocketAddr) -> u64 {
    let mut hash = Blake2b::<U8>::new();
    match address.ip().to_canonical() {
        std::net::IpAddr::V4(ip) => hash.update(ip.octets()),
        std::net::IpAddr::V6(ip) => hash.update(ip.octets()),
    }
    hash.update(address.port().to_be_bytes());
    u64::from_be_bytes(hash.finalize().into())
}

/// A hash of the name that an endpoint has shown to be its own, the same in every run.
pub(in crate::sources) fn of_name(name: &str) -> u64 {
    let mut hash = Blake2b::<U8>::new();
    hash.update([0]);
    hash.update(name);
    u64::from_be_bytes(hash.finalize().into())
}

/// How much each endpoint has sent lately, in memory that does not grow with their number: those whose hashes fall on one
/// place share its rate. Nobody outside can know who shares with whom.
#[derive(Debug)]
pub(in crate::sources) struct Rates {
    rate: Option<Rate>,
    buckets: Vec<RateBucket>,
    hash: RandomState,
}

/// How many places there are.
const PLACES: usize = 16_384;
/// How long a rate may be saved up: a meter sends what it has gathered at once.
const BURST: Duration = Duration::from_secs(10);

impl Rates {
    pub(in crate::sources) fn new(rate: Option<Rate>) -> Self {
        let buckets = if rate.is_some() { vec![RateBucket::default(); PLACES] } else { Vec::new() };
        Self { rate, buckets, hash: RandomState::new() }
    }

    /// Whether an endpoint may send one more at that time.
    pub(in crate::sources) fn admits(&mut self, endpoint: impl Hash, now: Duration) -> bool {
        let Some(rate) = self.rate else { return true };
        let place = self.hash.hash_one(endpoint) as usize % PLACES;
        self.buckets.get_mut(place).is_none_or(|bucket| bucket.take(rate, BURST, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sends_too_much_stands_in_nobody_elses_way() {
        let mut rates = Rates::new("2/s".parse().ok());
        let now = Duration::from_secs(100);
        assert_eq!((0..100).filter(|_| rates.admits(1, now)).count(), 20);
        let others = (2..40).filter(|other| rates.admits(other, now)).count();
        assert!(others >= 36, "{others} of 38");
        assert_eq!((0..100).filter(|_| rates.admits(1, now + Duration::from_secs(1))).count(), 2);
        assert!((0..1000).all(|_| Rates::new(None).admits(1, now)));
    }

    #[test]
    fn an_endpoint_is_the_same_behind_either_kind_of_address() {
        let of = |text: &str| of_address(text.parse().unwrap());
        assert_eq!(of("192.0.2.1:5683"), of("[::ffff:192.0.2.1]:5683"));
        assert_ne!(of("192.0.2.1:5683"), of("192.0.2.1:5684"));
        assert_ne!(of_name("a"), of_name("b"));
    }
}
