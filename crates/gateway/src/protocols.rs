//! Protocols: the one place that joins carriers with formats.

use crate::capture::Framing;
use esh_core::{Carrier, Content, Format, Known, Opened, Out, Protocol, Refused};

/// Opens a frame of a protocol in place.
///
/// # Errors
/// What the carrier says.
pub fn open<'f>(
    protocol: Protocol,
    framing: Option<Framing>,
    frame: &'f mut [u8],
    known: &dyn Known,
    out: &mut dyn Out<'_>,
) -> Result<Opened<'f>, Refused> {
    let framing = match framing {
        None => esh_wmbus::Framing::Recognise,
        Some(Framing::A | Framing::ThreeOutOfSix | Framing::Manchester) => esh_wmbus::Framing::A,
        Some(Framing::B) => esh_wmbus::Framing::B,
        Some(Framing::None) => esh_wmbus::Framing::WithoutCrc,
        Some(Framing::Wired) => esh_wmbus::Framing::Wired,
    };
    match protocol {
        Protocol::Wmbus | Protocol::Mbus => esh_wmbus::Wmbus { framing }.open(frame, known, out),
        other => unreachable!("{other:?} has no carrier"),
    }
}

/// What reads a content; `None` for what nobody here reads.
#[must_use]
pub fn format_for(content: Content) -> Option<&'static dyn Format> {
    esh_wmbus::format_for(content)
}
