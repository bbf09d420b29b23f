//! The `opened` object: what the carrier found, in the protocol's own terms.

use esh_core::json::Json;
use esh_core::{Field, FieldValue};

/// The members of an `opened` object, gathered as the carrier meets them.
#[derive(Debug, Default)]
pub struct Fields {
    members: Vec<u8>,
    keys: Vec<&'static str>,
}

impl Fields {
    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.members.clear();
        self.keys.clear();
    }

    /// Takes a field that has a key. The first one of a key counts.
    pub fn push(&mut self, field: Field<'_>) {
        if field.key.is_empty() || self.keys.contains(&field.key) {
            return;
        }
        self.keys.push(field.key);
        if !self.members.is_empty() {
            self.members.push(b',');
        }
        let mut json = Json::new(&mut self.members);
        json.key(field.key);
        match field.value {
            FieldValue::Number(number) => json.number(number),
            FieldValue::Flag(flag) => json.flag(flag),
            FieldValue::Text(text) => json.display(text),
            FieldValue::Octets(octets) => json.hex(octets),
        }
    }

    /// The members, separated by commas, without the braces.
    #[must_use]
    pub fn members(&self) -> &[u8] {
        &self.members
    }
}
