//! A payload checked, and its values told.

use super::path::PathText;
use super::{ContentFormat, Lwm2m, Path, Value, json, tlv};
use crate::cbor::{self, Item};
use crate::senml::{self, Data, Encoding, Pack, Record};
use core::fmt::Display;
use esh_core::note::{Notes, Place, at};
use esh_core::{
    Carrier, Content, DecodeError, Field, Input, Known, Layer, Opened, Out, Reason, Refused, Security, Text,
};

impl Carrier for Lwm2m {
    fn open<'f>(&self, frame: &'f mut [u8], _: &dyn Known, out: &mut dyn Out<'_>) -> Result<Opened<'f>, Refused> {
        let payload: &'f [u8] = frame;
        let mut notes = Notes::new(out);
        self.tell(payload, &mut notes)?;
        let content = Content::Media(self.content_format);
        let security = Security::NONE;
        Ok(Opened { meter: None, content, payload, offset: 0, security, counter: None, trailing: &[] })
    }
}

impl Lwm2m {
    fn tell(self, payload: &[u8], notes: &mut Notes<'_, '_>) -> Result<(), DecodeError> {
        let Some(format) = ContentFormat::from_number(self.content_format) else {
            let reason = Reason::UnknownFormat(self.content_format.into());
            return Err(DecodeError { layer: Layer::Application, field: "Content-Format", offset: 0, reason });
        };
        match format {
            ContentFormat::PlainText | ContentFormat::Opaque | ContentFormat::Cbor => {
                let value = single(format, self.path, payload, 0)?;
                tell_value(self.path, value, payload, 0, notes);
                Ok(())
            }
            ContentFormat::SenmlJson | ContentFormat::SenmlCbor => {
                let pack = Pack::parse(encoding(format), payload, 0)?;
                tell_pack(pack, payload.len(), notes);
                self.not_empty(pack.records().next().is_none())
            }
            ContentFormat::Tlv => tlv::walk(payload, 0, self.path, &mut |leaf, _| {
                tell_value(leaf.path, leaf.value, leaf.octets, leaf.offset, notes);
            }),
            ContentFormat::Json => {
                let count = json::walk(payload, 0, &mut |_| ())?;
                notes.array(at(Layer::Application, 0, payload.len(), "elements", "records"), |notes| {
                    // It has been walked without an error.
                    let _ = json::walk(payload, 0, &mut |element| {
                        let at_element =
                            |key| at(Layer::Application, element.offset, element.octets.len(), "element", key);
                        notes.object(at_element(Field::ELEMENT), |notes| {
                            notes.text(at_element("n"), &element.name, &"");
                            tell_senml_value(element.value, JSON_KEYS, &at_element, notes);
                            if let Some(time) = element.time {
                                notes.decimal(at_element("t"), time, &"");
                            }
                        });
                    });
                });
                self.not_empty(count == 0)
            }
        }
    }

    /// One resource has one value.
    fn not_empty(self, empty: bool) -> Result<(), DecodeError> {
        let single =
            self.path.object().zip(self.path.resource()).and_then(|(object, id)| super::model::resource(object, id));
        match single {
            Some(resource) if empty && resource.multiplicity == super::model::Multiplicity::Single => {
                Err(DecodeError {
                    layer: Layer::Application,
                    field: "value of a resource",
                    offset: 0,
                    reason: Reason::Truncated { needed: 1, left: 0 },
                })
            }
            _ => Ok(()),
        }
    }
}

pub(super) const fn encoding(format: ContentFormat) -> Encoding {
    match format {
        ContentFormat::SenmlCbor => Encoding::Cbor,
        _ => Encoding::Json,
    }
}

/// The one value of a payload in plain text, opaque or CBOR.
pub(super) fn single(
    format: ContentFormat,
    path: Path,
    payload: &[u8],
    offset: usize,
) -> Result<Value<'_>, DecodeError> {
    let mut input = Input::new(payload, offset, Layer::Application);
    let start = input;
    let malformed = || start.error("value of a resource", Reason::Malformed);
    match format {
        ContentFormat::PlainText => {
            let text = core::str::from_utf8(payload).map_err(|_| malformed())?;
            Value::of_text(path, text).ok_or_else(malformed)
        }
        ContentFormat::Cbor => {
            let value = match cbor::item(&mut input)? {
                Item::Text(text) => Value::Text(Text::utf8(text)),
                Item::Octets(octets) => Value::Data(Data::Octets(octets)),
                Item::Flag(flag) => Value::Flag(flag),
                Item::Integer(_) | Item::Float(_) | Item::Tag(2..=4) => {
                    input = start;
                    Value::Number(cbor::number(&mut input, "value of a resource")?)
                }
                _ => return Err(malformed()),
            };
            input.end("CBOR item")?;
            Ok(value)
        }
        _ => Ok(Value::Data(Data::Octets(payload))),
    }
}

fn tell_value(path: Path, value: Value<'_>, octets: &[u8], offset: usize, notes: &mut Notes<'_, '_>) {
    if !notes.wanted() {
        return;
    }
    let text = PathText::of(path);
    let resource = path.object().zip(path.resource()).and_then(|(object, id)| super::model::resource(object, id));
    let meaning = resource.map_or("", |resource| resource.name);
    let place = at(Layer::Application, offset, octets.len(), "resource", text.as_str());
    match value {
        Value::Number(number) => notes.decimal(place, number, &meaning),
        Value::Flag(flag) => notes.flag(place, flag, &meaning),
        other => notes.text(place, &other, &meaning),
    }
}

/// The names that the value of a record has: number, text, flag, octets, object link.
const SENML_KEYS: [&str; 5] = ["v", "vs", "vb", "vd", "vlo"];
const JSON_KEYS: [&str; 5] = ["v", "sv", "bv", "vd", "ov"];

fn tell_senml_value<'k>(
    value: senml::Value<'_>,
    [number, text, flag, data, link]: [&'k str; 5],
    place: &dyn Fn(&'k str) -> Place<'k>,
    notes: &mut Notes<'_, '_>,
) {
    match value {
        senml::Value::Number(value) => notes.decimal(place(number), value, &""),
        senml::Value::Text(value) => notes.text(place(text), &value, &""),
        senml::Value::Flag(value) => notes.flag(place(flag), value, &""),
        senml::Value::Data(value) => notes.text(place(data), &value, &""),
        senml::Value::ObjectLink(value) => notes.text(place(link), &value, &""),
    }
}

/// Tells the records of a pack.
pub(crate) fn tell_pack(pack: Pack<'_>, len: usize, notes: &mut Notes<'_, '_>) {
    if !notes.wanted() {
        return;
    }
    notes.array(at(Layer::Application, 0, len, "records", "records"), |notes| {
        pack.records().for_each(|record| tell_record(&record, notes));
    });
}

fn tell_record(record: &Record<'_>, notes: &mut Notes<'_, '_>) {
    let place = |key| at(Layer::Application, record.offset, record.octets.len(), "record", key);
    notes.object(place(Field::ELEMENT), |notes| {
        notes.text(place("n"), &record.name as &dyn Display, &"");
        if let Some(value) = record.value {
            tell_senml_value(value, SENML_KEYS, &place, notes);
        }
        if let Some(unit) = record.unit {
            notes.text(place("u"), &unit, &"");
        }
        for (key, number) in [("s", record.sum), ("t", record.time), ("ut", record.update_time)] {
            if let Some(number) = number {
                notes.decimal(place(key), number, &"");
            }
        }
        if record.is_path_only() {
            notes.flag(place("path_only"), true, &"");
        }
    });
}
