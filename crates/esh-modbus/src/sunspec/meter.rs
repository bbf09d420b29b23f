//! Models 201 to 204: meters of one, split and three phases, with scale factors.

use super::point::{acc32, events, int16, lacking, percent};
use crate::map::{Register, RegisterMap};
use esh_core::Alarm;
use esh_core::Quantity::*;
use esh_core::Unit::*;

const A_SF: u16 = 6;
const V_SF: u16 = 15;
const W_SF: u16 = 22;
const VA_SF: u16 = 27;
const VAR_SF: u16 = 32;
const PF_SF: u16 = 37;
const WH_SF: u16 = 54;
const VAH_SF: u16 = 71;
const VARH_SF: u16 = 104;

/// Energy of single phases has no word of its own: it is told by its name.
pub(super) const MODEL: RegisterMap<'static> = RegisterMap {
    registers: &[
        int16(2, "A", Unknown, Ampere, A_SF),
        int16(3, "AphA", CurrentL1, Ampere, A_SF),
        int16(4, "AphB", CurrentL2, Ampere, A_SF),
        int16(5, "AphC", CurrentL3, Ampere, A_SF),
        int16(7, "PhV", Unknown, Volt, V_SF),
        int16(8, "PhVphA", VoltageL1, Volt, V_SF),
        int16(9, "PhVphB", VoltageL2, Volt, V_SF),
        int16(10, "PhVphC", VoltageL3, Volt, V_SF),
        int16(11, "PPV", Unknown, Volt, V_SF),
        int16(12, "PhVphAB", VoltageL1l2, Volt, V_SF),
        int16(13, "PhVphBC", VoltageL2l3, Volt, V_SF),
        int16(14, "PhVphCA", VoltageL3l1, Volt, V_SF),
        int16(16, "Hz", Frequency, Hertz, 17),
        int16(18, "W", PowerActiveNet, Watt, W_SF),
        int16(19, "WphA", PowerActiveL1, Watt, W_SF),
        int16(20, "WphB", PowerActiveL2, Watt, W_SF),
        int16(21, "WphC", PowerActiveL3, Watt, W_SF),
        int16(23, "VA", PowerApparent, VoltAmpere, VA_SF),
        int16(24, "VAphA", Unknown, VoltAmpere, VA_SF),
        int16(25, "VAphB", Unknown, VoltAmpere, VA_SF),
        int16(26, "VAphC", Unknown, VoltAmpere, VA_SF),
        int16(28, "VAR", PowerReactiveImport, Var, VAR_SF),
        int16(29, "VARphA", Unknown, Var, VAR_SF),
        int16(30, "VARphB", Unknown, Var, VAR_SF),
        int16(31, "VARphC", Unknown, Var, VAR_SF),
        percent(33, "PF", PowerFactor, PF_SF),
        percent(34, "PFphA", Unknown, PF_SF),
        percent(35, "PFphB", Unknown, PF_SF),
        percent(36, "PFphC", Unknown, PF_SF),
        acc32(38, "TotWhExp", EnergyActiveExport, WattHour, WH_SF),
        lacking(40, "TotWhExpPhA", Unknown, WattHour, WH_SF),
        lacking(42, "TotWhExpPhB", Unknown, WattHour, WH_SF),
        lacking(44, "TotWhExpPhC", Unknown, WattHour, WH_SF),
        acc32(46, "TotWhImp", EnergyActiveImport, WattHour, WH_SF),
        lacking(48, "TotWhImpPhA", Unknown, WattHour, WH_SF),
        lacking(50, "TotWhImpPhB", Unknown, WattHour, WH_SF),
        lacking(52, "TotWhImpPhC", Unknown, WattHour, WH_SF),
        lacking(55, "TotVAhExp", EnergyApparentExport, VoltAmpereHour, VAH_SF),
        lacking(57, "TotVAhExpPhA", Unknown, VoltAmpereHour, VAH_SF),
        lacking(59, "TotVAhExpPhB", Unknown, VoltAmpereHour, VAH_SF),
        lacking(61, "TotVAhExpPhC", Unknown, VoltAmpereHour, VAH_SF),
        lacking(63, "TotVAhImp", EnergyApparentImport, VoltAmpereHour, VAH_SF),
        lacking(65, "TotVAhImpPhA", Unknown, VoltAmpereHour, VAH_SF),
        lacking(67, "TotVAhImpPhB", Unknown, VoltAmpereHour, VAH_SF),
        lacking(69, "TotVAhImpPhC", Unknown, VoltAmpereHour, VAH_SF),
        lacking(72, "TotVArhImpQ1", EnergyReactiveQ1, VarHour, VARH_SF),
        lacking(74, "TotVArhImpQ1PhA", Unknown, VarHour, VARH_SF),
        lacking(76, "TotVArhImpQ1PhB", Unknown, VarHour, VARH_SF),
        lacking(78, "TotVArhImpQ1PhC", Unknown, VarHour, VARH_SF),
        lacking(80, "TotVArhImpQ2", EnergyReactiveQ2, VarHour, VARH_SF),
        lacking(82, "TotVArhImpQ2PhA", Unknown, VarHour, VARH_SF),
        lacking(84, "TotVArhImpQ2PhB", Unknown, VarHour, VARH_SF),
        lacking(86, "TotVArhImpQ2PhC", Unknown, VarHour, VARH_SF),
        lacking(88, "TotVArhExpQ3", EnergyReactiveQ3, VarHour, VARH_SF),
        lacking(90, "TotVArhExpQ3PhA", Unknown, VarHour, VARH_SF),
        lacking(92, "TotVArhExpQ3PhB", Unknown, VarHour, VARH_SF),
        lacking(94, "TotVArhExpQ3PhC", Unknown, VarHour, VARH_SF),
        lacking(96, "TotVArhExpQ4", EnergyReactiveQ4, VarHour, VARH_SF),
        lacking(98, "TotVArhExpQ4PhA", Unknown, VarHour, VARH_SF),
        lacking(100, "TotVArhExpQ4PhB", Unknown, VarHour, VARH_SF),
        lacking(102, "TotVArhExpQ4PhC", Unknown, VarHour, VARH_SF),
        Register { alarms: EVENTS, ..events(105, "Evt") },
    ],
};

/// The events that are alarms: power failure, voltage out of its range, missing sensor.
pub(super) const EVENTS: &[(u8, Alarm)] =
    &[(2, Alarm::PowerFailure), (3, Alarm::PowerQuality), (6, Alarm::PowerQuality), (7, Alarm::ErrorPermanent)];
