//! The properties of devices that measure, by the names that Zigbee2MQTT's `exposes` give them.

use esh_core::{Alarm, Decimal, Qualifier, Qualifiers, Quantity, Register};

/// What a property measures.
struct Property {
    name: &'static str,
    /// The first of these whose unit is of the family that `exposes` names.
    quantities: &'static [Quantity],
    no_value: NoValue,
}

/// The numbers that a device sends when it has none, as they look once Zigbee2MQTT has scaled them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoValue {
    /// Every number is one.
    Nothing,
    /// All ones in the 48 bits of a summation, divided by whatever the device says.
    Summation,
    /// What is outside of these bounds, in hundredths of the unit, no such sensor measures: 0x8000 and 0xffff are.
    Outside(i64, i64),
}

#[rustfmt::skip]
const PROPERTIES: &[Property] = &[
    Property { name: "energy", quantities: &[Quantity::EnergyActiveImport, Quantity::Energy], no_value: NoValue::Summation },
    Property { name: "energy_consumed", quantities: &[Quantity::EnergyActiveImport], no_value: NoValue::Summation },
    Property { name: "current_summ_delivered", quantities: &[Quantity::EnergyActiveImport], no_value: NoValue::Summation },
    Property { name: "produced_energy", quantities: &[Quantity::EnergyActiveExport], no_value: NoValue::Summation },
    Property { name: "energy_produced", quantities: &[Quantity::EnergyActiveExport], no_value: NoValue::Summation },
    Property { name: "current_summ_received", quantities: &[Quantity::EnergyActiveExport], no_value: NoValue::Summation },
    Property { name: "power", quantities: &[Quantity::PowerActiveNet], no_value: NoValue::Nothing },
    Property { name: "power_apparent", quantities: &[Quantity::PowerApparent], no_value: NoValue::Nothing },
    Property { name: "power_reactive", quantities: &[Quantity::PowerReactiveImport], no_value: NoValue::Nothing },
    Property { name: "power_factor", quantities: &[Quantity::PowerFactor], no_value: NoValue::Nothing },
    Property { name: "voltage", quantities: &[Quantity::VoltageL1], no_value: NoValue::Outside(0, 655_349) },
    Property { name: "current", quantities: &[Quantity::CurrentL1], no_value: NoValue::Nothing },
    Property { name: "current_neutral", quantities: &[Quantity::CurrentNeutral], no_value: NoValue::Nothing },
    Property { name: "ac_frequency", quantities: &[Quantity::Frequency], no_value: NoValue::Outside(0, 65_534) },
    Property { name: "water_consumed", quantities: &[Quantity::Volume], no_value: NoValue::Summation },
    Property { name: "gas", quantities: &[Quantity::Volume], no_value: NoValue::Summation },
    Property { name: "gas_consumed", quantities: &[Quantity::Volume], no_value: NoValue::Summation },
    Property { name: "flow", quantities: &[Quantity::Flow], no_value: NoValue::Nothing },
    Property { name: "temperature", quantities: &[Quantity::TemperatureAmbient], no_value: NoValue::Outside(-27_315, 32_766) },
    Property { name: "local_temperature", quantities: &[Quantity::TemperatureAmbient], no_value: NoValue::Outside(-27_315, 32_766) },
    Property { name: "device_temperature", quantities: &[Quantity::TemperatureDevice], no_value: NoValue::Outside(-27_315, 32_766) },
    Property { name: "humidity", quantities: &[Quantity::Humidity], no_value: NoValue::Outside(0, 65_534) },
    Property { name: "soil_moisture", quantities: &[Quantity::Moisture], no_value: NoValue::Outside(0, 65_534) },
    Property { name: "pressure", quantities: &[Quantity::Pressure], no_value: NoValue::Nothing },
    Property { name: "battery", quantities: &[Quantity::BatteryLevel], no_value: NoValue::Outside(0, 10_000) },
    Property { name: "battery_voltage", quantities: &[Quantity::BatteryVoltage], no_value: NoValue::Outside(0, 2_549) },
];

