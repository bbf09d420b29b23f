//! Records against the corpus: what other decoders read from real telegrams, this one must read too.
//!
//! The corpus is no part of the project. `ESH_CORPUS` names its folder, else `../shared/corpus` beside the workspace is
//! tried; without it these tests say so and pass.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::float_arithmetic,
    reason = "a test that fails by panicking, and that compares with what others print as floats"
)]

use esh_core::{
    DecodeError, Format, Id, Learned, Medium, Meter, NothingKnown, Out, Protocol, Quality, Quantity, Reading, Unit,
    Value,
};
use esh_wmbus::{CompactRecords, Records};
use serde_json::Value as Json;
use std::path::PathBuf;

/// What a reading prints as.
#[derive(Clone, Debug)]
enum Printed {
    Number(f64),
    Text(String),
    Time(String),
    Octets(Vec<u8>),
    Nothing,
}

#[derive(Clone, Debug)]
struct Row {
    quantity: Quantity,
    printed: Printed,
    unit: Unit,
    function: &'static str,
    storage: u64,
    at: Option<String>,
}

#[derive(Default)]
struct Rows(Vec<Row>);

impl<'a> Out<'a> for Rows {
    fn reading(&mut self, reading: Reading<'a>) {
        let printed = match reading.value {
            Value::Number(number) => Printed::Number(number.to_string().parse().unwrap()),
            Value::Flags(bits) => Printed::Number(bits as f64),
            Value::Text(text) => Printed::Text(text.to_string()),
            Value::Time(time) => Printed::Time(time.to_string()),
            Value::TimeOfDay(hour, minute, second) => Printed::Time(format!("{hour:02}:{minute:02}:{second:02}")),
            Value::Octets(octets) => Printed::Octets(octets.to_vec()),
            Value::Absent => {
                assert_ne!(reading.quality, Quality::Good);
                Printed::Nothing
            }
        };
        self.0.push(Row {
            quantity: reading.quantity,
            printed,
            unit: reading.unit,
            function: reading.function.word(),
            storage: reading.register.storage,
            at: reading.at.map(|at| at.to_string()),
        });
    }

    fn learned(&mut self, learned: Learned<'_>) {
        assert!(matches!(learned, Learned::Layout { .. }));
    }
}

