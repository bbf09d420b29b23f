//! Payloads of many makers' meters, through the profiles: every number and date that a row of the corpus states stands in
//! the report. The rows say it in the words of their peers, three kinds of them. `ESH_CORPUS` names the folder.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::float_arithmetic, reason = "peers state binary floats")]

mod common;

use esh_core::Protocol;
use esh_gateway::analyse::{Keys, Options, decode_lines};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Maker and device of a row, each as they begin, and the profile for it.
const PROFILES: &[(&str, &str, &str)] = &[
    ("Axioma", "Qalcosonic", "axioma-qalcosonic-w1"),
    ("Elvaco", "CMi4110", "elvaco-cmi4110"),
    ("NAS", "CM3010", "nas-cm3010"),
    ("NAS", "CM3020", "nas-cm3020"),
    ("NAS", "CM3030", "nas-cm3030"),
    ("NAS", "CM3060", "nas-cm3060"),
    ("NAS", "CM3061", "nas-cm3061"),
    ("NAS", "UM3023", "nas-um3023"),
    ("NAS", "UM30x3", "nas-um3033"),
    ("GWF", "", "gwf-rcm-lrw"),
    ("comtac", "KLAX", "comtac-klax"),
    ("DZG", "LoRaMod", "dzg-loramod"),
    ("eBZ", "", "ebz-lora-v2"),
    ("EasyMeter", "", "easymeter-esys-lr10"),
    ("Sensing Labs", "", "sensinglabs-senlab-m"),
    ("Sontex", "", "sontex-7x9"),
    ("Adeunis", "ARF8230", "adeunis-pulse"),
    ("ATIM", "", "atim-acw-dind"),
    ("ZIS", "", "zis-dis8"),
    ("Diehl", "IZAR", "diehl-izar-rc-iot"),
    ("Jooby", "analog", "jooby-analog"),
    ("Jooby", "mtx1", "jooby-mtx1"),
    ("Jooby", "mtx3", "jooby-mtx3"),
    ("Jooby", "obis-observer", "jooby-obis-observer"),
    ("ZENNER", "", "zenner-edc"),
    ("Vega-Absolute", "si11", "vega-si11-v2"),
    ("Vega-Absolute", "si12", "vega-si12"),
    ("Vega-Absolute", "si22", "vega-si22"),
    ("Vega-Absolute", "betar_shve", "betar-shve"),
    ("Vega-Absolute", "betar_sgbm", "betar-sgbm"),
    ("Vega-Absolute", "gm2", "vega-gm2"),
    ("Vega-Absolute", "mbus1", "vega-mbus1"),
    ("Vega-Absolute", "mbus2", "vega-mbus2"),
    ("Vega-Absolute", "SPBZIP", "spbzip"),
];

/// What a profile does not say as a row has it: device, name, and why. Each is missing in some row, or the test fails.
const MISSES: &[(&str, &str, &str)] = &[
    ("CMi4110 heat", "error_codes", "the peer's own: 1 where any bit is set. The bits are alarms here"),
    ("CM3061 BK-G", "tamper", "a bit; it is an alarm here"),
    ("CM3061 BK-G", "parse_error_code", "a code; it has its name here"),
    ("gas meter", "battery_percent", "reckoned and cut down by the peer out of half years, which are told"),
    ("gas meter", "measured_at", "the peer's time of reception less an age, which is told"),
    ("KLAX SML reader", "measured_at", "the peer's time of reception, less a period that is configured"),
    ("SenLab M pulse", "battery_percent", "cut down to a whole number by the peer"),
    ("analog/exAbsHourMc", "hours", "how many hours follow; each is a reading"),
    ("analog/getArchiveDaysMc", "days", "how many days follow; each is a reading"),
    ("analog/getExAbsArchiveDaysMc", "days", "how many days follow; each is a reading"),
    ("analog/status", "remainingBatteryCapacity", "rounded by the peer to a tenth"),
    ("obis-observer/getLorawanInfo", "activationMethod", "a code; it has its name here"),
    ("mtx1/getDeviceType", "revision", "in a packing of its own; the octets are told"),
    ("mtx1/getEvents", "eventsNumber", "how many events follow; each is told"),
    ("mtx1/getEvents", "day", "a day of the week beside a date"),
    ("mtx1/getHalfHourDemandPrevious", "year", "of a 31st of February, which is no date"),
    ("mtx1/getHalfHourDemandPrevious", "date", "of a 31st of February, which is no date"),
    ("mtx3/getEvents", "eventsNumber", "how many events follow; each is told"),
    ("mtx3/getEvents", "day", "a day of the week beside a date"),
    ("mbus2", "connectPeriodMin", "a code of no period, which the peer gives as minutes"),
];

