//! The command line.

mod bus;
mod order;

use crate::codec::Codec;
use crate::config::{Config, Span};
use crate::keys::KeyStore;
use crate::meters::{self, List};
use crate::profiles::{self, Profiles};
use crate::protocols::Payload;
use crate::queue::{FOLDER, Look, look};
use crate::simulate::{Fleet, command, lorawan, mbus, serve};
use crate::worker::Worker;
use crate::{analyse, check, connect, health, log, replay, run, sources, stop};
use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use esh_core::{CivilTime, Key, Protocol};
use esh_lorawan::Region;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// From the packets of utility meters to readings people can bill from.
#[derive(Debug, Parser)]
#[command(name = "esh-gateway", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway
    Run(RunArgs),
    /// Check a configuration, and say what the gateway would do
    Check(CheckArgs),
    /// Decode frames: octets in, reports out
    Decode(Decode),
    /// Simulated meters through the whole gateway, readings on the terminal: no broker and no hardware needed
    Demo(Demo),
    /// Print telegrams of simulated meters, serve simulated devices, or let simulated LoRaWAN devices join a gateway
    Simulate(Simulate),
    /// Feed archived frames to the sinks again: the same ids, the same readings
    Replay(Replay),
    /// Ask a running gateway whether it lives, or is ready: what a container's probe calls
    Health(Health),
    /// Look at the queue, also while the gateway runs; nothing is changed
    Queue(Queue),
    /// Tell which meters are known, also while the gateway runs; nothing is changed
    Meters(MetersArgs),
    /// Find who is on a bus, or read its meters once
    Bus(bus::Bus),
    /// Have a running gateway send a command to a meter, and tell what becomes of it
    #[command(name = "command")]
    Order(order::Order),
    /// Profiles: list, show and test them
    Profile(profiles::Command),
}

/// Feed archived frames to the sinks again.
#[derive(Debug, Args)]
struct Replay {
    /// Files that a sink of the kind `archive` wrote, or its folder
    #[arg(required = true, value_name = "ARCHIVE")]
    archives: Vec<PathBuf>,
    /// The configuration of the gateway (gateway.toml), which may be running
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// To this sink alone, by its name; may be given again. Without it to all that are not files
    #[arg(long = "sink", value_name = "NAME")]
    sinks: Vec<String>,
}

/// Ask a running gateway how it is.
#[derive(Debug, Args)]
struct Health {
    /// The configuration of the gateway (gateway.toml), which has `[http]`
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Whether it does its work, and not only lives
    #[arg(long)]
    ready: bool,
}

