//! What the integration tests share: a real broker, free ports, clients, and a decoder that decodes nothing.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "each test is a crate of its own and uses its part of it"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../../../../checks/bus.rs"]
pub mod bus;
pub mod certificates;
pub mod kafka;
pub mod peer;
pub mod program;
pub mod proxy;
pub mod reports;
#[path = "../../../../checks/corpus.rs"]
mod rows;

pub use rows::corpus;

use esh_gateway::capture::Capture;
use esh_gateway::config::Config;
use esh_gateway::record::{Id, Kind, Record};
use esh_gateway::run::{self, Decode, Ended};
use std::collections::hash_map::DefaultHasher;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// A port that nobody has right now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A connection to a port at which somebody will listen soon.
pub async fn connect(port: u16) -> TcpStream {
    let stream = try_connect(port, Duration::from_secs(30)).await;
    stream.unwrap_or_else(|error| panic!("nobody listens at {port}: {error}"))
}

/// The same, for so long.
pub async fn try_connect(port: u16, patience: Duration) -> std::io::Result<TcpStream> {
    let deadline = Instant::now() + patience;
    loop {
        match TcpStream::connect(("127.0.0.1", port)).await {
            Err(_) if Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(10)).await,
            connected => return connected,
        }
    }
}

/// A real Mosquitto of one's own.
pub struct Broker {
    folder: tempfile::TempDir,
    pub port: u16,
    child: Option<Child>,
}

impl Broker {
    /// A broker that lets everybody in; `None` when the machine has none and that was said to be all right.
    pub async fn start() -> Option<Self> {
        Self::with("allow_anonymous true\n").await
    }

    /// A broker with more lines of configuration; `FOLDER` in them is its folder.
    pub async fn with(lines: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        Self::inside(folder, lines).await
    }

    /// A broker whose folder is already filled.
    pub async fn inside(folder: tempfile::TempDir, lines: &str) -> Option<Self> {
        if program("mosquitto").is_none() {
            assert!(
                std::env::var_os("ESH_SKIP_MOSQUITTO").is_some_and(|skip| skip == "1"),
                "this test needs mosquitto (Debian: apt-get install mosquitto); ESH_SKIP_MOSQUITTO=1 leaves it out"
            );
            println!("skipped: no mosquitto");
            return None;
        }
        let port = free_port();
        let lines = lines.replace("FOLDER", &folder.path().display().to_string());
        // As root, mosquitto would otherwise become somebody who cannot read here.
        let text = format!(
            "user root\nlistener {port} 127.0.0.1\nmax_queued_messages 0\nmax_inflight_messages 200\n\
             persistence true\npersistence_location {}/\n{lines}",
            folder.path().display()
        );
        std::fs::write(folder.path().join("mosquitto.conf"), text).unwrap();
        let mut broker = Self { folder, port, child: None };
        broker.restart().await;
        Some(broker)
    }

    /// Starts it again at the same port, with what it has saved.
    pub async fn restart(&mut self) {
        self.stop();
        let log = std::fs::File::create(self.folder.path().join("mosquitto.log")).unwrap();
        let child = Command::new(program("mosquitto").unwrap())
            .arg("-c")
            .arg(self.folder.path().join("mosquitto.conf"))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.child = Some(child.unwrap());
        drop(connect(self.port).await);
    }

    /// Has it read its list of who may do what again.
    pub fn reload(&self) {
        program::signal(self.child.as_ref().unwrap().id(), "HUP");
    }

    /// A file of its folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Ends it in good order: it saves its sessions and everything it has acknowledged.
    pub async fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = child.id().to_string();
            assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
            tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap();
        }
    }

    /// Kills it: what it had in memory alone is lost.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where a program is; daemons may not stand in everybody's path.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A message as a subscriber got it.
#[derive(Clone, Debug)]
pub struct Message {
    pub topic: String,
    pub payload: String,
    pub retain: bool,
}

/// Subscribes in a thread of its own, in a session that lasts through every restart of the broker.
pub struct Subscriber(mpsc::Receiver<Message>);

