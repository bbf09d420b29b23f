//! The line of a network co-processor of Texas Instruments: Z-Stack Monitor and Test API, clause 2.1.

use crate::write::{WriteError, Writer};
use esh_core::{DecodeError, Input, Layer, Reason};

/// Begins a frame.
pub const START: u8 = 0xfe;

/// The most octets of data.
pub const LONGEST: usize = 250;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A question in parts.
    Poll,
    /// A request that is answered at once.
    SynchronousRequest,
    /// A request without an answer, or an indication.
    AsynchronousRequest,
    /// The answer to a synchronous request.
    SynchronousResponse,
    /// Reserved.
    Reserved(u8),
}

impl Kind {
    const fn of(bits: u8) -> Self {
        match bits {
            0 => Self::Poll,
            1 => Self::SynchronousRequest,
            2 => Self::AsynchronousRequest,
            3 => Self::SynchronousResponse,
            other => Self::Reserved(other),
        }
    }

    /// Its number.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::Poll => 0,
            Self::SynchronousRequest => 1,
            Self::AsynchronousRequest => 2,
            Self::SynchronousResponse => 3,
            Self::Reserved(other) => other & 7,
        }
    }
}

/// A frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is.
    pub kind: Kind,
    /// The subsystem.
    pub subsystem: u8,
    /// The command of the subsystem.
    pub command: u8,
    /// Its data.
    pub data: &'a [u8],
}

/// The subsystems that a host talks to.
#[allow(missing_docs, reason = "the names are the standard's")]
pub mod subsystem {
    pub const SYS: u8 = 1;
    pub const AF: u8 = 4;
    pub const ZDO: u8 = 5;
    pub const UTIL: u8 = 7;
    pub const APP_CNF: u8 = 15;
}

/// Subsystem, command, name.
const NAMES: &[(u8, u8, &str)] = &[
    (0, 0x00, "rpcError"),
    (1, 0x00, "resetReq"),
    (1, 0x01, "ping"),
    (1, 0x02, "version"),
    (1, 0x08, "osalNvRead"),
    (1, 0x09, "osalNvWrite"),
    (1, 0x13, "osalNvLength"),
    (1, 0x80, "resetInd"),
    (4, 0x00, "register"),
    (4, 0x01, "dataRequest"),
    (4, 0x02, "dataRequestExt"),
    (4, 0x80, "dataConfirm"),
    (4, 0x81, "incomingMsg"),
    (4, 0x82, "incomingMsgExt"),
    (5, 0x00, "nwkAddrReq"),
    (5, 0x01, "ieeeAddrReq"),
    (5, 0x02, "nodeDescReq"),
    (5, 0x04, "simpleDescReq"),
    (5, 0x05, "activeEpReq"),
    (5, 0x21, "bindReq"),
    (5, 0x22, "unbindReq"),
    (5, 0x34, "mgmtLeaveReq"),
    (5, 0x36, "mgmtPermitJoinReq"),
    (5, 0x40, "startupFromApp"),
    (5, 0x80, "nwkAddrRsp"),
    (5, 0x81, "ieeeAddrRsp"),
    (5, 0x82, "nodeDescRsp"),
    (5, 0x84, "simpleDescRsp"),
    (5, 0x85, "activeEpRsp"),
    (5, 0xa1, "bindRsp"),
    (5, 0xa2, "unbindRsp"),
    (5, 0xb1, "mgmtLqiRsp"),
    (5, 0xb4, "mgmtLeaveRsp"),
    (5, 0xb6, "mgmtPermitJoinRsp"),
    (5, 0xc0, "stateChangeInd"),
    (5, 0xc1, "endDeviceAnnceInd"),
    (5, 0xc4, "srcRtgInd"),
    (5, 0xc9, "leaveInd"),
    (5, 0xca, "tcDeviceInd"),
    (5, 0xff, "msgCbIncoming"),
    (7, 0x00, "getDeviceInfo"),
    (15, 0x05, "bdbStartCommissioning"),
    (15, 0x08, "bdbSetChannel"),
    (15, 0x80, "bdbCommissioningNotification"),
];

