//! The status octet of transport headers.

use esh_core::{Alarm, Alarms};

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
