//! Waiting longer and longer between attempts, and never all at once.

use crate::stop::Stop;
use std::{hash::BuildHasher, time::Duration};

/// The waits between attempts: doubling from the first to the last, each shortened at random by up to a half, so that
/// a thousand gateways do not come back to a broker in the same second.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    last: Duration,
    next: Duration,
}

impl Backoff {
    /// Waits from `first` to `last`.
    #[must_use]
    pub const fn new(first: Duration, last: Duration) -> Self {
        Self { first, last, next: first }
    }

    /// How long to wait this time.
    pub fn wait(&mut self) -> Duration {
        let whole = self.next;
        self.next = whole.saturating_mul(2).min(self.last);
        // A hasher with random keys is chance enough.
        let chance = (std::collections::hash_map::RandomState::new().hash_one(0) % 512) as u32;
        whole - (whole / 1024) * chance
    }

    /// Waits this time, or until the gateway shall stop.
    pub async fn pause(&mut self, stop: &mut Stop) {
        tokio::select! {
            () = tokio::time::sleep(self.wait()) => {}
            () = stop.asked() => {}
        }
    }

    /// An attempt has succeeded: begin again with short waits.
    pub const fn reset(&mut self) {
        self.next = self.first;
    }
}

/// From a quarter of a second to half a minute.
impl Default for Backoff {
    fn default() -> Self {
        Self::new(Duration::from_millis(250), Duration::from_secs(30))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_last_and_vary() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(4));
        for whole in [1, 2, 4, 4] {
            let (wait, whole) = (backoff.wait(), Duration::from_secs(whole));
            assert!(wait <= whole && wait >= whole / 2, "{wait:?} of {whole:?}");
        }
        backoff.reset();
        assert!(backoff.wait() <= Duration::from_secs(1));
    }
}
