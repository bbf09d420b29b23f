//! The layout of a message: fields, groups, streams of entries, other formats inside.

use super::{Back, Condition, Field, Place, Source, TimeOf};

/// A part of a layout.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[allow(clippy::large_enum_variant, reason = "most parts are fields, and a box would need an allocator")]
pub enum Step {
    /// A field.
    Field(Field),
    /// Fields that come several times.
    Repeat(Repeat),
    /// Entries with tags.
    Stream(Stream),
    /// Another format.
    Nested(Nested),
}

/// How long something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Octets {
    /// At least.
    pub min: u16,
    /// At most.
    pub max: u16,
}

impl Octets {
    /// Exactly so long.
    #[must_use]
    pub const fn exactly(octets: u16) -> Self {
        Self { min: octets, max: octets }
    }

    pub(super) const fn holds(self, length: usize) -> bool {
        length >= self.min as usize && length <= self.max as usize
    }
}

/// Fields that come several times.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Repeat {
    /// Where the first begins.
    pub at: Place,
    /// Where the last ends at the latest.
    pub end: Option<Place>,
    /// When it is there at all.
    pub when: &'static [Condition],
    /// How often.
    pub times: Times,
    /// Whether each is before the one in front of it.
    pub newest_first: bool,
    /// The time of the first.
    pub time: Option<TimeOf>,
    /// How far they are apart.
    pub every: Every,
    /// How many steps the first is away from its time.
    pub first: i16,
    /// What is added to the storage number from one to the next.
    pub storage_step: i32,
    /// What is added to the tariff.
    pub tariff_step: i32,
    /// What is added to the subunit.
    pub subunit_step: i32,
    /// Each is one field of so many bits, and they run on over the octets; 0 for whole octets.
    pub bits: u8,
    /// What stands in each.
    pub steps: &'static [Step],
    /// The slots of what stands in each: the first, and the one behind the last.
    pub slots: (u8, u8),
    /// The slots of sums, which begin anew with the group.
    pub sums: (u8, u8),
    /// Whether something in an element refers to what stands behind it there.
    pub looks_ahead: bool,
}

/// How often something comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Times {
    /// So often.
    Is(u16),
    /// As often as all of so many octets is there.
    Rest(u16),
    /// As often as another field says.
    Of(Source),
}

/// How far things are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Every {
    /// At one time.
    Never,
    /// So far.
    Is(Back),
    /// So many times a number of seconds as another field says.
    Of(Source, u32),
}

/// Entries with tags, up to the end.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Stream {
    /// Where the first begins.
    pub at: Place,
    /// Where the last ends at the latest.
    pub end: Option<Place>,
    /// When it is there at all.
    pub when: &'static [Condition],
    /// What stands in front of each entry.
    pub head: &'static [Field],
    /// The slot of the tag.
    pub tag: u8,
    /// The slot of the length, where there is one.
    pub length: Option<u8>,
    /// The slots of the head: the first, and the one behind the last.
    pub slots: (u8, u8),
    /// The entries that are known.
    pub entries: &'static [Entry],
}

/// An entry of a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Its tags; any where there is none.
    pub tags: &'static [i128],
    /// What else must hold.
    pub when: &'static [Condition],
    /// What stands behind its head.
    pub steps: &'static [Step],
    /// The slots of what stands in it: the first, and the one behind the last.
    pub slots: (u8, u8),
    /// Whether something in it refers to what stands behind it there.
    pub looks_ahead: bool,
}

/// Another format inside.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Nested {
    /// Which.
    pub inside: Inside,
    /// Where it begins.
    pub at: Place,
    /// How long it is.
    pub length: super::Length,
    /// When it is there.
    pub when: &'static [Condition],
}

/// A format that may stand inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Inside {
    /// M-Bus records, EN 13757-3.
    MbusRecords,
    /// Cayenne LPP.
    CayenneLpp,
    /// What a maker has made up, by its name.
    Vendor(&'static str),
}
