//! IN865-867; RP002-1.0.4, 2.12.

use super::data_rate::NARROW;
use super::{Channels, DataRate, Plan, Region, Rx1};

/// The sixth has no data rate.
const DATA_RATES: [Option<DataRate>; 8] = {
    let [a, b, c, d, e, f, _, h] = NARROW;
    [a, b, c, d, e, f, None, h]
};

pub(super) const PLAN: Plan = Plan {
    region: Region::In865,
    word: "IN865",
    station: "IN865",
    band: (865_000_000, 867_000_000),
    uplink: &[
        Channels { first: 865_062_500, step: 0, count: 1 },
        Channels { first: 865_402_500, step: 0, count: 1 },
        Channels { first: 865_985_000, step: 0, count: 1 },
    ],
    data_rates: &DATA_RATES,
    // The offsets 6 and 7 are one and two steps faster.
    rx1_rates: &[
        &[0, 0, 0, 0, 0, 0, 1, 2],
        &[1, 0, 0, 0, 0, 0, 2, 3],
        &[2, 1, 0, 0, 0, 0, 3, 4],
        &[3, 2, 1, 0, 0, 0, 4, 5],
        &[4, 3, 2, 1, 0, 0, 5, 5],
        &[5, 4, 3, 2, 1, 0, 5, 5],
        &[],
        &[7, 5, 5, 4, 3, 2, 7, 7],
    ],
    rx1: Rx1::Same,
    rx2: (866_550_000, 2),
    added: &[],
    power: (None, 30),
};
