//! Instants: what a civil time is in a zone.

use esh_core::CivilTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

/// The instant of a civil time in a zone, and whether it had to be chosen.
///
/// An open date is no instant. A time that happens twice, or not at all, takes the first instant, unless the meter says which it means.
#[must_use]
pub(super) fn of(time: CivilTime, zone: &TimeZone) -> Option<(jiff::Timestamp, bool)> {
    if time.is_open() {
        return None;
    }
    if time.is_utc() {
        return of_civil(time, &TimeZone::UTC);
    }
    of_civil(time, zone)
}

fn of_civil(time: CivilTime, zone: &TimeZone) -> Option<(jiff::Timestamp, bool)> {
    let (year, month, day) = time.ymd();
    let (hour, minute, second) = time.hms();
    let civil = jiff::civil::DateTime::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
        i8::try_from(hour).ok()?,
        i8::try_from(minute).ok()?,
        // jiff knows no leap second; the one before it is the nearest instant.
        i8::try_from(second.min(59)).ok()?,
        0,
    )
    .ok()?;
    let instant = zone.to_ambiguous_timestamp(civil);
    let ambiguous = instant.is_ambiguous();
    match (instant.offset(), time.daylight_saving()) {
        (AmbiguousOffset::Fold { .. }, Some(false)) => instant.later().ok().map(|instant| (instant, false)),
        (AmbiguousOffset::Fold { .. }, Some(true)) => instant.earlier().ok().map(|instant| (instant, false)),
        _ => instant.earlier().ok().map(|instant| (instant, ambiguous)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::Precision;

    #[test]
    fn the_hour_that_happens_twice_takes_the_first_instant_unless_the_meter_says() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let twice = CivilTime::date(2025, 10, 26).unwrap().at(2, 30, 0, Precision::Minute).unwrap();
        let told = |time| of(time, &zone).map(|(instant, chosen)| (instant.to_string(), chosen));
        assert_eq!(told(twice), Some(("2025-10-26T00:30:00Z".into(), true)));
        assert_eq!(told(twice.with_daylight_saving(false)), Some(("2025-10-26T01:30:00Z".into(), false)));
        assert_eq!(told(twice.with_daylight_saving(true)), Some(("2025-10-26T00:30:00Z".into(), false)));
        let missing = CivilTime::date(2025, 3, 30).unwrap().at(2, 30, 0, Precision::Minute).unwrap();
        assert_eq!(told(missing), Some(("2025-03-30T00:30:00Z".into(), true)));
        let open = CivilTime::open_date(2000, 0, 0).unwrap().at(3, 43, 0, Precision::Minute).unwrap();
        assert_eq!(told(open), None);
        let minsk = TimeZone::get("Europe/Minsk").unwrap();
        let plain = CivilTime::date(2016, 12, 31).unwrap();
        assert_eq!(of(plain, &minsk).unwrap().0.to_string(), "2016-12-30T21:00:00Z");
    }
}