/// Look at the queue.
#[derive(Debug, Args)]
struct Queue {
    /// stat: how full it is and where the sinks are; peek: its next records; verify: checks every octet
    #[arg(value_enum)]
    what: Look,
    /// The configuration (gateway.toml)
    #[arg(long, value_name = "FILE", required_unless_present = "data", conflicts_with = "data")]
    config: Option<PathBuf>,
    /// The gateway's folder (data), where the configuration is not at hand
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// peek: from this entry on; without it the first that some sink has not confirmed
    #[arg(long, value_name = "N")]
    from: Option<u64>,
    /// peek: so many
    #[arg(long, value_name = "N", default_value_t = 10)]
    count: usize,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// Tell which meters are known.
#[derive(Debug, Args)]
struct MetersArgs {
    /// The configuration (gateway.toml)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// A JSON object a line, or a table; the table on a terminal, JSON into a pipe by default
    #[arg(long, value_enum)]
    format: Option<meters::Format>,
}

/// Run the gateway.
#[derive(Debug, Args)]
struct RunArgs {
    /// The configuration (gateway.toml)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Check a configuration.
#[derive(Debug, Args)]
struct CheckArgs {
    /// The configuration (gateway.toml)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Try what it names: brokers, addresses, ports and the folder; the exit status is 1 when one fails
    #[arg(long)]
    connect: bool,
}

/// Simulated meters through the whole gateway.
#[derive(Debug, Args)]
struct Demo {
    /// End after so many seconds; otherwise with Ctrl-C
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
}

/// Print telegrams of simulated meters, or simulate devices against a gateway.
#[derive(Debug, Args)]
struct Simulate {
    /// The protocol: wmbus prints telegrams; modbus and mbus serve devices; lorawan with --gwmp
    #[arg(value_parser = protocol)]
    protocol: Protocol,
    /// How many telegrams
    #[arg(long, default_value_t = 12)]
    count: u64,
    /// From how many meters
    #[arg(long, default_value_t = 6)]
    meters: usize,
    /// Another seed has other meters, keys and readings
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// JSON lines with id, octets and key
    #[arg(long)]
    json: bool,
    /// Write the keys of the meters to this file (keys.toml)
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// lorawan: the gateway's source `gwmp`, such as 127.0.0.1:1700; without it only the keys are written
    #[arg(long, value_name = "HOST:PORT")]
    gwmp: Option<String>,
    /// lorawan: how many packet forwarders hear the devices
    #[arg(long, default_value_t = 3)]
    forwarders: usize,
    /// lorawan: from one uplink of a device to the next
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = str::parse::<Span>)]
    every: Span,
    /// lorawan: uplinks of each device; 0 is without end
    #[arg(long, default_value_t = 0)]
    uplinks: u64,
    /// lorawan: where the devices are
    #[arg(long, default_value = "EU868", value_parser = region)]
    region: Region,
    #[command(flatten)]
    serve: serve::Options,
}

/// Decode frames: octets in, reports out.
#[derive(Debug, Args)]
struct Decode {
    /// The protocol of the frames: wmbus, mbus, modbus
    #[arg(value_parser = protocol)]
    protocol: Protocol,
    /// Frames in hexadecimal; without any they are read from standard input, one per line
    hex: Vec<String>,
    /// Read a frame per line from standard input: bare hexadecimal or JSON {"id":…,"hex":…,"key":…}
    ///
    /// What an earlier line teaches, such as the headers that compact frames leave out, a later line knows. Parts of a
    /// message are put together across lines without an id; a line with an id is a question of its own.
    #[arg(long, conflicts_with = "hex")]
    lines: bool,
    /// Keys of the meters (keys.toml)
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// A published test key; it shows in the process list, so never give a real one here
    #[arg(long, value_name = "HEX")]
    key: Vec<String>,
    /// The profile that reads them, by name: see `profile list`
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// A folder of profiles beside those that come with the program
    #[arg(long, value_name = "DIR")]
    profile_dir: Option<PathBuf>,
    /// Payloads instead of frames, read by this codec: a script of the LoRa Alliance's payload codec API (TS013)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["explain", "profile"])]
    codec: Option<PathBuf>,
    /// lorawan: what is given are payloads in plain, sent on this port where a line names none
    #[arg(long, value_name = "N")]
    port: Option<u8>,
    /// Show the frame octet by octet, with what each field means
    #[arg(long, conflicts_with = "lines")]
    explain: bool,
    /// Leave out what the carrier found (`opened`)
    #[arg(long)]
    no_opened: bool,
    /// Refuse a counter that is not above the last one of the same meter
    #[arg(long)]
    replay_check: bool,
    /// Threads for --lines; as many as there are cores by default
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// JSON lines or text; text on a terminal, JSON into a pipe by default
    #[arg(long, value_enum)]
    format: Option<OutputFormat>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    Json,
    Text,
}

fn protocol(word: &str) -> Result<Protocol, String> {
    Protocol::from_word(word).ok_or_else(|| {
        let known: Vec<_> = Protocol::ALL.iter().map(|protocol| protocol.word()).collect();
        format!("not a protocol; known are {}", known.join(", "))
    })
}

fn region(word: &str) -> Result<Region, String> {
    let known = || Region::ALL.map(Region::word).join(", ");
    Region::from_word(word).ok_or_else(|| format!("not a region; known are {}", known()))
}

