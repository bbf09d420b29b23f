//! LwM2M, OMA LwM2M Core 1.0 and 1.1: what the resources of a device say, in every format they are sent in.

mod alarm;
mod interval;
mod json;
pub mod model;
mod open;
mod path;
mod read;
pub mod registration;
mod registry;
mod tlv;
mod value;

pub(crate) use open::tell_pack;
pub use path::Path;
pub(crate) use read::read_pack;
pub use value::{Leaf, Value};

/// The Content-Formats of LwM2M; OMA Core 1.1, clause 7.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentFormat {
    /// The text of one resource.
    PlainText,
    /// The octets of one resource.
    Opaque,
    /// The CBOR item of one resource.
    Cbor,
    /// SenML as JSON.
    SenmlJson,
    /// SenML as CBOR.
    SenmlCbor,
    /// Type, length and value.
    Tlv,
    /// The JSON of LwM2M 1.0.
    Json,
}

impl ContentFormat {
    /// The format of a Content-Format number, those of early drafts (1542, 1543) among them; `None` for one that is not
    /// read here.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            0 => Self::PlainText,
            42 => Self::Opaque,
            60 => Self::Cbor,
            110 => Self::SenmlJson,
            112 => Self::SenmlCbor,
            11542 | 1542 => Self::Tlv,
            11543 | 1543 => Self::Json,
            _ => return None,
        })
    }
}

/// Reads a payload of LwM2M: a carrier that checks it and tells its values, and a format that makes readings of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lwm2m {
    /// The number of its Content-Format.
    pub content_format: u16,
    /// What it answers for: the path that was read, observed or written.
    pub path: Path,
}
