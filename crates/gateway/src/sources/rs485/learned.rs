//! What devices have taught a bus, kept over a restart: `bus/<name>.json` in the gateway's folder.
//!
//! It does not go the way of what frames teach: a device teaches by refusing, and a refusal is no frame that becomes a
//! record. What is kept here only saves questions; without it they are asked again.

use super::modbus::Learned;
use esh_core::Id;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};
use tracing::warn;

/// What is known of the devices of a bus.
#[derive(Debug)]
pub(super) struct Memory {
    file: PathBuf,
    devices: BTreeMap<String, Learned>,
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
        Self { file, devices }
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
        if let Err(error) = self.save() {
            warn!(file = %self.file.display(), %error, "what devices have taught is not kept");
        }
    }

    /// Writes a file of some hundred octets, which happens a few times in the life of a device.
    fn save(&self) -> io::Result<()> {
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        let new = self.file.with_extension("new");
        fs::write(&new, serde_json::to_vec(&self.devices)?)?;
        fs::File::open(&new)?.sync_all()?;
        fs::rename(&new, &self.file)
    }
}
