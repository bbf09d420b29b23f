//! NWK frames, Zigbee 05-3474, clause 3.3.

use esh_core::{DecodeError, Input, Layer, Reason};

/// The frame control field; clause 3.3.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameControl(pub u16);

impl FrameControl {
    /// 0 data, 1 a command, 3 inter-PAN.
    #[must_use]
    pub const fn frame_type(self) -> u16 {
        self.0 & 3
    }

    /// The version of the protocol: 2 for Zigbee PRO.
    #[must_use]
    pub const fn protocol_version(self) -> u16 {
        self.0 >> 2 & 15
    }

    /// Whether a route may be looked for.
    #[must_use]
    pub const fn discover_route(self) -> u16 {
        self.0 >> 6 & 3
    }

    /// Whether a bit is set.
    #[must_use]
    pub const fn bit(self, bit: u8) -> bool {
        self.0 >> bit & 1 == 1
    }

    /// Whether the frame is secured.
    #[must_use]
    pub const fn is_secured(self) -> bool {
        self.bit(9)
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// The frame control field.
    pub control: FrameControl,
    /// The destination.
    pub destination: u16,
    /// The source.
    pub source: u16,
    /// How far it may go.
    pub radius: u8,
    /// The sequence number.
    pub sequence: u8,
    /// The extended address of the destination.
    pub destination_extended: Option<u64>,
    /// The extended address of the source.
    pub source_extended: Option<u64>,
    /// How many relays a source route has.
    pub relays: u8,
}

impl Header {
    /// Reads a header.
    ///
    /// # Errors
    /// When it is cut off, or the frame goes between networks, which has no such header.
    pub fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        *input = input.as_layer(Layer::Network);
        let here = *input;
        let control = FrameControl(input.u16_le("frame control")?);
        if control.frame_type() > 1 {
            return Err(here.error("frame type", Reason::Reserved(control.frame_type().into())));
        }
        let destination = input.u16_le("destination address")?;
        let source = input.u16_le("source address")?;
        let radius = input.u8("radius")?;
        let sequence = input.u8("sequence number")?;
        let extended = |there: bool, input: &mut Input<'_>, field| {
            if there { input.array(field).map(|octets| Some(u64::from_le_bytes(*octets))) } else { Ok(None) }
        };
        let destination_extended = extended(control.bit(11), input, "destination IEEE address")?;
        let source_extended = extended(control.bit(12), input, "source IEEE address")?;
        if control.bit(8) {
            input.u8("multicast control")?;
        }
        let mut relays = 0;
        if control.bit(10) {
            relays = input.u8("relay count")?;
            input.u8("relay index")?;
            input.take("relay list", usize::from(relays) * 2)?;
        }
        Ok(Self { control, destination, source, radius, sequence, destination_extended, source_extended, relays })
    }
}
