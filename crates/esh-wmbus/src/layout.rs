//! Layouts: the headers of full frames, by which compact frames are understood.

use crate::walk::{self, FILLER, Header, Next, check_header};
use esh_core::{DecodeError, Format, Input, Known, Layer, Learned, Meter, Out, Reason};

/// More headers than any frame holds.
const LIMIT: usize = 256;

/// Hands over the headers of a full frame, one after the other: EN 13757-3, annex G.
#[inline(never)]
pub(crate) fn teach(mut input: Input<'_>, signature: u16, out: &mut dyn Out<'_>) {
    let mut headers = [0; LIMIT];
    let mut len = 0;
    let mut header = Header::NONE;
    while let Ok(Next::Record(..)) = walk::next(&mut input, &mut header) {
        let end = len + header.octets.len();
        let Some(place) = headers.get_mut(len..end) else { return };
        place.copy_from_slice(header.octets);
        len = end;
    }
    if let Some(headers @ [_, ..]) = headers.get(..len) {
        out.learned(Learned::Layout { signature, headers });
    }
}

/// Reads record headers without values, a format frame: EN 13757-3, annex G.
///
/// It gives no reading; it teaches what its compact frames mean.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordLayout;

impl Format for RecordLayout {
    /// The payload is an optional length, the signature and the headers; the signature tells which.
    fn read<'p>(
        &self,
        meter: Option<&Meter>,
        payload: &'p [u8],
        offset: usize,
        known: &'p dyn Known,
        out: &mut dyn Out<'p>,
    ) -> Result<(), DecodeError> {
        let _ = (meter, known);
        let mut input = Input::new(payload, offset, Layer::Application);
        // The check octets of the security layer stand outside the format.
        while input.peek() == Some(FILLER) {
            input.u8("filler")?;
        }
        let start = input;
        let mut behind_length = input;
        let length = behind_length.u8("length of the format")?;
        if usize::from(length) == behind_length.len() && fits(behind_length) {
            input = behind_length;
        }
        let signature = input.u16_le("format signature")?;
        let headers = input.rest();
        let computed = crate::crc(headers);
        if signature != computed {
            let reason = Reason::Checksum { found: signature.into(), computed: computed.into() };
            return Err(start.error("format signature", reason));
        }
        check(input)?;
        out.learned(Learned::Layout { signature, headers });
        Ok(())
    }
}

fn fits(mut input: Input<'_>) -> bool {
    input.u16_le("format signature").is_ok_and(|signature| signature == crate::crc(input.rest()))
}

/// Whether the octets are headers, to the last.
fn check(mut input: Input<'_>) -> Result<(), DecodeError> {
    let mut header = Header::NONE;
    while !input.is_empty() {
        let start = input;
        header.read(&mut input)?;
        check_header(&header, &start)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::{Ignore, NothingKnown};

    #[test]
    fn the_crc_has_its_published_check_value() {
        assert_eq!(crate::crc(b"123456789"), 0xc2b7);
    }

    #[test]
    fn a_format_frame_is_checked_by_its_signature() {
        let headers = [0x04, 0x13, 0x02, 0x3b];
        let [low, high] = crate::crc(&headers).to_le_bytes();
        let read = |payload: &'static [u8]| RecordLayout.read(None, payload, 0, &NothingKnown, &mut Ignore);
        let mut payload = std::vec![low, high];
        payload.extend(headers);
        assert_eq!(read(payload.clone().leak()), Ok(()));
        payload.insert(0, 6);
        assert_eq!(read(payload.clone().leak()), Ok(()));
        payload.push(0);
        assert!(matches!(read(payload.leak()).unwrap_err().reason, Reason::Checksum { .. }));
    }
}
