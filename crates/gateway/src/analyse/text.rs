//! The text form of a report, for a terminal.

use esh_core::report::{Report, Value};
use std::fmt::Write;

/// Appends the text form of a report that is JSON.
pub fn print(report: &[u8], colours: bool, into: &mut Vec<u8>) {
    let mut text = String::new();
    match serde_json::from_slice(report) {
        Ok(report) => print_report(&report, colours, &mut text),
        // The report was written a moment ago; should it not read back, its JSON says more than nothing.
        Err(_) => text.push_str(&String::from_utf8_lossy(report)),
    }
    into.extend_from_slice(text.as_bytes());
}

/// Who, how protected, what was read, what is wrong.
fn print_report(report: &Report, colours: bool, into: &mut String) {
    let paint = |code: &'static str| if colours { code } else { "" };
    let (bold, dim, red, reset) = (paint("\x1b[1m"), paint("\x1b[2m"), paint("\x1b[31m"), paint("\x1b[0m"));
    // Writing to a string cannot fail.
    match &report.meter {
        Some(meter) => {
            let _ = write!(into, "{bold}{}{reset}", meter.address);
            if let Some(medium) = &meter.medium {
                let _ = write!(into, "  {}", medium.replace('_', " "));
            }
        }
        None => {
            let _ = write!(into, "{bold}{}: a frame that names no meter{reset}", report.protocol);
        }
    }
    let _ = match (report.security.state.as_str(), report.security.mode) {
        ("none", _) => write!(into, "  {dim}not encrypted{reset}"),
        ("decrypted", Some(mode)) if report.security.authenticated => {
            write!(into, "  {dim}decrypted and authenticated, mode {mode}{reset}")
        }
        ("decrypted", Some(mode)) => write!(into, "  {dim}decrypted, not authenticated, mode {mode}{reset}"),
        (state, Some(mode)) => write!(into, "  {dim}{}, mode {mode}{reset}", state.replace('_', " ")),
        (state, None) => write!(into, "  {dim}{}{reset}", state.replace('_', " ")),
    };
    into.push('\n');
    for reading in &report.readings {
        let value = match &reading.value {
            Value::Absent => "-".to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Text(text) => text.clone(),
        };
        let _ = write!(
            into,
            "  {:<28} {bold}{value:>16}{reset} {:<6}",
            reading.quantity,
            reading.unit.as_deref().unwrap_or("")
        );
        let mut notes: Vec<_> = reading.name.iter().map(|name| format!("\"{name}\"")).collect();
        if reading.function != "instantaneous" {
            notes.push(reading.function.clone());
        }
        for (name, number) in
            [("storage", reading.storage), ("tariff", reading.tariff.into()), ("subunit", reading.subunit.into())]
        {
            if number != 0 {
                notes.push(format!("{name} {number}"));
            }
        }
        notes.extend(reading.at.iter().map(|at| format!("at {at}")));
        notes.extend(reading.qualifiers.iter().map(|word| word.replace('_', " ")));
        notes.extend(reading.quality.iter().map(|word| word.replace('_', " ")));
        notes.extend(reading.raw.iter().filter_map(|raw| raw.octets.clone()));
        let _ = writeln!(into, " {dim}{}{reset}", notes.join(", "));
    }
    if let Some(data) = &report.data {
        let _ = writeln!(into, "  {bold}data{reset} {}", data.0);
    }
    for warning in &report.warnings {
        let _ = writeln!(into, "  {red}warning: {warning}{reset}");
    }
    for alarm in &report.alarms {
        let _ = writeln!(into, "  {red}alarm: {alarm}{reset}");
    }
    if let Some(error) = &report.error {
        let _ = writeln!(into, "  {red}{}{reset}", error.message);
    }
}
