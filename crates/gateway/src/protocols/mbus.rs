//! M-Bus, with and without wires.

use crate::capture::Framing;
use esh_core::{Carrier, Known, Opened, Out, Refused};
use esh_wmbus::Wmbus;

/// Opens a frame in place.
///
/// # Errors
/// What the carrier says.
pub(super) fn open<'f>(
    framing: Option<Framing>,
    frame: &'f mut [u8],
    known: &dyn Known,
    out: &mut dyn Out<'_>,
) -> Result<Opened<'f>, Refused> {
    Wmbus::new(framing_of(framing)).open(frame, known, out)
}

/// Takes the checksums of the link out of a frame, where there are some and they are right.
pub(super) fn without_checksums(framing: Option<Framing>, frame: &mut Vec<u8>) {
    if let Ok(outline) = esh_wmbus::link::recognise(frame, framing_of(framing)) {
        let len = outline.strip(frame).len();
        frame.truncate(len);
    }
}

const fn framing_of(framing: Option<Framing>) -> esh_wmbus::Framing {
    match framing {
        None | Some(Framing::Lorawan(_) | Framing::Payload(_) | Framing::Modbus(_)) => esh_wmbus::Framing::Recognise,
        Some(Framing::A) => esh_wmbus::Framing::FormatA,
        Some(Framing::B) => esh_wmbus::Framing::FormatB,
        // What comes out of a line code is a frame with its CRCs, of either format.
        Some(Framing::ThreeOutOfSix | Framing::Manchester) => esh_wmbus::Framing::Recognise,
        Some(Framing::None) => esh_wmbus::Framing::WithoutCrc,
        Some(Framing::Wired) => esh_wmbus::Framing::Wired,
        // What another protocol's carrier is told says nothing here.
        Some(Framing::Lwm2m(..) | Framing::SenmlCbor | Framing::Zcl(_)) => esh_wmbus::Framing::Recognise,
        Some(Framing::Records(skip)) => esh_wmbus::Framing::Records { skip: skip as usize },
    }
}

/// Puts the octets of a frame, out of the chips of its line code where it has one, into a buffer.
pub fn line_code(framing: Option<Framing>, chips: &[u8], octets: &mut Vec<u8>) {
    let decode: fn(&[u8], &mut [u8]) -> usize = match framing {
        Some(Framing::ThreeOutOfSix) => esh_wmbus::line::three_out_of_six,
        Some(Framing::Manchester) => esh_wmbus::line::manchester,
        _ => return octets.extend_from_slice(chips),
    };
    octets.resize(chips.len(), 0);
    let len = decode(chips, octets);
    octets.truncate(len);
}
