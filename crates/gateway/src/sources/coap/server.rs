//! The server: what becomes of each message. It has no socket and is told the time; sockets and the clock are the loop's.

use super::answer::{Asked, Reply, Wire};
use super::bodies::{Bodies, Part};
use super::config::Config;
use super::observed::{Observed, Of};
use super::resource::{self, Form, Resource};
use super::waiting::{Pending, Waiting, What};
use crate::capture::{Capture, Stamp};
use crate::sources::net::{Rates, endpoint};
use crate::sources::{Intake, Taken};
use bytes::Bytes;
use esh_core::{Id, Protocol};
use esh_nbiot::coap::exchange::{Bucket, EXCHANGE_LIFETIME, Memory, NON_LIFETIME, Seen};
use esh_nbiot::coap::option::number::*;
use esh_nbiot::coap::{Block, CoapOption, Code, Message, Type};
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tracing::debug;

/// Whom messages come from and go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Peer {
    /// An address, and that of ours to which it sends.
    Plain(SocketAddr, Option<IpAddr>),
    /// A session of DTLS.
    Session(u64),
}

/// A message as it was received.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received<'a> {
    pub(super) peer: Peer,
    /// Where it comes from now.
    pub(super) address: SocketAddr,
    /// The identity of its key.
    pub(super) psk: Option<&'a str>,
    pub(super) octets: &'a [u8],
    /// By a clock that does not run backwards, in milliseconds.
    pub(super) now: u64,
    pub(super) stamp: Stamp,
}

/// The critical options that are understood.
const KNOWN: &[u16] = &[URI_HOST, URI_PORT, URI_PATH, URI_QUERY, ACCEPT, BLOCK2, BLOCK1];
/// The first memory; it is doubled while it is too small.
const FIRST: usize = 512;

/// Everything between a message and its answer.
pub(super) struct Server {
    pub(super) config: Arc<Config>,
    pub(super) name: Arc<str>,
    pub(super) intake: Intake,
    memory: Memory<Vec<Bucket>>,
    hash: RandomState,
    rates: Rates,
    bodies: Bodies,
    pub(super) observed: Observed,
    pub(super) waiting: Waiting,
    /// What is sent in an answer to `/.well-known/core`.
    links: Vec<u8>,
}

impl Server {
    pub(super) fn new(config: &Arc<Config>, intake: Intake) -> Self {
        let links: Vec<_> = config.resources.iter().filter(|resource| !resource.path.names_a_meter()).collect();
        let links: Vec<_> = links.iter().map(|resource| format!("<{}>", resource.path)).collect();
        let hash = RandomState::new();
        Self {
            config: Arc::clone(config),
            name: config.name.as_deref().unwrap_or("coap").into(),
            intake,
            memory: Memory::new(vec![Bucket::EMPTY; FIRST]),
            rates: Rates::new(config.rate),
            bodies: Bodies::default(),
            observed: Observed::new(hash.hash_one("first message id") as u16),
            waiting: Waiting::default(),
            links: links.join(",").into_bytes(),
            hash,
        }
    }

    /// A message has come.
    pub(super) fn receive(&mut self, received: Received<'_>, wire: &mut dyn Wire) {
        let message = match Message::parse(received.octets) {
            Ok(message) => message,
            Err(error) => return self.malformed(received, &error, wire),
        };
        match (message.type_(), message.code()) {
            (Type::Acknowledgement | Type::Reset, _) => self.acknowledged(received, &message, wire),
            // Whoever asks whether we are there is told so by a reset; RFC 7252, clause 4.3.
            (Type::Confirmable, Code::EMPTY) => wire.reset(received.peer, message.id()),
            (_, code) if code.is_request() => self.request(received, &message, wire),
            (_, code) if (2..=5).contains(&code.class()) => self.response(received, &message, wire),
            (Type::Confirmable, _) => wire.reset(received.peer, message.id()),
            _ => {}
        }
    }

    /// RFC 7252, clause 4.2: a confirmable message that is none is rejected, another one ignored.
    fn malformed(&mut self, received: Received<'_>, error: &esh_core::DecodeError, wire: &mut dyn Wire) {
        self.intake.counts.unreadable.add(1);
        debug!(source = &*self.name, peer = %received.address, %error, "a message is refused");
        if let [first, _, high, low, ..] = received.octets
            && first >> 4 == 0b0100
            && self.rates.admits(received.address, Duration::from_millis(received.now))
        {
            wire.reset(received.peer, u16::from_be_bytes([*high, *low]));
        }
    }

