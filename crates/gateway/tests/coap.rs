//! The source of CoAP under clients that others wrote: libcoap's `coap-client` with OpenSSL and GnuTLS, aiocoap,
//! Californium, `openssl s_client`. `scripts/coap fetch` puts them there; with `ESH_COAP=1` they must be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::{Program, corpus, rounds};
use esh_nbiot::coap::Message;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const KEY: &str = "0123456789abcdef";

/// A client that may not be there; then the test says that it is skipped.
fn client(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.or_else(|| skipped(name))
}

fn fetched(name: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/coap").join(name);
    if file.exists() { Some(file) } else { skipped(name) }
}

fn skipped(name: &str) -> Option<PathBuf> {
    let needed = std::env::var_os("ESH_COAP").is_some_and(|needed| needed == "1");
    assert!(!needed, "this test needs {name}: scripts/coap fetch");
    println!("skipped: no {name} (scripts/coap fetch)");
    None
}

/// A port for datagrams that nobody has right now.
fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A gateway in a process of its own.
struct Gateway {
    folder: tempfile::TempDir,
    plain: u16,
    secure: u16,
    program: Option<Program>,
}

impl Gateway {
    fn start() -> Self {
        Self::with("")
    }

    fn with(more: &str) -> Self {
        let (folder, plain, secure) = (tempfile::tempdir().unwrap(), free_port(), free_port());
        let key: String = KEY.bytes().map(|octet| format!("{octet:02x}")).collect();
        let keys = format!(
            "[[key]]\nmeter = \"coap:4901\"\npurpose = \"psk\"\nidentity = \"esh1\"\nkey = \"{key}\"\n\
             [[key]]\nmeter = \"coap:urn:imei:*\"\npurpose = \"psk\"\nkey = \"{key}\"\n"
        );
        std::fs::write(folder.path().join("keys.toml"), keys).unwrap();
        let text = format!(
            "name = \"g\"\ndata = \"data\"\nkeys = \"keys.toml\"\n{more}\n[[source]]\nkind = \"coap\"\n\
             listen = \"udp://127.0.0.1:{plain}\"\nsecure = \"udp://127.0.0.1:{secure}\"\nrate = \"none\"\n\
             paths = [\"/t/r\", \"/m/{{id}}\"]\n[[source.resource]]\npath = \"/wmbus\"\nformat = \"wmbus\"\n\
             [[sink]]\nkind = \"file\"\npath = \"out.jsonl\"\n"
        );
        std::fs::write(folder.path().join("gateway.toml"), text).unwrap();
        let mut gateway = Self { folder, plain, secure, program: None };
        gateway.begin();
        gateway
    }

    fn begin(&mut self) {
        self.program = Some(Program::start(self.folder.path()));
        // It is there when it rejects a message that asks whether it is.
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let (deadline, mut answer) = (Instant::now() + Duration::from_secs(30), [0; 8]);
        loop {
            let _ = socket.send_to(&[0x40, 0, 0, 1], ("127.0.0.1", self.plain));
            if socket.recv(&mut answer).is_ok() {
                return;
            }
            assert!(Instant::now() < deadline, "nobody answers");
        }
    }

    fn kill(&mut self) {
        self.program.take().unwrap().kill();
    }

