//! What the sources of LoRaWAN share: the network they speak for, and when it is too late to answer.

use crate::capture::{Capture, Framing, Radio};
use crate::config::{Span, Wrong};
use crate::protocols::Network;
use crate::sources::{Reply, now};
use esh_core::{Decimal, Protocol};
use esh_lorawan::{DataRate, Eui64, Lorawan, Region, Transmission};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long a frame is held back until all who heard it have told.
const HOLD: Span = Span(Duration::from_millis(200));

/// What an answer takes from here to a gateway's antenna, at the least: it is on the disk, on its way, in the radio's queue.
const WAY: Duration = Duration::from_millis(300);

/// The keys of a source that say what network it speaks for.
#[derive(Debug, Default)]
pub(super) struct NetworkKeys {
    pub(super) region: Option<String>,
    pub(super) listen_only: bool,
    pub(super) net_id: Option<String>,
    pub(super) rx1_delay: Option<Span>,
    pub(super) channels: Option<Vec<u32>>,
    pub(super) sub_band: Option<u8>,
    pub(super) power: Option<i8>,
    pub(super) hold: Option<Span>,
}

/// The network that a source speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Air {
    /// The network; it is told in captures unless the source listens only.
    pub network: Arc<Network>,
    /// Nothing is transmitted.
    pub listen_only: bool,
    /// The power to transmit with, dBm EIRP, where it is not the most that the region allows.
    pub power: Option<i8>,
    /// The frequencies that are heard, hertz.
    pub channels: Vec<u32>,
    /// How long a frame is held back.
    pub hold: Duration,
}

impl Air {
    pub(super) fn build(keys: NetworkKeys) -> Result<Self, Wrong> {
        let NetworkKeys { region, listen_only, net_id, rx1_delay, channels, sub_band, power, hold } = keys;
        let words = || Region::ALL.map(Region::word).join(", ");
        let region = match region.as_deref().map(|word| (word, Region::from_word(word))) {
            Some((_, Some(region))) => region,
            Some((word, None)) => {
                return Err(Wrong::new("region", format!("unknown region `{word}`; known are {}", words())));
            }
            // Who only listens need not say where.
            None if listen_only => Region::Eu868,
            None => {
                let message = format!(
                    "`region` is missing: it says when and where devices are answered; known are {}. \
                     Or `listen_only = true`: then nothing is transmitted",
                    words()
                );
                return Err(Wrong::new("", message));
            }
        };
        let net_id = match net_id {
            None => 0,
            Some(text) => Some(&text)
                .filter(|text| text.len() == 6)
                .and_then(|text| u32::from_str_radix(text, 16).ok())
                .ok_or_else(|| Wrong::new("net_id", "a NetID is six digits in hexadecimal, such as `000000`"))?,
        };
        let delay = rx1_delay.map_or(1, |delay| delay.0.as_secs());
        let whole = rx1_delay.is_none_or(|delay| delay.0.subsec_nanos() == 0);
        let rx_delay = u8::try_from(delay)
            .ok()
            .filter(|delay| whole && (1..=15).contains(delay))
            .ok_or_else(|| Wrong::new("rx1_delay", "the first window opens 1 to 15 whole seconds after an uplink"))?;
        let (low, high) = region.band();
        let channels = match channels {
            Some(_) if !region.adds_channels() => {
                return Err(Wrong::new("channels", "devices know the channels there: `sub_band` says which are heard"));
            }
            Some(channels) if channels.len() > 5 || channels.iter().any(|hertz| !(low..=high).contains(hertz)) => {
                let message = format!("up to five frequencies in hertz, from {low} to {high}");
                return Err(Wrong::new("channels", message));
            }
            Some(channels) => channels,
            None => region.added().to_vec(),
        };
        if sub_band.is_some_and(|part| !(1..=region.sub_bands()).contains(&part)) {
            let message = match region.sub_bands() {
                0 => format!("{} has no sub-bands", region.word()),
                parts => format!("the sub-bands there are 1 to {parts}"),
            };
            return Err(Wrong::new("sub_band", message));
        }
        let hold = hold.unwrap_or(HOLD).0;
        let most = Duration::from_secs(rx_delay.into()).saturating_sub(WAY);
        if !listen_only && hold > most {
            let message = format!("up to {} ms: a device listens for its answer only then", most.as_millis());
            return Err(Wrong::new("hold", message));
        }
        let part = sub_band.map(|part| part - 1);
        let heard: Vec<u32> = match region.adds_channels() {
            true => region.channels().chain(channels.iter().copied()).collect(),
            false => region.sub_band(part.unwrap_or_default()).collect(),
        };
        let network = Network { region, rx_delay, net_id, cf_list: region.cf_list(&channels, part) };
        Ok(Self { network: Arc::new(network), listen_only, power, channels: heard, hold })
    }

