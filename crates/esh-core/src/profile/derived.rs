//! Values that are made of others.

use super::Body;
use super::body::product;
use super::slots::Slots;
use crate::{Decimal, Origin, Out, Reading, Text, Value};

/// A value that is made of others.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Derived {
    /// Its name; empty for none.
    pub name: &'static str,
    /// How it is made.
    pub makes: Makes,
    /// What it means; its scale comes last.
    pub body: Body,
}

/// How a value is made, of fields by their slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Makes {
    /// All of them together.
    Sum(&'static [u8]),
    /// The first without the others.
    Difference(&'static [u8]),
    /// The first multiplied by the others.
    Product(&'static [u8]),
}

impl Makes {
    /// The value; `None` when one of the fields has none.
    fn value(self, slots: &Slots) -> Option<Decimal> {
        let (Self::Sum(of) | Self::Difference(of) | Self::Product(of)) = self;
        let (first, others) = of.split_first()?;
        let first = slots.get(*first).value()?;
        others.iter().try_fold(first, |value, slot| {
            let other = slots.get(*slot).value()?;
            match self {
                Self::Sum(_) => value.plus(other),
                Self::Difference(_) => value.plus(other.times(-1)?),
                Self::Product(_) => product(value, other).ok(),
            }
        })
    }
}

/// Hands over each of the values that can be made.
pub(super) fn all<'p>(derived: &[Derived], offset: usize, slots: &Slots, out: &mut dyn Out<'p>) {
    for Derived { name, makes, body } in derived {
        let Some(made) = makes.value(slots) else { continue };
        let origin = Origin { octets: &[], header: &[], offset };
        let (value, quality, unrounded) = match body.value(made, made.to_i64().map(i128::from), slots) {
            Ok(worth) => (worth.value, crate::Quality::Good, worth.unrounded.map(|raw| (raw, body.unit))),
            Err(quality) => (Value::Absent, quality, None),
        };
        let reading = Reading {
            function: body.function,
            register: body.register(slots),
            qualifiers: body.qualifiers,
            at: body.time.and_then(|time| time.find(slots)),
            quality,
            label: if name.is_empty() { None } else { Some(Text::utf8(name)) },
            ..Reading::new(body.quantity, value, body.unit, origin)
        };
        let reading = reading.in_canonical_unit();
        out.reading(Reading { unrounded: reading.unrounded.or(unrounded), ..reading });
    }
}
