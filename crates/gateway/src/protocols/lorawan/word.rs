//! What is said of a LoRaWAN frame beside its octets, as a word: version, upper counter, data rate, channel, acknowledged
//! counter, DevEUI, JoinEUI, DevNonce, type of the rejoin request, whether a join accept is plain. No key stands in it.

use esh_lorawan::{Eui64, Join, Lorawan, Transmission, Version};
use std::fmt::{self, Display};
use std::str::FromStr;

/// Writes the word.
pub(crate) fn write_word(carrier: &Lorawan, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Lorawan { version, counter_high, sent, join, plain_join_accept, tell_keys: _ } = carrier;
    let version = match version {
        None => "-",
        Some(Version::V1_0) => "1.0",
        Some(Version::V1_1) => "1.1",
    };
    write!(f, "lorawan+{version}")?;
    part(*counter_high, f)?;
    part(Some(sent.data_rate), f)?;
    part(Some(sent.channel), f)?;
    part(sent.confirmed, f)?;
    part(join.dev_eui.map(|eui| eui.0), f)?;
    part(join.join_eui.map(|eui| eui.0), f)?;
    part(join.dev_nonce, f)?;
    part(join.rejoin, f)?;
    part(Some(*plain_join_accept), f)
}

fn part(value: Option<impl Display>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value {
        Some(value) => write!(f, "+{value}"),
        None => f.write_str("+-"),
    }
}

/// What a word says that [`write_word`] has written, without its first part.
pub(crate) fn from_word(word: &str) -> Option<Lorawan> {
    let mut parts = word.split('+');
    let version = match parts.next()? {
        "-" => None,
        "1.0" => Some(Version::V1_0),
        "1.1" => Some(Version::V1_1),
        _ => return None,
    };
    let parts = &mut parts;
    let counter_high = next(parts)?;
    let sent = Transmission { data_rate: next(parts)??, channel: next(parts)??, confirmed: next(parts)? };
    let join = Join {
        dev_eui: next(parts)?.map(Eui64),
        join_eui: next(parts)?.map(Eui64),
        dev_nonce: next(parts)?,
        rejoin: next(parts)?,
    };
    let plain_join_accept = next(parts)??;
    let carrier = Lorawan { version, counter_high, sent, join, plain_join_accept, tell_keys: false };
    parts.next().is_none().then_some(carrier)
}

/// The next part: one that says nothing is `Some(None)`.
fn next<'a, T: FromStr>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Option<T>> {
    match parts.next()? {
        "-" => Some(None),
        value => value.parse().ok().map(Some),
    }
}
