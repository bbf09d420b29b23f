//! What an event of ChirpStack is: only its topic says so.

use std::fmt;

/// The kinds of events, by the last level of their topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// An uplink.
    Up,
    /// A device has joined.
    Join,
    /// A downlink was acknowledged by the device, or was not.
    Ack,
    /// A gateway has taken a downlink.
    TxAck,
    /// Something for a log.
    Log,
    /// Battery and margin of the device.
    Status,
    /// Where the device is.
    Location,
    /// What another integration has made.
    Integration,
}

impl EventKind {
    const WORDS: [(Self, &'static str); 9] = [
        (Self::Up, "up"),
        (Self::Join, "join"),
        (Self::Ack, "ack"),
        (Self::TxAck, "txack"),
        (Self::Log, "log"),
        // Version 3 calls it so.
        (Self::Log, "error"),
        (Self::Status, "status"),
        (Self::Location, "location"),
        (Self::Integration, "integration"),
    ];

    /// The kind of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)
    }

    /// The word of it.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