    fn request(&mut self, received: Received<'_>, message: &Message<'_>, wire: &mut dyn Wire) {
        let Received { peer, now, .. } = received;
        let exchange = self.hash.hash_one((key(peer), message.id(), message.token()));
        let asked = Asked::new(peer, exchange, message, received.octets.len());
        match self.see(now, exchange, message.type_()) {
            Seen::New => {}
            Seen::UnderWay => return self.waiting.again(&asked, wire),
            Seen::Answered(code) => return wire.answer(&asked, Reply::of(code)),
            // Everything nearby is under way: this one is to come again.
            Seen::Full => return self.intake.counts.unreadable.add(1),
        }
        let done = self.new_request(received, message, &asked, wire);
        match done {
            Done::Waits => {}
            Done::Remembered(reply) => {
                self.memory.answer(exchange, reply.code);
                wire.answer(&asked, reply);
            }
            // When it comes again it is answered the same.
            Done::Answered(reply) => {
                self.memory.withdraw(exchange);
                wire.answer(&asked, reply);
            }
            Done::Dropped => self.memory.withdraw(exchange),
        }
    }

    /// What an exchange is to those before it, in a memory that grows as long as it may.
    fn see(&mut self, now: u64, exchange: u64, type_: Type) -> Seen {
        while !self.memory.has_room(now, exchange) && self.memory.places() * 2 <= self.config.exchanges {
            let buckets = self.memory.places() / Bucket::PLACES * 2;
            self.memory = self.memory.moved(now, vec![Bucket::EMPTY; buckets]);
        }
        let lifetime = if type_ == Type::Confirmable { EXCHANGE_LIFETIME } else { NON_LIFETIME };
        self.memory.see(now, exchange, lifetime)
    }

    fn new_request(
        &mut self,
        received: Received<'_>,
        message: &Message<'_>,
        asked: &Asked,
        wire: &mut dyn Wire,
    ) -> Done {
        if !self.rates.admits(key(received.peer), Duration::from_millis(received.now)) {
            // RFC 8516. Whoever goes on is not answered any more once what answers come to is too much as well.
            let told = self.rates.admits((key(received.peer), "answers"), Duration::from_millis(received.now));
            self.intake.counts.unreadable.add(1);
            let wait = Reply { max_age: Some(5), ..Reply::of(Code::TOO_MANY_REQUESTS) };
            return if told { Done::Answered(wait) } else { Done::Dropped };
        }
        if message.option(PROXY_URI).or_else(|| message.option(PROXY_SCHEME)).is_some() {
            return Done::Answered(Reply::of(Code::PROXYING_NOT_SUPPORTED));
        }
        if let Some(option) = message.refused_option(KNOWN) {
            debug!(source = &*self.name, option = option.number, "a critical option is not understood");
            return Done::Answered(Reply::of(Code::BAD_OPTION));
        }
        if message.uri_path().eq([".well-known", "core"]) {
            return self.discovery(received, message, wire);
        }
        let from = resource::From {
            endpoint: received.psk.map_or_else(|| endpoint::of_address(received.address), endpoint::of_name),
            address: received.address.ip(),
            psk: received.psk,
        };
        let config = Arc::clone(&self.config);
        let taker = config.resources.iter().find_map(|resource| Some((resource, resource.takes(message, from)?)));
        let Some((resource, meter)) = taker else { return Done::Answered(Reply::of(Code::NOT_FOUND)) };
        if !matches!(message.code(), Code::POST | Code::PUT) {
            return Done::Answered(Reply::of(Code::METHOD_NOT_ALLOWED));
        }
        let body = match self.body(received, message) {
            Ok(body) => body,
            Err(done) => return done,
        };
        if let Some(path) = &resource.observe {
            let of = Of { path: path.clone(), meter, endpoint: from.endpoint };
            let random = RandomState::new().hash_one((asked.exchange, received.now));
            self.observed.ask(received, of, random, wire);
        }
        // What was sent there is no more than twice what came.
        let spent = if resource.observe.is_some() { received.octets.len() * 2 } else { 0 };
        let mut asked = *asked;
        asked.budget = asked.budget.saturating_sub(spent);
        let octets = match body {
            _ if message.payload().is_empty() => return Done::Remembered(Reply::of(Code::CHANGED)),
            None => Bytes::copy_from_slice(match resource.form {
                Form::Frame(_) => message.payload(),
                _ => received.octets,
            }),
            Some(body) => self.bodies.whole(message, body, matches!(resource.form, Form::Frame(_))),
        };
        self.capture(octets, resource, from.endpoint, meter, received, What::Request(asked))
    }

