//! Bodies in blocks; RFC 7959.

use crate::coap::{Block, Code};

/// A body that comes in blocks (Block1): where it stands. Its octets are its owner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    received: usize,
    heard: u64,
}

/// What is to be done about a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The body is to be cut to `at` octets, and the block put behind them. More are asked for with 2.31 and this block.
    More {
        /// Where the block stands in the body.
        at: usize,
        /// What is answered.
        answer: Block,
    },
    /// The same, and then the body is whole.
    Whole {
        /// Where the block stands in the body.
        at: usize,
        /// What is answered.
        answer: Block,
    },
    /// The block is refused with this code: 4.00 for one of a wrong length, 4.08 for one that is not the next, 4.13 for
    /// a body that is too long.
    Refused(Code),
}

impl Transfer {
    /// How long a body waits for its next block: that of an exchange, as the sender may be sending the block again and
    /// again.
    pub const PATIENCE: u64 = super::EXCHANGE_LIFETIME;

    /// A body of which nothing has come.
    #[must_use]
    pub const fn new(now: u64) -> Self {
        Self { received: 0, heard: now }
    }

    /// Takes a block of so many octets; a body may have up to `limit`, a block after the first up to
    /// `2 ^ (size_exponent + 4)`.
    pub fn take(&mut self, now: u64, block: Block, len: usize, limit: usize, size_exponent: u8) -> Step {
        if len > block.size() || block.more && len != block.size() {
            return Step::Refused(Code::BAD_REQUEST);
        }
        let at = block.offset();
        // The first block begins a body, whatever came of another one. One that came last may come again: its answer was
        // lost, and its sender began a new exchange.
        let is_next = at == self.received || at == 0 || at + len == self.received;
        if !is_next || self.is_over(now) && at != 0 {
            return Step::Refused(Code::REQUEST_ENTITY_INCOMPLETE);
        }
        let received = at + len;
        if received > limit {
            return Step::Refused(Code::REQUEST_ENTITY_TOO_LARGE);
        }
        self.received = received;
        self.heard = now;
        // Where smaller blocks are wanted, the next has a number that counts such blocks.
        let smaller = block.size_exponent.min(size_exponent);
        let answer = Block { size_exponent: if block.number == 0 { smaller } else { block.size_exponent }, ..block };
        if block.more { Step::More { at, answer } } else { Step::Whole { at, answer } }
    }

    /// Whether its sender has not been heard for too long.
    #[must_use]
    pub const fn is_over(&self, now: u64) -> bool {
        now.saturating_sub(self.heard) > Self::PATIENCE
    }
}

/// The part of a body that a request asks for (Block2), in blocks of at most `2 ^ (size_exponent + 4)` octets, and the
/// option to answer with. A body that fits one block, and is not asked for in blocks, needs none. `None` when it ends
/// before that block.
#[must_use]
pub fn part(body: &[u8], asked: Option<Block>, size_exponent: u8) -> Option<(&[u8], Option<Block>)> {
    let size_exponent = size_exponent.min(6);
    let asked = match asked {
        None if body.len() <= 16 << size_exponent => return Some((body, None)),
        None => Block { number: 0, more: false, size_exponent },
        // RFC 7959, clause 2.4: a first block may be given smaller than it was asked for.
        Some(block) if block.number == 0 => Block { size_exponent: block.size_exponent.min(size_exponent), ..block },
        Some(block) => block,
    };
    let rest = body.get(asked.offset()..).filter(|rest| !rest.is_empty() || asked.number == 0)?;
    let part = rest.get(..asked.size()).unwrap_or(rest);
    Some((part, Some(Block { more: part.len() < rest.len(), ..asked })))
}
