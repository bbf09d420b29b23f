//! A program without codecs in it: it says what to do.

use super::{Answer, CodecError, Downlink, Uplink};
use esh_core::Reason;
use std::sync::Arc;

/// Whether this program can run codecs.
pub(super) fn available() -> Result<(), CodecError> {
    Err(CodecError::new(
        Reason::Unsupported,
        "this esh-gateway was built without payload codecs: take the package, or build it with --features codec",
    ))
}

pub(super) fn decode_uplink(_: &Arc<str>, _: &Uplink<'_>) -> Result<Answer, CodecError> {
    available().map(|()| Answer::default())
}

pub(super) fn encode_downlink(_: &Arc<str>, _: &str, _: Option<&str>) -> Result<Downlink, CodecError> {
    Err(available().err().unwrap_or(CodecError { reason: Reason::Unsupported, message: String::new() }))
}
