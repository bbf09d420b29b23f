//! Compact frames: values whose headers a full frame told before.

use crate::explain;
use crate::history::Dates;
use crate::layout::Crc;
use crate::records::{FILLER, Header, Reader, between};
use crate::value;
use crate::well_known;
use esh_core::{DecodeError, Format, Input, Known, Layer, Meter, Out, Reason};

/// Reads M-Bus values without their headers: EN 13757-3, annex G (CI 73, 79 and 7B).
///
/// The signature in front names the headers: those that [`Known::layout`] gives, else the published ones of meters that
/// send nothing but compact frames. The CRC over the full frame proves that they are the right ones before a reading
/// is handed over.
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
        let unknown = start.error("format signature", Reason::UnknownFormat(signature.into()));
        let mut refused = unknown;
        let candidates = [known.layout(meter, signature), well_known::headers(signature)];
        for headers in candidates.into_iter().flatten() {
            match check(headers, input, &at_crc, crc) {
                Ok(dates) => {
                    let reader = Reader::new(meter, dates.as_ref(), out);
                    return read(headers, input, &reader, out);
                }
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }
}

/// Whether headers and values make up the frame that the CRC was taken of; the dates in it.
fn check(headers: &[u8], values: Input<'_>, at_crc: &Input<'_>, crc: u16) -> Result<Option<Dates>, DecodeError> {
    let (mut headers, mut values) = (Input::new(headers, 0, Layer::Application), values);
    let mut computed = Crc::NEW;
    let mut dates = None;
    while !headers.is_empty() {
        let header = Header::read(&mut headers).map_err(|error| DecodeError { offset: at_crc.offset(), ..error })?;
        let start = values;
        let raw = value::take(&mut values, header.dif.coding)?;
        computed = computed.and(header.octets).and(between(&start, &values));
        Dates::note(&mut dates, &header, raw);
    }
    let computed = computed.value();
    if computed != crc {
        let reason = Reason::Checksum { found: crc.into(), computed: computed.into() };
        return Err(at_crc.error("full frame CRC", reason));
    }
    while values.peek() == Some(FILLER) {
        values.u8("filler")?;
    }
    values.end("values")?;
    Ok(dates)
}

/// Hands over what [`check`] has found right.
fn read<'p>(
    headers: &'p [u8],
    mut values: Input<'p>,
    reader: &Reader<'_>,
    out: &mut dyn Out<'p>,
) -> Result<(), DecodeError> {
    let mut headers = Input::new(headers, 0, Layer::Application);
    while !headers.is_empty() {
        let header = Header::read(&mut headers)?;
        let start = values;
        let raw = value::take(&mut values, header.dif.coding)?;
        let octets = Input::new(between(&start, &values), start.offset(), start.layer());
        reader.record(&header, &octets, raw, out);
    }
    Ok(())
}
