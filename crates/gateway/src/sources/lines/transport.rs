//! The ways lines come in, one function each.

use super::LinesError;
use super::feed::{Ended, Feed};
use crate::backoff::Backoff;
use crate::config::Tcp;
use crate::quiet::Quiet;
use crate::sources::{net, program};
use crate::stop::Stop;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, path::Path, sync::Arc, time::Duration};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout};
use tokio_serial::SerialPortBuilderExt;
use tracing::{debug, info, warn};

/// A connection that has held this long has worked: the next attempts begin with short waits again.
const HELD: Duration = Duration::from_secs(10);

/// Takes lines from whoever connects, from so many at once.
pub(super) async fn listen(tcp: &Tcp, clients: usize, feed: Feed, mut stop: Stop) -> Result<(), LinesError> {
    let listener = TcpListener::bind((tcp.host.as_str(), tcp.port))
        .await
        .map_err(|error| LinesError::Listen(tcp.to_string(), error))?;
    info!(source = &*feed.name, address = %tcp, "listening");
    let places = Arc::new(Semaphore::new(clients));
    let (mut tasks, mut quiet) = (JoinSet::new(), Quiet::default());
    let mut guests = Guests::default();
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.asked() => break,
            accepted = net::accept(&listener, &feed.name) => accepted,
            Some(_) = tasks.join_next() => continue,
        };
        if places.available_permits() == 0 && guests.make_room(feed.patience) {
            info!(source = &*feed.name, clients, "a client that never sent a frame gives way to another");
            // What it held is free once its task has noticed.
            tokio::task::yield_now().await;
            let _ = timeout(Duration::from_secs(1), places.acquire()).await;
        }
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            let now = std::time::Instant::now();
            quiet.due(now, |_, more| warn!(source = &*feed.name, more, "more clients were refused"));
            if quiet.may(&feed.name, now) {
                warn!(source = &*feed.name, %peer, clients, "a client is refused: there are too many");
            }
            tasks.spawn(refuse(stream, feed.ack));
            continue;
        };
        let (feed, stop) = (feed.of_client(), stop.clone());
        let (since, spoken) = (Instant::now(), Arc::clone(&feed.spoken));
        let task = tasks.spawn(async move {
            debug!(source = &*feed.name, %peer, "a client has come");
            match talk(stream, &feed, stop).await {
                Ok(ended) => debug!(source = &*feed.name, %peer, ?ended, "a client has gone"),
                Err(error) => debug!(source = &*feed.name, %peer, %error, "a client is lost"),
            }
            drop(place);
        });
        guests.0.push_back(Guest { since, spoken, task });
        if guests.0.len() > clients {
            guests.forget();
        }
    }
    // Those that still wait for an answer get it.
    while tasks.join_next().await.is_some() {}
    Ok(())
}

/// Those who hold a place, in the order they came.
#[derive(Default)]
struct Guests(VecDeque<Guest>);

