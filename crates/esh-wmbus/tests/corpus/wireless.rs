//! Wireless telegrams against the corpus: each number and each date that another decoder reads from a real telegram,
//! this one reads as well, to its last digit.

use super::{Family, Memory, Printed, Row, decode, octets, rows, same};
use esh_core::{Decimal, Key, Quantity, Unit};
use serde_json::Value as Json;

/// Months and years are those of the Gregorian calendar in the middle, as the peer has them: 146097 days in 400 years.
fn family(unit: Unit) -> Family {
    match unit {
        Unit::KiloWattHour | Unit::KiloVarHour | Unit::KiloVoltAmpereHour => ("energy", 1, 1),
        Unit::GigaJoule => ("energy", 10_000, 36),
        Unit::KiloWatt | Unit::KiloVar | Unit::KiloVoltAmpere => ("power", 1, 1),
        Unit::GigaJoulePerHour => ("power", 10_000, 36),
        Unit::CubicMetre => ("volume", 1, 1),
        Unit::CubicMetrePerHour => ("flow", 1, 1),
        Unit::Celsius | Unit::Kelvin => ("temperature", 1, 1),
        Unit::Second => ("time", 1, 3_600),
        Unit::Minute => ("time", 1, 60),
        Unit::Hour => ("time", 1, 1),
        Unit::Day => ("time", 24, 1),
        Unit::Month => ("time", 146_097, 200),
        Unit::Year => ("time", 438_291, 50),
        Unit::Volt => ("voltage", 1, 1),
        Unit::Ampere => ("current", 1, 1),
        Unit::Hertz => ("frequency", 1, 1),
        Unit::Tonne => ("mass", 1_000, 1),
        Unit::Bar => ("pressure", 1, 1),
        _ => ("number", 1, 1),
    }
}

/// The same for the end of a field's name in the expected JSON.
fn suffix(name: &str) -> Family {
    match name.rsplit('_').next().unwrap() {
        "m3h" => ("flow", 1, 1),
        "lh" => ("flow", 1, 1_000),
        "m3" => ("volume", 1, 1),
        "l" => ("volume", 1, 1_000),
        "kwh" | "kvarh" | "kvah" => ("energy", 1, 1),
        "mwh" => ("energy", 1_000, 1),
        "gj" => ("energy", 10_000, 36),
        "mj" => ("energy", 10, 36),
        "kw" | "kva" | "kvar" => ("power", 1, 1),
        "w" => ("power", 1, 1_000),
        "mjh" => ("power", 10, 36),
        "c" | "k" => ("temperature", 1, 1),
        "h" => ("time", 1, 1),
        "s" => ("time", 1, 3_600),
        "min" => ("time", 1, 60),
        "d" | "days" => ("time", 24, 1),
        "month" => ("time", 146_097, 200),
        "y" => ("time", 438_291, 50),
        "v" => ("voltage", 1, 1),
        "a" => ("current", 1, 1),
        "hz" => ("frequency", 1, 1),
        "kg" => ("mass", 1, 1),
        "bar" => ("pressure", 1, 1),
        _ => ("number", 1, 1),
    }
}

fn found_number(name: &str, wanted: Decimal, rows: &[Row]) -> bool {
    let of = suffix(name);
    rows.iter().any(|row| match &row.printed {
        // Of what only its maker can explain the number stands in the telegram, and the unit does not.
        Printed::Number(number) if of.0 == "number" || row.quantity == Quantity::ManufacturerSpecific => {
            same(row, *number, of, wanted, of)
        }
        Printed::Number(number) => family(row.unit).0 == of.0 && same(row, *number, family(row.unit), wanted, of),
        Printed::Text(text) => {
            of.0 == "number" && Decimal::parse(text).is_some_and(|text| same(row, text, of, wanted, of))
        }
        _ => false,
    })
}

/// Whether a date is there. A time that the peer prints and the meter does not send is midnight; one that the meter
/// sends and the peer does not print is left out.
fn found_date(wanted: &str, rows: &[Row]) -> bool {
    let wanted = wanted.replace(' ', "T");
    rows.iter().any(|row| {
        let value = if let Printed::Time(time) = &row.printed { Some(time) } else { None };
        value.into_iter().chain(&row.at).any(|time| match (time.len(), wanted.len()) {
            (10, 11..) => wanted[10..] == "T00:00:00"[..wanted.len() - 10] && wanted.starts_with(time.as_str()),
            (len, other) => time[..len.min(other)] == wanted[..len.min(other)],
        })
    })
}

fn is_date(text: &str) -> bool {
    let digits = |range: std::ops::Range<usize>| text.get(range).is_some_and(|t| t.bytes().all(|b| b.is_ascii_digit()));
    digits(0..4) && digits(5..7) && digits(8..10) && text.get(4..5) == Some("-")
}

