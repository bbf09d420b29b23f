//! A record as CBOR, RFC 8428, clause 6: the labels are numbers.

use super::{Data, Field, Fields, LABELS, Label, Value};
use crate::cbor::{self, Item};
use esh_core::{DecodeError, Input, Reason, Text};

/// The next record.
pub(super) fn record<'a>(input: &mut Input<'a>) -> Result<Fields<'a>, DecodeError> {
    let here = *input;
    let Item::Map(pairs) = cbor::item(input)? else {
        return Err(here.error("SenML record", Reason::Malformed));
    };
    let mut fields = Fields::default();
    for _ in 0..pairs {
        let here = *input;
        match label(cbor::item(input)?, here)? {
            Some(label) => {
                let field = field(label, input)?;
                if !fields.put(field) {
                    return Err(here.error("label that stands twice", Reason::Malformed));
                }
            }
            None => cbor::skip(input)?,
        }
    }
    Ok(fields)
}

/// The label of a key; `None` for one that need not be understood.
fn label(key: Item<'_>, here: Input<'_>) -> Result<Option<Label>, DecodeError> {
    match key {
        Item::Integer(number) => {
            let known = LABELS.iter().find(|(_, _, of)| of.is_some_and(|of| i128::from(of) == number));
            Ok(known.map(|(label, ..)| *label))
        }
        Item::Text(text) => match LABELS.iter().find(|(_, of, _)| *of == text) {
            Some((label, _, None)) => Ok(Some(*label)),
            // It has a number, and under its text another reader would not find it.
            Some(_) => Err(here.error("label as text that has a number", Reason::Malformed)),
            None if text.ends_with('_') => Err(here.error("label that must be understood", Reason::Unsupported)),
            None => Ok(None),
        },
        _ => Err(here.error("label", Reason::Malformed)),
    }
}

fn field<'a>(label: Label, input: &mut Input<'a>) -> Result<Field<'a>, DecodeError> {
    let here = *input;
    let malformed = here.error("value of a field", Reason::Malformed);
    Ok(match label {
        Label::Value => Field::Value(Value::Number(cbor::number(input, "value")?)),
        Label::StringValue => Field::Value(Value::Text(text(input)?.ok_or(malformed)?)),
        Label::ObjectLinkValue => Field::Value(Value::ObjectLink(text(input)?.ok_or(malformed)?)),
        Label::BooleanValue => match cbor::item(input)? {
            Item::Flag(flag) => Field::Value(Value::Flag(flag)),
            _ => return Err(malformed),
        },
        Label::DataValue => match cbor::item(input)? {
            Item::Octets(octets) => Field::Value(Value::Data(Data::Octets(octets))),
            _ => return Err(malformed),
        },
        Label::BaseName | Label::BaseUnit | Label::Name | Label::Unit => {
            Field::Text(label, text(input)?.ok_or(malformed)?)
        }
        Label::BaseTime
        | Label::BaseValue
        | Label::BaseSum
        | Label::BaseVersion
        | Label::Sum
        | Label::Time
        | Label::UpdateTime => Field::Number(label, cbor::number(input, "number of a field")?),
    })
}

fn text<'a>(input: &mut Input<'a>) -> Result<Option<Text<'a>>, DecodeError> {
    Ok(match cbor::item(input)? {
        Item::Text(text) => Some(Text::utf8(text)),
        _ => None,
    })
}
