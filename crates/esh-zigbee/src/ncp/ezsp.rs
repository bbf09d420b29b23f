//! EZSP, the serial protocol of EmberZNet, Silicon Labs UG100: what stands in the data frames of ASH.

use crate::write::{WriteError, Writer};
use esh_core::{DecodeError, Input, Layer, Reason};

/// How the header of a frame is laid out; UG100, clause 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Sequence, control, frame id: up to version 4, and the first question of every host.
    Legacy,
    /// The same with a legacy id of 0xff and an extended control before the frame id: versions 5 to 7.
    Extended,
    /// Two octets of control and two of frame id: from version 8 on.
    Wide,
}

/// A frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// How its header is laid out.
    pub layout: Layout,
    /// Its sequence number; that of a response is that of its command.
    pub sequence: u8,
    /// Its control.
    pub control: u16,
    /// What it is.
    pub id: u16,
    /// Its parameters.
    pub parameters: &'a [u8],
    /// Where its parameters begin.
    pub offset: usize,
}

/// Frames that devices are heard with.
pub mod id {
    #![allow(missing_docs, reason = "the names are the standard's")]
    pub const VERSION: u16 = 0x0000;
    pub const TRUST_CENTER_JOIN_HANDLER: u16 = 0x0024;
    pub const INCOMING_MESSAGE_HANDLER: u16 = 0x0045;
}

/// Number, name.
const NAMES: &[(u16, &str)] = &[
    (0x0000, "version"),
    (0x0002, "addEndpoint"),
    (0x0005, "nop"),
    (0x0006, "callback"),
    (0x0007, "noCallbacks"),
    (0x0017, "networkInit"),
    (0x0018, "networkState"),
    (0x0019, "stackStatusHandler"),
    (0x001a, "startScan"),
    (0x001b, "networkFoundHandler"),
    (0x001c, "scanCompleteHandler"),
    (0x001d, "stopScan"),
    (0x001e, "formNetwork"),
    (0x001f, "joinNetwork"),
    (0x0020, "leaveNetwork"),
    (0x0022, "permitJoining"),
    (0x0023, "childJoinHandler"),
    (0x0024, "trustCenterJoinHandler"),
    (0x0026, "getEui64"),
    (0x0027, "getNodeId"),
    (0x0028, "getNetworkParameters"),
    (0x0034, "sendUnicast"),
    (0x0036, "sendBroadcast"),
    (0x003f, "messageSentHandler"),
    (0x0045, "incomingMessageHandler"),
    (0x0048, "energyScanResultHandler"),
    (0x0052, "getConfigurationValue"),
    (0x0053, "setConfigurationValue"),
    (0x0055, "setPolicy"),
    (0x0056, "getPolicy"),
    (0x0058, "invalidCommand"),
    (0x0059, "incomingRouteRecordHandler"),
    (0x0068, "setInitialSecurityState"),
    (0x0069, "getCurrentSecurityState"),
    (0x0071, "getKeyTableEntry"),
    (0x00aa, "getValue"),
    (0x00ab, "setValue"),
    (0x00c5, "gpepIncomingMessageHandler"),
];

/// The bit of the control that tells responses from commands.
const RESPONSE: u16 = 0x80;

impl<'a> Frame<'a> {
    /// Reads a frame. Where it is not known which version speaks, `layout` is `None` and the header tells as far as it can.
    ///
    /// # Errors
    /// When it is cut off.
    pub fn read(octets: &'a [u8], layout: Option<Layout>) -> Result<Self, DecodeError> {
        let mut input = Input::new(octets, 0, Layer::Transport);
        let layout = layout.unwrap_or_else(|| Layout::of(octets));
        let sequence = input.u8("sequence")?;
        let (control, id) = match layout {
            Layout::Legacy => (input.u8("frame control")?.into(), input.u8("frame id")?.into()),
            Layout::Extended => {
                let control = input.u8("frame control")?.into();
                input.u16_le("extended frame control")?;
                (control, input.u8("frame id")?.into())
            }
            Layout::Wide => (input.u16_le("frame control")?, input.u16_le("frame id")?),
        };
        Ok(Self { layout, sequence, control, id, parameters: input.rest(), offset: input.offset() })
    }