impl<'a> Frame<'a> {
    /// Reads a frame from its start to its checksum.
    ///
    /// # Errors
    /// When it is cut off, begins with something else, is too long, or its checksum does not fit.
    pub fn read(input: &mut Input<'a>) -> Result<Self, DecodeError> {
        let here = *input;
        match input.u8("start of frame")? {
            START => {}
            other => return Err(here.error("start of frame", Reason::Reserved(other.into()))),
        }
        let counted = *input;
        let length = input.u8("length")?;
        if usize::from(length) > LONGEST {
            return Err(counted.error("length", Reason::TooLong { limit: LONGEST, found: length.into() }));
        }
        let (first, command) = (input.u8("command 0")?, input.u8("command 1")?);
        let data = input.take("data", length.into())?;
        let computed = sum(counted.rest().get(..counted.len() - input.len()).unwrap_or_default());
        let here = *input;
        let found = input.u8("frame check sequence")?;
        if found != computed {
            let reason = Reason::Checksum { found: found.into(), computed: computed.into() };
            return Err(here.error("frame check sequence", reason));
        }
        Ok(Self { kind: Kind::of(first >> 5), subsystem: first & 0x1f, command, data })
    }

    /// Writes the frame.
    ///
    /// # Errors
    /// When it does not fit, or its data are too many.
    pub fn write(&self, into: &mut Writer<'_>) -> Result<(), WriteError> {
        let length = u8::try_from(self.data.len()).ok().filter(|length| usize::from(*length) <= LONGEST);
        let head = [length.ok_or(WriteError::TooLong)?, self.kind.bits() << 5 | self.subsystem & 0x1f, self.command];
        into.u8(START)?.put(&head)?.put(self.data)?.u8(sum(&head) ^ sum(self.data)).map(|_| ())
    }

    /// What the command is called; empty for one that is not known.
    #[must_use]
    pub fn name(&self) -> &'static str {
        let known = NAMES.iter().find(|(subsystem, id, _)| (*subsystem, *id) == (self.subsystem, self.command));
        known.map_or("", |(.., name)| name)
    }
}

fn sum(octets: &[u8]) -> u8 {
    octets.iter().fold(0, |sum, octet| sum ^ octet)
}

/// A message of a device: `AF_INCOMING_MSG` and `AF_INCOMING_MSG_EXT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming<'a> {
    /// The cluster.
    pub cluster: u16,
    /// The short address of the sender, or its extended one.
    pub source: crate::mac::Address,
    /// The endpoint it comes from.
    pub source_endpoint: u8,
    /// The endpoint it goes to.
    pub destination_endpoint: u8,
    /// How well it was heard.
    pub link_quality: u8,
    /// The message.
    pub message: &'a [u8],
    /// Where the message begins in the data.
    pub offset: usize,
}

impl<'a> Incoming<'a> {
    /// Reads the message of a frame; `None` for a frame that has none.
    ///
    /// # Errors
    /// When it is cut off. Behind the message stand octets that differ from release to release.
    pub fn read(frame: &Frame<'a>) -> Result<Option<Self>, DecodeError> {
        use crate::mac::Address;
        let mut input = Input::new(frame.data, 4, Layer::Transport);
        if (frame.kind, frame.subsystem) != (Kind::AsynchronousRequest, subsystem::AF) {
            return Ok(None);
        }
        let is_extended = match frame.command {
            0x81 => false,
            0x82 => true,
            _ => return Ok(None),
        };
        input.u16_le("group")?;
        let cluster = input.u16_le("cluster")?;
        let source = if is_extended {
            let mode = input.u8("source address mode")?;
            let octets = *input.array::<8>("source address")?;
            match mode {
                3 => Address::Extended(u64::from_le_bytes(octets)),
                _ => Address::Short(u16::from_le_bytes([octets[0], octets[1]])),
            }
        } else {
            Address::Short(input.u16_le("source address")?)
        };
        let source_endpoint = input.u8("source endpoint")?;
        if is_extended {
            input.u16_le("source PAN")?;
        }
        let destination_endpoint = input.u8("destination endpoint")?;
        input.u8("was broadcast")?;
        let link_quality = input.u8("link quality")?;
        input.u8("security use")?;
        input.u32_le("timestamp")?;
        input.u8("transaction sequence number")?;
        let length = if is_extended {
            input.u16_le("length of message")?.into()
        } else {
            usize::from(input.u8("length of message")?)
        };
        let offset = input.offset();
        let message = input.take("message", length)?;
        Ok(Some(Self { cluster, source, source_endpoint, destination_endpoint, link_quality, message, offset }))
    }
}

