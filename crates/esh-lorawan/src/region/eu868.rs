//! EU863-870; RP002-1.0.4, 2.4.

use super::data_rate::{NARROW, SLOWER, lr_fhss};
use super::{Channels, DataRate, Plan, Region, Rx1};

const DATA_RATES: [Option<DataRate>; 12] = {
    let [a, b, c, d, e, f, g, h] = NARROW;
    [a, b, c, d, e, f, g, h, lr_fhss(137, false), lr_fhss(137, true), lr_fhss(336, false), lr_fhss(336, true)]
};

/// A frame in LR-FHSS is answered in LoRa.
const RX1_RATES: [&[u8]; 12] = {
    let [a, b, c, d, e, f, g, h] = SLOWER;
    [a, b, c, d, e, f, g, h, b, c, b, c]
};

pub(super) const PLAN: Plan = Plan {
    region: Region::Eu868,
    word: "EU868",
    station: "EU863",
    band: (863_000_000, 870_000_000),
    uplink: &[Channels { first: 868_100_000, step: 200_000, count: 3 }],
    data_rates: &DATA_RATES,
    rx1_rates: &RX1_RATES,
    rx1: Rx1::Same,
    rx2: (869_525_000, 0),
    added: &[867_100_000, 867_300_000, 867_500_000, 867_700_000, 867_900_000],
    // ETSI EN 300 220-2: 500 mW ERP in the band of the second window.
    power: (Some((869_400_000, 869_650_000, 29)), 16),
};
