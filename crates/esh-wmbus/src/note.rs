//! Field notes: what each octet means, for those who want to see it.

use core::fmt;
use esh_core::{Alarms, Field, FieldValue, Layer, Learned, Out};

/// Hands fields to an [`Out`] that wants them, and costs nothing otherwise.
pub(crate) struct Notes<'n, 'o> {
    out: &'n mut dyn Out<'o>,
    wanted: bool,
}

/// Where a field stands and what it is called.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) layer: Layer,
    pub(crate) offset: usize,
    pub(crate) len: usize,
    pub(crate) name: &'static str,
    pub(crate) key: &'static str,
}

/// A place, in one line.
pub(crate) const fn at(layer: Layer, offset: usize, len: usize, name: &'static str, key: &'static str) -> Place {
    Place { layer, offset, len, name, key }
}

impl<'n, 'o> Notes<'n, 'o> {
    pub(crate) fn new(out: &'n mut dyn Out<'o>) -> Self {
        let wanted = out.wants_fields();
        Self { out, wanted }
    }

    pub(crate) const fn wanted(&self) -> bool {
        self.wanted
    }

    pub(crate) fn number(&mut self, place: Place, number: impl Into<u64>, meaning: &dyn fmt::Display) {
        if self.wanted {
            self.field(place, FieldValue::Number(number.into()), meaning);
        }
    }

    pub(crate) fn text(&mut self, place: Place, text: &dyn fmt::Display, meaning: &dyn fmt::Display) {
        if self.wanted {
            self.field(place, FieldValue::Text(text), meaning);
        }
    }

    pub(crate) fn octets(&mut self, place: Place, octets: &[u8], meaning: &dyn fmt::Display) {
        if self.wanted {
            self.field(place, FieldValue::Octets(octets), meaning);
        }
    }

    pub(crate) fn flag(&mut self, place: Place, flag: bool, meaning: &dyn fmt::Display) {
        if self.wanted {
            self.field(place, FieldValue::Flag(flag), meaning);
        }
    }

    pub(crate) fn learned(&mut self, learned: Learned<'_>) {
        self.out.learned(learned);
    }

    pub(crate) fn alarms(&mut self, alarms: Alarms) {
        self.out.alarms(alarms);
    }

    #[cold]
    fn field(&mut self, place: Place, value: FieldValue<'_>, meaning: &dyn fmt::Display) {
        let Place { layer, offset, len, name, key } = place;
        self.out.field(Field { layer, offset, len, name, key, value, meaning });
    }
}
