//! What a source of lines is told.

use crate::capture::Framing;
use crate::config::{Part, Span, Tcp, Wrong, protocol};
use esh_core::Protocol;
use serde::Deserialize;
use std::{fmt, path::Path, path::PathBuf};

/// `kind = "lines"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its name, which stands in reports.
    pub name: Option<String>,
    /// The protocol of the frames.
    pub protocol: Protocol,
    /// How the frames are laid out, where a line does not say.
    pub format: Option<Framing>,
    /// Where the lines come from.
    pub input: Input,
    /// Whether every line is answered.
    pub ack: bool,
    /// The longest line, in octets.
    pub longest: usize,
    /// How long a line that has begun may take to end.
    pub patience: Span,
    /// The most clients at once.
    pub clients: usize,
}

/// Where lines come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Whoever connects here.
    Listen(Tcp),
    /// A server, to which a lost connection is made again.
    Connect(Tcp),
    /// A file, read once to its end.
    File(PathBuf),
    /// A program's standard output. It is started again when it ends.
    Command(Vec<String>),
    /// The standard input, to its end.
    Stdin,
    /// A serial port, opened again when it is lost.
    Serial {
        /// Its device, best by its name under `/dev/serial/by-id`.
        device: PathBuf,
        /// Bits per second.
        baud: u32,
    },
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(tcp) => write!(f, "whoever connects to {tcp}"),
            Self::Connect(tcp) => write!(f, "the server at {tcp}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            // Its arguments may hold a secret.
            Self::Command(words) => write!(f, "the program {}", words.first().map_or("", String::as_str)),
            Self::Stdin => f.write_str("the standard input"),
            Self::Serial { device, baud } => write!(f, "the serial port {} at {baud} baud", device.display()),
        }
    }
}

/// The keys of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    name: Option<String>,
    #[serde(deserialize_with = "protocol")]
    protocol: Protocol,
    format: Option<Framing>,
    listen: Option<Tcp>,
    connect: Option<Tcp>,
    file: Option<PathBuf>,
    command: Option<Vec<String>>,
    #[serde(default)]
    stdin: bool,
    serial: Option<PathBuf>,
    baud: Option<u32>,
    #[serde(default)]
    ack: bool,
    longest_line: Option<usize>,
    line_timeout: Option<Span>,
    max_clients: Option<usize>,
}

impl Part for Config {
    type Keys = Keys;

    fn build(keys: Keys, base: &Path) -> Result<Self, Wrong> {
        let serial = keys.serial.map(|device| Input::Serial { device, baud: keys.baud.unwrap_or(9600) });
        if keys.baud.is_some() && serial.is_none() {
            return Err(Wrong::new("baud", "only a serial port has a baud rate"));
        }
        if keys.command.as_ref().is_some_and(Vec::is_empty) {
            return Err(Wrong::new("command", "a command is a program and its arguments"));
        }
        let inputs = [
            keys.listen.map(Input::Listen),
            keys.connect.map(Input::Connect),
            keys.file.map(|path| Input::File(base.join(path))),
            keys.command.map(Input::Command),
            keys.stdin.then_some(Input::Stdin),
            serial,
        ];
        let mut inputs = inputs.into_iter().flatten();
        let (Some(input), None) = (inputs.next(), inputs.next()) else {
            let message = "exactly one of `listen`, `connect`, `file`, `command`, `stdin` and `serial` says where lines come from";
            return Err(Wrong::new("", message));
        };
        if keys.ack && !matches!(input, Input::Listen(_) | Input::Connect(_) | Input::Serial { .. }) {
            return Err(Wrong::new("ack", "nobody listens for answers here: only sockets and serial ports carry them"));
        }
        let longest = keys.longest_line.unwrap_or(4096);
        if !(64..=1 << 20).contains(&longest) {
            return Err(Wrong::new("longest_line", "a line may be 64 to 1048576 octets long"));
        }
        let clients = keys.max_clients.unwrap_or(256);
        if clients == 0 {
            return Err(Wrong::new("max_clients", "nobody could connect"));
        }
        Ok(Self {
            name: keys.name,
            protocol: keys.protocol,
            format: keys.format,
            input,
            ack: keys.ack,
            longest,
            patience: keys.line_timeout.unwrap_or(Span::seconds(10)),
            clients,
        })
    }
}
