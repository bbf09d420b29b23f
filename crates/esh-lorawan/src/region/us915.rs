//! US902-928; RP002-1.0.4, 2.5.

use super::data_rate::{LORA_125, LORA_500, lora, lr_fhss};
use super::{Channels, DataRate, Plan, Region, Rx1};

const DATA_RATES: [Option<DataRate>; 14] = {
    let [_, _, a, b, c, d] = LORA_125;
    let [h, i, j, k, l, m] = LORA_500;
    [a, b, c, d, lora(8, 500), lr_fhss(1523, false), lr_fhss(1523, true), None, h, i, j, k, l, m]
};

pub(super) const PLAN: Plan = Plan {
    region: Region::Us915,
    word: "US915",
    station: "US902",
    band: (902_000_000, 928_000_000),
    uplink: &[
        Channels { first: 902_300_000, step: 200_000, count: 64 },
        Channels { first: 903_000_000, step: 1_600_000, count: 8 },
    ],
    data_rates: &DATA_RATES,
    rx1_rates: &[
        &[10, 9, 8, 8],
        &[11, 10, 9, 8],
        &[12, 11, 10, 9],
        &[13, 12, 11, 10],
        &[13, 13, 12, 11],
        &[10, 9, 8, 8],
        &[11, 10, 9, 8],
    ],
    rx1: Rx1::Modulo(Channels { first: 923_300_000, step: 600_000, count: 8 }),
    rx2: (923_300_000, 8),
    added: &[],
    power: (None, 30),
};
