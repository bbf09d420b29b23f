//! Keys that frames brought, kept in memory alone: they are secrets. After a start they must come again, or stand in
//! `keys.toml`.

use esh_core::{Key, Learned, Meter, Protocol, Purpose};
use std::collections::VecDeque;

/// A key that a frame brought to a network or a device, kept until it becomes true.
#[derive(Clone, Debug)]
pub struct BroughtKey {
    of: Meter,
    purpose: Purpose,
    key: Key,
}

/// Keys that were brought, the newest first. The oldest goes out.
#[derive(Debug, Default)]
pub struct BroughtKeys(VecDeque<BroughtKey>);

/// Keys kept: more networks and devices than one radio hears.
const KEYS: usize = 4096;

impl BroughtKey {
    /// The key that a frame brings.
    #[must_use]
    pub fn of(learned: &Learned<'_>) -> Option<Self> {
        match learned {
            Learned::Session { address, keys: [(purpose, key), ..], .. } if address.protocol == Protocol::Zigbee => {
                Some(Self { of: *address, purpose: *purpose, key: key.clone() })
            }
            _ => None,
        }
    }
}

impl BroughtKeys {
    /// Takes a key. One that is there already becomes the newest.
    pub fn learn(&mut self, brought: BroughtKey) {
        self.0.retain(|known| {
            (known.of, known.purpose) != (brought.of, brought.purpose) || known.key.expose() != brought.key.expose()
        });
        self.0.push_front(brought);
        self.0.truncate(KEYS);
    }

    /// Offers the keys of a network or a device until one is accepted; says whether one was.
    pub fn offer(&self, of: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        self.0.iter().any(|known| known.of == *of && known.purpose == purpose && each(&known.key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_zigbee::names::network;

    #[test]
    fn the_newest_key_of_a_network_is_offered_first() {
        let mut keys = BroughtKeys::default();
        for (pan, octet) in [(1, 1), (1, 2), (2, 3), (1, 1)] {
            let key = [(Purpose::Network, Key::new(&[octet; 16]).unwrap())];
            let learned = Learned::Session { address: network(pan), number: 0, keys: &key };
            keys.learn(BroughtKey::of(&learned).unwrap());
        }
        let mut offered = Vec::new();
        keys.offer(&network(1), Purpose::Network, &mut |key| {
            offered.push(key.expose()[0]);
            false
        });
        assert_eq!(offered, [1, 2]);
    }
}