/// What the corpus expects of a row and does not get: the row, the beginning of the field names, the octets and why.
#[rustfmt::skip]
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    // The peer is wrong.
    ("b03e326e23aa", "prev_", "80000000 is the code of 32 bits for no value; the peer prints it as a number"),
    ("a292f144f60b", "target_date", "426C 0000 has no day and no month; the peer's C library makes 1999-11-30 of it"),
    ("318d9d196135", "target_date", "426C 0000, the same"),
    ("b56afa24804e", "target_date", "426C 0000, the same"),
    ("46d3c5671647", "total_reactive", "FB8275 3F000000: VIFE 75 is a tenth; the peer leaves it out"),
    ("46d3c5671647", "total_apparent", "not sent; the peer computes it from that reactive energy"),
    ("884c0cc16183", "volume_flow", "02BB56 0000: VIFE 56 makes it the hours under a limit; the peer takes it for a flow"),
    ("1422417a4004", "volume_flow", "02BB56 0000, the same"),
    ("bd56a29c1bb9", "volume_flow", "02BB56 0000, the same"),
    ("00d2c029ce22", "volume_flow", "02BB56 0000, the same"),
    ("bd56a29c1bb9", "meter_datetime", "046D 1E02 is all that the L-field leaves of it; the peer reads on behind the frame"),
    ("9bba8198ab31", "set_date_", "the peer counts months back from storage 1, 2020-12-31; its value 1222 is that of storage 25"),
    // It does not stand in the telegram, or not without what only the maker knows: a profile's business.
    ("443b261769d5", "active_power", "84B010FF842B: a VIF and a factor of the maker"),
    ("443b261769d5", "apparent_power", "84B010FF862B: a VIF and a factor of the maker"),
    ("443b261769d5", "three_phase", "84A020FF842B and others: a VIF and a factor of the maker"),
    ("bf93dda46226", "frequency_hz", "a VIF and a factor of the maker"),
    ("88fbb0db75d9", "current_power", "the sum of three phases"),
    ("484d04b39139", "dust_level", "bits of the maker's own"),
    ("b388f569324e", "history_", "no date and no interval is sent; the peer counts months back from the day of sending"),
];

/// Telegrams that end in an error behind their readings, and why.
#[rustfmt::skip]
const ERRORS: &[(&str, &str)] = &[
    ("035b91af5407", "altered by hand: the CRC of the full frame fits a flow of 0"),
    ("9b1ce0fd1669", "two octets FFFF behind the last record"),
    ("bd56a29c1bb9", "the L-field ends within the last record, behind 046D 1E02"),
    ("799dc73939f0", "two octets DD2F behind the last record"),
    ("c630df243591", "two octets 5208 behind the encrypted blocks"),
];

#[test]
fn every_number_and_date_of_generic_wireless_telegrams_is_read() {
    let (mut telegrams, mut whole, mut failed) = (0, 0, Vec::new());
    let mut excused = [false; EXCEPTIONS.len()];
    let mut broken = [false; ERRORS.len()];
    for row in rows("wmbus.jsonl") {
        let class = row["class"].as_str().unwrap().split(' ').next().unwrap();
        if !matches!(class, "A" | "A2" | "B" | "B2") {
            continue;
        }
        telegrams += 1;
        let key = row["key"].as_str().map(|key| Key::from_hex(key).unwrap());
        let mut memory = Memory::with_key(key);
        for prior in row["prior"].as_array().into_iter().flatten() {
            decode(&octets(prior.as_str().unwrap()), &mut memory);
        }
        let (readings, error) = decode(&octets(row["hex"].as_str().unwrap()), &mut memory);
        let id = row["id"].as_str().unwrap();
        let mut complete = true;
        for (name, value) in row["expect"].as_object().unwrap() {
            let ok = match value {
                _ if matches!(name.as_str(), "_" | "id" | "timestamp" | "name" | "media" | "meter" | "device") => true,
                Json::Number(number) => found_number(name, Decimal::parse(&number.to_string()).unwrap(), &readings),
                Json::String(text) if is_date(text) => found_date(text.trim_end_matches('Z'), &readings),
                _ => true,
            };
            if ok {
                continue;
            }
            complete = false;
            match EXCEPTIONS.iter().position(|(row, field, _)| *row == id && name.starts_with(field)) {
                Some(place) => excused[place] = true,
                None => failed.push(format!("{class} {} {id} {name}={value}", row["driver"])),
            }
        }
        whole += usize::from(complete);
        match (ERRORS.iter().position(|(row, _)| *row == id), error) {
            (Some(place), Some(_)) => broken[place] = true,
            (None, Some(error)) => failed.push(format!("{class} {} {id}: {error}", row["driver"])),
            _ => {}
        }
    }
    if telegrams == 0 {
        return;
    }
    println!("{whole} of {telegrams} telegrams whole");
    // An excuse that nobody needs is wrong.
    let idle =
        EXCEPTIONS.iter().zip(excused).filter(|(_, used)| !used).map(|((id, name, _), _)| format!("{id} {name}"));
    failed.extend(idle.map(|excuse| format!("not missed any more: {excuse}")));
    let idle = ERRORS.iter().zip(broken).filter(|(_, used)| !used).map(|((id, _), _)| id);
    failed.extend(idle.map(|id| format!("no error any more: {id}")));
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
