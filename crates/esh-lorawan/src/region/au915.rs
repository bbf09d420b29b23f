//! AU915-928; RP002-1.0.4, 2.8.

use super::data_rate::{LORA_125, LORA_500, lora, lr_fhss};
use super::{Channels, DataRate, Plan, Region, Rx1};

const DATA_RATES: [Option<DataRate>; 14] = {
    let [a, b, c, d, e, f] = LORA_125;
    let [h, i, j, k, l, m] = LORA_500;
    [a, b, c, d, e, f, lora(8, 500), lr_fhss(1523, false), h, i, j, k, l, m]
};

pub(super) const PLAN: Plan = Plan {
    region: Region::Au915,
    word: "AU915",
    station: "AU915",
    band: (915_000_000, 928_000_000),
    uplink: &[
        Channels { first: 915_200_000, step: 200_000, count: 64 },
        Channels { first: 915_900_000, step: 1_600_000, count: 8 },
    ],
    data_rates: &DATA_RATES,
    rx1_rates: &[
        &[8, 8, 8, 8, 8, 8],
        &[9, 8, 8, 8, 8, 8],
        &[10, 9, 8, 8, 8, 8],
        &[11, 10, 9, 8, 8, 8],
        &[12, 11, 10, 9, 8, 8],
        &[13, 12, 11, 10, 9, 8],
        &[13, 13, 12, 11, 10, 9],
        &[9, 8, 8, 8, 8, 8],
    ],
    rx1: Rx1::Modulo(Channels { first: 923_300_000, step: 600_000, count: 8 }),
    rx2: (923_300_000, 8),
    added: &[],
    power: (None, 30),
};
