//! ASCII framing — MODBUS over serial line V1.02, 2.5.2.

use super::{Adu, Head, LAYER};
use esh_core::{DecodeError, Input, Reason};

/// The longest frame, in characters.
pub const LIMIT: usize = 1 + 2 * OCTETS + 2;

/// The most octets that the characters stand for: address, PDU and LRC.
pub const OCTETS: usize = 1 + crate::pdu::PDU_LIMIT + 1;

/// The longitudinal redundancy check, 6.2.1: what makes the sum of all octets zero.
#[must_use]
pub fn lrc(octets: &[u8]) -> u8 {
    octets.iter().fold(0u8, |sum, octet| sum.wrapping_add(*octet)).wrapping_neg()
}

/// Opens a frame: all of `frame`, from its colon to its line feed. Its octets go into `octets`, and so do offsets: the
/// octet `n` there stands at the characters `1 + 2 n` and the next.
///
/// # Errors
/// An LRC that does not fit, and characters that do not belong there. Its octet is the character.
pub fn open<'o>(frame: &[u8], octets: &'o mut [u8; OCTETS]) -> Result<Adu<'o>, DecodeError> {
    let mut input = Input::new(frame, 0, LAYER);
    let at = input;
    if input.u8("start")? != b':' {
        return Err(at.error("start", Reason::Malformed));
    }
    let Some(characters) = frame.strip_prefix(b":").and_then(|rest| rest.strip_suffix(b"\r\n")) else {
        let end = Input::new(&[], frame.len(), LAYER);
        return Err(end.error("end of line", Reason::Malformed));
    };
    let (pairs, rest) = characters.as_chunks::<2>();
    if pairs.len() > OCTETS {
        return Err(input.error("frame", Reason::TooLong { limit: OCTETS, found: pairs.len() }));
    }
    for (slot, pair) in octets.iter_mut().zip(pairs) {
        let at = input;
        input.take("hexadecimal", 2)?;
        *slot = octet(*pair).ok_or_else(|| at.error("hexadecimal", Reason::Malformed))?;
    }
    if !rest.is_empty() {
        return Err(input.error("hexadecimal", Reason::Truncated { needed: 2, left: 1 }));
    }
    let octets: &'o [u8] = octets;
    let octets = octets.get(..pairs.len()).unwrap_or_default();
    let [checked @ .., found] = octets else {
        return Err(input.error("frame", Reason::Truncated { needed: 3, left: 0 }));
    };
    let computed = lrc(checked);
    if *found != computed {
        let reason = Reason::Checksum { found: (*found).into(), computed: computed.into() };
        return Err(DecodeError { layer: LAYER, field: "LRC", offset: place(checked.len()), reason });
    }
    match checked {
        [unit, pdu @ ..] if !pdu.is_empty() => Ok(Adu { head: Head { transaction: 0, unit: *unit }, pdu, offset: 1 }),
        _ => Err(input.error("frame", Reason::Truncated { needed: 3, left: octets.len() })),
    }
}

/// The character where an octet begins.
pub(crate) const fn place(octet: usize) -> usize {
    1 + 2 * octet
}

fn octet([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |character: u8| char::from(character).to_digit(16).map(|digit| digit as u8);
    Some(digit(high)? << 4 | digit(low)?)
}

/// Writes a frame; `None` when the buffer has no room.
pub(super) fn write<'b>(unit: u8, pdu: &[u8], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let frame = buffer.get_mut(..place(pdu.len() + 2) + 2)?;
    let sum = lrc(pdu).wrapping_sub(unit);
    let octets = core::iter::once(unit).chain(pdu.iter().copied()).chain(core::iter::once(sum));
    let digits = octets.flat_map(|octet| [octet >> 4, octet & 0xf]).map(|digit| match digit {
        0..=9 => b'0' + digit,
        _ => b'A' - 10 + digit,
    });
    let characters = core::iter::once(b':').chain(digits).chain(*b"\r\n");
    frame.iter_mut().zip(characters).for_each(|(slot, character)| *slot = character);
    Some(frame)
}