/// Runs the command line: 0 when all was decoded, 1 when some frame failed, 2 for wrong usage.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are asked for; everything else is wrong usage.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    let result = match cli.command {
        Command::Run(args) => run_gateway(&args.config),
        Command::Check(args) => check_gateway(&args.config, args.connect),
        Command::Decode(decode) => decode.run(),
        Command::Demo(demo) => demo.run(),
        Command::Simulate(simulate) => simulate.run(),
        Command::Replay(replay) => replay.run(),
        Command::Health(health) => health.run(),
        Command::Queue(queue) => queue.run(),
        Command::Meters(meters) => meters.run(),
        Command::Bus(bus) => bus.run(),
        Command::Order(order) => order.run(),
        Command::Profile(profile) => print_all(|out| profile.run(out)),
    };
    result.unwrap_or_else(|error| {
        eprintln!("esh-gateway: {error:#}");
        ExitCode::from(2)
    })
}

/// Exit status: 0 when it ended in good order (what is not delivered stays in the queue), 1 when a part failed, 2 when
/// it could not begin.
fn run_gateway(file: &Path) -> anyhow::Result<ExitCode> {
    let (config, worker) = configured(file)?;
    Ok(exit(run::until_signal(&config, Box::new(worker), None, Some(file))?.failed == 0))
}

/// A configuration and the worker it makes, with its keys.
fn configured(file: &Path) -> anyhow::Result<(Config, Worker)> {
    let config = Config::load(file)?;
    log::start(config.log);
    let keys = match &config.keys {
        Some(file) => KeyStore::load(file)?,
        None => KeyStore::default(),
    };
    keys.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    let worker = Worker::new(&config.name, Some(config.time_zone.0.clone()), keys);
    Ok((config, worker))
}

fn check_gateway(file: &Path, with_connect: bool) -> anyhow::Result<ExitCode> {
    let plan = check::check(file)?;
    print!("{plan}");
    if !with_connect {
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let found = runtime.block_on(connect::connect(plan.config()));
    found.iter().for_each(|found| println!("{found}"));
    Ok(exit(found.iter().all(|found| found.found.is_ok())))
}

/// What a command prints; whoever stops reading has enough.
fn print_all(
    print: impl FnOnce(&mut std::io::BufWriter<std::io::StdoutLock<'_>>) -> anyhow::Result<bool>,
) -> anyhow::Result<ExitCode> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let clean = print(&mut out)?;
    match out.flush() {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(exit(clean)),
    }
}

const fn exit(clean: bool) -> ExitCode {
    if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What `demo` runs: a configuration like any other.
const DEMO: &str = r#"
name = "demo"
data = "esh-demo"
time_zone = "UTC"

[queue]
size = "8 MiB"

[[source]]
kind = "simulate"
name = "air"
meters = 12
every = "120ms"

[[sink]]
kind = "table"
"#;

impl Demo {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let mut config = Config::parse(Path::new("demo.toml"), DEMO)?;
        // Its queue is a real one, for as long as it runs.
        config.data = std::env::temp_dir().join(format!("esh-demo-{}", std::process::id()));
        let keys = config.sources.iter().find_map(|source| match source {
            sources::Config::Simulate(simulate) => Some(Fleet::new(simulate.meters, simulate.seed).keys()),
            _ => None,
        });
        let worker = Worker::new(&config.name, Some(config.time_zone.0.clone()), keys.unwrap_or_default());
        let limit = self.seconds.map(Duration::from_secs);
        let ended = run::until_signal(&config, Box::new(worker), limit, None);
        // What stays behind is in a folder that the system clears.
        let _ = std::fs::remove_dir_all(&config.data);
        Ok(exit(ended?.is_clean()))
    }
}

impl Replay {
    /// Exit status: 0 when every archived frame was delivered, 1 when some were not, 2 when it could not begin.
    fn run(self) -> anyhow::Result<ExitCode> {
        let (config, worker) = configured(&self.config)?;
        let options = replay::Options { archives: self.archives, sinks: self.sinks };
        let replayed = replay::replay(config, Box::new(worker.replaying()), &options)?;
        eprintln!("esh-gateway: {replayed}");
        Ok(exit(replayed.is_whole()))
    }
}

impl Health {
    /// Exit status: 0 when it is well, 1 when it is not or does not answer.
    fn run(&self) -> anyhow::Result<ExitCode> {
        let http = Config::load(&self.config)?.http.context("the configuration has no [http]: nobody answers")?;
        match health::ask(http.listen, if self.ready { "readyz" } else { "healthz" }) {
            Ok((well, said)) => {
                print!("{said}");
                Ok(exit(well))
            }
            Err(error) => {
                println!("no answer from {}: {error}", http.listen);
                Ok(ExitCode::FAILURE)
            }
        }
    }
}

impl Queue {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let data = match (&self.config, &self.data) {
            (Some(file), _) => Config::load(file)?.data,
            (None, Some(data)) => data.clone(),
            (None, None) => anyhow::bail!("--config or --data is missing"),
        };
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        let folder = data.join(FOLDER);
        let sound = look(&folder, self.what, self.from, self.count, self.json, &mut out);
        let sound = sound.with_context(|| format!("the queue in {}", folder.display()))?;
        out.flush()?;
        Ok(exit(sound))
    }
}

