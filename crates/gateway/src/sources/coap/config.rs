//! What a source of CoAP is told.

use super::resource::{Form, Identity, Pattern, Resource};
use crate::config::{Part, Size, Udp, Wrong};
use crate::connect::free_udp;
use crate::meters::{Rate, or_none};
use esh_core::Protocol;
use serde::Deserialize;
use std::{fmt, path::Path};

/// `kind = "coap"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its name, which stands in reports.
    pub name: Option<String>,
    /// Where it takes messages in plain.
    pub listen: Option<Udp>,
    /// Where it takes them through DTLS.
    pub secure: Option<Udp>,
    /// What meters may send to.
    pub resources: Vec<Resource>,
    /// The largest body of a request, in octets.
    pub largest: usize,
    /// How many requests an endpoint may send.
    pub rate: Option<Rate>,
    /// The most exchanges that are remembered.
    pub exchanges: usize,
    /// The most DTLS sessions.
    pub sessions: usize,
}

/// The keys of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    name: Option<String>,
    listen: Option<Udp>,
    secure: Option<Udp>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    resource: Vec<ResourceKeys>,
    largest: Option<Size>,
    #[serde(default, deserialize_with = "rate")]
    rate: Option<Option<Rate>>,
    exchanges: Option<usize>,
    sessions: Option<usize>,
}

/// The keys of a `[[source.resource]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceKeys {
    path: String,
    format: Option<String>,
    #[serde(default)]
    identity: Identity,
    observe: Option<String>,
}

fn rate<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Rate>>, D::Error> {
    or_none(deserializer).map(Some)
}

const PATH: &str = "a path is like `/t/r` or `/meters/{id}`, with at most one `{id}`";
const FORMAT: &str = "a format is the word of a protocol whose frames are sent, such as `wmbus` or `mbus`, `records`, \
                      `senml-json`, `senml-cbor`, or the number of a Content-Format";

/// The rate of an endpoint that nobody has set: far more than a meter sends.
const RATE: u64 = 20;

impl Part for Config {
    type Keys = Keys;

    fn build(keys: Keys, _: &Path) -> Result<Self, Wrong> {
        if keys.listen.is_none() && keys.secure.is_none() {
            return Err(Wrong::new("", "`listen` or `secure` says where meters send to"));
        }
        let plain = keys.paths.into_iter().map(|path| ResourceKeys {
            path,
            format: None,
            identity: Identity::Auto,
            observe: None,
        });
        let resources = plain.chain(keys.resource).map(resource).collect::<Result<Vec<_>, _>>()?;
        if resources.is_empty() {
            return Err(Wrong::new("", "no `paths` and no [[source.resource]]: nobody could send anything"));
        }
        if resources.iter().any(|resource| resource.identity == Identity::Psk) && keys.secure.is_none() {
            return Err(Wrong::new("", "only `secure` shows the identity of a key"));
        }
        let largest = keys.largest.map_or(8192, |size| size.0);
        if !(64..=65_536).contains(&largest) {
            return Err(Wrong::new("largest", "a body may be 64 octets to 64 KiB long"));
        }
        let exchanges = keys.exchanges.unwrap_or(262_144);
        if !(4096..=1 << 26).contains(&exchanges) {
            return Err(Wrong::new("exchanges", "4096 to 67108864 exchanges can be remembered, 16 octets each"));
        }
        let sessions = keys.sessions.unwrap_or(10_000);
        if !(1..=1 << 20).contains(&sessions) {
            return Err(Wrong::new("sessions", "there may be 1 to 1048576 sessions"));
        }
        Ok(Self {
            name: keys.name,
            listen: keys.listen,
            secure: keys.secure,
            resources,
            largest: largest as usize,
            rate: keys.rate.unwrap_or(Some(Rate::each_second(RATE))),
            exchanges,
            sessions,
        })
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CoAP")?;
        if let Some(listen) = &self.listen {
            write!(f, " at {listen}")?;
        }
        if let Some(secure) = &self.secure {
            write!(f, " through DTLS at {secure}")?;
        }
        for resource in &self.resources {
            write!(f, ", {}", resource.path)?;
            if let Some(observe) = &resource.observe {
                write!(f, " (then {observe} of the meter is observed)")?;
            }
        }
        Ok(())
    }
}

impl Config {
    /// Whether its addresses are free.
    pub(crate) async fn probe(&self) -> Result<String, String> {
        let mut found = Vec::new();
        for address in self.listen.iter().chain(&self.secure) {
            found.push(free_udp(address.to_string().trim_start_matches("udp://")).await?);
        }
        Ok(found.join(", "))
    }
}

/// What a configuration says is sent.
pub(in crate::sources) fn form(format: Option<&str>) -> Result<Form, Wrong> {
    let Some(word) = format else { return Ok(Form::AsSaid) };
    match Form::parse(word) {
        None | Some(Form::Frame(Protocol::Coap | Protocol::Datagram)) => {
            Err(Wrong::new("format", format!("`{word}`: {FORMAT}")))
        }
        Some(form) => Ok(form),
    }
}

fn resource(keys: ResourceKeys) -> Result<Resource, Wrong> {
    let path = Pattern::parse(&keys.path).ok_or_else(|| Wrong::new("", format!("`{}`: {PATH}", keys.path)))?;
    if keys.identity == Identity::Path && !path.names_a_meter() {
        return Err(Wrong::new("", format!("`{}`: the path names no meter, as it has no `{{id}}`", keys.path)));
    }
    let form = form(keys.format.as_deref())?;
    let observe = match keys.observe {
        None => None,
        Some(path) => match Pattern::parse(&path).filter(|path| !path.names_a_meter()) {
            Some(path) => Some(path),
            None => return Err(Wrong::new("", format!("`{path}`: {PATH}; what is observed has none"))),
        },
    };
    Ok(Resource { path, form, identity: keys.identity, observe })
}
