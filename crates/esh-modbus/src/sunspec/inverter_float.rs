//! Models 111 to 113: inverters of one, split and three phases, in floats.

use super::inverter::EVENTS;
use super::point::{events, float, state};
use crate::map::{Register, RegisterMap, Scale};
use esh_core::Quantity::*;
use esh_core::Unit::*;

/// What it gives to the grid is exported.
pub(super) const MODEL: RegisterMap<'static> = RegisterMap {
    registers: &[
        float(2, "A", Unknown, Ampere),
        float(4, "AphA", CurrentL1, Ampere),
        float(6, "AphB", CurrentL2, Ampere),
        float(8, "AphC", CurrentL3, Ampere),
        float(10, "PPVphAB", VoltageL1l2, Volt),
        float(12, "PPVphBC", VoltageL2l3, Volt),
        float(14, "PPVphCA", VoltageL3l1, Volt),
        float(16, "PhVphA", VoltageL1, Volt),
        float(18, "PhVphB", VoltageL2, Volt),
        float(20, "PhVphC", VoltageL3, Volt),
        float(22, "W", PowerActiveExport, Watt),
        float(24, "Hz", Frequency, Hertz),
        float(26, "VA", PowerApparent, VoltAmpere),
        float(28, "VAr", PowerReactiveExport, Var),
        // In percent.
        float(30, "PF", PowerFactor, One).scaled(Scale::by(1, -2)),
        float(32, "WH", EnergyActiveExport, WattHour),
        float(34, "DCA", Unknown, Ampere),
        float(36, "DCV", Unknown, Volt),
        float(38, "DCW", Unknown, Watt),
        float(40, "TmpCab", TemperatureDevice, Celsius),
        float(42, "TmpSnk", Unknown, Celsius),
        float(44, "TmpTrns", Unknown, Celsius),
        float(46, "TmpOt", Unknown, Celsius),
        state(48, "St"),
        state(49, "StVnd"),
        Register { alarms: EVENTS, ..events(50, "Evt1") },
        events(52, "Evt2"),
        events(54, "EvtVnd1"),
        events(56, "EvtVnd2"),
        events(58, "EvtVnd3"),
        events(60, "EvtVnd4"),
    ],
};
