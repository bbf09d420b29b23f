//! The records of a payload, one after the other: what most meters send.

use crate::crc::Crc;
use crate::dif::{Coding, Dif};
use crate::explain;
use crate::history::Dates;
use crate::layout;
use crate::profile;
use crate::quantity::canonical;
use crate::status;
use crate::value::{self, Raw};
use crate::vif::{Profile, Reads, Vif};
use esh_core::{
    CivilTime, DecodeError, Format, Function, Input, Known, Layer, Medium, Meter, Origin, Out, Quality, Quantity,
    Reading, Reason, Register, Unit, Value,
};

/// Reads M-Bus records with their headers: EN 13757-3, clause 6.
///
/// Each record becomes one reading, a compact profile one for each of its values; what only the maker can explain stays
/// as octets. Headers that [`Known::layout`] does
/// not have yet are handed to [`Out::learned`], for compact frames to come.
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

/// What makes readings of records: all that holds for a whole payload.
pub(crate) struct Reader<'d> {
    medium: Option<Medium>,
    pub(crate) dates: Option<&'d Dates>,
    pub(crate) run: Run<'d>,
    pub(crate) explain: bool,
    doubts: bool,
}

impl<'d> Reader<'d> {
    pub(crate) fn new(meter: Option<&Meter>, dates: Option<&'d Dates>, run: Run<'d>, out: &dyn Out<'_>) -> Self {
        let medium = meter.and_then(|meter| meter.medium);
        Self { medium, dates, run, explain: out.wants_fields(), doubts: false }
    }

    /// The same for a payload that does not fit its CRC: no reading is good.
    pub(crate) fn doubting(self) -> Self {
        Self { doubts: true, ..self }
    }

    /// Hands over the readings of a record; `octets` are those of the record as far as they stand in this frame.
    #[inline(always)]
    pub(crate) fn record<'p>(&self, header: &Header<'p>, octets: &Input<'p>, raw: Raw<'p>, out: &mut dyn Out<'p>) {
        if header.vif.modifiers.profile as u8 == Profile::None as u8 {
            self.single(header, octets, raw, out);
        } else {
            profile::read(self, header, octets, raw, out);
        }
    }

    /// Hands over the one reading of a record.
    #[inline(always)]
    pub(crate) fn single<'p>(&self, header: &Header<'p>, octets: &Input<'p>, raw: Raw<'p>, out: &mut dyn Out<'p>) {
        let Header { dif, vif, .. } = header;
        let (meaning, modifiers) = (&vif.meaning, &vif.modifiers);
        let exponent = meaning.exponent.saturating_add(modifiers.exponent);
        let found = value::read(raw, meaning.reads, exponent, modifiers);
        let at = match self.dates {
            Some(dates) if meaning.reads != Reads::Time => dates.of(dif.register, dif.function),
            _ => None,
        };
        let origin = Origin { octets: octets.rest(), header: header.octets, offset: octets.offset() };
        let reading = self.reading(header, dif.register, found, at, origin, out);
        if self.explain {
            explain::record(header, octets, &reading(), out);
        }
        out.reading(reading());
    }

    /// What makes the reading of a value that has been found in a record; alarms that it stands for are handed over.
    #[inline(always)]
    pub(crate) fn reading<'p>(
        &self,
        header: &Header<'p>,
        register: Register,
        (mut value, quality): (Value<'p>, Quality),
        at: Option<CivilTime>,
        origin: Origin<'p>,
        out: &mut dyn Out<'p>,
    ) -> impl Fn() -> Reading<'p> + use<'p> {
        let (function, vif) = (header.dif.function, &header.vif);
        let (meaning, modifiers) = (&vif.meaning, &vif.modifiers);
        let quality = if self.doubts { Quality::Malformed } else { quality };
        let quantity = if modifiers.estranged {
            Quantity::Unknown
        } else {
            canonical(meaning.quantity, self.medium, modifiers.qualifiers, function, register)
        };
        let (mut unit, mut unrounded) = (meaning.unit, None);
        match value {
            Value::Number(number) => {
                let converted = unit.convert(number, quantity.unit());
                if converted.rounded {
                    unrounded = Some((number, unit));
                }
                (value, unit) = (Value::Number(converted.value), converted.unit);
            }
            Value::Absent | Value::Flags(_) => unit = unit.canonical(),
            _ => unit = Unit::None,
        }
        if matches!(quantity, Quantity::StatusFlags | Quantity::TimeDevice) {
            status::alarms_of_value(self.medium, &value, quality, modifiers.qualifiers, out);
        }
        let (qualifiers, label) = (modifiers.qualifiers, vif.text);
        move || Reading { quantity, value, unit, function, register, qualifiers, at, quality, unrounded, label, origin }
    }

    /// Hands over the manufacturer's data, as octets.
    pub(crate) fn maker<'p>(&self, octets: &Input<'p>, out: &mut dyn Out<'p>) {
        let Some((dif, data)) = octets.rest().split_first() else { return };
        if self.explain {
            explain::maker(*dif, octets, data, out);
        }
        if data.is_empty() {
            return;
        }
        let header = octets.rest().get(..1).unwrap_or_default();
        let origin = Origin { octets: octets.rest(), header, offset: octets.offset() };
        out.reading(Reading::new(Quantity::ManufacturerSpecific, Value::Octets(data), Unit::None, origin));
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