/// The flags that are alarms of the vocabulary.
const ALARMS: &[(&str, Alarm)] = &[
    ("battery_low", Alarm::BatteryLow),
    ("tamper", Alarm::TamperCase),
    ("water_leak", Alarm::Leak),
    ("smoke", Alarm::Smoke),
];

/// The alarm of a flag.
pub(super) fn alarm(name: &str) -> Option<Alarm> {
    ALARMS.iter().find(|(known, _)| *known == name).map(|(_, alarm)| *alarm)
}

/// What is measured, and of which part of the device.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) quantities: &'static [Quantity],
    pub(super) no_value: NoValue,
    pub(super) register: Register,
    pub(super) qualifiers: Qualifiers,
}

/// What a property measures. `name` and `endpoint` are what `exposes` says of it, where it does.
pub(super) fn measured(property: &str, name: Option<&str>, endpoint: Option<&str>) -> Option<Measured> {
    if let Some(exact) = find(property) {
        return Some(exact);
    }
    if let Some((base, phase)) = property.rsplit_once("_phase_") {
        return of_phase(find(base)?, phase);
    }
    if let Some(tier) = tier(property) {
        let register = Register { tariff: tier, ..Register::default() };
        return Some(Measured { register, ..find("energy")? });
    }
    // A channel of several: it is never guessed to be a phase.
    let (base, channel) = match (name, endpoint) {
        (Some(name), Some(endpoint)) => (name, endpoint),
        _ => property.rsplit_once('_')?,
    };
    let register = Register { subunit: number(channel)?, ..Register::default() };
    Some(Measured { register, ..find(base)? })
}

fn find(name: &str) -> Option<Measured> {
    PROPERTIES.iter().find(|property| property.name == name).map(|Property { quantities, no_value, .. }| Measured {
        quantities,
        no_value: *no_value,
        register: Register::default(),
        qualifiers: Qualifiers::NONE,
    })
}

fn of_phase(all: Measured, phase: &str) -> Option<Measured> {
    let (n, qualifier) = match phase {
        "a" => (0, Qualifier::PhaseL1),
        "b" => (1, Qualifier::PhaseL2),
        "c" => (2, Qualifier::PhaseL3),
        _ => return None,
    };
    const POWER: [&[Quantity]; 3] =
        [&[Quantity::PowerActiveL1], &[Quantity::PowerActiveL2], &[Quantity::PowerActiveL3]];
    const VOLTAGE: [&[Quantity]; 3] = [&[Quantity::VoltageL1], &[Quantity::VoltageL2], &[Quantity::VoltageL3]];
    const CURRENT: [&[Quantity]; 3] = [&[Quantity::CurrentL1], &[Quantity::CurrentL2], &[Quantity::CurrentL3]];
    let of_each = match all.quantities.first()? {
        Quantity::PowerActiveNet => &POWER,
        Quantity::VoltageL1 => &VOLTAGE,
        Quantity::CurrentL1 => &CURRENT,
        _ => return Some(Measured { qualifiers: Qualifiers::NONE.with(qualifier), ..all }),
    };
    Some(Measured { quantities: of_each.get(n)?, ..all })
}

/// `energy_tier_2` and `current_tier2_summ_delivered` count the energy of a tariff.
fn tier(property: &str) -> Option<u32> {
    let digits = property
        .strip_prefix("energy_tier_")
        .or_else(|| property.strip_prefix("current_tier").and_then(|rest| rest.strip_suffix("_summ_delivered")))?;
    digits.parse().ok().filter(|tier| (1..=48).contains(tier))
}

/// The number of a channel or of an end point: `a`, `l1`, `1`.
fn number(channel: &str) -> Option<u16> {
    match channel.as_bytes() {
        [letter @ b'a'..=b'd'] => Some(u16::from(letter - b'a') + 1),
        _ => channel.strip_prefix('l').unwrap_or(channel).parse().ok().filter(|number| (1..=99).contains(number)),
    }
}

impl NoValue {
    /// Whether it is about sums, in whatever unit they are written.
    pub(super) const fn is_a_sum(self) -> bool {
        matches!(self, Self::Summation)
    }

