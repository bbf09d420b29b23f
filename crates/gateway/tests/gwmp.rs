//! Packet forwarders: simulated devices join, send and are acknowledged through the real gateway; what a forwarder sends
//! octet by octet; kills while acknowledgements are counted.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::{Gateway, Program, rounds};
use esh_gateway::keys::KeyStore;
use esh_gateway::simulate::lorawan::{self, Options, Tally};
use esh_gateway::stop::{Stopper, stop};
use esh_gateway::worker::Worker;
use esh_lorawan::Region;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// A port for datagrams that nobody has right now.
fn free_udp_port() -> u16 {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn configuration(port: u16, folder: &Path, source: &str) -> String {
    let file = folder.join("out.jsonl");
    format!(
        "name = \"g\"\ndata = \"data\"\nkeys = \"keys.toml\"\n[[source]]\nkind = \"gwmp\"\nname = \"roof\"\n\
         listen = \"udp://127.0.0.1:{port}\"\n{source}\n[[sink]]\nkind = \"file\"\npath = {file:?}\n"
    )
}

fn start(port: u16, folder: &Path, source: &str, keys: &str) -> Gateway {
    let keys = KeyStore::parse(Path::new("keys.toml"), keys).unwrap();
    Gateway::with(&configuration(port, folder, source), Box::new(Worker::new("g", None, keys)))
}

fn lines(folder: &Path, schema: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("out.jsonl")).unwrap_or_default();
    let all = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    all.filter(|value| value["schema"] == schema).collect()
}

fn reports(folder: &Path) -> Vec<Value> {
    lines(folder, "esh.report.v1")
}

fn simulation(port: u16, devices: usize, uplinks: u64) -> Options {
    Options {
        gwmp: format!("127.0.0.1:{port}"),
        devices,
        forwarders: 3,
        every: Duration::from_millis(400),
        uplinks,
        seed: 7,
        region: Region::Eu868,
    }
}

fn get(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_join_send_and_are_acknowledged() {
    const DEVICES: usize = 200;
    const UPLINKS: u64 = 5;
    let (folder, port) = (tempfile::tempdir().unwrap(), free_udp_port());
    // A test machine may be slow: its devices listen later.
    let source = "region = \"EU868\"\nrx1_delay = \"3s\"";
    let gateway = start(port, folder.path(), source, &lorawan::keys_toml(DEVICES, 7));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let tally = Arc::new(Tally::default());
    let (_stopper, stop): (Stopper, _) = stop();
    lorawan::run(&simulation(port, DEVICES, UPLINKS), &tally, stop).await.unwrap();
    gateway.stop().await;
    println!("{tally}");
    let uplinks = DEVICES as u64 * UPLINKS;
    assert_eq!(get(&tally.uplinks), uplinks, "{tally}");
    // Every device was let in, and every uplink that was to be confirmed was, sooner or later.
    assert!(get(&tally.joined) >= DEVICES as u64 && get(&tally.rolled_over) == DEVICES as u64, "{tally}");
    assert_eq!((get(&tally.confirmed), get(&tally.unconfirmed)), (DEVICES as u64, 0), "{tally}");
    let (mut occasions, mut ids, mut several, mut rolled_over) = (HashSet::new(), HashSet::new(), 0, HashSet::new());
    let mut joins = HashSet::new();
    for report in reports(folder.path()) {
        assert_eq!((&report["error"], &report["source"]["name"]), (&Value::Null, &"roof".into()), "{report}");
        assert_eq!(report["security"]["authenticated"], true, "{report}");
        let (meter, counter) = (report["meter"]["id"].as_str().unwrap().to_owned(), report["counter"].as_u64().unwrap());
        assert!(ids.insert(report["id"].as_str().unwrap().to_owned()), "told twice: {report}");
        if report["frame"].as_str().unwrap().starts_with("00") {
            joins.insert(meter);
            continue;
        }
        assert_eq!(meter.len(), 16, "{report}");
        rolled_over.extend((counter as u32 >= 0x1_0000).then(|| meter.clone()));
        assert!(occasions.insert((meter, counter)), "{report}");
        let copies = report["source"]["copies"].as_u64().unwrap();
        let receptions = report["source"]["receptions"].as_array().map_or(1, Vec::len) as u64;
        assert_eq!(copies, receptions, "{report}");
        several += u64::from(copies > 1);
        let best = report["source"]["snr"].as_f64().unwrap();
        for reception in report["source"]["receptions"].as_array().into_iter().flatten() {
            assert!(reception["snr"].as_f64().unwrap() <= best, "{report}");
        }
    }
    assert_eq!((occasions.len() as u64, joins.len(), rolled_over.len()), (uplinks, DEVICES, DEVICES));
    assert!(several > uplinks / 2, "{several} of {uplinks} were heard by several in one report");
    let found = lines(folder.path(), "esh.event.v1").into_iter().filter(|event| event["event"] == "discovered").count();
    assert_eq!(found, DEVICES, "each is told of once");
}
