//! What `/readyz` says of a disk that fails, and how many may ask at once.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::{Client, connect, free_port};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The real program, killed when it goes.
struct Program(Child);

impl Program {
    /// Its writes beyond a limit fail as those to a broken disk do, and do not kill it.
    fn start(folder: &Path, (lines, http): (u16, u16)) -> Self {
        let text = format!(
            "name = \"g\"\ndata = \"data\"\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\n\
             listen = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\nkind = \"stdout\"\n\
             [queue]\nsize = \"1 MiB\"\nsegment = \"16 KiB\"\n[http]\nlisten = \"127.0.0.1:{http}\"\n"
        );
        std::fs::write(folder.join("gateway.toml"), text).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" run --config \"$1\"", env!("CARGO_BIN_EXE_esh-gateway")]);
        command.arg(folder.join("gateway.toml")).stderr(Stdio::null()).stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// From now on no file can be written beyond so many octets.
    fn limit(&self, octets: &str) {
        let limit = Command::new("prlimit")
            .args(["--pid", &self.0.id().to_string(), &format!("--fsize={octets}:unlimited")])
            .status();
        assert!(limit.unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A plain telegram of a meter of that number.
fn telegram(n: u8) -> String {
    format!("14442d2c010000{n:02x}1b167a{n:02x}0000000413{n:02x}00002f")
}

/// The answer to a request; `None` when the connection is closed without one.
async fn get(port: u16, page: &str) -> Option<(u16, String)> {
    let mut stream = connect(port).await;
    let _ = stream.write_all(format!("GET {page} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes()).await;
    let mut text = String::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut text)).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").filter(|_| read.is_ok())?;
    Some((head[9..12].parse().unwrap(), body.to_owned()))
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_makes_it_unready_and_one_that_is_well_again_ready() {
    let (folder, lines, http) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    let program = Program::start(folder.path(), (lines, http));
    let mut client = Client::connect(lines).await;
    assert_eq!(client.ask(&telegram(1)).await, "ok");
    assert_eq!(get(http, "/readyz").await, Some((200, "ok\n".to_owned())));
    program.limit("1");
    assert_eq!(client.ask(&telegram(2)).await, "refused disk failure");
    let (status, body) = get(http, "/readyz").await.unwrap();
    assert_eq!((status, body.lines().next()), (503, Some("queue: the disk does not take records")), "{body}");
    assert_eq!(get(http, "/healthz").await.unwrap().0, 200, "to start it again would not help");
    assert_eq!(client.ask(&telegram(3)).await, "refused disk failure");
    program.limit("unlimited");
    let deadline = Instant::now() + Duration::from_secs(20);
    while client.ask(&telegram(4)).await != "ok" {
        assert!(Instant::now() < deadline, "it does not recover");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(get(http, "/readyz").await, Some((200, "ok\n".to_owned())));
    // What was refused was kept, and what was kept is a copy now.
    assert_eq!(client.ask(&telegram(2)).await, "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_sixty_four_at_once_are_closed_unheard() {
    let (folder, lines, http) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    let _program = Program::start(folder.path(), (lines, http));
    drop(Client::connect(lines).await);
    let mut slow = Vec::new();
    for _ in 0..64 {
        let mut stream = connect(http).await;
        stream.write_all(b"GET /metrics HT").await.unwrap();
        slow.push(stream);
    }
    let mut refused = 0;
    for _ in 0..8 {
        // Those before it may just have been timed out, on a machine that is very busy.
        refused += u32::from(get(http, "/healthz").await.is_none());
    }
    assert!(refused > 0, "all were heard");
    // The places are given back, by those who go and by those who take too long.
    slow.truncate(32);
    let deadline = Instant::now() + Duration::from_secs(20);
    while get(http, "/healthz").await.is_none() {
        assert!(Instant::now() < deadline, "nobody is heard any more");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for mut stream in slow {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
        assert!(read.is_ok(), "a slow one is closed in time");
    }
    assert_eq!(get(http, "/healthz").await.unwrap().0, 200);
}