    /// The body that a message ends; `None` when the message is its own.
    fn body(&mut self, received: Received<'_>, message: &Message<'_>) -> Result<Option<Vec<u8>>, Done> {
        let largest = self.config.largest;
        let too_large = Reply { size1: Some(largest as u32), ..Reply::of(Code::REQUEST_ENTITY_TOO_LARGE) };
        let said = message.option(SIZE1).filter(|option| option.has_good_length()).and_then(CoapOption::uint);
        if message.payload().len() > largest || said.is_some_and(|said| said > largest as u64) {
            return Err(Done::Answered(too_large));
        }
        let Some(block) = message.option(BLOCK1) else { return Ok(None) };
        let Some(block) = block.uint().and_then(Block::from_uint) else {
            return Err(Done::Answered(Reply::of(Code::BAD_REQUEST)));
        };
        if block.number == 0 && !block.more {
            return Ok(None);
        }
        let transfer = self.bodies.key(&self.hash, key(received.peer), message);
        match self.bodies.take(received.now, transfer, block, message.payload(), largest) {
            Part::More(answer) => Err(Done::Remembered(Reply { block1: Some(answer), ..Reply::of(Code::CONTINUE) })),
            Part::Whole(body) => Ok(Some(body)),
            Part::Refused(Code::REQUEST_ENTITY_TOO_LARGE) => Err(Done::Answered(too_large)),
            Part::Refused(code) => Err(Done::Answered(Reply::of(code))),
        }
    }

    /// `/.well-known/core`; RFC 6690. An address that may be somebody else's is not sent more than three times what came
    /// from there: it has to show first that it hears us (RFC 9175, clause 2.4).
    fn discovery(&mut self, received: Received<'_>, message: &Message<'_>, wire: &mut dyn Wire) -> Done {
        if message.code() != Code::GET {
            return Done::Answered(Reply::of(Code::METHOD_NOT_ALLOWED));
        }
        let asked = message.option(BLOCK2).and_then(CoapOption::uint).map(Block::from_uint);
        let Some(asked) = asked.map_or(Some(None), |block| block.map(Some)) else {
            return Done::Answered(Reply::of(Code::BAD_REQUEST));
        };
        let Some((part, block2)) = esh_nbiot::coap::exchange::part(&self.links, asked, 5) else {
            return Done::Answered(Reply::of(Code::BAD_OPTION));
        };
        let reply = Reply { content: Some((40, part)), block2, ..Reply::of(Code::CONTENT) };
        let short = part.len() + 24 <= 3 * received.octets.len();
        let mut answered = Asked::new(received.peer, 0, message, received.octets.len());
        if !short && matches!(received.peer, Peer::Plain(..)) {
            let echo = message.option(ECHO).map(|option| option.value);
            if let Some(challenge) = wire.challenge(received, echo) {
                return Done::Answered(Reply { echo: Some(challenge), ..Reply::of(Code::UNAUTHORIZED) });
            }
            answered.budget = usize::MAX;
        }
        // It borrows the links, so it goes out here.
        wire.answer(&answered, reply);
        Done::Dropped
    }

    /// Hands a message on. It is answered when the queue has it.
    fn capture(
        &mut self,
        octets: Bytes,
        resource: &Resource,
        endpoint: u64,
        meter: Option<Id>,
        received: Received<'_>,
        what: What,
    ) -> Done {
        let (protocol, framing) = resource.form.framing(Protocol::Coap, endpoint, meter);
        let source = Arc::clone(&self.name);
        let capture =
            Capture { octets, protocol, framing, received_at: received.stamp, source, rssi: None, radio: None };
        let (sender, receiver) = oneshot::channel();
        let pending = Pending { what, since: received.now, answer: receiver };
        if self.waiting.put(&self.intake, Taken { capture, answer: Some(sender), reply: None }, pending) {
            self.intake.counts.frames.add(1);
            return Done::Waits;
        }
        // The line is behind. The peer sends it again, by then there may be room.
        self.intake.counts.unreadable.add(1);
        Done::Dropped
    }

