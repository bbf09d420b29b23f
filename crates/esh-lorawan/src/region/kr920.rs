//! KR920-923; RP002-1.0.4, 2.11.

use super::data_rate::{LORA_125, SLOWER};
use super::{Channels, Plan, Region, Rx1};

pub(super) const PLAN: Plan = Plan {
    region: Region::Kr920,
    word: "KR920",
    station: "KR920",
    band: (920_900_000, 923_300_000),
    uplink: &[Channels { first: 922_100_000, step: 200_000, count: 3 }],
    data_rates: &LORA_125,
    rx1_rates: SLOWER.split_at(6).0,
    rx1: Rx1::Same,
    rx2: (921_900_000, 0),
    added: &[],
    power: (None, 23),
};
