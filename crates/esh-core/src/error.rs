//! One error for every decoder: layer, octet, field and reason.

use core::fmt;

/// Why a frame or a part of it could not be decoded, and where.
///
/// Its text is meant for someone standing at a meter:
/// `security layer, octet 13 (configuration field): no key for this meter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The layer that could not be read.
    pub layer: Layer,
    /// The field, in the standard's own words.
    pub field: &'static str,
    /// The octet of the frame, counted from 0.
    pub offset: usize,
    /// What is wrong.
    pub reason: Reason,
}

impl DecodeError {
    /// The same error with its octet counted from `by` octets further back.
    #[must_use]
    pub const fn shifted(self, by: usize) -> Self {
        Self { offset: self.offset + by, ..self }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} layer, octet {} ({}): {}", self.layer.words(), self.offset, self.field, self.reason)
    }
}

impl core::error::Error for DecodeError {}

/// The layer of a protocol stack at which something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layer {
    /// Chips or characters of the line: hex text, 3-out-of-6, Manchester.
    Line,
    /// The data link layer.
    Link,
    /// The extended link layer of EN 13757-4.
    ExtendedLink,
    /// The authentication and fragmentation layer of EN 13757-7.
    Authentication,
    /// The network layer.
    Network,
    /// A message of CoAP.
    Message,
    /// The transport layer.
    Transport,
    /// Encryption and authentication of the payload.
    Security,
    /// The application layer: the records.
    Application,
}

impl Layer {
    /// The word that stands in a report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Link => "link",
            Self::ExtendedLink => "extended_link",
            Self::Authentication => "authentication",
            Self::Network => "network",
            Self::Message => "message",
            Self::Transport => "transport",
            Self::Security => "security",
            Self::Application => "application",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::ExtendedLink => "extended link",
            other => other.word(),
        }
    }
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The frame ends inside the field.
    Truncated {
        /// Octets the field takes.
        needed: usize,
        /// Octets that were there.
        left: usize,
    },
    /// A checksum or CRC does not fit its octets.
    Checksum {
        /// As transmitted.
        found: u32,
        /// As computed from the octets.
        computed: u32,
    },
    /// The frame is encrypted and no key is known for its meter.
    NoKey,
    /// Keys are known for the meter, none of them opens the frame.
    KeyRejected,
    /// The key is proved right by other means, but the decrypted payload lacks its check octets.
    CheckOctetsAbsent,
    /// The message authentication code does not fit.
    Authentication,
    /// A security mode that is not defined or not published with octets to check against.
    UnknownMode(u8),
    /// A format, CI field, header signature or port nobody has described.
    UnknownFormat(u32),
    /// A reserved code where the rest cannot be read without knowing it.
    Reserved(u32),
    /// A message counter that is not above the last one accepted.
    Replayed {
        /// The last counter accepted.
        last: u64,
        /// The counter of this frame.
        found: u64,
    },
    /// Something is longer than it may be.
    TooLong {
        /// The most that is allowed.
        limit: usize,
        /// What was found.
        found: usize,
    },
    /// Octets stand where the frame should have ended.
    Trailing {
        /// How many.
        octets: usize,
    },
    /// A value outside its range, or digits that are none.
    Malformed,
    /// A value that an exact decimal of 38 digits cannot hold.
    Overflow,
    /// Defined by the standard and knowingly not decoded.
    Unsupported,
}

impl Reason {
    /// Every word that [`Self::word`] can give: the closed list of the report's schema.
    pub const WORDS: [&'static str; 15] = [
        "truncated",
        "checksum",
        "no_key",
        "key_rejected",
        "check_octets_absent",
        "authentication",
        "unknown_mode",
        "unknown_format",
        "reserved",
        "replayed",
        "too_long",
        "trailing",
        "malformed",
        "overflow",
        "unsupported",
    ];

    /// The word that stands in a report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Truncated { .. } => "truncated",
            Self::Checksum { .. } => "checksum",
            Self::NoKey => "no_key",
            Self::KeyRejected => "key_rejected",
            Self::CheckOctetsAbsent => "check_octets_absent",
            Self::Authentication => "authentication",
            Self::UnknownMode(_) => "unknown_mode",
            Self::UnknownFormat(_) => "unknown_format",
            Self::Reserved(_) => "reserved",
            Self::Replayed { .. } => "replayed",
            Self::TooLong { .. } => "too_long",
            Self::Trailing { .. } => "trailing",
            Self::Malformed => "malformed",
            Self::Overflow => "overflow",
            Self::Unsupported => "unsupported",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = |n: usize| if n == 1 { "octet" } else { "octets" };
        match *self {
            Self::Truncated { needed, left } => write!(f, "needs {needed} {}, {left} left", octets(needed)),
            Self::Checksum { found, computed } => {
                write!(f, "checksum {found:04x} does not fit the octets, which give {computed:04x}")
            }
            Self::NoKey => f.write_str("no key for this meter"),
            Self::KeyRejected => f.write_str("none of the known keys opens it"),
            Self::CheckOctetsAbsent => f.write_str("the key is right, but the check octets 2f 2f are not there"),
            Self::Authentication => f.write_str("the authentication code does not fit: wrong key or altered octets"),
            Self::UnknownMode(mode) => write!(f, "security mode {mode} is not known"),
            Self::UnknownFormat(code) => write!(f, "format {code:02x} is not known"),
            Self::Reserved(code) => write!(f, "code {code:02x} is reserved"),
            Self::Replayed { last, found } => write!(f, "counter {found} is not above {last}, the last one accepted"),
            Self::TooLong { limit, found } => write!(f, "{found} where at most {limit} are allowed"),
            Self::Trailing { octets: n } => write!(f, "{n} {} too many", octets(n)),
            Self::Malformed => f.write_str("not a valid value"),
            Self::Overflow => f.write_str("larger than can be held"),
            Self::Unsupported => f.write_str("defined, but not decoded here"),
        }
    }
}
