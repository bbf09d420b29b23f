//! What a quantity is to Home Assistant: the device classes and their units of its page "Sensor", the state classes of its
//! page for developers, "Sensor entity".

use esh_core::{Quantity, Unit};

/// What a quantity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    /// The device class; `None` where Home Assistant has none.
    pub(super) device: Option<&'static str>,
    /// The state class.
    pub(super) state: &'static str,
    /// Whether it is about the device and not about what is measured.
    pub(super) diagnostic: bool,
}

/// What a quantity is in that unit, in a meter for that medium; `None` for what is no number.
pub(super) fn of(quantity: Quantity, unit: Unit, medium: Option<&str>) -> Option<Class> {
    let (_, device, state, diagnostic) = CLASSES.iter().find(|row| row.0 == quantity)?;
    let device = match (quantity, medium) {
        (Quantity::Volume, Some("water" | "hot_water" | "cold_water" | "dual_water")) => "water",
        (Quantity::Volume | Quantity::VolumeUncorrected | Quantity::VolumeBase, Some("gas")) => "gas",
        _ => device,
    };
    // A class with a unit that it does not know would be refused.
    let device = UNITS.iter().any(|(class, units)| *class == device && units.contains(&unit)).then_some(device);
    Some(Class { device, state, diagnostic: *diagnostic })
}

/// How Home Assistant writes a unit; `None` for what has none.
pub(super) fn unit(unit: Unit) -> Option<&'static str> {
    TEXTS.iter().find(|(of, _)| *of == unit).map(|(_, text)| *text)
}

const RISES: &str = "total_increasing";
const TOTAL: &str = "total";
const IS: &str = "measurement";

/// Quantity, device class, state class, whether it is diagnostic.
#[rustfmt::skip]
const CLASSES: &[(Quantity, &str, &str, bool)] = &[
    (Quantity::EnergyActiveImport, "energy", RISES, false),
    (Quantity::EnergyActiveExport, "energy", RISES, false),
    (Quantity::EnergyActiveNet, "energy", TOTAL, false),
    (Quantity::EnergyReactiveImport, "reactive_energy", RISES, false),
    (Quantity::EnergyReactiveExport, "reactive_energy", RISES, false),
    (Quantity::EnergyReactiveQ1, "reactive_energy", RISES, false),
    (Quantity::EnergyReactiveQ2, "reactive_energy", RISES, false),
    (Quantity::EnergyReactiveQ3, "reactive_energy", RISES, false),
    (Quantity::EnergyReactiveQ4, "reactive_energy", RISES, false),
    (Quantity::EnergyApparentImport, "", RISES, false),
    (Quantity::EnergyApparentExport, "", RISES, false),
    (Quantity::Energy, "energy", RISES, false),
    (Quantity::EnergyCooling, "energy", RISES, false),
    (Quantity::PowerActiveImport, "power", IS, false),
    (Quantity::PowerActiveExport, "power", IS, false),
    (Quantity::PowerActiveNet, "power", IS, false),
    (Quantity::PowerActiveL1, "power", IS, false),
    (Quantity::PowerActiveL2, "power", IS, false),
    (Quantity::PowerActiveL3, "power", IS, false),
    (Quantity::PowerReactiveImport, "reactive_power", IS, false),
    (Quantity::PowerReactiveExport, "reactive_power", IS, false),
    (Quantity::PowerApparent, "apparent_power", IS, false),
    (Quantity::Power, "power", IS, false),
    (Quantity::VoltageL1, "voltage", IS, false),
    (Quantity::VoltageL2, "voltage", IS, false),
    (Quantity::VoltageL3, "voltage", IS, false),
    (Quantity::VoltageL1l2, "voltage", IS, false),
    (Quantity::VoltageL2l3, "voltage", IS, false),
    (Quantity::VoltageL3l1, "voltage", IS, false),
    (Quantity::CurrentL1, "current", IS, false),
    (Quantity::CurrentL2, "current", IS, false),
    (Quantity::CurrentL3, "current", IS, false),
    (Quantity::CurrentNeutral, "current", IS, false),
    (Quantity::Frequency, "frequency", IS, false),
    (Quantity::PowerFactor, "power_factor", IS, false),
    (Quantity::PhaseAngleUiL1, "", IS, false),
    (Quantity::PhaseAngleUiL2, "", IS, false),
    (Quantity::PhaseAngleUiL3, "", IS, false),
    (Quantity::PhaseAngleUuL2l1, "", IS, false),
    (Quantity::PhaseAngleUuL3l1, "", IS, false),
    (Quantity::Volume, "volume", RISES, false),
    (Quantity::VolumeUncorrected, "volume", RISES, false),
    (Quantity::VolumeBase, "volume", RISES, false),
    (Quantity::VolumeReverse, "volume", RISES, false),
    (Quantity::VolumeReturn, "volume", RISES, false),
    (Quantity::VolumeLeakage, "volume", RISES, false),
    (Quantity::MassSupply, "weight", RISES, false),
    (Quantity::MassReturn, "weight", RISES, false),
    (Quantity::Flow, "volume_flow_rate", IS, false),
    (Quantity::FlowMass, "", IS, false),
    (Quantity::TemperatureSupply, "temperature", IS, false),
    (Quantity::TemperatureReturn, "temperature", IS, false),
    // As a temperature, a difference of 3 K would be shown as -270 °C.
    (Quantity::TemperatureDifference, "", IS, false),
    (Quantity::TemperatureMedium, "temperature", IS, false),
    (Quantity::TemperatureAmbient, "temperature", IS, false),
    (Quantity::TemperatureDevice, "temperature", IS, true),
    (Quantity::TemperatureColdSource, "temperature", IS, false),
    (Quantity::TemperatureRadiator, "temperature", IS, false),
    (Quantity::Humidity, "humidity", IS, false),
    (Quantity::Pressure, "pressure", IS, false),
    (Quantity::Hca, "", RISES, false),
    (Quantity::PulseCount, "", RISES, false),
    (Quantity::TimeOperating, "duration", RISES, true),
    (Quantity::TimeOn, "duration", RISES, true),
    (Quantity::TimeFault, "duration", RISES, true),
    (Quantity::Age, "duration", IS, true),
    (Quantity::BatteryVoltage, "voltage", IS, true),
    (Quantity::BatteryLevel, "battery", IS, true),
    (Quantity::BatteryRemaining, "duration", IS, true),
    (Quantity::BatteryUsed, "duration", RISES, true),
    (Quantity::RfRssi, "signal_strength", IS, true),
    (Quantity::RfSnr, "signal_strength", IS, true),
    (Quantity::CounterMessage, "", RISES, true),
    (Quantity::CounterReset, "", RISES, true),
    (Quantity::CounterPowerFailure, "", RISES, true),
    (Quantity::Moisture, "moisture", IS, false),
    (Quantity::PerformanceCoefficient, "", IS, false),
];

