//! What the standards say of the state of a meter: the status octet of transport headers, error flags, an unset clock.

use esh_core::{Alarm, Alarms, Medium, Out, Qualifier, Qualifiers, Quality, Value};

/// What a status octet tells: EN 13757-7, table 9.
#[must_use]
pub const fn alarms_of_status(status: u8) -> Alarms {
    let mut alarms = match status & 3 {
        1 => Alarms::NONE.with(Alarm::MeterBusy),
        2 => Alarms::NONE.with(Alarm::ErrorApplication),
        3 => Alarms::NONE.with(Alarm::AlarmAbnormal),
        _ => Alarms::NONE,
    };
    if status & 0x04 != 0 {
        alarms = alarms.with(Alarm::BatteryLow);
    }
    if status & 0x08 != 0 {
        alarms = alarms.with(Alarm::ErrorPermanent);
    }
    if status & 0x10 != 0 {
        alarms = alarms.with(Alarm::ErrorTemporary);
    }
    if status & 0xe0 != 0 {
        alarms = alarms.with(Alarm::StatusVendor);
    }
    alarms
}

/// The states that a status octet tells of.
pub(crate) const OF_STATUS: Alarms =
    alarms_of_status(0x1f).and(alarms_of_status(0xe0)).with(Alarm::MeterBusy).with(Alarm::ErrorApplication);

/// Hands over what the standards themselves define: error flags of smoke alarms, and a clock that is not set.
#[inline(never)]
pub(crate) fn alarms_of_value(
    medium: Option<Medium>,
    value: &Value<'_>,
    quality: Quality,
    qualifiers: Qualifiers,
    out: &mut dyn Out<'_>,
) {
    const SMOKE: [(u64, Alarm); 5] = [
        (1 << 1, Alarm::BatteryLow),
        (1 << 2, Alarm::Smoke),
        (1 << 4, Alarm::SmokeFault),
        (1 << 5, Alarm::SmokeFault),
        (1 << 8, Alarm::SmokeFault),
    ];
    let clock = Alarms::NONE.with(Alarm::ClockInvalid);
    let (alarms, of) = match value {
        Value::Time(_) if quality == Quality::Invalid => (clock, clock),
        Value::Time(_) => (Alarms::NONE, clock),
        Value::Flags(bits) if qualifiers.contains(Qualifier::StandardContent) && medium == Some(Medium(0x1a)) => {
            let set = |bits: u64| {
                let set = SMOKE.iter().filter(|(bit, _)| bits & bit != 0);
                set.fold(Alarms::NONE, |all, (_, alarm)| all.with(*alarm))
            };
            (set(*bits), set(u64::MAX))
        }
        _ => return,
    };
    if !alarms.is_empty() {
        out.alarms(alarms);
    }
    out.no_alarms(of.minus(alarms));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn bits_are_alarms() {
        for (status, alarms) in [
            (0x00, &[][..]),
            (0x01, &[Alarm::MeterBusy]),
            (0x02, &[Alarm::ErrorApplication]),
            (0x03, &[Alarm::AlarmAbnormal]),
            (0x1c, &[Alarm::BatteryLow, Alarm::ErrorPermanent, Alarm::ErrorTemporary]),
            (0x40, &[Alarm::StatusVendor]),
        ] {
            assert_eq!(alarms_of_status(status).iter().collect::<Vec<_>>(), alarms, "{status:02x}");
        }
        let all = (0..=u8::MAX).fold(Alarms::NONE, |all, status| all.and(alarms_of_status(status)));
        assert_eq!(OF_STATUS, all);
    }
}
