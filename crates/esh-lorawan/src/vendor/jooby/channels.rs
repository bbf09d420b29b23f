//! Counts of pulses: of many channels, packed, and of one as the first modules sent them.

use super::fields::{Coding, Part, Told, extended, part, plain, unsigned, weight};
use esh_core::{Alarm, Alarms, CivilTime, DecodeError, Input, Precision, Quality, Quantity, Unit, Value};

/// What stands in a command before the counts, and what a channel has.
#[derive(Clone, Copy)]
pub(super) struct Counters {
    pub(super) date: bool,
    pub(super) span: Span,
    pub(super) weight: bool,
}

/// Which counts of a channel there are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// One.
    One,
    /// One, then a difference for each hour that follows; the hour and how many in one octet.
    Hours,
    /// Likewise; the hour in one octet and how many differences in the next.
    ManyHours,
    /// One for each day from the date on.
    Days,
}

const COUNT: Part = part("count", Coding::Extended, 0, Quantity::PulseCount, Unit::Pulse);
const WEIGHT: Part = plain("pulse weight", Coding::Weight);
const MAGNETIC: u32 = 1 << 31;
const HOUR: i64 = 3_600;

/// Counts of channels: a set of bits says of which.
pub(super) fn counters<'p>(
    layout: Counters,
    input: &mut Input<'p>,
    told: &mut Told<'_, 'p>,
) -> Result<(), DecodeError> {
    let mut first = if layout.date { date(input, told)? } else { None };
    let mut differences = 0;
    match layout.span {
        Span::One | Span::Days => {}
        Span::Hours => {
            let packed = input.u8("hours")?;
            differences = packed >> 5;
            first = at_hour(first, packed & 0x1f);
            // Zero stands for one hour, and its difference stands there, too.
            if differences == 0 {
                differences = 1;
            }
        }
        Span::ManyHours => {
            first = at_hour(first, input.u8("hour")?);
            differences = input.u8("hours")?;
        }
    }
    let channels = extended("channels", input)?;
    let days = if layout.span == Span::Days { input.u8("days")? } else { 1 };
    for channel in (0..64u16).filter(|channel| channels >> channel & 1 == 1) {
        told.register.subunit = channel + 1;
        told.at = None;
        if layout.weight {
            weight(&WEIGHT, input, told)?;
        }
        for day in 0..days {
            let start = *input;
            let count = extended(COUNT.name, input)?;
            told.at = first.and_then(|first| first.days_before(-i32::from(day)));
            told.number(&COUNT, count.into(), &start, input);
            let mut sum = count;
            for hour in 1..=differences {
                let start = *input;
                let Some(next) = sum.checked_add(extended("difference", input)?) else {
                    return Err(start.error("difference", esh_core::Reason::Overflow));
                };
                sum = next;
                told.at = first.and_then(|first| first.seconds_before(-HOUR * i64::from(hour)));
                told.number(&COUNT, sum.into(), &start, input);
            }
        }
    }
    told.at = None;
    told.register.subunit = 0;
    Ok(())
}

/// Counts of one channel of 31 bits, a day each.
pub(super) fn legacy_days<'p>(input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<(), DecodeError> {
    let first = date(input, told)?;
    let mut day = 0;
    while !input.is_empty() {
        told.at = first.and_then(|first| first.days_before(-day));
        count_31(input, told)?;
        day += 1;
    }
    Ok(())
}

pub(super) fn legacy_day<'p>(input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<(), DecodeError> {
    told.at = date(input, told)?;
    count_31(input, told)
}

pub(super) fn legacy_current<'p>(input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<(), DecodeError> {
    count_31(input, told)
}

/// A count of 24 bits at an hour, and differences of 13 bits for each that follows.
pub(super) fn legacy_hours<'p>(input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<(), DecodeError> {
    let date = date(input, told)?;
    let hour = input.u8("hour")?;
    magnet(hour & 0x80 != 0, told);
    let first = at_hour(date, hour & 0x1f);
    let start = *input;
    let mut sum = unsigned(COUNT.name, 3, input)?;
    told.at = first;
    told.number(&COUNT, sum.into(), &start, input);
    let mut after = 0;
    while !input.is_empty() {
        let start = *input;
        let packed = input.u16_be("difference")?;
        magnet(packed & 0x8000 != 0, told);
        sum += u64::from(packed & 0x1fff);
        after += HOUR;
        told.at = first.and_then(|first| first.seconds_before(-after));
        told.number(&COUNT, sum.into(), &start, input);
    }
    Ok(())
}

fn count_31<'p>(input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<(), DecodeError> {
    let start = *input;
    let packed = input.u32_be(COUNT.name)?;
    magnet(packed & MAGNETIC != 0, told);
    told.number(&COUNT, (packed & !MAGNETIC).into(), &start, input);
    Ok(())
}

fn magnet(there: bool, told: &mut Told<'_, '_>) {
    let alarms = Alarms::default().with(Alarm::TamperMagnetic);
    if told.now && there {
        told.out.alarms(alarms);
    }
}

/// A packed date: 7 bits of the year, 4 of the month, 5 of the day. What no calendar has is told as such.
fn date<'p>(input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<Option<CivilTime>, DecodeError> {
    const DATE: Part = part("date", Coding::Time, 0, Quantity::TimeDevice, Unit::None);
    let start = *input;
    let packed = input.u16_be("date")?;
    let day = (packed & 0x1f) as u8;
    let month = (packed >> 5 & 0x0f) as u8;
    let found = CivilTime::date(2000 + (packed >> 9), month, day);
    match found {
        Some(date) => told.value(&DATE, Value::Time(date), Quality::Good, &start, input),
        None => told.absent(&DATE, Quality::Malformed, &start, input),
    }
    Ok(found)
}

fn at_hour(date: Option<CivilTime>, hour: u8) -> Option<CivilTime> {
    Some(date?.at(hour, 0, 0, Precision::Second)?.counted_in_utc(true))
}
