//! What a source of packet forwarders is told.

use crate::config::{Part, Span, Wrong, host_and_port};
use crate::sources::lorawan::{Air, NetworkKeys, euis};
use esh_lorawan::Eui64;
use serde::Deserialize;
use std::path::Path;

/// `kind = "gwmp"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its name, which stands in reports.
    pub name: Option<String>,
    /// Where it listens, host and port.
    pub listen: (String, u16),
    /// The network it speaks for.
    pub air: Air,
    /// Those whose datagrams are taken; `None` for everybody's.
    pub gateways: Option<Vec<Eui64>>,
    /// The most gateways that are known at once: beyond them the one that was silent for the longest time is forgotten.
    pub most: usize,
    /// Packets are taken whose checksum of the radio is wrong or missing.
    pub bad_crc: bool,
}

/// The keys of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    name: Option<String>,
    listen: String,
    region: Option<String>,
    #[serde(default)]
    listen_only: bool,
    net_id: Option<String>,
    rx1_delay: Option<Span>,
    channels: Option<Vec<u32>>,
    sub_band: Option<u8>,
    power: Option<i8>,
    hold: Option<Span>,
    gateways: Option<Vec<String>>,
    max_gateways: Option<usize>,
    #[serde(default)]
    bad_crc: bool,
}

impl Part for Config {
    type Keys = Keys;

    fn build(keys: Keys, _: &Path) -> Result<Self, Wrong> {
        let address = keys.listen.strip_prefix("udp://").and_then(host_and_port);
        let Some((host, Some(port))) = address else {
            return Err(Wrong::new("listen", "an address such as `udp://0.0.0.0:1700`"));
        };
        let most = keys.max_gateways.unwrap_or(256);
        if most == 0 {
            return Err(Wrong::new("max_gateways", "nobody would be listened to"));
        }
        let air = Air::build(NetworkKeys {
            region: keys.region,
            listen_only: keys.listen_only,
            net_id: keys.net_id,
            rx1_delay: keys.rx1_delay,
            channels: keys.channels,
            sub_band: keys.sub_band,
            power: keys.power,
            hold: keys.hold,
        })?;
        Ok(Self {
            name: keys.name,
            listen: (host.to_owned(), port),
            air,
            gateways: euis(keys.gateways)?,
            most,
            bad_crc: keys.bad_crc,
        })
    }
}

impl Config {
    /// The address at which it listens, as it is written.
    #[must_use]
    pub fn address(&self) -> String {
        let (host, port) = &self.listen;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}
