//! The status of the Metering cluster, ZCL 07-5123, clause 10.4.2.2.3: a bit means what the kind of the meter says.

use esh_core::{Alarm, Alarms};

/// Kinds of meters, `MeteringDeviceType`.
const ELECTRICITY: &[u64] = &[0];
const GAS: &[u64] = &[1];
const WATER: &[u64] = &[2];
const HEAT: &[u64] = &[5, 6];
/// A meter that has not said its kind, or of any kind.
const ANY: &[u64] = &[];

/// Of which kinds, bit, alarm.
const BITS: &[(&[u64], u8, Alarm)] = &[
    (ANY, 0, Alarm::ErrorPermanent),
    (ANY, 1, Alarm::BatteryLow),
    (ANY, 2, Alarm::TamperCase),
    (ELECTRICITY, 3, Alarm::PowerFailure),
    (ELECTRICITY, 4, Alarm::PowerQuality),
    (ELECTRICITY, 6, Alarm::SupplyDisconnected),
    (GAS, 4, Alarm::PressureLow),
    (GAS, 5, Alarm::Leak),
    (GAS, 6, Alarm::SupplyDisconnected),
    (GAS, 7, Alarm::FlowReverse),
    (WATER, 3, Alarm::PipeEmpty),
    (WATER, 4, Alarm::PressureLow),
    (WATER, 5, Alarm::Leak),
    (WATER, 6, Alarm::SupplyDisconnected),
    (WATER, 7, Alarm::FlowReverse),
    (HEAT, 3, Alarm::SensorTemperatureFault),
    (HEAT, 4, Alarm::Burst),
    (HEAT, 5, Alarm::Leak),
    (HEAT, 6, Alarm::SupplyDisconnected),
    (HEAT, 7, Alarm::FlowSensorFault),
];

/// The alarms of a status of a meter of that kind.
pub(super) fn alarms(bits: u64, kind: Option<u64>) -> Alarms {
    let of_kind = |kinds: &[u64]| kinds.is_empty() || kind.is_some_and(|kind| kinds.contains(&kind));
    let set = BITS.iter().filter(|(kinds, bit, _)| bits >> bit & 1 == 1 && of_kind(kinds));
    set.fold(Alarms::NONE, |alarms, (.., alarm)| alarms.with(*alarm))
}
