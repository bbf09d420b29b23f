//! Bodies that come in blocks; RFC 7959.

use bytes::Bytes;
use esh_nbiot::coap::exchange::{Step, Transfer};
use esh_nbiot::coap::option::number::*;
use esh_nbiot::coap::{Block, Code, Message, Writer};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};

/// The most bodies, and octets of them, that wait for their next block. The one that has waited longest gives way.
const MOST: usize = 4096;
const OCTETS: usize = 4 << 20;

/// The bodies that wait for their next block.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    waiting: HashMap<u64, Body>,
    octets: usize,
}

#[derive(Debug)]
struct Body {
    transfer: Transfer,
    octets: Vec<u8>,
    heard: u64,
}

/// What a block has brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// More are wanted.
    More(Block),
    /// The body is whole.
    Whole(Vec<u8>),
    /// It is not taken.
    Refused(Code),
}

impl Bodies {
    /// The blocks of one body have one key: they come from one peer, and their requests differ in blocks alone.
    /// RFC 7959, clause 2.5, and RFC 9175, clause 3.3.
    pub(super) fn key(&self, hash: &impl BuildHasher, peer: impl Hash, message: &Message<'_>) -> u64 {
        let mut hasher = hash.build_hasher();
        peer.hash(&mut hasher);
        message.code().hash(&mut hasher);
        for option in message.options().filter(|option| is_of_the_body(option.number)) {
            option.number.hash(&mut hasher);
            option.value.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Takes a block.
    pub(super) fn take(&mut self, now: u64, key: u64, block: Block, payload: &[u8], largest: usize) -> Part {
        if block.number == 0 && !self.waiting.contains_key(&key) {
            self.make_room(now, block.size());
            self.waiting.insert(key, Body { transfer: Transfer::new(now), octets: Vec::new(), heard: now });
        }
        let Some(body) = self.waiting.get_mut(&key) else { return Part::Refused(Code::REQUEST_ENTITY_INCOMPLETE) };
        let before = body.octets.len();
        let part = match body.transfer.take(now, block, payload.len(), largest, 6) {
            Step::More { at, answer } => {
                body.put(at, payload);
                body.heard = now;
                Part::More(answer)
            }
            Step::Whole { at, .. } => {
                body.put(at, payload);
                Part::Whole(std::mem::take(&mut body.octets))
            }
            Step::Refused(code) => {
                body.octets.clear();
                Part::Refused(code)
            }
        };
        self.octets = self.octets + body.octets.len() - before;
        if !matches!(part, Part::More(_)) {
            self.waiting.remove(&key);
        }
        self.make_room(now, 0);
        part
    }

    /// The message as it would have come in one piece, or its payload alone.
    pub(super) fn whole(&self, message: &Message<'_>, body: Vec<u8>, payload_alone: bool) -> Bytes {
        if payload_alone {
            return body.into();
        }
        // Its options are no longer than those of the message, but for their headers.
        let options: usize = message.options().map(|option| option.value.len() + 5).sum();
        let mut buffer = vec![0; body.len() + options + 16];
        let written = Writer::new(&mut buffer, message.type_(), message.code(), message.id(), message.token())
            .and_then(|mut writer| {
                for option in message.options().filter(|option| is_of_the_body(option.number)) {
                    writer.option(option.number, option.value)?;
                }
                writer.payload(&body)
            });
        match written.map(<[u8]>::len) {
            Ok(len) => {
                buffer.truncate(len);
                buffer.into()
            }
            // It does fit; whatever comes of it, the body is not lost.
            Err(_) => body.into(),
        }
    }

    fn make_room(&mut self, now: u64, octets: usize) {
        while self.waiting.len() >= MOST || self.octets + octets > OCTETS {
            let Some((key, _)) = self.waiting.iter().min_by_key(|(_, body)| body.heard) else { return };
            let key = *key;
            self.forget(key);
        }
        // Those who were not heard for too long are looked for now and then.
        if self.waiting.len() > 64 {
            let over: Vec<u64> =
                self.waiting.iter().filter(|(_, body)| body.transfer.is_over(now)).map(|(key, _)| *key).collect();
            over.into_iter().for_each(|key| self.forget(key));
        }
    }

    fn forget(&mut self, key: u64) {
        if let Some(body) = self.waiting.remove(&key) {
            self.octets -= body.octets.len();
        }
    }
}

impl Body {
    fn put(&mut self, at: usize, payload: &[u8]) {
        self.octets.truncate(at);
        self.octets.extend_from_slice(payload);
    }
}

/// Whether an option is the same in the requests of all blocks of a body.
const fn is_of_the_body(number: u16) -> bool {
    !matches!(number, BLOCK1 | BLOCK2 | SIZE1 | SIZE2 | ECHO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(number: u32, more: bool) -> Block {
        Block { number, more, size_exponent: 0 }
    }

    #[test]
    fn bodies_are_put_together_side_by_side() {
        let mut bodies = Bodies::default();
        let answer = Part::More(block(0, true));
        assert_eq!(bodies.take(0, 1, block(0, true), &[1; 16], 100), answer);
        assert_eq!(bodies.take(0, 2, block(0, true), &[2; 16], 100), answer);
        assert_eq!(bodies.take(1, 1, block(1, false), &[3; 4], 100), Part::Whole([&[1; 16][..], &[3; 4]].concat()));
        assert_eq!(bodies.octets, 16);
        let incomplete = Part::Refused(Code::REQUEST_ENTITY_INCOMPLETE);
        assert_eq!(bodies.take(2, 2, block(2, true), &[0; 16], 100), incomplete);
        assert_eq!(bodies.take(3, 3, block(1, true), &[0; 16], 100), incomplete);
        assert_eq!((bodies.octets, bodies.waiting.len()), (0, 0));
    }

    #[test]
    fn they_are_bounded() {
        let mut bodies = Bodies::default();
        for key in 0..3 * MOST as u64 {
            let block = Block { number: 0, more: true, size_exponent: 6 };
            assert!(matches!(bodies.take(key, key, block, &[0; 1024], 8192), Part::More(_)));
        }
        assert!(bodies.waiting.len() <= MOST && bodies.octets <= OCTETS, "{} {}", bodies.waiting.len(), bodies.octets);
        let octets: usize = bodies.waiting.values().map(|body| body.octets.len()).sum();
        assert_eq!(octets, bodies.octets);
        let newest = 3 * MOST as u64 - 1;
        let more = Block { number: 1, more: false, size_exponent: 6 };
        assert!(matches!(bodies.take(newest, newest, more, &[0; 10], 8192), Part::Whole(_)));
    }
}
