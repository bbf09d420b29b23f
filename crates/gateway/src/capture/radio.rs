//! How a frame was heard on the air: by whom, how well, and how it may be answered.

use crate::protocols::lorawan::network::Network;
use esh_core::Decimal;
use esh_lorawan::DataRate;
use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

/// What a radio gateway says of a frame beside its signal strength.
#[derive(Clone, Debug, Default)]
pub struct Radio {
    /// The gateway that heard it best, by its EUI.
    pub gateway: Option<Arc<str>>,
    /// Signal to noise ratio in dB.
    pub snr: Option<Decimal>,
    /// On which frequency, in hertz.
    pub frequency: Option<u32>,
    /// How fast.
    pub data_rate: Option<DataRate>,
    /// Everybody who heard it, in the order they told, where there were several.
    pub receptions: Vec<Reception>,
    /// How long it may be held back until the others who heard it have told.
    pub hold: Duration,
    /// The network that may answer; `None` where its source listens only.
    pub network: Option<Arc<Network>>,
}

/// One gateway's hearing of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reception {
    /// The gateway, by its EUI, or the name of the source.
    pub gateway: Arc<str>,
    /// Signal strength in dBm.
    pub rssi: Option<i16>,
    /// Signal to noise ratio in dB.
    pub snr: Option<Decimal>,
    /// When it told.
    pub at: Option<jiff::Timestamp>,
}

impl Reception {
    /// Who hears better: the ratio decides, as it does for a receiver; then the strength.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        // Whoever sends more digits does not hear better for it.
        let parts = |snr: Option<Decimal>| snr.and_then(|snr| whole(snr.scale10(3)?));
        let snr = parts(self.snr).cmp(&parts(other.snr));
        snr.then_with(|| self.rssi.cmp(&other.rssi))
    }
}

/// A number without the digits behind its point.
pub(crate) fn whole(number: Decimal) -> Option<i64> {
    match number.exponent() {
        0.. => number.to_i64(),
        below => match 10_i128.checked_pow(below.unsigned_abs().into()) {
            Some(divisor) => number.digits().checked_div(divisor)?.try_into().ok(),
            None => Some(0),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_ear_has_the_better_ratio() {
        let heard = |snr: Option<&str>, rssi| Reception {
            gateway: "g".into(),
            rssi,
            snr: snr.and_then(Decimal::parse),
            at: None,
        };
        for (worse, better) in [
            (heard(Some("-3.5"), Some(-50)), heard(Some("9.25"), Some(-120))),
            (heard(Some("7"), Some(-80)), heard(Some("7.0"), Some(-79))),
            (heard(None, Some(-20)), heard(Some("-20"), None)),
            (heard(None, None), heard(None, Some(-130))),
            (heard(Some("9"), None), heard(Some("10.123456"), None)),
        ] {
            assert_eq!((worse.compare(&better), better.compare(&worse)), (Ordering::Less, Ordering::Greater));
        }
    }
}
