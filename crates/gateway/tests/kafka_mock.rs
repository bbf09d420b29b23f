//! The Kafka sink and a cluster that does as it is told: librdkafka's own mock brokers, which listen on real sockets.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::program::{Program, page, page_until, telegram as plain};
use common::{Client, Gateway, free_port};
use esh_gateway::keys::KeyStore;
use esh_gateway::worker::Worker;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey as ApiKey, RDKafkaRespErr as Error};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

const PARTITIONS: i32 = 4;
const READINGS: &str = "esh.readings.v1";

type Cluster = MockCluster<'static, DefaultProducerContext>;

fn cluster() -> Cluster {
    let cluster = MockCluster::new(3).unwrap();
    for kind in ["readings", "events", "undecoded", "raw"] {
        cluster.create_topic(&format!("esh.{kind}.v1"), PARTITIONS, 3).unwrap();
    }
    cluster
}

fn config(cluster: &Cluster, (lines, http): (u16, u16), sink: &str) -> String {
    let brokers: Vec<_> = cluster.bootstrap_servers().split(',').map(|broker| format!("{broker:?}")).collect();
    format!(
        "name = \"g\"\ndata = \"data\"\ndrain = \"20s\"\n[http]\nlisten = \"127.0.0.1:{http}\"\n[[source]]\nkind = \"lines\"\n\
         protocol = \"wmbus\"\nlisten = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\nkind = \"kafka\"\n\
         brokers = [{}]\n{sink}\n",
        brokers.join(", ")
    )
}

/// Telegrams of ten meters, each with its own number.
fn telegram(n: u32) -> String {
    format!("{:02x}44{n:08x}", n % 10)
}

async fn send(client: &mut Client, numbers: std::ops::Range<u32>) {
    let (count, mut text) = (numbers.len(), String::new());
    for n in numbers {
        text.push_str(&telegram(n));
        text.push('\n');
    }
    client.say(&text).await;
    for _ in 0..count {
        assert_eq!(client.hear().await, "ok");
    }
}

/// A message as a consumer got it.
#[derive(Debug)]
struct Got {
    partition: i32,
    key: Option<String>,
    headers: HashMap<String, String>,
    value: Value,
}

/// Reads a topic from its beginning.
struct Reader(BaseConsumer);

impl Reader {
    fn of(cluster: &Cluster, topic: &str) -> Self {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .set("group.id", "test")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        Self(consumer)
    }

    /// The next message; `None` when there is none for so long. A broker that is away is waited for.
    fn next(&self, wait: Duration) -> Option<Got> {
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.0.poll(left) {
                None => return None,
                Some(Err(_)) if left.is_zero() => return None,
                Some(Err(_)) => {}
                Some(Ok(message)) => {
                    let headers = message.headers().unwrap().iter();
                    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
                    return Some(Got {
                        partition: message.partition(),
                        key: message.key().map(text),
                        headers: headers.map(|header| (header.key.to_owned(), text(header.value.unwrap()))).collect(),
                        value: serde_json::from_slice(message.payload().unwrap()).unwrap(),
                    });
                }
            }
        }
    }

    /// Reads until so many frames have come: each once at least, its copies with the same id, in order for each meter.
    fn all(&self, count: usize) -> usize {
        let (mut ids, mut order, mut partitions) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut copies = 0;
        while ids.len() < count {
            let got =
                self.next(Duration::from_secs(30)).unwrap_or_else(|| panic!("{} of {count} have come", ids.len()));
            let (frame, id) = (got.value["frame"].as_str().unwrap().to_owned(), got.value["id"].clone());
            let key = got.key.unwrap();
            assert_eq!((got.headers["id"].as_str(), got.headers["kind"].as_str()), (id.as_str().unwrap(), "readings"));
            assert_eq!(key, format!("test:{}", &frame[..2]));
            assert_eq!(
                *partitions.entry(key.clone()).or_insert(got.partition),
                got.partition,
                "a meter has its partition"
            );
            if let Some(before) = ids.insert(frame.clone(), id.clone()) {
                assert_eq!(before, id, "a copy has the id of the first");
                copies += 1;
                continue;
            }
            let last = order.insert(key, frame.clone());
            assert!(last.is_none_or(|last| last < frame), "the telegrams of a meter stay in order");
        }
        copies
    }
}

