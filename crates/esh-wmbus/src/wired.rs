//! Wired frames: acknowledgement, short, control and long frames with their check sum.

use esh_core::{DecodeError, Input, Layer, Manufacturer, Meter, Reason};

/// A single character that acknowledges — EN 13757-2, 5.2.
pub const ACKNOWLEDGE: u8 = 0xe5;
pub(crate) const SHORT: u8 = 0x10;
pub(crate) const LONG: u8 = 0x68;
pub(crate) const STOP: u8 = 0x16;

/// Checks the wired frame at the beginning of some octets and gives its length — EN 13757-2, 5.
pub(crate) fn check(octets: &[u8]) -> Result<usize, DecodeError> {
    let mut input = Input::new(octets, 0, Layer::Link);
    let start = input;
    match input.u8("start character")? {
        ACKNOWLEDGE => Ok(1),
        SHORT => {
            let body = input.array::<2>("C and A field")?;
            end(input, body).map(|()| 5)
        }
        LONG => {
            let length = input.u8("L-field")?;
            let at = input;
            if input.u8("L-field, repeated")? != length {
                return Err(at.error("L-field, repeated", Reason::Malformed));
            }
            let at = input;
            if input.u8("start character, repeated")? != LONG {
                return Err(at.error("start character, repeated", Reason::Malformed));
            }
            if length < 3 {
                return Err(start.error("L-field", Reason::Truncated { needed: 3, left: length.into() }).shifted(1));
            }
            let body = input.take("frame", length.into())?;
            end(input, body).map(|()| usize::from(length) + 6)
        }
        other => Err(start.error("start character", Reason::UnknownFormat(other.into()))),
    }
}

/// Whether the octets can only be meant as a wired frame, right or wrong.
pub(crate) const fn looks_wired(octets: &[u8]) -> bool {
    matches!(octets, [LONG, first, second, LONG, ..] if *first == *second)
        || matches!(octets, [SHORT, _, _, _, STOP, ..])
}

/// Whether the octets are rather a damaged or cut long frame than a wireless one, whose first octets may look the same.
pub(crate) fn meant(octets: &[u8]) -> bool {
    let [start, first, second, again, rest @ ..] = octets else { return false };
    if looks_wired(octets) && *start == LONG {
        // Broken off, ended where it says, or followed by something.
        let len = usize::from(*first);
        return rest.len() <= len + 2 || rest.get(len + 1) == Some(&STOP);
    }
    // All is right but one of the four octets in front.
    let [body @ .., check_sum, STOP] = rest else { return false };
    let wrong =
        [(*start, LONG), (*again, LONG)].map(|(found, right)| usize::from(found != right)).iter().sum::<usize>()
            + [first, second].map(|found| usize::from(usize::from(*found) != body.len())).iter().sum::<usize>();
    wrong == 1 && sum(body) == *check_sum
}

/// The check sum of the octets from the C field on: their arithmetic sum — EN 13757-2, 5.
pub(crate) fn sum(octets: &[u8]) -> u8 {
    octets.iter().fold(0, |sum, octet| sum.wrapping_add(*octet))
}

fn end(mut input: Input<'_>, body: &[u8]) -> Result<(), DecodeError> {
    let at = input;
    let (found, computed) = (input.u8("check sum")?, sum(body));
    let stop = input;
    if input.u8("stop character")? != STOP {
        return Err(stop.error("stop character", Reason::Malformed));
    }
    if found != computed {
        let reason = Reason::Checksum { found: found.into(), computed: computed.into() };
        return Err(at.error("check sum", reason));
    }
    Ok(())
}

/// A selection by secondary address, which may hold wildcards — EN 13757-7, 9.3.
///
/// A nibble `F` of the identification number stands for any digit, `FFFF` for any maker, `FF` for any version or type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The identification number, as sent.
    pub id: [u8; 4],
    /// The maker.
    pub manufacturer: u16,
    /// The version.
    pub version: u8,
    /// The device type.
    pub medium: u8,
}

impl Selection {
    /// Reads the eight octets behind CI 52.
    ///
    /// # Errors
    /// [`Reason::Truncated`] when they are fewer.
    pub fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let [i0, i1, i2, i3, m0, m1, version, medium] = *input.array("secondary address")?;
        let manufacturer = u16::from_le_bytes([m0, m1]);
        Ok(Self { id: [i0, i1, i2, i3], manufacturer, version, medium })
    }

    /// Its octets, as sent behind CI 52.
    #[must_use]
    pub const fn octets(&self) -> [u8; 8] {
        let ([i0, i1, i2, i3], [m0, m1]) = (self.id, self.manufacturer.to_le_bytes());
        [i0, i1, i2, i3, m0, m1, self.version, self.medium]
    }

    /// Whether a meter answers to it.
    #[must_use]
    pub fn matches(&self, meter: &Meter) -> bool {
        let wanted = esh_core::Id::from_bcd(self.id);
        let digits = wanted.as_str().bytes().zip(meter.id.as_str().bytes());
        let maker = meter.manufacturer.is_none_or(|maker| maker == Manufacturer(self.manufacturer));
        meter.id.as_str().len() == wanted.as_str().len()
            && digits.into_iter().all(|(wanted, digit)| wanted == b'f' || wanted == digit)
            && (self.manufacturer == 0xffff || maker)
            && (self.version == 0xff || meter.version.is_none_or(|version| version == self.version))
            && (self.medium == 0xff || meter.medium.is_none_or(|medium| medium.0 == self.medium))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wired_frames_are_checked() {
        for (octets, expect) in [
            (&[0xe5u8][..], Ok(1)),
            (&[0x10, 0x7b, 0xfd, 0x78, 0x16], Ok(5)),
            (
                &[0x10, 0x7b, 0xfd, 0x79, 0x16],
                Err("link layer, octet 3 (check sum): checksum 0079 does not fit the octets, which give 0078"),
            ),
            (&[0x10, 0x7b, 0xfd, 0x78], Err("link layer, octet 4 (stop character): needs 1 octet, 0 left")),
            (&[0x68, 0x03, 0x03, 0x68, 0x53, 0xfe, 0xbd, 0x0e, 0x16], Ok(9)),
            (&[0x68, 0x00, 0x00, 0x68, 0x08, 0x16], Err("link layer, octet 1 (L-field): needs 3 octets, 0 left")),
            (&[0x68, 0x04, 0x04, 0x68, 0x08, 0x01], Err("link layer, octet 4 (frame): needs 4 octets, 2 left")),
            (&[0x68, 0x04, 0x05, 0x68], Err("link layer, octet 2 (L-field, repeated): not a valid value")),
        ] {
            let found = check(octets).map_err(|error| std::string::ToString::to_string(&error));
            assert_eq!(found, expect.map_err(std::string::ToString::to_string));
        }
    }
}
