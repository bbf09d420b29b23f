//! The `opened` object: what the carrier found, in the protocol's own terms.

use esh_core::json::Json;
use esh_core::{Field, FieldValue};
use std::ops::Range;

/// The members of an `opened` object, gathered as the carrier meets them.
#[derive(Debug, Default)]
pub struct Fields {
    members: Vec<u8>,
    /// Where the keys of the outermost object stand in `members`.
    keys: Vec<Range<usize>>,
    /// The objects and arrays that have begun.
    open: Vec<Nesting>,
    /// How many of them belong to a field that does not stand here.
    left_out: usize,
}

#[derive(Clone, Copy, Debug)]
struct Nesting {
    end: u8,
    comma: bool,
}

impl Fields {
    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.members.clear();
        self.keys.clear();
        self.open.clear();
        self.left_out = 0;
    }

    /// Takes a field that has a key. In the outermost object the first one of a key counts.
    pub fn push(&mut self, field: Field<'_>) {
        if matches!(field.value, FieldValue::End) {
            return self.end();
        }
        let begins = matches!(field.value, FieldValue::Object | FieldValue::Array);
        if self.left_out > 0 || field.key.is_empty() || self.open.is_empty() && self.has(field.key) {
            self.left_out += usize::from(begins);
            return;
        }
        let (comma, in_array) = match self.open.last_mut() {
            Some(nesting) => (std::mem::replace(&mut nesting.comma, true), nesting.end == b']'),
            None => (!self.members.is_empty(), false),
        };
        if comma {
            self.members.push(b',');
        }
        if !in_array {
            let start = self.members.len() + 1;
            Json::new(&mut self.members).display(field.key);
            if self.open.is_empty() {
                self.keys.push(start..self.members.len() - 1);
            }
            self.members.push(b':');
        }
        let mut json = Json::new(&mut self.members);
        match field.value {
            FieldValue::Number(number) => json.number(number),
            FieldValue::Flag(flag) => json.flag(flag),
            FieldValue::Text(text) => json.display(text),
            FieldValue::Octets(octets) => json.hex(octets),
            FieldValue::Signed(number) => json.signed(number),
            FieldValue::Decimal(number) => json.raw(number.text().as_octets()),
            FieldValue::Null => json.null(),
            FieldValue::Json(text) => json.raw(text.as_bytes()),
            FieldValue::Object => self.begin(b'{', b'}'),
            FieldValue::Array => self.begin(b'[', b']'),
            FieldValue::End => {}
        }
    }

    fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|at| self.members.get(at.clone()) == Some(key.as_bytes()))
    }

    fn begin(&mut self, begin: u8, end: u8) {
        self.members.push(begin);
        self.open.push(Nesting { end, comma: false });
    }

    fn end(&mut self) {
        match self.left_out.checked_sub(1) {
            Some(left_out) => self.left_out = left_out,
            None => self.members.extend(self.open.pop().map(|nesting| nesting.end)),
        }
    }

    /// Ends what has begun: a carrier that meets an error stops in the middle.
    pub fn finish(&mut self) {
        self.left_out = 0;
        while !self.open.is_empty() {
            self.end();
        }
    }

    /// The members, separated by commas, without the braces.
    #[must_use]
    pub fn members(&self) -> &[u8] {
        &self.members
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::Layer;

    fn field<'a>(key: &'a str, value: FieldValue<'a>) -> Field<'a> {
        Field { layer: Layer::Link, offset: 0, len: 0, name: "", key, value, meaning: &"" }
    }

    #[test]
    fn objects_and_arrays_nest() {
        let mut fields = Fields::default();
        for (key, value) in [
            ("a", FieldValue::Number(1)),
            ("list", FieldValue::Array),
            (Field::ELEMENT, FieldValue::Signed(-2)),
            ("", FieldValue::Text(&"only explained")),
            (Field::ELEMENT, FieldValue::Object),
            ("a", FieldValue::Null),
            ("quote\"", FieldValue::Json("[1.50]")),
            ("", FieldValue::End),
            ("", FieldValue::End),
            ("", FieldValue::Object),
            ("lost", FieldValue::Flag(true)),
            ("", FieldValue::End),
            ("a", FieldValue::Object),
            ("a", FieldValue::Array),
            ("", FieldValue::End),
            ("", FieldValue::End),
            ("cut", FieldValue::Object),
            ("b", FieldValue::Array),
        ] {
            fields.push(field(key, value));
        }
        fields.finish();
        let text = String::from_utf8(fields.members().to_vec()).unwrap();
        assert_eq!(text, r#""a":1,"list":[-2,{"a":null,"quote\"":[1.50]}],"cut":{"b":[]}"#);
    }
}
