//! The real program in a process of its own.

use super::connect;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The real program, killed when it goes. Everything it says stands in `log`, in the folder of its configuration.
pub struct Program {
    child: Child,
    folder: PathBuf,
}

impl Program {
    /// Runs it with a configuration and more of an environment.
    pub fn start(folder: &Path, configuration: &str, environment: &[(&str, &str)]) -> Self {
        std::fs::write(folder.join("gateway.toml"), configuration).unwrap();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
        let child = Command::new(binary())
            .arg("run")
            .arg("--config")
            .arg(folder.join("gateway.toml"))
            .envs(environment.iter().copied())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        Self { child: child.unwrap(), folder: folder.to_owned() }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap()
    }

    /// Asks it to stop and waits for its end; whether it ended in good order.
    pub fn stop(mut self) -> bool {
        signal(self.pid(), "TERM");
        self.child.wait().unwrap().success()
    }

    /// Kills it, as a power cut of the process would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The memory it takes, in octets.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program. `ESH_GATEWAY` names another build of it.
pub fn binary() -> PathBuf {
    std::env::var_os("ESH_GATEWAY").map_or_else(|| env!("CARGO_BIN_EXE_esh-gateway").into(), PathBuf::from)
}

/// Sends a signal.
pub fn signal(pid: u32, name: &str) {
    let kill = Command::new("kill").args([format!("-{name}"), pid.to_string()]).stderr(Stdio::null()).status();
    assert!(kill.unwrap().success());
}

/// Asks for a page; its status and its body.
pub async fn page(port: u16, path: &str) -> (u16, String) {
    let mut stream = connect(port).await;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n").as_bytes()).await.unwrap();
    let mut text = String::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut text)).await.unwrap().unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

/// Asks for a page until it says what it should, and gives what it says.
pub async fn page_until(port: u16, path: &str, is: impl Fn(u16, &str) -> bool) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let (status, body) = page(port, path).await;
        if is(status, &body) {
            return body;
        }
        assert!(Instant::now() < deadline, "{path}: {status} {body}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A plain telegram of a meter of that number, with so many records, each of that volume.
pub fn telegram(meter: u32, volume: u32, records: u8) -> String {
    let bcd = u32::from_str_radix(&format!("{meter:08}"), 16).unwrap().to_le_bytes();
    let mut octets = vec![14 + 6 * records, 0x44, 0x2d, 0x2c];
    octets.extend(bcd);
    octets.extend([0x1b, 0x16, 0x7a, meter as u8, 0, 0, 0]);
    for _ in 0..records {
        octets.extend([0x04, 0x13]);
        octets.extend(volume.to_le_bytes());
    }
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
