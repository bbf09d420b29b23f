//! Which format the octets of a frame have, where nobody says.

use super::{
    BLOCK, FIRST, FIRST_B, Framing, Outline, check,
    format_a::{blocks_right, format_a, length_a},
    format_b::{format_b, second_right},
    without_crc,
};
use crate::{crc::Crc, wired};
use esh_core::{DecodeError, Input, Layer, Reason};

/// Finds the frame at the beginning of some octets, of whatever framing fits.
pub(super) fn guess(octets: &[u8]) -> Result<Outline, DecodeError> {
    let found = |framing, len| Ok(Outline { framing, len });
    let wired = wired::check(octets);
    // `E5` and `10` may also be the L-field of a wireless frame.
    if let Ok(len) = wired
        && (octets.first() == Some(&wired::LONG) || len == octets.len())
    {
        return found(Framing::Wired, len);
    }
    let format_a = format_a(octets);
    if let Ok(len) = format_a {
        return found(Framing::FormatA, len);
    }
    // One right CRC may be chance, in one frame of 65536. A second one, or a frame that ends where nothing else does,
    // is format A, damaged or cut.
    let first = octets.get(..FIRST + 2).is_some_and(|block| check(block, 0).is_ok());
    let exact = length_a(octets).is_ok_and(|len| len == octets.len());
    let (right, seen) = if first || exact { blocks_right(octets) } else { (0, 0) };
    if right > 0
        && let Err(error) = format_a
    {
        return Err(error);
    }
    match format_b(octets) {
        Ok(len) => return found(Framing::FormatB, len),
        // One of two CRCs is right. Damage to a frame with one CRC makes it a frame without CRCs.
        Err(error) if error.offset > FIRST_B + 2 || second_right(octets) => return Err(error),
        Err(_) => {}
    }
    if first
        && (seen == 0 || exact || without_crc(octets).is_err())
        && !is_whole_without_crc(octets)
        && let Err(error) = format_a
    {
        return Err(error);
    }
    match without_crc(octets) {
        _ if wired::meant(octets) => wired.and_then(|len| found(Framing::Wired, len)),
        Ok(len) => length_not_damaged(octets, len).and_then(|()| found(Framing::WithoutCrc, len)),
        Err(_) if wired::looks_wired(octets) => wired.and_then(|len| found(Framing::Wired, len)),
        Err(error) => Err(error),
    }
}

/// Whether a frame ends where one without CRCs does and has its CI field where that one has it, not where format A does:
/// then its one right CRC is chance, rather than the cut a coincidence.
fn is_whole_without_crc(octets: &[u8]) -> bool {
    let usual = |at: usize| octets.get(at).is_some_and(|ci| matches!(ci, 0x72 | 0x78..=0x7b | 0x86 | 0x8c..=0x90));
    without_crc(octets) == Ok(octets.len()) && usual(FIRST) && !usual(FIRST + 2)
}

/// Makes sure that what would be a frame of `len` octets without CRCs is not one of format A or B with a wrong L-field:
/// there, CRCs are right if the frame is as long as the octets.
fn length_not_damaged(octets: &[u8], len: usize) -> Result<(), DecodeError> {
    let with_length = |block: Option<&[u8]>, length: usize| {
        let (Some([_, rest @ .., high, low]), Ok(length)) = (block, u8::try_from(length)) else { return false };
        Crc::NEW.and(&[length]).and(rest).value() == u16::from_be_bytes([*high, *low])
    };
    let all = octets.len();
    let behind = octets.get(FIRST + 2..).unwrap_or_default();
    let format_a = all.saturating_sub(3 + 2 * behind.len().div_ceil(BLOCK + 2));
    let mut right = behind.chunks(BLOCK + 2).map(|block| check(block, 0).is_ok());
    // One CRC alone may be right by chance.
    let damaged = with_length(octets.get(..FIRST + 2), format_a) && right.all(|right| right)
        || all > len && with_length(octets.get(..all.min(FIRST_B + 2)), all - 1);
    if damaged { Err(Input::new(octets, 0, Layer::Link).error("L-field", Reason::Malformed)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::lay_out;
    use std::vec::Vec;

    #[test]
    fn a_first_crc_that_is_right_by_chance_does_not_cut_a_short_frame() {
        let frame = *b"\x14\x44\x2d\x2c\x37\x41\x02\x00\x1b\x16\x7a\x49\x00\x00\x00\x04\x13\x49\x5e\x00\x00";
        assert!(check(&frame[..FIRST + 2], 0).is_ok());
        assert_eq!(guess(&frame), Ok(Outline { framing: Framing::WithoutCrc, len: frame.len() }));
        // Really cut, its CI field stands behind the CRC.
        let mut long = [0; 40];
        long[..19].copy_from_slice(&frame[..19]);
        let sent = lay_out(&mut long, 19, Framing::FormatA).unwrap();
        assert!(guess(&long[..19]).is_err(), "{sent}");
    }

    #[test]
    fn a_damaged_length_or_head_is_not_a_frame_without_crcs() {
        let laid_out = |len: usize, framing| {
            let mut frame: Vec<u8> = (0..len as u8).map(|n| n.wrapping_mul(29) ^ 0x44).collect();
            frame.resize(len + 40, 0);
            let sent = lay_out(&mut frame, len, framing).unwrap();
            frame.truncate(sent);
            frame
        };
        let body = [0x08, 0x01, 0x72];
        let wired =
            [&[wired::LONG, 111, 111, wired::LONG][..], &body, &[0; 108], &[wired::sum(&body), wired::STOP]].concat();
        for (frame, octet, bit, reason) in [
            (laid_out(42, Framing::FormatA), 0, 0x20, "L-field"),
            // With this length, a frame without CRCs would end where this one does.
            (laid_out(52, Framing::FormatA), 0, 0x08, "L-field"),
            (laid_out(40, Framing::FormatB), 0, 0x20, "L-field"),
            (laid_out(140, Framing::FormatB), 1, 0x01, "CRC"),
            (laid_out(20, Framing::FormatA), 13, 0x01, "CRC"),
            (wired.clone(), 0, 0x01, "start character"),
            (wired.clone(), 2, 0x10, "L-field, repeated"),
            (wired.clone(), 9, 0x10, "check sum"),
            (wired, 116, 0x10, "stop character"),
        ] {
            assert!(guess(&frame).is_ok());
            let mut damaged = frame;
            damaged[octet] ^= bit;
            assert_eq!(guess(&damaged).unwrap_err().field, reason, "{damaged:02x?}");
        }
    }
}