fn corpus(name: &str) -> Option<Vec<Json>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("ESH_CORPUS").map_or_else(|| root.join("../shared/corpus"), PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join(name)) else {
        println!("no corpus: {name} is not in {}", folder.display());
        return None;
    };
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn octets(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// What a test-only walk over the layers finds: the medium, whether it is compact, and the payload.
fn payload(frame: &[u8]) -> Option<(u8, bool, &[u8])> {
    if let [0x68, len, _, 0x68, _, _, 0x72, ..] = frame {
        let end = usize::from(*len) + 4;
        return Some((frame[14], false, &frame[19..end]));
    }
    let mut medium = *frame.get(9)?;
    let mut rest = frame.get(10..)?;
    loop {
        let (ci, next) = rest.split_first()?;
        let header = match ci {
            0x8c => 2,
            0x8d => 8,
            0x8e => 10,
            0x8f => 16,
            0x90 => usize::from(*next.first()?) + 1,
            0x7a | 0x7b => 4,
            0x72 | 0x73 => {
                medium = *next.get(7)?;
                12
            }
            0x78 | 0x79 => 0,
            _ => return None,
        };
        rest = next.get(header..)?;
        if matches!(ci, 0x72 | 0x73 | 0x78..=0x7b) {
            return Some((medium, matches!(ci, 0x73 | 0x79 | 0x7b), rest));
        }
    }
}

fn read(frame: &[u8]) -> (Vec<Row>, Option<DecodeError>) {
    let Some((medium, compact, payload)) = payload(frame) else { return (Vec::new(), None) };
    let meter = Meter {
        protocol: Protocol::Wmbus,
        manufacturer: None,
        id: Id::new("").unwrap(),
        version: None,
        medium: Some(Medium(medium)),
    };
    let format: &dyn Format = if compact { &CompactRecords } else { &Records };
    let mut rows = Rows::default();
    let error = format.read(Some(&meter), payload, 0, &NothingKnown, &mut rows).err();
    (rows.0, error)
}

/// The family of a unit and its factor to the family's base.
fn family(unit: Unit) -> (&'static str, f64) {
    match unit {
        Unit::KiloWattHour | Unit::KiloVarHour | Unit::KiloVoltAmpereHour => ("energy", 1.0),
        Unit::GigaJoule => ("energy", 1000.0 / 3.6),
        Unit::KiloWatt | Unit::KiloVar | Unit::KiloVoltAmpere => ("power", 1.0),
        Unit::GigaJoulePerHour => ("power", 1000.0 / 3.6),
        Unit::CubicMetre => ("volume", 1.0),
        Unit::CubicMetrePerHour => ("flow", 1.0),
        Unit::Celsius | Unit::Kelvin => ("temp", 1.0),
        Unit::Second => ("time", 1.0 / 3600.0),
        Unit::Minute => ("time", 1.0 / 60.0),
        Unit::Hour => ("time", 1.0),
        Unit::Day => ("time", 24.0),
        Unit::Month => ("time", 730.5),
        Unit::Year => ("time", 8766.0),
        Unit::Volt => ("volt", 1.0),
        Unit::Ampere => ("amp", 1.0),
        Unit::Hertz => ("freq", 1.0),
        Unit::Tonne => ("mass", 1000.0),
        Unit::Bar => ("pressure", 1.0),
        _ => ("num", 1.0),
    }
}

/// The same for the suffix of a field name in the expected JSON.
fn suffix(name: &str) -> (&'static str, f64) {
    match name.rsplit('_').next().unwrap() {
        "m3h" => ("flow", 1.0),
        "lh" => ("flow", 1e-3),
        "m3" => ("volume", 1.0),
        "l" => ("volume", 1e-3),
        "kwh" | "kvarh" | "kvah" => ("energy", 1.0),
        "mwh" => ("energy", 1000.0),
        "gj" => ("energy", 1000.0 / 3.6),
        "mj" => ("energy", 1.0 / 3.6),
        "kw" | "kva" | "kvar" => ("power", 1.0),
        "w" => ("power", 1e-3),
        "mjh" => ("power", 1.0 / 3.6),
        "c" | "k" => ("temp", 1.0),
        "h" => ("time", 1.0),
        "s" => ("time", 1.0 / 3600.0),
        "min" => ("time", 1.0 / 60.0),
        "d" | "days" => ("time", 24.0),
        "month" => ("time", 730.5),
        "y" => ("time", 8766.0),
        "v" => ("volt", 1.0),
        "a" => ("amp", 1.0),
        "hz" => ("freq", 1.0),
        "kg" => ("mass", 1.0),
        "bar" => ("pressure", 1.0),
        _ => ("num", 1.0),
    }
}

fn close(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * a.abs().max(b.abs()) + 1e-6
}

fn found_number(name: &str, wanted: f64, rows: &[Row]) -> bool {
    let (of, factor) = suffix(name);
    let relative = if of == "time" { 1e-3 } else { 1e-5 };
    rows.iter().any(|row| match &row.printed {
        Printed::Number(number) => {
            let (family, unit) = family(row.unit);
            (family == of && close(number * unit, wanted * factor, relative)) || close(*number, wanted, 1e-5)
        }
        Printed::Text(text) => of == "num" && text.parse().is_ok_and(|number: f64| close(number, wanted, 1e-5)),
        _ => false,
    })
}

fn found_date(wanted: &str, rows: &[Row]) -> bool {
    let wanted = wanted.replace('T', " ");
    rows.iter().any(|row| {
        let times = [if let Printed::Time(time) = &row.printed { Some(time) } else { None }, row.at.as_ref()];
        times.into_iter().flatten().any(|time| {
            let time = time.replace('T', " ");
            let shorter = time.len().min(wanted.len()).min(16);
            shorter >= 10 && time[..shorter] == wanted[..shorter]
        })
    })
}

fn is_date(text: &str) -> bool {
    let digits = |range: std::ops::Range<usize>| text.get(range).is_some_and(|t| t.bytes().all(|b| b.is_ascii_digit()));
    digits(0..4) && digits(5..7) && digits(8..10) && text.get(4..5) == Some("-")
}

/// What the corpus expects of a row and does not get: the row, the beginning of the field names, why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("b03e326e23aa", "prev_", "80 00 00 00 is the invalid code of an integer; the peer prints it as a number"),
    ("9a7a01c47f6e", "target_date", "00 00 is no date; the peer prints 2000-00-00"),
    ("0ac668592c32", "meter_datetime_at_error", "00 00 00 00 is no date; the peer prints 2000-00-00"),
    ("2e3463a1207c", "meter_datetime", "day 0 of month 0; the peer prints 2000-00-00"),
    ("a292f144f60b", "target_date", "no date; the peer prints the day before day 0 of month 0"),
    ("318d9d196135", "target_date", "no date; the peer prints the day before day 0 of month 0"),
    ("b56afa24804e", "target_date", "no date; the peer prints the day before day 0 of month 0"),
    ("443b261769d5", "active_power", "a factor of the maker"),
    ("443b261769d5", "apparent_power", "a factor of the maker"),
    ("443b261769d5", "three_phase", "a factor of the maker"),
    ("bf93dda46226", "frequency_hz", "a VIF and a factor of the maker"),
    ("88fbb0db75d9", "current_power", "the sum of three phases"),
    ("484d04b39139", "dust_level", "bits of the maker's own"),
    ("46d3c5671647", "total_apparent", "computed from active and reactive energy"),
    ("46d3c5671647", "total_reactive", "FB 82 75 is 0.1 kvarh; the peer leaves the factor out"),
    ("9b1ce0fd1669", "history_", "months counted back from the first date"),
    ("9bba8198ab31", "set_date_", "months counted back from the first date"),
];

