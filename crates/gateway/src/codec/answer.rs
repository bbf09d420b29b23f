//! What a codec answers, checked before it goes into a report.

use super::CodecError;
use esh_core::Reason;
use std::borrow::Cow;

/// What a codec makes of an uplink.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its `data`, as JSON text.
    pub data: Option<String>,
    /// What its `normalizeUplink` makes of that: JSON text of an array of measurements.
    pub normalized: Option<String>,
    /// Its `warnings`.
    pub warnings: Vec<String>,
    /// Its `errors`, or why it gave no answer.
    pub error: Option<CodecError>,
}

/// What a codec makes of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downlink {
    /// The octets of the FRMPayload.
    pub bytes: Vec<u8>,
    /// The port.
    pub port: u8,
    /// Its `warnings`.
    pub warnings: Vec<String>,
}

/// The most octets of data in a report.
const DATA: usize = 64 << 10;

/// How deep data may nest: readers of JSON have a limit, too.
const DEPTH: usize = 64;

/// The most characters of a text that a codec says, and the most texts.
const WORDS: usize = 500;
const TEXTS: usize = 16;

impl Answer {
    /// Checks what a script gave: JSON texts, as `JSON.stringify` writes them.
    ///
    /// # Errors
    /// When it is too long or nests too deep.
    pub fn new(
        data: Option<String>,
        errors: Option<&str>,
        warnings: Option<&str>,
        normalized: Option<String>,
    ) -> Result<Self, CodecError> {
        let errors = texts(errors);
        Ok(Self {
            data: data.map(checked).transpose()?,
            normalized: normalized.map(checked).transpose()?,
            warnings: texts(warnings),
            error: said(&errors),
        })
    }
}

impl Downlink {
    /// Checks what a script gave.
    ///
    /// # Errors
    /// What the script says, or that octets or port are none.
    pub fn new(
        bytes: Option<&str>,
        port: Option<&str>,
        errors: Option<&str>,
        warnings: Option<&str>,
    ) -> Result<Self, CodecError> {
        if let Some(error) = said(&texts(errors)) {
            return Err(error);
        }
        let wrong = |words| CodecError::new(Reason::Malformed, words);
        let bytes: Vec<u8> = serde_json::from_str(bytes.unwrap_or("null"))
            .map_err(|_| wrong("encodeDownlink gives no bytes from 0 to 255"))?;
        if bytes.len() > PAYLOAD {
            return Err(CodecError::new(Reason::TooLong { limit: PAYLOAD, found: bytes.len() }, "encodeDownlink"));
        }
        let port: Option<u8> = serde_json::from_str(port.unwrap_or("null")).ok().flatten();
        let port = port.filter(|port| (1..=223).contains(port));
        let port = port.ok_or_else(|| wrong("encodeDownlink gives no fPort from 1 to 223"))?;
        Ok(Self { bytes, port, warnings: texts(warnings) })
    }
}

/// The longest FRMPayload of any region and data rate.
const PAYLOAD: usize = 242;

fn said(errors: &[String]) -> Option<CodecError> {
    (!errors.is_empty()).then(|| CodecError::new(Reason::Malformed, &errors.join("; ")))
}

fn texts(json: Option<&str>) -> Vec<String> {
    let Some(json) = json else { return Vec::new() };
    let texts: Vec<String> = serde_json::from_str(&without_halves(json)).unwrap_or_default();
    texts.iter().take(TEXTS).map(|text| in_words(text)).collect()
}

/// A text of a script as it stands in a message: not too long, on one line.
pub(super) fn in_words(text: &str) -> String {
    let mut words: String =
        text.chars().map(|character| if character.is_control() { ' ' } else { character }).take(WORDS).collect();
    if words.len() < text.len() {
        words.push('…');
    }
    words
}

/// JSON text that every reader takes.
fn checked(json: String) -> Result<String, CodecError> {
    if json.len() > DATA {
        return Err(CodecError::new(Reason::TooLong { limit: DATA, found: json.len() }, "the data"));
    }
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for octet in json.bytes() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH {
            return Err(CodecError::new(Reason::TooLong { limit: DEPTH, found: depth }, "levels of the data"));
        }
    }
    Ok(match without_halves(&json) {
        Cow::Borrowed(_) => json,
        Cow::Owned(whole) => whole,
    })
}

/// A script's text may hold half of a surrogate pair, which is no character: it becomes U+FFFD.
fn without_halves(json: &str) -> Cow<'_, str> {
    if !json.contains("\\ud") {
        return Cow::Borrowed(json);
    }
    let mut whole = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        whole.push_str(before);
        let (len, kept) = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => (12, true),
            (Some(0xd800..0xe000), _) => (6, false),
            (Some(_), _) => (6, true),
            // A backslash and one character, or the end.
            (None, _) => (escape.chars().take(2).map(char::len_utf8).sum(), true),
        };
        let (escape, behind) = escape.split_at_checked(len).unwrap_or((escape, ""));
        whole.push_str(if kept { escape } else { "\\ufffd" });
        rest = behind;
    }
    whole.push_str(rest);
    Cow::Owned(whole)
}

/// The unit of an escape that stands at the beginning.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_a_surrogate_pair_are_no_characters() {
        for (json, whole) in [
            (r#""a\n\\""#, r#""a\n\\""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\ud83dx\ude00""#, r#""\ufffdx\ufffd""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d\u0001""#, r#""\\\ufffd\u0001""#),
        ] {
            assert_eq!(without_halves(json), whole, "{json}");
            assert!(serde_json::from_str::<serde_json::Value>(whole).is_ok());
        }
    }

    #[test]
    fn data_has_a_limit_in_length_and_depth() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(checked(nested(DEPTH)).is_ok());
        assert_eq!(checked(nested(DEPTH + 1)).unwrap_err().reason.word(), "too_long");
        assert!(checked(format!("\"{}\"", "[\\\"".repeat(100))).is_ok(), "brackets in a text do not nest");
        assert_eq!(checked(format!("\"{}\"", "x".repeat(DATA))).unwrap_err().reason.word(), "too_long");
    }

    #[test]
    fn octets_and_port_of_a_command_are_checked() {
        let new = |bytes, port| Downlink::new(bytes, port, None, None).map(|downlink| (downlink.bytes, downlink.port));
        assert_eq!(new(Some("[1,255]"), Some("2")), Ok((vec![1, 255], 2)));
        for (bytes, port) in [
            (None, Some("2")),
            (Some("[256]"), Some("2")),
            (Some("[-1]"), Some("2")),
            (Some("[1.5]"), Some("2")),
            (Some("[1]"), None),
            (Some("[1]"), Some("0")),
            (Some("[1]"), Some("224")),
            (Some("[1]"), Some("\"2\"")),
        ] {
            assert_eq!(new(bytes, port).unwrap_err().reason, Reason::Malformed, "{bytes:?} {port:?}");
        }
    }
}
