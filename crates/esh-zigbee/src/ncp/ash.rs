//! ASH, the asynchronous serial host protocol, Silicon Labs UG101.

use crate::write::{WriteError, Writer};
use esh_core::{DecodeError, Input, Layer, Reason};

/// Ends a frame.
pub const FLAG: u8 = 0x7e;
/// The next octet has its bit 5 turned.
pub const ESCAPE: u8 = 0x7d;
/// Goes on, and stops: an octet of software flow control, which is no part of a frame.
pub const XON: u8 = 0x11;
/// Stops.
pub const XOFF: u8 = 0x13;
/// An octet before it was hit on the line.
pub const SUBSTITUTE: u8 = 0x18;
/// What came of a frame is to be forgotten.
pub const CANCEL: u8 = 0x1a;

/// The longest frame: control, 128 octets of data, and the CRC.
pub const LONGEST: usize = 1 + 128 + 2;

/// The fewest octets of data in a data frame.
const FEWEST: usize = 3;

/// A frame; UG101, clause 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Data.
    Data {
        /// Its number, of three bits.
        number: u8,
        /// Whether it is sent again.
        again: bool,
        /// The number of the frame that is awaited.
        awaited: u8,
        /// A frame of EZSP.
        ezsp: &'a [u8],
    },
    /// An acknowledgement.
    Ack {
        /// The number of the frame that is awaited.
        awaited: u8,
        /// Whether no callbacks are wanted now.
        not_ready: bool,
    },
    /// What came was wrong, or out of turn.
    Nak {
        /// The number of the frame that is awaited.
        awaited: u8,
        /// Whether no callbacks are wanted now.
        not_ready: bool,
    },
    /// Begin anew, says the host.
    Reset,
    /// It has begun anew.
    ResetAck {
        /// The version of ASH.
        version: u8,
        /// Why it was reset.
        code: u8,
    },
    /// It has failed, and waits to be reset.
    Error {
        /// The version of ASH.
        version: u8,
        /// Why.
        code: u8,
    },
}

impl<'a> Frame<'a> {
    /// Reads a frame whose octets stand as they are meant, with its CRC, without its flag. Data are made plain in place.
    ///
    /// # Errors
    /// When it is too short or too long, its CRC does not fit, or its control is reserved.
    pub fn read(octets: &'a mut [u8]) -> Result<Self, DecodeError> {
        let error = |field, offset, reason| DecodeError { layer: Layer::Link, field, offset, reason };
        let len = octets.len();
        if len > LONGEST {
            return Err(error("frame", 0, Reason::TooLong { limit: LONGEST, found: len }));
        }
        let Some((body, found)) = octets.split_last_chunk_mut::<2>() else {
            return Err(error("CRC", 0, Reason::Truncated { needed: 2, left: len }));
        };
        let (found, computed) = (u16::from_be_bytes(*found), crc(body));
        if found != computed {
            let reason = Reason::Checksum { found: found.into(), computed: computed.into() };
            return Err(error("CRC", len - 2, reason));
        }
        let Some((control, data)) = body.split_first_mut() else {
            return Err(error("control byte", 0, Reason::Truncated { needed: 1, left: 0 }));
        };
        let frame = match *control {
            control if control & 0x80 == 0 => {
                if data.len() < FEWEST {
                    return Err(error("data field", 1, Reason::Truncated { needed: FEWEST, left: data.len() }));
                }
                randomise(data);
                let (number, awaited) = (control >> 4 & 7, control & 7);
                return Ok(Self::Data { number, again: control & 8 != 0, awaited, ezsp: data });
            }
            control if control >> 5 == 4 => Self::Ack { awaited: control & 7, not_ready: control & 8 != 0 },
            control if control >> 5 == 5 => Self::Nak { awaited: control & 7, not_ready: control & 8 != 0 },
            0xc0 => Self::Reset,
            control @ (0xc1 | 0xc2) => {
                let mut input = Input::new(data, 1, Layer::Link);
                let (version, code) = (input.u8("version")?, input.u8("code")?);
                input.end("data field")?;
                return Ok(match control {
                    0xc1 => Self::ResetAck { version, code },
                    _ => Self::Error { version, code },
                });
            }
            reserved => return Err(error("control byte", 0, Reason::Reserved(reserved.into()))),
        };
        Input::new(data, 1, Layer::Link).end("data field")?;
        Ok(frame)
    }

