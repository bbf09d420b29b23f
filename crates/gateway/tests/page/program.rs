//! The real program with a page, and what is sent to it and asked of it.

use crate::common::{connect, free_port};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A gateway that runs as a process of its own, killed when it goes.
pub struct Program {
    child: Child,
    pub folder: tempfile::TempDir,
    pub http: u16,
    pub lines: u16,
}

pub const TOKEN: &str = "correct-horse-battery-staple";
/// A sink that always takes what comes.
pub const ARCHIVE: &str = "[[sink]]\nkind = \"file\"\nname = \"archive\"\npath = \"out.jsonl\"\n";
pub const KEY: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";

impl Program {
    /// With a source of lines and more of a configuration, sinks among it; `token` tells whether its page asks for one.
    pub async fn start(keys: &str, token: bool, more: &str) -> Self {
        let (folder, http, lines) = (tempfile::tempdir().unwrap(), free_port(), free_port());
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("keys.toml", keys);
        write("token", &format!("{TOKEN}\n"));
        let token = if token { "token = { file = \"token\" }" } else { "" };
        write(
            "gateway.toml",
            &format!(
                "name = \"gw-1\"\ndata = \"data\"\nkeys = \"keys.toml\"\n[http]\nlisten = \"127.0.0.1:{http}\"\n{token}\n\
                 [[source]]\nkind = \"lines\"\nname = \"stick <b>2</b>\"\nprotocol = \"wmbus\"\n\
                 listen = \"tcp://127.0.0.1:{lines}\"\nack = true\n{more}"
            ),
        );
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
        command.arg("run").arg("--config").arg(folder.path().join("gateway.toml")).stderr(log).stdout(Stdio::null());
        let program = Self { child: command.spawn().unwrap(), folder, http, lines };
        drop(connect(http).await);
        drop(connect(lines).await);
        program
    }

    /// The address of its page.
    pub fn page(&self) -> String {
        format!("http://127.0.0.1:{}/", self.http)
    }

    /// Asks with more headers; gives status, head and body.
    pub async fn ask(&self, method: &str, path: &str, headers: &str) -> (u16, String, String) {
        let mut stream = connect(self.http).await;
        let host = if headers.to_lowercase().contains("host:") { "" } else { "host: 127.0.0.1\r\n" };
        stream.write_all(format!("{method} {path} HTTP/1.1\r\n{host}{headers}\r\n").as_bytes()).await.unwrap();
        let mut text = String::new();
        tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut text)).await.unwrap().unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), head.to_owned(), body.to_owned())
    }

    /// What a path gives as JSON.
    pub async fn json(&self, path: &str) -> serde_json::Value {
        let (status, _, body) = self.ask("GET", path, "").await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A telegram in plain of a water meter with these records, in hexadecimal.
pub fn telegram(id: u32, records: &[u8]) -> String {
    frame(id, &[&[0x7a, 0x01, 0x00, 0x00, 0x00], records].concat())
}

/// A wireless frame of a water meter without CRCs, in hexadecimal.
pub fn frame(id: u32, behind_the_link: &[u8]) -> String {
    let mut octets = vec![0, 0x44, 0x2d, 0x2c];
    // The digits of an identification number stand in it as BCD.
    octets.extend(u32::from_str_radix(&id.to_string(), 16).unwrap().to_le_bytes());
    octets.extend([0x1b, 0x16]);
    octets.extend(behind_the_link);
    octets[0] = u8::try_from(octets.len() - 1).unwrap();
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// A record of a volume in litres.
pub fn volume(litres: u32) -> Vec<u8> {
    [&[0x04, 0x13][..], &litres.to_le_bytes()].concat()
}

/// A record that its meter names.
pub fn named(name: &str, value: u16) -> Vec<u8> {
    let letters = name.bytes().rev();
    [0x02, 0x7c, u8::try_from(name.len()).unwrap()].into_iter().chain(letters).chain(value.to_le_bytes()).collect()
}