/// The octets of a line, one after the other, until they are frames. What stands between frames is left out.
#[derive(Debug)]
pub struct Reader {
    octets: [u8; LONGEST + 5],
    len: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self { octets: [0; LONGEST + 5], len: 0 }
    }
}

impl Reader {
    /// Takes an octet of the line; a frame, when it ends one.
    ///
    /// # Errors
    /// Those of [`Frame::read`]. The next frame begins anew.
    pub fn put(&mut self, octet: u8) -> Option<Result<Frame<'_>, DecodeError>> {
        if self.len == 0 && octet != START {
            return None;
        }
        *self.octets.get_mut(self.len)? = octet;
        self.len += 1;
        let whole = usize::from(*self.octets.get(1)?) + 5;
        let too_long = whole > self.octets.len();
        if self.len < 2 || !too_long && self.len < whole {
            return None;
        }
        let len = core::mem::take(&mut self.len);
        Some(Frame::read(&mut Input::new(self.octets.get(..len)?, 0, Layer::Link)))
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
        let ping = Frame { kind: Kind::SynchronousRequest, subsystem: subsystem::SYS, command: 1, data: &[] };
        assert_eq!((written(&ping).as_slice(), ping.name()), (&[0xfe, 0, 0x21, 1, 0x20][..], "ping"));
        let mut reader = Reader::default();
        let line = [&[0, 1, 0xfe, 0, 0x21, 1, 0x20][..], &[0xfe, 255, 0, 0], &[0xfe, 0, 0x21, 1, 0x21]].concat();
        let told: Vec<_> = line
            .iter()
            .filter_map(|octet| {
                reader
                    .put(*octet)
                    .map(|frame| frame.map_or_else(|error| error.to_string(), |frame| frame.name().to_string()))
            })
            .collect();
        assert_eq!(
            told,
            [
                "ping",
                "link layer, octet 1 (length): 255 where at most 250 are allowed",
                "link layer, octet 4 (frame check sequence): checksum 0021 does not fit the octets, which give 0020",
            ]
        );
    }

    #[test]
    fn a_message_of_a_device() {
        let data = [0, 0, 2, 7, 0x34, 0x12, 1, 1, 0, 90, 0, 1, 2, 3, 4, 9, 3, 0x18, 1, 0x0b, 0x34, 0x12, 29];
        let frame = Frame { kind: Kind::AsynchronousRequest, subsystem: subsystem::AF, command: 0x81, data: &data };
        let incoming = Incoming::read(&frame).unwrap().unwrap();
        assert_eq!((incoming.cluster, incoming.source), (0x0702, crate::mac::Address::Short(0x1234)));
        assert_eq!((incoming.link_quality, incoming.message, incoming.offset), (90, &[0x18, 1, 0x0b][..], 21));
        assert!(Incoming::read(&Frame { data: &data[..19], ..frame }).is_err());
        assert_eq!(Incoming::read(&Frame { command: 0x80, ..frame }), Ok(None));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(first: u8, command: u8, data in prop::collection::vec(any::<u8>(), 0..=LONGEST)) {
            let frame = Frame { kind: Kind::of(first >> 5), subsystem: first & 0x1f, command, data: &data };
            let wire = written(&frame);
            prop_assert_eq!(Frame::read(&mut Input::new(&wire, 0, Layer::Link)), Ok(frame));
            let mut reader = Reader::default();
            let told: Vec<bool> = wire.iter().filter_map(|octet| reader.put(*octet).map(|found| found == Ok(frame))).collect();
            prop_assert_eq!(told, [true]);
        }
    }
}
