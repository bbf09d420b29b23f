//! What is observed of meters; RFC 7641. Once a meter has sent to a resource that says so, its own resource is observed,
//! such as `/t/d`, and every notification is a message of it. Each holds readings of its own, so one that came late is
//! taken like any other.

use super::answer::Wire;
use super::resource::Pattern;
use super::server::{Peer, Received};
use esh_core::Id;
use esh_nbiot::coap::exchange::{Due, Transmission};
use esh_nbiot::coap::option::number::{OBSERVE, URI_PATH};
use esh_nbiot::coap::{Code, Message, Type, Writer};
use std::collections::HashMap;

/// The most observations; the one that was not heard of for longest gives way.
const MOST: usize = 16_384;

/// All observations, by their tokens, which nobody can guess.
#[derive(Debug)]
pub(super) struct Observed {
    by_token: HashMap<[u8; 8], Observation>,
    by_peer: HashMap<(Peer, String), [u8; 8]>,
    /// The tokens of requests that nobody has acknowledged, by the message.
    asking: HashMap<(Peer, u16), Asking>,
    id: u16,
}

#[derive(Debug)]
struct Observation {
    peer: Peer,
    of: Of,
    heard: u64,
}

#[derive(Debug)]
struct Asking {
    token: [u8; 8],
    octets: Box<[u8]>,
    transmission: Transmission,
    budget: usize,
}

/// What is observed, and whose it is.
#[derive(Clone, Debug)]
pub(super) struct Of {
    pub(super) path: Pattern,
    pub(super) meter: Option<Id>,
    pub(super) endpoint: u64,
}

impl Observed {
    pub(super) fn new(id: u16) -> Self {
        Self { by_token: HashMap::new(), by_peer: HashMap::new(), asking: HashMap::new(), id }
    }

    /// The number of the next message of our own.
    pub(super) const fn next_id(&mut self) -> u16 {
        self.id = self.id.wrapping_add(1);
        self.id
    }

    /// A meter has sent: unless it is observed already, it is asked for it. `random` becomes the token.
    pub(super) fn ask(&mut self, received: Received<'_>, of: Of, random: u64, wire: &mut dyn Wire) {
        let Received { peer, now, .. } = received;
        let name = (peer, of.path.to_string());
        if let Some(observation) = self.by_peer.get(&name).and_then(|token| self.by_token.get_mut(token)) {
            observation.heard = now;
            return;
        }
        if self.by_token.len() >= MOST {
            let oldest = self.by_token.iter().min_by_key(|(_, observation)| observation.heard);
            if let Some(token) = oldest.map(|(token, _)| *token) {
                self.forget(token);
            }
        }
        let (token, id) = (random.to_be_bytes(), self.next_id());
        let mut buffer = [0; 512];
        let written = Writer::new(&mut buffer, Type::Confirmable, Code::GET, id, &token).and_then(|mut writer| {
            writer.uint(OBSERVE, 0)?;
            for word in of.path.words() {
                writer.option(URI_PATH, word.as_bytes())?;
            }
            writer.payload(&[])
        });
        let Ok(octets) = written else { return };
        // The answer to the message may take what is left of three times its octets.
        let budget = match peer {
            Peer::Plain(..) => received.octets.len() * 2,
            Peer::Session(_) => usize::MAX,
        };
        let Some(budget) = budget.checked_sub(octets.len()) else { return };
        wire.send(peer, octets);
        let transmission = Transmission::new(now, random as u16);
        self.asking.insert((peer, id), Asking { token, octets: octets.into(), transmission, budget });
        self.by_peer.insert(name, token);
        self.by_token.insert(token, Observation { peer, of, heard: now });
    }

    /// What a notification is about. Its sender may have another address by now: the token shows that it was asked.
    pub(super) fn of(&mut self, received: Received<'_>, message: &Message<'_>) -> Option<Of> {
        let token: [u8; 8] = message.token().try_into().ok()?;
        let observation = self.by_token.get_mut(&token)?;
        observation.heard = received.now;
        self.asking.retain(|_, asking| asking.token != token);
        let of = observation.of.clone();
        if observation.peer != received.peer {
            let path = of.path.to_string();
            self.by_peer.remove(&(observation.peer, path.clone()));
            observation.peer = received.peer;
            self.by_peer.insert((received.peer, path), token);
        }
        if message.code().class() != 2 || message.option(OBSERVE).is_none() {
            // It is not observed, or not any more.
            self.forget(token);
        }
        Some(of)
    }

    /// A message of ours was acknowledged or rejected.
    pub(super) fn acknowledged(&mut self, peer: Peer, id: u16, rejected: bool) {
        if let Some(asking) = self.asking.remove(&(peer, id))
            && rejected
        {
            self.forget(asking.token);
        }
    }

    fn forget(&mut self, token: [u8; 8]) {
        if let Some(observation) = self.by_token.remove(&token) {
            self.by_peer.remove(&(observation.peer, observation.of.path.to_string()));
        }
        self.asking.retain(|_, asking| asking.token != token);
    }

    /// When there is something to do.
    pub(super) fn due(&self, now: u64) -> Option<u64> {
        // They are few, and looked at twice a second at most.
        (!self.asking.is_empty()).then_some(now + 500)
    }

    /// Asks again where nobody has answered.
    pub(super) fn tick(&mut self, now: u64, wire: &mut dyn Wire) {
        let mut given_up = Vec::new();
        for ((peer, _), asking) in &mut self.asking {
            match asking.transmission.poll(now) {
                Due::At(_) => {}
                Due::Again => match asking.budget.checked_sub(asking.octets.len()) {
                    Some(budget) => {
                        asking.budget = budget;
                        wire.send(*peer, &asking.octets);
                    }
                    None => given_up.push(asking.token),
                },
                Due::GivenUp => given_up.push(asking.token),
            }
        }
        given_up.into_iter().for_each(|token| self.forget(token));
    }
}
