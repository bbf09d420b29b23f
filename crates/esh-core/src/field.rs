//! Fields: what each octet of a frame means, for those who look at one.

use crate::{Decimal, Layer};
use core::fmt;

/// A field of a frame: where it stands, what it is called, what it says.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    /// Its layer.
    pub layer: Layer,
    /// The octet of the frame where it begins.
    pub offset: usize,
    /// How many octets it has.
    pub len: usize,
    /// Its name, in the standard's own words.
    pub name: &'static str,
    /// Its name in the `opened` object of a report, or in the object it stands in; empty for one that stands in neither,
    /// [`Self::ELEMENT`] in an array.
    pub key: &'a str,
    /// What it holds.
    pub value: FieldValue<'a>,
    /// What that means, in words; empty when the value says it.
    pub meaning: &'a dyn fmt::Display,
}

impl Field<'_> {
    /// The key of an element of an array.
    pub const ELEMENT: &'static str = "[]";
}

/// What a field holds.
#[derive(Clone, Copy)]
pub enum FieldValue<'a> {
    /// A whole number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// A name or a word.
    Text(&'a dyn fmt::Display),
    /// Octets, as they stand.
    Octets(&'a [u8]),
    /// A whole number with a sign.
    Signed(i64),
    /// An exact number.
    Decimal(Decimal),
    /// Nothing, where something could stand.
    Null,
    /// Text that is JSON already.
    Json(&'a str),
    /// An object begins: the fields up to its [`Self::End`] are its members.
    Object,
    /// An array begins: the fields up to its [`Self::End`] are its elements.
    Array,
    /// The innermost object or array ends.
    End,
}

impl fmt::Display for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Text(text) => text.fmt(f),
            Self::Signed(number) => write!(f, "{number}"),
            Self::Decimal(number) => number.fmt(f),
            Self::Null => f.write_str("none"),
            Self::Json(text) => f.write_str(text),
            Self::Object | Self::Array | Self::End => Ok(()),
            Self::Octets(octets) => octets.iter().try_for_each(|octet| write!(f, "{octet:02x}")),
        }
    }
}
