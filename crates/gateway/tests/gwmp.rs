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
    let schema = serde_json::from_str(include_str!("../schema/esh.report.v1.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for report in reports(folder.path()) {
        schema.validate(&report).unwrap_or_else(|error| panic!("{error}: {report}"));
        let owned: esh_core::report::Report = serde_json::from_value(report.clone()).unwrap();
        assert_eq!(serde_json::to_value(owned).unwrap(), report);
        assert_eq!((&report["error"], &report["source"]["name"]), (&Value::Null, &"roof".into()), "{report}");
        assert_eq!(report["security"]["authenticated"], true, "{report}");
        let (meter, counter) =
            (report["meter"]["id"].as_str().unwrap().to_owned(), report["counter"].as_u64().unwrap());
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_arrives_through_every_kill() {
    const DEVICES: usize = 60;
    let (folder, port) = (tempfile::tempdir().unwrap(), free_udp_port());
    let source = "region = \"EU868\"\nrx1_delay = \"2s\"\n";
    std::fs::write(folder.path().join("gateway.toml"), configuration(port, folder.path(), source)).unwrap();
    std::fs::write(folder.path().join("keys.toml"), lorawan::keys_toml(DEVICES, 7)).unwrap();
    let tally = Arc::new(Tally::default());
    let (stopper, stop) = stop();
    let (options, counted) = (simulation(port, DEVICES, 0), Arc::clone(&tally));
    let simulated = tokio::spawn(async move { lorawan::run(&options, &counted, stop).await });
    let mut program = Program::start(folder.path());
    // Until most have joined, however slow the machine is.
    let deadline = Instant::now() + Duration::from_secs(90);
    while get(&tally.joined) < DEVICES as u64 * 3 / 4 {
        assert!(Instant::now() < deadline, "{tally}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for round in 0..rounds("ESH_KILLS", 5) {
        program.kill();
        program = Program::start(folder.path());
        let (before, deadline) = (get(&tally.acknowledged), Instant::now() + Duration::from_secs(60));
        while get(&tally.acknowledged) < before + 40 {
            assert!(Instant::now() < deadline, "{tally}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(u64::from(round * 7919 % 350))).await;
    }
    program.kill();
    // Nothing is sent any more; what was acknowledged until now must be there in the end.
    stopper.stop();
    simulated.await.unwrap().unwrap();
    let taken: HashSet<String> = tally.taken().iter().map(|frame| hex(frame)).collect();
    println!("{tally}; {} different frames", taken.len());
    let _program = Program::start(folder.path());
    let deadline = Instant::now() + Duration::from_secs(60);
    let told = loop {
        let told: HashMap<String, Value> = reports(folder.path())
            .into_iter()
            .map(|report| (report["frame"].as_str().unwrap().to_owned(), report))
            .collect();
        let missing = taken.iter().filter(|frame| !told.contains_key(*frame)).count();
        if missing == 0 {
            break told;
        }
        assert!(Instant::now() < deadline, "{missing} of {} acknowledged frames did not arrive", taken.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    // The sessions were known again after each kill: nothing that was taken is a stranger's.
    let occasion = |report: &Value| (report["meter"]["id"].to_string(), report["counter"].as_u64());
    let fine: HashSet<_> = told.values().filter(|report| report["error"].is_null()).map(occasion).collect();
    for report in told.values() {
        let is_fine = report["error"].is_null() && report["security"]["authenticated"] == true;
        // What a device of 1.1 sends again, on another channel, has other octets and the counter of what is there already.
        let is_again = report["error"]["reason"] == "replayed" && fine.contains(&occasion(report));
        assert!(is_fine || is_again, "{report}");
    }
    let mut ids: HashMap<&str, &str> = HashMap::new();
    for report in told.values() {
        let frame = report["frame"].as_str().unwrap();
        assert!(ids.insert(report["id"].as_str().unwrap(), frame).is_none_or(|before| before == frame), "{report}");
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// A packet forwarder that says what it is told.
struct Forwarder {
    socket: UdpSocket,
    eui: u64,
    token: u16,
}

impl Forwarder {
    async fn start(port: u16, eui: u64) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(("127.0.0.1", port)).await.unwrap();
        let mut forwarder = Self { socket, eui, token: 0x5500 };
        // Until the gateway listens.
        let deadline = Instant::now() + PATIENCE;
        loop {
            forwarder.say(2, "").await;
            if let Some(answer) = forwarder.hear(Duration::from_millis(200)).await {
                assert_eq!((answer[0], answer[3]), (2, 4), "a PULL_ACK");
                break forwarder;
            }
            assert!(Instant::now() < deadline);
        }
    }

    async fn say(&mut self, identifier: u8, text: &str) -> [u8; 2] {
        self.token += 1;
        let token = self.token.to_be_bytes();
        let mut datagram = vec![2, token[0], token[1], identifier];
        datagram.extend(self.eui.to_be_bytes());
        datagram.extend(text.as_bytes());
        // Once the gateway is gone the port tells so.
        let _ = self.socket.send(&datagram).await;
        token
    }

    async fn hear(&self, wait: Duration) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 2048];
        let len = timeout(wait, self.socket.recv(&mut buffer)).await.ok()?.ok()?;
        buffer.truncate(len);
        Some(buffer)
    }

    /// Pushes, and waits for the acknowledgement; what else came before it.
    async fn push(&mut self, text: &str) -> Vec<Vec<u8>> {
        let token = self.say(0, text).await;
        let mut others = Vec::new();
        loop {
            let heard = self.hear(PATIENCE).await.unwrap_or_else(|| panic!("no PUSH_ACK"));
            if heard == [2, token[0], token[1], 1] {
                return others;
            }
            others.push(heard);
        }
    }
}

fn base64(octets: &[u8]) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD_NO_PAD.encode(octets)
}

fn rxpk(octets: &[u8], tmst: u32, more: &str) -> String {
    format!(
        "{{\"rxpk\":[{{\"tmst\":{tmst},\"freq\":868.1,\"datr\":\"SF9BW125\",\"codr\":\"4/5\",\"rssi\":-80,\"lsnr\":4.25,\
         \"data\":\"{}\"{more}}}]}}",
        base64(octets)
    )
}

fn txpk(datagram: &[u8]) -> Value {
    assert_eq!((datagram[0], datagram[3]), (2, 3), "a PULL_RESP");
    serde_json::from_slice::<Value>(&datagram[4..]).unwrap()["txpk"].clone()
}

const NWK_S_KEY: &str = "0102030405060708090a0b0c0d0e0f10";
const APP_KEY: &str = "00112233445566778899aabbccddeeff";

fn keys() -> String {
    let key = |meter: &str, purpose: &str, key: &str| {
        format!("[[key]]\nmeter = \"lorawan:{meter}\"\npurpose = \"{purpose}\"\nkey = \"{key}\"\n")
    };
    [
        key("26011bda", "network", NWK_S_KEY),
        key("26011bda", "application", NWK_S_KEY),
        key("0102030405060708", "join", APP_KEY),
    ]
    .concat()
}

/// An uplink of the personalised device, as `lrwn` writes it.
fn personalised(counter: u32, confirmed: bool, commands: Vec<lrwn::MACCommand>) -> Vec<u8> {
    let key = lrwn::AES128Key::from_slice(&(1..=16).collect::<Vec<u8>>()).unwrap();
    let f_type = if confirmed { lrwn::FType::ConfirmedDataUp } else { lrwn::FType::UnconfirmedDataUp };
    let mut frame = lrwn::PhyPayload {
        mhdr: lrwn::MHDR { f_type, major: lrwn::Major::LoRaWANR1 },
        payload: lrwn::Payload::MACPayload(lrwn::MACPayload {
            fhdr: lrwn::FHDR {
                devaddr: lrwn::DevAddr::from_be_bytes([0x26, 0x01, 0x1b, 0xda]),
                f_cnt: counter,
                f_opts: lrwn::MACCommandSet::new(commands),
                ..Default::default()
            },
            f_port: Some(1),
            frm_payload: Some(lrwn::FRMPayload::Raw(vec![1, 131, 0, 0, 0, counter as u8])),
        }),
        mic: None,
    };
    frame.encrypt_frm_payload(&key).unwrap();
    frame.set_uplink_data_mic(lrwn::MACVersion::LoRaWAN1_0, 0, 0, 0, &key, &key).unwrap();
    frame.to_vec().unwrap()
}

/// What a downlink for it says, by `lrwn`.
fn downlink(txpk: &Value) -> lrwn::MACPayload {
    let key = lrwn::AES128Key::from_slice(&(1..=16).collect::<Vec<u8>>()).unwrap();
    use ::base64::Engine as _;
    let octets = ::base64::engine::general_purpose::STANDARD.decode(txpk["data"].as_str().unwrap()).unwrap();
    assert_eq!(txpk["size"], octets.len());
    let mut frame = lrwn::PhyPayload::from_slice(&octets).unwrap();
    assert!(frame.validate_downlink_data_mic(lrwn::MACVersion::LoRaWAN1_0, 0, &key).unwrap());
    frame.decode_f_opts_to_mac_commands().unwrap();
    match frame.payload {
        lrwn::Payload::MACPayload(payload) => payload,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_answered_as_another_network_would_understand_it() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_udp_port());
    let source = "region = \"EU868\"\nhold = \"0s\"";
    let gateway = start(port, folder.path(), source, &keys());
    let mut forwarder = Forwarder::start(port, 0xaabb).await;
    // Confirmed: acknowledged in the first window, with the next counter each time.
    for n in 0..3_u32 {
        let heard = forwarder.push(&rxpk(&personalised(n, true, Vec::new()), u32::MAX, "")).await;
        let down = txpk(&heard[0]);
        assert_eq!((&down["tmst"], &down["freq"], &down["datr"]), (&999_999.into(), &868.1.into(), &"SF9BW125".into()));
        let payload = downlink(&down);
        assert_eq!((payload.fhdr.f_ctrl.ack, payload.fhdr.f_cnt, payload.f_port), (true, n, None));
    }
    // Not confirmed: nobody is answered. Late copies of others are not either.
    assert!(forwarder.push(&rxpk(&personalised(3, false, Vec::new()), 0, "")).await.is_empty());
    assert!(forwarder.push(&rxpk(&personalised(2, true, Vec::new()), 0, "")).await.is_empty());
    // What it asks.
    let asked = vec![lrwn::MACCommand::LinkCheckReq, lrwn::MACCommand::DeviceTimeReq];
    let heard = forwarder.push(&rxpk(&personalised(4, false, asked), 7, "")).await;
    let payload = downlink(&txpk(&heard[0]));
    assert!(!payload.fhdr.f_ctrl.ack);
    match &payload.fhdr.f_opts[..] {
        [lrwn::MACCommand::LinkCheckAns(check), lrwn::MACCommand::DeviceTimeAns(time)] => {
            // 4.25 dB, where 12.5 below the noise would do.
            assert_eq!((check.margin, check.gw_cnt), (16, 1));
            let gps = jiff::Timestamp::now().as_second() - 315_964_800 + 18;
            assert!(time.time_since_gps_epoch.as_secs().abs_diff(gps as u64) < 60, "{time:?}");
        }
        // A clock that is not set tells nobody the time.
        [lrwn::MACCommand::LinkCheckAns(_)] => {}
        other => panic!("{other:?}"),
    }
    // It did not hear its acknowledgement, and sends again once its windows are over.
    let confirmed = personalised(5, true, Vec::new());
    let first = downlink(&txpk(&forwarder.push(&rxpk(&confirmed, 0, "")).await[0]));
    tokio::time::sleep(Duration::from_millis(2200)).await;
    let again = downlink(&txpk(&forwarder.push(&rxpk(&confirmed, 0, "")).await[0]));
    assert_eq!((again.fhdr.f_ctrl.ack, again.fhdr.f_cnt), (true, first.fhdr.f_cnt + 1));
    // A first window that is not had: the second is tried.
    let heard = forwarder.push(&rxpk(&personalised(6, true, Vec::new()), 0, "")).await;
    let token = [heard[0][1], heard[0][2]];
    let mut datagram = vec![2, token[0], token[1], 5];
    datagram.extend(0xaabb_u64.to_be_bytes());
    datagram.extend(b"{\"txpk_ack\":{\"error\":\"COLLISION_PACKET\"}}\0");
    forwarder.socket.send(&datagram).await.unwrap();
    let second = txpk(&forwarder.hear(PATIENCE).await.unwrap());
    assert_eq!(
        (&second["tmst"], &second["freq"], &second["datr"]),
        (&2_000_000.into(), &869.525.into(), &"SF12BW125".into())
    );
    assert_eq!(second["data"], txpk(&heard[0])["data"], "the same frame with the same counter");
    gateway.stop().await;
    let reports = reports(folder.path());
    assert_eq!(reports.len(), 7);
    let source = &reports[0]["source"];
    assert_eq!(
        (&source["gateway"], &source["snr"], &source["rssi"]),
        (&"000000000000aabb".into(), &4.25.into(), &(-80).into())
    );
    assert_eq!((&source["frequency"], &source["data_rate"]), (&868_100_000.into(), &"SF9BW125".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_is_answered_as_another_network_would_understand_it() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_udp_port());
    let gateway = start(port, folder.path(), "region = \"EU868\"\nhold = \"0s\"", &keys());
    let mut forwarder = Forwarder::start(port, 0xaabb).await;
    let key = lrwn::AES128Key::from_slice(&(0..16).map(|n| n * 0x11).collect::<Vec<u8>>()).unwrap();
    let request = |device: u64, nonce: u16, join_eui: u8| {
        let mut frame = lrwn::PhyPayload {
            mhdr: lrwn::MHDR { f_type: lrwn::FType::JoinRequest, major: lrwn::Major::LoRaWANR1 },
            payload: lrwn::Payload::JoinRequest(lrwn::JoinRequestPayload {
                join_eui: lrwn::EUI64::from_be_bytes([join_eui; 8]),
                dev_eui: lrwn::EUI64::from_be_bytes(device.to_be_bytes()),
                dev_nonce: nonce,
            }),
            mic: None,
        };
        frame.set_join_request_mic(&key).unwrap();
        frame.to_vec().unwrap()
    };
    let mut before = 0;
    for nonce in [500, 7] {
        let heard = forwarder.push(&rxpk(&request(0x0102_0304_0506_0708, nonce, 9), 1, "")).await;
        let down = txpk(&heard[0]);
        assert_eq!((&down["tmst"], &down["powe"], &down["ipol"]), (&5_000_001.into(), &16.into(), &true.into()));
        use ::base64::Engine as _;
        let octets = ::base64::engine::general_purpose::STANDARD.decode(down["data"].as_str().unwrap()).unwrap();
        let mut frame = lrwn::PhyPayload::from_slice(&octets).unwrap();
        frame.decrypt_join_accept_payload(&key).unwrap();
        let eui = lrwn::EUI64::from_be_bytes([9; 8]);
        assert!(frame.validate_join_accept_mic(lrwn::JoinType::Join, &eui, nonce, &key).unwrap());
        let lrwn::Payload::JoinAccept(accept) = frame.payload else { panic!("{frame:?}") };
        assert!(accept.join_nonce > before, "it grows");
        before = accept.join_nonce;
        assert_eq!((accept.rx_delay, accept.dl_settings.rx2_dr, accept.dl_settings.opt_neg), (1, 0, false));
        let expected = [867_100_000, 867_300_000, 867_500_000, 867_700_000, 867_900_000];
        assert_eq!(accept.cflist, Some(lrwn::CFList::Channels(lrwn::CFListChannels::new(expected))));
    }
    // A nonce that was used is refused, also in other words; of a stranger nobody knows the key.
    assert!(forwarder.push(&rxpk(&request(0x0102_0304_0506_0708, 500, 9), 2, "")).await.is_empty());
    assert!(forwarder.push(&rxpk(&request(0x0102_0304_0506_0708, 500, 8), 2, "")).await.is_empty());
    for nonce in 1..4 {
        assert!(forwarder.push(&rxpk(&request(0x0a0b_0c0d_0e0f_0001, nonce, 9), 3, "")).await.is_empty());
    }
    gateway.stop().await;
    let replayed = reports(folder.path()).into_iter().filter(|report| report["error"]["reason"] == "replayed");
    assert_eq!(replayed.count(), 1);
    let strangers = lines(folder.path(), "esh.event.v1");
    let found: Vec<_> = strangers.iter().filter(|event| event["meter"] == "lorawan:0a0b0c0d0e0f0001").collect();
    let [found] = found[..] else { panic!("{strangers:?}") };
    assert_eq!((&found["event"], &found["join_eui"]), (&"discovered".into(), &"0909090909090909".into()));
    let schema = serde_json::from_str(include_str!("../schema/esh.event.v1.json")).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(found), "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_forwarder_sends_is_survived_and_told() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_udp_port());
    let gateway = start(port, folder.path(), "listen_only = true", &keys());
    let mut forwarder = Forwarder::start(port, 1).await;
    // What is no datagram at all.
    for octets in [&b""[..], b"\x02", b"\x03\0\0\0", b"\x02\0\0\x09", b"\x02\0\0\0\0", &[0; 60_000]] {
        forwarder.socket.send(octets).await.unwrap();
    }
    assert!(forwarder.push("{\"stat\":{\"rxnb\":2}}").await.is_empty(), "how it fares is acknowledged at once");
    forwarder.push("{\"rxpk\":[{\"tmst\":1,").await;
    forwarder.push(&(rxpk(&personalised(1, false, Vec::new()), 1, "") + "\0")).await;
    let [good, wrong] =
        [personalised(2, false, Vec::new()), personalised(3, true, Vec::new())].map(|frame| base64(&frame));
    let several = format!(
        "{{\"rxpk\":[{{\"data\":\"{good}\"}},{{\"data\":\"?\",\"tmst\":5}},7,{{\"stat\":-1,\"data\":\"{wrong}\"}}]}}"
    );
    assert!(forwarder.push(&several).await.is_empty());
    gateway.stop().await;
    let reports = reports(folder.path());
    let told: Vec<_> = reports
        .iter()
        .map(|report| {
            let (protocol, reason) = (report["protocol"].as_str().unwrap(), report["error"]["reason"].as_str());
            (protocol, reason, report["counter"].as_u64())
        })
        .collect();
    let mut told = told;
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("gwmp", Some("malformed"), None),
            ("gwmp", Some("malformed"), None),
            ("gwmp", Some("malformed"), None),
            ("lorawan", None, Some(1)),
            ("lorawan", None, Some(2)),
        ]
    );
}
