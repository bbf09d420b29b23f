//! How fast the Kafka sink is, and what it takes. It measures and asserts nothing but that everything arrives:
//!
//! ```sh
//! scripts/kafka fetch
//! cargo build --release -p esh-gateway --features kafka
//! ESH_GATEWAY=$PWD/target/release/esh-gateway cargo test -p esh-gateway --features kafka --test kafka_load -- \
//!     --ignored --nocapture
//! ```
//!
//! `ESH_LOAD_RECORDS` is how many records a backlog has, `ESH_LOAD_SINK` more keys of the sink. It prints rows of a table.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::float_arithmetic, reason = "a test fails by panicking")]

mod common;

use common::kafka::Kafka;
use common::program::{Program, page};
use common::{free_port, program};
use rdkafka::mocking::MockCluster;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

/// As many meters as a gateway may hear.
const METERS: u32 = 1000;

fn config((lines, http): (u16, u16), brokers: &str) -> String {
    let brokers: Vec<_> = brokers.split(',').map(|broker| format!("{broker:?}")).collect();
    let more = std::env::var("ESH_LOAD_SINK").unwrap_or_default();
    format!(
        "name = \"g\"\ndata = \"data\"\ndrain = \"1s\"\n[http]\nlisten = \"127.0.0.1:{http}\"\n[queue]\nsize = \"4 GiB\"\n\
         [[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\nlisten = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\n\
         kind = \"kafka\"\nbrokers = [{}]\n{more}\n",
        brokers.join(", ")
    )
}

/// Telegrams with these numbers, every one answered `ok`.
fn send(port: u16, numbers: std::ops::Range<u32>) {
    let stream = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break stream,
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let answers = BufReader::new(stream.try_clone().unwrap());
    let count = numbers.len();
    let writing = std::thread::spawn(move || {
        let (mut stream, mut text) = (stream, String::new());
        for n in numbers {
            let telegram = program::telegram(n % METERS, n, 1);
            writeln!(text, "{{\"hex\":\"{telegram}\",\"format\":\"none\"}}").unwrap();
            if text.len() > 64 << 10 {
                stream.write_all(text.as_bytes()).unwrap();
                text.clear();
            }
        }
        stream.write_all(text.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
    });
    let taken = answers.lines().map_while(Result::ok).filter(|answer| answer == "ok").count();
    writing.join().unwrap();
    assert_eq!(taken, count);
}

/// Waits until every record has been delivered.
async fn delivered(port: u16) {
    while !page(port, "/metrics").await.1.contains("esh_records_unconfirmed 0\n") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Fills a queue while no broker is there; the memory it takes when it is idle, and then.
async fn backlog(folder: &Path, count: u32) -> (u64, u64) {
    let ports = (free_port(), free_port());
    let program = Program::start(folder, &config(ports, &format!("127.0.0.1:{}", free_port())), &[]);
    page(ports.1, "/healthz").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = program.resident();
    tokio::task::spawn_blocking(move || send(ports.0, 0..count)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let outage = program.resident();
    assert!(program.stop());
    (idle, outage)
}

/// Drains that backlog: records per second from the start of the program, the nanoseconds of a processor that it takes for
/// each, which depend less on what else the machine does, and the memory then.
async fn drain(folder: &Path, brokers: &str, count: u32) -> (u64, u64, u64) {
    let ports = (free_port(), free_port());
    let begun = Instant::now();
    let program = Program::start(folder, &config(ports, brokers), &[]);
    delivered(ports.1).await;
    let rate = (f64::from(count) / begun.elapsed().as_secs_f64()) as u64;
    (rate, processor(program.pid()) / u64::from(count), program.resident())
}

/// The nanoseconds that a process has had of a processor.
fn processor(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // User and system time, in hundredths of a second.
    fields.iter().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap() * 10_000_000).sum()
}

fn row(what: &str, value: u64, unit: &str) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    println!("| {what} | {value} {unit} | {load} |");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures: takes minutes and wants a release build and a quiet machine"]
async fn measure() {
    let count = std::env::var("ESH_LOAD_RECORDS").map_or(1_000_000, |count| count.parse().unwrap());
    println!("| Kafka | measured | load |\n|---|---|---|");
    row("binary", std::fs::metadata(program::binary()).unwrap().len() / 1000, "kB");

    let folder = tempfile::tempdir().unwrap();
    let (idle, outage) = backlog(folder.path(), count).await;
    row("memory, idle, no broker there", idle >> 10, "KiB");
    row(&format!("memory in an outage, {count} records waiting"), outage >> 10, "KiB");
    let cluster = MockCluster::new(3).unwrap();
    for kind in ["readings", "events", "undecoded"] {
        cluster.create_topic(&format!("esh.{kind}.v1"), 6, 3).unwrap();
    }
    let (rate, each, memory) = drain(folder.path(), &cluster.bootstrap_servers(), count).await;
    row("backlog into the mock cluster", rate, "records/s");
    row("of a processor for each record", each, "ns");
    row("memory after that", memory >> 10, "KiB");
    drop(cluster);

    let Some(kafka) = Kafka::start().await else { return };
    let brokers = format!("127.0.0.1:{}", kafka.port);
    let folder = tempfile::tempdir().unwrap();
    backlog(folder.path(), count).await;
    let (rate, each, _) = drain(folder.path(), &brokers, count).await;
    row("backlog into Apache Kafka", rate, "records/s");
    row("of a processor for each record", each, "ns");

    let (folder, ports) = (tempfile::tempdir().unwrap(), (free_port(), free_port()));
    let program = Program::start(folder.path(), &config(ports, &brokers), &[]);
    page(ports.1, "/healthz").await;
    let begun = Instant::now();
    tokio::task::spawn_blocking(move || send(ports.0, 0..count)).await.unwrap();
    delivered(ports.1).await;
    let rate = (f64::from(count) / begun.elapsed().as_secs_f64()) as u64;
    row("lines through decode and queue into Apache Kafka", rate, "reports/s");
    row("of a processor for each report", processor(program.pid()) / u64::from(count), "ns");
}