    fn reports(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("out.jsonl")).unwrap_or_default();
        let reports = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        reports.filter(|report: &Value| report["schema"] == "esh.report.v1").collect()
    }

    /// The reports, once there are so many.
    fn wait_for(&self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let reports = self.reports();
            if reports.len() >= count {
                return reports;
            }
            assert!(Instant::now() < deadline, "{} of {count} reports", reports.len());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The meter of a report.
fn meter(report: &Value) -> &str {
    report["meter"]["id"].as_str().unwrap_or_default()
}

/// The payload of the message in a report.
fn payload(report: &Value) -> String {
    let octets = octets(report["frame"].as_str().unwrap());
    String::from_utf8(Message::parse(&octets).unwrap().payload().to_vec()).unwrap()
}

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// What a client prints, when it has ended.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn coap_client_posts_puts_and_sends_in_blocks() {
    let Some(client) = client("coap-client-notls") else { return };
    let gateway = Gateway::start();
    let ask = |words: &[&str], path: &str| {
        let uri = format!("coap://127.0.0.1:{}{path}", gateway.plain);
        said(Command::new(&client).args(["-B", "20", "-v", "7"]).args(words).arg(uri))
    };
    assert!(ask(&["-m", "post", "-e", "hello"], "/m/4901").contains("c:2.04"));
    assert!(ask(&["-m", "put", "-e", "hello"], "/t/r?ep=urn:imei:490154203237518").contains("c:2.04"));
    assert!(ask(&["-N", "-m", "post", "-e", "not confirmable"], "/m/4902").contains("t:NON c:2.04"));
    let pack = "[{\"bn\":\"urn:dev:mac:0024befffe804ff1:\",\"n\":\"volume\",\"u\":\"m3\",\"v\":12.340}]";
    assert!(ask(&["-m", "post", "-t", "110", "-e", pack], "/m/senml").contains("c:2.04"));
    let body = gateway.folder.path().join("body");
    std::fs::write(&body, "0123456789".repeat(300)).unwrap();
    for size in ["16", "256", "1024"] {
        let blocks = ask(&["-m", "post", "-b", size, "-f", body.to_str().unwrap()], &format!("/m/blocks{size}"));
        assert!(blocks.contains("c:2.31") && blocks.contains("c:2.04"), "{blocks}");
    }
    for (words, path, code) in [
        (["-m", "get", "-B", "20"], "/t/r", "4.05"),
        (["-m", "post", "-e", "x"], "/nobody", "4.04"),
        (["-m", "post", "-O", "65001,x"], "/t/r", "4.02"),
        (["-m", "get", "-B", "20"], "/.well-known/core", "</t/r>,</wmbus>"),
    ] {
        let answer = ask(&words, path);
        assert!(answer.contains(code), "{answer}");
    }
    std::fs::write(&body, "x".repeat(9000)).unwrap();
    let too_large = ask(&["-m", "post", "-b", "1024", "-f", body.to_str().unwrap()], "/m/4901");
    assert!(too_large.contains("4.13"), "{too_large}");
    let reports = gateway.wait_for(7);
    let meters: Vec<_> = reports.iter().map(meter).collect();
    let expected = ["4901", "urn:imei:490154203237518", "4902", "senml", "blocks16", "blocks256", "blocks1024"];
    assert_eq!(meters, expected);
    let text = std::fs::read_to_string(gateway.folder.path().join("out.jsonl")).unwrap();
    assert!(text.contains("\"value\":12.340,\"unit\":\"m3\""), "its digits are as they were sent");
    for report in &reports[4..] {
        assert_eq!(payload(report), "0123456789".repeat(300));
    }
}

#[test]
fn a_telegram_in_a_message_is_that_meters_own() {
    let Some(client) = client("coap-client-notls") else { return };
    let gateway = Gateway::start();
    let telegram = gateway.folder.path().join("telegram");
    let hex = common::plain_telegram(31_415_926);
    std::fs::write(&telegram, octets(&hex)).unwrap();
    let uri = format!("coap://127.0.0.1:{}/wmbus", gateway.plain);
    said(Command::new(client).args(["-m", "post", "-B", "20", "-f"]).arg(telegram).arg(uri));
    let report = gateway.wait_for(1).remove(0);
    assert_eq!((report["protocol"].as_str(), meter(&report)), (Some("wmbus"), "31415926"));
    assert_eq!(report["frame"], hex);
    assert_eq!(report["readings"][0]["unit"], "m3");
}

#[test]
fn coap_client_comes_through_dtls_with_openssl_and_gnutls() {
    let gateway = Gateway::start();
    let mut count = 0;
    for name in ["coap-client-openssl", "coap-client-gnutls"] {
        let Some(client) = client(name) else { continue };
        let post = |identity: &str, key: &str| {
            let uri = format!("coaps://127.0.0.1:{}/m/somebody-else", gateway.secure);
            said(
                Command::new(&client)
                    .args(["-v", "7", "-B", "5", "-u", identity, "-k", key])
                    .args(["-m", "post", "-e", "x"])
                    .arg(uri),
            )
        };
        assert!(post("esh1", KEY).contains("c:2.04"));
        assert!(post("urn:imei:7", KEY).contains("c:2.04"));
        for (identity, key) in [("esh1", "another key here"), ("nobody", KEY)] {
            let answer = post(identity, key);
            assert!(!answer.contains("c:2.04"), "{answer}");
        }
        count += 2;
        let reports = gateway.wait_for(count);
        let meters: Vec<_> = reports[count - 2..].iter().map(meter).collect();
        assert_eq!(meters, ["4901", "urn:imei:7"], "the key says whose it is, not the path");
    }
    let log = std::fs::read_to_string(gateway.folder.path().join("log")).unwrap();
    assert!(count == 0 || log.contains("a DTLS handshake has failed"), "{log}");
    assert!(!log.contains(KEY));
}

