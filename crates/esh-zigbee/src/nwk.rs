//! NWK frames, Zigbee 05-3474, clause 3.3.

use crate::write::{WriteError, Writer};
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

/// Whether these octets of NWK go between networks, which has no addresses of NWK.
#[must_use]
pub fn is_inter_pan(octets: &[u8]) -> bool {
    octets.first().is_some_and(|control| control & 3 == 3)
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
    /// The multicast control field.
    pub multicast: Option<u8>,
    /// How many relays a source route has, and which of them is next.
    pub source_route: Option<(u8, u8)>,
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
        let multicast = if control.bit(8) { Some(input.u8("multicast control")?) } else { None };
        let mut source_route = None;
        if control.bit(10) {
            let relays = input.u8("relay count")?;
            source_route = Some((relays, input.u8("relay index")?));
            input.take("relay list", usize::from(relays) * 2)?;
        }
        Ok(Self {
            control,
            destination,
            source,
            radius,
            sequence,
            destination_extended,
            source_extended,
            multicast,
            source_route,
        })
    }

    /// Data of Zigbee PRO, on which a route may be looked for.
    #[must_use]
    pub const fn data(destination: u16, source: u16, sequence: u8) -> Self {
        let discover_route = if destination < 0xfff8 { 1 << 6 } else { 0 };
        Self {
            control: FrameControl(2 << 2 | discover_route),
            destination,
            source,
            radius: 30,
            sequence,
            destination_extended: None,
            source_extended: None,
            multicast: None,
            source_route: None,
        }
    }

    /// Writes the header; `secured` says whether an auxiliary header follows. The bits of the frame control that announce
    /// fields are those of the fields that there are.
    ///
    /// # Errors
    /// When it does not fit, or there are not as many relays as it says.
    pub fn write(&self, secured: bool, relays: &[u16], into: &mut Writer<'_>) -> Result<(), WriteError> {
        if usize::from(self.source_route.map_or(0, |(count, _)| count)) != relays.len() {
            return Err(WriteError::Malformed);
        }
        let announced = [
            (8, self.multicast.is_some()),
            (9, secured),
            (10, self.source_route.is_some()),
            (11, self.destination_extended.is_some()),
            (12, self.source_extended.is_some()),
        ];
        let control =
            announced.iter().fold(
                self.control.0,
                |control, (bit, there)| {
                    if *there { control | 1 << bit } else { control & !(1 << bit) }
                },
            );
        into.u16(control)?.u16(self.destination)?.u16(self.source)?.u8(self.radius)?.u8(self.sequence)?;
        for extended in [self.destination_extended, self.source_extended].into_iter().flatten() {
            into.u64(extended)?;
        }
        if let Some(multicast) = self.multicast {
            into.u8(multicast)?;
        }
        if let Some((count, index)) = self.source_route {
            into.u8(count)?.u8(index)?;
        }
        relays.iter().try_for_each(|relay| into.u16(*relay).map(|_| ()))
    }
}
