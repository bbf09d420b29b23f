//! A pack as JSON, RFC 8428, clause 5.

use super::{Data, Field, Fields, LABELS, Label, Value};
use crate::base64;
use crate::json::{self, Cursor};
use esh_core::{DecodeError, Reason, Text};

/// At the first record of a pack.
pub(super) fn begin(octets: &[u8], offset: usize) -> Result<Cursor<'_>, DecodeError> {
    let mut cursor = Cursor::new(octets, offset)?;
    match cursor.value()? {
        json::Value::Array => Ok(cursor),
        _ => Err(cursor.error("SenML pack", Reason::Malformed)),
    }
}

/// The next record.
pub(super) fn record<'a>(cursor: &mut Cursor<'a>, first: bool) -> Result<Option<Fields<'a>>, DecodeError> {
    if !cursor.goes_on(first, b']')? {
        return Ok(None);
    }
    if !matches!(cursor.value()?, json::Value::Object) {
        return Err(cursor.error("SenML record", Reason::Malformed));
    }
    let (mut fields, mut first) = (Fields::default(), true);
    while cursor.goes_on(first, b'}')? {
        first = false;
        let here = *cursor;
        let name = cursor.name()?;
        let value = cursor.value()?;
        match label(name) {
            Some(label) => {
                let field = field(label, value, cursor)?;
                if !fields.put(field) {
                    return Err(here.error("label that stands twice", Reason::Malformed));
                }
            }
            None if name.chars().last() == Some('_') => {
                return Err(here.error("label that must be understood", Reason::Unsupported));
            }
            None => cursor.skip(value)?,
        }
    }
    Ok(Some(fields))
}

fn label(name: Text<'_>) -> Option<Label> {
    LABELS.iter().find(|(_, text, _)| name.chars().eq(text.chars())).map(|(label, ..)| *label)
}

fn field<'a>(label: Label, value: json::Value<'a>, cursor: &Cursor<'a>) -> Result<Field<'a>, DecodeError> {
    Ok(match (label, value) {
        (Label::Value, json::Value::Number(number)) => Field::Value(Value::Number(cursor.decimal(number, "value")?)),
        (Label::StringValue, json::Value::Text(text)) => Field::Value(Value::Text(text)),
        (Label::BooleanValue, json::Value::Flag(flag)) => Field::Value(Value::Flag(flag)),
        (Label::ObjectLinkValue, json::Value::Text(text)) => Field::Value(Value::ObjectLink(text)),
        (Label::DataValue, json::Value::Text(text)) => match text.plain().filter(|text| base64::is_valid(text)) {
            Some(text) => Field::Value(Value::Data(Data::Base64(text))),
            None => return Err(cursor.error("data value", Reason::Malformed)),
        },
        (
            Label::BaseTime
            | Label::BaseValue
            | Label::BaseSum
            | Label::BaseVersion
            | Label::Sum
            | Label::Time
            | Label::UpdateTime,
            json::Value::Number(number),
        ) => Field::Number(label, cursor.decimal(number, "number of a field")?),
        (Label::BaseName | Label::BaseUnit | Label::Name | Label::Unit, json::Value::Text(text)) => {
            Field::Text(label, text)
        }
        _ => return Err(cursor.error("value of a field", Reason::Malformed)),
    })
}