impl Subscriber {
    pub async fn start(port: u16, topic: &str) -> Self {
        let (sender, receiver) = mpsc::channel();
        let (ready, subscribed) = oneshot::channel();
        let topic = topic.to_owned();
        std::thread::spawn(move || {
            let mut options = rumqttc::MqttOptions::new(format!("subscriber {topic}"), "127.0.0.1", port);
            options.set_clean_session(false).set_max_packet_size(1 << 20, 1 << 20);
            let (client, mut connection) = rumqttc::Client::new(options, 10);
            let mut ready = Some(ready);
            for event in connection.iter() {
                match event {
                    Ok(rumqttc::Event::Incoming(rumqttc::Packet::ConnAck(_))) => {
                        client.try_subscribe(topic.as_str(), rumqttc::QoS::AtLeastOnce).unwrap();
                    }
                    Ok(rumqttc::Event::Incoming(rumqttc::Packet::SubAck(_))) => {
                        if let Some(ready) = ready.take() {
                            let _ = ready.send(());
                        }
                    }
                    Ok(rumqttc::Event::Incoming(rumqttc::Packet::Publish(publish))) => {
                        let payload = String::from_utf8_lossy(&publish.payload).into_owned();
                        if sender.send(Message { topic: publish.topic, payload, retain: publish.retain }).is_err() {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(_) => std::thread::sleep(Duration::from_millis(20)),
                }
            }
        });
        subscribed.await.unwrap();
        Self(receiver)
    }

    /// The next message; `None` when there is none for a while.
    pub fn next(&self, wait: Duration) -> Option<Message> {
        self.0.recv_timeout(wait).ok()
    }
}

/// Makes records that say which octets they are of: what the tests of the line need to know.
pub struct Plain;

impl Decode for Plain {
    fn decode(&mut self, capture: &Capture, copies: u32) -> Record {
        let mut hex = String::new();
        for octet in &capture.octets {
            let _ = write!(hex, "{octet:02x}");
        }
        let mut hasher = DefaultHasher::new();
        capture.octets.hash(&mut hasher);
        let id = Id(hasher.finish().into());
        let meter = hex.get(..2).map(|meter| format!("test:{meter}").into());
        let report = format!("{{\"id\":\"{:032x}\",\"frame\":\"{hex}\",\"copies\":{copies}}}", id.0).into();
        Record {
            kind: Kind::Readings,
            protocol: Some(capture.protocol),
            meter,
            id,
            received_at: capture.received_at.at,
            report,
        }
    }
}

/// A gateway that runs inside the test.
pub struct Gateway {
    stop: oneshot::Sender<String>,
    task: tokio::task::JoinHandle<Ended>,
    /// Its queue is there; it goes with the gateway.
    _data: tempfile::TempDir,
}

impl Gateway {
    pub fn start(configuration: &str) -> Self {
        Self::with(configuration, Box::new(Plain))
    }

    /// A gateway that decodes as it is told.
    pub fn with(configuration: &str, decode: Box<dyn Decode>) -> Self {
        esh_gateway::log::start(esh_gateway::log::Format::Text);
        let mut config =
            Config::parse(Path::new("gateway.toml"), configuration).unwrap_or_else(|error| panic!("{error}"));
        let data = tempfile::tempdir().unwrap();
        config.data = data.path().to_owned();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let stopped = async { stopped.await.unwrap_or_else(|_| "the test has ended".to_owned()) };
            run::run(&config, decode, stopped).await.unwrap()
        });
        Self { stop, task, _data: data }
    }

    /// Stops it as a signal would, and tells how it ended.
    pub async fn stop(self) -> Ended {
        let _ = self.stop.send("the test is over".to_owned());
        self.task.await.unwrap()
    }

    /// Waits until it ends by itself.
    pub async fn ended(self) -> Ended {
        let ended = tokio::time::timeout(Duration::from_secs(30), self.task).await;
        drop(self.stop);
        ended.unwrap().unwrap()
    }
}

/// The real program, killed when it goes.
pub struct Program(pub Child);

impl Program {
    pub fn start(folder: &Path) -> Self {
        Self::with(folder, |_| {})
    }

    /// With more said to it, such as its environment.
    pub fn with(folder: &Path, more: impl FnOnce(&mut Command)) -> Self {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
        command.arg("run").arg("--config").arg(folder.join("gateway.toml")).stderr(log).stdout(Stdio::null());
        more(&mut command);
        Self(command.spawn().unwrap())
    }

    /// As a power cut of the process would.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Program {
    /// Its resident memory, in octets.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

/// How often a test repeats its fault: a few times here, as often as `scripts/faults` says there.
pub fn rounds(variable: &str, here: u32) -> u32 {
    std::env::var(variable).ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(here)
}

/// A plain telegram of a meter of that number, with that number as its reading.
pub fn plain_telegram(n: u32) -> String {
    plain_telegram_of(n, n)
}

/// A plain telegram of a meter of that number and its reading.
pub fn plain_telegram_of(meter: u32, n: u32) -> String {
    let bcd = u32::from_str_radix(&format!("{meter:08}"), 16).unwrap().to_le_bytes();
    let mut octets = vec![0x14, 0x44, 0x2d, 0x2c];
    octets.extend(bcd);
    octets.extend([0x1b, 0x16, 0x7a, n as u8, 0, 0, 0, 0x04, 0x13]);
    octets.extend(n.to_le_bytes());
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A client of a source of lines.
pub struct Client {
    pub input: BufReader<tokio::net::tcp::OwnedReadHalf>,
    pub output: tokio::net::tcp::OwnedWriteHalf,
}

impl Client {
    pub async fn connect(port: u16) -> Self {
        Self::of(connect(port).await)
    }

    pub fn of(stream: TcpStream) -> Self {
        let (input, output) = stream.into_split();
        Self { input: BufReader::new(input), output }
    }

    pub async fn say(&mut self, text: &str) {
        self.output.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next answer; empty when the connection has ended.
    pub async fn hear(&mut self) -> String {
        let mut line = String::new();
        let read = self.input.read_line(&mut line);
        // A reset ends a connection as well as an orderly end does.
        let _ = tokio::time::timeout(Duration::from_secs(20), read).await.expect("no answer");
        line.trim_end().to_owned()
    }

    pub async fn ask(&mut self, line: &str) -> String {
        self.say(&format!("{line}\n")).await;
        self.hear().await
    }
}
