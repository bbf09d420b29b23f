//! What a sniffer is told.

use crate::config::{Part, Wrong, host_and_port};
use serde::Deserialize;
use std::{fmt, path::Path, path::PathBuf};

/// `kind = "sniffer"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its name, which stands in reports.
    pub name: Option<String>,
    /// Where frames come from.
    pub input: Input,
}

/// Where frames come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A capture, read once to its end; a named pipe is waited at again and again.
    File(PathBuf),
    /// A program's standard output, a capture. It is started again when it ends.
    Command(Vec<String>),
    /// The standard input, a capture.
    Stdin,
    /// Datagrams, at this address.
    Udp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the capture {}", path.display()),
            // Its arguments may hold a secret.
            Self::Command(words) => write!(f, "the program {}", words.first().map_or("", String::as_str)),
            Self::Stdin => f.write_str("the standard input"),
            Self::Udp { host, port } => write!(f, "datagrams at {host}:{port}"),
        }
    }
}

/// The keys of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    name: Option<String>,
    file: Option<PathBuf>,
    command: Option<Vec<String>>,
    #[serde(default)]
    stdin: bool,
    listen: Option<String>,
}

impl Part for Config {
    type Keys = Keys;

    fn build(keys: Keys, base: &Path) -> Result<Self, Wrong> {
        if keys.command.as_ref().is_some_and(Vec::is_empty) {
            return Err(Wrong::new("command", "a command is a program and its arguments"));
        }
        let udp = match keys.listen.as_deref() {
            None => None,
            Some(text) => match text.strip_prefix("udp://").and_then(host_and_port) {
                Some((host, Some(port))) => Some(Input::Udp { host: host.to_owned(), port }),
                _ => return Err(Wrong::new("listen", "an address such as `udp://127.0.0.1:17754`")),
            },
        };
        let inputs = [
            keys.file.map(|path| Input::File(base.join(path))),
            keys.command.map(Input::Command),
            keys.stdin.then_some(Input::Stdin),
            udp,
        ];
        let mut inputs = inputs.into_iter().flatten();
        let (Some(input), None) = (inputs.next(), inputs.next()) else {
            let message = "exactly one of `file`, `command`, `stdin` and `listen` says where frames come from";
            return Err(Wrong::new("", message));
        };
        Ok(Self { name: keys.name, input })
    }
}

impl Config {
    /// Whether frames could come from there.
    ///
    /// # Errors
    /// What is in the way.
    pub async fn probe(&self) -> Result<String, String> {
        match &self.input {
            Input::File(path) => match tokio::fs::metadata(path).await {
                Ok(_) => Ok(format!("{} is there", path.display())),
                Err(error) => Err(format!("cannot read {}: {error}", path.display())),
            },
            Input::Udp { host, port } => match tokio::net::UdpSocket::bind((host.as_str(), *port)).await {
                Ok(_) => Ok(format!("{host}:{port} is free")),
                Err(error) => Err(format!("cannot listen at {host}:{port}: {error}")),
            },
            Input::Command(_) | Input::Stdin => Ok("is not tried".to_owned()),
        }
    }
}
