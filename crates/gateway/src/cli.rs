//! The command line.

use crate::analyse;
use clap::{Args, Parser, Subcommand, ValueEnum};
use esh_core::{Key, Protocol};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// From the packets of utility meters to readings people can bill from.
#[derive(Debug, Parser)]
#[command(name = "esh-gateway", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Decode frames: octets in, reports out
    Decode(Decode),
}

/// Decode frames: octets in, reports out.
#[derive(Debug, Args)]
struct Decode {
    /// The protocol of the frames: wmbus, mbus
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
        Command::Decode(decode) => decode.run(),
    };
    result.unwrap_or_else(|error| {
        eprintln!("esh-gateway: {error:#}");
        ExitCode::from(2)
    })
}

impl Decode {
    fn run(self) -> anyhow::Result<ExitCode> {
        let out = std::io::stdout();
        let terminal = out.is_terminal();
        let colours = terminal && std::env::var_os("NO_COLOR").is_none();
        let format = self.format.unwrap_or(if terminal { OutputFormat::Text } else { OutputFormat::Json });
        let options = analyse::Options {
            protocol: self.protocol,
            keys: self.read_keys()?,
            replay_check: self.replay_check,
            opened: !self.no_opened,
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

    fn read_keys(&self) -> anyhow::Result<Vec<Key>> {
        let mut keys = Vec::new();
        for text in &self.key {
            eprintln!(
                "esh-gateway: --key shows in the process list and the shell's history; use it for published test keys only"
            );
            keys.push(Key::from_hex(text)?);
        }
        if let Ok(text) = std::env::var("ESH_KEY") {
            keys.push(Key::from_hex(&text)?);
        }
        Ok(keys)
    }
}
