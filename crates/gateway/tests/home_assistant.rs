//! Home Assistant's discovery through a real Mosquitto.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::program::{Program, telegram};
use common::{Broker, Client, Subscriber, free_port};
use serde_json::Value;
use std::time::Duration;

/// The configurations that come within a while, by their topics; the same one may come again.
fn configurations(subscriber: &Subscriber, count: usize) -> std::collections::BTreeMap<String, Value> {
    let mut all = std::collections::BTreeMap::new();
    while all.len() < count {
        let message = subscriber.next(Duration::from_secs(20)).unwrap();
        all.insert(message.topic, serde_json::from_str(&message.payload).unwrap());
    }
    assert!(subscriber.next(Duration::from_millis(300)).is_none(), "and no more");
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn meters_show_up_by_themselves_and_again_when_the_broker_has_lost_them() {
    // It keeps nothing: a restart loses what was retained.
    let Some(mut broker) = Broker::with("allow_anonymous true\npersistence false\n").await else { return };
    let (folder, lines) = (tempfile::tempdir().unwrap(), free_port());
    let configuration = format!(
        "name = \"g\"\ndata = \"data\"\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\n\
         listen = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\nkind = \"mqtt\"\n\
         url = \"mqtt://127.0.0.1:{}\"\n[sink.home_assistant]\nprefix = \"ha\"\n",
        broker.port
    );
    let program = Program::start(folder.path(), &configuration, &[]);
    let subscriber = Subscriber::start(broker.port, "ha/+/+/+/config").await;
    let mut client = Client::connect(lines).await;
    for n in 0..30 {
        assert_eq!(client.ask(&telegram(n % 3, n, 1)).await, "ok");
    }
    let first = configurations(&subscriber, 4);
    let topics: Vec<_> = first.keys().map(String::as_str).collect();
    assert_eq!(topics[0], "ha/binary_sensor/esh_g/status/config");
    assert_eq!(topics[1], "ha/sensor/esh_g_wmbus_KAM_00000000_1b_16/volume/config");
    let later = Subscriber::start(broker.port, "ha/sensor/#").await;
    for _ in 0..3 {
        let message = later.next(Duration::from_secs(20)).unwrap();
        assert!(message.retain);
        // Where it says that the readings stand, they stand.
        let configuration: Value = serde_json::from_str(&message.payload).unwrap();
        assert_eq!(configuration["device_class"], "water");
        let readings = Subscriber::start(broker.port, configuration["state_topic"].as_str().unwrap()).await;
        let meter: u32 = configuration["device"]["serial_number"].as_str().unwrap().parse().unwrap();
        assert_eq!(client.ask(&telegram(meter, 1000 + meter, 1)).await, "ok");
        let report: Value = serde_json::from_str(&readings.next(Duration::from_secs(20)).unwrap().payload).unwrap();
        assert_eq!(report["readings"][0]["quantity"], "volume");
    }

    broker.stop();
    broker.restart().await;
    let again = Subscriber::start(broker.port, "ha/#").await;
    for meter in 0..3 {
        assert_eq!(client.ask(&telegram(meter, 2000 + meter, 1)).await, "ok");
    }
    assert_eq!(configurations(&again, 4), first);
    drop(client);
    assert!(program.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_told_unless_it_is_wished_for() {
    let Some(broker) = Broker::start().await else { return };
    for wish in ["", "home_assistant = false\n"] {
        let (folder, lines) = (tempfile::tempdir().unwrap(), free_port());
        let configuration = format!(
            "name = \"g\"\ndata = \"data\"\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\n\
             listen = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\nkind = \"mqtt\"\n\
             url = \"mqtt://127.0.0.1:{}\"\n{wish}",
            broker.port
        );
        let program = Program::start(folder.path(), &configuration, &[]);
        let mut client = Client::connect(lines).await;
        assert_eq!(client.ask(&telegram(1, 1, 1)).await, "ok");
        drop(client);
        assert!(program.stop());
    }
    let all = Subscriber::start(broker.port, "#").await;
    assert_eq!(all.next(Duration::from_secs(10)).unwrap().topic, "esh/v1/g/status");
    assert!(all.next(Duration::from_millis(300)).is_none(), "nothing else is retained");
}
