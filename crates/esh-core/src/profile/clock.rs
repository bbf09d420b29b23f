//! How a time is told.

use super::Order;
use super::holds::{bcd_octet, cut};
use crate::{CivilTime, Precision, Quality, Value, mbus_time};

/// The form of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Clock {
    /// A count since an epoch.
    Count {
        /// How many octets it has, up to 8.
        octets: u8,
        /// Their order.
        order: Order,
        /// The epoch, in seconds since 1970.
        epoch: i64,
        /// What it counts, in milliseconds.
        tick: u32,
        /// Whether it counts by the meter's own clock and not in UTC.
        local: bool,
    },
    /// Types F, G and I of EN 13757-3, annex A, which the number of octets tells apart.
    Mbus {
        /// How many.
        octets: u8,
    },
    /// Year, month, day and what else there is, in bits of their own.
    Civil {
        /// How many octets it has, up to 8.
        octets: u8,
        /// Their order.
        order: Order,
        /// Which bits are what.
        parts: Parts,
        /// What is added to the year.
        year: u16,
        /// Whether each part is in BCD.
        bcd: bool,
        /// How many seconds one of its seconds is.
        second_step: u8,
        /// Whether it is in UTC.
        utc: bool,
    },
}

/// The parts of a civil time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Parts {
    /// The year.
    pub year: Part,
    /// The month, from 1.
    pub month: Part,
    /// The day, from 1.
    pub day: Part,
    /// The hour; none for a day.
    pub hour: Option<Part>,
    /// The minute; none for an hour.
    pub minute: Option<Part>,
    /// The second; none for a minute.
    pub second: Option<Part>,
}

/// Bits of a civil time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Part {
    /// The lowest.
    pub first: u8,
    /// How many.
    pub count: u8,
}

impl Clock {
    /// How many octets it takes.
    #[must_use]
    pub const fn octets(self) -> u8 {
        match self {
            Self::Count { octets, .. } | Self::Mbus { octets } | Self::Civil { octets, .. } => octets,
        }
    }

    pub(super) const fn order(self) -> Order {
        match self {
            Self::Count { order, .. } | Self::Civil { order, .. } => order,
            Self::Mbus { .. } => Order::Little,
        }
    }

    /// The time in octets whose integer is `bits`.
    pub(super) fn read(self, octets: &[u8], bits: u64) -> (Option<CivilTime>, Quality) {
        let time = match self {
            Self::Mbus { .. } => {
                return match mbus_time::read(octets) {
                    (Value::Time(time), quality) => (Some(time), quality),
                    (_, Quality::Good) => (None, Quality::Malformed),
                    (_, quality) => (None, quality),
                };
            }
            Self::Count { epoch, tick, local, .. } => {
                let seconds = i128::from(bits) * i128::from(tick) / 1000 + i128::from(epoch);
                i64::try_from(seconds).ok().and_then(CivilTime::from_unix).map(|time| time.counted_in_utc(!local))
            }
            Self::Civil { parts, year, bcd, second_step, utc, .. } => {
                civil(bits, parts, year, bcd, second_step).map(|time| time.counted_in_utc(utc))
            }
        };
        time.map_or((None, Quality::Invalid), |time| (Some(time), Quality::Good))
    }
}

fn civil(bits: u64, parts: Parts, base: u16, bcd: bool, second_step: u8) -> Option<CivilTime> {
    let part = |Part { first, count }: Part| {
        let bits = cut(bits, first, count);
        if bcd { bcd_octet(bits) } else { Some(bits) }
    };
    let small = |of: Part| part(of).and_then(|number| u8::try_from(number).ok());
    let year = u16::try_from(part(parts.year)?).ok()?.checked_add(base)?;
    let day = CivilTime::date(year, small(parts.month)?, small(parts.day)?)?;
    let Some(hour) = parts.hour else { return Some(day) };
    let hour = small(hour)?;
    let Some(minute) = parts.minute else { return day.at(hour, 0, 0, Precision::Hour) };
    let minute = small(minute)?;
    let Some(second) = parts.second else { return day.at(hour, minute, 0, Precision::Minute) };
    day.at(hour, minute, small(second)?.checked_mul(second_step)?, Precision::Second)
}
