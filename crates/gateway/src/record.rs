//! Records: what goes through the queue to the sinks.

use bytes::Bytes;
use esh_core::Protocol;

/// A routing head and the canonical report. What a sink sends is a pure function of it.
#[derive(Clone, Debug)]
pub struct Record {
    /// Which topic it belongs to.
    pub kind: Kind,
    /// The protocol of the frame; `None` for an event of the gateway itself.
    pub protocol: Option<Protocol>,
    /// The address of the meter; `None` where the frame names none. For an event of the gateway itself its part.
    pub meter: Option<Box<str>>,
    /// The report's id.
    pub id: Id,
    /// When the frame came.
    pub received_at: Option<jiff::Timestamp>,
    /// The report, one JSON object without a line end.
    pub report: Bytes,
}

/// The id of a report: a hash of protocol, meter, occasion and octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub u128);

/// What a record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Readings of a meter.
    Readings,
    /// Something happened.
    Event,
    /// A frame that could not be decoded.
    Undecoded,
    /// What became of a command.
    Result,
}

impl Kind {
    /// The word it has in a topic.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Readings => "readings",
            Self::Event => "events",
            Self::Undecoded => "undecoded",
            Self::Result => "result",
        }
    }
}
