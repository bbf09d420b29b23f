//! Wired telegrams against the corpus: each value that another decoder reads, and an error for each broken frame.

use super::{Family, Memory, Printed, Row, decode, octets, rows, same};
use esh_core::{Decimal, Quantity, Unit};

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

/// The factor of a unit to the one that the peer prints.
fn normalised(unit: Unit) -> Family {
    let factor = match unit {
        Unit::KiloWattHour | Unit::KiloWatt | Unit::Tonne | Unit::TonnePerHour => 1_000,
        Unit::GigaJoule | Unit::GigaJoulePerHour => 1_000_000_000,
        Unit::Minute => 60,
        Unit::Hour => 3_600,
        Unit::Day => 86_400,
        _ => 1,
    };
    ("", factor, 1)
}

fn agrees(row: &Row, value: &str) -> bool {
    match &row.printed {
        Printed::Number(number) => {
            Decimal::parse(value).is_some_and(|wanted| same(row, *number, normalised(row.unit), wanted, ("", 1, 1)))
        }
        Printed::Text(text) => {
            let number = |text| Decimal::parse(text).map(Decimal::to_i64);
            text.trim() == value.trim() || number(text.trim()).is_some_and(|digits| number(value) == Some(digits))
        }
        // An open date prints with month 00 here, with the 30th of November there.
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
    let mut wrong = [false; PEER.len()];
    for name in ["mbus-wired.jsonl", "mbus-records.jsonl"] {
        let (mut values, mut same) = (0, 0);
        for row in rows(name) {
            let Some(xml) = row["expect_xml"].as_str() else { continue };
            let id = row["id"].as_str().unwrap();
            let (readings, error) = decode(&octets(row["hex"].as_str().unwrap()), &mut Memory::with_key(None));
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
                    continue;
                }
                match PEER.iter().position(|(frame, wrong, _)| id.ends_with(frame) && value.starts_with(wrong)) {
                    Some(place) => wrong[place] = true,
                    None => {
                        failed.push(format!("{id} {reading:?} <> {function} {storage} {unit} {quantity} {value:?}"));
                    }
                }
            }
        }
        if values == 0 {
            return;
        }
        println!("{name}: {same} of {values} values");
    }
    let idle =
        PEER.iter().zip(wrong).filter(|(_, used)| !used).map(|((frame, value, _), _)| format!("{frame} {value}"));
    failed.extend(idle.map(|excuse| format!("not missed any more: {excuse}")));
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Frames among the broken ones that are right: they go to a meter, and it is the peer that does not read them.
const WHOLE: &[&str] = &["manual_frame4", "manual_frame6"];

#[test]
fn every_broken_frame_is_an_error() {
    for row in rows("mbus-wired.jsonl").into_iter().chain(rows("mbus-records.jsonl")) {
        let id = row["id"].as_str().unwrap();
        if !(row["set"] != "test-frames" && row["set"].is_string()
            || id.contains("error-frames-")
            || id.contains("unsupported-frames-"))
        {
            continue;
        }
        let hex = row["hex"].as_str().unwrap();
        let (readings, error) = decode(&octets(hex), &mut Memory::with_key(None));
        // CI 70: the meter says that something else was broken, in a frame that is right.
        if octets(hex).get(6) == Some(&0x70) {
            assert!(error.is_none() && readings.is_empty(), "{id}");
        } else {
            assert_eq!(error.is_none(), WHOLE.iter().any(|whole| id.ends_with(whole)), "{id}: {error:?}");
        }
    }
}
