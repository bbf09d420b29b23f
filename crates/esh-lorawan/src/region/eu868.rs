//! EU863-870; RP002-1.0.4, 2.4.

use super::data_rate::{NARROW, lr_fhss};
use super::{Channels, DataRate, Plan, Region, Rx1};

const DATA_RATES: [Option<DataRate>; 12] = {
    let [a, b, c, d, e, f, g, h] = NARROW;
    [a, b, c, d, e, f, g, h, lr_fhss(137, false), lr_fhss(137, true), lr_fhss(336, false), lr_fhss(336, true)]
};

pub(super) const PLAN: Plan = Plan {
    region: Region::Eu868,
    word: "EU868",
    station: "EU863",
    band: (863_000_000, 870_000_000),
    uplink: &[Channels { first: 868_100_000, step: 200_000, count: 3 }],
    data_rates: &DATA_RATES,
    rx1_rates: &[
        &[0, 0, 0, 0, 0, 0],
        &[1, 0, 0, 0, 0, 0],
        &[2, 1, 0, 0, 0, 0],
        &[3, 2, 1, 0, 0, 0],
        &[4, 3, 2, 1, 0, 0],
        &[5, 4, 3, 2, 1, 0],
        &[6, 5, 4, 3, 2, 1],
        &[7, 6, 5, 4, 3, 2],
        &[1, 0, 0, 0, 0, 0],
        &[2, 1, 0, 0, 0, 0],
        &[1, 0, 0, 0, 0, 0],
        &[2, 1, 0, 0, 0, 0],
    ],
    rx1: Rx1::Same,
    rx2: (869_525_000, 0),
    added: &[867_100_000, 867_300_000, 867_500_000, 867_700_000, 867_900_000],
    // ETSI EN 300 220-2: 500 mW ERP in the band of the second window.
    power: (Some((869_400_000, 869_650_000, 29)), 16),
};
