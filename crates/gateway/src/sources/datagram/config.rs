//! What these sources are told.

use super::answer::Answer;
use super::frame::{self, Frame};
use super::identity::{Identity, Imei};
use crate::config::{Part, Size, Span, Tcp, Udp, Wrong};
use crate::meters::{Rate, or_none};
use crate::sources::coap::{Form, form};
use serde::{Deserialize, Deserializer};
use std::path::Path;

/// `kind = "udp"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpConfig {
    /// Its name, which stands in reports.
    pub name: Option<String>,
    /// Where datagrams come in.
    pub listen: Udp,
    /// What is in them.
    pub form: Form,
    /// What names the meter.
    pub identity: Identity,
    /// What is sent back.
    pub answer: Option<Answer>,
    /// How many an address may send.
    pub rate: Option<Rate>,
}

/// `kind = "tcp"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpConfig {
    /// Its name, which stands in reports.
    pub name: Option<String>,
    /// Where meters connect to.
    pub listen: Tcp,
    /// How frames are told apart.
    pub frame: Frame,
    /// What is in them.
    pub form: Form,
    /// What names the meter.
    pub identity: Identity,
    /// What is sent back for each.
    pub answer: Option<Answer>,
    /// The longest frame.
    pub longest: usize,
    /// How long a connection may be silent.
    pub silence: Span,
    /// The most connections.
    pub clients: usize,
}

/// The keys of `kind = "udp"`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UdpKeys {
    name: Option<String>,
    listen: Udp,
    format: Option<String>,
    imei: Option<Imei>,
    answer: Option<Answer>,
    #[serde(default, deserialize_with = "rate")]
    rate: Option<Option<Rate>>,
}

/// The keys of `kind = "tcp"`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TcpKeys {
    name: Option<String>,
    listen: Tcp,
    frame: frame::Keys,
    format: Option<String>,
    imei: Option<Imei>,
    answer: Option<Answer>,
    longest_frame: Option<Size>,
    idle_timeout: Option<Span>,
    max_clients: Option<usize>,
}

fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Rate>>, D::Error> {
    or_none(deserializer).map(Some)
}

/// The rate of an address that nobody has set: far more than a meter sends.
const RATE: u64 = 20;

impl Part for UdpConfig {
    type Keys = UdpKeys;

    fn build(keys: UdpKeys, _: &Path) -> Result<Self, Wrong> {
        Ok(Self {
            name: keys.name,
            listen: keys.listen,
            form: form(keys.format.as_deref())?,
            identity: keys.imei.map_or(Identity::Address, Identity::Imei),
            answer: keys.answer,
            rate: keys.rate.unwrap_or(Some(Rate::each_second(RATE))),
        })
    }
}

impl Part for TcpConfig {
    type Keys = TcpKeys;

    fn build(keys: TcpKeys, _: &Path) -> Result<Self, Wrong> {
        let longest = keys.longest_frame.map_or(4096, |size| size.0);
        if !(1..=1 << 20).contains(&longest) {
            return Err(Wrong::new("longest_frame", "a frame may be 1 octet to 1 MiB long"));
        }
        let clients = keys.max_clients.unwrap_or(1024);
        if clients == 0 {
            return Err(Wrong::new("max_clients", "nobody could connect"));
        }
        Ok(Self {
            name: keys.name,
            listen: keys.listen,
            frame: keys.frame.build()?,
            form: form(keys.format.as_deref())?,
            identity: keys.imei.map_or(Identity::Address, Identity::Imei),
            answer: keys.answer,
            longest: longest as usize,
            silence: keys.idle_timeout.unwrap_or(Span::seconds(600)),
            clients,
        })
    }
}
