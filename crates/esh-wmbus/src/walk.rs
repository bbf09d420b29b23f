//! The walk through the records of a payload: header after header, value after value.

use crate::dif::{Coding, Dif};
use crate::value::{self, Raw};
use crate::vif::Vif;
use esh_core::{DecodeError, Function, Input, Quantity, Reason, Register};

/// A record header: what a value is, EN 13757-3, 6.2.
pub(crate) struct Header<'a> {
    pub(crate) dif: Dif,
    pub(crate) vif: Vif<'a>,
    /// The octets from the DIF to the last VIFE.
    pub(crate) octets: &'a [u8],
}

impl<'a> Header<'a> {
    /// A place for a header.
    pub(crate) const NONE: Self = Self { dif: Dif::NONE, vif: Vif::NONE, octets: &[] };

    /// Reads a header.
    ///
    /// # Errors
    /// A reserved DIF, too many extensions, or the end of the octets.
    #[inline(always)]
    pub(crate) fn read(&mut self, input: &mut Input<'a>) -> Result<(), DecodeError> {
        let start = *input;
        self.dif = Dif::read(input)?;
        self.vif.read(input, &self.dif)?;
        self.octets = between(&start, input);
        Ok(())
    }
}

/// The octets read between two places of one input.
#[inline]
pub(crate) fn between<'a>(start: &Input<'a>, end: &Input<'a>) -> &'a [u8] {
    start.rest().get(..start.len() - end.len()).unwrap_or_default()
}

/// What comes next in a payload.
pub(crate) enum Next<'a> {
    /// The octets of a record from the DIF on, and its value.
    Record(Input<'a>, Raw<'a>),
    /// The manufacturer's data to the end of the payload, with its DIF.
    Maker(Input<'a>),
    /// Nothing.
    End,
}

/// Reads on; fillers and requests for a global readout are passed over. The header of a record is put where the caller
/// keeps it, and not moved: a header is an eighth of a kilobyte.
#[inline(always)]
pub(crate) fn next<'a>(input: &mut Input<'a>, header: &mut Header<'a>) -> Result<Next<'a>, DecodeError> {
    loop {
        match input.peek() {
            None => return Ok(Next::End),
            Some(FILLER | 0x7f) => {
                input.u8("DIF")?;
            }
            Some(0x0f | 0x1f) => {
                let octets = *input;
                input.take("manufacturer data", input.len())?;
                return Ok(Next::Maker(octets));
            }
            Some(_) => {
                let start = *input;
                header.read(input)?;
                let raw = value::take(input, header.dif.coding)?;
                let record = Input::new(between(&start, input), start.offset(), start.layer());
                return Ok(Next::Record(record, raw));
            }
        }
    }
}

/// The idle filler, a DIF without a record.
pub(crate) const FILLER: u8 = 0x2f;

/// All records of a payload, to be gone through once more for what one record needs of the others.
#[derive(Clone, Copy)]
pub(crate) enum Run<'a> {
    /// Records with their headers.
    Full(Input<'a>),
    /// Headers told before, and values.
    Compact(Input<'a>, Input<'a>),
}

impl<'a> Run<'a> {
    /// The first that is found in a record.
    pub(crate) fn find<T>(self, mut wanted: impl FnMut(&Header<'a>, Raw<'a>) -> Option<T>) -> Option<T> {
        let mut header = Header::NONE;
        match self {
            Self::Full(mut input) => {
                while let Ok(Next::Record(_, raw)) = next(&mut input, &mut header) {
                    if let Some(found) = wanted(&header, raw) {
                        return Some(found);
                    }
                }
            }
            Self::Compact(mut headers, mut values) => {
                while !headers.is_empty() {
                    header.read(&mut headers).ok()?;
                    let raw = value::take(&mut values, header.dif.coding).ok()?;
                    if let Some(found) = wanted(&header, raw) {
                        return Some(found);
                    }
                }
            }
        }
        None
    }
}

/// Whether a DIF may stand in a list of headers.
///
/// # Errors
/// A coding that has no place there.
pub(crate) fn check_header(header: &Header<'_>, input: &Input<'_>) -> Result<(), DecodeError> {
    if header.dif.coding == Coding::SELECTION {
        return Err(input.error("DIF", Reason::Malformed));
    }
    Ok(())
}

/// The register a date speaks of, where it is a plain date.
pub(crate) fn dated(header: &Header<'_>) -> Option<(Register, Function)> {
    let Header { dif, vif, .. } = header;
    let plain = vif.meaning.quantity == Quantity::TimeDevice && vif.modifiers.qualifiers.is_empty();
    let past = dif.register.storage > 0 || dif.function != Function::Instantaneous;
    (plain && past).then_some((dif.register, dif.function))
}
