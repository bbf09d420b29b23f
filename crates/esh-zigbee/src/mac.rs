//! MAC frames, IEEE 802.15.4-2015, clause 7.2.

use crate::write::{WriteError, Writer};
use esh_core::{DecodeError, Input, Layer, Reason};

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameType {
    /// A beacon.
    Beacon,
    /// Data of the layer above.
    Data,
    /// An acknowledgement.
    Acknowledgement,
    /// A command of the MAC.
    Command,
    /// Another type, which Zigbee does not use.
    Other(u8),
}

/// An address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// A short address, which a network gives.
    Short(u16),
    /// An extended address, which a device has from its maker.
    Extended(u64),
}

impl Address {
    fn read(mode: u16, input: &mut Input<'_>, field: &'static str) -> Result<Option<Self>, DecodeError> {
        match mode {
            0 => Ok(None),
            2 => input.u16_le(field).map(|short| Some(Self::Short(short))),
            3 => input.array(field).map(|octets| Some(Self::Extended(u64::from_le_bytes(*octets)))),
            reserved => Err(input.error(field, Reason::Reserved(reserved.into()))),
        }
    }

    fn write(address: Option<Self>, mode: u16, into: &mut Writer<'_>) -> Result<(), WriteError> {
        match (mode, address) {
            (0, None) => Ok(()),
            (2, Some(Self::Short(short))) => into.u16(short).map(|_| ()),
            (3, Some(Self::Extended(extended))) => into.u64(extended).map(|_| ()),
            _ => Err(WriteError::Malformed),
        }
    }
}

/// The frame control field; clause 7.2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameControl(pub u16);

impl FrameControl {
    /// What the frame is.
    #[must_use]
    pub const fn frame_type(self) -> FrameType {
        match self.0 & 7 {
            0 => FrameType::Beacon,
            1 => FrameType::Data,
            2 => FrameType::Acknowledgement,
            3 => FrameType::Command,
            other => FrameType::Other(other as u8),
        }
    }

    /// Whether a bit is set.
    #[must_use]
    pub const fn bit(self, bit: u8) -> bool {
        self.0 >> bit & 1 == 1
    }

    /// How the destination is addressed: 0 not at all, 2 short, 3 extended.
    #[must_use]
    pub const fn destination_mode(self) -> u16 {
        self.0 >> 10 & 3
    }

    /// The version of the frame.
    #[must_use]
    pub const fn version(self) -> u16 {
        self.0 >> 12 & 3
    }

    /// How the source is addressed.
    #[must_use]
    pub const fn source_mode(self) -> u16 {
        self.0 >> 14 & 3
    }

    /// Whether the PAN of the destination and that of the source stand in the frame; table 7-2.
    const fn pans(self) -> (bool, bool) {
        let (to, from, compressed) = (self.destination_mode(), self.source_mode(), self.bit(6));
        if self.version() < 2 {
            return (to != 0, from != 0 && !(compressed && to != 0));
        }
        match (to, from) {
            (0, 0) => (compressed, false),
            (_, 0) => (!compressed, false),
            (0, _) => (false, !compressed),
            (3, 3) => (!compressed, false),
            _ => (true, !compressed),
        }
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The frame control field.
    pub control: FrameControl,
    /// The sequence number, unless it is left out.
    pub sequence: Option<u8>,
    /// The PAN of the destination.
    pub destination_pan: Option<u16>,
    /// The destination.
    pub destination: Option<Address>,
    /// The PAN of the source, which may be that of the destination.
    pub source_pan: Option<u16>,
    /// The source.
    pub source: Option<Address>,
}

/// A frame, its addresses read.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The header.
    pub header: Header,
    /// What the layer above sends.
    pub payload: Input<'a>,
    /// The frame check sequence, or what a sniffer has put in its place; it is not checked.
    pub check: u16,
}

impl<'a> Frame<'a> {
    /// Reads a frame with its check sequence.
    ///
    /// # Errors
    /// When it is cut off, or a mode of addressing is reserved.
    pub fn parse(octets: &'a [u8]) -> Result<Self, DecodeError> {
        let mut all = Input::new(octets, 0, Layer::Link);
        let body = all.len().checked_sub(CHECK).ok_or_else(|| {
            all.error("frame check sequence", Reason::Truncated { needed: CHECK, left: octets.len() })
        })?;
        let mut input = all.sub("frame", body)?;
        let check = all.u16_le("frame check sequence")?;
        let header = Header::read(&mut input)?;
        Ok(Self { header, payload: input, check })
    }
}

/// Octets of the frame check sequence.
pub const CHECK: usize = 2;

/// The longest frame.
pub const LONGEST: usize = 127;

/// The frame check sequence of the octets before it; clause 7.2.10.
#[must_use]
pub fn check(octets: &[u8]) -> u16 {
    octets.iter().fold(0, |crc, octet| {
        (0..8).fold(crc ^ u16::from(*octet), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x8408 } else { crc >> 1 })
    })
}

impl Header {
    /// Reads a header.
    ///
    /// # Errors
    /// When it is cut off, or a mode of addressing is reserved.
    pub fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let control = FrameControl(input.u16_le("frame control")?);
        let sequence = if control.version() == 2 && control.bit(8) { None } else { Some(input.u8("sequence number")?) };
        let (of_destination, of_source) = control.pans();
        let pan = |there: bool, input: &mut Input<'_>, field| {
            if there { input.u16_le(field).map(Some) } else { Ok(None) }
        };
        let destination_pan = pan(of_destination, input, "destination PAN")?;
        let destination = Address::read(control.destination_mode(), input, "destination address")?;
        let source_pan = pan(of_source, input, "source PAN")?;
        let source = Address::read(control.source_mode(), input, "source address")?;
        let source_pan = source_pan.or(destination_pan);
        Ok(Self { control, sequence, destination_pan, destination, source_pan, source })
    }

    /// Data between two devices of a PAN by their short addresses, the way Zigbee sends.
    #[must_use]
    pub const fn data(pan: u16, destination: u16, source: u16, sequence: u8) -> Self {
        // Data, an acknowledgement unless everybody is meant, one PAN for both, short addresses.
        let acknowledge = if destination < 0xfff8 { 0x20 } else { 0 };
        Self {
            control: FrameControl(0x8841 | acknowledge),
            sequence: Some(sequence),
            destination_pan: Some(pan),
            destination: Some(Address::Short(destination)),
            source_pan: Some(pan),
            source: Some(Address::Short(source)),
        }
    }

    /// Writes the header.
    ///
    /// # Errors
    /// When it does not fit, or its fields are not those that its frame control announces.
    pub fn write(&self, into: &mut Writer<'_>) -> Result<(), WriteError> {
        let control = self.control;
        into.u16(control.0)?;
        if !(control.version() == 2 && control.bit(8)) {
            into.u8(self.sequence.ok_or(WriteError::Malformed)?)?;
        }
        let (of_destination, of_source) = control.pans();
        if of_destination {
            into.u16(self.destination_pan.ok_or(WriteError::Malformed)?)?;
        }
        Address::write(self.destination, control.destination_mode(), into)?;
        if of_source {
            into.u16(self.source_pan.ok_or(WriteError::Malformed)?)?;
        }
        Address::write(self.source, control.source_mode(), into)
    }
}
