//! Conditions: whether a message, a field, a group or an entry is there.

use super::body::cut;
use super::slots::Slots;
use super::walk::Region;
use super::{Integer, Octets, Place};

/// Something that must hold.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Condition {
    /// Of a number.
    Number {
        /// Which.
        looks: Looks,
        /// The lowest bit of it.
        first: u8,
        /// How many bits; 64 for the number with its sign.
        count: u8,
        /// What it must be.
        test: Test,
    },
    /// The payload, or the element, has one of these lengths.
    Length(&'static [Octets]),
    /// At least so many octets are left.
    Left(u16),
}

/// Where a condition looks.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Looks {
    /// At octets.
    At(Place, Integer),
    /// At a field that was read before, by its slot.
    Field(u8),
}

/// What a number must be.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Test {
    /// One of these.
    OneOf(&'static [i128]),
    /// None of these.
    NoneOf(&'static [i128]),
    /// Within, both included.
    Within(i128, i128),
}

/// Whether all of them hold for what would begin at `position`.
pub(super) fn all(conditions: &[Condition], payload: &[u8], region: &Region, position: usize, slots: &Slots) -> bool {
    conditions.iter().all(|condition| condition.holds(payload, region, position, slots))
}

impl Condition {
    fn holds(&self, payload: &[u8], region: &Region, position: usize, slots: &Slots) -> bool {
        match *self {
            Self::Number { looks, first, count, test } => {
                let number = match looks {
                    Looks::At(place, integer) => region.find(place, position, position).and_then(|start| {
                        let octets = payload.get(start..region.end)?;
                        integer.number(integer.bits(octets)?).map(|number| {
                            if count >= 64 { number } else { super::holds::cut(number as u64, first, count).into() }
                        })
                    }),
                    Looks::Field(slot) => cut(slots.get(slot), first, count),
                };
                number.is_some_and(|number| match test {
                    Test::OneOf(numbers) => numbers.contains(&number),
                    Test::NoneOf(numbers) => !numbers.contains(&number),
                    Test::Within(least, most) => (least..=most).contains(&number),
                })
            }
            Self::Length(lengths) => lengths.iter().any(|length| length.holds(region.end.saturating_sub(region.start))),
            Self::Left(least) => region.end.saturating_sub(position) >= usize::from(least),
        }
    }
}
