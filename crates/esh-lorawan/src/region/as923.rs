//! AS923, its four groups of countries, which differ in their frequencies alone; RP002-1.0.4, 2.10.

use super::data_rate::NARROW;
use super::{Channels, Plan, Region, Rx1};

pub(super) const PLANS: [Plan; 4] = [
    plan(Region::As923, "AS923", "AS923-1", 0),
    plan(Region::As923_2, "AS923-2", "AS923-2", 1_800_000),
    plan(Region::As923_3, "AS923-3", "AS923-3", 6_600_000),
    plan(Region::As923_4, "AS923-4", "AS923-4", 5_900_000),
];

/// `AS923_FREQ_OFFSET` takes every frequency down.
const fn plan(region: Region, word: &'static str, station: &'static str, below: u32) -> Plan {
    Plan {
        region,
        word,
        station,
        band: (915_000_000, 928_000_000),
        uplink: match below {
            1_800_000 => &[Channels { first: 921_400_000, step: 200_000, count: 2 }],
            6_600_000 => &[Channels { first: 916_600_000, step: 200_000, count: 2 }],
            5_900_000 => &[Channels { first: 917_300_000, step: 200_000, count: 2 }],
            _ => &[Channels { first: 923_200_000, step: 200_000, count: 2 }],
        },
        data_rates: &NARROW,
        // The offsets 6 and 7 are one and two steps faster; a downlink may take as long as it takes.
        rx1_rates: &[
            &[0, 0, 0, 0, 0, 0, 1, 2],
            &[1, 0, 0, 0, 0, 0, 2, 3],
            &[2, 1, 0, 0, 0, 0, 3, 4],
            &[3, 2, 1, 0, 0, 0, 4, 5],
            &[4, 3, 2, 1, 0, 0, 5, 5],
            &[5, 4, 3, 2, 1, 0, 5, 5],
            &[5, 5, 4, 3, 2, 1, 5, 5],
            &[5, 5, 5, 4, 3, 2, 5, 5],
        ],
        rx1: Rx1::Same,
        rx2: (923_200_000 - below, 2),
        added: &[],
        power: (None, 16),
    }
}
