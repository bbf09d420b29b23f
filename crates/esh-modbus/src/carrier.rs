//! The carrier: opens a frame and says what it carries, with what each octet means.

use crate::fields;
use crate::frame::{self, Adu, Mode, ascii, rtu, tcp};
use crate::pdu::{Request, Response};
use crate::stream::{Asked, Frames, Wanted};
use esh_core::note::{Notes, at};
use esh_core::{Carrier, Content, DecodeError, Field, Known, Layer, Opened, Out, Reason, Refused, Security};

/// Opens Modbus frames: requests, responses, or the answers to a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Modbus<'r> {
    /// How frames are laid out; recognised by default.
    pub mode: Option<Mode>,
    /// What they are; recognised by default, where a frame that can be both is taken for a response.
    pub wanted: Option<Wanted<'r>>,
}

/// Opens octets in which frames stand between others: it tells where.
#[derive(Clone, Copy, Debug)]
pub struct ModbusStream<'r> {
    /// How frames are laid out.
    pub mode: Mode,
    /// What is looked for.
    pub wanted: Wanted<'r>,
}

impl<'r> Modbus<'r> {
    /// Opens the answers to what was asked.
    #[must_use]
    pub const fn answers(mode: Mode, asked: Asked<'r>) -> Self {
        Self { mode: Some(mode), wanted: Some(Wanted::Answers(asked)) }
    }
}

/// What a PDU is.
pub(crate) enum Pdu<'a> {
    Request(Request<'a>),
    Response(Response<'a>),
}

impl Carrier for Modbus<'_> {
    fn open<'f>(&self, frame: &'f mut [u8], _: &dyn Known, out: &mut dyn Out<'_>) -> Result<Opened<'f>, Refused> {
        let mut notes = Notes::new(out);
        let mode = self.mode.unwrap_or_else(|| recognise(frame));
        let mut octets = [0; ascii::OCTETS];
        let adu = match mode {
            Mode::Rtu => rtu::open(frame),
            Mode::Tcp => tcp::open(frame),
            Mode::Ascii => ascii::open(frame, &mut octets),
        };
        let adu = adu.map_err(|error| {
            fields::refused(mode, frame, error, &mut notes);
            Refused::from(error)
        })?;
        fields::head(mode, &adu, &mut notes);
        let pdu = self.pdu(&adu).map_err(|error| as_sent(mode, error))?;
        fields::pdu(&adu, &pdu, &mut notes);
        fields::tail(mode, &adu, &mut notes);
        let (content, at, len) = content(&adu, &pdu);
        if mode == Mode::Ascii {
            // From here on the octets lie where their characters lay.
            let len = adu.offset + adu.pdu.len() + 1;
            if let (Some(lie), Some(octets)) = (frame.get_mut(..len), octets.get(..len)) {
                lie.copy_from_slice(octets);
            }
        }
        Ok(Opened {
            meter: None,
            content,
            payload: frame.get(at..at + len).unwrap_or_default(),
            offset: at,
            security: Security::NONE,
            counter: None,
            trailing: &[],
        })
    }
}

impl Modbus<'_> {
    fn pdu<'a>(&self, adu: &Adu<'a>) -> Result<Pdu<'a>, DecodeError> {
        let response = || Response::parse(adu.pdu, adu.offset).map(Pdu::Response);
        let request = || Request::parse(adu.pdu, adu.offset).map(Pdu::Request);
        match self.wanted {
            Some(Wanted::Requests) => request(),
            Some(Wanted::Responses) => response(),
            // Where both are wrong, the better guess is that of the function code, which is a server's when it refuses.
            Some(Wanted::Either) | None => response().or_else(|error| request().map_err(|_| error)),
            Some(Wanted::Answers(asked)) => {
                let error = |field, offset, reason| Err(DecodeError { layer: frame::LAYER, field, offset, reason });
                if adu.head.unit != asked.unit {
                    return error("unit", adu.offset - 1, Reason::Malformed);
                }
                if adu.head.transaction != asked.transaction && self.mode == Some(Mode::Tcp) {
                    return error("transaction identifier", 0, Reason::Malformed);
                }
                Response::to(&asked.request).parse(adu.pdu, adu.offset).map(Pdu::Response)
            }
        }
    }
}

impl Carrier for ModbusStream<'_> {
    fn open<'f>(&self, stream: &'f mut [u8], _: &dyn Known, out: &mut dyn Out<'_>) -> Result<Opened<'f>, Refused> {
        let mut notes = Notes::new(out);
        let one = Modbus { mode: Some(self.mode), wanted: Some(self.wanted) };
        notes.array(at(Layer::Line, 0, stream.len(), "frames", "frames"), |notes| {
            for found in Frames::new(stream, self.mode, self.wanted) {
                let place = at(Layer::Link, found.start, found.len(), "frame", Field::ELEMENT);
                notes.object(place, |notes| {
                    notes.number(at(Layer::Link, found.start, 0, "offset", "offset"), found.start as u64, &"");
                    notes.number(at(Layer::Link, found.start, 0, "length", "length"), found.len() as u64, &"");
                    let mut octets = [0; ascii::OCTETS];
                    let frame = stream.get(found.clone()).unwrap_or_default();
                    let adu = match self.mode {
                        Mode::Rtu => rtu::open(frame),
                        Mode::Tcp => tcp::open(frame),
                        Mode::Ascii => ascii::open(frame, &mut octets),
                    };
                    // What the frame has found is what it carries.
                    let Ok(adu) = adu else { return };
                    notes.number(at(Layer::Link, found.start, 0, "unit", "unit"), adu.head.unit, &"");
                    if let Ok(Pdu::Request(_) | Pdu::Response(_)) = one.pdu(&adu) {
                        let function = adu.pdu.first().copied().unwrap_or_default() & 0x7f;
                        notes.number(at(Layer::Link, found.start, 0, "function", "function"), function, &"");
                    }
                });
            }
        });
        let stream: &'f [u8] = stream;
        let (content, security) = (Content::Nothing, Security::NONE);
        Ok(Opened { meter: None, content, payload: &[], offset: stream.len(), security, counter: None, trailing: &[] })
    }
}

/// The mode of a frame by how it looks: a colon, a CRC that fits, or else a header of Modbus TCP.
fn recognise(frame: &[u8]) -> Mode {
    match frame {
        [b':', ..] if frame.ends_with(b"\r\n") => Mode::Ascii,
        _ if frame.len() <= rtu::LIMIT && frame::fits(frame) => Mode::Rtu,
        [_, _, 0, 0, ..] if frame.len() > tcp::HEADER => Mode::Tcp,
        _ => Mode::Rtu,
    }
}

/// The place of an error in the frame as it was sent.
fn as_sent(mode: Mode, error: DecodeError) -> DecodeError {
    if mode == Mode::Ascii { DecodeError { offset: ascii::place(error.offset), ..error } } else { error }
}

/// What there is to read, and where.
fn content(adu: &Adu<'_>, pdu: &Pdu<'_>) -> (Content, usize, usize) {
    let end = adu.offset + adu.pdu.len();
    let last = |len: usize| (end - len, len);
    let (content, (at, len)) = match pdu {
        Pdu::Response(
            Response::ReadHoldingRegisters { registers }
            | Response::ReadInputRegisters { registers }
            | Response::ReadWriteMultipleRegisters { registers }
            | Response::ReadFifoQueue { registers },
        ) => (Content::Registers, last(registers.octets().len())),
        _ => (Content::Nothing, (end, 0)),
    };
    (content, at, len)
}
