//! CoAP (RFC 7252) as a source: meters POST or PUT to paths of ours. A confirmable message is acknowledged once the queue
//! has committed it, and one that comes again is answered from memory.
//!
//! The way of a message: [`server`] finds out what it is and hands it on; [`waiting`] answers when the line has told what
//! became of it.

mod answer;
mod bodies;
mod config;
mod links;
mod observed;
mod resource;
mod server;
mod waiting;

pub use config::{Config, Keys};
pub use resource::{Form, Identity, Pattern, Resource};

use super::net::Socket;
use super::{Intake, now as stamp};
use crate::quiet::Quiet;
use crate::stop::Stop;
use links::Links;
use server::{Peer, Received, Server};
use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{io, pin::pin};
use tracing::{info, warn};

/// Why a source of CoAP cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum CoapError {
    /// Nobody can send to it.
    #[error("cannot listen at {0}: {1}")]
    Listen(String, #[source] io::Error),
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
    let mut links = Links::new();
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
            received = receive(&mut plain), if !stopping => Happened::Plain(received),
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
            Happened::Plain(Err(error)) => {
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
    Due,
}

async fn receive(socket: &mut Option<Socket>) -> io::Result<()> {
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
