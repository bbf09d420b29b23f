//! Field notes: what each octet means, for those who want to see it.

use crate::{Alarms, Decimal, Field, FieldValue, Layer, Learned, Out};
use core::fmt;

/// Hands fields to an [`Out`] that wants them, and costs nothing otherwise.
pub struct Notes<'n, 'o> {
    out: &'n mut dyn Out<'o>,
    wanted: bool,
}

/// Where a field stands and what it is called: a [`Field`] without what it holds.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Its layer.
    pub layer: Layer,
    /// The octet of the frame where it begins.
    pub offset: usize,
    /// How many octets it has.
    pub len: usize,
    /// Its name, in the standard's own words.
    pub name: &'static str,
    /// Its name in the `opened` object; see [`Field::key`].
    pub key: &'a str,
}

/// A place, in one line.
#[must_use]
pub const fn at<'a>(layer: Layer, offset: usize, len: usize, name: &'static str, key: &'a str) -> Place<'a> {
    Place { layer, offset, len, name, key }
}

impl<'n, 'o> Notes<'n, 'o> {
    /// Notes for that taker.
    pub fn new(out: &'n mut dyn Out<'o>) -> Self {
        let wanted = out.wants_fields();
        Self { out, wanted }
    }

    /// Whether anybody wants them.
    #[must_use]
    pub const fn wanted(&self) -> bool {
        self.wanted
    }

    /// A whole number.
    pub fn number(&mut self, place: Place<'_>, number: impl Into<u64>, meaning: &dyn fmt::Display) {
        if self.wanted {
            self.field(place, FieldValue::Number(number.into()), meaning);
        }
    }

    /// A name or a word.
    pub fn text(&mut self, place: Place<'_>, text: &dyn fmt::Display, meaning: &dyn fmt::Display) {
        if self.wanted {
            self.field(place, FieldValue::Text(text), meaning);
        }
    }

    /// Octets as they stand.
    pub fn octets(&mut self, place: Place<'_>, octets: &[u8], meaning: &dyn fmt::Display) {
        if self.wanted {
            self.field(place, FieldValue::Octets(octets), meaning);
        }
    }

    /// Yes or no.
    pub fn flag(&mut self, place: Place<'_>, flag: bool, meaning: &dyn fmt::Display) {
        if self.wanted {
            self.field(place, FieldValue::Flag(flag), meaning);
        }
    }

    /// A whole number with a sign.
    pub fn signed(&mut self, place: Place<'_>, number: impl Into<i64>, meaning: &dyn fmt::Display) {
        if self.wanted {
            self.field(place, FieldValue::Signed(number.into()), meaning);
        }
    }

    /// An exact number.
    pub fn decimal(&mut self, place: Place<'_>, number: Decimal, meaning: &dyn fmt::Display) {
        if self.wanted {
            self.field(place, FieldValue::Decimal(number), meaning);
        }
    }

    /// Nothing, where something could stand.
    pub fn null(&mut self, place: Place<'_>, meaning: &dyn fmt::Display) {
        if self.wanted {
            self.field(place, FieldValue::Null, meaning);
        }
    }

    /// An object: its members are what `members` notes.
    pub fn object(&mut self, place: Place<'_>, members: impl FnOnce(&mut Self)) {
        self.nested(place, FieldValue::Object, members);
    }

    /// An array: its elements are what `elements` notes under the key [`Field::ELEMENT`].
    pub fn array(&mut self, place: Place<'_>, elements: impl FnOnce(&mut Self)) {
        self.nested(place, FieldValue::Array, elements);
    }

    fn nested(&mut self, place: Place<'_>, begin: FieldValue<'_>, inside: impl FnOnce(&mut Self)) {
        if self.wanted {
            self.field(place, begin, &"");
            inside(self);
            self.field(place, FieldValue::End, &"");
        }
    }

    /// What the frame teaches, passed on.
    pub fn learned(&mut self, learned: Learned<'_>) {
        self.out.learned(learned);
    }

    /// States of the meter, of those that the frame speaks of; passed on.
    pub fn alarms(&mut self, alarms: Alarms, of: Alarms) {
        if !alarms.is_empty() {
            self.out.alarms(alarms);
        }
        self.out.no_alarms(of.minus(alarms));
    }

    #[cold]
    fn field(&mut self, place: Place<'_>, value: FieldValue<'_>, meaning: &dyn fmt::Display) {
        let Place { layer, offset, len, name, key } = place;
        self.out.field(Field { layer, offset, len, name, key, value, meaning });
    }
}
