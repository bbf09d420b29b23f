//! Civil times as a meter says them: no zone, a precision of their own.

mod calendar;
pub mod mbus;

use calendar::days_in;
use core::fmt;

/// A date, a time or both, as the meter said it.
///
/// It names no instant, because only the gateway knows the zone, unless the meter counts in UTC. Built by
/// [`CivilTime::date`] and [`CivilTime::at`], which refuse what is on no calendar, by [`CivilTime::open_date`] where a
/// meter has left the month or the day open, and by [`CivilTime::from_unix`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CivilTime {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    precision: Precision,
    daylight_saving: Option<bool>,
    utc: bool,
}

/// How far down a time is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Precision {
    /// A day.
    Day,
    /// An hour of a day.
    Hour,
    /// A minute of a day.
    Minute,
    /// A second of a day.
    Second,
}

impl Precision {
    /// The word that stands in a report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
        }
    }
}

impl CivilTime {
    /// A day; `None` when no calendar has it.
    #[must_use]
    pub const fn date(year: u16, month: u8, day: u8) -> Option<Self> {
        if year > 9999 || month < 1 || month > 12 || day < 1 || day > days_in(year, month) {
            return None;
        }
        Some(Self {
            year,
            month,
            day,
            hour: 0,
            minute: 0,
            second: 0,
            precision: Precision::Day,
            daylight_saving: None,
            utc: false,
        })
    }

    /// A date whose month or day the meter has left open, with 0 in its place; `None` when neither is open or when no
    /// calendar could have the rest. It is told, not reckoned with.
    #[must_use]
    pub const fn open_date(year: u16, month: u8, day: u8) -> Option<Self> {
        if year > 9999 || month > 12 || day > 31 || (month > 0 && day > 0) {
            return None;
        }
        Some(Self {
            year,
            month,
            day,
            hour: 0,
            minute: 0,
            second: 0,
            precision: Precision::Day,
            daylight_saving: None,
            utc: false,
        })
    }

    /// Whether the month or the day is left open.
    #[must_use]
    pub const fn is_open(self) -> bool {
        self.month == 0 || self.day == 0
    }

    /// The same day at a time, told to `precision`; `None` when no clock shows it. A leap second is allowed.
    #[must_use]
    pub const fn at(self, hour: u8, minute: u8, second: u8, precision: Precision) -> Option<Self> {
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        Some(Self { hour, minute, second, precision, ..self })
    }

    /// The same time, with what the meter says of daylight saving.
    #[must_use]
    pub const fn with_daylight_saving(self, daylight_saving: bool) -> Self {
        Self { daylight_saving: Some(daylight_saving), ..self }
    }

    /// The instant so many seconds after 1970-01-01T00:00:00Z, which is in UTC; `None` beyond the year 9999 or before
    /// the year 0.
    #[must_use]
    pub const fn from_unix(seconds: i64) -> Option<Self> {
        let epoch = Self {
            year: 1970,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
            precision: Precision::Second,
            daylight_saving: None,
            utc: true,
        };
        match seconds.checked_neg() {
            Some(before) => epoch.seconds_before(before),
            None => None,
        }
    }

    /// The same time, in UTC or, where not, by the clock of the meter.
    #[must_use]
    pub const fn counted_in_utc(self, utc: bool) -> Self {
        Self { utc, ..self }
    }

    /// Whether it is in UTC.
    #[must_use]
    pub const fn is_utc(self) -> bool {
        self.utc
    }

    /// Year, month and day.
    #[must_use]
    pub const fn ymd(self) -> (u16, u8, u8) {
        (self.year, self.month, self.day)
    }

    /// Hour, minute and second.
    #[must_use]
    pub const fn hms(self) -> (u8, u8, u8) {
        (self.hour, self.minute, self.second)
    }

    /// How far down it is told.
    #[must_use]
    pub const fn precision(self) -> Precision {
        self.precision
    }

    /// Whether the meter says that daylight saving is in force; `None` when it does not say.
    #[must_use]
    pub const fn daylight_saving(self) -> Option<bool> {
        self.daylight_saving
    }

    /// Its ISO 8601 text, as far down as it is told, with a `Z` for UTC: the text and how much of it counts.
    #[must_use]
    pub const fn text(self) -> ([u8; 20], usize) {
        const fn tens(value: u8) -> u8 {
            b'0' + value / 10 % 10
        }
        const fn units(value: u8) -> u8 {
            b'0' + value % 10
        }
        let (century, year) = ((self.year / 100) as u8, (self.year % 100) as u8);
        let text = [
            tens(century),
            units(century),
            tens(year),
            units(year),
            b'-',
            tens(self.month),
            units(self.month),
            b'-',
            tens(self.day),
            units(self.day),
            b'T',
            tens(self.hour),
            units(self.hour),
            b':',
            tens(self.minute),
            units(self.minute),
            b':',
            tens(self.second),
            units(self.second),
            b'Z',
        ];
        let len = match self.precision {
            Precision::Day => 10,
            // An hour alone is no ISO time of day that readers agree on.
            Precision::Hour | Precision::Minute => 16,
            Precision::Second if self.utc => 20,
            Precision::Second => 19,
        };
        (text, len)
    }
}

impl fmt::Display for CivilTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, len) = self.text();
        f.pad(core::str::from_utf8(text.get(..len).unwrap_or_default()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_time_prints_as_far_as_it_is_told() {
        let day = CivilTime::date(2016, 12, 31).unwrap();
        assert_eq!(day.to_string(), "2016-12-31");
        assert_eq!(day.at(0, 0, 0, Precision::Minute).unwrap().to_string(), "2016-12-31T00:00");
        assert_eq!(day.at(23, 59, 7, Precision::Second).unwrap().to_string(), "2016-12-31T23:59:07");
    }

    #[test]
    fn unix_seconds_are_in_utc() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
        ] {
            assert_eq!(CivilTime::from_unix(seconds).unwrap().to_string(), text);
        }
        assert_eq!(CivilTime::from_unix(i64::MAX), None);
        assert_eq!(CivilTime::from_unix(i64::MIN), None);
    }

    #[test]
    fn what_is_on_no_calendar_is_refused() {
        assert_eq!(CivilTime::date(2023, 2, 29), None);
        assert!(CivilTime::date(2024, 2, 29).is_some());
        assert_eq!(CivilTime::date(2024, 0, 1), None);
        assert_eq!(CivilTime::date(2024, 1, 1).unwrap().at(24, 0, 0, Precision::Minute), None);
    }

    #[test]
    fn an_open_date_is_told_and_not_reckoned_with() {
        let open = CivilTime::open_date(2000, 0, 0).unwrap();
        assert!(open.is_open());
        assert_eq!(open.at(3, 43, 0, Precision::Minute).unwrap().to_string(), "2000-00-00T03:43");
        assert_eq!(CivilTime::open_date(2021, 5, 0).unwrap().to_string(), "2021-05-00");
        assert_eq!(CivilTime::open_date(2021, 5, 1), None);
        assert_eq!(CivilTime::open_date(2021, 13, 0), None);
        assert_eq!((open.months_before(1), open.days_before(1), open.seconds_before(86_400)), (None, None, None));
        assert!(!open.is_last_of_month());
    }
}
