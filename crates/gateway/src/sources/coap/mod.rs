//! CoAP (RFC 7252) as a source: meters POST or PUT to paths of ours. A confirmable message is acknowledged once the queue
//! has committed it, and one that comes again is answered from memory.
//!
//! The way of a message: `server.rs` finds out what it is and hands it on; `waiting.rs` answers when the line has told what
//! became of it.

mod answer;
mod bodies;
mod config;
mod links;
mod observed;
mod resource;
mod server;
mod waiting;

pub(in crate::sources) use config::form;
pub use config::{Config, Keys};
pub use resource::{Form, Identity, Pattern, Resource};

use super::net::Socket;
use super::{Intake, now as stamp};
use crate::dtls;
use crate::quiet::Quiet;
use crate::stop::Stop;
use esh_core::Protocol;
use links::{Links, Secure};
use server::{Peer, Received, Server};
use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{io, pin::pin};
use tracing::{debug, info, warn};

/// Why a source of CoAP cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum CoapError {
    /// Nobody can send to it.
    #[error("cannot listen at {0}: {1}")]
    Listen(String, #[source] io::Error),
    /// There is nothing to make secrets of.
    #[error("the system gives no random numbers")]
    Random,
}

/// Takes messages until it is asked to stop; then those that wait for the queue are still answered.
///
/// # Errors
/// When it cannot listen.
pub async fn run(config: Config, intake: Intake, mut stop: Stop) -> Result<(), CoapError> {
    let config = Arc::new(config);
    let line = intake.clone();
    let mut server = Server::new(&config, intake);
    let mut plain = None;
    if let Some(udp) = &config.listen {
        let socket = Socket::bind(udp).await.map_err(|error| CoapError::Listen(udp.to_string(), error))?;
        info!(source = &*server.name, address = %udp, "listening");
        plain = Some(socket);
    }
    let mut secure = None;
    if let Some(udp) = &config.secure {
        let socket = Socket::bind(udp).await.map_err(|error| CoapError::Listen(udp.to_string(), error))?;
        info!(source = &*server.name, address = %udp, "listening, through DTLS");
        secure = Some(Secure { socket, server: dtls::Server::new(config.sessions).ok_or(CoapError::Random)? });
    }
    let (mut links, mut events) = (Links::new(secure), Vec::new());
    let (begun, mut stopping, mut forgotten, mut quiet) = (Instant::now(), false, 0, Quiet::default());
    loop {
        if stopping && server.waiting.is_empty() {
            return Ok(());
        }
        let now = milliseconds(begun);
        let due = server.due(now).map(|due| begun + Duration::from_millis(due));
        let timer = async {
            match due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => pending().await,
            }
        };
        let backlog = server.waiting.has_backlog();
        let happened = tokio::select! {
            biased;
            () = stop.asked(), if !stopping => Happened::Stop,
            told = poll_fn(|context| server.waiting.poll(context)) => Happened::Told(told),
            room = line.sender.reserve(), if backlog => {
                match room {
                    Ok(room) => server.waiting.feed(room),
                    Err(_) => server.waiting.no_room(),
                }
                continue;
            }
            received = receive(plain.as_mut()), if !stopping => Happened::Plain(received),
            received = receive(links.secure.as_mut().map(|secure| &mut secure.socket)), if !stopping => {
                Happened::Secure(received)
            }
            () = pin!(timer) => Happened::Due,
        };
        let now = milliseconds(begun);
        match happened {
            Happened::Stop => stopping = true,
            Happened::Told((first, told)) => {
                let mut wire = links.wire(plain.as_ref(), now);
                server.told(now, first, told, &mut wire);
                // Those behind it were committed with it.
                while let Some((next, told)) = server.waiting.next() {
                    server.told(now, next, told, &mut wire);
                }
            }
            Happened::Plain(Err(error)) | Happened::Secure(Err(error)) => {
                if quiet.may("socket", Instant::now()) {
                    warn!(source = &*server.name, %error, "cannot receive");
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Happened::Plain(Ok(())) => {
                let Some(socket) = &plain else { continue };
                let stamp = stamp();
                for datagram in socket.datagrams() {
                    if datagram.is_for_many() {
                        // RFC 7252, clause 8: nobody is answered who asks everybody. Meters know whom they send to.
                        server.intake.counts.unreadable.add(1);
                        continue;
                    }
                    let peer = Peer::Plain(datagram.from, datagram.to);
                    let (address, octets) = (datagram.from, datagram.octets);
                    let received = Received { peer, address, psk: None, octets, now, stamp };
                    server.receive(received, &mut links.wire(plain.as_ref(), now));
                }
            }
            Happened::Secure(Ok(())) => {
                let stamp = stamp();
                let keys = server.intake.keys.get();
                let psk = |identity: &str| {
                    let (key, meter) = keys.psk(Protocol::Coap, identity)?;
                    Some((key, dtls::Identity::from(meter)))
                };
                if let Some(Secure { socket, server: sessions }) = &mut links.secure {
                    for datagram in socket.datagrams().filter(|datagram| !datagram.is_for_many()) {
                        let path = dtls::Path { peer: datagram.from, local: datagram.to };
                        sessions.receive(now, path, &mut datagram.octets.to_vec(), &psk, &mut events);
                    }
                }
                for event in events.drain(..) {
                    match event {
                        dtls::Event::Send(to, octets) => {
                            if let Some(secure) = &links.secure {
                                secure.socket.send(to.peer, to.local, &octets);
                            }
                        }
                        dtls::Event::Heard(session, octets) => {
                            let peer = links.secure.as_ref().and_then(|secure| secure.server.peer(session));
                            let Some((identity, path)) = peer else { continue };
                            let (peer, address, psk) = (Peer::Session(session), path.peer, Some(&*identity));
                            let received = Received { peer, address, psk, octets: &octets, now, stamp };
                            server.receive(received, &mut links.wire(plain.as_ref(), now));
                        }
                        dtls::Event::Failed(peer, identity) => {
                            if quiet.may(identity.as_deref().unwrap_or("nobody"), Instant::now()) {
                                let text =
                                    "a DTLS handshake has failed: its key is not in keys.toml, or is another there";
                                warn!(source = &*server.name, %peer, ?identity, "{text}");
                            }
                        }
                        dtls::Event::Begun(session) => {
                            debug!(source = &*server.name, session, "a DTLS session has begun");
                        }
                        dtls::Event::Ended(session) => {
                            debug!(source = &*server.name, session, "a DTLS session has ended");
                        }
                    }
                }
            }
            Happened::Due => server.tick(now, &mut links.wire(plain.as_ref(), now)),
        }
        if server.forgotten() > forgotten {
            forgotten = server.forgotten();
            if quiet.may("exchanges", Instant::now()) {
                warn!(
                    source = &*server.name,
                    forgotten, "exchanges were forgotten before their time: raise `exchanges`"
                );
            }
        }
    }
}

enum Happened {
    Stop,
    Told((waiting::Pending, server::Told)),
    Plain(io::Result<()>),
    Secure(io::Result<()>),
    Due,
}

async fn receive(socket: Option<&mut Socket>) -> io::Result<()> {
    match socket {
        Some(socket) => socket.receive().await,
        None => pending().await,
    }
}

fn milliseconds(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