    /// A notification, or another answer to what we have asked.
    fn response(&mut self, received: Received<'_>, message: &Message<'_>, wire: &mut dyn Wire) {
        let exchange = self.hash.hash_one((key(received.peer), message.id(), "notification"));
        let Some(of) = self.observed.of(received, message) else {
            if message.type_() == Type::Confirmable {
                wire.reset(received.peer, message.id());
            }
            return;
        };
        match self.see(received.now, exchange, message.type_()) {
            Seen::New => {}
            Seen::Answered(_) if message.type_() == Type::Confirmable => {
                return wire.acknowledge(received.peer, message.id());
            }
            _ => return,
        }
        let config = Arc::clone(&self.config);
        let resource = config.resources.iter().find(|resource| resource.observe.as_ref() == Some(&of.path));
        let confirmable = message.type_() == Type::Confirmable;
        let done = match resource {
            Some(resource) if !message.payload().is_empty() && message.code().class() == 2 => {
                let what = What::Notification { peer: received.peer, exchange, id: message.id(), confirmable };
                let octets = Bytes::copy_from_slice(match resource.form {
                    Form::Frame(_) => message.payload(),
                    _ => received.octets,
                });
                self.capture(octets, resource, of.endpoint, of.meter, received, what)
            }
            _ => {
                if confirmable {
                    wire.acknowledge(received.peer, message.id());
                }
                self.memory.answer(exchange, Code::EMPTY);
                return;
            }
        };
        if !matches!(done, Done::Waits) {
            self.memory.withdraw(exchange);
        }
    }

    /// A peer has acknowledged or rejected what we sent.
    fn acknowledged(&mut self, received: Received<'_>, message: &Message<'_>, wire: &mut dyn Wire) {
        let reset = message.type_() == Type::Reset;
        self.waiting.acknowledged(received.peer, message.id());
        self.observed.acknowledged(received.peer, message.id(), reset);
        if message.code() != Code::EMPTY {
            // The acknowledgement brings the answer.
            self.response(received, message, wire);
        }
    }

    /// The line has told what became of the oldest capture.
    pub(super) fn told(&mut self, now: u64, pending: Pending, told: Told, wire: &mut dyn Wire) {
        match pending.what {
            What::Request(asked) => {
                let reply = match told {
                    Told::Taken => Reply::of(Code::CHANGED),
                    Told::Refused(code, max_age) => Reply { max_age, ..Reply::of(code) },
                };
                match told {
                    Told::Taken => self.memory.answer(asked.exchange, Code::CHANGED),
                    Told::Refused(..) => self.memory.withdraw(asked.exchange),
                }
                if asked.acknowledged {
                    self.waiting.separate(now, &asked, reply, self.observed.next_id(), wire);
                } else {
                    wire.answer(&asked, reply);
                }
            }
            What::Notification { peer, exchange, id, confirmable } => match told {
                Told::Taken => {
                    self.memory.answer(exchange, Code::EMPTY);
                    if confirmable {
                        wire.acknowledge(peer, id);
                    }
                }
                // It comes again.
                Told::Refused(..) => self.memory.withdraw(exchange),
            },
        }
    }

    /// When there is something to do.
    pub(super) fn due(&self, now: u64) -> Option<u64> {
        self.waiting.due().into_iter().chain(self.observed.due(now)).min()
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: u64, wire: &mut dyn Wire) {
        self.waiting.tick(now, wire);
        self.observed.tick(now, wire);
    }

    /// How many exchanges were forgotten before their time.
    pub(super) const fn forgotten(&self) -> u64 {
        self.memory.forgotten()
    }
}

/// What became of a request.
enum Done {
    /// It waits for the queue.
    Waits,
    /// Copies of it are answered from memory.
    Remembered(Reply<'static>),
    /// Copies of it are answered anew.
    Answered(Reply<'static>),
    /// It is not answered.
    Dropped,
}

/// What became of a capture.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    /// The queue has committed it.
    Taken,
    /// It has not, and the peer may try again after so many seconds.
    Refused(Code, Option<u32>),
}

/// What stands for a peer where its messages are told apart: the address of ours is no part of it.
fn key(peer: Peer) -> (u64, Option<SocketAddr>) {
    match peer {
        Peer::Plain(address, _) => (0, Some(address)),
        Peer::Session(session) => (session, None),
    }
}
