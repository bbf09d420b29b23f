//! When a confirmable message is sent again; RFC 7252, clause 4.2.

use super::{ACK_TIMEOUT, MAX_RETRANSMIT};

/// A confirmable message that waits for its acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmission {
    timeout: u64,
    due: u64,
    sent: u8,
}

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing before then.
    At(u64),
    /// It is sent again.
    Again,
    /// Its receiver is not there.
    GivenUp,
}

impl Transmission {
    /// One that was sent at `now` for the first time. `random` spreads the first time-out over
    /// [`ACK_TIMEOUT`] × 1 to 1.5.
    #[must_use]
    pub const fn new(now: u64, random: u16) -> Self {
        let timeout = ACK_TIMEOUT + ACK_TIMEOUT / 2 * random as u64 / u16::MAX as u64;
        Self { timeout, due: now + timeout, sent: 0 }
    }

    /// What is to be done at `now`.
    pub const fn poll(&mut self, now: u64) -> Due {
        if now < self.due {
            return Due::At(self.due);
        }
        if self.sent >= MAX_RETRANSMIT {
            return Due::GivenUp;
        }
        self.sent += 1;
        self.timeout *= 2;
        self.due = now + self.timeout;
        Due::Again
    }
}
