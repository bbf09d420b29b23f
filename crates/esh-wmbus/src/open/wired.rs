//! The link of a wired frame: start, length, C and A field — EN 13757-2, 5.

use super::{Found, Lower, SoFar, upper};
use crate::{ci, wired};
use esh_core::note::{Notes, at};
use esh_core::{Content, DecodeError, Input, Known, Layer, Security, SecurityState};

/// Opens a wired frame; its start, lengths and check sum are right.
pub(crate) fn wired(
    octets: &mut [u8],
    known: &dyn Known,
    notes: &mut Notes<'_, '_>,
    so_far: &mut SoFar,
) -> Result<Found, DecodeError> {
    const LAYER: Layer = Layer::Link;
    let nothing = Found { content: Content::Nothing, start: octets.len(), end: octets.len(), security: Security::NONE };
    let mut input = Input::new(octets, 0, LAYER);
    let start = input.u8("start character")?;
    match start {
        wired::ACKNOWLEDGE => {
            notes.number(at(LAYER, 0, 1, "start character", ""), start, &"acknowledgement");
            return Ok(nothing);
        }
        wired::LONG => {
            let [length, _, _] = input.array("L-field")?;
            notes.number(at(LAYER, 0, 1, "start character", ""), start, &"long or control frame");
            notes.number(at(LAYER, 1, 2, "L-field", ""), *length, &"");
        }
        _ => notes.number(at(LAYER, 0, 1, "start character", ""), start, &"short frame"),
    }
    let offset = input.offset();
    let control = input.u8("C field")?;
    notes.number(at(LAYER, offset, 1, "C field", "c_field"), control, &ci::control(control));
    let primary = input.u8("A field")?;
    notes.number(at(LAYER, offset + 1, 1, "A field", "address"), primary, &primary_address(primary));
    if start != wired::LONG {
        return Ok(nothing);
    }
    let upper_at = input.offset();
    let end = octets.len().saturating_sub(2);
    let octets = octets.get_mut(..end).unwrap_or_default();
    let lower = Lower { known, address: None, control, wired: true, link_state: SecurityState::None };
    upper(octets, upper_at, &lower, notes, so_far)
}

const fn primary_address(address: u8) -> &'static str {
    match address {
        0 => "not configured",
        251 => "repeater management",
        253 => "the one selected by secondary address",
        254 => "all, who answer",
        255 => "all, who do not answer",
        _ => "",
    }
}
