//! Sniffed frames of Zigbee as captures: `kind = "sniffer"`, a capture in a file or from a program, or the datagrams of a
//! sniffer.
//!
//! It is for looking, not for billing: a sniffer misses frames and nobody sends them again.

mod config;
mod encapsulation;
mod pcap;

pub use config::{Config, Input, Keys};

use super::{Intake, now, program};
use crate::backoff::Backoff;
use crate::capture::{Capture, Framing, Stamp};
use crate::quiet::Quiet;
use crate::stop::Stop;
use encapsulation::{Heard, LinkType, NoFrame};
use esh_core::Protocol;
use esh_zigbee::Zigbee;
use std::collections::VecDeque;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use std::{io, time::Duration};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{UdpSocket, unix::pipe};
use tracing::{info, warn};

/// Why a sniffer cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SnifferError {
    /// There is no such file, or it cannot be read.
    #[error("cannot read {path}: {1}", path = .0.display())]
    File(PathBuf, #[source] io::Error),
    /// The standard input cannot be read.
    #[error("cannot read the standard input: {0}")]
    Stdin(#[source] io::Error),
    /// No datagrams can come there.
    #[error("cannot listen at {0}: {1}")]
    Listen(String, #[source] io::Error),
}

/// Runs the source until its input ends for good or it is asked to stop.
///
/// # Errors
/// When there is nothing to read from. A program that ends and a pipe that is closed are waited for.
pub async fn run(config: Config, intake: Intake, mut stop: Stop) -> Result<(), SnifferError> {
    let name = config.name.as_deref().unwrap_or("sniffer").into();
    let mut feed = Feed { name, intake, quiet: Quiet::default(), damaged: 0 };
    match config.input {
        Input::File(path) => {
            file(&path, &mut feed, &mut stop).await.map_err(|error| SnifferError::File(path, error))?;
        }
        Input::Command(words) => command(&words, &mut feed, &mut stop).await,
        Input::Stdin => {
            feed.capture(tokio::io::stdin(), false, &mut stop).await.map_err(SnifferError::Stdin)?;
        }
        Input::Udp { host, port } => {
            let address = format!("{host}:{port}");
            datagrams(&host, port, &mut feed, &mut stop).await.map_err(|error| SnifferError::Listen(address, error))?;
        }
    }
    if feed.damaged > 0 {
        info!(source = &*feed.name, frames = feed.damaged, "frames that were damaged on their way were left out");
    }
    Ok(())
}

/// The frames in a capture, or in one datagram of a sniffer, each with its check sequence: what the source makes of octets.
#[must_use]
pub fn frames(octets: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    // What comes before the damage counts.
    let _ = pcap::Reader::default().take(octets, |(link, _, packet)| {
        let heard = LinkType::from_number(link).and_then(|link| encapsulation::captured(link, &packet).ok());
        frames.extend(heard.map(|heard| heard.frame));
    });
    frames.extend(encapsulation::datagram(octets).ok().map(|heard| heard.frame));
    frames
}

/// Where frames go.
struct Feed {
    name: Arc<str>,
    intake: Intake,
    quiet: Quiet,
    damaged: u64,
}

impl Feed {
    /// Feeds a capture to its end; `false` when no more shall come. Frames of an old capture have the time that it tells.
    async fn capture(&mut self, mut input: impl AsyncRead + Unpin, is_old: bool, stop: &mut Stop) -> io::Result<bool> {
        let (mut reader, mut octets, mut packets) = (pcap::Reader::default(), vec![0; 16 * 1024], VecDeque::new());
        loop {
            let got = tokio::select! {
                got = input.read(&mut octets) => got?,
                () = stop.asked() => return Ok(false),
            };
            if got == 0 {
                if reader.is_cut_off() {
                    warn!(source = &*self.name, "the capture ends within a packet");
                }
                return Ok(true);
            }
            let read = reader.take(octets.get(..got).unwrap_or_default(), |packet| packets.push_back(packet));
            for (link, at, octets) in packets.drain(..) {
                let stamp = match at.filter(|_| is_old).and_then(|at| jiff::Timestamp::try_from(at_1970(at)).ok()) {
                    Some(at) => Stamp { at: Some(at), synchronised: true },
                    None => now(),
                };
                let heard = match LinkType::from_number(link) {
                    Some(link) => encapsulation::captured(link, &octets),
                    None => Err(NoFrame::Other),
                };
                if !self.put(heard, stamp).await {
                    return Ok(false);
                }
            }
            read.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
    }

    /// Hands a frame on; `false` when no more shall come.
    async fn put(&mut self, heard: Result<Heard, NoFrame>, received_at: Stamp) -> bool {
        match heard {
            Ok(Heard { frame, rssi }) => {
                let capture = Capture {
                    octets: frame.into(),
                    protocol: Protocol::Zigbee,
                    framing: Some(Framing::Zigbee(Zigbee { tell_keys: false })),
                    received_at,
                    source: Arc::clone(&self.name),
                    rssi,
                    radio: None,
                };
                self.intake.put(capture).await
            }
            Err(NoFrame::Damaged) => {
                self.damaged += 1;
                true
            }
            Err(NoFrame::Other) => {
                let now = Instant::now();
                if self.quiet.may(&self.name, now) {
                    warn!(source = &*self.name, "what comes is no frame of IEEE 802.15.4 in a form that is known here");
                }
                self.quiet.due(now, |_, more| warn!(more, "more of what is no frame"));
                true
            }
        }
    }
}

fn at_1970(at: Duration) -> std::time::SystemTime {
    std::time::SystemTime::UNIX_EPOCH.checked_add(at).unwrap_or(std::time::SystemTime::UNIX_EPOCH)
}

/// A file is read once; who has opened a pipe and closed it may come again.
async fn file(path: &Path, feed: &mut Feed, stop: &mut Stop) -> io::Result<()> {
    if !tokio::fs::metadata(path).await?.file_type().is_fifo() {
        feed.capture(tokio::fs::File::open(path).await?, true, stop).await?;
        return Ok(());
    }
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
    while !stop.is_asked() {
        // Without anybody at the other end there is nothing to read, and the end of it comes at once.
        match feed.capture(pipe::OpenOptions::new().open_receiver(path)?, false, stop).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => warn!(source = &*feed.name, %error, "what came through the pipe is left out"),
        }
        backoff.pause(stop).await;
    }
    Ok(())
}

async fn command(words: &[String], feed: &mut Feed, stop: &mut Stop) {
    let Some((command, arguments)) = words.split_first() else { return };
    let mut backoff = Backoff::default();
    while !stop.is_asked() {
        let started = Instant::now();
        let ended = async {
            let (mut child, output) = program::start(command, arguments)?;
            let goes_on = feed.capture(output, false, stop).await?;
            child.start_kill()?;
            Ok::<_, io::Error>((goes_on, child.wait().await?))
        };
        match ended.await {
            Ok((false, _)) => break,
            Ok((true, status)) => warn!(source = &*feed.name, program = command, %status, "the program has ended"),
            Err(error) => warn!(source = &*feed.name, program = command, %error, "the program cannot be run"),
        }
        if started.elapsed() >= Duration::from_secs(10) {
            backoff.reset();
        }
        backoff.pause(stop).await;
    }
}

async fn datagrams(host: &str, port: u16, feed: &mut Feed, stop: &mut Stop) -> io::Result<()> {
    let socket = UdpSocket::bind((host, port)).await?;
    info!(source = &*feed.name, address = %socket.local_addr()?, "listening");
    let mut octets = vec![0; 2048];
    loop {
        let got = tokio::select! {
            got = socket.recv_from(&mut octets) => got,
            () = stop.asked() => return Ok(()),
        };
        let len = match got {
            Ok((len, _)) => len,
            Err(error) => {
                warn!(source = &*feed.name, %error, "a datagram is lost");
                tokio::task::yield_now().await;
                continue;
            }
        };
        let heard = encapsulation::datagram(octets.get(..len).unwrap_or_default());
        if !feed.put(heard, now()).await {
            return Ok(());
        }
    }
}
