//! RU864-870; RP002-1.0.4, 2.13.

use super::data_rate::{NARROW, SLOWER};
use super::{Channels, Plan, Region, Rx1};

pub(super) const PLAN: Plan = Plan {
    region: Region::Ru864,
    word: "RU864",
    station: "RU864",
    band: (864_000_000, 870_000_000),
    uplink: &[Channels { first: 868_900_000, step: 200_000, count: 2 }],
    data_rates: &NARROW,
    rx1_rates: &SLOWER,
    rx1: Rx1::Same,
    rx2: (869_100_000, 0),
    added: &[],
    power: (None, 16),
};
