//! The id of a report: the same for every delivery of the same occasion.

use crate::record::Id;
use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};
use esh_core::{Meter, Protocol};
use std::io::Write;

/// The id of the report about a frame.
///
/// A counter that does not wrap within a key's life tells one occasion from another; without one it is the time at
/// which the first copy came. So a second delivery has the same id, and two honest readings that look alike have two.
#[must_use]
pub fn report_id(
    protocol: Protocol,
    meter: Option<&Meter>,
    counter: Option<u64>,
    received_at: Option<jiff::Timestamp>,
    octets: &[u8],
) -> Id {
    let mut hash = Blake2b::<U16>::new();
    hash.update(protocol.word());
    hash.update([0]);
    if let Some(meter) = meter {
        // Hashing cannot fail.
        let _ = write!(hash, "{}", meter.address());
    }
    match (counter, received_at) {
        (Some(counter), _) => {
            hash.update([1]);
            hash.update(counter.to_be_bytes());
        }
        (None, Some(received_at)) => {
            hash.update([2]);
            hash.update(received_at.as_nanosecond().to_be_bytes());
        }
        (None, None) => hash.update([0]),
    }
    hash.update(octets);
    Id(u128::from_be_bytes(hash.finalize().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_occasion_has_another_id() {
        let at = |second| jiff::Timestamp::from_second(second).ok();
        let id = |counter, at| report_id(Protocol::Wmbus, None, counter, at, b"\x01\x02");
        assert_eq!(id(Some(7), at(1)), id(Some(7), at(2)), "the counter is the occasion");
        assert_ne!(id(Some(7), at(1)), id(Some(8), at(1)));
        assert_ne!(id(None, at(1)), id(None, at(2)));
        assert_eq!(id(None, at(1)), id(None, at(1)));
        assert_ne!(id(None, None), report_id(Protocol::Mbus, None, None, None, b"\x01\x02"));
    }
}