    /// Writes the frame.
    ///
    /// # Errors
    /// When it does not fit, or its layout has no room for its id or control.
    pub fn write(&self, into: &mut Writer<'_>) -> Result<(), WriteError> {
        into.u8(self.sequence)?;
        let narrow = |number: u16| u8::try_from(number).map_err(|_| WriteError::Malformed);
        match self.layout {
            Layout::Legacy => into.u8(narrow(self.control)?)?.u8(narrow(self.id)?)?,
            Layout::Extended => into.u8(narrow(self.control)?)?.put(&[0xff, 0])?.u8(narrow(self.id)?)?,
            Layout::Wide => into.u16(self.control)?.u16(self.id)?,
        };
        into.put(self.parameters).map(|_| ())
    }

    /// Whether it comes from the co-processor: an answer, or a callback.
    #[must_use]
    pub const fn is_response(&self) -> bool {
        self.control & RESPONSE != 0
    }

    /// What it is called; empty for one that is not known.
    #[must_use]
    pub fn name(&self) -> &'static str {
        NAMES.iter().find(|(id, _)| *id == self.id).map_or("", |(_, name)| name)
    }
}

impl Layout {
    /// The layout of a version of the protocol.
    #[must_use]
    pub const fn of_version(version: u8) -> Self {
        match version {
            0..=4 => Self::Legacy,
            5..=7 => Self::Extended,
            _ => Self::Wide,
        }
    }

    /// The layout that a header seems to have: the third octet of a wide one has the number of the layout, 1, and a bit for
    /// security, and no legacy frame of these numbers is longer than its header.
    fn of(octets: &[u8]) -> Self {
        match octets {
            [_, _, 0xff, ..] => Self::Extended,
            [_, _, 0x01 | 0x80 | 0x81, _, _, ..] => Self::Wide,
            _ => Self::Legacy,
        }
    }
}

/// A message of a device: `incomingMessageHandler`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming<'a> {
    /// The profile.
    pub profile: u16,
    /// The cluster.
    pub cluster: u16,
    /// The endpoint it comes from.
    pub source_endpoint: u8,
    /// The endpoint it goes to.
    pub destination_endpoint: u8,
    /// The short address of the sender.
    pub sender: u16,
    /// Its extended address, where the version tells it and it is known.
    pub sender_extended: Option<u64>,
    /// How well it was heard.
    pub link_quality: u8,
    /// How strong, in dBm.
    pub rssi: i8,
    /// The message.
    pub message: &'a [u8],
    /// Where the message begins in the frame.
    pub offset: usize,
}

impl<'a> Incoming<'a> {
    /// Reads the message of a frame; `None` for a frame that has none.
    ///
    /// # Errors
    /// When it is cut off, or laid out neither as up to version 13 nor as from version 14 on.
    pub fn read(frame: &Frame<'a>) -> Result<Option<Self>, DecodeError> {
        if frame.id != id::INCOMING_MESSAGE_HANDLER || !frame.is_response() {
            return Ok(None);
        }
        let mut input = Input::new(frame.parameters, frame.offset, Layer::Transport);
        input.u8("type")?;
        let (profile, cluster) = (input.u16_le("profile")?, input.u16_le("cluster")?);
        let (source_endpoint, destination_endpoint) = (input.u8("source endpoint")?, input.u8("destination endpoint")?);
        input.take("options, group and sequence", 5)?;
        let head = Self {
            profile,
            cluster,
            source_endpoint,
            destination_endpoint,
            sender: 0,
            sender_extended: None,
            link_quality: 0,
            rssi: 0,
            message: &[],
            offset: 0,
        };
        let (mut before_14, mut from_14) = (input, input);
        // The length of the message tells which layout it is.
        match head.until_version_13(&mut before_14) {
            Ok(incoming) if before_14.is_empty() => Ok(Some(incoming)),
            _ => match head.since_version_14(&mut from_14) {
                Ok(incoming) if from_14.len() <= 1 => Ok(Some(incoming)),
                Ok(_) => Err(input.error("length of message", Reason::Malformed)),
                Err(error) => Err(error),
            },
        }
    }

    fn until_version_13(self, input: &mut Input<'a>) -> Result<Self, DecodeError> {
        let (link_quality, rssi) = (input.u8("link quality")?, input.u8("RSSI")?.cast_signed());
        let sender = input.u16_le("sender")?;
        input.take("binding and address index", 2)?;
        let length = input.u8("length of message")?;
        let offset = input.offset();
        Ok(Self { sender, link_quality, rssi, message: input.take("message", length.into())?, offset, ..self })
    }

