//! The authentication and fragmentation layer: message counter, authentication code, fragments.

use esh_core::note::{Notes, at};
use esh_core::{DecodeError, Input, Layer, Reason};

/// The authentication and fragmentation layer — EN 13757-7, 6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Authentication {
    /// The fragmentation control field.
    pub control: u16,
    /// The message control field, which only the first fragment has.
    pub message: Option<u8>,
    /// The key information field.
    pub key_information: Option<u16>,
    /// The message counter.
    pub counter: Option<u32>,
    /// The authentication code.
    pub code: Option<Code>,
    /// The octets of the whole message, which only the first fragment has.
    pub length: Option<u16>,
}

/// A message authentication code, shortened to 2 to 16 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    octets: [u8; 16],
    len: u8,
}

impl Code {
    pub(crate) fn new(octets: &[u8]) -> Option<Self> {
        let mut code = Self { octets: [0; 16], len: octets.len() as u8 };
        code.octets.get_mut(..octets.len())?.copy_from_slice(octets);
        Some(code)
    }

    /// Its octets, as sent.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..self.len.into()).unwrap_or_default()
    }
}

/// The CI field of this layer.
pub(crate) const CI: u8 = 0x90;
pub(crate) const MORE_FRAGMENTS: u16 = 0x4000;
pub(crate) const HAS_MESSAGE: u16 = 0x2000;
pub(crate) const HAS_LENGTH: u16 = 0x1000;
pub(crate) const HAS_COUNTER: u16 = 0x0800;
pub(crate) const HAS_CODE: u16 = 0x0400;
pub(crate) const HAS_KEY_INFORMATION: u16 = 0x0200;

const LAYER: Layer = Layer::Authentication;

impl Authentication {
    /// Reads it, from its CI field on.
    pub(crate) fn read(input: &mut Input<'_>, notes: &mut Notes<'_, '_>) -> Result<Self, DecodeError> {
        *input = input.as_layer(LAYER);
        let offset = input.offset();
        let ci = input.u8("CI field")?;
        notes.number(at(LAYER, offset, 1, "CI field", ""), ci, &"authentication and fragmentation layer");
        let offset = input.offset();
        let length = input.u8("AFL length")?;
        notes.number(at(LAYER, offset, 1, "AFL length", ""), length, &"");
        let mut fields = input.sub("AFL", length.into())?;
        let layer = Self::fields(&mut fields, notes)?;
        fields.end("AFL length")?;
        Ok(layer)
    }

    fn fields(input: &mut Input<'_>, notes: &mut Notes<'_, '_>) -> Result<Self, DecodeError> {
        let offset = input.offset();
        let control = input.u16_le("fragmentation control field")?;
        let mut layer = Self { control, ..Self::default() };
        if layer.is_fragment() {
            let meaning =
                format_args!("fragment {}{}", control & 0xff, if layer.more() { ", more follow" } else { "" });
            notes.number(at(LAYER, offset, 2, "fragmentation control field", "fcl"), control, &meaning);
        } else {
            notes.number(at(LAYER, offset, 2, "fragmentation control field", "fcl"), control, &"not fragmented");
        }
        if control & HAS_MESSAGE != 0 {
            let offset = input.offset();
            let message = input.u8("message control field")?;
            notes.number(at(LAYER, offset, 1, "message control field", "mcl"), message, &"");
            layer.message = Some(message);
        }
        if control & HAS_KEY_INFORMATION != 0 {
            let offset = input.offset();
            let information = input.u16_le("key information field")?;
            notes.number(at(LAYER, offset, 2, "key information field", "key_information"), information, &"");
            layer.key_information = Some(information);
        }
        if control & HAS_COUNTER != 0 {
            let offset = input.offset();
            let counter = input.u32_le("message counter")?;
            notes.number(at(LAYER, offset, 4, "message counter", "counter"), counter, &"");
            layer.counter = Some(counter);
        }
        if control & HAS_CODE != 0 {
            let start = *input;
            let behind = if control & HAS_LENGTH == 0 { 0 } else { 2 };
            let len = match layer.message {
                Some(message) => match code_len(message & 0x0f) {
                    Some(len) => len,
                    None => return Err(start.error("authentication type", Reason::Reserved((message & 0x0f).into()))),
                },
                // The type stands in the first fragment only; here the code is what is left.
                None => input.len().saturating_sub(behind),
            };
            let octets = input.take("authentication code", len)?;
            notes.octets(at(LAYER, start.offset(), len, "authentication code", "mac"), octets, &"");
            let Some(code) = Code::new(octets) else {
                return Err(start.error("authentication code", Reason::TooLong { limit: 16, found: len }));
            };
            layer.code = Some(code);
        }
        if control & HAS_LENGTH != 0 {
            let offset = input.offset();
            let length = input.u16_le("message length")?;
            notes.number(at(LAYER, offset, 2, "message length", "message_length"), length, &"");
            layer.length = Some(length);
        }
        Ok(layer)
    }

    /// The number of the fragment; 0 for a message that is not fragmented.
    #[must_use]
    pub const fn fragment(&self) -> u8 {
        self.control as u8
    }

    /// Whether more fragments follow.
    #[must_use]
    pub const fn more(&self) -> bool {
        self.control & MORE_FRAGMENTS != 0
    }

    /// Whether it is a part of a message.
    #[must_use]
    pub const fn is_fragment(&self) -> bool {
        self.more() || self.fragment() > 1
    }

    /// Writes it from its CI field on, with its length; `None` where there is no room.
    pub(crate) fn write(&self, into: &mut [u8]) -> Option<usize> {
        let mut control = self.control & 0x40ff;
        let mut len = 4;
        let mut put = |bit: u16, octets: &[u8]| {
            into.get_mut(len..len + octets.len())?.copy_from_slice(octets);
            len += octets.len();
            control |= bit;
            Some(())
        };
        if let Some(message) = self.message {
            put(HAS_MESSAGE, &[message])?;
        }
        if let Some(information) = self.key_information {
            put(HAS_KEY_INFORMATION, &information.to_le_bytes())?;
        }
        if let Some(counter) = self.counter {
            put(HAS_COUNTER, &counter.to_le_bytes())?;
        }
        if let Some(code) = self.code {
            put(HAS_CODE, code.octets())?;
        }
        if let Some(length) = self.length {
            put(HAS_LENGTH, &length.to_le_bytes())?;
        }
        let [c0, c1] = control.to_le_bytes();
        *into.first_chunk_mut()? = [CI, u8::try_from(len - 2).ok()?, c0, c1];
        Some(len)
    }
}

/// The octets of an authentication code by its type — EN 13757-7, 6.3.3: a CMAC, shortened.
#[must_use]
pub(crate) const fn code_len(kind: u8) -> Option<usize> {
    Some(match kind {
        3 => 2,
        4 => 4,
        5 => 8,
        6 => 12,
        7 => 16,
        _ => return None,
    })
}
