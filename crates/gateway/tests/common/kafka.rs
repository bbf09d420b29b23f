//! A real Apache Kafka of one's own, and kcat to read what arrives.

use super::{connect, free_port};
use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, MutexGuard};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// One broker.
pub struct Kafka {
    folder: tempfile::TempDir,
    pub port: u16,
    controller: u16,
    child: Option<Child>,
    _alone: MutexGuard<'static, ()>,
}

/// A Kafka is large: there is one at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

impl Kafka {
    /// A broker; `None` when the machine has none, unless it must have one.
    pub async fn start() -> Option<Self> {
        Self::inside(tempfile::tempdir().unwrap(), "").await
    }

    /// A broker whose folder is already filled, with more properties; `FOLDER` in them is its folder.
    pub async fn inside(folder: tempfile::TempDir, properties: &str) -> Option<Self> {
        Self::at(folder, properties, free_port(), free_port()).await
    }

    /// The same at ports that the properties name, too.
    pub async fn at(folder: tempfile::TempDir, properties: &str, port: u16, controller: u16) -> Option<Self> {
        let there = std::fs::read_dir(Path::new(ROOT).join("target/kafka")).is_ok_and(|mut versions| {
            versions.any(|version| version.is_ok_and(|version| version.path().join("whole").exists()))
        });
        if !there || super::program("kcat").is_none() || super::program("java").is_none() {
            // scripts/test fetches it, so that its absence is a failure there.
            assert!(std::env::var_os("ESH_KAFKA").is_none(), "this test needs Apache Kafka: scripts/kafka fetch");
            println!("skipped: no Apache Kafka (scripts/kafka fetch brings it)");
            return None;
        }
        let properties = properties.replace("FOLDER", &folder.path().display().to_string());
        std::fs::write(folder.path().join("more.properties"), properties).unwrap();
        let mut kafka = Self { folder, port, controller, child: None, _alone: ALONE.lock().await };
        kafka.restart().await;
        Some(kafka)
    }

    /// Starts it at the same port, with what it has on the disk.
    pub async fn restart(&mut self) {
        self.kill();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let child = Command::new(format!("{ROOT}/scripts/kafka"))
            .arg("run")
            .arg(self.folder.path())
            .args([self.port.to_string(), self.controller.to_string()])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.child = Some(child.unwrap());
        let deadline = Instant::now() + Duration::from_secs(120);
        let answers = || {
            let broker = format!("127.0.0.1:{}", self.port);
            let mut kcat = Command::new("kcat");
            kcat.args(["-b", &broker, "-L", "-m", "5"]).stdout(Stdio::null()).stderr(Stdio::null());
            kcat.status().is_ok_and(|status| status.success())
        };
        while !answers() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "Kafka does not start: {log}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        drop(connect(self.port).await);
    }

    /// Kills it, as a power cut of the process would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // The script has become the broker: there is no other process.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A message as kcat prints it.
#[derive(Debug)]
pub struct Got {
    pub partition: i32,
    pub key: String,
    pub headers: HashMap<String, String>,
    pub value: Value,
}

/// Reads a topic from its beginning, and waits for more.
pub struct Kcat {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Kcat {
    pub fn start(port: u16, topic: &str) -> Self {
        let mut child = Command::new("kcat")
            .args(["-C", "-b", &format!("127.0.0.1:{port}"), "-t", topic, "-o", "beginning", "-u", "-q"])
            .args(["-X", "topic.metadata.refresh.interval.ms=1000", "-X", "allow.auto.create.topics=true"])
            .args(["-f", "%p\\t%k\\t%h\\t%s\\n"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next message; `None` when there is none for so long.
    pub fn next(&self, wait: Duration) -> Option<Got> {
        let line = self.lines.recv_timeout(wait).ok()?;
        let mut fields = line.splitn(4, '\t');
        let mut field = || fields.next().unwrap_or_else(|| panic!("{line}"));
        let (partition, key) = (field().parse().unwrap(), field().to_owned());
        let header = |text: &str| text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned())).unwrap();
        let headers = field().split(',').map(header).collect();
        let value = serde_json::from_str(field()).unwrap_or_else(|error| panic!("{error}: {line}"));
        Some(Got { partition, key, headers, value })
    }
}

impl Drop for Kcat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
