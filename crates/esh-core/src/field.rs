//! Fields: what each octet of a frame means, for those who look at one.

use crate::Layer;
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
    /// Its name in the `opened` object of a report; empty for one that does not stand there.
    pub key: &'static str,
    /// What it holds.
    pub value: FieldValue<'a>,
    /// What that means, in words; empty when the value says it.
    pub meaning: &'a dyn fmt::Display,
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
}

impl fmt::Display for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Text(text) => text.fmt(f),
            Self::Octets(octets) => octets.iter().try_for_each(|octet| write!(f, "{octet:02x}")),
        }
    }
}