/// A number of the sink.
async fn count(port: u16, name: &str) -> u64 {
    let (_, text) = page(port, "/metrics").await;
    let row = format!("esh_sink_{name}{{sink=\"kafka\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&row)).unwrap_or_else(|| panic!("{row}\n{text}"));
    line.parse::<f64>().unwrap() as u64
}

/// Waits for a page to say something.
async fn says(port: u16, path: &str, word: &str) -> String {
    page_until(port, path, |_, text| text.contains(word)).await
}

/// Waits for the gateway to be ready, or to be not.
async fn ready(port: u16, status: u16) -> String {
    page_until(port, "/readyz", |found, _| found == status).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_report_comes_once_keyed_and_in_order() {
    for (compression, linger) in [("none", "0ms"), ("gzip", "5ms"), ("lz4", "5ms"), ("zstd", "5ms")] {
        let (cluster, ports) = (cluster(), (free_port(), free_port()));
        let sink = format!("compression = \"{compression}\"\nlinger = \"{linger}\"");
        let gateway = Gateway::start(&config(&cluster, ports, &sink));
        let mut client = Client::connect(ports.0).await;
        send(&mut client, 0..3000).await;
        drop(client);
        assert!(gateway.stop().await.is_clean());
        assert_eq!(Reader::of(&cluster, READINGS).all(3000), 0, "{compression}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_brokers_come_and_go_and_leaders_change() {
    const COUNT: u32 = 10_000;
    let (cluster, ports) = (cluster(), (free_port(), free_port()));
    let gateway = Gateway::start(&config(&cluster, ports, ""));
    let sending = tokio::spawn(async move {
        let mut client = Client::connect(ports.0).await;
        for n in 0..COUNT / 50 {
            send(&mut client, n * 50..(n + 1) * 50).await;
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    });
    for round in 0..4 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let broker = if round == 1 { -1 } else { round % 3 + 1 };
        cluster.broker_down(broker).unwrap();
        for partition in 0..PARTITIONS {
            cluster.partition_leader(READINGS, partition, Some((round + partition) % 3 + 1)).unwrap();
        }
        let passing = [Error::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, Error::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS];
        cluster.request_errors(ApiKey::Produce, &passing);
        tokio::time::sleep(Duration::from_millis(300)).await;
        cluster.broker_up(broker).unwrap();
    }
    sending.await.unwrap();
    let ended = gateway.stop().await;
    assert!(ended.is_clean(), "{ended:?}");
    let copies = Reader::of(&cluster, READINGS).all(COUNT as usize);
    println!("{copies} copies of {COUNT}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrives_out_of_order_is_not_confirmed_beyond_the_gap() {
    let (cluster, ports) = (cluster(), (free_port(), free_port()));
    let gateway = Gateway::start(&config(&cluster, ports, "linger = \"0ms\""));
    let mut client = Client::connect(ports.0).await;
    // Where the meters are, and everybody connected.
    send(&mut client, 0..10).await;
    let reader = Reader::of(&cluster, READINGS);
    let partitions: HashMap<_, _> = (0..10)
        .map(|_| reader.next(Duration::from_secs(20)).unwrap())
        .map(|got| (got.value["frame"].as_str().unwrap().to_owned(), got.partition))
        .collect();
    says(ports.1, "/metrics", "esh_sink_acknowledged_total{sink=\"kafka\"} 10").await;
    for partition in 0..PARTITIONS {
        let slow = partition == partitions[&telegram(0)];
        cluster.partition_leader(READINGS, partition, Some(if slow { 1 } else { 2 })).unwrap();
    }
    let is_slow = |n: &u32| partitions[&telegram(n % 10)] == partitions[&telegram(0)];
    let mut others: HashSet<_> = (10..200).filter(|n| !is_slow(n)).map(telegram).collect();
    assert!(!others.is_empty());
    // A record to each leader shows that the client knows them, and so does who reads them.
    send(&mut client, 200..210).await;
    says(ports.1, "/metrics", "esh_sink_acknowledged_total{sink=\"kafka\"} 20").await;
    for _ in 0..10 {
        reader.next(Duration::from_secs(20)).unwrap();
    }
    cluster.broker_round_trip_time(1, Duration::from_secs(10)).unwrap();
    send(&mut client, 10..200).await;
    while !others.is_empty() {
        let got = reader.next(Duration::from_secs(8)).unwrap_or_else(|| panic!("{} have not come", others.len()));
        others.remove(got.value["frame"].as_str().unwrap());
    }
    let acknowledged = count(ports.1, "acknowledged_total").await;
    assert_eq!(acknowledged, 20, "the first of them is still on its way");
    cluster.broker_round_trip_time(1, Duration::ZERO).unwrap();
    says(ports.1, "/metrics", "esh_sink_acknowledged_total{sink=\"kafka\"} 210").await;
    drop(client);
    assert!(gateway.stop().await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_brokers_down_is_waited_out_with_a_bounded_window() {
    const COUNT: u32 = 5000;
    let (cluster, ports) = (cluster(), (free_port(), free_port()));
    let gateway = Gateway::start(&config(&cluster, ports, "buffer = \"64 KiB\""));
    let mut client = Client::connect(ports.0).await;
    send(&mut client, 0..1).await;
    says(ports.1, "/metrics", "esh_sink_acknowledged_total{sink=\"kafka\"} 1").await;
    cluster.broker_down(-1).unwrap();
    send(&mut client, 1..COUNT).await;
    let text = says(ports.1, "/metrics", &format!("esh_records_unconfirmed {}", COUNT - 1)).await;
    assert!(text.contains("esh_sink_set_aside_total{sink=\"kafka\"} 0"), "{text}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    cluster.broker_up(-1).unwrap();
    says(ports.1, "/metrics", "esh_records_unconfirmed 0").await;
    ready(ports.1, 200).await;
    // The library kept what it had, so nothing was sent by a second client.
    assert_eq!(count(ports.1, "retried_total").await, 0);
    drop(client);
    assert!(gateway.stop().await.is_clean());
    assert_eq!(Reader::of(&cluster, READINGS).all(COUNT as usize), 0);
}

/// A plain telegram of a meter of that number.
fn plain_of(n: u32) -> String {
    plain(n, n, 1)
}

fn decoding(configuration: &str) -> Gateway {
    Gateway::with(configuration, Box::new(Worker::new("g", None, KeyStore::default())))
}

fn valid(schema: &str, value: &Value) {
    let schema = std::fs::read_to_string(format!("{}/schema/{schema}.json", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    assert!(schema.is_valid(value), "{value}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_refused_alone_is_set_aside_with_the_reason() {
    for (error, reason) in [
        (Error::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "too_large"),
        (Error::RD_KAFKA_RESP_ERR_INVALID_RECORD, "invalid_record"),
    ] {
        let (cluster, ports) = (cluster(), (free_port(), free_port()));
        let gateway = decoding(&config(&cluster, ports, "raw = true"));
        let mut client = Client::connect(ports.0).await;
        // The batch, the record alone, and its first form.
        cluster.request_errors(ApiKey::Produce, &[error; 1]);
        assert_eq!(client.ask(&plain_of(1)).await, "ok");
        // The report, and the event that tells of a new meter.
        says(ports.1, "/metrics", "esh_sink_acknowledged_total{sink=\"kafka\"} 2\n").await;
        // The batch was refused, and each record alone was not.
        assert_eq!(count(ports.1, "set_aside_total").await, 0);
        let raw = Reader::of(&cluster, "esh.raw.v1").next(Duration::from_secs(20)).unwrap();
        assert_eq!((raw.value["hex"].as_str(), raw.value["protocol"].as_str()), (Some(&*plain_of(1)), Some("wmbus")));
        assert_eq!(raw.key.as_deref(), Some("wmbus:KAM:00000001:1b:16"));
        drop(client);
        assert!(gateway.stop().await.is_clean());

        let ports = (free_port(), free_port());
        let gateway = decoding(&config(&cluster, ports, ""));
        let mut client = Client::connect(ports.0).await;
        assert_eq!(client.ask(&plain_of(2)).await, "ok");
        says(ports.1, "/metrics", "esh_sink_acknowledged_total{sink=\"kafka\"} 2\n").await;
        cluster.request_errors(ApiKey::Produce, &[error; 3]);
        let refused = plain(2, 7, 1);
        assert_eq!(client.ask(&refused).await, "ok");
        says(ports.1, "/metrics", "esh_sink_acknowledged_total{sink=\"kafka\"} 3\n").await;
        for n in 3..100 {
            assert_eq!(client.ask(&plain_of(n)).await, "ok");
        }
        says(ports.1, "/metrics", "esh_sink_acknowledged_total{sink=\"kafka\"} 197\n").await;
        assert_eq!((count(ports.1, "set_aside_total").await, count(ports.1, "given_up_total").await), (1, 0));
        let got = Reader::of(&cluster, "esh.undecoded.v1").next(Duration::from_secs(20)).unwrap();
        valid("esh.report.v1", &got.value);
        assert_eq!(
            (got.value["refused"]["reason"].as_str(), got.headers["kind"].as_str()),
            (Some(reason), "undecoded")
        );
        assert_eq!(got.headers["id"], got.value["id"].as_str().unwrap());
        assert_eq!(got.key.as_deref(), Some("wmbus:KAM:00000002:1b:16"));
        assert_eq!(got.value["frame"], "", "the first form was refused as well, the second has no frame");
        drop(client);
        assert!(gateway.stop().await.is_clean());
        let reader = Reader::of(&cluster, READINGS);
        let mut meters = HashSet::new();
        // That of the first gateway, and those of the second.
        while meters.len() < 99 {
            let got = reader.next(Duration::from_secs(20)).unwrap();
            valid("esh.report.v1", &got.value);
            assert_ne!(got.value["frame"], *refused);
            meters.insert(got.key.unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_of_which_nothing_is_taken_is_given_up_and_told() {
    let (cluster, ports) = (cluster(), (free_port(), free_port()));
    let gateway = decoding(&config(&cluster, ports, ""));
    let mut client = Client::connect(ports.0).await;
    assert_eq!(client.ask(&plain(1, 1, 1)).await, "ok");
    says(ports.1, "/metrics", "esh_sink_acknowledged_total{sink=\"kafka\"} 2\n").await;
    // The batch, the record alone, and all three forms of what is left of it.
    cluster.request_errors(ApiKey::Produce, &[Error::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE; 5]);
    assert_eq!(client.ask(&plain(1, 2, 1)).await, "ok");
    says(ports.1, "/metrics", "esh_sink_given_up_total{sink=\"kafka\"} 1").await;
    assert_eq!(client.ask(&plain(1, 3, 1)).await, "ok");
    says(ports.1, "/metrics", "esh_sink_acknowledged_total{sink=\"kafka\"} 4\n").await;
    let reader = Reader::of(&cluster, "esh.events.v1");
    let event = loop {
        let event = reader.next(Duration::from_secs(20)).unwrap();
        valid("esh.event.v1", &event.value);
        if event.value["event"] == "dropped" {
            break event;
        }
    };
    assert_eq!((event.value["dropped"]["why"].as_str(), event.key.as_deref()), (Some("too_large"), Some("g")));
    drop(client);
    assert!(gateway.stop().await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_until_somebody_changes_it_pauses_and_turns_readiness_red() {
    let (cluster, ports) = (cluster(), (free_port(), free_port()));
    let gateway = Gateway::start(&config(&cluster, ports, ""));
    let mut client = Client::connect(ports.0).await;
    send(&mut client, 0..10).await;
    says(ports.1, "/metrics", "esh_sink_acknowledged_total{sink=\"kafka\"} 10").await;
    ready(ports.1, 200).await;
    cluster.request_errors(ApiKey::Produce, &[Error::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 100]);
    send(&mut client, 10..20).await;
    let text = ready(ports.1, 503).await;
    assert!(text.contains("sink kafka: topic esh.readings.v1: TopicAuthorizationFailed"), "{text}");
    send(&mut client, 20..30).await;
    cluster.clear_request_errors(ApiKey::Produce);
    says(ports.1, "/metrics", "esh_sink_acknowledged_total{sink=\"kafka\"} 30").await;
    ready(ports.1, 200).await;
    assert!(count(ports.1, "retried_total").await >= 10);

    drop(client);
    assert!(gateway.stop().await.is_clean());
    assert_eq!(Reader::of(&cluster, READINGS).all(30), 0);
}

/// What `check --connect` says of the sink, and its exit status.
async fn check(text: String) -> (String, i32) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, text).unwrap();
    let output = tokio::task::spawn_blocking(move || {
        let program = env!("CARGO_BIN_EXE_esh-gateway");
        std::process::Command::new(program).args(["check", "--connect", "--config"]).arg(file).output()
    });
    let output = output.await.unwrap().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let sink = out.lines().find(|line| line.contains("  sink kafka")).unwrap_or(&out).to_owned();
    (sink, output.status.code().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_connect_tells_brokers_that_answer_from_those_that_do_not() {
    let cluster = cluster();
    let ports = || (free_port(), free_port());
    let (said, status) = check(config(&cluster, ports(), "raw = true")).await;
    assert!(said.starts_with("ok ") && said.contains("3 of the cluster of ") && !said.contains("not there"), "{said}");
    assert_eq!(status, 0);
    let (said, _) = check(config(&cluster, ports(), "[sink.topics]\nreadings = \"other\"")).await;
    assert!(said.starts_with("ok ") && said.ends_with(": other"), "{said}");
    let text = config(&cluster, ports(), "");
    drop(cluster);
    let (said, status) = check(text).await;
    assert!(said.starts_with("FAILED "), "{said}");
    assert_ne!(status, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_topic_pauses_until_it_is_there() {
    let (cluster, ports) = (cluster(), (free_port(), free_port()));
    cluster.topic_error(READINGS, Error::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).unwrap();
    let gateway = Gateway::start(&config(&cluster, ports, ""));
    let mut client = Client::connect(ports.0).await;
    send(&mut client, 0..10).await;
    let text = says(ports.1, "/readyz", "sink kafka: ").await;
    assert!(text.contains("topic esh.readings.v1: UnknownTopic"), "{text}");
    assert_eq!(count(ports.1, "acknowledged_total").await, 0);
    cluster.topic_error(READINGS, Error::RD_KAFKA_RESP_ERR_NO_ERROR).unwrap();
    says(ports.1, "/metrics", "esh_sink_acknowledged_total{sink=\"kafka\"} 10").await;
    ready(ports.1, 200).await;
    drop(client);
    assert!(gateway.stop().await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_beyond_repair_is_replaced_and_begins_where_it_was() {
    let (cluster, ports) = (cluster(), (free_port(), free_port()));
    let gateway = Gateway::start(&config(&cluster, ports, ""));
    let mut client = Client::connect(ports.0).await;
    send(&mut client, 0..1000).await;
    says(ports.1, "/metrics", "esh_sink_acknowledged_total{sink=\"kafka\"} 1000").await;
    // A sequence that fits nothing is fatal for an idempotent producer.
    for error in [
        Error::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
        Error::RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID,
        Error::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
    ] {
        cluster.request_errors(ApiKey::Produce, &[error; 2]);
        let from = 1000 + count(ports.1, "acknowledged_total").await as u32;
        send(&mut client, from..from + 100).await;
        says(ports.1, "/metrics", &format!("esh_sink_acknowledged_total{{sink=\"kafka\"}} {}", from - 900)).await;
    }
    drop(client);
    assert!(gateway.stop().await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_is_orderly_although_no_broker_is_there_and_the_next_start_delivers() {
    let (folder, ports, nobody) = (tempfile::tempdir().unwrap(), (free_port(), free_port()), free_port());
    let cluster = cluster();
    let config = |cluster: &Cluster| {
        format!("drain = \"200ms\"\n{}", config(cluster, ports, "").replace("drain = \"20s\"\n", ""))
    };
    let servers = cluster.bootstrap_servers();
    let brokers: Vec<_> = servers.split(',').map(|broker| format!("{broker:?}")).collect();
    let away = config(&cluster).replace(&brokers.join(", "), &format!("\"127.0.0.1:{nobody}\""));
    let program = Program::start(folder.path(), &away, &[]);
    let mut client = Client::connect(ports.0).await;
    for n in 0..100 {
        assert_eq!(client.ask(&plain_of(n)).await, "ok");
    }
    drop(client);
    assert_eq!(ready(ports.1, 503).await, "queue: records wait: 200\nsink kafka: delivers nothing\n");
    assert!(program.stop());
    let program = Program::start(folder.path(), &config(&cluster), &[]);
    says(ports.1, "/metrics", "esh_sink_acknowledged_total{sink=\"kafka\"} 200\n").await;
    assert!(program.stop());
}