/// The units of a device class, as far as a report has them.
const UNITS: &[(&str, &[Unit])] = &[
    ("battery", &[Unit::Percent]),
    ("current", &[Unit::Ampere]),
    ("duration", &[Unit::Day, Unit::Hour, Unit::Minute, Unit::Second]),
    ("energy", &[Unit::KiloWattHour, Unit::GigaJoule]),
    ("frequency", &[Unit::Hertz]),
    ("gas", &[Unit::CubicMetre]),
    ("humidity", &[Unit::Percent]),
    ("moisture", &[Unit::Percent]),
    ("power", &[Unit::KiloWatt]),
    ("power_factor", &[Unit::One, Unit::Percent]),
    ("pressure", &[Unit::Bar]),
    ("reactive_energy", &[Unit::KiloVarHour]),
    ("reactive_power", &[Unit::KiloVar]),
    ("signal_strength", &[Unit::DecibelMilliwatt, Unit::Decibel]),
    ("temperature", &[Unit::Celsius]),
    ("voltage", &[Unit::Volt]),
    ("volume", &[Unit::CubicMetre]),
    ("volume_flow_rate", &[Unit::CubicMetrePerHour]),
    ("water", &[Unit::CubicMetre]),
];

const TEXTS: &[(Unit, &str)] = &[
    (Unit::KiloWattHour, "kWh"),
    (Unit::GigaJoule, "GJ"),
    (Unit::KiloVarHour, "kvarh"),
    (Unit::KiloVoltAmpereHour, "kVAh"),
    (Unit::KiloWatt, "kW"),
    (Unit::GigaJoulePerHour, "GJ/h"),
    (Unit::KiloVar, "kvar"),
    (Unit::KiloVoltAmpere, "kVA"),
    (Unit::CubicMetre, "m³"),
    (Unit::CubicMetrePerHour, "m³/h"),
    (Unit::Tonne, "t"),
    (Unit::TonnePerHour, "t/h"),
    (Unit::Celsius, "°C"),
    (Unit::Kelvin, "K"),
    (Unit::Bar, "bar"),
    (Unit::Volt, "V"),
    (Unit::Ampere, "A"),
    (Unit::Hertz, "Hz"),
    (Unit::Degree, "°"),
    (Unit::Percent, "%"),
    (Unit::Second, "s"),
    (Unit::Minute, "min"),
    (Unit::Hour, "h"),
    (Unit::Day, "d"),
    (Unit::Week, "wk"),
    (Unit::Month, "mo"),
    (Unit::Year, "a"),
    (Unit::HcaUnit, "HCA"),
    (Unit::Pulse, "pulses"),
    (Unit::DecibelMilliwatt, "dBm"),
    (Unit::Decibel, "dB"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Home Assistant's documentation, pages "Sensor" (device classes and units) and, of its source for developers, which
    /// state classes go with a device class. Those that no meter has are left out.
    const DOCUMENTED: &[(&str, &str, &str)] = &[
        ("apparent_power", "mVA VA", "measurement"),
        ("battery", "%", "measurement"),
        ("current", "A mA", "measurement"),
        ("duration", "d h min s ms µs", "measurement total total_increasing"),
        ("energy", "J kJ MJ GJ mWh Wh kWh MWh GWh TWh cal kcal Mcal Gcal", "total total_increasing"),
        ("frequency", "Hz kHz MHz GHz", "measurement"),
        ("gas", "L m³ ft³ CCF", "total total_increasing"),
        ("humidity", "%", "measurement"),
        ("moisture", "%", "measurement"),
        ("power", "mW W kW MW GW TW", "measurement"),
        ("power_factor", "- %", "measurement"),
        ("pressure", "Pa kPa hPa bar cbar mbar mmHg inHg psi", "measurement"),
        ("reactive_energy", "varh kvarh", "total total_increasing"),
        ("reactive_power", "var kvar", "measurement"),
        ("signal_strength", "dB dBm", "measurement"),
        ("temperature", "°C °F K", "measurement"),
        ("voltage", "V mV µV kV MV", "measurement"),
        ("volume", "L mL gal fl. oz. m³ ft³ CCF", "total total_increasing"),
        ("volume_flow_rate", "m³/h m³/s ft³/min L/h L/min L/s gal/min mL/s", "measurement"),
        ("water", "L gal m³ ft³ CCF", "total total_increasing"),
        ("weight", "kg g mg µg oz lb st", "measurement total total_increasing"),
    ];

    /// What the vocabulary has and is no number that could be drawn: times, flags, texts.
    const NO_NUMBERS: &[Quantity] =
        &[Quantity::TimeDevice, Quantity::DateDue, Quantity::StatusFlags, Quantity::StateValve, Quantity::StateInput];

    fn agrees(device: &str, unit: &str, state: &str) -> bool {
        let row = DOCUMENTED.iter().find(|row| row.0 == device);
        row.is_some_and(|(_, units, states)| {
            units.split(' ').any(|known| known == unit) && states.split(' ').any(|known| known == state)
        })
    }

    #[test]
    fn every_class_has_a_unit_and_a_state_class_that_home_assistant_documents() {
        let media = [None, Some("water"), Some("hot_water"), Some("gas"), Some("heat"), Some("electricity")];
        for (quantity, wished, ..) in CLASSES {
            for unit_of in Unit::ALL {
                for medium in media {
                    let class = of(*quantity, *unit_of, medium).unwrap();
                    assert!(["measurement", "total", "total_increasing"].contains(&class.state));
                    let text = unit(*unit_of).unwrap_or("-");
                    if let Some(device) = class.device {
                        assert!(agrees(device, text, class.state), "{quantity:?}: {device} {text} {}", class.state);
                    } else if *unit_of == quantity.unit() {
                        // It is left out only where there is none, or where its units do not have ours.
                        assert!(!agrees(wished, text, class.state), "{quantity:?} could be {wished} in {text}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_quantity_of_the_vocabulary_has_a_row_or_is_no_number() {
        // It stands beside the corpora.
        let corpus = std::env::var_os("ESH_CORPUS")
            .unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus").into());
        let file = std::path::Path::new(&corpus).join("../vocabulary/quantities.csv");
        let text = std::fs::read_to_string(file).unwrap_or_else(|_| {
            eprintln!("skipped: no vocabulary");
            String::new()
        });
        for line in text.lines().skip(1) {
            let name = line.split(',').next().unwrap();
            let quantity = Quantity::from_name(name).unwrap_or_else(|| panic!("{name}"));
            let class = of(quantity, quantity.unit(), None);
            assert_eq!(class.is_some(), !NO_NUMBERS.contains(&quantity), "{name}");
            if class.is_some() {
                let none = matches!(quantity.unit(), Unit::One);
                assert_eq!(unit(quantity.unit()).is_none(), none, "{name} has a unit that is not written");
            }
        }
        let distinct: std::collections::BTreeSet<_> = CLASSES.iter().map(|row| row.0).collect();
        assert_eq!(distinct.len(), CLASSES.len());
    }

    #[test]
    fn the_medium_decides_what_a_volume_is() {
        let device = |quantity, medium| of(quantity, Unit::CubicMetre, medium).and_then(|class| class.device);
        assert_eq!(device(Quantity::Volume, Some("cold_water")), Some("water"));
        assert_eq!(device(Quantity::Volume, Some("gas")), Some("gas"));
        assert_eq!(device(Quantity::Volume, Some("heat")), Some("volume"));
        assert_eq!(device(Quantity::VolumeReverse, Some("cold_water")), Some("volume"));
        assert_eq!(of(Quantity::Power, Unit::GigaJoulePerHour, None).and_then(|class| class.device), None);
        assert_eq!(of(Quantity::Power, Unit::KiloWatt, None).and_then(|class| class.device), Some("power"));
    }
}
