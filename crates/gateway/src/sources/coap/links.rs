//! How messages go out: through the socket in plain, or through a session.

use super::answer::Wire;
use super::server::{Peer, Received};
use crate::dtls;
use crate::sources::net::Socket;
use blake2::Blake2bMac;
use blake2::digest::Mac;
use blake2::digest::consts::U8;
use esh_nbiot::coap::exchange::Echo;
use ring::rand::{SecureRandom, SystemRandom};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

/// What outlasts one message.
pub(super) struct Links {
    /// Makes Echo values.
    secret: [u8; 32],
    id: u16,
    /// The sessions, and their socket.
    pub(super) secure: Option<Secure>,
}

/// What is heard and said through DTLS.
pub(super) struct Secure {
    pub(super) socket: Socket,
    pub(super) server: dtls::Server,
}

/// How long an Echo value shows that an address hears us.
const FRESH: u64 = 60_000;

impl Links {
    pub(super) fn new(secure: Option<Secure>) -> Self {
        let mut secret = [0; 32];
        if SystemRandom::new().fill(&mut secret).is_err() {
            // The system has none: what stands in its place is keyed by what the system gave at the start.
            secret.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&random().to_be_bytes()));
        }
        Self { secret, id: random() as u16, secure }
    }

    pub(super) fn wire<'a>(&'a mut self, plain: Option<&'a Socket>, now: u64) -> Out<'a> {
        Out { links: self, plain, now }
    }
}

fn random() -> u64 {
    RandomState::new().hash_one("")
}

/// Sends messages.
pub(super) struct Out<'a> {
    links: &'a mut Links,
    plain: Option<&'a Socket>,
    now: u64,
}

impl Wire for Out<'_> {
    fn send(&mut self, peer: Peer, octets: &[u8]) {
        match (peer, self.plain, &mut self.links.secure) {
            (Peer::Plain(to, from), Some(socket), _) => socket.send(to, from, octets),
            (Peer::Session(session), _, Some(Secure { socket, server })) => {
                // A session may have ended before its answer was there: its peer asks again in another.
                if let Some((to, sealed)) = server.send(session, octets) {
                    socket.send(to.peer, to.local, &sealed);
                }
            }
            _ => {}
        }
    }

    fn challenge(&mut self, received: Received<'_>, echo: Option<&[u8]>) -> Option<Echo> {
        let secret = self.links.secret;
        let tag = |time: &[u8; 8]| {
            let Ok(mut mac) = <Blake2bMac<U8> as Mac>::new_from_slice(&secret) else { return [0; 8] };
            match received.address.ip().to_canonical() {
                IpAddr::V4(ip) => mac.update(&ip.octets()),
                IpAddr::V6(ip) => mac.update(&ip.octets()),
            }
            mac.update(&received.address.port().to_be_bytes());
            mac.update(time);
            mac.finalize().into_bytes().into()
        };
        match echo {
            Some(echo) if Echo::check(echo, self.now, FRESH, tag).is_ok() => None,
            _ => Some(Echo::new(self.now, tag)),
        }
    }

    fn id(&mut self) -> u16 {
        self.links.id = self.links.id.wrapping_add(1);
        self.links.id
    }
}
