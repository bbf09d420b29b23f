//! APS frames, Zigbee 05-3474, clause 2.2.5.

use crate::write::{WriteError, Writer};
use esh_core::{DecodeError, Input, Layer};

/// The frame control field; clause 2.2.5.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameControl(pub u8);

impl FrameControl {
    /// 0 data, 1 a command, 2 an acknowledgement, 3 inter-PAN.
    #[must_use]
    pub const fn frame_type(self) -> u8 {
        self.0 & 3
    }

    /// 0 unicast, 2 broadcast, 3 group.
    #[must_use]
    pub const fn delivery_mode(self) -> u8 {
        self.0 >> 2 & 3
    }

    /// Whether a bit is set.
    #[must_use]
    pub const fn bit(self, bit: u8) -> bool {
        self.0 >> bit & 1 == 1
    }

    /// Whether the frame is secured.
    #[must_use]
    pub const fn is_secured(self) -> bool {
        self.bit(5)
    }

    /// Whether endpoints stand in the header: commands, and acknowledgements of commands, go to none.
    const fn has_endpoints(self) -> bool {
        match self.frame_type() {
            0 => true,
            2 => !self.bit(4),
            _ => false,
        }
    }
}

/// The frame type of frames between networks, which have neither endpoints nor a counter; annex G.3.
const INTER_PAN: u8 = 3;

/// The header of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// The frame control field.
    pub control: FrameControl,
    /// The endpoint it goes to.
    pub destination_endpoint: Option<u8>,
    /// The group it goes to.
    pub group: Option<u16>,
    /// The cluster.
    pub cluster: Option<u16>,
    /// The profile.
    pub profile: Option<u16>,
    /// The endpoint it comes from.
    pub source_endpoint: Option<u8>,
    /// The counter.
    pub counter: u8,
    /// Which part of a message it is: the first, or another; `None` for a whole one.
    pub fragment: Option<Fragment>,
}

/// A part of a message; clause 2.2.5.1.8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Whether it is the first, whose block number tells how many there are.
    pub first: bool,
    /// The block number; of the first, how many blocks there are.
    pub block: u8,
    /// Of an acknowledgement: which of the blocks from `block` on have come.
    pub acknowledged: Option<u8>,
}

impl Header {
    /// Reads a header.
    ///
    /// # Errors
    /// When it is cut off.
    pub fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        *input = input.as_layer(Layer::Transport);
        let control = FrameControl(input.u8("frame control")?);
        let mut header = Self {
            control,
            destination_endpoint: None,
            group: None,
            cluster: None,
            profile: None,
            source_endpoint: None,
            counter: 0,
            fragment: None,
        };
        if control.has_endpoints() {
            if control.delivery_mode() == 3 {
                header.group = Some(input.u16_le("group address")?);
            } else {
                header.destination_endpoint = Some(input.u8("destination endpoint")?);
            }
            header.cluster = Some(input.u16_le("cluster identifier")?);
            header.profile = Some(input.u16_le("profile identifier")?);
            header.source_endpoint = Some(input.u8("source endpoint")?);
        }
        if control.frame_type() == INTER_PAN {
            if control.delivery_mode() == 3 {
                header.group = Some(input.u16_le("group address")?);
            }
            header.cluster = Some(input.u16_le("cluster identifier")?);
            header.profile = Some(input.u16_le("profile identifier")?);
            return Ok(header);
        }
        header.counter = input.u8("APS counter")?;
        if control.bit(7) {
            let fragmentation = input.u8("extended frame control")? & 3;
            if fragmentation != 0 {
                let block = input.u8("block number")?;
                let is_acknowledgement = control.frame_type() == 2;
                let acknowledged = if is_acknowledgement { Some(input.u8("acknowledgement bit field")?) } else { None };
                header.fragment = Some(Fragment { first: fragmentation == 1, block, acknowledged });
            }
        }
        Ok(header)
    }

    /// Data from an endpoint to another.
    #[must_use]
    pub const fn data(destination: u8, cluster: u16, profile: u16, source: u8, counter: u8) -> Self {
        Self {
            control: FrameControl(0),
            destination_endpoint: Some(destination),
            group: None,
            cluster: Some(cluster),
            profile: Some(profile),
            source_endpoint: Some(source),
            counter,
            fragment: None,
        }
    }

    /// A command of APS.
    #[must_use]
    pub const fn command(counter: u8) -> Self {
        Self {
            control: FrameControl(1),
            destination_endpoint: None,
            group: None,
            cluster: None,
            profile: None,
            source_endpoint: None,
            counter,
            fragment: None,
        }
    }

    /// Writes the header; `secured` says whether an auxiliary header follows. The bits of the frame control that announce
    /// fields are those of the fields that there are.
    ///
    /// # Errors
    /// When it does not fit, or a field that its frame type has is missing.
    pub fn write(&self, secured: bool, into: &mut Writer<'_>) -> Result<(), WriteError> {
        let delivery = if self.group.is_some() { 3 } else { self.control.delivery_mode() };
        let bits = u8::from(secured) << 5 | u8::from(self.fragment.is_some()) << 7;
        let control = FrameControl(self.control.0 & !(0xa0 | 3 << 2) | delivery << 2 | bits);
        into.u8(control.0)?;
        if control.frame_type() == INTER_PAN {
            if let Some(group) = self.group {
                into.u16(group)?;
            }
            into.u16(self.cluster.ok_or(WriteError::Malformed)?)?;
            into.u16(self.profile.ok_or(WriteError::Malformed)?)?;
            return Ok(());
        }
        if control.has_endpoints() {
            match self.group {
                Some(group) => into.u16(group)?,
                None => into.u8(self.destination_endpoint.ok_or(WriteError::Malformed)?)?,
            };
            into.u16(self.cluster.ok_or(WriteError::Malformed)?)?;
            into.u16(self.profile.ok_or(WriteError::Malformed)?)?;
            into.u8(self.source_endpoint.ok_or(WriteError::Malformed)?)?;
        }
        into.u8(self.counter)?;
        if let Some(fragment) = self.fragment {
            into.u8(if fragment.first { 1 } else { 2 })?.u8(fragment.block)?;
            into.put(fragment.acknowledged.as_slice())?;
        }
        Ok(())
    }
}
