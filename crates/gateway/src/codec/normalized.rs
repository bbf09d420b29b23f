//! What `normalizeUplink` gives: the normalized payload of the LoRaWAN device repository, as canonical readings.
//!
//! Members that meters have no quantity for (wind, CO2, position …) stand in `data` alone.

use esh_core::{
    Alarm, Alarms, CivilTime, Decimal, Function, Origin, Out, Quantity, Reading, Unit, Value as ReadingValue,
};
use serde_json::Value;

/// A member of a measurement: where it stands, what it is, in which unit times which power of ten, of which function.
struct Member(&'static str, Quantity, Unit, i8, Function);

const MEMBERS: &[Member] = &[
    Member("/metering/water/total", Quantity::Volume, Unit::Litre, 0, Function::Instantaneous),
    Member("/water/temperature", Quantity::TemperatureMedium, Unit::Celsius, 0, Function::Instantaneous),
    Member("/water/temperature/current", Quantity::TemperatureMedium, Unit::Celsius, 0, Function::Instantaneous),
    Member("/water/temperature/min", Quantity::TemperatureMedium, Unit::Celsius, 0, Function::Minimum),
    Member("/water/temperature/max", Quantity::TemperatureMedium, Unit::Celsius, 0, Function::Maximum),
    Member("/air/temperature", Quantity::TemperatureAmbient, Unit::Celsius, 0, Function::Instantaneous),
    Member("/air/relativeHumidity", Quantity::Humidity, Unit::Percent, 0, Function::Instantaneous),
    // Hectopascals.
    Member("/air/pressure", Quantity::Pressure, Unit::Pascal, 2, Function::Instantaneous),
    Member("/soil/moisture", Quantity::Moisture, Unit::Percent, 0, Function::Instantaneous),
    Member("/battery", Quantity::BatteryVoltage, Unit::Volt, 0, Function::Instantaneous),
];

/// Reads the JSON text of an array of measurements, which a codec has made of a payload. A member that is no number is
/// as good as none.
pub fn read<'p>(text: &str, payload: &'p [u8], out: &mut dyn Out<'p>) {
    let measurements: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    let origin = Origin { octets: payload, header: &[], offset: 0 };
    for measurement in &measurements {
        let at = measurement.get("time").and_then(Value::as_str).and_then(instant);
        for Member(pointer, quantity, unit, scale, function) in MEMBERS {
            let Some(Value::Number(number)) = measurement.pointer(pointer) else { continue };
            let number = Decimal::parse(&number.to_string()).and_then(|number| number.scale10(*scale));
            let Some(number) = number else { continue };
            let reading = Reading::new(*quantity, ReadingValue::Number(number), *unit, origin);
            out.reading(Reading { at, function: *function, ..reading }.in_canonical_unit());
        }
        match measurement.pointer("/water/leak") {
            Some(Value::Bool(true)) => out.alarms(Alarms::NONE.with(Alarm::Leak)),
            Some(Value::Bool(false)) => out.no_alarms(Alarms::NONE.with(Alarm::Leak)),
            _ => {}
        }
    }
}

fn instant(text: &str) -> Option<CivilTime> {
    CivilTime::from_unix(text.parse::<jiff::Timestamp>().ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Seen(Vec<(Quantity, String, Unit, Function)>, Alarms, Alarms);

    impl Out<'_> for Seen {
        fn reading(&mut self, reading: Reading<'_>) {
            let ReadingValue::Number(number) = reading.value else { panic!("{reading:?}") };
            self.0.push((reading.quantity, number.to_string(), reading.unit, reading.function));
        }

        fn alarms(&mut self, alarms: Alarms) {
            self.1 = self.1.and(alarms);
        }

        fn no_alarms(&mut self, alarms: Alarms) {
            self.2 = self.2.and(alarms);
        }
    }

    #[test]
    fn members_become_readings_in_canonical_units() {
        let mut seen = Seen(Vec::new(), Alarms::NONE, Alarms::NONE);
        let text = r#"[{"metering":{"water":{"total":12345.5}},"water":{"leak":true,"temperature":{"min":3.5,"current":"warm"}}},
            {"air":{"temperature":-0.5,"pressure":1013.25,"co2":400},"battery":3.6,"water":{"leak":false}}, 7]"#;
        read(text, &[], &mut seen);
        assert_eq!(
            seen.0,
            [
                (Quantity::Volume, "12.3455".into(), Unit::CubicMetre, Function::Instantaneous),
                (Quantity::TemperatureMedium, "3.5".into(), Unit::Celsius, Function::Minimum),
                (Quantity::TemperatureAmbient, "-0.5".into(), Unit::Celsius, Function::Instantaneous),
                (Quantity::Pressure, "1.01325".into(), Unit::Bar, Function::Instantaneous),
                (Quantity::BatteryVoltage, "3.6".into(), Unit::Volt, Function::Instantaneous),
            ]
        );
        assert!(seen.1.contains(Alarm::Leak) && seen.2.contains(Alarm::Leak));
    }

    #[test]
    fn what_is_no_measurement_gives_nothing() {
        let mut seen = Seen(Vec::new(), Alarms::NONE, Alarms::NONE);
        for text in ["[]", "[null,1,\"x\"]", "{}", "", "[{\"air\":[1]}]"] {
            read(text, &[], &mut seen);
        }
        assert!(seen.0.is_empty());
    }
}
