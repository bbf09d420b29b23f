//! The command `meters`: who is known, from what is stored, also while a gateway is at work.

use super::{List, Standing};
use crate::queue::{self, KnownError};
use clap::ValueEnum;
use esh_core::{Alarm, Meter};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

/// How it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A JSON object for each meter, one a line.
    Json,
    /// A table.
    Text,
}

/// Why it is not told.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// What is known cannot be read.
    #[error(transparent)]
    Known(#[from] KnownError),
    /// Nobody reads what is told.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Tells of all meters that the gateway in a folder knows, in the order of their addresses.
///
/// # Errors
/// When what is known cannot be read, or nobody listens.
pub fn print(data: &Path, list: &List, format: Format, out: &mut dyn Write) -> Result<(), TableError> {
    let mut all = BTreeMap::new();
    queue::known_meters(&data.join(queue::FOLDER), |meter, standing| {
        all.insert(meter.address().to_string(), (meter, standing));
    })?;
    if format == Format::Text {
        writeln!(
            out,
            "{:28} {:24} {:20} {:20} {:>9}  alarms",
            "address", "name", "first heard", "last heard", "frames"
        )?;
    }
    for (address, (meter, standing)) in &all {
        match format {
            Format::Json => object(address, list, meter, standing, out)?,
            Format::Text => row(address, list, meter, standing, out)?,
        }
    }
    Ok(())
}

fn object(address: &str, list: &List, meter: &Meter, standing: &Standing, out: &mut dyn Write) -> io::Result<()> {
    let Standing { first, last, frames, silent, alarms, .. } = standing;
    let judged = list.judge(Some(meter));
    let at = |at: &Option<super::Moment>| at.and_then(super::Moment::at).map(|at| format!("{at:.3}"));
    let alarms: Vec<_> = alarms.iter().map(Alarm::name).collect();
    let told = json!({
        "address": address, "name": judged.ok().flatten().and_then(|listed| listed.name.as_deref()),
        "listed": matches!(judged, Ok(Some(_))), "first_heard": at(first), "last_heard": at(last), "frames": frames,
        "alarms": alarms, "silent": silent,
    });
    writeln!(out, "{told}")
}

fn row(address: &str, list: &List, meter: &Meter, standing: &Standing, out: &mut dyn Write) -> io::Result<()> {
    let Standing { first, last, frames, silent, alarms, .. } = standing;
    let name = list.judge(Some(meter)).ok().flatten().and_then(|listed| listed.name.as_deref()).unwrap_or("-");
    // A meter or its operator may call it anything; a terminal is told letters only.
    let plain = |text: &str| -> String { text.chars().map(|c| if c.is_control() { '?' } else { c }).collect() };
    let at = |at: &Option<super::Moment>| {
        at.and_then(super::Moment::at).map_or_else(|| "-".to_owned(), |at| format!("{at:.0}"))
    };
    let mut states: Vec<_> = alarms.iter().map(Alarm::name).collect();
    if *silent {
        states.push("SILENT");
    }
    let (address, name, states) = (plain(address), plain(name), states.join(" "));
    writeln!(out, "{address:28} {name:24} {:20} {:20} {frames:>9}  {states}", at(first), at(last))
}
