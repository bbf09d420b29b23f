//! Modbus.

use crate::capture::Framing;
use crate::profiles::registers::{Map, Maps, Value};
use crate::sources::lines::{LineError, Members, from_json};
use esh_core::{Carrier, DecodeError, Id, Known, Layer, Meter, Opened, Out, Protocol, Reason, Refused};
use esh_modbus::map::Block;
use esh_modbus::pdu::Registers;
use esh_modbus::poll::{Exchanges, ModbusPoll};
use esh_modbus::stream::Wanted;
use esh_modbus::sunspec::Walk;
use esh_modbus::{Modbus, ModbusStream, Mode};
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt;

/// What the carrier is told of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// How it is laid out.
    mode: Option<Mode>,
    /// Which way it went.
    direction: Option<Direction>,
    /// Whether frames stand somewhere in the octets.
    stream: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Request,
    Response,
}

impl Told {
    /// What a word says that its `Display` has written.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let mut parts = word.split('+');
        let mode = match parts.next()? {
            "-" => None,
            mode => Some(Mode::from_word(mode)?),
        };
        let direction = match parts.next()? {
            "-" => None,
            "request" => Some(Direction::Request),
            "response" => Some(Direction::Response),
            _ => return None,
        };
        let stream = parts.next()?.parse().ok()?;
        parts.next().is_none().then_some(Self { mode, direction, stream })
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.direction {
            None => "-",
            Some(Direction::Request) => "request",
            Some(Direction::Response) => "response",
        };
        write!(f, "{}+{direction}+{}", self.mode.map_or("-", Mode::word), self.stream)
    }
}

/// What is known of a poll beside its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polled {
    /// How its frames are laid out.
    pub mode: Mode,
    /// The moment at which it was to be, in milliseconds since 1970.
    pub slot: i64,
    /// What the device is called here: Modbus has no names.
    pub id: Id,
}

impl Polled {
    /// What a word says that its `Display` has written.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let mut parts = word.splitn(3, '+');
        let (mode, slot, id) = (parts.next()?, parts.next()?, parts.next()?);
        let id = Id::new(id).filter(|id| !id.as_str().is_empty())?;
        Some(Self { mode: Mode::from_word(mode)?, slot: slot.parse().ok()?, id })
    }

    const fn meter(self) -> Meter {
        Meter { protocol: Protocol::Modbus, manufacturer: None, id: self.id, version: None, medium: None }
    }
}

impl fmt::Display for Polled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}+{}", self.mode.word(), self.slot, self.id)
    }
}

/// The members of a line: `mode` is `rtu`, `rtu_over_tcp`, `ascii` or `tcp`, `dir` is `request` or `response`, and
/// with `stream` the octets are searched for frames.
///
/// # Errors
/// When one of them is another word.
pub(super) fn members(line: &str) -> Result<Members, LineError> {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow, default)]
        mode: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        dir: Option<Cow<'a, str>>,
        #[serde(default)]
        stream: bool,
    }
    let object: Object<'_> = from_json(line)?;
    let mode = match object.mode {
        None => None,
        Some(word) => Some(Mode::from_word(&word).ok_or(LineError::Member("mode", "rtu, rtu_over_tcp, ascii or tcp"))?),
    };
    let direction = match object.dir.as_deref() {
        None => None,
        Some("request") => Some(Direction::Request),
        Some("response") => Some(Direction::Response),
        Some(_) => return Err(LineError::Member("dir", "request or response")),
    };
    let framing = Some(Framing::Modbus(Told { mode, direction, stream: object.stream }));
    Ok(Members { framing, ..Members::default() })
}

/// Opens a frame, or a stream with frames in it.
///
/// # Errors
/// What the carrier says.
pub(super) fn open<'f>(
    framing: Option<Framing>,
    frame: &'f mut [u8],
    known: &dyn Known,
    out: &mut dyn Out<'_>,
) -> Result<Opened<'f>, Refused> {
    let told = match framing {
        Some(Framing::ModbusPoll(polled)) => {
            return ModbusPoll { mode: polled.mode, meter: Some(polled.meter()) }.open(frame, known, out);
        }
        Some(Framing::Modbus(told)) => told,
        _ => Told::default(),
    };
    let wanted = told.direction.map(|direction| match direction {
        Direction::Request => Wanted::Requests,
        Direction::Response => Wanted::Responses,
    });
    if told.stream {
        let mode = told.mode.unwrap_or_default();
        ModbusStream { mode, wanted: wanted.unwrap_or(Wanted::Either) }.open(frame, known, out)
    } else {
        Modbus { mode: told.mode, wanted }.open(frame, known, out)
    }
}

/// Reads what a poll brought, by the map of its device; `None` when there is none of it.
pub(super) fn read<'p>(
    framing: Option<Framing>,
    opened: &Opened<'p>,
    maps: &'p Maps,
    out: &mut dyn Out<'p>,
) -> Option<Result<(), DecodeError>> {
    let Some(Framing::ModbusPoll(polled)) = framing else { return None };
    let map = maps.get(&polled.id)?;
    let (mut blocks, mut wrong) = (Vec::new(), Ok(()));
    for exchange in Exchanges::new(opened.payload, polled.mode) {
        match exchange {
            Ok(exchange) => blocks.extend(exchange.block()),
            Err(error) => wrong = Err(error),
        }
    }
    let read = match map {
        Map::Registers(registers) => {
            esh_modbus::map::read_blocks(
                registers.iter().filter(|value| value.is_reported()).map(Value::as_register),
                0,
                &blocks,
                out,
            );
            Ok(())
        }
        Map::SunSpec => sunspec(&blocks, out),
    };
    Some(wrong.and(read))
}

/// Walks the chain of models in the registers that were read, and reads those that are known.
fn sunspec<'p>(blocks: &[Block<'p>], out: &mut dyn Out<'p>) -> Result<(), DecodeError> {
    let mut walk = Walk::new();
    while let Some((address, count)) = walk.ask() {
        let found = esh_modbus::map::find(blocks, esh_modbus::Table::Holding, address, count);
        match found.and_then(|(octets, _)| Registers::new(octets)) {
            Some(registers) => {
                if let Some((model, map)) = walk.answer(registers).and_then(|model| Some((model, model.map()?))) {
                    map.read_blocks(model.address, blocks, out);
                }
            }
            None => walk.refused(),
        }
    }
    match walk.is_sunspec() {
        Some(true) => Ok(()),
        _ => {
            let (layer, field) = (Layer::Application, "mark of SunSpec");
            Err(DecodeError {
                layer,
                field,
                offset: blocks.first().map_or(0, |block| block.offset),
                reason: Reason::Malformed,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_its_frame_is() {
        let told = Told { mode: Some(Mode::Tcp), direction: Some(Direction::Request), stream: true };
        let members = members(r#"{"mode":"tcp","dir":"request","stream":true,"hex":""}"#).unwrap();
        assert_eq!(members.framing, Some(Framing::Modbus(told)));
        for (line, error) in [
            (r#"{"mode":"udp"}"#, "\"mode\" is not rtu, rtu_over_tcp, ascii or tcp"),
            (r#"{"dir":"up"}"#, "\"dir\" is not request or response"),
            (r#"{"stream":1}"#, "not a JSON line: a value of the wrong kind at column 11"),
        ] {
            assert_eq!(super::members(line).unwrap_err().to_string(), error);
        }
    }
}
