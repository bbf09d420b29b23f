//! What a source of Basics Stations is told.

use crate::config::{Part, Span, Tcp, Wrong};
use crate::sources::lorawan::{Air, NetworkKeys, euis};
use esh_lorawan::Eui64;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// `kind = "lns"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its name, which stands in reports.
    pub name: Option<String>,
    /// Where stations connect.
    pub listen: Tcp,
    /// The certificates, where stations connect through TLS.
    pub secure: Option<Secure>,
    /// The network it speaks for.
    pub air: Air,
    /// Stations that are let in; `None` for all.
    pub gateways: Option<Vec<Eui64>>,
    /// The most stations at once.
    pub most: usize,
}

/// Certificates, PEM files all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secure {
    /// The gateway's own.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Who signs the certificates of stations; without it they need none.
    pub ca: Option<PathBuf>,
}

/// The keys of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    name: Option<String>,
    listen: Tcp,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    ca: Option<PathBuf>,
    region: Option<String>,
    #[serde(default)]
    listen_only: bool,
    net_id: Option<String>,
    rx1_delay: Option<Span>,
    channels: Option<Vec<u32>>,
    sub_band: Option<u8>,
    hold: Option<Span>,
    gateways: Option<Vec<String>>,
    max_gateways: Option<usize>,
}

impl Part for Config {
    type Keys = Keys;

    fn build(keys: Keys, base: &Path) -> Result<Self, Wrong> {
        let secure = match (keys.certificate, keys.key, keys.ca) {
            (Some(certificate), Some(key), ca) => Some(Secure {
                certificate: base.join(certificate),
                key: base.join(key),
                ca: ca.map(|ca| base.join(ca)),
            }),
            (None, None, None) => None,
            (Some(_), None, _) => return Err(Wrong::new("certificate", "its `key` is missing")),
            (None, Some(_), _) => return Err(Wrong::new("key", "its `certificate` is missing")),
            (None, None, Some(_)) => {
                return Err(Wrong::new("ca", "without a `certificate` of its own the gateway asks nobody for one"));
            }
        };
        if keys.region.is_none() {
            return Err(Wrong::new("", "`region` is missing: it says what stations shall listen to"));
        }
        let most = keys.max_gateways.unwrap_or(256);
        if most == 0 {
            return Err(Wrong::new("max_gateways", "nobody would be let in"));
        }
        let air = Air::build(NetworkKeys {
            region: keys.region,
            listen_only: keys.listen_only,
            net_id: keys.net_id,
            rx1_delay: keys.rx1_delay,
            channels: keys.channels,
            sub_band: keys.sub_band,
            // A station knows what it may send with.
            power: None,
            hold: keys.hold,
        })?;
        Ok(Self { name: keys.name, listen: keys.listen, secure, air, gateways: euis(keys.gateways)?, most })
    }
}
