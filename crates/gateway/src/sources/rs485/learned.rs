//! What devices have taught a bus, kept over a restart: `bus/<name>.json` in the gateway's folder.
//!
//! It does not go the way of what frames teach: a device teaches by refusing, and a refusal is no frame that becomes a
//! record. What is kept here only saves questions; without it they are asked again.

use super::modbus::Learned;
use esh_core::Id;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};
use tracing::warn;

/// What is known of the devices of a bus.
#[derive(Debug)]
pub(super) struct Memory {
    file: PathBuf,
    devices: BTreeMap<String, Learned>,
    /// The periods, in milliseconds, that commands have set.
    periods: BTreeMap<String, u64>,
}

impl Memory {
    /// Reads what was kept. What cannot be read is not known.
    pub(super) fn load(data: &Path, bus: &str) -> Self {
        let file = data.join("bus").join(format!("{bus}.json"));
        let devices = match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                warn!(file = %file.display(), %error, "what devices have taught is asked for again");
                BTreeMap::new()
            }),
            Err(_) => BTreeMap::new(),
        };
        let periods = fs::read(file.with_extension(PERIODS)).ok().and_then(|text| serde_json::from_slice(&text).ok());
        Self { file, devices, periods: periods.unwrap_or_default() }
    }

    /// The period that a command has set for a device.
    pub(super) fn period(&self, id: &Id) -> Option<Duration> {
        self.periods.get(id.as_str()).copied().map(Duration::from_millis)
    }

    /// Keeps the period of a device; it is on the disk when this returns.
    pub(super) fn put_period(&mut self, id: &Id, period: Duration) -> io::Result<()> {
        let period = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
        self.periods.insert(id.as_str().to_owned(), period);
        save(&self.file.with_extension(PERIODS), &self.periods)
    }

    /// What a device has taught.
    pub(super) fn of(&self, id: &Id) -> Learned {
        self.devices.get(id.as_str()).cloned().unwrap_or_default()
    }

    /// Keeps what a device has taught.
    pub(super) fn put(&mut self, id: &Id, learned: Learned) {
        if self.of(id) == learned {
            return;
        }
        self.devices.insert(id.as_str().to_owned(), learned);
        if let Err(error) = save(&self.file, &self.devices) {
            warn!(file = %self.file.display(), %error, "what devices have taught is not kept");
        }
    }
}

/// What the file of periods ends with.
const PERIODS: &str = "periods.json";

/// Writes a file of some hundred octets, which happens a few times in the life of a device.
fn save(file: &Path, content: &impl Serialize) -> io::Result<()> {
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    let new = file.with_extension("new");
    fs::write(&new, serde_json::to_vec(content)?)?;
    fs::File::open(&new)?.sync_all()?;
    fs::rename(&new, file)?;
    fs::File::open(folder)?.sync_all()
}
