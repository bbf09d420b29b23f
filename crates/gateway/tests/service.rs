//! What a service manager hears of the real program, and of one that hangs.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::program::{Program, signal, telegram};
use common::{Client, Plain, connect, free_port};
use esh_gateway::{capture::Capture, config::Config, record::Record, run, run::Decode};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A service manager.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    fn new(folder: &Path) -> Self {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { socket, path }
    }

    fn hear(&self) -> String {
        let mut buffer = [0; 400];
        let length = self.socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// Whether the watchdog is fed within a while.
    fn is_fed(&self, wait: Duration) -> bool {
        // What came before does not count.
        self.socket.set_nonblocking(true).unwrap();
        while self.socket.recv(&mut [0; 400]).is_ok() {}
        self.socket.set_nonblocking(false).unwrap();
        self.socket.set_read_timeout(Some(wait)).unwrap();
        self.socket.recv(&mut [0; 400]).is_ok()
    }
}

fn configuration(lines: u16) -> String {
    format!(
        "name = \"g\"\ndata = \"data\"\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\n\
         listen = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\nkind = \"file\"\npath = \"out.jsonl\"\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manager_hears_ready_the_watchdog_and_stopping() {
    let (folder, lines) = (tempfile::tempdir().unwrap(), free_port());
    let manager = Manager::new(folder.path());
    let environment = [("NOTIFY_SOCKET", manager.path.to_str().unwrap()), ("WATCHDOG_USEC", "3000000")];
    let program = Program::start(folder.path(), &configuration(lines), &environment);
    assert_eq!(manager.hear(), "READY=1\nSTATUS=1 sources, 1 sinks");
    let mut client = Client::connect(lines).await;
    assert_eq!(client.ask(&telegram(1, 1, 1)).await, "ok");
    for _ in 0..3 {
        assert_eq!(manager.hear(), "WATCHDOG=1");
    }
    drop(client);
    signal(program.pid(), "TERM");
    let told = std::iter::repeat_with(|| manager.hear()).find(|told| told != "WATCHDOG=1").unwrap();
    assert!(told.starts_with("STOPPING=1\n"), "{told}");
    assert!(program.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_manager_nothing_is_missing() {
    for address in ["", "/nowhere/at/all"] {
        let (folder, lines) = (tempfile::tempdir().unwrap(), free_port());
        let environment = [("NOTIFY_SOCKET", address), ("WATCHDOG_USEC", "3000000")];
        let program = Program::start(folder.path(), &configuration(lines), &environment);
        let mut client = Client::connect(lines).await;
        assert_eq!(client.ask(&telegram(1, 1, 1)).await, "ok");
        drop(client);
        assert!(program.stop());
    }
}

/// Hangs for as long as there is a file.
struct Hangs(PathBuf);

impl Decode for Hangs {
    fn decode(&mut self, capture: &Capture, copies: u32) -> Record {
        while self.0.exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        Plain.decode(capture, copies)
    }
}

/// A gateway whose line hangs, for the next test: it needs an environment, and so a process, of its own.
#[test]
#[ignore = "the next test runs it"]
fn hangs() {
    let folder = PathBuf::from(std::env::var_os("HANGS_IN").expect("the next test runs it"));
    let text = std::fs::read_to_string(folder.join("gateway.toml")).unwrap();
    let config = Config::parse(&folder.join("gateway.toml"), &text).unwrap();
    run::until_signal(&config, Box::new(Hangs(folder.join("hang"))), None, None).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_hangs_stops_the_watchdog() {
    let (folder, lines) = (tempfile::tempdir().unwrap(), free_port());
    let manager = Manager::new(folder.path());
    std::fs::write(folder.path().join("gateway.toml"), configuration(lines)).unwrap();
    let mut gateway = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hangs", "--ignored", "--nocapture"])
        .env("HANGS_IN", folder.path())
        .env("NOTIFY_SOCKET", &manager.path)
        .env("WATCHDOG_USEC", "3000000")
        .spawn()
        .unwrap();
    assert!(manager.hear().starts_with("READY=1\n"));
    drop(connect(lines).await);
    assert!(manager.is_fed(Duration::from_secs(20)));
    let hang = folder.path().join("hang");
    std::fs::write(&hang, "").unwrap();
    let mut client = Client::connect(lines).await;
    client.say(&(telegram(1, 1, 1) + "\n")).await;
    // What was on its way when it began to hang comes still.
    let deadline = Instant::now() + Duration::from_secs(30);
    while manager.is_fed(Duration::from_secs(4)) {
        assert!(Instant::now() < deadline, "it hangs, and the watchdog is fed");
    }
    std::fs::remove_file(&hang).unwrap();
    assert_eq!(client.hear().await, "ok");
    assert!(manager.is_fed(Duration::from_secs(20)), "it moves again");
    drop(client);
    signal(gateway.id(), "TERM");
    assert!(gateway.wait().unwrap().success());
}
