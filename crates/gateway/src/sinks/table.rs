//! A table on the terminal that shows the last report of each meter: `kind = "table"`, what `demo` shows.
//!
//! On a terminal it is drawn anew as reports come; into a pipe each report is a line.

use crate::config::{Part, Wrong};
use crate::queue::Reader;
use esh_core::report::{Report, Value};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// `kind = "table"`. There is nothing else to tell it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What its cursor in the queue is called.
    pub name: Option<String>,
}

impl Part for Config {
    type Keys = Self;

    fn build(keys: Self, _: &Path) -> Result<Self, Wrong> {
        Ok(keys)
    }
}

/// The terminal takes nothing more.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TableError(#[from] io::Error);

/// How often the table is drawn at most.
const PERIOD: Duration = Duration::from_millis(200);

/// The most meters shown: more would not fit a terminal, and anyone can make up meters.
const METERS: usize = 64;

/// Shows reports until the queue ends.
///
/// # Errors
/// When the terminal is gone.
pub async fn run(reader: Reader) -> Result<(), TableError> {
    let terminal = io::stdout().is_terminal();
    let mut table = Table::default();
    let mut position = reader.confirmed();
    let mut drawn: Option<Instant> = None;
    while let Some(entry) = reader.next(position).await {
        position = entry.position;
        if let Ok(report) = serde_json::from_slice::<Report>(&entry.record.report) {
            let line = table.take(&report);
            if !terminal {
                print(&line)?;
            }
        }
        let due = drawn.is_none_or(|drawn| drawn.elapsed() >= PERIOD);
        if terminal && (due || reader.try_next(position).is_none()) {
            print(&table.draw())?;
            drawn = Some(Instant::now());
        }
        reader.confirm(position);
    }
    if terminal {
        print(&table.draw())?;
    }
    Ok(())
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

#[derive(Debug, Default)]
struct Table {
    rows: BTreeMap<String, Row>,
    reports: u64,
    errors: u64,
}

#[derive(Debug)]
struct Row {
    heard: String,
    rssi: Option<i16>,
    security: String,
    readings: String,
    count: u64,
}

impl Table {
    /// Takes a report, and gives the line that tells it.
    fn take(&mut self, report: &Report) -> String {
        self.reports += 1;
        self.errors += u64::from(report.error.is_some());
        let heard = report.received_at.as_deref().and_then(|at| at.get(11..19)).unwrap_or("-").to_owned();
        let address = report.meter.as_ref().map_or_else(|| report.protocol.clone(), |meter| meter.address.clone());
        let readings = match &report.error {
            Some(error) => error.message.clone(),
            None => readings(report),
        };
        let line = format!("{heard}  {address:<26}  {readings}\n");
        let known = self.rows.contains_key(&address);
        if known || self.rows.len() < METERS {
            let count = self.rows.get(&address).map_or(0, |row| row.count) + 1;
            let rssi = report.source.as_ref().and_then(|source| source.rssi);
            let row = Row { heard, rssi, security: security(report), readings, count };
            self.rows.insert(address, row);
        }
        line
    }

    fn draw(&self) -> String {
        // Home, clear, and no wrapping: a row that is too long is cut by the terminal.
        let mut text = String::from("\x1b[H\x1b[2J\x1b[?7l");
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "\x1b[1mESH\x1b[0m  {} reports from {} meters, {} errors\n",
            self.reports,
            self.rows.len(),
            self.errors
        );
        let _ = writeln!(
            text,
            "\x1b[2m{:<26}  {:>6}  {:<8}  {:>4}  {:<15}  readings\x1b[0m",
            "meter", "count", "heard", "dBm", "security"
        );
        for (address, row) in &self.rows {
            let rssi = row.rssi.map(|rssi| rssi.to_string()).unwrap_or_default();
            let _ = writeln!(
                text,
                "{address:<26}  {:>6}  {:<8}  {rssi:>4}  {:<15}  {}",
                row.count, row.heard, row.security, row.readings
            );
        }
        text.push_str("\x1b[?7h");
        text
    }
}

/// The present values, shortly.
fn readings(report: &Report) -> String {
    let present =
        report.readings.iter().filter(|reading| reading.storage == 0 && !reading.quantity.starts_with("time."));
    let told = present.filter_map(|reading| {
        let unit = reading.unit.as_deref().unwrap_or("");
        match &reading.value {
            Value::Number(number) if reading.unit.is_some() => Some(format!("{} {number} {unit}", reading.quantity)),
            _ => None,
        }
    });
    told.take(4).collect::<Vec<_>>().join(", ")
}

fn security(report: &Report) -> String {
    match (report.security.mode, report.security.authenticated) {
        (None | Some(0), _) => report.security.state.clone(),
        (Some(mode), true) => format!("mode {mode}, proved"),
        (Some(mode), false) => format!("mode {mode}"),
    }
}
