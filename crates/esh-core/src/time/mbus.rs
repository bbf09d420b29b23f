//! Dates and times of M-Bus: types F, G, I and J of EN 13757-3, annex A, which their size tells apart.

use crate::{CivilTime, Precision, Quality, Value};

/// Reads a date or a time: EN 13757-3, annex A.
///
/// A date on no calendar is none. One that is not to be trusted is told, and that it is invalid: the clock of the meter
/// is not set, or the date comes every year, which the year 127 says. One whose month or day is 0 is told as well, and
/// that it is incomplete. Octets of another size, such as the types K, L and M, stay octets.
#[must_use]
#[inline]
pub fn read(octets: &[u8]) -> (Value<'_>, Quality) {
    match *octets {
        [low, high] => flagged(every_year(low, high), type_g(low, high)),
        [second, minute, hour] => type_j(second, minute, hour),
        [minute, hour, low, high] => {
            flagged(minute & 0x80 != 0 || every_year(low, high), type_f(minute, hour, low, high))
        }
        [second, minute, hour, low, high, _] => {
            flagged(minute & 0x80 != 0 || every_year(low, high), type_i(second, minute, hour, low, high))
        }
        _ => (Value::Octets(octets), Quality::Good),
    }
}

fn flagged(invalid: bool, time: Option<CivilTime>) -> (Value<'static>, Quality) {
    match time {
        Some(time) if time.is_open() && !invalid => (Value::Time(time), Quality::Incomplete),
        Some(time) if !time.is_open() => (Value::Time(time), if invalid { Quality::Invalid } else { Quality::Good }),
        // All ones, marked invalid with nothing in it, or on no calendar.
        _ => (Value::Absent, Quality::Invalid),
    }
}

/// Type G, a date in 16 bits. Its year has two digits: up to 80 they are of this century.
fn type_g(low: u8, high: u8) -> Option<CivilTime> {
    let (year, month, day) = split(low, high);
    date(if (81..100).contains(&year) { 1900 + year } else { 2000 + year }, month, day)
}

/// Type F, date and time to the minute in 32 bits, with a century of two bits.
fn type_f(minute: u8, hour: u8, low: u8, high: u8) -> Option<CivilTime> {
    let (year, month, day) = split(low, high);
    let year = match hour >> 5 & 3 {
        0 if !(81..100).contains(&year) => 2000 + year,
        century => 1900 + 100 * u16::from(century) + year,
    };
    let time = date(year, month, day)?.at(hour & 0x1f, minute & 0x3f, 0, Precision::Minute)?;
    // The bit says summer time; without it nothing is said, as most meters never set it.
    Some(if hour & 0x80 != 0 { time.with_daylight_saving(true) } else { time })
}

/// Type I, date and time to the second in 48 bits.
fn type_i(second: u8, minute: u8, hour: u8, low: u8, high: u8) -> Option<CivilTime> {
    let (year, month, day) = split(low, high);
    let time = date(2000 + year, month, day)?.at(hour & 0x1f, minute & 0x3f, second & 0x3f, Precision::Second)?;
    Some(if second & 0x40 != 0 { time.with_daylight_saving(true) } else { time })
}

/// A date on the calendar, or one whose month or day is left open.
fn date(year: u16, month: u8, day: u8) -> Option<CivilTime> {
    CivilTime::date(year, month, day).or_else(|| CivilTime::open_date(year, month, day))
}

/// Type J, a time of day in 24 bits.
fn type_j(second: u8, minute: u8, hour: u8) -> (Value<'static>, Quality) {
    let (second, minute, hour) = (second & 0x3f, minute & 0x3f, hour & 0x1f);
    if hour > 23 || minute > 59 || second > 60 {
        return (Value::Absent, Quality::Invalid);
    }
    (Value::TimeOfDay(hour, minute, second), Quality::Good)
}

/// Year of two digits, month and day, as types F, G and I have them.
fn split(low: u8, high: u8) -> (u16, u8, u8) {
    (u16::from(low >> 5 | high >> 4 << 3), high & 0x0f, low & 0x1f)
}

/// Whether the year is the one that stands for every year.
fn every_year(low: u8, high: u8) -> bool {
    split(low, high).0 == 127
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::String;

    fn print(octets: &[u8]) -> String {
        match read(octets) {
            (Value::Time(time), Quality::Good) => format!("{time}"),
            (Value::Time(time), quality) => format!("{time} {}", quality.word()),
            (Value::TimeOfDay(hour, minute, second), _) => format!("{hour:02}:{minute:02}:{second:02}"),
            (Value::Octets(octets), _) => format!("{octets:02x?}"),
            (_, quality) => quality.word().into(),
        }
    }

    #[test]
    fn dates_of_every_type() {
        for (octets, text) in [
            (&[0xbfu8, 0x25][..], "2021-05-31"),
            (&[0x9f, 0x2c], "2020-12-31"),
            (&[0xff, 0xff], "invalid"),
            (&[0x00, 0x00], "2000-00-00 incomplete"),
            (&[0xa0, 0x25], "2021-05-00 incomplete"),
            (&[0x00, 0x0f], "invalid"),
            (&[0x1f, 0x02], "invalid"),
            (&[0xe1, 0xf7], "2127-07-01 invalid"),
            (&[0x00, 0x00, 0xe1, 0xf1], "2127-01-01T00:00 invalid"),
            (&[0x6d & 0x1f | 0x60, 0xcc], "1999-12-13"),
            (&[0x0b, 0x0b, 0xcd, 0x13], "2014-03-13T11:11"),
            (&[0x8b, 0x0b, 0xcd, 0x13], "2014-03-13T11:11 invalid"),
            (&[0x3b, 0x37, 0xdf, 0x2c], "2022-12-31T23:59"),
            (&[0x00, 0x00, 0x00, 0x00], "2000-00-00T00:00 incomplete"),
            (&[0x2b, 0x03, 0x00, 0x00], "2000-00-00T03:43 incomplete"),
            (&[0x00, 0x20, 0x00, 0x00], "2000-00-00T00:00 incomplete"),
            (&[0x80, 0x00, 0x00, 0x00], "invalid"),
            (&[0xe0, 0xf0], "invalid"),
            (&[0xe0, 0xff], "invalid"),
            (&[0xff, 0xff, 0xff, 0xff], "invalid"),
            (&[0x1e, 0x0b, 0x09], "09:11:30"),
            (&[0xff, 0xff, 0xff], "invalid"),
            (&[0x07, 0x3b, 0x17, 0xdf, 0x2c, 0x00], "2022-12-31T23:59:07"),
            (&[0x00; 5], "[00, 00, 00, 00, 00]"),
        ] {
            assert_eq!(print(octets), text, "{octets:02x?}");
        }
    }

    #[test]
    fn summer_time_is_told() {
        let (Value::Time(time), _) = read(&[0x0b, 0x8b, 0xcd, 0x13]) else { panic!("no time") };
        assert_eq!(time.daylight_saving(), Some(true));
    }
}