    fn since_version_14(self, input: &mut Input<'a>) -> Result<Self, DecodeError> {
        let sender = input.u16_le("sender")?;
        let extended = u64::from_le_bytes(*input.array("sender's extended address")?);
        input.take("binding and address index", 2)?;
        let (link_quality, rssi) = (input.u8("link quality")?, input.u8("RSSI")?.cast_signed());
        input.u32_le("timestamp")?;
        let length = input.u8("length of message")?;
        let offset = input.offset();
        let message = input.take("message", length.into())?;
        let sender_extended = Some(extended).filter(|extended| !matches!(*extended, 0 | u64::MAX));
        Ok(Self { sender, sender_extended, link_quality, rssi, message, offset, ..self })
    }
}

/// A device that has joined, come back or left: `trustCenterJoinHandler`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Its short address.
    pub short: u16,
    /// Its extended address.
    pub extended: u64,
    /// 0 came back secured, 1 joined, 2 left, 3 came back unsecured.
    pub status: u8,
}

impl Joined {
    /// Reads who it is; `None` for another frame.
    ///
    /// # Errors
    /// When it is cut off.
    pub fn read(frame: &Frame<'_>) -> Result<Option<Self>, DecodeError> {
        if frame.id != id::TRUST_CENTER_JOIN_HANDLER || !frame.is_response() {
            return Ok(None);
        }
        let mut input = Input::new(frame.parameters, frame.offset, Layer::Transport);
        let short = input.u16_le("short address")?;
        let extended = u64::from_le_bytes(*input.array("extended address")?);
        Ok(Some(Self { short, extended, status: input.u8("status")? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn written(frame: &Frame<'_>) -> Vec<u8> {
        crate::ncp::written(|writer| frame.write(writer))
    }

    #[test]
    fn headers_of_all_versions_both_ways() {
        for (layout, sequence, control, id, octets) in [
            (Layout::Legacy, 0, 0, id::VERSION, &[0, 0, 0, 13][..]),
            (Layout::Extended, 0x22, 0, id::VERSION, &[0x22, 0, 0xff, 0, 0, 13]),
            (Layout::Wide, 0x27, 0x0190, id::INCOMING_MESSAGE_HANDLER, &[0x27, 0x90, 1, 0x45, 0, 13]),
        ] {
            let frame = Frame { layout, sequence, control, id, parameters: &[13], offset: octets.len() - 1 };
            assert_eq!(written(&frame), octets);
            assert_eq!(Frame::read(octets, None), Ok(frame));
            assert_eq!(Frame::read(octets, Some(layout)), Ok(frame));
        }
        assert!(Frame::read(&[1, 0x80], None).is_err());
    }

    #[test]
    fn a_message_of_a_device_in_both_layouts() {
        let head = [0, 4, 1, 2, 7, 1, 2, 0, 1, 0, 0, 0x70];
        let of_13 = [&head[..], &[255, 0xc4, 0x34, 0x12, 255, 255, 3, 0x18, 1, 0x0b]].concat();
        let of_14 =
            [&head[..], &[0x34, 0x12, 4, 3, 2, 1, 0, 0x4b, 0x12, 0, 255, 255, 255, 0xc4, 0, 0, 0, 0, 3, 0x18, 1, 0x0b]]
                .concat();
        for (parameters, extended) in [(&of_13, None), (&of_14, Some(0x00_12_4b_00_01_02_03_04))] {
            let frame = Frame { layout: Layout::Wide, sequence: 0, control: 0x190, id: 0x45, parameters, offset: 5 };
            let incoming = Incoming::read(&frame).unwrap().unwrap();
            assert_eq!((incoming.cluster, incoming.sender, incoming.rssi), (0x0702, 0x1234, -60));
            assert_eq!((incoming.message, incoming.sender_extended), (&[0x18, 1, 0x0b][..], extended));
            assert_eq!(Incoming::read(&Frame { control: 0x100, ..frame }), Ok(None));
            assert!(Incoming::read(&Frame { parameters: &parameters[..parameters.len() - 1], ..frame }).is_err());
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(layout in 0u8..3, sequence: u8, control: u8, id: u8, parameters in prop::collection::vec(any::<u8>(), 0..100)) {
            let layout = [Layout::Legacy, Layout::Extended, Layout::Wide][usize::from(layout)];
            let (control, id) = (control.into(), id.into());
            let offset = if layout == Layout::Legacy { 3 } else { 5 };
            let frame = Frame { layout, sequence, control, id, parameters: &parameters, offset };
            let octets = written(&frame);
            prop_assert_eq!(Frame::read(&octets, Some(layout)), Ok(frame));
        }
    }
}
