//! CN470-510 with 96 channels; LoRaWAN 1.0.2 regional parameters, 2.6. RP002 has other plans, which few devices speak.

use super::data_rate::{LORA_125, SLOWER};
use super::{Channels, Plan, Region, Rx1};

pub(super) const PLAN: Plan = Plan {
    region: Region::Cn470,
    word: "CN470",
    station: "CN470",
    band: (470_000_000, 510_000_000),
    uplink: &[Channels { first: 470_300_000, step: 200_000, count: 96 }],
    data_rates: &LORA_125,
    rx1_rates: SLOWER.split_at(6).0,
    rx1: Rx1::Modulo(Channels { first: 500_300_000, step: 200_000, count: 48 }),
    rx2: (505_300_000, 0),
    added: &[],
    power: (None, 19),
};
