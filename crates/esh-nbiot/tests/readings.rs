//! What LwM2M and SenML give: payloads, and the readings that stand in them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use esh_core::{Alarm, Alarms, DecodeError, Format, NothingKnown, Out, Reading, Value};
use esh_nbiot::lwm2m::{Lwm2m, Path};
use esh_nbiot::senml::{Encoding, Senml};
use std::fmt::Write;

#[derive(Default)]
struct Told {
    text: String,
    alarms: Alarms,
}

impl<'a> Out<'a> for Told {
    fn reading(&mut self, reading: Reading<'a>) {
        let Reading { quantity, value, unit, function, register, at, quality, label, .. } = reading;
        match value {
            Value::Time(time) => write!(self.text, "{} {time} {}", quantity.name(), unit.ucum()).unwrap(),
            value => write!(self.text, "{} {value:?} {}", quantity.name(), unit.ucum()).unwrap(),
        }
        if let Some(label) = label {
            write!(self.text, " {label:?}").unwrap();
        }
        if let Some(at) = at {
            write!(self.text, " at {at}").unwrap();
        }
        if register.subunit > 0 {
            write!(self.text, " of {}", register.subunit).unwrap();
        }
        writeln!(self.text, " {} {}", function.word(), quality.word()).unwrap();
    }

    fn alarms(&mut self, alarms: Alarms) {
        self.alarms = self.alarms.and(alarms);
    }
}

