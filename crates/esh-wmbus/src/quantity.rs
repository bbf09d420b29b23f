//! The canonical quantity: what a VIF means in a meter of this medium.

use esh_core::{Function, Medium, Qualifier, Qualifiers, Quantity, Register};

/// What a record measures, in the words of the vocabulary.
#[inline]
pub(crate) fn canonical(
    plain: Quantity,
    medium: Option<Medium>,
    qualifiers: Qualifiers,
    function: Function,
    register: Register,
) -> Quantity {
    let has = |qualifier| qualifiers.contains(qualifier);
    let electric = matches!(medium, Some(Medium::ELECTRICITY | Medium(0x20)));
    match plain {
        Quantity::Energy => energy(medium, electric, qualifiers, register),
        Quantity::Power => power(electric, qualifiers),
        Quantity::Volume if qualifiers.is_empty() => Quantity::Volume,
        Quantity::Volume if has(Qualifier::Leakage) => Quantity::VolumeLeakage,
        Quantity::Volume if has(Qualifier::Backward) => Quantity::VolumeReverse,
        Quantity::Volume if has(Qualifier::Uncorrected) => Quantity::VolumeUncorrected,
        Quantity::Volume if has(Qualifier::BaseConditions) => Quantity::VolumeBase,
        Quantity::TemperatureSupply => match medium {
            Some(medium) if medium.is_water() => Quantity::TemperatureMedium,
            Some(Medium::HCA) => Quantity::TemperatureRadiator,
            _ => Quantity::TemperatureSupply,
        },
        Quantity::TimeDevice if register.storage > 0 || function != Function::Instantaneous => Quantity::DateDue,
        Quantity::TimeOn if function == Function::Error => Quantity::TimeFault,
        Quantity::EnergyReactiveImport => reactive_energy(qualifiers),
        Quantity::EnergyApparentImport if has(Qualifier::Backward) => Quantity::EnergyApparentExport,
        Quantity::PowerReactiveImport if has(Qualifier::Backward) => Quantity::PowerReactiveExport,
        Quantity::VoltageL1 => voltage(electric, qualifiers),
        Quantity::CurrentL1 if !qualifiers.is_empty() => current(qualifiers),
        Quantity::PhaseAngleUiL1 if has(Qualifier::PhaseL2) => Quantity::PhaseAngleUiL2,
        Quantity::PhaseAngleUiL1 if has(Qualifier::PhaseL3) => Quantity::PhaseAngleUiL3,
        Quantity::PhaseAngleUuL2l1 if has(Qualifier::BetweenL3L1) => Quantity::PhaseAngleUuL3l1,
        plain => plain,
    }
}

fn energy(medium: Option<Medium>, electric: bool, qualifiers: Qualifiers, register: Register) -> Quantity {
    let backward = qualifiers.contains(Qualifier::Backward);
    if qualifiers.contains(Qualifier::Net) {
        return Quantity::EnergyActiveNet;
    }
    match medium {
        _ if electric && backward => Quantity::EnergyActiveExport,
        _ if electric => Quantity::EnergyActiveImport,
        Some(medium) if medium.is_cooling() => Quantity::EnergyCooling,
        Some(medium) if medium.is_thermal() && backward => Quantity::EnergyCooling,
        Some(Medium::HEAT_COOLING) if register.tariff == 1 => Quantity::EnergyCooling,
        _ => Quantity::Energy,
    }
}

fn power(electric: bool, qualifiers: Qualifiers) -> Quantity {
    let has = |qualifier| qualifiers.contains(qualifier);
    if has(Qualifier::Net) {
        Quantity::PowerActiveNet
    } else if electric && has(Qualifier::Backward) {
        Quantity::PowerActiveExport
    } else if has(Qualifier::PhaseL1) {
        Quantity::PowerActiveL1
    } else if has(Qualifier::PhaseL2) {
        Quantity::PowerActiveL2
    } else if has(Qualifier::PhaseL3) {
        Quantity::PowerActiveL3
    } else if electric {
        Quantity::PowerActiveImport
    } else {
        Quantity::Power
    }
}

