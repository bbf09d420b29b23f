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

/// The length of the frame at the beginning of some octets.
///
/// # Errors
/// What is wrong with it; [`Reason::Truncated`] when more octets may make it whole.
pub fn frame_len(octets: &[u8]) -> Result<usize, DecodeError> {
    check(octets)
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

/// What a master asks for with a short frame: the C field — EN 13757-2, 5.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// `SND_NKE`: begin anew; it is acknowledged.
    Reset,
    /// `REQ_UD2`: the next telegram, or with the same frame count bit the last one again.
    Data {
        /// The frame count bit: another one for each telegram.
        count: bool,
    },
}

impl Ask {
    /// The short frame to a primary address.
    #[must_use]
    pub const fn frame(self, address: u8) -> [u8; 5] {
        let control = match self {
            Self::Reset => 0x40,
            Self::Data { count: false } => 0x5b,
            Self::Data { count: true } => 0x7b,
        };
        [SHORT, control, address, control.wrapping_add(address), STOP]
    }
}

/// The address of the meter that was selected by its secondary address.
pub const SELECTED: u8 = 253;

/// The address at which every meter answers: for a line with one.
pub const WHOEVER: u8 = 254;

/// Finds the answer of a meter in octets, behind noise and echoes: a whole long frame from the meter at that address, or
/// from any where it was asked at [`SELECTED`] or [`WHOEVER`].
#[must_use]
pub fn find_answer(octets: &[u8], address: u8) -> Option<core::ops::Range<usize>> {
    let starts = octets.iter().enumerate().filter(|(_, octet)| **octet == LONG);
    starts.map(|(at, _)| at).find_map(|at| {
        let rest = octets.get(at..)?;
        let [_, _, _, _, control, from, ..] = rest else { return None };
        // Bit 6 is set in what a master sends.
        let answers = control & 0x4f == 0x08 && (matches!(address, SELECTED | WHOEVER) || *from == address);
        let len = check(rest).ok()?;
        answers.then_some(at..at + len)
    })
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

    /// Everything: a selection in which each digit, maker, version and medium may be any.
    pub const ANY: Self = Self { id: [0xff; 4], manufacturer: 0xffff, version: 0xff, medium: 0xff };

    /// The frame that selects: `SND_UD` to [`SELECTED`]. Who is meant acknowledges, and all others are no longer selected.
    #[must_use]
    pub fn frame(&self) -> [u8; 17] {
        const LENGTH: u8 = 11;
        let [a, b, c, d, e, f, g, h] = self.octets();
        let body = [0x53, SELECTED, 0x52, a, b, c, d, e, f, g, h];
        let [i, j, k, ..] = body;
        [LONG, LENGTH, LENGTH, LONG, i, j, k, a, b, c, d, e, f, g, h, sum(&body), STOP]
    }

    /// The same with its digit at a place, 0 for the leftmost, set.
    #[must_use]
    pub fn with_digit(mut self, place: usize, digit: u8) -> Self {
        // As sent the last two digits come first.
        if let Some(octet) = place.checked_div(2).and_then(|pair| self.id.get_mut(3usize.checked_sub(pair)?)) {
            *octet = if place.is_multiple_of(2) { *octet & 0x0f | digit << 4 } else { *octet & 0xf0 | digit & 0x0f };
        }
        self
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
    fn what_a_master_sends_is_right() {
        assert_eq!(Ask::Reset.frame(1), [0x10, 0x40, 0x01, 0x41, 0x16]);
        assert_eq!(Ask::Data { count: true }.frame(0xfd), [0x10, 0x7b, 0xfd, 0x78, 0x16]);
        assert_eq!(check(&Ask::Data { count: false }.frame(250)), Ok(5));
        let selection = Selection::ANY.with_digit(0, 1).with_digit(1, 2).with_digit(7, 8);
        assert_eq!(selection.octets(), [0xf8, 0xff, 0xff, 0x12, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(check(&selection.frame()), Ok(17));
    }

    #[test]
    fn an_answer_is_found_behind_noise_and_echoes() {
        let answer = [0x68, 0x03, 0x03, 0x68, 0x08, 0x05, 0x78, 0x85, 0x16];
        let octets = [&Ask::Reset.frame(5)[..], &[0x68, 0x68, 0x00], &Selection::ANY.frame(), &answer].concat();
        let at = octets.len() - answer.len();
        assert_eq!(find_answer(&octets, 5), Some(at..octets.len()));
        assert_eq!(find_answer(&octets, SELECTED), Some(at..octets.len()));
        assert_eq!(find_answer(&octets, 6), None);
        for end in 0..octets.len() {
            assert_eq!(find_answer(&octets[..end], 5), None);
        }
    }

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