    /// The network that captures are told may answer.
    fn answers(&self) -> Option<Arc<Network>> {
        (!self.listen_only).then(|| Arc::clone(&self.network))
    }

    /// What a gateway heard, as a capture that just came.
    pub(super) fn capture(&self, heard: Heard, source: &Arc<str>) -> Capture {
        let Heard { octets, gateway, frequency, data_rate, index, rssi, snr } = heard;
        let sent = Transmission {
            data_rate: index.unwrap_or_default(),
            channel: frequency.and_then(|hertz| self.channel(hertz)).unwrap_or_default(),
            confirmed: None,
        };
        let radio = Radio {
            gateway: Some(gateway.to_string().into()),
            snr,
            frequency,
            data_rate,
            receptions: Vec::new(),
            hold: self.hold,
            network: self.answers(),
        };
        Capture {
            octets: octets.into(),
            protocol: Protocol::Lorawan,
            framing: Some(Framing::Lorawan(Lorawan { sent, ..Lorawan::default() })),
            received_at: now(),
            source: Arc::clone(source),
            rssi,
            radio: Some(Box::new(radio)),
        }
    }

    /// The number of a channel, as the MIC of 1.1 has it.
    fn channel(&self, hertz: u32) -> Option<u8> {
        match self.network.region.adds_channels() {
            true => self.channels.iter().position(|channel| *channel == hertz).map(|number| number as u8),
            false => self.network.region.channel(hertz),
        }
    }

    /// The power to transmit with.
    pub(super) fn power(&self, hertz: u32) -> i8 {
        self.power.unwrap_or_else(|| self.network.region.power(hertz))
    }

    /// The windows of a reply to an uplink: each with how long after the uplink it opens, its frequency and its data rate.
    /// The first is unknown where the uplink was on no channel of the region.
    pub(super) fn windows(&self, reply: &Reply, frequency: Option<u32>, rate: Option<DataRate>) -> Windows {
        let region = self.network.region;
        let window = |delay, (hertz, index)| Some(Window { delay, hertz, index, data_rate: region.data_rate(index)? });
        let first = frequency.zip(rate.and_then(|rate| region.uplink_index(rate)));
        let first = first.and_then(|(hertz, index)| region.rx1(hertz, index, 0));
        Windows {
            first: first.and_then(|first| window(reply.delay, first)),
            second: window(reply.delay + Duration::from_secs(1), region.rx2()),
        }
    }
}

/// A frame as a gateway heard it.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) octets: Vec<u8>,
    pub(super) gateway: Eui64,
    /// Hertz.
    pub(super) frequency: Option<u32>,
    pub(super) data_rate: Option<DataRate>,
    /// The index of the data rate.
    pub(super) index: Option<u8>,
    pub(super) rssi: Option<i16>,
    pub(super) snr: Option<Decimal>,
}

/// What `check` says of it.
impl fmt::Display for Air {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (region, hold) = (self.network.region.word(), self.hold.as_millis());
        match self.listen_only {
            true => write!(f, "listens only")?,
            false => write!(f, "answers as {region} has it, {} s after an uplink", self.network.rx_delay)?,
        }
        write!(f, ", waits {hold} ms for all who heard a frame")
    }
}