/// Names under which rows state what is of the peer and not of the meter.
const ABOUT: &[&str] =
    &["headerSize", "maxSize", "accessLevel", "decoder", "rawValue", "length", "id", "meta_frame_port"];

/// What a row states: under which name, and what.
#[derive(Clone, Debug, PartialEq)]
enum Stated {
    Number(f64),
    Time(String),
}

#[test]
fn every_number_that_is_stated_is_reported() {
    let Some(rows) = common::corpus("lorawan-vendor-payloads.jsonl") else { return };
    let mut lines = Vec::new();
    let mut known = Vec::new();
    for row in &rows {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let (vendor, device) = (text("vendor"), text("device"));
        let profile = PROFILES
            .iter()
            .find(|(maker, model, _)| *maker == vendor && device.starts_with(model))
            .unwrap_or_else(|| panic!("no profile for {vendor} {device}"))
            .2;
        let mut line = Map::from_iter([
            ("layer".to_owned(), json!("payload")),
            ("hex".to_owned(), row["hex"].clone()),
            ("profile".to_owned(), json!(profile)),
        ]);
        if let Some(port) = row.get("fport").filter(|port| !port.is_null()) {
            line.insert("fPort".to_owned(), port.clone());
        }
        serde_json::to_writer(&mut lines, &line).unwrap();
        lines.push(b'\n');
        known.push(format!("{vendor} {device}"));
    }
    let reports = reports(&lines);
    assert_eq!(reports.len(), rows.len());
    let mut seen = BTreeSet::new();
    let mut wrong = String::new();
    let mut stated = 0;
    for ((row, report), device) in rows.iter().zip(&reports).zip(&known) {
        let found = Found::of(report);
        for (name, value) in statements(&row["expect"]) {
            stated += 1;
            if found.has(&name, &value) {
                continue;
            }
            match MISSES.iter().position(|(model, key, _)| device.ends_with(model) && *key == name) {
                Some(index) => {
                    seen.insert(index);
                }
                None => writeln!(wrong, "{device} {}: {name} {value:?}", row["hex"]).unwrap(),
            }
        }
        if row["expect"]["note"].as_str().is_some_and(|note| note.contains("key missing")) {
            assert_eq!(report["error"]["reason"], "no_key", "{report}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    for (index, (device, name, why)) in MISSES.iter().enumerate() {
        assert!(seen.contains(&index), "{device} {name} is not missing any more: {why}");
    }
    println!("{} payloads, {stated} numbers and dates, {} kinds of them listed as missing", rows.len(), MISSES.len());
}

fn reports(lines: &[u8]) -> Vec<Value> {
    let options = Options { opened: false, ..Options::of(Protocol::Lorawan, Keys::default()) };
    let mut out = Vec::new();
    decode_lines(&options, 2, lines, &mut out, &|report, into| into.extend_from_slice(report)).unwrap();
    let reports = out.split(|octet| *octet == b'\n').filter(|line| !line.is_empty());
    reports.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// Numbers and dates of a report.
struct Found {
    numbers: Vec<f64>,
    times: Vec<String>,
    /// Those of texts in hexadecimal: some peers list them.
    octets: Vec<u8>,
}

impl Found {
    fn of(report: &Value) -> Self {
        let mut found = Self { numbers: Vec::new(), times: Vec::new(), octets: Vec::new() };
        let mut before = None;
        for reading in report["readings"].as_array().unwrap() {
            for name in ["subunit", "tariff", "storage"] {
                found.numbers.push(reading[name].as_f64().unwrap());
            }
            for time in [reading["at"].as_str(), reading["value"].as_str()].into_iter().flatten() {
                found.time(time);
            }
            let value = reading["value"].as_f64();
            // Peers may give as a number what is a name, such as a serial number.
            let text = reading["value"].as_str().unwrap_or_default();
            let hexadecimal = u128::from_str_radix(text, 16).ok();
            found.numbers.extend([value, text.parse().ok()].into_iter().flatten());
            #[expect(clippy::cast_precision_loss, reason = "peers state it as precisely")]
            found.numbers.extend(hexadecimal.map(|number| number as f64));
            let pairs = text.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
            found.octets.extend(pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()));
            // Durations are told in the unit of their quantity.
            if let (Some(value), Some("s" | "h")) = (value, reading["unit"].as_str()) {
                found.numbers.extend([value / 60.0, value * 60.0, value * 3600.0]);
            }
            if let (Some(value), Some(before)) = (value, before) {
                // A difference to the count before: some peers report it instead of the count.
                found.numbers.push(value - before);
            }
            before = value.or(before);
        }
        found
    }

    fn time(&mut self, time: &str) {
        let Some((date, clock)) = time.split_once('T').or(Some((time, ""))) else { return };
        let parts: Vec<&str> = date.split('-').collect();
        if parts.len() != 3 || parts[0].len() != 4 {
            return;
        }
        self.times.push(time.trim_end_matches('Z').to_owned());
        let numbers: Vec<f64> = parts.into_iter().filter_map(|part| part.parse().ok()).collect();
        self.numbers.extend(&numbers);
        self.numbers.push(numbers[0] % 100.0);
        self.numbers.extend(clock.trim_end_matches('Z').split(':').filter_map(|part| part.parse::<f64>().ok()));
    }

    fn has(&self, name: &str, stated: &Stated) -> bool {
        match stated {
            Stated::Time(time) => {
                let (date, clock) = time.split_once('T').unwrap_or((time, ""));
                let of = |told: &String| {
                    let (day, rest) = told.split_once('T').unwrap_or((told, ""));
                    day == date && (clock.starts_with(rest) || rest.starts_with(clock.trim_end_matches(":00")))
                };
                self.times.iter().any(of)
            }
            Stated::Number(number) if ["data", "vector", "order"].contains(&name) => {
                self.octets.iter().any(|octet| *number == f64::from(*octet))
            }
            Stated::Number(number) => {
                let century = if name == "year" { 2000.0 } else { 0.0 };
                self.numbers.iter().any(|told| same(*number, *told) || same(*number + century, *told))
            }
        }
    }
}

/// Whether both have the same digits: peers use other powers of ten of a unit.
fn same(stated: f64, told: f64) -> bool {
    if stated == 0.0 || told == 0.0 {
        return stated == told;
    }
    (-9..=9).any(|power| {
        let moved = told * 10f64.powi(power);
        (stated - moved).abs() <= stated.abs() * 1e-6
    })
}

/// What a row states, by name.
fn statements(expect: &Value) -> Vec<(String, Stated)> {
    let mut stated = Vec::new();
    if let Some(text) = expect["elixir"].as_str() {
        literals(behind_the_meta(text), &mut stated);
    } else if let Some(text) = expect["ts"].as_str() {
        literals(text, &mut stated);
    } else {
        members("", expect, &mut stated);
    }
    stated.retain(|(name, _)| !ABOUT.contains(&name.as_str()));
    stated
}

/// The second argument of a call, as tests in Elixir write it: the first says how the payload came.
fn behind_the_meta(text: &str) -> &str {
    let mut depth = 0;
    for (index, char) in text.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 1 => return &text[index + 1..],
            '}' => depth -= 1,
            _ => {}
        }
    }
    text
}

