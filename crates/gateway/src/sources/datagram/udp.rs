//! Datagrams, each a message.

use super::DatagramError;
use super::config::UdpConfig;
use super::identity::Who;
use crate::capture::Capture;
use crate::quiet::Quiet;
use crate::sources::net::{Rates, Socket};
use crate::sources::{self, Answer, Intake, now};
use crate::stop::Stop;
use bytes::Bytes;
use esh_core::Protocol;
use std::collections::VecDeque;
use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tracing::{info, warn};

/// The most answers that wait for the queue; the line takes no more at once.
const WAITING: usize = 4096;

/// An answer that waits for the queue to commit its message.
struct Waiting {
    to: SocketAddr,
    from: Option<IpAddr>,
    octets: Vec<u8>,
    told: oneshot::Receiver<sources::Answer>,
}

/// Takes datagrams until it is asked to stop; then those that wait for the queue are still answered.
///
/// # Errors
/// When it cannot listen.
pub async fn run(config: UdpConfig, intake: Intake, mut stop: Stop) -> Result<(), DatagramError> {
    let name: Arc<str> = config.name.as_deref().unwrap_or("udp").into();
    let listening = Socket::bind(&config.listen).await;
    let mut socket = listening.map_err(|error| DatagramError::Listen(config.listen.to_string(), error))?;
    info!(source = &*name, address = %config.listen, "listening");
    let (mut rates, begun) = (Rates::new(config.rate), Instant::now());
    let (mut waiting, mut stopping, mut quiet) = (VecDeque::<Waiting>::new(), false, Quiet::default());
    loop {
        if stopping && waiting.is_empty() {
            return Ok(());
        }
        let room = waiting.len() < WAITING;
        let received = tokio::select! {
            biased;
            () = stop.asked(), if !stopping => {
                stopping = true;
                continue;
            }
            told = first(&mut waiting) => {
                // What the queue has not taken is not answered: the meter sends it again.
                if let Some(Waiting { to, from, octets, .. }) = waiting.pop_front()
                    && told == Ok(Ok(()))
                {
                    socket.send(to, from, &octets);
                }
                continue;
            }
            received = socket.receive(), if !stopping && room => received,
        };
        if let Err(error) = received {
            if quiet.may(&name, Instant::now()) {
                warn!(source = &*name, %error, "cannot receive");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        }
        let stamp = now();
        for datagram in socket.datagrams() {
            if datagram.is_for_many() || !rates.admits(datagram.from, begun.elapsed()) {
                intake.counts.unreadable.add(1);
                continue;
            }
            let (endpoint, meter) = Who::at(datagram.from).of(config.identity, datagram.octets);
            let (protocol, framing) = config.form.framing(Protocol::Datagram, endpoint, meter);
            let octets = Bytes::copy_from_slice(datagram.octets);
            let source = Arc::clone(&name);
            let capture = Capture { octets, protocol, framing, received_at: stamp, source, rssi: None, radio: None };
            // An address may be somebody else's: it is never sent more than three times what came from there.
            let answer = config.answer.as_ref().and_then(|answer| answer.to(datagram.octets));
            match answer.filter(|answer| answer.len() <= 3 * datagram.octets.len()) {
                Some(octets) => {
                    let told = intake.ask(capture).await;
                    waiting.push_back(Waiting { to: datagram.from, from: datagram.to, octets, told });
                }
                None => {
                    intake.put(capture).await;
                }
            }
        }
    }
}

/// What the line tells of the one that waits longest.
async fn first(waiting: &mut VecDeque<Waiting>) -> Result<Answer, oneshot::error::RecvError> {
    match waiting.front_mut() {
        Some(first) => (&mut first.told).await,
        None => pending().await,
    }
}
