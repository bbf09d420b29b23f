//! DTLS 1.2 with pre-shared keys (RFC 6347, RFC 4279) and connection ids (RFC 9146): the server's side, without a socket
//! and without a clock.
//!
//! It is our own because no library has connection ids for a server of pre-shared keys, and what negotiates them and what
//! they authenticate stands in the middle of the handshake and of each record. It is small because of all that it does not
//! have: certificates, resumption, renegotiation, other suites. The primitives are those of `ring`, `aes` and `ccm`.
//!
//! A hello without a cookie costs no memory. No timer is needed: whatever of ours is lost, the client sends its own flight
//! again, and ours is sent again with it.

mod cipher;
mod hello;
mod prf;
mod record;
mod session;

use esh_core::{DecodeError, Input, Key, Layer};
use hello::{ClientHello, message};
use record::{Record, content_type};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use session::{Handshake, Progress, Session};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tracing::debug;

/// Whose a key is: what its owner calls itself, or the meter that the key belongs to.
pub type Identity = Arc<str>;

/// Where datagrams come from and go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The peer's address.
    pub peer: SocketAddr,
    /// Ours, where the system says.
    pub local: Option<IpAddr>,
}

/// What comes of a datagram.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A datagram is to be sent.
    Send(Path, Vec<u8>),
    /// The peer of a session has said something.
    Heard(u64, Vec<u8>),
    /// A session has begun.
    Begun(u64),
    /// A session has ended.
    Ended(u64),
    /// A handshake has failed: its key, as the client calls it, is not known or is another one.
    Failed(SocketAddr, Option<Identity>),
}

/// All sessions at one socket.
pub struct Server {
    cookies: hmac::Key,
    random: SystemRandom,
    sessions: HashMap<u64, Box<Session>>,
    by_address: HashMap<SocketAddr, u64>,
    handshakes: HashMap<SocketAddr, Box<Handshake>>,
    most: usize,
}

/// The most handshakes at once. Each has a client that hears us; when there are more the oldest is forgotten.
const HANDSHAKES: usize = 4096;
/// How long a handshake may take, in milliseconds: a client tries with waits of up to 60 s; RFC 6347, clause 4.2.4.1.
const PATIENCE: u64 = 120_000;
/// For how long a cookie is good, in milliseconds: this, or twice this.
const COOKIE: u64 = 60_000;

const WARNING: u8 = 1;
const FATAL: u8 = 2;
const CLOSE_NOTIFY: u8 = 0;
const HANDSHAKE_FAILURE: u8 = 40;
/// For a wrong key and for one that is not known alike: who guesses learns nothing. RFC 4279, clause 2.
const DECRYPT_ERROR: u8 = 51;
const PROTOCOL_VERSION: u8 = 70;

impl Server {
    /// A server that holds at most so many sessions; `None` when the system has no random numbers.
    pub fn new(most: usize) -> Option<Self> {
        let random = SystemRandom::new();
        let cookies = hmac::Key::generate(hmac::HMAC_SHA256, &random).ok()?;
        let (sessions, by_address, handshakes) = Default::default();
        Some(Self { cookies, random, sessions, by_address, handshakes, most })
    }

    /// A datagram has come at `now`, in milliseconds of a clock that does not run backwards. `keys` finds the key of an
    /// identity.
    pub fn receive(
        &mut self,
        now: u64,
        path: Path,
        datagram: &mut [u8],
        keys: &dyn Fn(&str) -> Option<(Key, Identity)>,
        events: &mut Vec<Event>,
    ) {
        let mut rest = datagram;
        while let Some((record, behind)) = Record::split(rest) {
            match (record.type_, record.epoch) {
                (content_type::HANDSHAKE, 0) => {
                    if let Err(error) = self.handshake(now, path, &record, keys, events) {
                        debug!(peer = %path.peer, %error, "a handshake message is refused");
                    }
                }
                // What is in plain and not authentic changes nothing.
                (_, 0) => {}
                _ => self.sealed(now, path, record, events),
            }
            rest = behind;
        }
    }

    /// Encrypts what is to be said to the peer of a session; `None` when there is none.
    pub fn send(&mut self, session: u64, octets: &[u8]) -> Option<(Path, Vec<u8>)> {
        let session = self.sessions.get_mut(&session)?;
        Some((session.path, session.seal(content_type::APPLICATION_DATA, octets)?))
    }

    /// Whose a session is, and where its peer is.
    pub fn peer(&self, session: u64) -> Option<(Identity, Path)> {
        self.sessions.get(&session).map(|session| (Arc::clone(&session.identity), session.path))
    }