    /// The control byte.
    #[must_use]
    pub const fn control(&self) -> u8 {
        match *self {
            Self::Data { number, again, awaited, .. } => (number & 7) << 4 | (again as u8) << 3 | awaited & 7,
            Self::Ack { awaited, not_ready } => 0x80 | (not_ready as u8) << 3 | awaited & 7,
            Self::Nak { awaited, not_ready } => 0xa0 | (not_ready as u8) << 3 | awaited & 7,
            Self::Reset => 0xc0,
            Self::ResetAck { .. } => 0xc1,
            Self::Error { .. } => 0xc2,
        }
    }

    /// Writes the frame as it goes over the line, with its flag.
    ///
    /// # Errors
    /// When it does not fit, or its data are too few or too many.
    pub fn write(&self, into: &mut Writer<'_>) -> Result<(), WriteError> {
        let mut plain = [0; LONGEST];
        let mut writer = Writer::new(&mut plain);
        writer.u8(self.control())?;
        match *self {
            Self::Data { ezsp, .. } => {
                if ezsp.len() < FEWEST {
                    return Err(WriteError::Malformed);
                }
                writer.put(ezsp)?;
                if let Some(data) = writer.so_far().get_mut(1..) {
                    randomise(data);
                }
            }
            Self::ResetAck { version, code } | Self::Error { version, code } => {
                writer.u8(version)?.u8(code)?;
            }
            _ => {}
        }
        let crc = crc(writer.so_far());
        writer.put(&crc.to_be_bytes())?;
        for octet in writer.finish() {
            match octet {
                &FLAG | &ESCAPE | &XON | &XOFF | &SUBSTITUTE | &CANCEL => into.u8(ESCAPE)?.u8(octet ^ 0x20)?,
                octet => into.u8(*octet)?,
            };
        }
        into.u8(FLAG).map(|_| ())
    }
}

/// Turns the octets of a frame into what they mean, at the front of the same octets; how many these are.
///
/// What stands before a CANCEL is forgotten, flags and flow control are left out.
///
/// # Errors
/// When an octet was hit on the line, or the last one escapes nothing.
pub fn unstuff(octets: &mut [u8]) -> Result<usize, DecodeError> {
    let error = |offset, reason| DecodeError { layer: Layer::Line, field: "byte stuffing", offset, reason };
    let (mut len, mut escaped) = (0, false);
    for at in 0..octets.len() {
        let Some(octet) = octets.get(at).copied() else { break };
        let octet = match octet {
            FLAG | XON | XOFF => continue,
            CANCEL => {
                (len, escaped) = (0, false);
                continue;
            }
            SUBSTITUTE => return Err(error(at, Reason::Malformed)),
            ESCAPE if !escaped => {
                escaped = true;
                continue;
            }
            octet if escaped => octet ^ 0x20,
            octet => octet,
        };
        escaped = false;
        if let Some(place) = octets.get_mut(len) {
            *place = octet;
        }
        len += 1;
    }
    if escaped { Err(error(octets.len(), Reason::Truncated { needed: 1, left: 0 })) } else { Ok(len) }
}

/// The octets of a line, one after the other, until they are frames.
#[derive(Debug)]
pub struct Reader {
    octets: [u8; LONGEST],
    len: usize,
    escaped: bool,
    /// What comes up to the next flag is no frame.
    hit: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self { octets: [0; LONGEST], len: 0, escaped: false, hit: false }
    }
}

impl Reader {
    /// Takes an octet of the line; a frame, when it ends one.
    ///
    /// # Errors
    /// Those of [`Frame::read`], and when an octet before was hit. The next frame begins anew.
    pub fn put(&mut self, octet: u8) -> Option<Result<Frame<'_>, DecodeError>> {
        match octet {
            FLAG => {
                let (len, hit) = (self.len, self.hit || self.escaped);
                (self.len, self.escaped, self.hit) = (0, false, false);
                let error = DecodeError { layer: Layer::Line, field: "frame", offset: len, reason: Reason::Malformed };
                match (len, hit) {
                    (_, true) => Some(Err(error)),
                    // Flags between frames.
                    (0, false) => None,
                    _ => Some(Frame::read(self.octets.get_mut(..len).unwrap_or_default())),
                }
            }
            CANCEL => {
                (self.len, self.escaped, self.hit) = (0, false, false);
                None
            }
            XON | XOFF => None,
            SUBSTITUTE => {
                self.hit = true;
                None
            }
            ESCAPE => {
                self.escaped = true;
                None
            }
            octet => {
                let octet = if core::mem::take(&mut self.escaped) { octet ^ 0x20 } else { octet };
                match self.octets.get_mut(self.len) {
                    Some(place) => {
                        *place = octet;
                        self.len += 1;
                    }
                    None => self.hit = true,
                }
                None
            }
        }
    }
}

