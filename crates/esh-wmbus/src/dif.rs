//! The data information block: how a value is coded, and to which register it belongs.

use crate::value::Kind;
use esh_core::{DecodeError, Function, Input, Reason, Register};

/// The most extensions a DIF or a VIF may have, EN 13757-3, 6.3.
pub(crate) const EXTENSIONS: usize = 10;

/// Data information block: EN 13757-3, 6.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dif {
    /// The data field, bits 0 to 3.
    pub(crate) coding: Coding,
    /// The function field, bits 4 and 5.
    pub(crate) function: Function,
    /// Storage number, tariff and subunit, from the DIF and its extensions.
    pub(crate) register: Register,
}

/// The coding of a value: EN 13757-3, table 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coding(u8);

impl Coding {
    pub(crate) const SELECTION: Self = Self(0x8);
    #[cfg(test)]
    pub(crate) const VARIABLE: Self = Self(0xd);

    /// The coding that the lower four bits name.
    pub(crate) const fn of(octet: u8) -> Self {
        Self(octet & 0x0f)
    }

    /// The octets a value of this coding takes; `None` where its first octet tells.
    #[inline]
    pub(crate) const fn len(self) -> Option<usize> {
        Some(match self.0 {
            0x1 | 0x9 => 1,
            0x2 | 0xa => 2,
            0x3 | 0xb => 3,
            0x4 | 0x5 | 0xc => 4,
            0x6 | 0xe => 6,
            0x7 => 8,
            0xd | 0xf => return None,
            _ => 0,
        })
    }

    /// How its octets are to be taken; that of a variable length is told by its first octet.
    #[inline]
    pub(crate) const fn kind(self) -> Kind {
        match self.0 {
            0x1..=0x4 | 0x6 | 0x7 => Kind::Integer,
            0x5 => Kind::Real,
            0x9..=0xc | 0xe => Kind::Bcd,
            _ => Kind::Nothing,
        }
    }

    /// Its name in the table of the standard.
    pub(crate) const fn words(self) -> &'static str {
        match self.0 {
            0x0 => "no data",
            0x1 => "8 bit integer",
            0x2 => "16 bit integer",
            0x3 => "24 bit integer",
            0x4 => "32 bit integer",
            0x5 => "32 bit real",
            0x6 => "48 bit integer",
            0x7 => "64 bit integer",
            0x8 => "selection for readout",
            0x9 => "2 digit BCD",
            0xa => "4 digit BCD",
            0xb => "6 digit BCD",
            0xc => "8 digit BCD",
            0xd => "variable length",
            0xe => "12 digit BCD",
            _ => "special function",
        }
    }
}

impl Dif {
    /// A place for a data information block.
    pub(crate) const NONE: Self = Self {
        coding: Coding(0),
        function: Function::Instantaneous,
        register: Register { storage: 0, tariff: 0, subunit: 0 },
    };

    /// Reads a DIF and its extensions.
    ///
    /// # Errors
    /// A reserved DIF, more than ten extensions, or the end of the octets.
    #[inline(always)]
    pub(crate) fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let start = *input;
        let first = input.u8("DIF")?;
        if first & 0x0f == 0x0f {
            return Err(start.error("DIF", Reason::Reserved(first.into())));
        }
        let function = match first >> 4 & 3 {
            0 => Function::Instantaneous,
            1 => Function::Maximum,
            2 => Function::Minimum,
            _ => Function::Error,
        };
        let mut register = Register { storage: u64::from(first >> 6 & 1), tariff: 0, subunit: 0 };
        if first & 0x80 != 0 {
            extend(&mut register, input)?;
        }
        Ok(Self { coding: Coding(first & 0x0f), function, register })
    }
}

/// Data information field extensions: four bits of the storage number, two of the tariff, one of the subunit in each.
fn extend(register: &mut Register, input: &mut Input<'_>) -> Result<(), DecodeError> {
    for count in 0..EXTENSIONS {
        let octet = input.u8("DIFE")?;
        register.storage |= u64::from(octet & 0x0f) << (1 + 4 * count);
        register.tariff |= u32::from(octet >> 4 & 3) << (2 * count);
        register.subunit |= u16::from(octet >> 6 & 1) << count;
        if octet & 0x80 == 0 {
            return Ok(());
        }
    }
    Err(input.error("DIFE", Reason::TooLong { limit: EXTENSIONS, found: EXTENSIONS + 1 }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::Layer;

    fn read(octets: &[u8]) -> Result<Dif, DecodeError> {
        Dif::read(&mut Input::new(octets, 0, Layer::Application))
    }

    #[test]
    fn storage_tariff_and_subunit_come_in_parts() {
        for (octets, coding, function, storage, tariff, subunit) in [
            (&[0x04u8][..], 4, Function::Instantaneous, 0, 0, 0),
            (&[0x52], 2, Function::Maximum, 1, 0, 0),
            (&[0x84, 0x10], 4, Function::Instantaneous, 0, 1, 0),
            (&[0x8e, 0x80, 0x10], 0xe, Function::Instantaneous, 0, 4, 0),
            (&[0xc4, 0x8c, 0x40], 4, Function::Instantaneous, 25, 0, 2),
            (
                &[0xf4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
                4,
                Function::Error,
                (1 << 41) - 1,
                (1 << 20) - 1,
                (1 << 10) - 1,
            ),
        ] {
            let register = Register { storage, tariff, subunit };
            assert_eq!(read(octets), Ok(Dif { coding: Coding(coding), function, register }), "{octets:02x?}");
        }
    }

    #[test]
    fn an_eleventh_extension_is_one_too_many() {
        let error = read(&[0x84, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]).unwrap_err();
        assert_eq!((error.field, error.offset), ("DIFE", 11));
        assert_eq!(error.reason, Reason::TooLong { limit: 10, found: 11 });
        assert_eq!(read(&[0x84, 0x80]).unwrap_err().reason, Reason::Truncated { needed: 1, left: 0 });
        assert_eq!(read(&[0x3f]).unwrap_err().reason, Reason::Reserved(0x3f));
    }
}