    /// How many sessions there are.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    fn handshake(
        &mut self,
        now: u64,
        path: Path,
        record: &Record<'_>,
        keys: &dyn Fn(&str) -> Option<(Key, Identity)>,
        events: &mut Vec<Event>,
    ) -> Result<(), DecodeError> {
        let mut input = Input::new(record.fragment, 0, Layer::Security);
        while !input.is_empty() {
            let said = hello::Handshake::read(&mut input)?;
            match said.type_ {
                message::CLIENT_HELLO => self.hello(now, path, record.sequence, &said, events)?,
                message::CLIENT_KEY_EXCHANGE => {
                    let Some(handshake) = self.handshakes.get_mut(&path.peer) else { continue };
                    let progress = handshake.key_exchange(&said, keys);
                    self.progress(path, progress, events);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A hello. Without a cookie of ours it is answered from what it says alone, in fewer octets; RFC 6347, clause 4.2.1.
    fn hello(
        &mut self,
        now: u64,
        path: Path,
        sequence: u64,
        said: &hello::Handshake<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), DecodeError> {
        let hello = ClientHello::read(said.body)?;
        if ![now, now.saturating_sub(COOKIE)].iter().any(|time| self.is_cookie(*time, path, &hello)) {
            let cookie = hmac::sign(&self.cookies, &cookie_of(now, path, &hello));
            let cookie = cookie.as_ref().get(..16).unwrap_or_default();
            let mut body = Vec::with_capacity(48);
            hello::write(&mut body, message::HELLO_VERIFY_REQUEST, 0, &hello::hello_verify_request(cookie));
            let mut datagram = Vec::with_capacity(64);
            record::write_plain(&mut datagram, content_type::HANDSHAKE, sequence, &body);
            events.push(Event::Send(path, datagram));
            return Ok(());
        }
        if let Some(handshake) = self.handshakes.get_mut(&path.peer)
            && handshake.client_random == hello.random
        {
            // Our hello was lost, or is still under way.
            events.push(Event::Send(path, handshake.flight()));
            return Ok(());
        }
        let alert = match hello.suite {
            // Later versions have lower numbers; a client of one that has this one too says this one here.
            _ if hello.version != record::VERSION => Err(PROTOCOL_VERSION),
            None => Err(HANDSHAKE_FAILURE),
            Some(suite) => Ok(suite),
        };
        let suite = match alert {
            Ok(suite) => suite,
            Err(alert) => {
                events.push(plain_alert(path, sequence, alert));
                return Ok(());
            }
        };
        self.make_room_for_handshake(now);
        let (mut random, mut session) = ([0; 32], [0; 8]);
        if self.random.fill(&mut random).is_err() || self.random.fill(&mut session).is_err() {
            return Ok(());
        }
        let session = u64::from_be_bytes(session);
        if self.sessions.contains_key(&session) {
            return Ok(());
        }
        let mut handshake = Handshake::new(path, now, &hello, said, suite, (random, session), sequence);
        events.push(Event::Send(path, handshake.flight()));
        self.handshakes.insert(path.peer, Box::new(handshake));
        Ok(())
    }

    fn is_cookie(&self, time: u64, path: Path, hello: &ClientHello<'_>) -> bool {
        let cookie = hmac::sign(&self.cookies, &cookie_of(time, path, hello));
        cookie.as_ref().get(..16).is_some_and(|cookie| bool::from(subtle::ConstantTimeEq::ct_eq(cookie, hello.cookie)))
    }

    fn make_room_for_handshake(&mut self, now: u64) {
        if self.handshakes.len() < HANDSHAKES {
            return;
        }
        self.handshakes.retain(|_, handshake| now.saturating_sub(handshake.begun) < PATIENCE);
        if self.handshakes.len() >= HANDSHAKES
            && let Some(oldest) = self.handshakes.values().min_by_key(|handshake| handshake.begun)
        {
            let oldest = oldest.path.peer;
            self.handshakes.remove(&oldest);
        }
    }

    /// A record with keys: of a session, or the last of a handshake.
    fn sealed(&mut self, now: u64, path: Path, record: Record<'_>, events: &mut Vec<Event>) {
        let by_cid = record.cid.map(u64::from_be_bytes);
        let handshake = self.handshakes.get_mut(&path.peer);
        if let Some(handshake) = handshake.filter(|handshake| by_cid.is_none_or(|cid| cid == handshake.session)) {
            if by_cid.is_some() || !self.by_address.contains_key(&path.peer) {
                let progress = handshake.finish(now, path, record);
                return self.progress(path, progress, events);
            }
            // A session that the peer had before is still there: what does not end the handshake may be for that.
            let mut copy = record.fragment.to_vec();
            let progress = handshake.finish(now, path, Record { fragment: &mut copy, ..record });
            if matches!(progress, Progress::Done(_)) {
                return self.progress(path, progress, events);
            }
        }
        let Some(id) = by_cid.or_else(|| self.by_address.get(&path.peer).copied()) else { return };
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some((type_, octets, newest)) = session.open(record) else { return };
        session.heard = now;
        if newest && session.path != path {
            // RFC 9146, clause 6: it is authentic and the newest, so this is where the peer is now.
            let before = std::mem::replace(&mut session.path, path);
            debug!(identity = &*session.identity, from = %before.peer, to = %path.peer, "a peer has another address");
            if before.peer != path.peer {
                if self.by_address.get(&before.peer) == Some(&id) {
                    self.by_address.remove(&before.peer);
                }
                self.by_address.insert(path.peer, id);
            }
        }
        match (type_, &*octets) {
            (content_type::APPLICATION_DATA, octets) => events.push(Event::Heard(id, octets.to_vec())),
            // Its last flight has come again: ours was lost.
            (content_type::HANDSHAKE, [message::FINISHED, ..]) => {
                // Records in plain had few numbers so far; any that was not used will do.
                events.extend(session.last_flight(1000 + now % 1000).map(|datagram| Event::Send(path, datagram)));
            }
            (content_type::ALERT, [FATAL, _] | [_, CLOSE_NOTIFY]) => {
                let closing = session.seal(content_type::ALERT, &[WARNING, CLOSE_NOTIFY]);
                events.extend(closing.map(|datagram| Event::Send(path, datagram)));
                self.end(id, events);
            }
            _ => {}
        }
    }

    fn progress(&mut self, path: Path, progress: Progress, events: &mut Vec<Event>) {
        match progress {
            Progress::Waits => {}
            Progress::Failed(identity) => {
                let Some(handshake) = self.handshakes.remove(&path.peer) else { return };
                events.push(plain_alert(path, handshake.sequence, DECRYPT_ERROR));
                events.push(Event::Failed(path.peer, identity));
            }
            Progress::Done(mut session) => {
                let Some(handshake) = self.handshakes.remove(&path.peer) else { return };
                let id = handshake.session;
                if let Some(before) = self.by_address.get(&path.peer).copied() {
                    self.end(before, events);
                }
                self.make_room(events);
                let flight = session.last_flight(handshake.sequence);
                events.extend(flight.map(|datagram| Event::Send(path, datagram)));
                self.by_address.insert(path.peer, id);
                self.sessions.insert(id, session);
                events.push(Event::Begun(id));
            }
        }
    }

    /// Makes room for a session: those that were not heard for longest end, a few at once.
    fn make_room(&mut self, events: &mut Vec<Event>) {
        if self.sessions.len() < self.most {
            return;
        }
        let mut ages: Vec<(u64, u64)> = self.sessions.iter().map(|(id, session)| (session.heard, *id)).collect();
        let few = (self.sessions.len() - self.most + 1).max(self.most / 64).min(ages.len());
        ages.select_nth_unstable(few.saturating_sub(1));
        for (_, id) in ages.into_iter().take(few) {
            self.end(id, events);
        }
    }

    fn end(&mut self, id: u64, events: &mut Vec<Event>) {
        if let Some(session) = self.sessions.remove(&id) {
            if self.by_address.get(&session.path.peer) == Some(&id) {
                self.by_address.remove(&session.path.peer);
            }
            events.push(Event::Ended(id));
        }
    }
}

/// What a cookie is made of: the time, the address, and what a client says the same in both hellos.
fn cookie_of(time: u64, path: Path, hello: &ClientHello<'_>) -> Vec<u8> {
    let mut parts = Vec::with_capacity(128);
    parts.extend((time / COOKIE).to_be_bytes());
    match path.peer.ip() {
        IpAddr::V4(ip) => parts.extend(ip.octets()),
        IpAddr::V6(ip) => parts.extend(ip.octets()),
    }
    parts.extend(path.peer.port().to_be_bytes());
    parts.extend(hello.before);
    parts.extend(hello.behind);
    parts
}

fn plain_alert(path: Path, sequence: u64, alert: u8) -> Event {
    let mut datagram = Vec::with_capacity(16);
    record::write_plain(&mut datagram, content_type::ALERT, sequence, &[FATAL, alert]);
    Event::Send(path, datagram)
}

#[cfg(test)]
mod tests;
