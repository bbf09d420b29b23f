//! Green Power frames, Zigbee 14-0563, annex A.1.4: NWK frames of protocol version 3.

use esh_core::{DecodeError, Input, Layer, Reason};

/// A frame, its header read.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The frame control field.
    pub control: u8,
    /// The extended frame control field.
    pub extended: Option<u8>,
    /// The number of the device, where it has one.
    pub source: Option<u32>,
    /// The frame counter, where the frame is secured.
    pub frame_counter: Option<u32>,
    /// The command and its payload, encrypted from security level 3 on.
    pub payload: Input<'a>,
    /// The authentication code.
    pub mic: Option<u32>,
}

impl<'a> Frame<'a> {
    /// Whether these octets of NWK begin such a frame.
    #[must_use]
    pub fn is(octets: &[u8]) -> bool {
        octets.first().is_some_and(|control| control >> 2 & 15 == 3)
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// When it is cut off, or of an application that is not defined.
    pub fn read(mut input: Input<'a>) -> Result<Self, DecodeError> {
        input = input.as_layer(Layer::Network);
        let control = input.u8("frame control")?;
        let extended = if control & 0x80 == 0 { None } else { Some(input.u8("extended frame control")?) };
        let here = input;
        let application = extended.map_or(0, |extended| extended & 7);
        let is_data = control & 3 == 0;
        let source = match application {
            0 if is_data => Some(input.u32_le("source identifier")?),
            2 => {
                input.u8("endpoint")?;
                None
            }
            0 | 1 => None,
            other => return Err(here.error("application identifier", Reason::Reserved(other.into()))),
        };
        let secured = extended.is_some_and(|extended| extended >> 3 & 3 >= 2);
        let frame_counter = if secured { Some(input.u32_le("frame counter")?) } else { None };
        let mic_len = if secured { 4 } else { 0 };
        let len = input.len().checked_sub(mic_len).ok_or_else(|| {
            input.error("authentication code", Reason::Truncated { needed: mic_len, left: input.len() })
        })?;
        let payload = input.sub("command", len)?;
        let mic = if secured { Some(input.u32_le("authentication code")?) } else { None };
        Ok(Self { control, extended, source, frame_counter, payload, mic })
    }

    /// 0 data, 1 maintenance.
    #[must_use]
    pub const fn frame_type(&self) -> u8 {
        self.control & 3
    }

    /// The security level: 0 none, 2 authenticated, 3 encrypted too.
    #[must_use]
    pub fn security_level(&self) -> u8 {
        self.extended.map_or(0, |extended| extended >> 3 & 3)
    }
}
