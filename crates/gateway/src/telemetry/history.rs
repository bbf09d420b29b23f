//! Points for the plots of the page: what the readings of the meters kept have been, thinned, within fixed bounds.
//!
//! Nobody feeds it: once a second it looks at the telegrams that came since. A meter that sends more often loses points
//! and nothing else.

use super::recent::{METERS, Recent};
use super::summary::{Told, is_plotted};
use esh_core::Decimal;
use std::collections::HashMap;

/// Points of all series: 2 MiB. A series that has become silent keeps what it has, so it may be 5 MiB at most.
const POINTS: usize = (2 << 20) / size_of::<Point>();
/// Series of one meter.
const SERIES: usize = 8;
/// The most points of a series, and the fewest that are enough for a plot.
const MOST: usize = 120;
const FEWEST: usize = 24;
/// The widest that points are thinned to, in seconds; from then on the oldest goes out.
const WIDEST: u32 = 900;

/// Points of readings, by the number of the meter's telegram and the reading's label.
#[derive(Debug, Default)]
pub(crate) struct History {
    meters: HashMap<u64, Vec<Series>>,
    /// How far the telegrams were looked at.
    order: u64,
    series: usize,
}

/// The points of one reading.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// What the reading is called.
    pub(crate) label: Box<str>,
    pub(crate) unit: Box<str>,
    pub(crate) points: Vec<Point>,
    /// How far apart settled points are at least, in seconds.
    spacing: u32,
}

/// A value and when its telegram came, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) at: u32,
    exponent: i8,
    digits: i64,
}

impl Point {
    /// `None` for a number of more than 18 digits, which no meter displays.
    fn new(at: u32, value: Decimal) -> Option<Self> {
        Some(Self { at, exponent: value.exponent(), digits: value.digits().try_into().ok()? })
    }

    pub(crate) const fn value(self) -> Decimal {
        Decimal::new(self.digits as i128, self.exponent)
    }
}

impl History {
    /// Looks at what came since the last time.
    pub(crate) fn look(&mut self, recent: &Recent) {
        let (telegrams, order) = recent.since(self.order);
        self.order = order;
        for telegram in telegrams {
            let Ok(told) = serde_json::from_slice::<Told<'_>>(&telegram.report) else { continue };
            let Some(at) = told.seconds() else { continue };
            for reading in told.readings.iter().filter(|reading| is_plotted(reading)) {
                if let Some(value) = reading.number() {
                    self.put(telegram.number, &reading.label(), reading.unit().unwrap_or_default(), at, value);
                }
            }
        }
        if self.meters.len() > METERS.telegrams {
            self.forget(recent);
        }
    }

    /// The series of a meter.
    pub(crate) fn of(&self, number: u64) -> &[Series] {
        self.meters.get(&number).map(Vec::as_slice).unwrap_or_default()
    }

    fn put(&mut self, number: u64, label: &str, unit: &str, at: u32, value: Decimal) {
        let Some(point) = Point::new(at, value) else { return };
        let of_meter = self.meters.entry(number).or_default();
        let place = of_meter.iter().position(|series| &*series.label == label);
        let place = match place {
            Some(place) => place,
            None if of_meter.len() < SERIES => {
                self.series += 1;
                of_meter.push(Series { label: label.into(), unit: unit.into(), points: Vec::new(), spacing: 1 });
                of_meter.len() - 1
            }
            None => return,
        };
        let Some(series) = of_meter.get_mut(place) else { return };
        series.put(point, (POINTS / self.series.max(1)).clamp(FEWEST, MOST));
    }

    /// Those whose meters are no longer kept go out.
    fn forget(&mut self, recent: &Recent) {
        let kept: std::collections::HashSet<_> = recent.meters().iter().map(|telegram| telegram.number).collect();
        self.meters.retain(|number, _| kept.contains(number));
        self.series = self.meters.values().map(Vec::len).sum();
    }
}

impl Series {
    /// The newest point always stands; it settles when the next one is far enough from the one before it.
    fn put(&mut self, point: Point, limit: usize) {
        if let [.., before, last] = self.points.as_mut_slice()
            && point.at.saturating_sub(before.at) < self.spacing
        {
            *last = point;
            return;
        }
        while self.points.len() >= limit {
            if self.spacing >= WIDEST {
                self.points.drain(..=self.points.len() - limit);
                break;
            }
            self.spacing *= 2;
            let mut settled: Option<u32> = None;
            let spacing = self.spacing;
            self.points.retain(|point| {
                let stays = settled.is_none_or(|settled| point.at.saturating_sub(settled) >= spacing);
                if stays {
                    settled = Some(point.at);
                }
                stays
            });
        }
        if self.points.len() == self.points.capacity() {
            self.points.reserve_exact(self.points.len().clamp(8, MOST).min(limit));
        }
        self.points.push(point);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_point_is_16_octets() {
        assert_eq!(size_of::<Point>(), 16);
    }

    fn series() -> Series {
        Series { label: "volume".into(), unit: "m3".into(), points: Vec::new(), spacing: 1 }
    }

    #[test]
    fn digits_stay_and_a_day_fits() {
        let mut series = series();
        for n in 0..8640u32 {
            let value = Decimal::parse(&format!("{n}.400")).unwrap();
            series.put(Point::new(1_700_000_000 + n * 10, value).unwrap(), MOST);
        }
        let (first, last) = (series.points.first().unwrap(), series.points.last().unwrap());
        assert_eq!(last.value().text().as_str(), "8639.400");
        assert!(last.at - first.at > 80_000, "{} {}", first.at, series.points.len());
        assert!((MOST / 2..=MOST).contains(&series.points.len()));
    }

    proptest! {
        /// Whatever the clock does, a series is bounded and its newest point is the last.
        #[test]
        fn a_series_is_bounded(times in prop::collection::vec(any::<u32>(), 1..2000), limit in FEWEST..=MOST) {
            let mut series = series();
            for at in times {
                let point = Point::new(at, Decimal::new(i128::from(at), -3)).unwrap();
                series.put(point, limit);
                prop_assert_eq!(series.points.last(), Some(&point));
                prop_assert!(series.points.len() <= limit && series.points.capacity() <= 2 * MOST);
            }
        }
    }
}
