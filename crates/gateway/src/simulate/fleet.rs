//! A fleet of simulated meters, the same for the same seed.

use super::meter::{Model, SimulatedMeter};
use crate::keys::KeyStore;
use esh_core::{CivilTime, Key, Precision, Purpose};

/// Simulated meters of all models, each with a key of its own, sending in turn.
#[derive(Debug)]
pub struct Fleet {
    meters: Vec<SimulatedMeter>,
    next: usize,
}

/// A telegram, as a receiver hears it.
#[derive(Debug)]
pub struct Sent<'f> {
    /// The octets on the air, with their checksums.
    pub octets: Vec<u8>,
    /// The address of the meter that sent it.
    pub address: &'f str,
    /// The key that opens it; `None` for a meter that does not encrypt.
    pub key: Option<&'f [u8; 16]>,
    /// Signal strength in dBm.
    pub rssi: i16,
}

impl Fleet {
    /// So many meters; another seed has other numbers, keys and readings.
    #[must_use]
    pub fn new(meters: usize, seed: u64) -> Self {
        let meters = (0..meters).map(|number| {
            let model = Model::ALL.get(number % Model::ALL.len()).copied().unwrap_or(Model::ColdWater);
            SimulatedMeter::new(model, number as u64, seed)
        });
        Self { meters: meters.collect(), next: 0 }
    }

    /// The next meter's telegram at a time of its clock; `None` for an empty fleet.
    pub fn send(&mut self, now: CivilTime) -> Option<Sent<'_>> {
        let at = self.next;
        self.next = (at + 1) % self.meters.len().max(1);
        self.meters.get_mut(at).map(|meter| meter.send(now))
    }

    /// The keys of all meters, as a gateway holds them.
    #[must_use]
    pub fn keys(&self) -> KeyStore {
        KeyStore::new(self.meters.iter().filter_map(|meter| {
            let key = Key::new(meter.key()?).ok()?;
            Some((meter.address().to_owned(), Purpose::Data, key))
        }))
    }

    /// The keys of all meters, as the text of a `keys.toml`.
    #[must_use]
    pub fn keys_toml(&self) -> String {
        let mut text = String::from("# Keys of simulated meters: they protect nothing.\n");
        for meter in &self.meters {
            if let Some(key) = meter.key() {
                let hex: String = key.iter().map(|octet| format!("{octet:02x}")).collect();
                text.push_str(&format!("\n[[key]]\nmeter = \"{}\"\nkey = \"{hex}\"\n", meter.address()));
            }
        }
        text
    }

    /// What the clock of a meter shows at an instant of a zone.
    #[must_use]
    pub fn clock(now: &jiff::Zoned) -> Option<CivilTime> {
        let date =
            CivilTime::date(now.year().try_into().ok()?, now.month().try_into().ok()?, now.day().try_into().ok()?);
        date?.at(now.hour().try_into().ok()?, now.minute().try_into().ok()?, 0, Precision::Minute)
    }
}
