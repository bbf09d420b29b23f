//! Values that a configuration writes as text: lengths of time, sizes, addresses, zones.

use esh_core::Protocol;
use serde::de::{self, Deserialize, Deserializer, Unexpected};
use std::{fmt, str::FromStr, time::Duration};

/// A length of time with its unit: `500ms`, `10s`, `5min`, `2h`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Span {
    /// So many seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "a length of time with its unit, such as `500ms`, `10s`, `5min`, `2h` or `7d`";
        let (number, unit) = split(text).ok_or(EXPECTED)?;
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1_000,
            "min" | "m" => 60_000,
            "h" => 3_600_000,
            "d" | "day" | "days" => 86_400_000,
            _ => return Err(EXPECTED),
        };
        number.checked_mul(milliseconds).map(|all| Self(Duration::from_millis(all))).ok_or(EXPECTED)
    }
}

/// A size in octets: a plain number, or with a unit such as `64 MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "a size such as `4096`, `64 KiB`, `16 MiB` or `2 GiB`";
        let (number, unit) = split(text).ok_or(EXPECTED)?;
        let octets = match unit {
            "" | "B" => 1,
            "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(EXPECTED),
        };
        number.checked_mul(octets).map(Self).ok_or(EXPECTED)
    }
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit.trim_start()))
}

/// A TCP end point, `tcp://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Name or address of the host, an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl FromStr for Tcp {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "an address such as `tcp://127.0.0.1:7000`";
        let (host, port) = text.strip_prefix("tcp://").and_then(host_and_port).ok_or(EXPECTED)?;
        Ok(Self { host: host.to_owned(), port: port.ok_or(EXPECTED)? })
    }
}

impl fmt::Display for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "tcp://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "tcp://{}:{}", self.host, self.port)
        }
    }
}

/// A UDP end point, `udp://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Udp {
    /// Name or address of the host, an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl FromStr for Udp {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "an address such as `udp://127.0.0.1:5683`";
        let (host, port) = text.strip_prefix("udp://").and_then(host_and_port).ok_or(EXPECTED)?;
        Ok(Self { host: host.to_owned(), port: port.ok_or(EXPECTED)? })
    }
}

impl fmt::Display for Udp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "udp://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "udp://{}:{}", self.host, self.port)
        }
    }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
pub(crate) fn host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(text) => text.split_once(']')?,
        None => text.split_at_checked(text.find(':').unwrap_or(text.len()))?,
    };
    let port = match rest.strip_prefix(':') {
        Some(port) => Some(port.parse().ok().filter(|port| *port != 0)?),
        None if rest.is_empty() => None,
        None => return None,
    };
    let fits = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '@' | '?' | '#'));
    fits.then_some((host, port))
}

/// A time zone: a name of the IANA data base, or a fixed offset such as `+03:00` for meters that never change theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(pub jiff::tz::TimeZone);

impl FromStr for Zone {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "a zone such as `Europe/Minsk`, or an offset such as `+03:00`";
        if let Some(offset) = offset(text) {
            return Ok(Self(jiff::tz::TimeZone::fixed(offset)));
        }
        jiff::tz::TimeZone::get(text).map(Self).map_err(|_| EXPECTED)
    }
}

fn offset(text: &str) -> Option<jiff::tz::Offset> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let (hours, minutes) = (hours.parse::<u8>().ok()?, minutes.parse::<u8>().ok()?);
    if hours > 18 || minutes > 59 {
        return None;
    }
    jiff::tz::Offset::from_seconds(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60)).ok()
}

/// The zone without a name in the configuration: UTC.
impl Default for Zone {
    fn default() -> Self {
        Self(jiff::tz::TimeZone::UTC)
    }
}

macro_rules! from_text {
    ($($name:ty),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(|expected: &str| de::Error::invalid_value(Unexpected::Str(&text), &expected))
            }
        }
    )*};
}
from_text!(Span, Tcp, Udp, Zone);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged, expecting = "a size such as `4096`, `64 KiB`, `16 MiB` or `2 GiB`")]
        enum Form {
            Number(u64),
            Text(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Number(number) => Ok(Self(number)),
            Form::Text(text) => text.parse().map_err(de::Error::custom),
        }
    }
}

/// Reads a protocol by its word.
///
/// # Errors
/// When there is no such protocol.
pub(crate) fn protocol<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Protocol, D::Error> {
    let word = String::deserialize(deserializer)?;
    Protocol::from_word(&word).ok_or_else(|| {
        // As serde says it of a closed list, so that a suggestion can be made of it.
        let known: Vec<_> = Protocol::ALL.iter().map(|protocol| format!("`{}`", protocol.word())).collect();
        de::Error::custom(format_args!("unknown variant `{word}`, expected one of {}", known.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_say_what_they_mean() {
        assert_eq!("500ms".parse::<Span>(), Ok(Span(Duration::from_millis(500))));
        assert_eq!("5min".parse::<Span>(), Ok(Span::seconds(300)));
        assert_eq!("1 day".parse::<Span>(), "24 h".parse::<Span>());
        assert_eq!("64 MiB".parse::<Size>(), Ok(Size(64 << 20)));
        assert_eq!("4096".parse::<Size>(), Ok(Size(4096)));
        assert_eq!("tcp://[::1]:7".parse::<Tcp>(), Ok(Tcp { host: "::1".to_owned(), port: 7 }));
        assert_eq!("tcp://[::1]:7".parse::<Tcp>().map(|tcp| tcp.to_string()), Ok("tcp://[::1]:7".to_owned()));
        assert_eq!(
            "+03:00".parse::<Zone>().map(|zone| zone.0.to_fixed_offset().map(jiff::tz::Offset::seconds).ok()),
            Ok(Some(10_800))
        );
        assert!("Europe/Minsk".parse::<Zone>().is_ok());
        assert_eq!("udp://[::]:5683".parse::<Udp>().map(|udp| udp.to_string()), Ok("udp://[::]:5683".to_owned()));
        assert!("tcp://[::]:5683".parse::<Udp>().is_err() && "udp://[::]".parse::<Udp>().is_err());
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "10", "s", "10 weeks", "-1s", "99999999999999999999s"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        for text in ["", "x", "1 TB", "18446744073709551615 GiB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
        for text in ["", "127.0.0.1:7000", "tcp://", "tcp://:1", "tcp://a", "tcp://a:0", "tcp://a:70000", "tcp://a b:1"]
        {
            assert!(text.parse::<Tcp>().is_err(), "{text}");
        }
        for text in ["", "Europe/Minks", "+3", "+99:00", "+03:99"] {
            assert!(text.parse::<Zone>().is_err(), "{text}");
        }
    }
}
