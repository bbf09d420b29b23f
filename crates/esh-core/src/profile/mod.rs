//! Profiles: meters as data. What the octets of one model of meter mean, as plain tables.
//!
//! A [`Profile`] is a `const` of a program, or what the gateway compiles a file into; `docs/profiles.md` has the grammar of
//! such files, and the words here are those of that page. Names are gone: where one field refers to another, both have
//! the number of a slot ([`SLOTS`] of them), in which what was read is kept until the payload ends.
//!
//! Reading takes no memory beyond the stack and yields readings in the order of the tables. A field is a [`Field`], a group
//! a [`Repeat`], tagged entries a [`Stream`]; they are walked twice where a reading needs a time that stands behind it.

mod body;
mod clock;
mod condition;
mod covered;
mod derived;
mod field;
mod holds;
mod layout;
mod records;
mod slots;
#[cfg(feature = "serde")]
mod source;
mod walk;

pub use body::{Body, Code, Count, Factor, Scale, Source};
pub use clock::{Clock, Part, Parts};
pub use condition::{Condition, Looks, Test};
pub use derived::{Derived, Makes};
pub use field::{Align, Back, Field, FieldAlarm, Place, TimeOf};
pub use holds::{Coding, Holds, Integer, Length, Order};
pub use layout::{Entry, Every, Inside, Nested, Octets, Repeat, Step, Stream, Times};
pub use records::{Corrected, Record, RecordBody, Records, Select, Within};
pub use slots::SLOTS;

use crate::{Content, DecodeError, Format, Known, Layer, Meter, Origin, Out, Quantity, Reading, Reason, Unit, Value};
use slots::Slots;
use walk::{Region, Walk};

/// What the octets of one model of meter mean.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Profile {
    /// Its name: what stands in a report.
    pub name: &'static str,
    /// The shapes of payload that it sends, the first that fits counts.
    pub messages: &'static [Message],
    /// What a standard reader makes of it, corrected.
    pub records: Records,
}

/// One shape of payload.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Message {
    /// Its name.
    pub name: &'static str,
    /// What carries it; any of these, or any at all where there is none.
    pub carriers: &'static [CarriedBy],
    /// Whether it goes to the meter.
    pub down: bool,
    /// How long it is; any of these, or any at all where there is none.
    pub lengths: &'static [Octets],
    /// What else must hold.
    pub when: &'static [Condition],
    /// What stands in it.
    pub steps: &'static [Step],
    /// Values made of others.
    pub derived: &'static [Derived],
    /// Whether something refers to what stands behind it.
    pub looks_ahead: bool,
    /// It is enciphered in a way of the maker's own: it is known, and cannot be read.
    pub enciphered: bool,
}

/// What carries a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum CarriedBy {
    /// A port of LoRaWAN.
    Port(u8),
    /// A CI field of M-Bus that is the maker's own.
    Ci(u8),
}

impl CarriedBy {
    /// What the carrier says of a payload; `None` for one of which it says nothing that a profile asks for.
    #[must_use]
    pub const fn of(content: Content) -> Option<Self> {
        match content {
            Content::Port(port) => Some(Self::Port(port)),
            Content::Other(ci) => Some(Self::Ci(ci)),
            _ => None,
        }
    }
}

/// Formats that may stand inside the messages of a profile.
pub trait Formats {
    /// The format of that name; `None` where the program has none.
    fn inside(&self, inside: Inside) -> Option<&dyn Format>;
}

/// No formats at all: for profiles whose messages have none inside.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFormats;

impl Formats for NoFormats {
    fn inside(&self, _: Inside) -> Option<&dyn Format> {
        None
    }
}

/// Reads the messages of a profile.
#[derive(Clone, Copy)]
pub struct Messages<'f> {
    /// The profile.
    pub profile: &'static Profile,
    /// What the carrier says of the payload.
    pub carried_by: Option<CarriedBy>,
    /// Whether it goes to the meter.
    pub down: bool,
    /// What may stand inside.
    pub formats: &'f dyn Formats,
}

impl core::fmt::Debug for Messages<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { profile, carried_by, down, .. } = self;
        f.debug_struct("Messages").field("profile", &profile.name).field("by", carried_by).field("down", down).finish()
    }
}

impl Profile {
    /// The message that a payload is.
    #[must_use]
    pub fn message(&self, carried_by: Option<CarriedBy>, down: bool, payload: &[u8]) -> Option<&'static Message> {
        self.messages.iter().find(|message| message.is(carried_by, down, payload))
    }
}

impl Message {
    fn is(&self, carried_by: Option<CarriedBy>, down: bool, payload: &[u8]) -> bool {
        let Self { carriers, lengths, when, .. } = self;
        self.down == down
            && (carriers.is_empty() || carried_by.is_some_and(|by| carriers.contains(&by)))
            && (lengths.is_empty() || lengths.iter().any(|length| length.holds(payload.len())))
            && condition::all(when, payload, &Region::whole(payload), 0, &Slots::default())
    }
}

impl Format for Messages<'_> {
    fn read<'p>(
        &self,
        meter: Option<&Meter>,
        payload: &'p [u8],
        offset: usize,
        known: &'p dyn Known,
        out: &mut dyn Out<'p>,
    ) -> Result<(), DecodeError> {
        let Some(message) = self.profile.message(self.carried_by, self.down, payload) else {
            if !payload.is_empty() {
                let origin = Origin { octets: payload, header: &[], offset };
                out.reading(Reading::new(Quantity::Unknown, Value::Octets(payload), Unit::None, origin));
            }
            let code = match self.carried_by {
                Some(CarriedBy::Port(code) | CarriedBy::Ci(code)) => code,
                None => payload.first().copied().unwrap_or_default(),
            };
            let reason = Reason::UnknownFormat(code.into());
            return Err(DecodeError { layer: Layer::Application, field: "message of the profile", offset, reason });
        };
        if message.enciphered {
            let origin = Origin { octets: payload, header: &[], offset };
            out.reading(Reading::new(Quantity::Unknown, Value::Octets(payload), Unit::None, origin));
            return Err(DecodeError { layer: Layer::Security, field: message.name, offset, reason: Reason::NoKey });
        }
        Walk::new(payload, offset, meter, known, Some((self.formats, &self.profile.records))).message(message, out)
    }
}

#[cfg(test)]
mod tests;
