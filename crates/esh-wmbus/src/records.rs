//! The records of a payload, one after the other: what most meters send.

use crate::crc::Crc;
use crate::history::Dates;
use crate::layout;
use crate::reader::Reader;
use crate::walk::{Header, Next, Run, next};
use esh_core::{DecodeError, Format, Input, Known, Layer, Meter, Out};

/// Reads M-Bus records with their headers: EN 13757-3, clause 6.
///
/// Each record becomes one reading, a compact profile one for each of its values; what only the maker can explain stays
/// as octets. Headers that are not known yet ([`Known::has_layout`]) are handed to [`Out::learned`], for compact frames to
/// come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Records;

impl Format for Records {
    fn read<'p>(
        &self,
        meter: Option<&Meter>,
        payload: &'p [u8],
        offset: usize,
        known: &'p dyn Known,
        out: &mut dyn Out<'p>,
    ) -> Result<(), DecodeError> {
        let start = Input::new(payload, offset, Layer::Application);
        let mut dates = None;
        Dates::gather(start, &mut dates);
        let reader = Reader::new(meter, dates.as_ref(), Run::Full(start), out);
        let teaches = out.wants_layouts();
        let mut signature = Crc::NEW;
        let mut input = start;
        let mut header = Header::NONE;
        loop {
            match next(&mut input, &mut header)? {
                Next::Record(value, raw) => {
                    if teaches {
                        signature = signature.and(header.octets);
                    }
                    reader.record(&header, &value, raw, out);
                }
                Next::Maker(octets) => reader.maker(&octets, out),
                Next::End => break,
            }
        }
        if teaches && !known.has_layout(meter, signature.value()) {
            layout::teach(start, signature.value(), out);
        }
        Ok(())
    }
}

/// Whether more records follow in the next telegram of the meter: DIF 1F, EN 13757-3, table 6.
///
/// # Errors
/// Where reading had to stop before the end of the records.
pub fn more_follows(payload: &[u8]) -> Result<bool, DecodeError> {
    let mut input = Input::new(payload, 0, Layer::Application);
    let mut header = Header::NONE;
    loop {
        match next(&mut input, &mut header)? {
            Next::Record(..) => {}
            Next::Maker(octets) => return Ok(octets.rest().first() == Some(&0x1f)),
            Next::End => return Ok(false),
        }
    }
}
