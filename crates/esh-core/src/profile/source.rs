//! How the numbers and sets of a profile are told to a serializer: in the words that make them in a program.

use crate::{Decimal, Qualifiers};
use serde::ser::{Serialize, SerializeTupleStruct, Serializer};

impl Serialize for Decimal {
    /// `Decimal::new(digits, exponent)`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut call = serializer.serialize_tuple_struct("Decimal::new", 2)?;
        call.serialize_field(&self.digits())?;
        call.serialize_field(&self.exponent())?;
        call.end()
    }
}

impl Serialize for Qualifiers {
    /// `Qualifiers::NONE`, and a call of `with` for each.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut calls = serializer.serialize_tuple_struct("Qualifiers::NONE", self.iter().count())?;
        self.iter().try_for_each(|qualifier| calls.serialize_field(&qualifier))?;
        calls.end()
    }
}
