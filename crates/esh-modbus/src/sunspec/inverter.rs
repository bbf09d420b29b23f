//! Models 101 to 103: inverters of one, split and three phases, with scale factors.

use super::point::{acc32, events, int16, percent, state, uint16};
use crate::map::{Register, RegisterMap};
use esh_core::Alarm;
use esh_core::Quantity::*;
use esh_core::Unit::*;

const A_SF: u16 = 6;
const V_SF: u16 = 13;
const TMP_SF: u16 = 37;

/// What it gives to the grid is exported.
pub(super) const MODEL: RegisterMap<'static> = RegisterMap {
    registers: &[
        uint16(2, "A", Unknown, Ampere, A_SF),
        uint16(3, "AphA", CurrentL1, Ampere, A_SF),
        uint16(4, "AphB", CurrentL2, Ampere, A_SF),
        uint16(5, "AphC", CurrentL3, Ampere, A_SF),
        uint16(7, "PPVphAB", VoltageL1l2, Volt, V_SF),
        uint16(8, "PPVphBC", VoltageL2l3, Volt, V_SF),
        uint16(9, "PPVphCA", VoltageL3l1, Volt, V_SF),
        uint16(10, "PhVphA", VoltageL1, Volt, V_SF),
        uint16(11, "PhVphB", VoltageL2, Volt, V_SF),
        uint16(12, "PhVphC", VoltageL3, Volt, V_SF),
        int16(14, "W", PowerActiveExport, Watt, 15),
        uint16(16, "Hz", Frequency, Hertz, 17),
        int16(18, "VA", PowerApparent, VoltAmpere, 19),
        int16(20, "VAr", PowerReactiveExport, Var, 21),
        percent(22, "PF", PowerFactor, 23),
        acc32(24, "WH", EnergyActiveExport, WattHour, 26),
        uint16(27, "DCA", Unknown, Ampere, 28),
        uint16(29, "DCV", Unknown, Volt, 30),
        int16(31, "DCW", Unknown, Watt, 32),
        int16(33, "TmpCab", TemperatureDevice, Celsius, TMP_SF),
        int16(34, "TmpSnk", Unknown, Celsius, TMP_SF),
        int16(35, "TmpTrns", Unknown, Celsius, TMP_SF),
        int16(36, "TmpOt", Unknown, Celsius, TMP_SF),
        state(38, "St"),
        state(39, "StVnd"),
        Register { alarms: EVENTS, ..events(40, "Evt1") },
        events(42, "Evt2"),
        events(44, "EvtVnd1"),
        events(46, "EvtVnd2"),
        events(48, "EvtVnd3"),
        events(50, "EvtVnd4"),
    ],
};

/// The events that are alarms.
pub(super) const EVENTS: &[(u8, Alarm)] = &[
    // Ground fault.
    (0, Alarm::ErrorPermanent),
    // The grid: disconnected, frequency and voltage out of their range.
    (4, Alarm::SupplyDisconnected),
    (8, Alarm::PowerQuality),
    (9, Alarm::PowerQuality),
    (10, Alarm::PowerQuality),
    (11, Alarm::PowerQuality),
    (5, Alarm::TamperCase),
    (7, Alarm::Overheat),
    (13, Alarm::Frost),
    // Memory lost; hardware test failed.
    (14, Alarm::ErrorTemporary),
    (15, Alarm::BoardFault),
];
