//! Civil times as a meter says them: no zone, a precision of their own.

use core::fmt;

/// A date, a time or both, as the meter said it.
///
/// It names no instant: only the gateway knows the zone. Built by [`CivilTime::date`] and [`CivilTime::at`], which
/// refuse what is on no calendar, and by [`CivilTime::open_date`] where a meter has left the month or the day open.
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
        Some(Self { year, month, day, hour: 0, minute: 0, second: 0, precision: Precision::Day, daylight_saving: None })
    }

    /// A date whose month or day the meter has left open, with 0 in its place; `None` when neither is open or when no
    /// calendar could have the rest. It is told, not reckoned with.
    #[must_use]
    pub const fn open_date(year: u16, month: u8, day: u8) -> Option<Self> {
        if year > 9999 || month > 12 || day > 31 || (month > 0 && day > 0) {
            return None;
        }
        Some(Self { year, month, day, hour: 0, minute: 0, second: 0, precision: Precision::Day, daylight_saving: None })
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

    /// The same day and time `months` months earlier, later where it is negative, or the last day of that month when
    /// it is shorter. `None` where the date is open or would leave the calendar.
    ///
    /// What the meter says of daylight saving it says of its own time only.
    #[must_use]
    pub const fn months_before(self, months: i32) -> Option<Self> {
        if self.is_open() {
            return None;
        }
        let Some(index) = (self.year as i32 * 12 + self.month as i32 - 1).checked_sub(months) else { return None };
        if index < 0 || index >= 12 * 10_000 {
            return None;
        }
        let (year, month) = ((index / 12) as u16, (index % 12) as u8 + 1);
        let last = days_in(year, month);
        let day = if self.day > last { last } else { self.day };
        Some(Self { year, month, day, daylight_saving: None, ..self })
    }

    /// The same time of day `days` days earlier, later where it is negative. `None` where the date is open or would
    /// leave the calendar.
    #[must_use]
    pub const fn days_before(self, days: i32) -> Option<Self> {
        if self.is_open() {
            return None;
        }
        let Some(number) = day_number(self.year, self.month, self.day).checked_sub(days) else { return None };
        if number < 0 || number >= day_number(10_000, 1, 1) {
            return None;
        }
        // No year is longer than 366 days and none shorter than 365: the first guess is at most some years too low.
        let mut year = (number / 366) as u16;
        while day_number(year + 1, 1, 1) <= number {
            year += 1;
        }
        let mut month = 1;
        while month < 12 && day_number(year, month + 1, 1) <= number {
            month += 1;
        }
        let day = (number - day_number(year, month, 1)) as u8 + 1;
        Some(Self { year, month, day, daylight_saving: None, ..self })
    }

    /// The time `seconds` seconds earlier on a clock that is never set, later where it is negative. `None` where the
    /// date is open, would leave the calendar, or is not told as far down as that.
    #[must_use]
    pub const fn seconds_before(self, seconds: i64) -> Option<Self> {
        let unit = match self.precision {
            Precision::Day => 86_400,
            Precision::Hour => 3_600,
            Precision::Minute => 60,
            Precision::Second => 1,
        };
        if seconds % unit != 0 {
            return None;
        }
        let of_day = self.hour as i64 * 3_600 + self.minute as i64 * 60 + self.second as i64;
        let Some(earlier) = of_day.checked_sub(seconds) else { return None };
        let (days, of_day) = (-earlier.div_euclid(86_400), earlier.rem_euclid(86_400) as u32);
        if days < i32::MIN as i64 || days > i32::MAX as i64 {
            return None;
        }
        let Some(day) = self.days_before(days as i32) else { return None };
        let (hour, minute, second) = ((of_day / 3_600) as u8, (of_day / 60 % 60) as u8, (of_day % 60) as u8);
        Some(Self { hour, minute, second, ..day })
    }

    /// Whether it is the last day of its month.
    #[must_use]
    pub const fn is_last_of_month(self) -> bool {
        !self.is_open() && self.day == days_in(self.year, self.month)
    }

    /// The last day of its month, at the same time; an open date stays as it is.
    #[must_use]
    pub const fn last_of_month(self) -> Self {
        if self.is_open() { self } else { Self { day: days_in(self.year, self.month), ..self } }
    }

    /// Its ISO 8601 text, as far down as it is told: the text and how much of it counts.
    #[must_use]
    pub const fn text(self) -> ([u8; 19], usize) {
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
        ];
        let len = match self.precision {
            Precision::Day => 10,
            // An hour alone is no ISO time of day that readers agree on.
            Precision::Hour | Precision::Minute => 16,
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

const fn days_in(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the first of January of year 0 of the Gregorian calendar, reckoned backwards where it was not in use.
const fn day_number(year: u16, month: u8, day: u8) -> i32 {
    let year = year as i32;
    // Leap days before this year; year 0 is a leap year.
    let leap = if year == 0 { 0 } else { (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1 };
    let mut number = 365 * year + leap;
    let mut earlier = 1;
    while earlier < month {
        number += days_in(year as u16, earlier) as i32;
        earlier += 1;
    }
    number + day as i32 - 1
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

    #[test]
    fn a_month_earlier_may_end_sooner() {
        let day = CivilTime::date(2020, 12, 31).unwrap();
        assert_eq!(day.months_before(1).unwrap().to_string(), "2020-11-30");
        assert_eq!(day.months_before(10).unwrap().to_string(), "2020-02-29");
        assert_eq!(day.months_before(12).unwrap().to_string(), "2019-12-31");
        assert_eq!(day.months_before(-2).unwrap().to_string(), "2021-02-28");
        assert_eq!(day.months_before(-2).unwrap().last_of_month().to_string(), "2021-02-28");
        assert_eq!(day.months_before(i32::MIN), None);
        assert!(day.is_last_of_month());
    }

    #[test]
    fn days_are_counted_on_the_calendar() {
        let day = CivilTime::date(2024, 3, 1).unwrap();
        for (days, text) in [
            (1, "2024-02-29"),
            (61, "2023-12-31"),
            (-306, "2025-01-01"),
            (366, "2023-03-01"),
            (8_826, "2000-01-01"),
            (739_311, "0000-01-01"),
        ] {
            assert_eq!(day.days_before(days).map(|day| day.to_string()).as_deref(), Some(text), "{days}");
        }
        assert_eq!((day.days_before(739_312), day.days_before(i32::MIN)), (None, None));
        // Every day of four centuries has one before it, and that one after.
        let mut day = CivilTime::date(2400, 12, 31).unwrap();
        for _ in 0..146_097 {
            let before = day.days_before(1).unwrap();
            assert!(before < day && CivilTime::date(before.year, before.month, before.day).is_some());
            assert_eq!(before.days_before(-1), Some(day));
            day = before;
        }
        assert_eq!(day.to_string(), "2000-12-31");
    }

    #[test]
    fn seconds_are_counted_as_far_down_as_a_time_is_told() {
        let time = CivilTime::date(2010, 1, 1).unwrap().at(3, 0, 0, Precision::Minute).unwrap();
        let summer = time.with_daylight_saving(true);
        assert_eq!(time.seconds_before(4 * 3_600).unwrap().to_string(), "2009-12-31T23:00");
        assert_eq!(summer.seconds_before(-75_600), CivilTime::date(2010, 1, 2).unwrap().at(0, 0, 0, Precision::Minute));
        assert_eq!(time.seconds_before(30), None);
        assert_eq!(time.seconds_before(i64::MIN), None);
        assert_eq!(CivilTime::date(2010, 1, 1).unwrap().seconds_before(3_600), None);
        assert_eq!(CivilTime::date(2010, 1, 1).unwrap().seconds_before(86_400).unwrap().to_string(), "2009-12-31");
    }
}
