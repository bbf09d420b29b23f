//! Frames: where one begins and ends on the link, which format it has, and its check sums.

mod format_a;
mod format_b;
mod guess;

use crate::{crc::crc, wired};
use esh_core::{DecodeError, Input, Layer, Reason};

/// How the octets of a frame are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// To be recognised: `68 L L 68` with a right check sum and `16` is wired, otherwise the L-field leads and format A,
    /// format B and no CRCs are tried in this order.
    #[default]
    Recognise,
    /// Wireless, frame format A: a CRC behind the first ten octets and behind every sixteen more.
    FormatA,
    /// Wireless, frame format B: one CRC at the end, and one after 126 octets where the frame is longer.
    FormatB,
    /// Wireless, without CRCs, as most receivers deliver it.
    WithoutCrc,
    /// Wireless, without CRCs, assembled from fragments: its end is that of the octets, whatever the L-field says.
    Assembled,
    /// Wired, EN 13757-2.
    Wired,
    /// No frame but a bare run of records, as other carriers have them inside: octets of the carrier's own, which are
    /// passed over, and records to the end.
    Records {
        /// The octets before the first record.
        skip: usize,
    },
}

/// A frame that has been recognised: its format, its end, and that its check sums are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline {
    /// The framing, recognised or as told.
    pub framing: Framing,
    /// Octets of the frame as sent; what is behind does not belong to it.
    pub len: usize,
}

/// The octets of the first block: L, C, M(2), A(6).
pub(crate) const FIRST: usize = 10;
/// The octets of every further block of format A.
const BLOCK: usize = 16;
/// The octets before the first CRC of format B, where the frame has two.
const FIRST_B: usize = 126;

/// Finds the frame at the beginning of some octets — EN 13757-4, 12 and EN 13757-2, 5.
///
/// # Errors
/// [`Reason::Truncated`] when the frame is longer than the octets, [`Reason::Checksum`] when a check sum is wrong.
pub fn recognise(octets: &[u8], framing: Framing) -> Result<Outline, DecodeError> {
    let len = match framing {
        Framing::Recognise => return guess::guess(octets),
        Framing::FormatA => format_a::format_a(octets)?,
        Framing::FormatB => format_b::format_b(octets)?,
        Framing::WithoutCrc => without_crc(octets)?,
        Framing::Assembled => octets.len(),
        Framing::Wired => wired::check(octets)?,
        Framing::Records { skip } => {
            Input::new(octets, 0, Layer::Link).take("octets before the records", skip)?;
            octets.len()
        }
    };
    Ok(Outline { framing, len })
}

/// Reads the L-field of a wireless frame, which counts the octets behind it.
fn length(octets: &[u8], checks: usize) -> Result<usize, DecodeError> {
    let mut input = Input::new(octets, 0, Layer::Link);
    let at = input;
    let length = usize::from(input.u8("L-field")?);
    let least = FIRST - 1 + checks;
    if length < least {
        return Err(at.error("L-field", Reason::Truncated { needed: least, left: length }));
    }
    Ok(length)
}

fn whole(octets: &[u8], len: usize) -> Result<usize, DecodeError> {
    // The L-field is there, or its value would not be known.
    Input::new(octets, 0, Layer::Link).take("frame", len).map(<[u8]>::len)
}

fn without_crc(octets: &[u8]) -> Result<usize, DecodeError> {
    whole(octets, length(octets, 0)? + 1)
}

/// Checks a block that ends with its CRC.
fn check(block: &[u8], at: usize) -> Result<(), DecodeError> {
    let Some((data, sent)) = block.split_last_chunk::<2>() else {
        return Err(Input::new(block, at, Layer::Link).error("CRC", Reason::Truncated { needed: 2, left: block.len() }));
    };
    let (found, computed) = (u16::from_be_bytes(*sent), crc(data));
    if found == computed {
        return Ok(());
    }
    let reason = Reason::Checksum { found: found.into(), computed: computed.into() };
    Err(DecodeError { layer: Layer::Link, field: "CRC", offset: at + data.len(), reason })
}

impl Outline {
    /// How many octets are left without CRCs.
    #[must_use]
    pub const fn stripped_len(&self) -> usize {
        match self.framing {
            Framing::FormatA => {
                let rest = self.len.saturating_sub(FIRST + 2);
                self.len.saturating_sub(2 + 2 * rest.div_ceil(BLOCK + 2))
            }
            Framing::FormatB if self.len > FIRST_B + 2 => self.len - 4,
            Framing::FormatB => self.len.saturating_sub(2),
            _ => self.len,
        }
    }

    /// The octet of the frame as sent of an octet of the frame without CRCs.
    #[must_use]
    pub const fn sent(&self, offset: usize) -> usize {
        match self.framing {
            Framing::FormatA if offset >= FIRST => offset + 2 + 2 * ((offset - FIRST) / BLOCK),
            Framing::FormatB if offset >= FIRST_B => offset + 2,
            _ => offset,
        }
    }