#[test]
fn openssl_shakes_hands_in_both_suites() {
    let Some(client) = client("openssl") else { return };
    let gateway = Gateway::start();
    let key: String = KEY.bytes().map(|octet| format!("{octet:02x}")).collect();
    for suite in ["PSK-AES128-CCM8", "PSK-AES128-GCM-SHA256"] {
        let mut shakes = Command::new(&client)
            .args(["s_client", "-dtls1_2", "-psk", &key, "-psk_identity", "esh1", "-cipher", suite, "-connect"])
            .arg(format!("127.0.0.1:{}", gateway.secure))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(shakes.stdout.take().unwrap()).lines();
        let agreed = output.find_map(|line| line.ok().filter(|line| line.contains("Cipher is"))).unwrap();
        assert!(agreed.contains(suite), "{agreed}");
        // What it is told to send is no message; the end of its input ends the session.
        shakes.stdin.take().unwrap().write_all(b"hello\n").unwrap();
        let _ = output.count();
        let _ = shakes.wait();
    }
}

#[test]
fn aiocoap_posts_many_at_once_and_in_blocks() {
    let Some(python) = fetched("venv/bin/python") else { return };
    let gateway = Gateway::start();
    let mut posting = post(&python, &gateway, 16);
    let mut input = posting.stdin.take().unwrap();
    for n in 0..200 {
        writeln!(input, "reading {n}").unwrap();
    }
    writeln!(input, "*5000").unwrap();
    drop(input);
    let answers: Vec<_> = BufReader::new(posting.stdout.take().unwrap()).lines().map(Result::unwrap).collect();
    assert_eq!(answers.len(), 201);
    assert!(answers.iter().all(|answer| answer.ends_with("2.04")), "{answers:?}");
    let payloads: HashSet<_> = gateway.wait_for(201).iter().map(payload).collect();
    assert_eq!(payloads.len(), 201);
    assert!(payloads.contains(&"x".repeat(5000)));
    assert!(posting.wait().unwrap().success());
}

fn post(python: &Path, gateway: &Gateway, at_once: usize) -> Child {
    Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aiocoap/post.py"))
        .arg(format!("coap://127.0.0.1:{}/m/aiocoap", gateway.plain))
        .arg(at_once.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// aiocoap sends again what was not acknowledged; what was is there once, through every kill.
#[test]
fn what_was_acknowledged_arrives_once_through_every_kill() {
    let Some(python) = fetched("venv/bin/python") else { return };
    let mut gateway = Gateway::with("[queue]\nsize = \"64 MiB\"\nsegment = \"256 KiB\"");
    let mut posting = post(&python, &gateway, 32);
    let mut input = posting.stdin.take().unwrap();
    const MESSAGES: usize = 1500;
    std::thread::spawn(move || {
        for n in 0..MESSAGES {
            let _ = writeln!(input, "reading {n}");
        }
    });
    let (sender, answers) = mpsc::channel();
    let output = BufReader::new(posting.stdout.take().unwrap());
    std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let (mut acknowledged, mut kills) = (HashSet::new(), 0);
    let mut hear = |wait| {
        let answer: String = answers.recv_timeout(wait).ok()?;
        let (line, code) = answer.rsplit_once(' ').unwrap();
        if code == "2.04" {
            assert!(acknowledged.insert(line.to_owned()), "{line} was answered twice");
        }
        Some(())
    };
    while kills < rounds("ESH_KILLS", 4).min(8) {
        for _ in 0..100 + kills * 17 {
            hear(Duration::from_secs(60)).unwrap();
        }
        gateway.kill();
        gateway.begin();
        kills += 1;
    }
    while hear(Duration::from_secs(60)).is_some() {}
    posting.wait().unwrap();
    assert!(acknowledged.len() > 500, "{} were acknowledged", acknowledged.len());
    let deadline = Instant::now() + Duration::from_secs(30);
    let ids = loop {
        let mut ids: HashMap<String, HashSet<String>> = HashMap::new();
        for report in gateway.reports() {
            ids.entry(payload(&report)).or_default().insert(report["id"].as_str().unwrap().to_owned());
        }
        if acknowledged.iter().all(|line| ids.contains_key(line)) {
            break ids;
        }
        assert!(Instant::now() < deadline, "some that were acknowledged are not there");
        std::thread::sleep(Duration::from_millis(50));
    };
    for (line, ids) in ids {
        assert_eq!(ids.len(), 1, "{line} is there under several ids");
    }
}

/// A router that gives its client another address whenever it is told to.
struct Router {
    port: u16,
    outside: Arc<Mutex<Arc<UdpSocket>>>,
    inside: Arc<UdpSocket>,
    client: Arc<Mutex<Option<SocketAddr>>>,
    server: SocketAddr,
}

impl Router {
    fn start(server: u16) -> Self {
        let inside = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        let server = SocketAddr::new("127.0.0.1".parse().unwrap(), server);
        let outside = Arc::new(Mutex::new(Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap())));
        let port = inside.local_addr().unwrap().port();
        let router = Self { port, outside, inside, client: Arc::default(), server };
        let (inside, outside, client) = (router.inside.clone(), router.outside.clone(), router.client.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok((len, from)) = inside.recv_from(&mut buffer) {
                *client.lock().unwrap() = Some(from);
                let outside = outside.lock().unwrap().clone();
                let _ = outside.send_to(&buffer[..len], server);
            }
        });
        router.listen();
        router
    }

    fn listen(&self) {
        let (outside, inside, client) =
            (self.outside.lock().unwrap().clone(), self.inside.clone(), self.client.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok(len) = outside.recv(&mut buffer) {
                if let Some(client) = *client.lock().unwrap() {
                    let _ = inside.send_to(&buffer[..len], client);
                }
            }
        });
    }

    /// From now on what comes to the old address is lost.
    fn rebind(&self) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_ne!(socket.local_addr().unwrap(), self.server);
        *self.outside.lock().unwrap() = Arc::new(socket);
        self.listen();
    }
}

