//! Data rates: LoRa, FSK and LR-FHSS, as packet forwarders write them; RP002, 3.

use core::fmt;
use esh_core::Decimal;

/// How fast, and how, a frame is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataRate {
    /// LoRa, written `SF7BW125`.
    Lora {
        /// The spreading factor.
        spreading: u8,
        /// The bandwidth.
        kilohertz: u16,
    },
    /// FSK, written as bits a second.
    Fsk {
        /// Bits a second.
        bits: u32,
    },
    /// LR-FHSS, written `M0CW137`, whose coding rate stands elsewhere.
    LrFhss {
        /// The width of the channel.
        kilohertz: u16,
        /// Whether two of three bits are the frame's, and not one of three.
        two_thirds: bool,
    },
}

impl DataRate {
    /// What a packet forwarder calls `datr`, with its `codr`.
    #[must_use]
    pub fn from_word(word: &str, coding: Option<&str>) -> Option<Self> {
        if let Some((spreading, width)) = word.strip_prefix("SF").and_then(|word| word.split_once("BW")) {
            return Some(Self::Lora { spreading: spreading.parse().ok()?, kilohertz: width.parse().ok()? });
        }
        if let Some((_, width)) = word.split_once("CW") {
            let two_thirds = matches!(coding, Some("2/3" | "4/6"));
            return Some(Self::LrFhss { kilohertz: width.parse().ok()?, two_thirds });
        }
        Some(Self::Fsk { bits: word.parse().ok()? })
    }

    /// How far below the noise a frame of LoRa may lie and still be heard, in dB; the margin of a link is what is left.
    #[must_use]
    pub fn lowest_snr(self) -> Option<Decimal> {
        let Self::Lora { spreading, .. } = self else { return None };
        // 2.5 dB for each step of the spreading factor, 7.5 dB at 7; SX1301, "spreading factor".
        let steps = i128::from(spreading.checked_sub(4)?);
        Some(Decimal::new(-25 * steps, -1))
    }
}

/// As packet forwarders write it.
impl fmt::Display for DataRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lora { spreading, kilohertz } => write!(f, "SF{spreading}BW{kilohertz}"),
            Self::Fsk { bits } => write!(f, "{bits}"),
            Self::LrFhss { kilohertz, .. } => write!(f, "M0CW{kilohertz}"),
        }
    }
}

/// A data rate of LoRa in a table.
pub(super) const fn lora(spreading: u8, kilohertz: u16) -> Option<DataRate> {
    Some(DataRate::Lora { spreading, kilohertz })
}

/// A data rate of LR-FHSS in a table.
pub(super) const fn lr_fhss(kilohertz: u16, two_thirds: bool) -> Option<DataRate> {
    Some(DataRate::LrFhss { kilohertz, two_thirds })
}

/// The data rates 0 to 5 of most regions.
pub(super) const LORA_125: [Option<DataRate>; 6] =
    [lora(12, 125), lora(11, 125), lora(10, 125), lora(9, 125), lora(8, 125), lora(7, 125)];

/// The data rates 8 to 13 of the regions with wide downlinks.
pub(super) const LORA_500: [Option<DataRate>; 6] =
    [lora(12, 500), lora(11, 500), lora(10, 500), lora(9, 500), lora(8, 500), lora(7, 500)];

/// The data rates 0 to 7 of all regions that are narrow.
pub(super) const NARROW: [Option<DataRate>; 8] = {
    let [a, b, c, d, e, f] = LORA_125;
    [a, b, c, d, e, f, lora(7, 250), Some(DataRate::Fsk { bits: 50_000 })]
};

/// The data rates of the first window for uplinks at 0 to 7 and the offsets 0 to 5, where each offset is a step slower.
pub(super) const SLOWER: [&[u8]; 8] = [
    &[0, 0, 0, 0, 0, 0],
    &[1, 0, 0, 0, 0, 0],
    &[2, 1, 0, 0, 0, 0],
    &[3, 2, 1, 0, 0, 0],
    &[4, 3, 2, 1, 0, 0],
    &[5, 4, 3, 2, 1, 0],
    &[6, 5, 4, 3, 2, 1],
    &[7, 6, 5, 4, 3, 2],
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn words_are_read_and_written() {
        for (word, coding, rate) in [
            ("SF7BW125", None, DataRate::Lora { spreading: 7, kilohertz: 125 }),
            ("SF12BW500", Some("4/5"), DataRate::Lora { spreading: 12, kilohertz: 500 }),
            ("50000", None, DataRate::Fsk { bits: 50_000 }),
            ("M0CW137", Some("1/3"), DataRate::LrFhss { kilohertz: 137, two_thirds: false }),
            ("M0CW336", Some("2/3"), DataRate::LrFhss { kilohertz: 336, two_thirds: true }),
        ] {
            assert_eq!(DataRate::from_word(word, coding), Some(rate));
            assert_eq!(rate.to_string(), word);
        }
        for word in ["", "SF7", "SFxBW125", "SF7BW", "CW", "-1"] {
            assert_eq!(DataRate::from_word(word, None), None, "{word}");
        }
    }

    #[test]
    fn a_slower_frame_is_heard_deeper_in_the_noise() {
        let lowest = |spreading| DataRate::Lora { spreading, kilohertz: 125 }.lowest_snr().map(|snr| snr.to_string());
        assert_eq!(lowest(7).as_deref(), Some("-7.5"));
        assert_eq!(lowest(12).as_deref(), Some("-20.0"));
        assert_eq!(lowest(3), None);
    }
}