/// Telegrams that end in an error behind their readings, and why.
const ERRORS: &[(&str, &str)] = &[
    ("035b91af5407", "altered by hand: the CRC of the full frame fits a flow of 0"),
    ("9b1ce0fd1669", "two octets FF behind the last record"),
    ("bd56a29c1bb9", "two octets behind the last record"),
    ("799dc73939f0", "two octets behind the last record"),
];

#[test]
fn every_number_and_date_of_generic_wireless_telegrams_is_read() {
    let Some(rows) = corpus("wmbus.jsonl") else { return };
    let (mut telegrams, mut whole, mut failed) = (0, 0, Vec::new());
    for row in rows {
        let class = row["class"].as_str().unwrap().split(' ').next().unwrap();
        if !matches!(class, "A" | "A2" | "B" | "B2") || row["ciphertext"] == true {
            continue;
        }
        telegrams += 1;
        let (readings, error) = read(&octets(row["hex"].as_str().unwrap()));
        let mut missing = Vec::new();
        for (name, value) in row["expect"].as_object().unwrap() {
            let ok = match value {
                _ if matches!(name.as_str(), "_" | "id" | "timestamp" | "name" | "media" | "meter" | "device") => true,
                Json::Number(number) => found_number(name, number.as_f64().unwrap(), &readings),
                Json::String(text) if is_date(text) => found_date(text.trim_end_matches('Z'), &readings),
                _ => true,
            };
            if !ok {
                missing.push(format!("{name}={value}"));
            }
        }
        let id = row["id"].as_str().unwrap();
        let excused = |name: &String| EXCEPTIONS.iter().any(|(row, field, _)| *row == id && name.starts_with(field));
        let expected = ERRORS.iter().any(|(row, _)| *row == id);
        whole += usize::from(missing.is_empty());
        if !missing.iter().all(excused) || error.is_some() != expected {
            failed.push(format!("{class} {} {id} {missing:?} {:?}", row["driver"], error.map(|e| e.to_string())));
        }
    }
    println!("{whole} of {telegrams} telegrams whole");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The records of an XML answer of libmbus: function, storage, unit, quantity, value.
fn records(xml: &str) -> Vec<[String; 5]> {
    let tag = |record: &str, name: &str| {
        let (_, rest) = record.split_once(&format!("<{name}>")).unwrap_or_default();
        rest.split_once(&format!("</{name}>")).map_or_else(String::new, |(text, _)| text.replace("&amp;", "&"))
    };
    xml.split("<DataRecord")
        .skip(1)
        .map(|record| ["Function", "StorageNumber", "Unit", "Quantity", "Value"].map(|name| tag(record, name)))
        .collect()
}

fn normalised(row: &Row, number: f64) -> f64 {
    let factor = match row.unit {
        Unit::KiloWattHour | Unit::KiloWatt | Unit::Tonne | Unit::TonnePerHour => 1e3,
        Unit::GigaJoule | Unit::GigaJoulePerHour => 1e9,
        Unit::Minute => 60.0,
        Unit::Hour => 3600.0,
        Unit::Day => 86400.0,
        _ => 1.0,
    };
    number * factor
}

fn agrees(row: &Row, value: &str) -> bool {
    match &row.printed {
        Printed::Number(number) => value.parse().is_ok_and(|wanted: f64| close(normalised(row, *number), wanted, 1e-6)),
        Printed::Text(text) => {
            text.trim() == value.trim()
                || value.parse::<f64>().is_ok_and(|wanted| text.parse().is_ok_and(|number: f64| number == wanted))
        }
        Printed::Time(time) => value.starts_with(time.as_str()),
        Printed::Octets(octets) => {
            let hex: Vec<_> = octets.iter().map(|octet| format!("{octet:02X}")).collect();
            value.trim() == hex.join(" ") || value.trim() == hex.iter().rev().cloned().collect::<Vec<_>>().join(" ")
        }
        Printed::Nothing => value.is_empty() || value.contains("-00"),
    }
}

/// Values of wired frames on which the peer is wrong or says less: the frame, its value there, why.
const PEER: &[(&str, &str, &str)] = &[
    ("REL-Relay-Padpuls2", "1900-01-00T00:00:00Z", "the clock is marked invalid; what it shows is told"),
    ("example_binary16_lvar", "17 3E D1 DC", "a binary number of 16 octets"),
    ("landis+gyr_ultraheat_t230", "0.000000", "the time of a maximum (VIFE 6F), and 00 00 00 00 is none"),
    ("landis+gyr_ultraheat_t230", "41065374.600000", "the time of a maximum (VIFE 6F), not a temperature"),
    ("landis+gyr_ultraheat_t230", "40953732.300000", "the time of a maximum (VIFE 6F), not a temperature"),
    ("landis+gyr_ultraheat_t230", "2027-01-01T00:00:00Z", "year 127: every year"),
    ("amt_calec_mb", "2096-05-05T09:16:00Z", "years 81 to 99 without a century are of the last one"),
];

#[test]
fn every_value_of_wired_telegrams_is_read() {
    let mut failed = Vec::new();
    for name in ["mbus-wired.jsonl", "mbus-records.jsonl"] {
        let Some(rows) = corpus(name) else { return };
        let (mut values, mut same) = (0, 0);
        for row in rows {
            let Some(xml) = row["expect_xml"].as_str() else { continue };
            let id = row["id"].as_str().unwrap();
            let (readings, error) = read(&octets(row["hex"].as_str().unwrap()));
            let mut expected = records(xml);
            // A DIF 0F or 1F with nothing behind it is no reading.
            expected.retain(|[function, .., value]| {
                !value.is_empty() || !(function.starts_with("Manufacturer") || function.starts_with("More records"))
            });
            if error.is_some() || readings.len() != expected.len() {
                failed.push(format!("{id}: {} readings, {} expected, {error:?}", readings.len(), expected.len()));
            }
            for (reading, [function, storage, unit, quantity, value]) in readings.iter().zip(&expected) {
                values += 1;
                let function = function.split(' ').next().unwrap().to_lowercase();
                let maker = reading.quantity == Quantity::ManufacturerSpecific;
                let place = maker
                    || storage.is_empty() && reading.storage == 0
                    || storage.parse() == Ok(reading.storage) && (function == reading.function || function == "value");
                if agrees(reading, value) && place {
                    same += 1;
                } else if !PEER.iter().any(|(frame, wrong, _)| id.ends_with(frame) && value.starts_with(wrong)) {
                    failed.push(format!("{id} {reading:?} <> {function} {storage} {unit} {quantity} {value:?}"));
                }
            }
        }
        println!("{name}: {same} of {values} values");
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
