//! Frame format B: one CRC at the end, and one after 126 octets where the frame is longer — EN 13757-4, 12.4.

use super::{FIRST_B, check, length, whole};
use esh_core::DecodeError;

pub(super) fn format_b(octets: &[u8]) -> Result<usize, DecodeError> {
    let len = whole(octets, length(octets, 2)? + 1)?;
    let (first, second) = octets.get(..len).unwrap_or_default().split_at(len.min(FIRST_B + 2));
    check(first, 0)?;
    if !second.is_empty() {
        check(second, FIRST_B + 2)?;
    }
    Ok(len)
}

/// Whether the second block of a frame of format B is right.
pub(super) fn second_right(octets: &[u8]) -> bool {
    let len = length(octets, 2).map_or(0, |length| length + 1);
    octets.get(FIRST_B + 2..len).is_some_and(|block| check(block, 0).is_ok())
}
