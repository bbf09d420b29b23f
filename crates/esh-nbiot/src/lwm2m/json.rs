//! LwM2M JSON, OMA LwM2M Core 1.0, clause 6.4.4: the elements of an object, resolved.

use crate::json::{Cursor, Value as Json};
use crate::senml::{Name, Value};
use esh_core::{Decimal, DecodeError, Reason, Text};

/// One element with the base name and the base time applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) name: Name<'a>,
    pub(super) value: Value<'a>,
    pub(super) time: Option<Decimal>,
    pub(super) octets: &'a [u8],
    pub(super) offset: usize,
}

/// Hands over the elements of a text; says how many there were.
///
/// # Errors
/// Where it is no LwM2M JSON.
pub(super) fn walk<'a>(
    payload: &'a [u8],
    offset: usize,
    each: &mut dyn FnMut(Element<'a>),
) -> Result<usize, DecodeError> {
    let start = Cursor::new(payload, offset)?;
    // The base name and time may stand behind the elements.
    let (mut base_name, mut base_time, mut elements) = (None, None, None);
    let mut cursor = start;
    if !matches!(cursor.value()?, Json::Object) {
        return Err(start.error("LwM2M JSON", Reason::Malformed));
    }
    let mut first = true;
    while cursor.goes_on(first, b'}')? {
        first = false;
        let here = cursor;
        let twice = here.error("member that stands twice", Reason::Malformed);
        let name = cursor.name()?;
        let value = cursor.value()?;
        match (name.plain().unwrap_or_default(), value) {
            ("bn", Json::Text(text)) if base_name.is_none() => base_name = Some(text),
            ("bt", Json::Number(number)) if base_time.is_none() => {
                base_time = Some(cursor.decimal(number, "base time")?);
            }
            ("e", Json::Array) if elements.is_none() => {
                elements = Some(cursor);
                cursor.skip(value)?;
            }
            ("bn" | "bt" | "e", _) => return Err(twice),
            _ => cursor.skip(value)?,
        }
    }
    cursor.end()?;
    let mut cursor = elements.ok_or_else(|| start.error("elements", Reason::Truncated { needed: 1, left: 0 }))?;
    let mut count = 0;
    while cursor.goes_on(count == 0, b']')? {
        cursor.blanks();
        let before = cursor;
        let (name, value, time) = element(&mut cursor)?;
        let name = Name::joined(base_name.unwrap_or(Text::utf8("")), name.unwrap_or(Text::utf8("")));
        let time = match (base_time, time) {
            (Some(base), Some(own)) => Some(base.plus(own).ok_or_else(|| before.error("time", Reason::Overflow))?),
            (one, other) => one.or(other),
        };
        each(Element { name, value, time, octets: cursor.since(&before), offset: before.offset() });
        count += 1;
    }
    Ok(count)
}

type Read<'a> = (Option<Text<'a>>, Value<'a>, Option<Decimal>);

fn element<'a>(cursor: &mut Cursor<'a>) -> Result<Read<'a>, DecodeError> {
    let start = *cursor;
    if !matches!(cursor.value()?, Json::Object) {
        return Err(start.error("element", Reason::Malformed));
    }
    let (mut name, mut value, mut time, mut first) = (None, None, None, true);
    while cursor.goes_on(first, b'}')? {
        first = false;
        let here = *cursor;
        let key = cursor.name()?;
        let found = cursor.value()?;
        let read = match (key.plain().unwrap_or_default(), found) {
            ("n", Json::Text(text)) if name.is_none() => {
                name = Some(text);
                continue;
            }
            ("t", Json::Number(number)) if time.is_none() => {
                time = Some(cursor.decimal(number, "time")?);
                continue;
            }
            ("v", Json::Number(number)) => Value::Number(cursor.decimal(number, "value")?),
            ("sv", Json::Text(text)) => Value::Text(text),
            ("bv", Json::Flag(flag)) => Value::Flag(flag),
            ("ov", Json::Text(text)) => Value::ObjectLink(text),
            ("n" | "t" | "v" | "sv" | "bv" | "ov", _) => {
                return Err(here.error("member of an element", Reason::Malformed));
            }
            _ => {
                cursor.skip(found)?;
                continue;
            }
        };
        if value.replace(read).is_some() {
            return Err(here.error("second value of an element", Reason::Malformed));
        }
    }
    let value = value.ok_or_else(|| start.error("value of an element", Reason::Truncated { needed: 1, left: 0 }))?;
    Ok((name, value, time))
}