/// The CRC of ITU-T V.41 with all ones before it; UG101, clause 2.3.
#[must_use]
pub fn crc(octets: &[u8]) -> u16 {
    octets.iter().fold(0xffff, |crc, octet| {
        (0..8).fold(crc ^ u16::from(*octet) << 8, |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
    })
}

/// Makes data look like noise, and noise made so plain again; UG101, clause 4.3.
pub(super) fn randomise(data: &mut [u8]) {
    let mut noise = 0x42u8;
    for octet in data {
        *octet ^= noise;
        noise = if noise & 1 == 0 { noise >> 1 } else { noise >> 1 ^ 0xb8 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{string::ToString, vec::Vec};

    fn written(frame: &Frame<'_>) -> Vec<u8> {
        crate::ncp::written(|writer| frame.write(writer))
    }

    #[test]
    fn frames_both_ways() {
        let version = Frame::Data { number: 0, again: false, awaited: 0, ezsp: &[0, 0, 0, 13] };
        for (frame, wire) in [
            (Frame::Reset, &[0xc0, 0x38, 0xbc, 0x7e][..]),
            (Frame::ResetAck { version: 2, code: 11 }, &[0xc1, 2, 11, 0x0a, 0x52, 0x7e]),
            (Frame::Ack { awaited: 1, not_ready: false }, &[0x81, 0x60, 0x59, 0x7e]),
            (Frame::Nak { awaited: 6, not_ready: false }, &[0xa6, 0x34, 0xdc, 0x7e]),
            (Frame::Error { version: 2, code: 0x51 }, &[0xc2, 2, 0x51, 0xa8, 0xbd, 0x7e]),
            (version, &[0, 0x42, 0x21, 0xa8, 0x59, 0x7c, 0x05, 0x7e]),
        ] {
            assert_eq!(written(&frame), wire, "{frame:?}");
            let mut octets = wire.to_vec();
            let len = unstuff(&mut octets).unwrap();
            assert_eq!(Frame::read(&mut octets[..len]), Ok(frame));
        }
    }

    #[test]
    fn what_is_no_frame_says_why() {
        for (octets, why) in [
            (
                &[0x81, 0x60, 0x58][..],
                "link layer, octet 1 (CRC): checksum 6058 does not fit the octets, which give 6059",
            ),
            (&[0x81], "link layer, octet 0 (CRC): needs 2 octets, 1 left"),
            (&[0xff, 0xff], "link layer, octet 0 (control byte): needs 1 octet, 0 left"),
        ] {
            assert_eq!(Frame::read(&mut octets.to_vec()).unwrap_err().to_string(), why);
        }
        assert_eq!(unstuff(&mut [0x81, SUBSTITUTE, 0x60]).unwrap_err().offset, 1);
        assert!(unstuff(&mut [0x81, ESCAPE]).is_err());
        let mut cancelled = [1, 2, CANCEL, 0x81, XON, 0x60, 0x59, FLAG];
        assert_eq!((unstuff(&mut cancelled).unwrap(), &cancelled[..3]), (3, &[0x81, 0x60, 0x59][..]));
    }

    #[test]
    fn a_line_is_read_octet_by_octet() {
        let mut reader = Reader::default();
        let line = [
            &[FLAG, FLAG, 9, 9, CANCEL][..],
            &[0x81, 0x60, 0x59, FLAG],
            &[0x81, SUBSTITUTE, 0x60, 0x59, FLAG],
            &[0x55; LONGEST + 1],
            &[FLAG, 0xa6, 0x34, 0xdc, FLAG],
        ];
        let mut told = Vec::new();
        for octet in line.concat() {
            told.extend(reader.put(octet).map(|frame| frame.map(|frame| frame.control()).ok()));
        }
        assert_eq!(told, [Some(0x81), None, None, Some(0xa6)]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number in 0u8..8, again: bool, awaited in 0u8..8, ezsp in prop::collection::vec(any::<u8>(), 3..=128)) {
            let frame = Frame::Data { number, again, awaited, ezsp: &ezsp };
            let wire = written(&frame);
            prop_assert!(!wire[..wire.len() - 1].iter().any(|octet| matches!(*octet, FLAG | XON | XOFF | SUBSTITUTE | CANCEL)));
            let mut reader = Reader::default();
            let (last, before) = wire.split_last().unwrap();
            for octet in before {
                prop_assert!(reader.put(*octet).is_none());
            }
            prop_assert_eq!(reader.put(*last).unwrap().unwrap(), frame);
        }
    }
}