impl MetersArgs {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let config = Config::load(&self.config)?;
        let list = config.meters.as_deref().map(List::load).transpose()?.unwrap_or_default();
        let terminal = std::io::stdout().is_terminal();
        let format = self.format.unwrap_or(if terminal { meters::Format::Text } else { meters::Format::Json });
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        meters::print(&config.data, &list, format, &mut out)
            .with_context(|| format!("the meters in {}", config.data.display()))?;
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Simulate {
    fn run(&self) -> anyhow::Result<ExitCode> {
        match self.protocol {
            Protocol::Wmbus => self.print(),
            Protocol::Lorawan => self.lorawan(),
            Protocol::Modbus => self.serve(serve::modbus),
            Protocol::Mbus => self.serve(mbus::mbus),
            _ => anyhow::bail!("only wmbus, mbus, modbus and lorawan can be simulated"),
        }
    }

    fn serve(&self, served: fn(&serve::Options) -> std::io::Result<()>) -> anyhow::Result<ExitCode> {
        anyhow::ensure!(self.serve.is_asked(), "where shall it be served? Give --listen, --serial or --pty");
        Ok(served(&self.serve).map(|()| ExitCode::SUCCESS)?)
    }

    /// Exit status: 0 when every join was answered and every uplink confirmed that was to be, 1 otherwise.
    fn lorawan(&self) -> anyhow::Result<ExitCode> {
        if let Some(file) = &self.keys {
            let keys = lorawan::keys_toml(self.meters, self.seed);
            write_private(file, &keys).with_context(|| file.display().to_string())?;
        }
        let Some(gwmp) = self.gwmp.clone() else {
            anyhow::ensure!(self.keys.is_some(), "--gwmp HOST:PORT says which gateway hears the devices");
            return Ok(ExitCode::SUCCESS);
        };
        let options = lorawan::Options {
            gwmp,
            devices: self.meters,
            forwarders: self.forwarders,
            every: self.every.0,
            uplinks: self.uplinks,
            seed: self.seed,
            region: self.region,
        };
        let tally = std::sync::Arc::<lorawan::Tally>::default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async {
            // It ends with this block.
            let (_stopper, stopped) = stop::stop();
            let told = async {
                let mut ticks = tokio::time::interval(Duration::from_secs(5));
                loop {
                    ticks.tick().await;
                    eprintln!("{tally}");
                }
            };
            tokio::select! {
                simulated = lorawan::run(&options, &tally, stopped) => simulated.context("the simulation"),
                signal = stop::signal() => Ok(signal.map(drop)?),
                () = told => Ok(()),
            }
        })?;
        println!("{tally}");
        Ok(exit(tally.is_well()))
    }

