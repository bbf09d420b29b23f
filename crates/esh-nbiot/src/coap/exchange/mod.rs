//! Exchanges: what peers remember of messages, and when they send them again; RFC 7252, clause 4, with RFC 7641, 7959
//! and 9175.
//!
//! Each is a state machine that is told the time, in milliseconds of a clock that does not run backwards, and that
//! neither sends nor waits: whoever has a socket and a clock does.

mod block;
mod echo;
mod memory;
mod observe;
mod transmission;

pub use block::{Step, Transfer, part};
pub use echo::{Echo, EchoError};
pub use memory::{Bucket, Memory, Seen};
pub use observe::{Freshness, SEQUENCE_MASK, sequence};
pub use transmission::{Due, Transmission};

/// How long a confirmable message waits for its acknowledgement at first; RFC 7252, clause 4.8.
pub const ACK_TIMEOUT: u64 = 2_000;
/// How often it is sent again.
pub const MAX_RETRANSMIT: u8 = 4;
/// How long a message may be under way.
pub const MAX_LATENCY: u64 = 100_000;
/// From the first time a confirmable message is sent to when its message id may be used again; clause 4.8.2.
pub const EXCHANGE_LIFETIME: u64 = 247_000;
/// The same of a message that is not confirmable.
pub const NON_LIFETIME: u64 = 145_000;

#[cfg(test)]
mod tests;
