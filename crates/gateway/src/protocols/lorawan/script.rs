//! Payloads on their own, as payload codecs read them: TS013-1.0.0, the `input` of decodeUplink.

use crate::sources::lines::{LineError, from_json};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::path::PathBuf;

/// What a line says of a payload beside its octets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The file of the codec that reads it.
    pub codec: Option<PathBuf>,
    /// FPort.
    pub port: Option<u8>,
    /// When it came.
    pub received_at: Option<jiff::Timestamp>,
    /// What is known of the device: JSON text of an object.
    pub variables: Option<Box<str>>,
}

/// Octets where they do not stand in `hex`, and the rest.
type Told = (Option<Vec<u8>>, Option<Box<Script>>);

/// Reads the members of a line that are for a codec. A line that names neither a codec nor a port holds a frame.
///
/// # Errors
/// When one of them is wrong.
pub(super) fn told(line: &str) -> Result<Told, LineError> {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow, default)]
        codec: Option<Cow<'a, str>>,
        #[serde(default, rename = "fPort")]
        port: Option<u8>,
        #[serde(default)]
        bytes: Option<Vec<u8>>,
        #[serde(borrow, default)]
        hex: Option<Cow<'a, str>>,
        #[serde(borrow, default, rename = "recvTime")]
        received_at: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        variables: Option<&'a RawValue>,
    }
    // What other lines call so is their own.
    if !line.contains("\"codec\"") && !line.contains("\"fPort\"") {
        return Ok((None, None));
    }
    let object: Object<'_> = from_json(line)?;
    if object.codec.is_none() && object.port.is_none() {
        return Ok((None, None));
    }
    let received_at = match object.received_at {
        None => None,
        Some(text) => {
            Some(text.parse().map_err(|_| LineError::Member("recvTime", "a time such as 2026-11-22T05:00:00Z"))?)
        }
    };
    let variables = match object.variables.map(RawValue::get) {
        None | Some("null") => None,
        Some(text) if text.starts_with('{') => Some(text.into()),
        Some(_) => return Err(LineError::Member("variables", "an object")),
    };
    let octets = match (object.bytes, object.hex.as_deref()) {
        (Some(bytes), _) => Some(bytes),
        // Nothing is a payload, too.
        (None, Some("")) => Some(Vec::new()),
        _ => None,
    };
    let codec = object.codec.map(|codec| PathBuf::from(codec.into_owned()));
    Ok((octets, Some(Box::new(Script { codec, port: object.port, received_at, variables }))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_for_a_codec_are_read() {
        let line = r#"{"codec":"a.js","fPort":2,"bytes":[0,255],"recvTime":"2026-11-22T08:00:00+03:00","variables":{"k":"1"}}"#;
        let (octets, payload) = told(line).unwrap();
        let payload = payload.unwrap();
        assert_eq!((octets, payload.codec, payload.port), (Some(vec![0, 255]), Some("a.js".into()), Some(2)));
        assert_eq!(payload.received_at.unwrap().to_string(), "2026-11-22T05:00:00Z");
        assert_eq!(payload.variables.as_deref(), Some(r#"{"k":"1"}"#));
        assert_eq!(told(r#"{"hex":"","fPort":2}"#).unwrap().0, Some(Vec::new()));
        assert_eq!(told(r#"{"hex":"40","bytes":"x"}"#), Ok((None, None)), "a line of a frame");
        for wrong in [
            r#"{"fPort":256}"#,
            r#"{"fPort":1,"bytes":[256]}"#,
            r#"{"fPort":1,"bytes":"00"}"#,
            r#"{"fPort":1,"recvTime":"noon"}"#,
            r#"{"fPort":1,"variables":7}"#,
        ] {
            assert!(told(wrong).is_err(), "{wrong}");
        }
    }
}
