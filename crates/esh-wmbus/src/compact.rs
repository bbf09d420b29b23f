//! Compact frames: values whose headers a full frame told before.

use crate::crc::Crc;
use crate::explain;
use crate::history::Dates;
use crate::reader::Reader;
use crate::value;
use crate::walk::{FILLER, Header, Run, between};
use crate::well_known;
use esh_core::{DecodeError, Format, Input, Known, Layer, Meter, Out, Reason};

/// Reads M-Bus values without their headers: EN 13757-3, annex G (CI 73, 79 and 7B).
///
/// The signature in front names the headers: those that [`Known::layout`] gives, else the published ones of meters that
/// send nothing but compact frames. The CRC over the full frame proves that they are the right ones; where it does not
/// fit, no reading is good.
#[derive(Clone, Copy, Debug, Default)]
pub struct CompactRecords;

impl Format for CompactRecords {
    fn read<'p>(
        &self,
        meter: Option<&Meter>,
        payload: &'p [u8],
        offset: usize,
        known: &'p dyn Known,
        out: &mut dyn Out<'p>,
    ) -> Result<(), DecodeError> {
        let mut input = Input::new(payload, offset, Layer::Application);
        // Decrypted, the check octets of the security layer stand in front.
        if let [FILLER, FILLER, ..] = payload {
            input.u16_le("check octets")?;
        }
        let start = input;
        let signature = input.u16_le("format signature")?;
        let at_crc = input;
        let crc = input.u16_le("full frame CRC")?;
        if out.wants_fields() {
            explain::compact(&start, signature, crc, out);
        }
        let mut refused = start.error("format signature", Reason::UnknownFormat(signature.into()));
        let mut doubtful = None;
        let candidates = [known.layout(meter, signature), well_known::headers(signature)];
        for headers in candidates.into_iter().flatten() {
            match check(headers, input) {
                Ok((computed, dates)) if computed == crc => {
                    let run = run(headers, input);
                    return read(headers, input, &Reader::new(meter, dates.as_ref(), run, out), out);
                }
                Ok((computed, dates)) => {
                    let reason = Reason::Checksum { found: crc.into(), computed: computed.into() };
                    refused = at_crc.error("full frame CRC", reason);
                    doubtful = Some((headers, dates));
                }
                Err(error) => refused = error,
            }
        }
        // Signature and lengths fit, the CRC does not: what it looks like is told, each value marked, and the error.
        if let Some((headers, dates)) = doubtful {
            let run = run(headers, input);
            read(headers, input, &Reader::new(meter, dates.as_ref(), run, out).doubting(), out)?;
        }
        Err(refused)
    }
}

fn run<'a>(headers: &'a [u8], values: Input<'a>) -> Run<'a> {
    Run::Compact(Input::new(headers, 0, Layer::Application), values)
}

/// Whether values and headers fit each other in length; the CRC of the frame they make up, and the dates in it.
fn check(headers: &[u8], mut values: Input<'_>) -> Result<(u16, Option<Dates>), DecodeError> {
    let at_values = values.offset();
    let mut headers = Input::new(headers, 0, Layer::Application);
    let mut header = Header::NONE;
    let mut computed = Crc::NEW;
    let mut dates = None;
    while !headers.is_empty() {
        // The headers have no place in this frame.
        header.read(&mut headers).map_err(|error| DecodeError { offset: at_values, ..error })?;
        let start = values;
        let raw = value::take(&mut values, header.dif.coding)?;
        computed = computed.and(header.octets).and(between(&start, &values));
        Dates::note(&mut dates, &header, raw);
    }
    while values.peek() == Some(FILLER) {
        values.u8("filler")?;
    }
    values.end("values")?;
    Ok((computed.value(), dates))
}

/// Hands over what [`check`] has found right.
fn read<'p>(
    headers: &'p [u8],
    mut values: Input<'p>,
    reader: &Reader<'_>,
    out: &mut dyn Out<'p>,
) -> Result<(), DecodeError> {
    let mut headers = Input::new(headers, 0, Layer::Application);
    let mut header = Header::NONE;
    while !headers.is_empty() {
        header.read(&mut headers)?;
        let start = values;
        let raw = value::take(&mut values, header.dif.coding)?;
        let octets = Input::new(between(&start, &values), start.offset(), start.layer());
        reader.record(&header, &octets, raw, out);
    }
    Ok(())
}
