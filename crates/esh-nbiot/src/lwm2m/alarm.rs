//! Resources that say that something is wrong.

use esh_core::{Alarm, Alarms};

/// Object, resource, what it means when it is true, or, as a number, not zero.
const ALARMS: &[(u16, u16, Alarm)] = &[
    (3411, 6, Alarm::BatteryLow),
    (3411, 9, Alarm::PowerFailure),
    (3421, 53, Alarm::PowerFailure),
    (3423, 9, Alarm::Leak),
    (3423, 10, Alarm::Leak),
    (3423, 11, Alarm::Overheat),
    (3424, 9, Alarm::Leak),
    (3424, 10, Alarm::Leak),
    (3424, 11, Alarm::FlowReverse),
    (3424, 12, Alarm::MeterBlocked),
    (3424, 13, Alarm::TamperCase),
    (3427, 3, Alarm::Leak),
    (10257, 11, Alarm::ErrorPermanent),
    (10272, 6013, Alarm::Leak),
    (10273, 6013, Alarm::FlowReverse),
    (10274, 6013, Alarm::PipeEmpty),
    (10275, 6013, Alarm::TamperCase),
    (10276, 6013, Alarm::PressureHigh),
    (10277, 6013, Alarm::PressureLow),
    (10278, 6013, Alarm::Overheat),
    (10279, 6013, Alarm::Frost),
    (10280, 6013, Alarm::Leak),
    (10281, 6013, Alarm::BatteryLow),
    (10282, 6013, Alarm::BoardFault),
    (10283, 6013, Alarm::DeviceReboot),
];

/// The alarms that a resource speaks of, whatever it says.
pub(super) fn spoken_of(object: u16, resource: u16) -> Alarms {
    let codes = if (object, resource) == (3, 11) { &[1, 2, 8, 3][..] } else { &[1] };
    codes.iter().fold(Alarms::NONE, |all, code| all.and(alarms(object, resource, *code)))
}

/// The alarms of a resource with that number, 1 standing for true.
pub(super) fn alarms(object: u16, resource: u16, number: i64) -> Alarms {
    if number == 0 {
        return Alarms::NONE;
    }
    if (object, resource) == (3, 11) {
        // The error codes of a device; OMA Core 1.1, appendix E.4.
        return Alarms::NONE.with(match number {
            1 => Alarm::BatteryLow,
            2 => Alarm::PowerFailure,
            8 => Alarm::ErrorPermanent,
            _ => Alarm::ErrorTemporary,
        });
    }
    let found = ALARMS.iter().find(|(of, id, _)| (*of, *id) == (object, resource));
    found.map_or(Alarms::NONE, |(_, _, alarm)| Alarms::NONE.with(*alarm))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_speaks_of_its_own_alarms_alone() {
        assert_eq!(spoken_of(3424, 9), Alarms::NONE.with(Alarm::Leak));
        assert_eq!(spoken_of(3, 11).iter().count(), 4);
        assert!(spoken_of(3424, 1).is_empty() && alarms(3424, 9, 0).is_empty());
    }
}
