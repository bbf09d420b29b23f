//! Basics Stations: discovery, configuration, uplinks and what answers them, over a WebSocket with TLS and without; a frame
//! that a station and a packet forwarder hear is one.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::certificates::certificates;
use common::{Gateway, connect, free_port};
use esh_core::Key;
use esh_gateway::keys::KeyStore;
use esh_gateway::worker::Worker;
use esh_lorawan::{DevAddr, Eui64, FCtrl, MType, PhyPayload, Plain, Session, Transmission, write_join_request};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

const PATIENCE: Duration = Duration::from_secs(20);
const STATION: &str = "b827ebfffe000001";
const KEY: &str = "00112233445566778899aabbccddeeff";

fn start(folder: &Path, sources: &str) -> Gateway {
    let key = |meter: &str, purpose: &str| {
        format!("[[key]]\nmeter = \"lorawan:{meter}\"\npurpose = \"{purpose}\"\nkey = \"{KEY}\"\n")
    };
    let keys = key("26011bda", "network") + &key("26011bda", "application") + &key("0102030405060708", "join");
    let keys = KeyStore::parse(Path::new("keys.toml"), &keys).unwrap();
    let file = folder.join("out.jsonl");
    let text = format!("name = \"g\"\ndata = \"data\"\n{sources}\n[[sink]]\nkind = \"file\"\npath = {file:?}\n");
    Gateway::with(&text, Box::new(Worker::new("g", None, keys)))
}

fn reports(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("out.jsonl")).unwrap_or_default();
    let all = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    all.filter(|value| value["schema"] == "esh.report.v1").collect()
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>, message: &Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

