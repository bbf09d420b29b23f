//! `check --connect`: everything outside the gateway that it relies on is tried, once, as `run` would meet it.

use crate::config::Config;
use crate::queue::{self, parked};
use crate::sinks::Sink;
use crate::sources::Config as Source;
use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// What was tried, and what was found. It is printed by its `Display`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What was tried.
    pub what: String,
    /// How it is, or what is wrong with it.
    pub found: Result<String, String>,
}

impl Found {
    pub(crate) fn new(what: impl Into<String>, found: Result<String, String>) -> Self {
        Self { what: what.into(), found }
    }
}

impl Display for Found {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.found {
            Ok(found) => write!(f, "ok      {}: {found}", self.what),
            Err(wrong) => write!(f, "FAILED  {}: {wrong}", self.what),
        }
    }
}

/// Tries everything that a configuration names: the folder, sources, sinks and the address of the pages.
pub async fn connect(config: &Config) -> Vec<Found> {
    let mut found = vec![Found::new(format!("data {}", config.data.display()), folder(config))];
    for source in &config.sources {
        let name = source.name().unwrap_or_default();
        let tried = match source {
            Source::Lines(lines) => lines.probe().await,
            Source::Mqtt(mqtt) => {
                found.extend(mqtt.probe().await);
                continue;
            }
            Source::Gwmp(gwmp) => free_udp(&gwmp.address()).await,
            Source::Lns(lns) => lns.probe().await,
            Source::Coap(coap) => coap.probe().await,
            Source::Udp(udp) => free_udp(udp.listen.to_string().trim_start_matches("udp://")).await,
            Source::Tcp(tcp) => free(tcp.listen.to_string().trim_start_matches("tcp://")).await,
            Source::Rs485(bus) => bus.probe().await,
            Source::Sniffer(sniffer) => sniffer.probe().await,
            Source::Simulate(_) | Source::Archive(_) => Ok("needs nothing".to_owned()),
        };
        found.push(Found::new(format!("source {name}"), tried));
    }
    for sink in &config.sinks {
        // One place for all kinds: each says in its own file what it needs.
        match Sink::new(sink, &config.name) {
            Ok(ready) => found.extend(ready.probe(&sink.name()).await),
            Err(error) => found.push(Found::new(format!("sink {}", sink.name()), Err(error.to_string()))),
        }
    }
    if let Some(http) = &config.http {
        found.push(Found::new("http", free(&http.listen.to_string()).await));
    }
    found
}

/// Whether somebody could listen at an address.
pub(crate) async fn free(address: &str) -> Result<String, String> {
    match TcpListener::bind(address).await {
        Ok(_) => Ok(format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            Err(format!("somebody listens at {address} already: does the gateway run?"))
        }
        Err(error) => Err(format!("cannot listen at {address}: {error}")),
    }
}

/// Whether somebody could take datagrams at an address.
pub(crate) async fn free_udp(address: &str) -> Result<String, String> {
    match UdpSocket::bind(address).await {
        Ok(_) => Ok(format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            Err(format!("somebody takes datagrams at {address} already: does the gateway run?"))
        }
        Err(error) => Err(format!("cannot listen at {address}: {error}")),
    }
}

/// Whether the gateway's folder can be written to, and has room for what it is to hold.
fn folder(config: &Config) -> Result<String, String> {
    let there = config.data.ancestors().find(|folder| folder.as_os_str().is_empty() || folder.exists());
    let there = there.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    writable(there)?;
    let about = rustix::fs::statvfs(there).map_err(|error| format!("cannot look at the disk: {error}"))?;
    let free = about.f_bavail.saturating_mul(about.f_frsize);
    let taken = [queue::FOLDER, parked::FOLDER].map(|folder| octets(&config.data.join(folder)));
    let wanted = (config.queue.size + config.parked.size).saturating_sub(taken.iter().sum());
    // A segment that is written, one that is read and one in reserve.
    let least = if taken.iter().sum::<u64>() > 0 { 0 } else { 3 * config.queue.segment };
    if free < least {
        return Err(format!("{free} octets are free, the queue cannot begin with fewer than {least}"));
    }
    Ok(match free < wanted {
        true => format!("can be written to; {free} octets are free, fewer than the {wanted} it may come to take"),
        false => format!("can be written to, {free} octets are free"),
    })
}

/// Octets of the files in a folder.
fn octets(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

/// Whether files can be made in a folder.
pub(crate) fn writable(folder: &Path) -> Result<(), String> {
    let file = folder.join(format!(".esh-check-{}", std::process::id()));
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(&file);
    made.map_err(|error| format!("nothing can be written in {}: {error}", folder.display()))?;
    std::fs::remove_file(&file).map_err(|error| format!("cannot remove {}: {error}", file.display()))
}
