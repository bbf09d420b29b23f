//! What `queue stat|peek|verify` print. They only read, also while a gateway is at work.

use super::log::inspect::{self, Stat, Verified};
use super::log::{LogError, Seq};
use super::{EntryError, entry, parked};
use clap::ValueEnum;
use serde_json::{Value, json, value::RawValue};
use std::io::{self, Write};
use std::path::Path;

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Look {
    /// How full it is and where the sinks are.
    Stat,
    /// Its records.
    Peek,
    /// Whether every octet is as it was written.
    Verify,
}

/// Why nothing, or not all, is told.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The queue cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Nobody reads what is told.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Tells something of the queue in a folder; `false` when damage was found.
///
/// # Errors
/// When it cannot be read, or nobody listens.
pub fn look(
    folder: &Path,
    what: Look,
    from: Option<u64>,
    count: usize,
    as_json: bool,
    out: &mut dyn Write,
) -> Result<bool, LookError> {
    match what {
        Look::Stat => {
            let parked = parked::stat(&folder.with_file_name(parked::FOLDER))?;
            stat(&inspect::stat(folder)?, parked.as_ref(), as_json, out)?;
            Ok(true)
        }
        Look::Peek => {
            peek(folder, from, count, as_json, out)?;
            Ok(true)
        }
        Look::Verify => {
            let verified = inspect::verify(folder)?;
            let parked = folder.with_file_name(parked::FOLDER);
            let parked = if parked.is_dir() { Some(inspect::verify(&parked)?) } else { None };
            verify(&verified, parked.as_ref(), as_json, out)?;
            Ok(verified.damage.is_empty() && parked.is_none_or(|parked| parked.damage.is_empty()))
        }
    }
}

fn stat(stat: &Stat, parked: Option<&parked::Stat>, as_json: bool, out: &mut dyn Write) -> io::Result<()> {
    let told = |ms: u64| {
        let at = jiff::Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()?;
        Some(format!("{at:.3}"))
    };
    let since = stat.oldest.and_then(told);
    let parked_since = parked.and_then(|parked| told(parked.oldest?));
    if as_json {
        let cursors: Vec<Value> =
            stat.cursors.iter().map(|(sink, at)| json!({"sink": sink, "confirmed": at.map(|at| at.0)})).collect();
        let told = json!({
            "version": stat.version, "segments": stat.segments, "octets": stat.octets,
            "first": stat.entries.map(|(first, _)| first.0), "last": stat.entries.map(|(_, last)| last.0),
            "unconfirmed": stat.unconfirmed(), "oldest": since, "sinks": cursors,
            "dropped": stat.dropped.map_or(0, |dropped| dropped.count),
            "parked": parked.map(|parked| json!({"frames": parked.frames, "octets": parked.octets, "oldest": parked_since})),
        });
        return writeln!(out, "{told}");
    }
    writeln!(out, "{} octets in {} segments, format {}", stat.octets, stat.segments, stat.version)?;
    match stat.entries {
        Some((first, last)) => writeln!(out, "records {first} to {last}")?,
        None => writeln!(out, "no records")?,
    }
    match since {
        Some(since) => writeln!(out, "{} not delivered everywhere, the oldest since {since}", stat.unconfirmed())?,
        None => writeln!(out, "everything is delivered")?,
    }
    let last = stat.entries.map_or(Seq(0), |(_, last)| last);
    for (sink, at) in &stat.cursors {
        match at {
            Some(at) => writeln!(out, "sink {sink}: has record {at}, {} to come", last.0.saturating_sub(at.0))?,
            None => writeln!(out, "sink {sink}: its cursor is damaged, it begins with the oldest record")?,
        }
    }
    if let Some(dropped) = stat.dropped {
        writeln!(out, "{} dropped, which no event has told yet", dropped.count)?;
    }
    if let Some(parked) = parked {
        write!(out, "parked: {} frames that could not be decoded, {} octets", parked.frames, parked.octets)?;
        match parked_since {
            Some(since) => writeln!(out, ", the oldest since {since}")?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}

fn peek(folder: &Path, from: Option<u64>, count: usize, as_json: bool, out: &mut dyn Write) -> Result<(), LookError> {
    let from = match from {
        Some(from) => from,
        None => inspect::stat(folder)?.confirmed().0 + 1,
    };
    let mut result = Ok(());
    inspect::peek(folder, Seq(from), count, |found| {
        if result.is_ok() {
            result = show(found.seq, entry::record(found.payload), as_json, out);
        }
    })?;
    Ok(result?)
}

fn show(
    seq: Seq,
    record: Result<crate::record::Record, EntryError>,
    as_json: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let record = match record {
        Ok(record) => record,
        Err(error) if as_json => return writeln!(out, "{}", json!({"record": seq.0, "error": error.to_string()})),
        Err(error) => return writeln!(out, "{seq}  {error}"),
    };
    let report = String::from_utf8_lossy(&record.report);
    let (kind, meter) = (record.kind.word(), record.meter.as_deref().unwrap_or("-"));
    if !as_json {
        return writeln!(out, "{seq}  {kind}  {meter}  {report}");
    }
    // The report stands there as it will be delivered, digit by digit.
    let report: Option<&RawValue> = serde_json::from_str(&report).ok();
    let report = report.map_or("null", RawValue::get);
    writeln!(out, "{{\"record\":{},\"kind\":\"{kind}\",\"meter\":{},\"report\":{report}}}", seq.0, json!(record.meter))
}

fn verify(verified: &Verified, parked: Option<&Verified>, as_json: bool, out: &mut dyn Write) -> io::Result<()> {
    let lost: u64 = verified.damage.iter().map(super::log::Damage::count).sum();
    if as_json {
        let damage = |verified: &Verified| {
            let damage = verified.damage.iter().map(|damage| {
                json!({"file": damage.file, "offset": damage.offset, "octets": damage.octets, "lost": damage.count(),
                    "what": damage.to_string()})
            });
            damage.collect::<Vec<Value>>()
        };
        let parked = parked.map(|parked| json!({"segments": parked.segments, "damage": damage(parked)}));
        let told = json!({"segments": verified.segments, "records": verified.entries, "lost": lost,
            "damage": damage(verified), "parked": parked});
        return writeln!(out, "{told}");
    }
    writeln!(out, "{} records in {} segments are as they were written", verified.entries, verified.segments)?;
    for damage in &verified.damage {
        writeln!(out, "{damage}")?;
    }
    if !verified.damage.is_empty() {
        writeln!(out, "{} damaged places, {lost} records lost", verified.damage.len())?;
    }
    for damage in parked.iter().flat_map(|parked| &parked.damage) {
        writeln!(out, "parked: {damage}")?;
    }
    Ok(())
}
