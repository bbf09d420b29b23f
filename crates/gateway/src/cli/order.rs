//! `esh-gateway command`: a command for a meter, by way of a running gateway's folder.

use crate::commands::{State, look, put};
use crate::config::{Config, Span};
use anyhow::Context;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Have a running gateway send a command to a meter, and tell what becomes of it.
///
/// Exit status: 0 when it was done (without --wait: when the gateway will take it), 1 when it was not, 2 when it is none.
#[derive(Debug, Args)]
pub(super) struct Order {
    /// The configuration of the gateway (gateway.toml), which has `[commands] enabled = true`
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The protocol of the meter: lorawan, modbus
    protocol: String,
    /// The address of the meter, as it stands in reports
    meter: String,
    /// What shall be done, such as set_period
    #[arg(required_unless_present = "raw", conflicts_with = "raw")]
    name: Option<String>,
    /// What belongs to it: KEY=VALUE, where a value is JSON or a text
    #[arg(value_name = "KEY=VALUE")]
    args: Vec<String>,
    /// Octets as they are, in hexadecimal digits
    #[arg(long, value_name = "HEX")]
    raw: Option<String>,
    /// With --raw: the port
    #[arg(long, requires = "raw")]
    port: Option<u8>,
    /// With --raw: the meter shall acknowledge them
    #[arg(long, requires = "raw")]
    confirmed: bool,
    /// Its name: the same id is carried out once; without it a new one
    #[arg(long)]
    id: Option<String>,
    /// How long it may wait for its meter, such as 2h
    #[arg(long, value_name = "SPAN")]
    expires: Option<Span>,
    /// Wait so long for its end, such as 5min
    #[arg(long, value_name = "SPAN")]
    wait: Option<Span>,
}

impl Order {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let config = Config::load(&self.config)?;
        if !config.commands.enabled {
            anyhow::bail!("the gateway takes no commands: the configuration has no `[commands] enabled = true`");
        }
        let id = self.id.clone().unwrap_or_else(|| format!("cli-{}-{}", Timestamp::now(), std::process::id()));
        put(&config.data, self.json(&id)?.to_string().as_bytes())?;
        println!("{id}");
        let Some(Span(wait)) = self.wait else { return Ok(ExitCode::SUCCESS) };
        let (begun, mut last) = (Instant::now(), None);
        while begun.elapsed() < wait {
            if let Some((state, error)) = look(&config.data, &id)?
                && last != Some(state)
            {
                println!("{}{}", state.word(), error.map(|error| format!(": {error}")).unwrap_or_default());
                if state.is_final() {
                    return Ok(super::exit(state == State::Done));
                }
                last = Some(state);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        eprintln!("esh-gateway: after {wait:?} it has come to no end; it goes on");
        Ok(ExitCode::FAILURE)
    }

    fn json(&self, id: &str) -> anyhow::Result<Value> {
        let expires_at = match self.expires {
            Some(Span(expires)) => {
                Some(Timestamp::now().checked_add(expires).context("--expires is beyond the calendar")?)
            }
            None => None,
        };
        let args = self.args.iter().map(|arg| {
            let (key, value) = arg.split_once('=').with_context(|| format!("`{arg}` is not KEY=VALUE"))?;
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
            Ok((key.to_owned(), value))
        });
        let args = args.collect::<anyhow::Result<Map<_, _>>>()?;
        let raw = self.raw.as_ref().map(|hex| match self.port {
            Some(port) => json!({"hex": hex, "confirmed": self.confirmed, "port": port}),
            None => json!({"hex": hex, "confirmed": self.confirmed}),
        });
        let args = raw.is_none().then_some(args);
        let Self { protocol, meter, name, .. } = self;
        Ok(json!({
            "id": id, "protocol": protocol, "meter": meter, "name": name, "args": args, "raw": raw, "expires_at": expires_at,
        }))
    }
}