type Given = (Vec<String>, Vec<&'static str>);

fn read(format: &dyn Format, payload: &[u8]) -> Result<Given, DecodeError> {
    let mut told = Told::default();
    format.read(None, payload, 0, &NothingKnown, &mut told)?;
    Ok((told.text.lines().map(str::to_owned).collect(), told.alarms.iter().map(Alarm::name).collect()))
}

fn lwm2m(content_format: u16, path: &str) -> Lwm2m {
    Lwm2m { content_format, path: Path::parse(path).unwrap() }
}

fn octets(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

#[test]
fn a_water_meter_in_tlv() {
    // /3424/0: volume 12.5 m3 as a float, pulses, back flow, a time stamp, the largest flow in m3/s.
    let payload = octets("c40141480000c4040001e240c10b01e4158e6553f100c4083a83126f");
    let (readings, alarms) = read(&lwm2m(11542, "/3424/0"), &payload).unwrap();
    assert_eq!(
        readings,
        [
            "volume Number(12.5) m3 at 2023-11-14T22:13:20Z instantaneous good",
            "pulse.count Number(123456) {pulse} at 2023-11-14T22:13:20Z instantaneous good",
            "unknown Flags(1)  \"Back flow detected\" at 2023-11-14T22:13:20Z instantaneous good",
            "unknown 2023-11-14T22:13:20Z  \"Timestamp\" at 2023-11-14T22:13:20Z instantaneous good",
            "flow Number(3.600) m3/h at 2023-11-14T22:13:20Z maximum good",
        ]
    );
    assert_eq!(alarms, ["flow.reverse"]);
}

#[test]
fn a_sensor_without_a_unit_is_no_energy() {
    let (with, without) = (octets("e41644449a5000e216455768"), octets("e41644449a5000"));
    let energy = lwm2m(11542, "/3331/0");
    assert_eq!(read(&energy, &with).unwrap().0[0], "energy.active.import Number(1.2345) kW.h instantaneous good");
    assert_eq!(read(&energy, &without).unwrap().0, ["unknown Number(1234.5)  \"Sensor Value\" instantaneous good"]);
}

#[test]
fn the_same_power_in_two_objects() {
    for (path, payload) in [("/10243/0", "c4063fa00000"), ("/3305/0", "e416a8449c4000")] {
        let (readings, _) = read(&lwm2m(11542, path), &octets(payload)).unwrap();
        assert!(readings[0].contains("Number(1.25) kW") || readings[0].contains("Number(1.250) kW"), "{readings:?}");
    }
}

#[test]
fn senml_names_are_paths_or_what_the_sender_calls_them() {
    let pack = br#"[{"bn":"/3424/0/","bt":1700000000,"n":"1","v":123.4560},{"n":"10","vb":true},
        {"bn":"urn:dev:mac:1:","n":"level","u":"m3","v":5.10}]"#;
    let (readings, alarms) = read(&Senml { encoding: Encoding::Json }, pack).unwrap();
    assert_eq!(
        readings,
        [
            "volume Number(123.4560) m3 at 2023-11-14T22:13:20Z instantaneous good",
            "unknown Flags(1)  \"Leak detected\" at 2023-11-14T22:13:20Z instantaneous good",
            "unknown Number(5.10) m3 \"level\" at 2023-11-14T22:13:20Z instantaneous good",
        ]
    );
    assert_eq!(alarms, ["leak"]);
    let sensor = br#"[{"n":"/3331/0/5700","v":7},{"n":"/3331/0/5701","vs":"kWh"}]"#;
    let (readings, _) = read(&lwm2m(110, "/"), sensor).unwrap();
    assert_eq!(readings[0], "energy.active.import Number(7) kW.h instantaneous good");
}

#[test]
fn intervals_have_their_own_times() {
    // Nothing new: an empty payload.
    assert!(read(&lwm2m(11542, "/10266/0"), &octets("e0178d")).unwrap().0.is_empty());
    // Two hours, one value of 16 bits each.
    let payload = octets("e8178d1302 0000 6553f100 00000e10 0002 01 10 0102 0304".replace(' ', "").as_str());
    let (readings, _) = read(&lwm2m(11542, "/10266/0"), &payload).unwrap();
    assert_eq!(
        readings,
        [
            "unknown Number(258)  \"Water Flow Readings\" at 2023-11-14T22:13:20Z instantaneous good",
            "unknown Number(772)  \"Water Flow Readings\" at 2023-11-14T23:13:20Z instantaneous good",
        ]
    );
}

#[test]
fn the_administration_gives_no_readings() {
    // /0/0: resource 5 is a key.
    let (readings, _) = read(&lwm2m(11542, "/0/0"), &octets("c80510000102030405060708090a0b0c0d0e0f")).unwrap();
    assert!(readings.is_empty(), "{readings:?}");
}

#[test]
fn a_broken_tlv_is_told_with_its_place() {
    for (path, hex, told) in [
        ("/3/0", "ff", "application layer, octet 1 (id of an entry): needs 2 octets, 0 left"),
        ("/3/0", "c20961", "application layer, octet 2 (value of an entry): needs 2 octets, 1 left"),
        ("/3/0", "c10964c10965", "application layer, octet 3 (entry that stands twice): not a valid value"),
        ("/3424/0", "c20b0001", "application layer, octet 2 (value of a resource): not a valid value"),
        ("/3/0/1", "040103c10161", "application layer, octet 0 (object instance): not a valid value"),
        ("/3/0", "4100aa", "application layer, octet 0 (resource instance outside a resource): not a valid value"),
        ("/3/0/0", "", "application layer, octet 0 (value of a resource): needs 1 octet, 0 left"),
        ("/", "c10964", "application layer, octet 0 (path of a TLV): not a valid value"),
    ] {
        assert_eq!(read(&lwm2m(11542, path), &octets(hex)).unwrap_err().to_string(), told, "{path} {hex}");
    }
}

#[test]
fn one_resource_alone() {
    assert_eq!(read(&lwm2m(0, "/3/0/9"), b"87").unwrap().0, ["battery.level Number(87) % instantaneous good"]);
    assert!(read(&lwm2m(0, "/3/0/9"), b"full").is_err());
    let fraction = octets("c482211904d2");
    assert_eq!(read(&lwm2m(60, "/3424/0/1"), &fraction).unwrap().0, ["volume Number(12.34) m3 instantaneous good"]);
    assert!(read(&lwm2m(9999, "/3/0/9"), b"87").is_err());
}
