//! Frames on connections.

use super::DatagramError;
use super::config::TcpConfig;
use super::frame::Found;
use super::identity::Who;
use crate::capture::Capture;
use crate::quiet::Quiet;
use crate::sources::{self, Intake, net, now};
use crate::stop::Stop;
use bytes::Bytes;
use esh_core::Protocol;
use std::net::SocketAddr;
use std::time::Instant;
use std::{io, sync::Arc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, info, warn};

/// The most answers of a connection that wait for the queue: then no more is read from it.
const WAITING: usize = 256;
/// How much is read at once.
const PIECE: usize = 2048;

/// What every connection needs to know.
struct Shared {
    config: TcpConfig,
    name: Arc<str>,
    intake: Intake,
}

/// An answer, and whether the queue has the frame that it is to.
type Waiting = (Vec<u8>, oneshot::Receiver<sources::Answer>);

/// Takes connections until it is asked to stop; then those that wait for the queue are still answered.
///
/// # Errors
/// When it cannot listen.
pub async fn run(config: TcpConfig, intake: Intake, mut stop: Stop) -> Result<(), DatagramError> {
    let name: Arc<str> = config.name.as_deref().unwrap_or("tcp").into();
    let listener = TcpListener::bind((config.listen.host.as_str(), config.listen.port)).await;
    let listener = listener.map_err(|error| DatagramError::Listen(config.listen.to_string(), error))?;
    info!(source = &*name, address = %config.listen, "listening");
    let places = Arc::new(Semaphore::new(config.clients));
    let shared = Arc::new(Shared { config, name, intake });
    let (mut tasks, mut quiet) = (JoinSet::new(), Quiet::default());
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.asked() => break,
            accepted = net::accept(&listener, &shared.name) => accepted,
            Some(_) = tasks.join_next() => continue,
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            if quiet.may(&shared.name, Instant::now()) {
                warn!(source = &*shared.name, %peer, clients = shared.config.clients, "refused: there are too many connections");
            }
            continue;
        };
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        tasks.spawn(async move {
            let ended = shared.talk(stream, peer, stop).await;
            debug!(source = &*shared.name, %peer, ?ended, "a connection has ended");
            drop(place);
        });
    }
    while tasks.join_next().await.is_some() {}
    Ok(())
}

impl Shared {
    async fn talk(&self, mut stream: TcpStream, peer: SocketAddr, stop: Stop) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (input, output) = stream.split();
        let (sender, receiver) = mpsc::channel(WAITING);
        let read = async {
            // The sender goes when nothing more is read; the answers end after the last one.
            let sender = sender;
            self.read(input, peer, &sender, stop).await
        };
        let write = self.write(output, receiver);
        tokio::pin!(read, write);
        tokio::select! {
            // Whoever closes only its own direction still wants the answers.
            ended = &mut read => { write.await?; ended }
            written = &mut write => written,
        }
    }

    async fn read(
        &self,
        mut input: impl AsyncReadExt + Unpin,
        peer: SocketAddr,
        answers: &mpsc::Sender<Waiting>,
        mut stop: Stop,
    ) -> io::Result<()> {
        let TcpConfig { frame, longest, silence, .. } = &self.config;
        let (mut buffer, mut who) = (Vec::new(), Who::at(peer));
        loop {
            buffer.reserve(PIECE);
            let within = if buffer.is_empty() { None } else { frame.idle() };
            let read = tokio::select! {
                biased;
                () = stop.asked() => return Ok(()),
                read = timeout(within.unwrap_or(silence.0), input.read_buf(&mut buffer)) => read,
            };
            match read {
                // A pause ends a frame, and so does the end.
                Err(_) | Ok(Ok(0)) if frame.idle().is_some() && !buffer.is_empty() => {
                    let ended = matches!(read, Ok(Ok(0)));
                    self.take(&buffer, &mut who, answers).await;
                    buffer.clear();
                    if ended {
                        return Ok(());
                    }
                }
                // What had begun and did not end is dropped with its connection.
                Err(_) | Ok(Ok(0)) => {
                    self.intake.counts.unreadable.add(u64::from(!buffer.is_empty()));
                    return Ok(());
                }
                Ok(read) => drop(read?),
            }
            loop {
                match frame.find(&buffer, *longest) {
                    Found::Frame(len, behind) => {
                        self.take(buffer.get(..len).unwrap_or_default(), &mut who, answers).await;
                        buffer.drain(..len + behind);
                    }
                    Found::Noise(len) => {
                        self.intake.counts.unreadable.add(1);
                        buffer.drain(..len.min(buffer.len()));
                    }
                    Found::More => break,
                }
            }
            if buffer.is_empty() {
                // A quiet connection shall cost little.
                buffer.shrink_to(PIECE);
            }
        }
    }

    async fn take(&self, frame: &[u8], who: &mut Who, answers: &mpsc::Sender<Waiting>) {
        let TcpConfig { form, identity, answer, .. } = &self.config;
        let (endpoint, meter) = who.of(*identity, frame);
        let (protocol, framing) = form.framing(Protocol::Datagram, endpoint, meter);
        let (octets, source) = (Bytes::copy_from_slice(frame), Arc::clone(&self.name));
        let capture = Capture { octets, protocol, framing, received_at: now(), source, rssi: None, radio: None };
        match answer.as_ref().and_then(|answer| answer.to(frame)) {
            Some(answer) => {
                let told = self.intake.ask(capture).await;
                // When nobody is there to write it, the connection is about to end.
                let _ = answers.send((answer, told)).await;
            }
            None => {
                self.intake.put(capture).await;
            }
        }
    }

    /// Writes each answer once the queue has its frame. One that the queue has not taken ends the connection: the meter
    /// connects again, and sends again what was not answered.
    async fn write(
        &self,
        mut output: impl AsyncWriteExt + Unpin,
        mut answers: mpsc::Receiver<Waiting>,
    ) -> io::Result<()> {
        while let Some((answer, told)) = answers.recv().await {
            if told.await != Ok(Ok(())) {
                return Err(io::Error::other("the queue has not taken a frame"));
            }
            output.write_all(&answer).await?;
        }
        Ok(())
    }
}
