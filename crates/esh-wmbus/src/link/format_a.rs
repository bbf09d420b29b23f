//! Frame format A: a CRC behind the first ten octets and behind every sixteen more — EN 13757-4, 12.3.

use super::{BLOCK, FIRST, check, length, whole};
use esh_core::DecodeError;

pub(super) fn length_a(octets: &[u8]) -> Result<usize, DecodeError> {
    let length = length(octets, 0)?;
    Ok(length + 1 + 2 + 2 * (length + 1 - FIRST).div_ceil(BLOCK))
}

pub(super) fn format_a(octets: &[u8]) -> Result<usize, DecodeError> {
    let len = length_a(octets)?;
    // A cut frame is first of all cut; a wrong CRC before the cut is the graver news.
    for (at, block) in Blocks::new(octets.get(..len).unwrap_or(octets)) {
        check(block, at)?;
    }
    whole(octets, len)
}

/// How many blocks behind the first one of format A are right, and how many whole ones there are.
pub(super) fn blocks_right(octets: &[u8]) -> (usize, usize) {
    let len = length_a(octets).map_or(0, |len| len.min(octets.len()));
    let blocks = Blocks::new(octets.get(..len).unwrap_or_default()).skip(1);
    blocks.fold((0, 0), |(right, seen), (at, block)| (right + usize::from(check(block, at).is_ok()), seen + 1))
}

/// The whole blocks of a frame of format A with their CRCs, and where they begin. The last one may be short, and is
/// whole only if the octets end with the frame.
struct Blocks<'a> {
    rest: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Blocks<'a> {
    fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets, at: 0, end: length_a(octets).unwrap_or_default() }
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        let len = if at == 0 { FIRST + 2 } else { (BLOCK + 2).min(self.end.saturating_sub(at)) };
        let (block, rest) = self.rest.split_at_checked(len).filter(|_| len > 2)?;
        (self.rest, self.at) = (rest, at + len);
        Some((at, block))
    }
}