/// Numbers and dates in a literal of a language, each under the name before it.
fn literals(text: &str, stated: &mut Vec<(String, Stated)>) {
    let chars: Vec<char> = text.chars().collect();
    let (mut name, mut index) = (String::new(), 0);
    while index < chars.len() {
        let char = chars[index];
        let rest = |from: usize, end: &dyn Fn(char) -> bool| -> String {
            chars[from..].iter().take_while(|char| !end(**char)).collect()
        };
        match char {
            '#' => index += rest(index, &|char| char == '\n' || char == '%').chars().count(),
            '"' | '\'' => {
                let inner = rest(index + 1, &|other| other == char);
                index += inner.chars().count() + 2;
                let next: String = chars[index.min(chars.len())..].iter().collect();
                if next.trim_start().starts_with("=>") || next.starts_with(':') {
                    name = inner;
                } else {
                    date(&name, &inner, stated);
                }
            }
            '~' => {
                let inner = rest(index + 3, &|char| char == ']');
                date(&name, &inner, stated);
                index += inner.chars().count() + 4;
            }
            '-' | '0'..='9' => {
                let word = rest(index, &|char| !char.is_ascii_alphanumeric() && !".-_".contains(char));
                index += word.chars().count().max(1);
                let plain = word.replace('_', "");
                let number = match plain.strip_prefix("0x") {
                    #[expect(clippy::cast_precision_loss, reason = "they have at most 53 bits")]
                    Some(digits) => u64::from_str_radix(digits, 16).ok().map(|number| number as f64),
                    None => plain.parse().ok(),
                };
                if let Some(number) = number {
                    push(&name, number, stated);
                }
            }
            _ if char.is_alphabetic() || char == '_' => {
                let word = rest(index, &|char| !char.is_alphanumeric() && !"_.?!".contains(char));
                index += word.chars().count();
                let next: String = chars[index.min(chars.len())..].iter().collect();
                if next.starts_with(':') || next.trim_start().starts_with("=>") {
                    name = word;
                }
            }
            _ => index += 1,
        }
    }
}

