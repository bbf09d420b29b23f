//! The real program and a real Mosquitto, with a link between them that is slow, half-open or reset, and a broker that is
//! killed: everything that was answered `ok` is acknowledged by the broker, as a tap between the two sees it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::program::{Program, page, page_until, telegram};
use common::proxy::{Fault, Proxy};
use common::{Broker, Client, free_port};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// So many meters are heard.
const METERS: u32 = 500;

/// Broker, tap and gateway, while telegrams flow.
struct Line {
    broker: Broker,
    proxy: Proxy,
    program: Program,
    pages: u16,
    stop: Arc<AtomicBool>,
    sending: tokio::task::JoinHandle<u32>,
    _folder: tempfile::TempDir,
}

impl Line {
    async fn start(sink: &str) -> Option<Self> {
        let broker = Broker::start().await?;
        let proxy = Proxy::start(broker.port).await;
        let (folder, lines, pages) = (tempfile::tempdir().unwrap(), free_port(), free_port());
        let configuration = format!(
            "name = \"g\"\ndata = \"data\"\n[queue]\nsize = \"256 MiB\"\n[[source]]\nkind = \"lines\"\n\
             protocol = \"wmbus\"\nlisten = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\nkind = \"mqtt\"\n\
             name = \"out\"\nversion = \"3.1.1\"\nurl = \"mqtt://127.0.0.1:{}\"\n{sink}\n\
             [http]\nlisten = \"127.0.0.1:{pages}\"\n",
            proxy.port
        );
        let program = Program::start(folder.path(), &configuration, &[]);
        let stop = Arc::new(AtomicBool::new(false));
        let sending = tokio::spawn(send(lines, Arc::clone(&stop)));
        let line = Self { broker, proxy, program, pages, stop, sending, _folder: folder };
        page_until(line.pages, "/metrics", |_, page| !page.contains("esh_sink_acknowledged_total{sink=\"out\"} 0\n"))
            .await;
        Some(line)
    }

    /// Whether something more is acknowledged within a while.
    async fn goes_on(&self) {
        let count = |page: &str| {
            let row = page.lines().find_map(|row| row.strip_prefix("esh_sink_acknowledged_total{sink=\"out\"} "));
            row.unwrap().parse::<u64>().unwrap()
        };
        let before = count(&page(self.pages, "/metrics").await.1);
        page_until(self.pages, "/metrics", |_, page| count(page) > before).await;
    }

    /// Ends it, and checks that every telegram was acknowledged by the broker, and how much twice.
    async fn end(self) -> String {
        self.stop.store(true, Ordering::Relaxed);
        let sent = self.sending.await.unwrap();
        page_until(self.pages, "/metrics", |_, page| page.contains("\nesh_records_unconfirmed 0\n")).await;
        let log = self.program.log();
        assert!(self.program.stop());
        let tap = self.proxy.tap();
        let mut ids = HashMap::new();
        let mut acknowledged = HashSet::new();
        for (payload, sent) in &tap {
            let report: serde_json::Value = serde_json::from_str(payload).unwrap();
            // An event has none.
            let Some(frame) = report["frame"].as_str().map(str::to_owned) else { continue };
            assert!(ids.insert(frame.clone(), report["id"].clone()).is_none(), "one report, one id: {frame}");
            if sent.acknowledged > 0 {
                acknowledged.insert(frame);
            }
        }
        let missing = (0..sent).filter(|n| !acknowledged.contains(&telegram(*n % METERS, *n, 1))).count();
        let published: usize = tap.values().map(|sent| sent.published).sum();
        println!("{sent} telegrams, {missing} missing, {} published again", published - tap.len());
        assert_eq!((missing, acknowledged.len()), (0, sent as usize));
        log
    }
}

/// Sends telegrams, each with its own number, until it is told to stop; each is answered `ok`.
async fn send(port: u16, stop: Arc<AtomicBool>) -> u32 {
    let (mut client, mut n) = (Client::connect(port).await, 0);
    while !stop.load(Ordering::Relaxed) {
        let text: String = (n..n + 20).map(|n| telegram(n % METERS, n, 1) + "\n").collect();
        client.say(&text).await;
        for _ in 0..20 {
            assert_eq!(client.hear().await, "ok");
        }
        n += 20;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    n
}

fn megabytes(octets: u64) -> u64 {
    octets >> 20
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_link_loses_nothing() {
    let Some(line) = Line::start("ack_timeout = \"5s\"").await else { return };
    line.proxy.set(Fault::Delay(Duration::from_millis(100)));
    tokio::time::sleep(Duration::from_secs(2)).await;
    line.goes_on().await;
    // Less than what comes in, so the queue grows.
    line.proxy.set(Fault::Rate(20_000));
    tokio::time::sleep(Duration::from_secs(3)).await;
    line.goes_on().await;
    line.proxy.set(Fault::None);
    let log = line.end().await;
    assert!(!log.contains("the broker is away"), "slow is not away: {log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_open_link_is_left_when_acknowledgements_stop() {
    let Some(line) = Line::start("ack_timeout = \"1s\"").await else { return };
    for fault in [Fault::HalfOpen, Fault::StopReading] {
        line.proxy.set(fault);
        tokio::time::sleep(Duration::from_millis(2500)).await;
        line.proxy.set(Fault::None);
        line.goes_on().await;
    }
    let log = line.end().await;
    assert!(log.matches("it has acknowledged nothing for 1s").count() >= 2, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_reset_again_and_again_loses_nothing() {
    let Some(line) = Line::start("").await else { return };
    for round in 0..10 {
        line.proxy.set(Fault::Reset);
        tokio::time::sleep(Duration::from_millis(20 * round)).await;
        line.proxy.set(Fault::None);
        line.goes_on().await;
    }
    line.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_killed_twenty_times_and_one_that_stays_away_lose_nothing() {
    let Some(mut line) = Line::start("").await else { return };
    let before = line.program.resident();
    for round in 0..20 {
        line.broker.stop();
        tokio::time::sleep(Duration::from_millis(10 * round)).await;
        line.broker.restart().await;
        line.goes_on().await;
    }
    let killed = line.program.resident();
    line.broker.stop();
    // As much as the window many times over comes in while nobody is there. ESH_OUTAGE makes it longer.
    let seconds = std::env::var("ESH_OUTAGE").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(10);
    let mut most = killed;
    for _ in 0..seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        most = most.max(line.program.resident());
    }
    let (_, metrics) = page(line.pages, "/metrics").await;
    let waiting = metrics.lines().find_map(|row| row.strip_prefix("esh_records_unconfirmed ")).unwrap();
    println!("{waiting} records waited after {seconds} s");
    line.broker.restart().await;
    line.goes_on().await;
    let after = line.program.resident();
    let [before, killed, most, after] = [before, killed, most, after].map(megabytes);
    println!("MiB resident: {before} before, {killed} after the kills, {most} at most in the outage, {after} after it");
    assert!(most.max(after) < before + 64);
    line.end().await;
}