    /// Whether a number stands for none: a sum as it is written, another in the unit of its property.
    pub(super) fn is(self, number: Decimal) -> bool {
        match self {
            Self::Nothing => false,
            Self::Summation => is_all_ones(number),
            Self::Outside(low, high) => {
                let bound = |hundredths: i64| Decimal::new(i128::from(hundredths), -2);
                less(number, bound(low)) || less(bound(high), number)
            }
        }
    }
}

fn less(a: Decimal, b: Decimal) -> bool {
    b.times(-1).and_then(|minus| a.plus(minus)).is_some_and(|difference| difference.digits() < 0)
}

/// 0xffff_ffff_ffff divided by a divisor that meters have, to as many places as are written: Zigbee2MQTT rounds.
fn is_all_ones(number: Decimal) -> bool {
    const ALL_ONES: i128 = (1 << 48) - 1;
    const DIVISORS: [i64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 3_600, 3_600_000];
    DIVISORS.into_iter().any(|divisor| {
        let difference = number.times(divisor).and_then(|all| all.plus(Decimal::new(-ALL_ONES, 0)));
        // One in the last place that is written, as much as rounding may have moved it.
        let step = Decimal::new(1, number.exponent().min(0)).times(divisor);
        let (Some(difference), Some(step)) = (difference, step) else { return false };
        let difference = if difference.digits() < 0 { difference.times(-1) } else { Some(difference) };
        difference.is_some_and(|difference| less(difference, step))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn a_property_is_found_by_its_name_its_phase_and_its_channel() {
        for (property, name, endpoint, quantity, tariff, subunit) in [
            ("energy", None, None, Quantity::EnergyActiveImport, 0, 0),
            ("power_phase_b", None, None, Quantity::PowerActiveL2, 0, 0),
            ("energy_phase_c", None, None, Quantity::EnergyActiveImport, 0, 0),
            ("energy_produced_a", None, None, Quantity::EnergyActiveExport, 0, 1),
            ("power_factor_b", None, None, Quantity::PowerFactor, 0, 2),
            ("power_l2", Some("power"), Some("l2"), Quantity::PowerActiveNet, 0, 2),
            ("current_neutral", None, None, Quantity::CurrentNeutral, 0, 0),
            ("energy_tier_3", None, None, Quantity::EnergyActiveImport, 3, 0),
            ("current_tier10_summ_delivered", None, None, Quantity::EnergyActiveImport, 10, 0),
        ] {
            let measured = measured(property, name, endpoint).unwrap();
            assert_eq!(
                (measured.quantities[0], measured.register.tariff, measured.register.subunit),
                (quantity, tariff, subunit),
                "{property}"
            );
        }
        for property in ["linkquality", "power_ab", "state_l1", "power_phase_d", "energy_flow_a", "_", "a_phase_"] {
            assert!(measured(property, None, None).is_none(), "{property}");
        }
    }

    #[test]
    fn all_ones_are_no_energy_and_what_is_close_is() {
        for text in [
            "2814749767106.55",
            "281474976710655",
            "281474976710.655",
            "281474976710.66",
            "78187493.53",
            "2.81474976710655e14",
        ] {
            assert!(NoValue::Summation.is(decimal(text)), "{text}");
        }
        for text in ["12509998964.91", "2814749767106.54", "281474976710654", "78187493.51", "0", "-1", "1234.56"] {
            assert!(!NoValue::Summation.is(decimal(text)), "{text}");
        }
    }

    #[test]
    fn what_no_sensor_measures_is_no_value() {
        let temperature = NoValue::Outside(-27_315, 32_766);
        assert!(temperature.is(decimal("-327.68")) && temperature.is(decimal("327.67")));
        assert!(
            !temperature.is(decimal("-273.15")) && !temperature.is(decimal("21.5")) && !temperature.is(decimal("0"))
        );
    }

    proptest! {
        #[test]
        fn any_number_is_judged(digits: i128, exponent in -20i8..20) {
            for property in PROPERTIES {
                let _ = property.no_value.is(Decimal::new(digits, exponent));
            }
        }
    }
}
