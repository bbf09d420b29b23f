//! The command `bus`: who is on one, and what a meter says, without a running gateway.

use crate::analyse;
use crate::config::{Config, Tcp};
use crate::keys::KeyStore;
use crate::meters::Meters;
use crate::run::Decode;
use crate::sources::rs485::{self, Direction, Parity, Port, Search};
use crate::sources::{Config as Source, Intake};
use crate::worker::Worker;
use anyhow::Context;
use clap::{Args, Subcommand};
use esh_modbus::Mode;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Look at a bus, which no running gateway may have.
#[derive(Debug, Args)]
pub(super) struct Bus {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Find addresses and speeds: everybody who answers is told
    Scan(Scan),
    /// Read the meters of a configuration once, and print their reports
    Read(Read),
}

#[derive(Debug, Args)]
struct Scan {
    /// A serial port, or a serial server such as tcp://10.0.0.7:4001
    port: String,
    /// modbus or mbus
    #[arg(long, default_value = "modbus")]
    protocol: String,
    /// modbus: rtu, ascii or tcp
    #[arg(long, default_value = "rtu")]
    mode: String,
    /// The speeds to try
    #[arg(long, value_delimiter = ',')]
    baud: Vec<u32>,
    /// The check bits to try: none, even, odd
    #[arg(long, value_delimiter = ',')]
    parity: Vec<String>,
    /// The first address
    #[arg(long)]
    from: Option<u8>,
    /// The last address
    #[arg(long)]
    to: Option<u8>,
    /// How long an answer may take, in milliseconds
    #[arg(long, default_value_t = 200)]
    timeout: u64,
    /// mbus: find secondary addresses, digit by digit
    #[arg(long)]
    secondary: bool,
    /// How the adapter is made to send: auto, kernel, rts
    #[arg(long, default_value = "auto")]
    direction: String,
}

#[derive(Debug, Args)]
struct Read {
    /// The configuration (gateway.toml) that has the bus
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// This meter alone, by its id
    meter: Option<String>,
    /// Show each frame octet by octet, with what each field means; otherwise that is done on a terminal, and reports as
    /// JSON go into a pipe
    #[arg(long)]
    explain: bool,
}

impl Bus {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        match &self.what {
            What::Scan(scan) => scan.run(),
            What::Read(read) => read.run(),
        }
    }
}

impl Scan {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let port = match self.port.parse::<Tcp>() {
            Ok(tcp) => Port::Tcp(tcp),
            Err(wrong) if self.port.contains("://") => anyhow::bail!("{}: {wrong}", self.port),
            Err(_) => Port::Serial(PathBuf::from(&self.port)),
        };
        let modbus = match self.protocol.as_str() {
            "modbus" => true,
            "mbus" => false,
            other => anyhow::bail!("{other} is no protocol of a bus: modbus, mbus"),
        };
        let mode = Mode::from_word(&self.mode).with_context(|| format!("{} is no mode: rtu, ascii, tcp", self.mode))?;
        let parity = |word: &String| {
            let known = [Parity::None, Parity::Even, Parity::Odd].into_iter().find(|parity| parity.word() == word);
            known.with_context(|| format!("{word} is no check bit: none, even, odd"))
        };
        let direction = match self.direction.as_str() {
            "auto" => Direction::Auto,
            "kernel" => Direction::Kernel,
            "rts" => Direction::Rts,
            other => anyhow::bail!("{other} is no way to switch: auto, kernel, rts"),
        };
        let tcp = matches!(port, Port::Tcp(_));
        // A serial server has its own settings.
        let bauds = match (&self.baud[..], modbus) {
            ([], _) if tcp => vec![9600],
            ([], true) => vec![9600, 19_200, 38_400, 2400, 4800, 57_600, 115_200],
            ([], false) => vec![2400, 300, 9600],
            (some, _) => some.to_vec(),
        };
        let parities = match (&self.parity[..], modbus) {
            ([], true) if tcp => vec![Parity::None],
            ([], true) => vec![Parity::None, Parity::Even],
            ([], false) => vec![Parity::Even],
            (some, _) => some.iter().map(parity).collect::<anyhow::Result<_>>()?,
        };
        let (first, last) = if modbus { (1, 247) } else { (0, 250) };
        let search = Search {
            port,
            direction,
            mode: modbus.then_some(mode),
            bauds,
            parities,
            addresses: self.from.unwrap_or(first)..=self.to.unwrap_or(last),
            timeout: Duration::from_millis(self.timeout),
            secondary: self.secondary,
        };
        let tell = |who: &str| {
            // Whoever reads the lines sees them as they come.
            println!("{who}");
            let _ = std::io::stdout().flush();
        };
        let count = runtime()?.block_on(search.run(tell)).with_context(|| self.port.clone())?;
        Ok(if count > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Read {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let config = Config::load(&self.config)?;
        let keys = config.keys.as_deref().map_or_else(|| Ok(KeyStore::default()), KeyStore::load)?;
        let meters = Arc::new(Meters::load(&config)?);
        let mut worker = Worker::new(&config.name, Some(config.time_zone.0.clone()), keys.clone());
        worker.set_meters(&meters);
        let terminal = std::io::stdout().is_terminal();
        let colours = terminal && std::env::var_os("NO_COLOR").is_none();
        let (mut out, mut all, mut any) = (std::io::stdout().lock(), true, false);
        for source in &config.sources {
            let Source::Rs485(bus) = source else { continue };
            let (intake, mut captures) = Intake::new(4096);
            let read = runtime()?.block_on(rs485::read_once(bus.clone(), intake, self.meter.as_deref()));
            for (id, answered) in read.with_context(|| bus.port.to_string())? {
                any = true;
                if !answered {
                    eprintln!("esh-gateway: {id} does not answer");
                }
                all &= answered;
            }
            while let Ok(taken) = captures.try_recv() {
                let record = worker.decode(&taken.capture, 1);
                if self.explain || terminal {
                    writeln!(out, "{}", analyse::explain_capture(&taken.capture, &keys, &meters, colours))?;
                } else {
                    out.write_all(&record.report)?;
                    out.write_all(b"\n")?;
                }
                all &= worker.failed().is_none();
            }
        }
        if !any {
            anyhow::bail!("no such meter on any bus of {}", self.config.display());
        }
        Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
