//! Our tables of regions beside those of `lrwn`: channels, data rates, windows, power.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use esh_lorawan::{DataRate, Region};
use lrwn::region::{CommonName, DataRateModulation, LoraDataRate, get};

/// The same data rate in the words of the other.
fn same(ours: DataRate, theirs: &DataRateModulation) -> bool {
    match (ours, theirs) {
        (DataRate::Lora { spreading, kilohertz }, DataRateModulation::Lora(LoraDataRate { .. })) => {
            let DataRateModulation::Lora(theirs) = theirs else { return false };
            theirs.spreading_factor == spreading && theirs.bandwidth == u32::from(kilohertz) * 1000
        }
        (DataRate::Fsk { bits }, DataRateModulation::Fsk(theirs)) => theirs.bitrate == bits,
        (DataRate::LrFhss { kilohertz, two_thirds }, DataRateModulation::LrFhss(theirs)) => {
            theirs.occupied_channel_width == u32::from(kilohertz) * 1000 && (theirs.coding_rate == "4/6") == two_thirds
        }
        _ => false,
    }
}

#[test]
fn our_regions_are_those_of_a_network_server() {
    for region in Region::ALL {
        let name: CommonName = region.word().parse().unwrap();
        let theirs = get(name, false, false);
        let defaults = theirs.get_defaults();
        assert_eq!(region.rx2(), (defaults.rx2_frequency, defaults.rx2_dr), "{region:?}");
        let channels: Vec<u32> = region.channels().collect();
        let indices = theirs.get_default_uplink_channel_indices();
        assert_eq!(channels.len(), indices.len(), "{region:?}");
        for (ours, index) in channels.iter().zip(indices) {
            assert_eq!(*ours, theirs.get_uplink_channel(index).unwrap().frequency, "{region:?} channel {index}");
        }
        // It sends as if every channel were narrow there.
        for hertz in [channels.first().copied().unwrap(), region.rx2().0] {
            let power = i8::try_from(theirs.get_downlink_tx_power_eirp(hertz)).unwrap();
            assert!(region.power(hertz) == power || region == Region::Us915, "{region:?}");
        }
        let mut rates = 0;
        for index in 0..16 {
            let Some(rate) = region.data_rate(index) else { continue };
            assert!(same(rate, &theirs.get_data_rate(index).unwrap()), "{region:?} data rate {index}: {rate:?}");
            rates += 1;
            for channel in &channels {
                let Some((hertz, window)) = region.rx1(*channel, index, 0) else { continue };
                assert_eq!(hertz, theirs.get_rx1_frequency_for_uplink_frequency(*channel).unwrap(), "{region:?}");
                assert_eq!(window, theirs.get_rx1_data_rate_index(index, 0).unwrap(), "{region:?} data rate {index}");
            }
            for offset in 0..4 {
                let Some((_, window)) = region.rx1(*channels.first().unwrap(), index, offset) else { continue };
                // Of FSK in India the standard's formula gives no rate that there is not.
                if (region, index) != (Region::In865, 7) {
                    let theirs = theirs.get_rx1_data_rate_index(index, offset.into()).unwrap();
                    assert_eq!(window, theirs, "{region:?} data rate {index} offset {offset}");
                }
            }
        }
        assert!(rates >= 6, "{region:?}");
    }
}