    /// Takes the CRCs out where the frame lies, and gives what is left.
    pub fn strip<'f>(&self, frame: &'f mut [u8]) -> &'f mut [u8] {
        match self.framing {
            Framing::FormatA => {
                let (mut from, mut to) = (FIRST + 2, FIRST);
                while from + 2 < self.len {
                    let block = BLOCK.min(self.len - from - 2);
                    move_octets(frame, from, to, block);
                    from += block + 2;
                    to += block;
                }
            }
            Framing::FormatB if self.len > FIRST_B + 2 => {
                move_octets(frame, FIRST_B + 2, FIRST_B, self.len - FIRST_B - 4);
            }
            _ => {}
        }
        frame.get_mut(..self.stripped_len()).unwrap_or_default()
    }

    /// Puts the CRCs back in, which is exact because they were right.
    pub fn restore(&self, frame: &mut [u8]) {
        match self.framing {
            Framing::FormatA => {
                let rest = self.stripped_len().saturating_sub(FIRST);
                for block in (0..rest.div_ceil(BLOCK)).rev() {
                    let from = FIRST + block * BLOCK;
                    let len = BLOCK.min(rest - block * BLOCK);
                    let to = FIRST + 2 + block * (BLOCK + 2);
                    move_octets(frame, from, to, len);
                    seal(frame, to, len);
                }
                seal(frame, 0, FIRST);
            }
            Framing::FormatB => {
                let stripped = self.stripped_len();
                if self.len > FIRST_B + 2 {
                    move_octets(frame, FIRST_B, FIRST_B + 2, stripped - FIRST_B);
                    seal(frame, FIRST_B + 2, stripped - FIRST_B);
                }
                seal(frame, 0, stripped.min(FIRST_B));
            }
            _ => {}
        }
    }
}

/// Moves octets within a frame; a move that would leave it is none.
fn move_octets(frame: &mut [u8], from: usize, to: usize, len: usize) {
    if from + len <= frame.len() && to + len <= frame.len() {
        frame.copy_within(from..from + len, to);
    }
}

/// Writes the CRC of `len` octets behind them.
fn seal(frame: &mut [u8], from: usize, len: usize) {
    let Some((data, behind)) = frame.get_mut(from..).and_then(|rest| rest.split_at_mut_checked(len)) else { return };
    if let Some(place) = behind.first_chunk_mut() {
        *place = crc(data).to_be_bytes();
    }
}

/// Lays a frame without CRCs out in another framing, and gives its length; `None` where there is no room or the
/// L-field cannot say its length. The L-field is set.
pub(crate) fn lay_out(frame: &mut [u8], len: usize, framing: Framing) -> Option<usize> {
    let sent = match framing {
        Framing::FormatA => len + 2 + 2 * len.checked_sub(FIRST)?.div_ceil(BLOCK),
        Framing::FormatB if len > FIRST_B => len + 4,
        Framing::FormatB => len + 2,
        _ => len,
    };
    let counted = if framing == Framing::FormatB { sent } else { len };
    *frame.first_mut()? = u8::try_from(counted.checked_sub(1)?).ok()?;
    frame.get(..sent)?;
    Outline { framing, len: sent }.restore(frame);
    Some(sent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn every_framing_is_laid_out_recognised_and_taken_apart() {
        for len in 10..=250usize {
            let mut plain: Vec<u8> = (0..len).map(|n| (n as u8).wrapping_mul(29) ^ 0x44).collect();
            if let Some(ci) = plain.get_mut(FIRST) {
                *ci = 0x7a;
            }
            for framing in [Framing::FormatA, Framing::FormatB, Framing::WithoutCrc] {
                let mut frame = plain.clone();
                frame.resize(320, 0xee);
                let sent = lay_out(&mut frame, len, framing).unwrap();
                let outline = Outline { framing, len: sent };
                assert_eq!(recognise(&frame[..sent], framing), Ok(outline));
                assert_eq!(recognise(&frame, Framing::Recognise), Ok(outline), "{framing:?} {len}");
                let before = frame.clone();
                let stripped = outline.strip(&mut frame).to_vec();
                assert_eq!(stripped[1..], plain[1..]);
                for (offset, octet) in stripped.iter().enumerate() {
                    assert_eq!(before[outline.sent(offset)], *octet);
                }
                outline.restore(&mut frame);
                assert_eq!(frame, before);
                for cut in 0..sent {
                    assert!(recognise(&frame[..cut], framing).is_err());
                    // Cut in the first block, so short a frame may as well be a whole one without CRCs or of format B;
                    // and a single octet may be an acknowledgement.
                    if len < 13 || cut == 1 {
                        continue;
                    }
                    assert!(recognise(&frame[..cut], Framing::Recognise).is_err(), "{framing:?} {len} {cut}");
                }
                if framing != Framing::WithoutCrc {
                    for bit in 8..sent * 8 {
                        frame[bit / 8] ^= 1 << (bit % 8);
                        let error = recognise(&frame[..sent], framing).unwrap_err();
                        assert!(matches!(error.reason, Reason::Checksum { .. }));
                        frame[bit / 8] ^= 1 << (bit % 8);
                    }
                }
            }
        }
    }
}
