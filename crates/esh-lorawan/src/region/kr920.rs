//! KR920-923; RP002-1.0.4, 2.11.

use super::data_rate::lora;
use super::{Channels, DataRate, Plan, Region, Rx1};

const DATA_RATES: [Option<DataRate>; 6] =
    [lora(12, 125), lora(11, 125), lora(10, 125), lora(9, 125), lora(8, 125), lora(7, 125)];

pub(super) const PLAN: Plan = Plan {
    region: Region::Kr920,
    word: "KR920",
    station: "KR920",
    band: (920_900_000, 923_300_000),
    uplink: &[Channels { first: 922_100_000, step: 200_000, count: 3 }],
    data_rates: &DATA_RATES,
    rx1_rates: &[
        &[0, 0, 0, 0, 0, 0],
        &[1, 0, 0, 0, 0, 0],
        &[2, 1, 0, 0, 0, 0],
        &[3, 2, 1, 0, 0, 0],
        &[4, 3, 2, 1, 0, 0],
        &[5, 4, 3, 2, 1, 0],
    ],
    rx1: Rx1::Same,
    rx2: (921_900_000, 0),
    added: &[],
    power: (None, 23),
};
