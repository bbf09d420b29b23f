//! The devices of Zigbee2MQTT, as `bridge/devices` lists them: whose a name is, and in which units its numbers are.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// The devices and groups that are known, by their names. A name that was a device's is not forgotten: messages that come
/// late still have it.
#[derive(Debug, Default)]
pub struct Devices {
    devices: HashMap<String, Device>,
    groups: HashSet<String>,
}

/// The most devices; a coordinator has a few hundred.
const DEVICES: usize = 10_000;

/// A device.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) ieee_address: String,
    pub(super) vendor: Option<String>,
    pub(super) model: Option<String>,
    exposes: Vec<Exposed>,
}

/// What is said of a property.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Exposed {
    pub(super) property: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
}

/// A device as it is listed.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    friendly_name: Cow<'a, str>,
    #[serde(borrow)]
    ieee_address: Cow<'a, str>,
    #[serde(borrow, default)]
    definition: Option<Definition<'a>>,
}

#[derive(Deserialize)]
struct Definition<'a> {
    #[serde(borrow, default)]
    vendor: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    exposes: Vec<Expose<'a>>,
}

/// A property, or several that belong together.
#[derive(Deserialize)]
struct Expose<'a> {
    #[serde(borrow, default)]
    property: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    endpoint: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    unit: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    features: Vec<Self>,
}

impl Devices {
    /// Takes the payload of `bridge/devices`; says how many it lists.
    ///
    /// # Errors
    /// When it is none.
    pub fn learn(&mut self, payload: &[u8]) -> Result<usize, serde_json::Error> {
        let entries: Vec<Entry<'_>> = serde_json::from_slice(payload)?;
        let count = entries.len();
        // Old names make room when there are too many.
        if self.devices.len() + count > DEVICES {
            self.devices.clear();
        }
        for Entry { friendly_name, ieee_address, definition } in entries.into_iter().take(DEVICES) {
            let mut exposes = Vec::new();
            let (vendor, model) = definition.map_or((None, None), |Definition { vendor, model, exposes: all }| {
                all.into_iter().for_each(|expose| flatten(expose, &mut exposes));
                (vendor.map(Cow::into_owned), model.map(Cow::into_owned))
            });
            let device = Device { ieee_address: ieee_address.into_owned(), vendor, model, exposes };
            self.devices.insert(friendly_name.into_owned(), device);
        }
        Ok(count)
    }

    /// Takes the payload of `bridge/groups`.
    ///
    /// # Errors
    /// When it is none.
    pub fn learn_groups(&mut self, payload: &[u8]) -> Result<(), serde_json::Error> {
        #[derive(Deserialize)]
        struct Group {
            friendly_name: String,
        }
        let groups: Vec<Group> = serde_json::from_slice(payload)?;
        self.groups = groups.into_iter().map(|group| group.friendly_name).collect();
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Device> {
        self.devices.get(name)
    }

    /// Whether a name is that of a group, whose state nobody has measured.
    pub(super) fn is_group(&self, name: &str) -> bool {
        self.groups.contains(name)
    }
}

impl Device {
    /// What is said of those properties.
    pub(super) fn exposes(&self, has: impl Fn(&str) -> bool) -> Vec<&Exposed> {
        self.exposes.iter().filter(|exposed| has(&exposed.property)).collect()
    }
}

fn flatten(expose: Expose<'_>, into: &mut Vec<Exposed>) {
    let Expose { property, name, endpoint, unit, features } = expose;
    if let Some(property) = property {
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        let property = property.into_owned();
        into.push(Exposed { property, name: owned(name), endpoint: owned(endpoint), unit: owned(unit) });
    }
    features.into_iter().for_each(|feature| flatten(feature, into));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_whose_a_name_is_and_what_it_exposes() {
        let list = br#"[{"friendly_name":"Coordinator","ieee_address":"0x0","definition":null,"type":"Coordinator"},
            {"friendly_name":"k\u00fcche/plug","ieee_address":"0x00158d0001234567","supported":true,"definition":{"model":"M",
            "vendor":"V","exposes":[{"type":"switch","features":[{"name":"state","property":"state_l1","endpoint":"l1",
            "value_on":"ON"}]},{"type":"numeric","name":"energy","property":"energy","unit":"kWh","access":1},
            {"type":"composite","property":"schedule","features":[{"property":"day","name":"day"}]}]}}]"#;
        let mut devices = Devices::default();
        assert_eq!(devices.learn(list).unwrap(), 2);
        let plug = devices.get("küche/plug").unwrap();
        assert_eq!((plug.ieee_address.as_str(), plug.model.as_deref()), ("0x00158d0001234567", Some("M")));
        let exposes = serde_json::to_string(&plug.exposes(|property| property != "day")).unwrap();
        assert_eq!(
            exposes,
            r#"[{"property":"state_l1","name":"state","endpoint":"l1"},{"property":"energy","name":"energy","unit":"kWh"},{"property":"schedule"}]"#
        );
        assert!(devices.learn(b"{}").is_err() && devices.get("küche/plug").is_some());
        devices.learn_groups(br#"[{"id":1,"friendly_name":"all"}]"#).unwrap();
        assert!(devices.is_group("all") && !devices.is_group("Coordinator"));
    }
}