/// The EUIs of gateways that are let in, where they are named.
pub(super) fn euis(texts: Option<Vec<String>>) -> Result<Option<Vec<Eui64>>, Wrong> {
    let eui = |text: String| {
        let digits = Some(&text).filter(|text| text.len() == 16).and_then(|text| u64::from_str_radix(text, 16).ok());
        let wrong = || Wrong::new("gateways", format!("`{text}` is no EUI: 16 digits in hexadecimal"));
        digits.map(Eui64).ok_or_else(wrong)
    };
    texts.map(|texts| texts.into_iter().map(eui).collect()).transpose()
}

/// Where a device listens for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// How long after the end of the uplink.
    pub(super) delay: Duration,
    pub(super) hertz: u32,
    /// The index of the data rate.
    pub(super) index: u8,
    pub(super) data_rate: DataRate,
}

/// The two windows behind an uplink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Windows {
    pub(super) first: Option<Window>,
    pub(super) second: Option<Window>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(region: &str) -> NetworkKeys {
        NetworkKeys { region: Some(region.to_owned()), ..NetworkKeys::default() }
    }

    #[test]
    fn a_network_is_what_its_region_says() {
        let air = Air::build(keys("EU868")).unwrap();
        assert_eq!((air.channels.len(), air.hold, air.network.rx_delay), (8, HOLD.0, 1));
        assert_eq!((air.power(868_100_000), air.power(869_525_000)), (16, 29));
        let reply = Reply { octets: Vec::new(), delay: Duration::from_secs(5) };
        let windows = air.windows(&reply, Some(868_300_000), DataRate::from_word("SF9BW125", None));
        let told = |window: Option<Window>| window.map(|window| (window.delay.as_secs(), window.hertz, window.index));
        assert_eq!(told(windows.first), Some((5, 868_300_000, 3)));
        assert_eq!(told(windows.second), Some((6, 869_525_000, 0)));
        assert_eq!(air.windows(&reply, None, None).first, None);
        let air = Air::build(NetworkKeys { sub_band: Some(2), power: Some(20), ..keys("US915") }).unwrap();
        assert_eq!((air.channels.len(), air.channels[0], air.power(923_300_000)), (9, 903_900_000, 20));
    }

    #[test]
    fn what_does_not_fit_together_is_said() {
        let wrong = |keys: NetworkKeys| Air::build(keys).unwrap_err();
        for (keys, key, says) in [
            (keys("EU86"), "region", "unknown region `EU86`"),
            (NetworkKeys::default(), "", "`region` is missing"),
            (NetworkKeys { net_id: Some("13".to_owned()), ..keys("EU868") }, "net_id", "six digits"),
            (NetworkKeys { rx1_delay: Some(Span::seconds(16)), ..keys("EU868") }, "rx1_delay", "1 to 15"),
            (NetworkKeys { channels: Some(vec![433_000_000]), ..keys("EU868") }, "channels", "from 863000000"),
            (NetworkKeys { channels: Some(vec![]), ..keys("US915") }, "channels", "`sub_band`"),
            (NetworkKeys { sub_band: Some(9), ..keys("US915") }, "sub_band", "1 to 8"),
            (NetworkKeys { sub_band: Some(1), ..keys("EU868") }, "sub_band", "no sub-bands"),
            (NetworkKeys { hold: Some(Span::seconds(1)), ..keys("EU868") }, "hold", "up to 700 ms"),
        ] {
            let wrong = wrong(keys);
            assert!(wrong.key == key && wrong.message.contains(says), "{} {}", wrong.key, wrong.message);
        }
        assert!(Air::build(NetworkKeys { listen_only: true, ..NetworkKeys::default() }).is_ok());
        let slow = NetworkKeys { hold: Some(Span::seconds(4)), rx1_delay: Some(Span::seconds(5)), ..keys("EU868") };
        assert!(Air::build(slow).is_ok());
    }
}