fn members(name: &str, value: &Value, stated: &mut Vec<(String, Stated)>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object.iter().filter(|(name, _)| !ABOUT.contains(&name.as_str())) {
                members(name, value, stated);
            }
        }
        Value::Array(array) => array.iter().for_each(|value| members(name, value, stated)),
        Value::Number(number) => push(name, number.as_f64().unwrap(), stated),
        Value::String(text) => date(name, text, stated),
        _ => {}
    }
}

/// A number, or the time that a number stands for.
fn push(name: &str, number: f64, stated: &mut Vec<(String, Stated)>) {
    const YEAR_2000: f64 = 946_684_800.0;
    let seconds = match name {
        "time2000" | "startTime2000" | "eldestTime2000" | "newestTime2000" | "lastSuccessfulTime"
        | "lastFailedTime" => number + YEAR_2000,
        "time" | "timestamp" | "timestamp_unix" | "time_s" | "penultHalfHourTime" | "lastHalfHourTime" => number,
        _ => {
            stated.push((name.to_owned(), Stated::Number(number)));
            return;
        }
    };
    #[expect(clippy::cast_possible_truncation, reason = "they are whole numbers of 33 bits")]
    let time = esh_core::CivilTime::from_unix(seconds as i64).unwrap();
    stated.push((name.to_owned(), Stated::Time(time.to_string().trim_end_matches('Z').to_owned())));
}

fn date(name: &str, text: &str, stated: &mut Vec<(String, Stated)>) {
    let octets = text.as_bytes();
    let is_one = octets.len() >= 10
        && octets
            .iter()
            .take(10)
            .enumerate()
            .all(|(at, octet)| if at == 4 || at == 7 { *octet == b'-' } else { octet.is_ascii_digit() });
    if is_one {
        let time = text.replace(' ', "T");
        let time = time.trim_end_matches('Z').split('.').next().unwrap_or_default().to_owned();
        stated.push((name.to_owned(), Stated::Time(time)));
    }
}
