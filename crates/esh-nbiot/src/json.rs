//! JSON, RFC 8259: the values of a text, one after the other, checked where they lie.
//!
//! Numbers and strings come as they are written: a number becomes an exact decimal and never a binary float, a string
//! keeps its escapes until somebody reads it.

use esh_core::{Decimal, DecodeError, Layer, Reason, Text};

/// A place in a JSON text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    /// Where in the frame the text begins.
    offset: usize,
}

/// A value; what an array or object holds is behind the cursor.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    /// A number, as written.
    Number(&'a str),
    /// A text.
    Text(Text<'a>),
    /// Yes or no.
    Flag(bool),
    /// `null`.
    Null,
    /// An array begins.
    Array,
    /// An object begins.
    Object,
}

/// How deep values may stand in each other.
const DEPTH: u32 = 16;

impl<'a> Cursor<'a> {
    /// At the beginning of a text, the first octet of which is octet `offset` of its frame.
    pub(crate) fn new(octets: &'a [u8], offset: usize) -> Result<Self, DecodeError> {
        match core::str::from_utf8(octets) {
            Ok(text) => Ok(Self { text, at: 0, offset }),
            Err(error) => Err(DecodeError {
                layer: Layer::Application,
                field: "JSON text",
                offset: offset + error.valid_up_to(),
                reason: Reason::Malformed,
            }),
        }
    }

    /// The octet of the frame where the cursor stands.
    pub(crate) const fn offset(&self) -> usize {
        self.offset + self.at
    }

    /// The octets from an earlier place to this one.
    pub(crate) fn since(&self, earlier: &Self) -> &'a [u8] {
        self.text.as_bytes().get(earlier.at..self.at).unwrap_or_default()
    }

    pub(crate) const fn error(&self, field: &'static str, reason: Reason) -> DecodeError {
        DecodeError { layer: Layer::Application, field, offset: self.offset(), reason }
    }

    fn syntax(&self, field: &'static str) -> DecodeError {
        match self.peek() {
            None => self.error(field, Reason::Truncated { needed: 1, left: 0 }),
            Some(_) => self.error(field, Reason::Malformed),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, octet: u8) -> bool {
        let there = self.peek() == Some(octet);
        self.at += usize::from(there);
        there
    }

    pub(crate) fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Nothing but blanks may follow.
    pub(crate) fn end(mut self) -> Result<(), DecodeError> {
        self.blanks();
        match self.text.len() - self.at {
            0 => Ok(()),
            octets => Err(self.error("JSON text", Reason::Trailing { octets })),
        }
    }

    /// The next value.
    pub(crate) fn value(&mut self) -> Result<Value<'a>, DecodeError> {
        self.blanks();
        match self.peek() {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'[') => {
                self.at += 1;
                Ok(Value::Array)
            }
            Some(b'{') => {
                self.at += 1;
                Ok(Value::Object)
            }
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b't') => self.literal("true").map(|()| Value::Flag(true)),
            Some(b'f') => self.literal("false").map(|()| Value::Flag(false)),
            Some(b'n') => self.literal("null").map(|()| Value::Null),
            _ => Err(self.syntax("JSON value")),
        }
    }

    /// Whether an array or object that `first` says has just begun goes on; takes the comma or the closing bracket.
    pub(crate) fn goes_on(&mut self, first: bool, end: u8) -> Result<bool, DecodeError> {
        self.blanks();
        if self.take(end) {
            return Ok(false);
        }
        if first || self.take(b',') { Ok(true) } else { Err(self.syntax("JSON comma")) }
    }

    /// The name of a member, and its colon.
    pub(crate) fn name(&mut self) -> Result<Text<'a>, DecodeError> {
        self.blanks();
        let name = self.string()?;
        self.blanks();
        if self.take(b':') { Ok(name) } else { Err(self.syntax("JSON colon")) }
    }

    fn literal(&mut self, word: &'static str) -> Result<(), DecodeError> {
        if !self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(self.syntax("JSON value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn string(&mut self) -> Result<Text<'a>, DecodeError> {
        if !self.take(b'"') {
            return Err(self.syntax("JSON string"));
        }
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
                        Some(b'u') => {
                            self.at += 1;
                            for _ in 0..4 {
                                if !self.peek().is_some_and(|digit| digit.is_ascii_hexdigit()) {
                                    return Err(self.syntax("JSON escape"));
                                }
                                self.at += 1;
                            }
                        }
                        _ => return Err(self.syntax("JSON escape")),
                    }
                }
                // Control characters must be escaped.
                Some(0..=0x1f) | None => return Err(self.syntax("JSON string")),
                Some(_) => self.at += 1,
            }
        }
        let inside = self.text.get(start..self.at).unwrap_or_default();
        self.at += 1;
        Ok(Text::json(inside))
    }

    fn number(&mut self) -> Result<&'a str, DecodeError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    fn digits(&mut self) -> Result<(), DecodeError> {
        if !self.peek().is_some_and(|digit| digit.is_ascii_digit()) {
            return Err(self.syntax("JSON number"));
        }
        while self.peek().is_some_and(|digit| digit.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    /// Passes over what a value that has been read holds.
    pub(crate) fn skip(&mut self, value: Value<'_>) -> Result<(), DecodeError> {
        self.skip_within(value, 0)
    }

    fn skip_within(&mut self, value: Value<'_>, depth: u32) -> Result<(), DecodeError> {
        if depth > DEPTH {
            return Err(self.error("JSON nesting", Reason::TooLong { limit: DEPTH as usize, found: depth as usize }));
        }
        let (end, named) = match value {
            Value::Array => (b']', false),
            Value::Object => (b'}', true),
            _ => return Ok(()),
        };
        let mut first = true;
        while self.goes_on(first, end)? {
            first = false;
            if named {
                self.name()?;
            }
            let value = self.value()?;
            self.skip_within(value, depth + 1)?;
        }
        Ok(())
    }

    /// The exact decimal of a number as written.
    pub(crate) fn decimal(&self, number: &str, field: &'static str) -> Result<Decimal, DecodeError> {
        Decimal::parse(number).ok_or_else(|| self.error(field, Reason::Overflow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    fn all(text: &str) -> Result<(), DecodeError> {
        let mut cursor = Cursor::new(text.as_bytes(), 0)?;
        let value = cursor.value()?;
        cursor.skip(value)?;
        cursor.end()
    }

    #[test]
    fn json_is_taken_and_everything_else_is_not() {
        for text in ["[]", " {\"a\":[1,-0.5e+3,true,false,null,\"\\u00b3\"]} ", "0", "\"\"", "[[[[[]]]]]"] {
            all(text).unwrap();
        }
        for (text, told) in [
            ("", "octet 0 (JSON value): needs 1 octet, 0 left"),
            ("[1,]", "octet 3 (JSON value): not a valid value"),
            ("[1 2]", "octet 3 (JSON comma): not a valid value"),
            ("01", "octet 1 (JSON text): 1 octet too many"),
            ("1.", "octet 2 (JSON number): needs 1 octet, 0 left"),
            ("{\"a\" 1}", "octet 5 (JSON colon): not a valid value"),
            ("{a:1}", "octet 1 (JSON string): not a valid value"),
            ("\"\\x\"", "octet 2 (JSON escape): not a valid value"),
            ("\"a\nb\"", "octet 2 (JSON string): not a valid value"),
            ("[] []", "octet 3 (JSON text): 2 octets too many"),
            ("nul", "octet 0 (JSON value): not a valid value"),
        ] {
            assert_eq!(all(text).unwrap_err().to_string(), std::format!("application layer, {told}"), "{text}");
        }
        assert!(all(&"[".repeat(40)).is_err());
        assert!(Cursor::new(b"\"\xc1\"", 3).is_err_and(|error| error.offset == 4));
    }
}
