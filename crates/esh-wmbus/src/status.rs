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
    let alarms = match value {
        Value::Time(_) if quality == Quality::Invalid => Alarms::NONE.with(Alarm::ClockInvalid),
        Value::Flags(bits) if qualifiers.contains(Qualifier::StandardContent) && medium == Some(Medium(0x1a)) => {
            SMOKE.iter().filter(|(bit, _)| bits & bit != 0).fold(Alarms::NONE, |all, (_, alarm)| all.with(*alarm))
        }
        _ => Alarms::NONE,
    };
    if !alarms.is_empty() {
        out.alarms(alarms);
    }
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
    }
}