    fn print(&self) -> anyhow::Result<ExitCode> {
        let mut fleet = Fleet::new(self.meters, self.seed);
        if let Some(file) = &self.keys {
            write_private(file, &fleet.keys_toml()).with_context(|| file.display().to_string())?;
        }
        let options = command::Options { count: self.count, meters: self.meters, seed: self.seed, json: self.json };
        let start = CivilTime::date(2026, 1, 1).context("the calendar has no new year")?;
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        match command::print(&options, &mut fleet, start, &mut out) {
            // Whoever read the lines has enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
            written => Ok(written.map(|()| ExitCode::SUCCESS)?),
        }
    }
}

/// Writes a file that its owner alone can read.
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    file.write_all(text.as_bytes())
}

impl Decode {
    fn run(self) -> anyhow::Result<ExitCode> {
        let out = std::io::stdout();
        let terminal = out.is_terminal();
        let colours = terminal && std::env::var_os("NO_COLOR").is_none();
        let format = self.format.unwrap_or(if terminal { OutputFormat::Text } else { OutputFormat::Json });
        let profiles = Profiles::with_folder(self.profile_dir.as_deref())?;
        let profile = match &self.profile {
            None => None,
            Some(name) => Some(profiles.by_name(name).ok_or_else(|| anyhow::anyhow!(profiles.unknown(name)))?),
        };
        let codec = self.read_codec()?;
        anyhow::ensure!(self.port.is_none() || self.protocol == Protocol::Lorawan, "--port is for lorawan");
        let options = analyse::Options {
            profiles,
            profile,
            payload: self.port.map(|port| Payload { port: Some(port), ..Payload::default() }),
            protocol: self.protocol,
            keys: self.read_keys()?,
            replay_check: self.replay_check,
            opened: !self.no_opened,
            codec,
        };
        let print = move |report: &[u8], into: &mut Vec<u8>| match format {
            OutputFormat::Json => into.extend_from_slice(report),
            OutputFormat::Text => analyse::print_text(report, colours, into),
        };
        let mut out = std::io::BufWriter::new(out.lock());
        let all_decoded = if self.explain {
            let frames =
                if self.hex.is_empty() { std::io::stdin().lines().collect::<Result<_, _>>()? } else { self.hex };
            analyse::explain(&options, &frames, colours, &mut out)?
        } else if self.hex.is_empty() {
            let threads = self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
            analyse::decode_lines(&options, threads, std::io::stdin(), &mut out, &print)?
        } else {
            let lines = self.hex.join("\n");
            analyse::decode_lines(&options, 1, lines.as_bytes(), &mut out, &print)?
        };
        out.flush()?;
        Ok(if all_decoded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn read_codec(&self) -> anyhow::Result<Option<analyse::DefaultCodec>> {
        let Some(file) = &self.codec else { return Ok(None) };
        if self.protocol != Protocol::Lorawan {
            anyhow::bail!("--codec reads payloads of LoRaWAN: decode lorawan --codec FILE");
        }
        if self.port.is_none() && !self.lines {
            anyhow::bail!("--codec reads the payload of a port: add --port N");
        }
        let codec = Codec::load(file).map_err(|error| anyhow::anyhow!("--codec: {}", error.message))?;
        Ok(Some(analyse::DefaultCodec { codec, port: self.port }))
    }

    fn read_keys(&self) -> anyhow::Result<analyse::Keys> {
        let mut keys = analyse::Keys::default();
        if let Some(file) = &self.keys {
            keys.store = KeyStore::load(file)?;
            keys.store.warnings().iter().for_each(|warning| eprintln!("esh-gateway: {warning}"));
        }
        for text in &self.key {
            eprintln!("esh-gateway: a key on the command line shows in the process list; for published test keys only");
            keys.any.push(Key::from_hex(text)?);
        }
        if let Ok(text) = std::env::var("ESH_KEY") {
            keys.any.push(Key::from_hex(&text).context("ESH_KEY")?);
        }
        Ok(keys)
    }
}
