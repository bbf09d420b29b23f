//! A proxy that makes a connection slow, half-open or broken, and one that notes what a broker has acknowledged.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What happens to octets on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: they pass.
    None,
    /// They come so much later.
    Delay(Duration),
    /// So many a second pass, in each direction.
    Rate(usize),
    /// Nothing is read any more, so what comes fills the buffers of the system.
    StopReading,
    /// Everything is read and nothing goes on: the peer has gone without a word.
    HalfOpen,
    /// Connections are reset, and new ones as soon as they are there.
    Reset,
}

/// A proxy that runs.
pub struct Proxy {
    pub port: u16,
    fault: watch::Sender<Fault>,
    task: tokio::task::JoinHandle<()>,
    tap: Tap,
}

/// What went through: every record that was published, and whether it was acknowledged.
#[derive(Clone, Default)]
pub struct Tap(Arc<Mutex<HashMap<String, Sent>>>);

/// What became of a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    pub published: usize,
    pub acknowledged: usize,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// A proxy for a port of this machine.
    pub async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (fault, faults) = watch::channel(Fault::None);
        let tap = Tap::default();
        let taps = tap.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                connections.spawn(connection(client, to, faults.clone(), taps.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { port, fault, task, tap }
    }

    /// From now on this happens to every octet.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// What went through. MQTT 3.1.1 alone is understood.
    pub fn tap(&self) -> HashMap<String, Sent> {
        self.tap.0.lock().unwrap().clone()
    }
}

async fn connection(client: TcpStream, to: u16, faults: watch::Receiver<Fault>, tap: Tap) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    for stream in [&client, &server] {
        let _ = stream.set_nodelay(true);
        // Whatever ends a connection here resets it.
        let _ = stream.set_zero_linger();
    }
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let flights = Arc::new(Mutex::new(HashMap::new()));
    let (of_client, of_server) = (flights.clone(), flights);
    let mut reset = faults.clone();
    let publishes = tap.clone();
    tokio::select! {
        _ = reset.wait_for(|fault| *fault == Fault::Reset) => {}
        () = pass(&mut from_client, &mut to_server, faults.clone(), |first, body| publishes.published(first, body, &of_client)) => {}
        () = pass(&mut from_server, &mut to_client, faults, |first, body| tap.acknowledged(first, body, &of_server)) => {}
    }
}

/// Passes octets on until one end closes, and shows each packet when it has gone through.
async fn pass(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut faults: watch::Receiver<Fault>,
    see: impl Fn(u8, &[u8]),
) {
    let (mut buffer, mut seen) = (vec![0; 16 << 10], Vec::new());
    loop {
        let fault = *faults.borrow_and_update();
        if fault == Fault::StopReading {
            if faults.changed().await.is_err() {
                return;
            }
            continue;
        }
        let room = if let Fault::Rate(rate) = fault { (rate / 20).max(1) } else { buffer.len() };
        let Some(room) = buffer.get_mut(..room) else { return };
        let count = match from.read(room).await {
            Ok(count) if count > 0 => count,
            _ => return,
        };
        match fault {
            Fault::HalfOpen => continue,
            Fault::Delay(delay) => tokio::time::sleep(delay).await,
            Fault::Rate(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            _ => {}
        }
        // A fault that came while these octets waited holds for them too.
        if *faults.borrow() == Fault::HalfOpen {
            continue;
        }
        let octets = &buffer[..count];
        if to.write_all(octets).await.is_err() {
            return;
        }
        seen.extend_from_slice(octets);
        while let Some((first, body, size)) = packet(&seen) {
            see(first, body);
            seen.drain(..size);
        }
    }
}

/// The first packet of some octets: its first octet, what follows its length, and how many octets it has.
fn packet(octets: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (mut length, mut head) = (0, 1);
    loop {
        let octet = *octets.get(head)?;
        length |= usize::from(octet & 0x7f) << (7 * (head - 1));
        head += 1;
        if octet < 0x80 {
            break;
        }
    }
    Some((octets[0], octets.get(head..head + length)?, head + length))
}

impl Tap {
    fn published(&self, first: u8, body: &[u8], flights: &Mutex<HashMap<[u8; 2], String>>) {
        if first >> 4 != 3 || first & 6 == 0 {
            return;
        }
        let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
        let payload = String::from_utf8_lossy(&body[4 + topic..]).into_owned();
        if payload.starts_with('{') {
            self.0.lock().unwrap().entry(payload.clone()).or_default().published += 1;
        }
        flights.lock().unwrap().insert([body[2 + topic], body[3 + topic]], payload);
    }

    fn acknowledged(&self, first: u8, body: &[u8], flights: &Mutex<HashMap<[u8; 2], String>>) {
        if first >> 4 == 4
            && let Some(payload) = flights.lock().unwrap().remove(&[body[0], body[1]])
            && payload.starts_with('{')
        {
            self.0.lock().unwrap().entry(payload).or_default().acknowledged += 1;
        }
    }
}
