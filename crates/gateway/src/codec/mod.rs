//! Payload codecs of the LoRa Alliance, TS013-1.0.0: scripts that makers publish, as a format beside our own.
//!
//! A [`Codec`] is a file. Each thread that asks it compiles it once and keeps it; what a script does to itself stays in
//! its own engine, and an engine that has come to one of its limits is given up.

mod answer;
#[cfg_attr(feature = "codec", path = "kept.rs")]
#[cfg_attr(not(feature = "codec"), path = "absent.rs")]
mod kept;
mod normalized;

#[cfg(feature = "codec")]
mod engine;
#[cfg(feature = "codec")]
mod native;

pub use answer::{Answer, Downlink};
pub use normalized::read as read_normalized;

use esh_core::{DecodeError, Layer, Reason};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A codec: its text, and the name of it by which each thread finds what it has compiled.
#[derive(Clone)]
pub struct Codec(Arc<str>);

/// What a codec is told of an uplink: the `input` of TS013.
#[derive(Clone, Copy, Debug)]
pub struct Uplink<'a> {
    /// FRMPayload, decrypted.
    pub bytes: &'a [u8],
    /// FPort.
    pub port: u8,
    /// When it came: `recvTime`, and what the script takes for the present. Without it that is the beginning of 1970.
    pub received_at: Option<jiff::Timestamp>,
    /// What is known of the device: JSON text of an object.
    pub variables: Option<&'a str>,
}

/// Why a codec gave no answer, or not a good one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodecError {
    /// The reason, of the closed list of reports.
    pub reason: Reason,
    /// The codec's own words, or ours about it.
    pub message: String,
}

/// The longest file of a codec. Published ones with everything they use have half of it.
const FILE: u64 = 4 << 20;

impl Codec {
    /// Reads a file. It is compiled when it is first asked.
    ///
    /// # Errors
    /// When it cannot be read, or this program has no codecs in it.
    pub fn load(path: &Path) -> Result<Self, CodecError> {
        kept::available()?;
        let unreadable = |error: &dyn fmt::Display| {
            CodecError::new(Reason::Unsupported, &format!("the file {} cannot be read: {error}", path.display()))
        };
        let about = std::fs::metadata(path).map_err(|error| unreadable(&error))?;
        // Neither a device nor a pipe: they never end.
        if !about.is_file() || about.len() > FILE {
            return Err(unreadable(&format_args!("it is no file of at most {FILE} octets")));
        }
        std::fs::read_to_string(path).map(|text| Self::new(&text)).map_err(|error| unreadable(&error))
    }

    /// A codec of that text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.strip_prefix('\u{feff}').unwrap_or(text).into())
    }

    /// What it makes of an uplink. Equal input gives equal output, unless the script keeps something between two calls.
    #[must_use]
    pub fn decode_uplink(&self, uplink: &Uplink<'_>) -> Answer {
        kept::decode_uplink(&self.0, uplink).unwrap_or_else(|error| Answer { error: Some(error), ..Answer::default() })
    }

    /// What it makes of a command, `data` of TS013 `encodeDownlink`: octets and a port. `variables` are JSON text, too.
    ///
    /// # Errors
    /// What the codec says, or why it gave no answer.
    pub fn encode_downlink(&self, data: &str, variables: Option<&str>) -> Result<Downlink, CodecError> {
        kept::encode_downlink(&self.0, data, variables)
    }
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Codec({} octets)", self.0.len())
    }
}

impl CodecError {
    fn new(reason: Reason, message: &str) -> Self {
        let message = match reason {
            Reason::TooLong { .. } => format!("{message}: {reason}"),
            _ => message.to_owned(),
        };
        Self { reason, message }
    }

    #[cfg(feature = "codec")]
    fn limit(what: &str) -> Self {
        Self::new(Reason::Overflow, &format!("the codec takes more {what} than it may"))
    }

    /// The same, as a report tells it.
    #[must_use]
    pub const fn as_decode_error(&self) -> DecodeError {
        DecodeError { layer: Layer::Application, field: "codec", offset: 0, reason: self.reason }
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "application layer (codec): {}", self.message)
    }
}

impl std::error::Error for CodecError {}