struct Guest {
    since: Instant,
    spoken: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Guests {
    /// Sends the first one away that has been there for so long and never sent a frame: whoever only holds places keeps
    /// nobody out. Receivers that are merely quiet stay as long as there is room.
    fn make_room(&mut self, patience: Duration) -> bool {
        self.forget();
        let Some(guest) = self.0.front().filter(|guest| guest.since.elapsed() >= patience) else { return false };
        guest.task.abort();
        self.0.pop_front();
        true
    }

    /// Those who have gone, and those who may stay, are of no interest.
    fn forget(&mut self) {
        self.0.retain(|guest| !guest.task.is_finished() && !guest.spoken.load(Ordering::Relaxed));
    }
}

async fn refuse(mut stream: TcpStream, ack: bool) {
    if ack {
        // Whether it still hears why does not matter.
        let _ = timeout(Duration::from_secs(1), stream.write_all(b"refused too many clients\n")).await;
    }
}

async fn talk(mut stream: TcpStream, feed: &Feed, mut stop: Stop) -> io::Result<Ended> {
    stream.set_nodelay(true)?;
    let (input, mut output) = stream.split();
    let ended = feed.converse(input, &mut output, false, &mut stop).await?;
    if ended == Ended::Stalled && feed.ack {
        output.write_all(b"refused the line did not end in time\n").await?;
    }
    Ok(ended)
}

/// Takes lines from a server, and connects again whenever the connection is lost.
pub(super) async fn connect(tcp: &Tcp, feed: Feed, mut stop: Stop) -> Result<(), LinesError> {
    let mut backoff = Backoff::default();
    while !stop.is_asked() {
        let started = Instant::now();
        let ended = async {
            let connecting = timeout(Duration::from_secs(10), TcpStream::connect((tcp.host.as_str(), tcp.port)));
            let stream = tokio::select! {
                () = stop.asked() => return Ok(Ended::Stopped),
                connected = connecting => connected??,
            };
            info!(source = &*feed.name, address = %tcp, "connected");
            talk(stream, &feed, stop.clone()).await
        };
        match ended.await {
            Ok(Ended::Stopped) => break,
            Ok(ended) => warn!(source = &*feed.name, address = %tcp, ?ended, "the connection has ended"),
            Err(error) => warn!(source = &*feed.name, address = %tcp, %error, "no connection"),
        }
        again(&feed, &mut backoff, started, &mut stop).await;
    }
    Ok(())
}

/// Takes the lines of a file once.
pub(super) async fn file(path: &Path, feed: Feed, mut stop: Stop) -> Result<(), LinesError> {
    let read = async {
        let file = tokio::fs::File::open(path).await?;
        feed.take(file, &mut stop).await
    };
    let ended = read.await.map_err(|error| LinesError::File(path.to_owned(), error))?;
    debug!(source = &*feed.name, ?ended, "the file has been read");
    Ok(())
}

/// Takes the lines of the standard input once.
pub(super) async fn stdin(feed: Feed, mut stop: Stop) -> Result<(), LinesError> {
    feed.take(tokio::io::stdin(), &mut stop).await.map_err(LinesError::Stdin)?;
    Ok(())
}

/// Takes the lines a program prints, and starts it again when it ends.
pub(super) async fn command(words: &[String], feed: Feed, mut stop: Stop) -> Result<(), LinesError> {
    let Some((command, arguments)) = words.split_first() else { return Ok(()) };
    let mut backoff = Backoff::default();
    while !stop.is_asked() {
        let started = Instant::now();
        let ended = async {
            let (mut child, output) = program::start(command, arguments)?;
            let ended = feed.take(output, &mut stop).await?;
            // A program that has closed its output but goes on is of no more use.
            child.start_kill()?;
            Ok::<_, io::Error>((ended, child.wait().await?))
        };
        match ended.await {
            Ok((Ended::Stopped, _)) => break,
            Ok((_, status)) => warn!(source = &*feed.name, program = command, %status, "the program has ended"),
            Err(error) => warn!(source = &*feed.name, program = command, %error, "the program cannot be run"),
        }
        again(&feed, &mut backoff, started, &mut stop).await;
    }
    Ok(())
}

/// Takes lines from a serial port, and opens it again when it is lost.
pub(super) async fn serial(device: &Path, baud: u32, feed: Feed, mut stop: Stop) -> Result<(), LinesError> {
    // Nobody is disturbed by it, and whoever has just plugged a receiver in waits for it.
    let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(2));
    while !stop.is_asked() {
        let started = Instant::now();
        let ended = async {
            let port = tokio_serial::new(device.to_string_lossy(), baud).open_native_async()?;
            info!(source = &*feed.name, device = %device.display(), baud, "open");
            let (input, output) = tokio::io::split(port);
            feed.converse(input, output, true, &mut stop).await
        };
        match ended.await {
            Ok(Ended::Stopped) => break,
            Ok(_) => warn!(source = &*feed.name, device = %device.display(), "the port is gone"),
            Err(error) => warn!(source = &*feed.name, device = %device.display(), %error, "no port"),
        }
        again(&feed, &mut backoff, started, &mut stop).await;
    }
    Ok(())
}

/// Waits before the next attempt.
async fn again(feed: &Feed, backoff: &mut Backoff, started: Instant, stop: &mut Stop) {
    feed.lost();
    if started.elapsed() >= HELD {
        backoff.reset();
    }
    backoff.pause(stop).await;
}
