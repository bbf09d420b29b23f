//! Jooby "analog" modules (pulse, gas, water and electricity modules), jooby-docs, `docs/analog`.
//!
//! A message is a run of commands with their octets, and behind it an LRC. What a command holds is a row of
//! [`commands::COMMANDS`]; counts of many channels are packed in a way of their own ([`channels`]).

mod archive;
mod channels;
mod commands;
mod events;
mod fields;
mod status;

pub use archive::JoobyArchive;
use commands::{Body, COMMANDS};
use esh_core::{DecodeError, Format, Input, Known, Layer, Meter, Out, Reason};
use fields::{Told, fields, octets_left};

/// Reads the messages of Jooby's analog modules.
///
/// Counts are of pulses: what a pulse is worth the module tells beside them where it knows it (`pulse weight`, in litres for
/// a meter of volume), and never applies itself. Values of an hour or a day have its time, in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JoobyAnalog;

/// What the LRC begins with.
const LRC_START: u8 = 0x55;
/// The identifier behind which that of a command with three octets of head stands.
const EXTENDED: u8 = 0x1f;
/// Commands that answer out of the archive.
const ARCHIVES: [u16; 2] = [0x05, 0x06];

impl Format for JoobyAnalog {
    fn read<'p>(
        &self,
        _: Option<&Meter>,
        payload: &'p [u8],
        offset: usize,
        _: &'p dyn Known,
        out: &mut dyn Out<'p>,
    ) -> Result<(), DecodeError> {
        let mut input = Input::new(payload, offset, Layer::Application);
        // The checksum comes last: nothing of a message whose octets are wrong is told.
        check(input)?;
        while input.len() > 1 {
            command(&mut input, out)?;
        }
        Ok(())
    }
}

/// Walks over the commands to the LRC. A run that ends with its last command has none: so commands stand in documents.
fn check(mut input: Input<'_>) -> Result<(), DecodeError> {
    let whole = input.rest();
    while input.len() > 1 {
        let (_, len) = head(&mut input)?;
        input.take("command data", len)?;
    }
    let (Some(found), Some((_, covered))) = (input.peek(), whole.split_last()) else { return Ok(()) };
    let computed = covered.iter().fold(LRC_START, |lrc, octet| lrc ^ octet);
    if computed == found {
        return Ok(());
    }
    Err(input.error("LRC", Reason::Checksum { found: found.into(), computed: computed.into() }))
}

/// The identifier of a command and how many octets it has. Identifiers with a head of three octets have 1f in front.
fn head(input: &mut Input<'_>) -> Result<(u16, usize), DecodeError> {
    let first = input.u8("command")?;
    if first & 0xe0 != 0 {
        return Ok((u16::from(first & 0xe0), usize::from(first & 0x1f)));
    }
    let id =
        if first == EXTENDED { u16::from(EXTENDED) << 8 | u16::from(input.u8("command")?) } else { u16::from(first) };
    Ok((id, input.u8("command size")?.into()))
}

fn command<'p>(input: &mut Input<'p>, out: &mut dyn Out<'p>) -> Result<(), DecodeError> {
    let start = *input;
    let (id, len) = head(input)?;
    let mut body = input.sub("command data", len)?;
    let told = &mut Told::new(out, !ARCHIVES.contains(&id));
    let Some(row) = COMMANDS.iter().find(|row| row.id == id) else {
        let whole = start.rest().get(..input.offset() - start.offset()).unwrap_or_default();
        told.octets("command", whole, start.offset());
        return Ok(());
    };
    match row.body {
        Body::Fields(parts) => fields(parts, &mut body, told)?,
        Body::Counters(layout) => channels::counters(layout, &mut body, told)?,
        Body::Days => channels::legacy_days(&mut body, told)?,
        Body::Day => channels::legacy_day(&mut body, told)?,
        Body::Hours => channels::legacy_hours(&mut body, told)?,
        Body::Current => channels::legacy_current(&mut body, told)?,
        Body::Status => status::status(&mut body, told)?,
        Body::LastEvent => status::last_event(&mut body, told)?,
        Body::Event => events::event(&mut body, told)?,
        Body::Archive => events::archive(&mut body, told)?,
        Body::Parameter => commands::parameter(&mut body, told)?,
        Body::ParameterSet => commands::parameter_set(&mut body, told)?,
        Body::ChannelStates => status::channel_states(&mut body, told)?,
        Body::ChannelTypes => status::channel_types(&mut body, told)?,
    }
    octets_left(&mut body, told);
    Ok(())
}

#[cfg(test)]
mod tests;
