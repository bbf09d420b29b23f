//! CN470-510 with 96 channels; LoRaWAN 1.0.2 regional parameters, 2.6. RP002 has other plans, which few devices speak.

use super::data_rate::lora;
use super::{Channels, DataRate, Plan, Region, Rx1};

const DATA_RATES: [Option<DataRate>; 6] =
    [lora(12, 125), lora(11, 125), lora(10, 125), lora(9, 125), lora(8, 125), lora(7, 125)];

pub(super) const PLAN: Plan = Plan {
    region: Region::Cn470,
    word: "CN470",
    station: "CN470",
    band: (470_000_000, 510_000_000),
    uplink: &[Channels { first: 470_300_000, step: 200_000, count: 96 }],
    data_rates: &DATA_RATES,
    rx1_rates: &[
        &[0, 0, 0, 0, 0, 0],
        &[1, 0, 0, 0, 0, 0],
        &[2, 1, 0, 0, 0, 0],
        &[3, 2, 1, 0, 0, 0],
        &[4, 3, 2, 1, 0, 0],
        &[5, 4, 3, 2, 1, 0],
    ],
    rx1: Rx1::Modulo(Channels { first: 500_300_000, step: 200_000, count: 48 }),
    rx2: (505_300_000, 0),
    added: &[],
    power: (None, 19),
};