fn reactive_energy(qualifiers: Qualifiers) -> Quantity {
    let has = |qualifier| qualifiers.contains(qualifier);
    if has(Qualifier::Quadrant1) {
        Quantity::EnergyReactiveQ1
    } else if has(Qualifier::Quadrant2) {
        Quantity::EnergyReactiveQ2
    } else if has(Qualifier::Quadrant3) {
        Quantity::EnergyReactiveQ3
    } else if has(Qualifier::Quadrant4) {
        Quantity::EnergyReactiveQ4
    } else if has(Qualifier::Backward) {
        Quantity::EnergyReactiveExport
    } else {
        Quantity::EnergyReactiveImport
    }
}

fn voltage(electric: bool, qualifiers: Qualifiers) -> Quantity {
    let has = |qualifier| qualifiers.contains(qualifier);
    if has(Qualifier::PhaseL1) {
        Quantity::VoltageL1
    } else if has(Qualifier::PhaseL2) {
        Quantity::VoltageL2
    } else if has(Qualifier::PhaseL3) {
        Quantity::VoltageL3
    } else if has(Qualifier::BetweenL1L2) {
        Quantity::VoltageL1l2
    } else if has(Qualifier::BetweenL2L3) {
        Quantity::VoltageL2l3
    } else if has(Qualifier::BetweenL3L1) {
        Quantity::VoltageL3l1
    } else if electric {
        // A meter that names no phase has but one.
        Quantity::VoltageL1
    } else {
        Quantity::BatteryVoltage
    }
}

fn current(qualifiers: Qualifiers) -> Quantity {
    let has = |qualifier| qualifiers.contains(qualifier);
    if has(Qualifier::PhaseL2) {
        Quantity::CurrentL2
    } else if has(Qualifier::PhaseL3) {
        Quantity::CurrentL3
    } else if has(Qualifier::Neutral) {
        Quantity::CurrentNeutral
    } else {
        Quantity::CurrentL1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_medium_and_the_qualifiers_choose_the_quantity() {
        const NONE: Qualifiers = Qualifiers::NONE;
        let with = |qualifier| NONE.with(qualifier);
        for (plain, medium, qualifiers, tariff, quantity) in [
            (Quantity::Energy, 0x02, NONE, 0, Quantity::EnergyActiveImport),
            (Quantity::Energy, 0x02, with(Qualifier::Backward), 0, Quantity::EnergyActiveExport),
            (Quantity::Energy, 0x02, with(Qualifier::Net), 0, Quantity::EnergyActiveNet),
            (Quantity::Energy, 0x04, NONE, 1, Quantity::Energy),
            (Quantity::Energy, 0x0a, NONE, 0, Quantity::EnergyCooling),
            (Quantity::Energy, 0x0d, NONE, 0, Quantity::Energy),
            (Quantity::Energy, 0x0d, NONE, 1, Quantity::EnergyCooling),
            (Quantity::Energy, 0x0d, with(Qualifier::Backward), 0, Quantity::EnergyCooling),
            (Quantity::Power, 0x02, with(Qualifier::PhaseL2), 0, Quantity::PowerActiveL2),
            (Quantity::Power, 0x04, NONE, 0, Quantity::Power),
            (Quantity::Volume, 0x03, with(Qualifier::Uncorrected), 0, Quantity::VolumeUncorrected),
            (Quantity::Volume, 0x03, with(Qualifier::BaseConditions), 0, Quantity::VolumeBase),
            (Quantity::Volume, 0x07, with(Qualifier::Backward), 0, Quantity::VolumeReverse),
            (Quantity::Volume, 0x07, with(Qualifier::Future), 0, Quantity::Volume),
            (Quantity::TemperatureSupply, 0x16, NONE, 0, Quantity::TemperatureMedium),
            (Quantity::TemperatureSupply, 0x04, NONE, 0, Quantity::TemperatureSupply),
            (Quantity::VoltageL1, 0x07, NONE, 0, Quantity::BatteryVoltage),
            (Quantity::VoltageL1, 0x02, with(Qualifier::PhaseL3), 0, Quantity::VoltageL3),
            (Quantity::CurrentL1, 0x02, with(Qualifier::Neutral), 0, Quantity::CurrentNeutral),
        ] {
            let register = Register { tariff, ..Register::default() };
            let found = canonical(plain, Some(Medium(medium)), qualifiers, Function::Instantaneous, register);
            assert_eq!(found, quantity, "{plain:?} {medium:02x} {qualifiers:?}");
        }
    }
}
