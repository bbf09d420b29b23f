//! The source of CoAP under load: confirmable POSTs of 100 octets from 1, 64 and 1,000 clients, each of which sends its
//! next message when the last one was answered. Behind the source are deduplication, decoding and a sink in memory.
//!
//! The source runs in a process of its own, whose processor time and memory are told. `cargo bench --bench coap_load`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a measurement ends when something is wrong")]

use esh_gateway::config::Config;
use esh_gateway::deduplicate::{Deduplicate, Seen};
use esh_gateway::run::Decode;
use esh_gateway::sources::{self, Intake};
use esh_gateway::worker::Worker;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// Says that this process is the one that is measured.
const SERVE: &str = "ESH_COAP_LOAD_SERVE";
const SECONDS: u64 = 4;

fn main() {
    match std::env::var(SERVE) {
        Ok(port) => serve(port.parse().unwrap()),
        // `cargo test` and `cargo bench --no-run` only want to know that it builds.
        Err(_) if std::env::args().any(|word| word == "--bench") => {
            println!("{:>8} {:>12} {:>10} {:>14} {:>10}", "clients", "requests/s", "lost", "processor µs", "resident");
            [1, 64, 1000].into_iter().for_each(measure);
            println!("aimed at: 64,000 requests/s, 12 µs, 20 MB with 1,000 clients");
        }
        Err(_) => {}
    }
}

/// The source, and what stands behind it.
fn serve(port: u16) {
    let text = format!(
        "name = \"g\"\ndata = \"d\"\n[[source]]\nkind = \"coap\"\nlisten = \"udp://127.0.0.1:{port}\"\npaths = [\"/t/{{id}}\"]\n\
         rate = \"none\"\n[[sink]]\nkind = \"stdout\"\n"
    );
    let mut config = Config::parse("gateway.toml".as_ref(), &text).unwrap();
    let source = config.sources.remove(0);
    let (intake, mut captures) = Intake::new(1024);
    let (_stopper, stop) = esh_gateway::stop::stop();
    std::thread::spawn(move || {
        let (mut worker, mut deduplicate) =
            (Worker::new("g", None, Default::default()), Deduplicate::new(&config.deduplicate));
        let (mut group, mut sink) = (Vec::new(), VecDeque::new());
        while captures.blocking_recv_many(&mut group, 1024) > 0 {
            for taken in &group {
                let now = Instant::now();
                if let Seen::First(frame) = deduplicate.see(&taken.capture, now) {
                    let record = worker.decode(&taken.capture, 1);
                    worker.stored(true);
                    deduplicate.keep(frame, taken.capture.received_at.at, now);
                    if sink.len() == 1024 {
                        sink.pop_front();
                    }
                    sink.push_back(record);
                }
            }
            for taken in group.drain(..) {
                let _ = taken.answer.unwrap().send(Ok(()));
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    println!("ready");
    runtime.block_on(sources::run(source, intake, stop)).unwrap();
}

fn measure(clients: usize) {
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let exe = std::env::current_exe().unwrap();
    let mut server = Command::new(exe).env(SERVE, port.to_string()).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (answered, lost) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (elapsed, requests, used) = runtime.block_on(async {
        for n in 0..clients {
            tokio::spawn(client(
                n,
                SocketAddr::new("127.0.0.1".parse().unwrap(), port),
                answered.clone(),
                lost.clone(),
            ));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let (begun, before, used) = (Instant::now(), answered.load(Ordering::Relaxed), processor(&server));
        tokio::time::sleep(Duration::from_secs(SECONDS)).await;
        (begun.elapsed(), answered.load(Ordering::Relaxed) - before, processor(&server) - used)
    });
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap().trim().to_owned();
    let each_second = u128::from(requests) * 1000 / elapsed.as_millis();
    let tenths = used.as_nanos() / u128::from(requests.max(1)) / 100;
    let processor = format!("{}.{}", tenths / 10, tenths % 10);
    let lost = lost.load(Ordering::Relaxed);
    println!("{clients:>8} {each_second:>12} {lost:>10} {processor:>14} {resident:>10}");
    server.kill().unwrap();
    server.wait().unwrap();
}

/// Posts, one message after the other, and sends again what was not answered.
async fn client(n: usize, server: SocketAddr, answered: Arc<AtomicU64>, lost: Arc<AtomicU64>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(server).await.unwrap();
    let name = format!("{n:04}");
    let mut message = vec![0x44, 2, 0, 0, 1, 2, 3, 4, 0xb1, b't', 0x04];
    message.extend(name.bytes());
    message.push(0xff);
    message.extend([0xab; 100]);
    let mut answer = [0; 64];
    for id in 0_u32.. {
        message[2..4].copy_from_slice(&(id as u16).to_be_bytes());
        message[4..8].copy_from_slice(&id.to_be_bytes());
        loop {
            let _ = socket.send(&message).await;
            match timeout(Duration::from_secs(2), socket.recv(&mut answer)).await {
                Ok(Ok(8)) if answer[1] == 0x44 && answer[2..8] == message[2..8] => break,
                Ok(_) => {}
                Err(_) => drop(lost.fetch_add(1, Ordering::Relaxed)),
            }
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// The processor time a process has used.
fn processor(process: &Child) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{}/task", process.id())).unwrap();
    let nanoseconds = threads.filter_map(|thread| {
        let about = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        about.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}
