//! Protocols: the one place that joins carriers with formats.

use crate::capture::Framing;
use esh_core::{Carrier, Content, Format, Known, Opened, Out, Protocol, Refused};
use esh_wmbus::Wmbus;
use esh_wmbus::fragments::{Assembler, Step};

/// Parts of messages that wait for the rest, of every protocol that sends in parts.
#[derive(Debug)]
pub struct Fragments {
    mbus: Box<Assembler<16, 4096>>,
}

/// How long a part waits for the next one, in milliseconds: longer than a meter takes between two of its frames.
const WAIT: u64 = 120_000;

impl Default for Fragments {
    fn default() -> Self {
        Self { mbus: Box::new(Assembler::new(WAIT)) }
    }
}

impl Fragments {
    /// Takes a part that came at `now`, milliseconds of a clock that does not run backwards, and opens the message
    /// once it is whole.
    ///
    /// # Errors
    /// What is still missing, what does not fit, or what the carrier says of the whole message.
    pub fn put<'f>(
        &'f mut self,
        protocol: Protocol,
        now: u64,
        part: &Opened<'_>,
        known: &dyn Known,
        out: &mut dyn Out<'_>,
    ) -> Result<Opened<'f>, Refused> {
        let of_the_part = |error| Refused { meter: part.meter, mode: part.security.mode, counter: part.counter, error };
        match protocol {
            Protocol::Wmbus | Protocol::Mbus => match self.mbus.put(now, part.payload).map_err(of_the_part)? {
                Step::Waiting(error) => Err(of_the_part(error)),
                Step::Whole(frame) => Wmbus::new(esh_wmbus::Framing::Assembled).open(frame, known, out),
            },
            other => unreachable!("{other:?} sends no parts"),
        }
    }
}

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
    match protocol {
        Protocol::Wmbus | Protocol::Mbus => Wmbus::new(mbus_framing(framing)).open(frame, known, out),
        other => unreachable!("{other:?} has no carrier"),
    }
}

/// Takes the checksums of the link out of a frame that was refused, so that its fields stand where they are said to.
pub fn without_checksums(protocol: Protocol, framing: Option<Framing>, frame: &mut Vec<u8>) {
    if let Protocol::Wmbus | Protocol::Mbus = protocol
        && let Ok(outline) = esh_wmbus::link::recognise(frame, mbus_framing(framing))
    {
        let len = outline.strip(frame).len();
        frame.truncate(len);
    }
}

const fn mbus_framing(framing: Option<Framing>) -> esh_wmbus::Framing {
    match framing {
        None => esh_wmbus::Framing::Recognise,
        Some(Framing::A) => esh_wmbus::Framing::FormatA,
        Some(Framing::B) => esh_wmbus::Framing::FormatB,
        // What comes out of a line code is a frame with its CRCs, of either format.
        Some(Framing::ThreeOutOfSix | Framing::Manchester) => esh_wmbus::Framing::Recognise,
        Some(Framing::None) => esh_wmbus::Framing::WithoutCrc,
        Some(Framing::Wired) => esh_wmbus::Framing::Wired,
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

/// What reads a content; `None` for what nobody here reads.
#[must_use]
pub fn format_for(content: Content) -> Option<&'static dyn Format> {
    esh_wmbus::format_for(content)
}