/// Californium, which posts what it is told and tells the code of the answer.
struct Californium {
    child: Child,
    input: ChildStdin,
    answers: mpsc::Receiver<String>,
}

impl Californium {
    fn start(port: u16, cid: &str, suite: &str) -> Option<Self> {
        let java = client("java")?;
        let folder = fetched("californium/Client.class")?.parent().unwrap().to_owned();
        let mut child = Command::new(java)
            .args(["-Xmx128m", "-XX:+UseSerialGC", "-cp"])
            .arg(format!("{0}:{0}/*", folder.display()))
            .args(["Client", &format!("coaps://127.0.0.1:{port}/m/californium"), "esh1", KEY, cid, suite])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let (sender, answers) = mpsc::channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Some(Self { child, input, answers })
    }

    fn post(&mut self, text: &str) -> String {
        writeln!(self.input, "{text}").unwrap();
        self.answers.recv_timeout(Duration::from_secs(90)).unwrap()
    }
}

impl Drop for Californium {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn californium_keeps_its_session_behind_another_address() {
    let gateway = Gateway::with("log = \"text\"");
    let mut count = 0;
    for suite in ["TLS_PSK_WITH_AES_128_CCM_8", "TLS_PSK_WITH_AES_128_GCM_SHA256"] {
        for cid in ["0", "6"] {
            let router = Router::start(gateway.secure);
            let Some(mut client) = Californium::start(router.port, cid, suite) else { return };
            assert_eq!(client.post("one"), "2.04");
            for text in ["two", "three"] {
                router.rebind();
                assert_eq!(client.post(text), "2.04", "its session goes with it");
            }
            count += 3;
        }
    }
    let reports = gateway.wait_for(count);
    assert!(reports.iter().all(|report| meter(report) == "4901"));
    let payloads: Vec<_> = reports[reports.len() - 3..].iter().map(payload).collect();
    assert_eq!(payloads, ["one", "two", "three"]);
}

/// Without a connection id another address is another peer: its client shakes hands again, and nothing is lost.
#[test]
fn californium_without_a_connection_id_shakes_hands_again() {
    let gateway = Gateway::start();
    let router = Router::start(gateway.secure);
    let Some(mut client) = Californium::start(router.port, "-", "TLS_PSK_WITH_AES_128_CCM_8") else { return };
    assert_eq!(client.post("one"), "2.04");
    router.rebind();
    // It begins anew by itself when it has heard nothing for a second.
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(client.post("two"), "2.04");
    assert_eq!(gateway.wait_for(2).iter().map(payload).collect::<Vec<_>>(), ["one", "two"]);
}

#[test]
fn the_makers_messages_of_the_corpus_are_taken_as_they_are() {
    let Some(rows) = corpus("nbiot-vendor.jsonl") else { return };
    let gateway = Gateway::start();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut sent = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        let Some(hex) = row["hex"].as_str() else { continue };
        // CON POST /t/r with `ep`.
        let mut message = vec![0x41, 2, 1, n as u8, 9, 0xb1, b't', 1, b'r', 0x46];
        message.extend(format!("ep={n:03}").bytes());
        message.push(0xff);
        message.extend(octets(hex));
        socket.send_to(&message, ("127.0.0.1", gateway.plain)).unwrap();
        let mut answer = [0; 64];
        let len = socket.recv(&mut answer).unwrap();
        assert_eq!(answer[..len], [0x61, 0x44, 1, n as u8, 9]);
        sent.push((format!("{n:03}"), hex.to_owned()));
    }
    let reports = gateway.wait_for(sent.len());
    for (report, (name, hex)) in reports.iter().zip(&sent) {
        assert_eq!(meter(report), name);
        assert!(report["frame"].as_str().unwrap().ends_with(&format!("ff{hex}")));
    }
}
