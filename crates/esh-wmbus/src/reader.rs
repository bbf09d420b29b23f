//! What makes readings of records: all that holds for a whole payload.

use crate::explain;
use crate::history::Dates;
use crate::profile;
use crate::quantity::canonical;
use crate::status;
use crate::value::{self, Raw};
use crate::vif::{Profile, Reads};
use crate::walk::{Header, Run};
use esh_core::{CivilTime, Input, Medium, Meter, Origin, Out, Quality, Quantity, Reading, Register, Unit, Value};

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