async fn hear<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>) -> Value {
    loop {
        match timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// An uplink of the personalised device.
fn personalised(counter: u32, confirmed: bool) -> Vec<u8> {
    let key = Key::from_hex(KEY).unwrap();
    let session = Session::v1_0(Some(&key), Some(&key)).unwrap();
    let plain = Plain {
        m_type: if confirmed { MType::ConfirmedDataUp } else { MType::UnconfirmedDataUp },
        dev_addr: DevAddr(0x2601_1bda),
        f_ctrl: FCtrl(0),
        counter,
        f_opts: &[],
        payload: Some((1, &[1, 131, 0, 0, 0, 7])),
    };
    plain.write(&session, &Transmission::default(), &mut [0; 64]).unwrap().to_vec()
}

/// A data frame as a station takes it apart.
fn updf(frame: &[u8], xtime: i64) -> Value {
    let PhyPayload::Data(data) = PhyPayload::parse(frame).unwrap() else { panic!("no data") };
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02X}")).collect::<String>();
    json!({
        "msgtype": "updf", "MHdr": frame[0], "DevAddr": data.fhdr.dev_addr().0 as i32, "FCtrl": data.fhdr.f_ctrl().0,
        "FCnt": data.fhdr.f_cnt(), "FOpts": hex(data.f_opts), "FPort": data.f_port, "FRMPayload": hex(data.frm_payload),
        "MIC": i32::from_le_bytes(data.mic), "DR": 3, "Freq": 868_300_000, "RefTime": 0.0,
        "upinfo": {"rctx": 1, "xtime": xtime, "gpstime": 0, "rssi": -88, "snr": 6.5, "rxtime": 1.5}
    })
}

/// A whole conversation of a station.
async fn conversation<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>) {
    say(&mut socket, &json!({"msgtype": "version", "station": "2.0.6(rpi/std)", "protocol": 2, "features": "rmtsh"}))
        .await;
    let config = hear(&mut socket).await;
    assert_eq!((&config["msgtype"], &config["region"]), (&json!("router_config"), &json!("EU863")));
    assert_eq!(config["sx1301_conf"][0]["radio_0"]["freq"], 867_400_000);
    say(&mut socket, &json!({"msgtype": "timesync", "txtime": 12.25})).await;
    let key = Key::from_hex(KEY).unwrap();
    let mut octets = [0; 64];
    let eui = Eui64(0x0102_0304_0506_0708);
    let request = write_join_request(Eui64(9), eui, 77, &key, &mut octets).unwrap();
    let mic = i32::from_le_bytes(request[19..23].try_into().unwrap());
    let jreq = json!({
        "msgtype": "jreq", "MHdr": 0, "JoinEui": "00-00-00-00-00-00-00-09", "DevEui": "01-02-03-04-05-06-07-08",
        "DevNonce": 77, "MIC": mic, "DR": 5, "Freq": 868_100_000,
        "upinfo": {"rctx": 0, "xtime": 36_028_797_019_000_000_i64, "rssi": -70, "snr": 9.0}
    });
    say(&mut socket, &jreq).await;
    let mut accept = hear(&mut socket).await;
    // Where the clock is set, it is told the time first.
    if accept["msgtype"] == "timesync" {
        assert_eq!(accept["txtime"], 12.25);
        assert!(accept["gpstime"].as_i64().unwrap() > 1_400_000_000_000_000);
        accept = hear(&mut socket).await;
    }
    assert_eq!((&accept["msgtype"], &accept["RxDelay"], &accept["dC"]), (&json!("dnmsg"), &json!(5), &json!(0)));
    assert_eq!((&accept["xtime"], &accept["rctx"]), (&json!(36_028_797_019_000_000_i64), &json!(0)));
    assert_eq!((&accept["RX1DR"], &accept["RX1Freq"]), (&json!(5), &json!(868_100_000)));
    assert_eq!((&accept["RX2DR"], &accept["RX2Freq"]), (&json!(0), &json!(869_525_000)));
    assert_eq!(accept["pdu"].as_str().unwrap().len(), 66);
    say(&mut socket, &json!({"msgtype": "dntxed", "diid": accept["diid"], "DevEui": "", "xtime": 1})).await;
    say(&mut socket, &updf(&personalised(1, true), 5)).await;
    let down = hear(&mut socket).await;
    assert_eq!((&down["RxDelay"], &down["xtime"], &down["RX1Freq"]), (&json!(1), &json!(5), &json!(868_300_000)));
    let octets: Vec<u8> = (0..down["pdu"].as_str().unwrap().len() / 2)
        .map(|at| u8::from_str_radix(&down["pdu"].as_str().unwrap()[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    let PhyPayload::Data(data) = PhyPayload::parse(&octets).unwrap() else { panic!("no data") };
    assert!(data.fhdr.f_ctrl().ack() && data.m_type == MType::UnconfirmedDataDown);
    // What is no message is survived, and told.
    socket.send(Message::text("{\"msgtype\":\"updf\",\"MHdr\":64}")).await.unwrap();
    socket.send(Message::text("{")).await.unwrap();
    say(&mut socket, &json!({"msgtype": "propdf", "FRMPayload": "e001020304", "DR": 5, "Freq": 868_100_000})).await;
    say(&mut socket, &updf(&personalised(2, true), 6)).await;
    assert_eq!(hear(&mut socket).await["xtime"], 6);
    socket.close(None).await.unwrap();
}

fn check(folder: &Path) {
    let told = |report: &Value| {
        let error = report["error"]["reason"].as_str().map(str::to_owned);
        (
            report["protocol"].as_str().unwrap().to_owned(),
            error,
            report["source"]["gateway"].as_str().map(str::to_owned),
        )
    };
    let mut all: Vec<_> = reports(folder).iter().map(told).collect();
    all.sort_unstable();
    let heard = |reason: Option<&str>, protocol: &str| {
        let gateway = (protocol == "lorawan").then(|| STATION.to_owned());
        (protocol.to_owned(), reason.map(str::to_owned), gateway)
    };
    let lost = heard(Some("malformed"), "lns");
    let data = heard(None, "lorawan");
    assert_eq!(all, [lost.clone(), lost, data.clone(), data.clone(), data.clone(), data]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_station_finds_its_server_joins_devices_and_transmits() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let source = format!(
        "[[source]]\nkind = \"lns\"\nlisten = \"tcp://127.0.0.1:{port}\"\nregion = \"EU868\"\nhold = \"0s\"\n\
         gateways = [\"{STATION}\"]"
    );
    let gateway = start(folder.path(), &source);
    let request = |path: &str| format!("ws://127.0.0.1:{port}{path}");
    let (mut socket, _) = client_async(request("/router-info"), connect(port).await).await.unwrap();
    say(&mut socket, &json!({"router": "b827:ebff:fe00:1"})).await;
    let answer = hear(&mut socket).await;
    assert_eq!(answer["router"], "b827:ebff:fe00:1");
    assert_eq!(answer["uri"], format!("ws://127.0.0.1:{port}/gateway/{STATION}"));
    // Whoever is not let in is told nothing.
    let (mut socket, _) = client_async(request("/router-info"), connect(port).await).await.unwrap();
    say(&mut socket, &json!({"router": "b827:ebff:fe00:2"})).await;
    assert!(hear(&mut socket).await["uri"].is_null());
    for path in ["/gateway/b827ebfffe000002", "/gateway/x", "/"] {
        let (mut socket, _) = client_async(request(path), connect(port).await).await.unwrap();
        let next = timeout(PATIENCE, socket.next()).await.unwrap();
        assert!(matches!(next, None | Some(Ok(Message::Close(_)) | Err(_))), "{next:?}");
    }
    let (socket, _) = client_async(answer["uri"].as_str().unwrap(), connect(port).await).await.unwrap();
    conversation(socket).await;
    gateway.stop().await;
    check(folder.path());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_station_may_come_through_tls_with_a_certificate_of_its_own() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name);
    let source = format!(
        "[[source]]\nkind = \"lns\"\nlisten = \"tcp://127.0.0.1:{port}\"\nregion = \"EU868\"\nhold = \"0s\"\n\
         certificate = {:?}\nkey = {:?}\nca = {:?}",
        file("server.pem"),
        file("server.key"),
        file("ca.pem")
    );
    let gateway = start(folder.path(), &source);
    let client = |own: bool| {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(file("ca.pem")).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match own {
            false => builder.with_no_client_auth(),
            true => {
                let chain = vec![CertificateDer::from_pem_file(file("client.pem")).unwrap()];
                builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(file("client.key")).unwrap()).unwrap()
            }
        };
        TlsConnector::from(Arc::new(config))
    };
    let name = || ServerName::try_from("127.0.0.1").unwrap();
    let uri = format!("wss://127.0.0.1:{port}/gateway/{STATION}");
    // Without a certificate nobody is let in.
    if let Ok(stream) = client(false).connect(name(), connect(port).await).await {
        assert!(client_async(&uri, stream).await.is_err());
    }
    let stream = client(true).connect(name(), connect(port).await).await.unwrap();
    let (socket, _) = client_async(&uri, stream).await.unwrap();
    conversation(socket).await;
    gateway.stop().await;
    check(folder.path());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_a_station_and_a_forwarder_hear_is_one() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let common = "region = \"EU868\"\nrx1_delay = \"5s\"\nhold = \"2s\"";
    let sources = format!(
        "[[source]]\nkind = \"lns\"\nlisten = \"tcp://127.0.0.1:{port}\"\n{common}\n\
         [[source]]\nkind = \"gwmp\"\nlisten = \"udp://127.0.0.1:{udp}\"\n{common}"
    );
    let gateway = start(folder.path(), &sources);
    let uri = format!("ws://127.0.0.1:{port}/gateway/{STATION}");
    let (mut socket, _): (WebSocketStream<TcpStream>, _) = client_async(uri, connect(port).await).await.unwrap();
    let forwarder = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    forwarder.connect(("127.0.0.1", udp)).await.unwrap();
    let frame = personalised(9, false);
    use base64::Engine as _;
    let data = base64::engine::general_purpose::STANDARD.encode(&frame);
    let text = format!(
        "{{\"rxpk\":[{{\"tmst\":1,\"freq\":868.3,\"datr\":\"SF9BW125\",\"rssi\":-60,\"lsnr\":-2.5,\"data\":\"{data}\"}}]}}"
    );
    let datagram = [&b"\x02\x01\x02\x00\0\0\0\0\0\0\0\x05"[..], text.as_bytes()].concat();
    forwarder.send(&datagram).await.unwrap();
    say(&mut socket, &updf(&frame, 3)).await;
    let mut answer = [0; 16];
    let len = timeout(PATIENCE, forwarder.recv(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer[..len], [2, 1, 2, 1], "a PUSH_ACK, once all have told");
    gateway.stop().await;
    let reports = reports(folder.path());
    assert_eq!(reports.len(), 1, "{reports:?}");
    let source = &reports[0]["source"];
    assert_eq!((&source["copies"], &source["gateway"], &source["snr"]), (&json!(2), &json!(STATION), &json!(6.5)));
    let mut heard: Vec<_> =
        source["receptions"].as_array().unwrap().iter().map(|one| one["gateway"].as_str()).collect();
    heard.sort_unstable();
    assert_eq!(heard, [Some("0000000000000005"), Some(STATION)]);
}
