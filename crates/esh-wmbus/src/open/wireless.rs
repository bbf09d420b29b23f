//! The link of a wireless frame: L, C, M and A-field, and the extended link behind them — EN 13757-4, 12 and 13.

use super::{Found, Lower, SoFar, upper};
use crate::{
    address::Address,
    authentication,
    ci::{self, ControlInformation, Header},
    extended_link::ExtendedLink,
    guarded,
    transport::note_address,
};
use esh_core::note::{Notes, at};
use esh_core::{Content, DecodeError, Input, Known, Layer, Security, SecurityState};

/// Opens a wireless frame without CRCs, or leaves it as it was.
pub(crate) fn wireless(
    octets: &mut [u8],
    known: &dyn Known,
    notes: &mut Notes<'_, '_>,
    so_far: &mut SoFar,
) -> Result<Found, DecodeError> {
    const LAYER: Layer = Layer::Link;
    let mut input = Input::new(octets, 0, LAYER);
    let length = input.u8("L-field")?;
    let control = input.u8("C-field")?;
    let address = Address(*input.array("M-field and A-field")?);
    so_far.meter = Some(address.meter(so_far.protocol));
    if notes.wanted() {
        notes.number(at(LAYER, 0, 1, "L-field", ""), length, &"");
        notes.number(at(LAYER, 1, 1, "C-field", "c_field"), control, &ci::control(control));
        let keys = if has_long_header(input) {
            [("link_id", 2), ("link_manufacturer", 0), ("link_version", 6)]
        } else {
            [("id", 2), ("manufacturer", 0), ("version", 6)]
        };
        note_address(notes, LAYER, 2, address, keys);
    }
    let lower = Lower { known, address: Some(address), control, wired: false, link_state: SecurityState::None };
    let upper_at = input.offset();
    match input.peek() {
        None => Ok(Found { content: Content::Nothing, start: upper_at, end: upper_at, security: Security::NONE }),
        Some(next) if ExtendedLink::begins(next) => {
            let mut input = input.as_layer(Layer::ExtendedLink);
            let layer = ExtendedLink::read(&mut input, notes)?;
            let upper_at = input.offset();
            match layer.session {
                None => upper(octets, upper_at, &lower, notes, so_far),
                Some(session) => guarded::open(octets, &layer, session, lower, notes, so_far),
            }
        }
        Some(_) => upper(octets, upper_at, &lower, notes, so_far),
    }
}

/// Whether an address stands in a long header that can be read; asked only for the sake of field names.
fn has_long_header(mut input: Input<'_>) -> bool {
    let mut ci = input.peek().unwrap_or_default();
    let skip = match ci {
        0x8c => 3,
        0x8e => 11,
        _ => 0,
    };
    if skip > 0 && input.take("", skip).is_ok() {
        ci = input.peek().unwrap_or_default();
    }
    if let (authentication::CI, [_, length, ..]) = (ci, input.rest())
        && input.take("", usize::from(*length) + 2).is_ok()
    {
        ci = input.peek().unwrap_or_default();
    }
    ControlInformation::of(ci).is_some_and(|information| information.header == Header::Long)
}
