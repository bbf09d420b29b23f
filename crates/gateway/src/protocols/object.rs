//! JSON objects as others send them: read member by member, numbers with the digits they have.

use esh_core::note::{Notes, at};
use esh_core::{Decimal, DecodeError, Field, Layer, Reason};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A JSON object. A member of another kind than asked for is as good as none: what one tool writes as a number another
/// writes as text.
#[derive(Debug)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(Deserialize)]
struct Word<'a>(#[serde(borrow)] Cow<'a, str>);

/// How deep a value that is passed on may nest.
const DEPTH: usize = 6;

impl<'a> Object<'a> {
    /// Reads the text of an object; `offset` is where it stands.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn parse(text: &'a [u8], offset: usize) -> Result<Self, DecodeError> {
        serde_json::from_slice(text).map_err(|error| {
            let reason = if text.is_empty() { Reason::Truncated { needed: 2, left: 0 } } else { Reason::Malformed };
            // A text of several lines has its octets counted to the line that is wrong.
            let lines = text.split_inclusive(|octet| *octet == b'\n').take(error.line().saturating_sub(1));
            let before: usize = lines.map(<[u8]>::len).sum();
            let at = offset + before + error.column().saturating_sub(1);
            DecodeError { layer: Layer::Application, field: "JSON text", offset: at, reason }
        })
    }

    /// The first of the members so named.
    pub(super) fn get(&self, names: &[&str]) -> Option<&'a RawValue> {
        names.iter().find_map(|name| self.0.iter().rev().find(|(key, _)| key == name)).map(|(_, value)| *value)
    }

    pub(super) fn text(&self, names: &[&str]) -> Option<Cow<'a, str>> {
        text(self.get(names)?)
    }

    /// A number, be it written as one or as text.
    pub(super) fn number(&self, names: &[&str]) -> Option<Decimal> {
        let value = self.get(names)?;
        match text(value) {
            Some(text) => Decimal::parse(text.trim()),
            None => Decimal::parse(value.get()),
        }
    }

    /// A whole number.
    pub(super) fn whole(&self, names: &[&str]) -> Option<i64> {
        self.number(names)?.to_i64()
    }

    pub(super) fn flag(&self, names: &[&str]) -> Option<bool> {
        match self.get(names)?.get() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }

    pub(super) fn object(&self, names: &[&str]) -> Option<Self> {
        serde_json::from_str(self.get(names)?.get()).ok()
    }

    pub(super) fn array(&self, names: &[&str]) -> Option<Vec<&'a RawValue>> {
        serde_json::from_str(self.get(names)?.get()).ok()
    }

    /// The members in their order.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }

    /// Passes the members on that have none of those names.
    pub(super) fn pass_on(&self, but: &[&str], offset: usize, notes: &mut Notes<'_, '_>) {
        for (name, value) in self.0.iter().filter(|(name, _)| !but.contains(&&**name)) {
            pass_on(name, value, offset, DEPTH, notes);
        }
    }
}

impl<'a> TryFrom<&'a RawValue> for Object<'a> {
    type Error = serde_json::Error;

    fn try_from(value: &'a RawValue) -> Result<Self, Self::Error> {
        serde_json::from_str(value.get())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Word(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// The text that a JSON string says.
pub(super) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Word<'_>>(value.get()).ok().map(|Word(text)| text)
}

/// Passes a value on under its own name.
fn pass_on(name: &str, value: &RawValue, offset: usize, depth: usize, notes: &mut Notes<'_, '_>) {
    let place = at(Layer::Application, offset, 0, "", name);
    let raw = value.get();
    match raw.as_bytes().first() {
        _ if depth == 0 => notes.null(place, &"nested too deep"),
        Some(b'{') => {
            if let Ok(Object(members)) = Object::try_from(value) {
                notes.object(place, |notes| {
                    for (name, value) in &members {
                        pass_on(name, value, offset, depth - 1, notes);
                    }
                });
            }
        }
        Some(b'[') => {
            if let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(raw) {
                notes.array(place, |notes| {
                    elements.iter().for_each(|value| pass_on(Field::ELEMENT, value, offset, depth - 1, notes));
                });
            }
        }
        Some(b't' | b'f') => notes.flag(place, raw == "true", &""),
        Some(b'"') => match text(value) {
            Some(text) => notes.text(place, &text, &""),
            None => notes.null(place, &"no text"),
        },
        _ => match Decimal::parse(raw) {
            Some(number) => notes.decimal(place, number, &""),
            None => notes.null(place, &""),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        let text = br#"{"a":5.10,"b":"867100000","c":9007199254740993,"a\u0064":[1, {"x" : 2.0}],"a":7}"#;
        let object = Object::parse(text, 0).unwrap();
        assert_eq!(object.number(&["none", "a"]).unwrap().to_string(), "7", "the last one of a name counts");
        assert_eq!(object.whole(&["b"]), Some(867_100_000));
        assert_eq!(object.whole(&["c"]), Some(9_007_199_254_740_993));
        assert_eq!(object.array(&["ad"]).unwrap().len(), 2);
        assert_eq!(object.flag(&["a"]), None);
    }

    #[test]
    fn an_error_says_where() {
        for (text, at) in [("x", 12), ("{\"r", 14), ("{\n\"a\":}", 18), ("[]", 12)] {
            let error = Object::parse(text.as_bytes(), 12).unwrap_err();
            assert_eq!((error.offset, error.field), (at, "JSON text"), "{text}");
        }
    }
}
