//! The wire format of Protocol Buffers: fields by their numbers, read where they lie.
//!
//! A reader of our own: a dozen fields of a few messages are wanted out of dozens, an error shall name its octet, and a
//! library would copy every text of every message into structures that are thrown away at once.

use esh_core::{DecodeError, Layer, Reason};

/// A message, field by field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    octets: &'a [u8],
    /// Where it stands in the frame.
    offset: usize,
}

/// The value of a field, by its wire type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// `int32` to `uint64`, `bool`, `enum`.
    Varint(u64),
    /// `fixed64`, `double`.
    Eight([u8; 8]),
    /// A text, octets, a message.
    Octets(&'a [u8]),
    /// `fixed32`, `float`.
    Four([u8; 4]),
}

/// A field: its number, its value, and where the value begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    pub(super) value: Value<'a>,
    pub(super) offset: usize,
}

/// Walks over the fields of a message.
struct Fields<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Message<'a> {
    pub(super) const fn new(octets: &'a [u8], offset: usize) -> Self {
        Self { octets, offset }
    }

    /// Walks over all fields to the end.
    ///
    /// # Errors
    /// When it is no message.
    pub(super) fn check(self) -> Result<(), DecodeError> {
        let mut fields = self.walk();
        while fields.next()?.is_some() {}
        Ok(())
    }

    const fn walk(self) -> Fields<'a> {
        Fields { rest: self.octets, offset: self.offset }
    }

    /// The fields up to the first that is none.
    pub(super) fn fields(self) -> impl Iterator<Item = Field<'a>> {
        let mut fields = self.walk();
        std::iter::from_fn(move || fields.next().ok().flatten())
    }

    /// A field; of several the last one counts.
    pub(super) fn get(self, number: u32) -> Option<Field<'a>> {
        self.fields().filter(|field| field.number == number).last()
    }

    pub(super) fn number(self, number: u32) -> Option<u64> {
        match self.get(number)?.value {
            Value::Varint(value) => Some(value),
            _ => None,
        }
    }

    /// A number that may be negative: it is written in 64 bits then.
    pub(super) fn signed(self, number: u32) -> Option<i64> {
        self.number(number).map(u64::cast_signed)
    }

    pub(super) fn octets(self, number: u32) -> Option<&'a [u8]> {
        match self.get(number)?.value {
            Value::Octets(octets) => Some(octets),
            _ => None,
        }
    }

    pub(super) fn text(self, number: u32) -> Option<&'a str> {
        std::str::from_utf8(self.octets(number)?).ok()
    }

    pub(super) fn message(self, number: u32) -> Option<Self> {
        self.messages(number).last()
    }

    /// All messages of a field that may come again.
    pub(super) fn messages(self, number: u32) -> impl Iterator<Item = Self> {
        self.fields().filter(move |field| field.number == number).filter_map(|field| match field.value {
            Value::Octets(octets) => Some(Self::new(octets, field.offset)),
            _ => None,
        })
    }
}

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<Option<Field<'a>>, DecodeError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let begin = self.offset;
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| (1..1 << 29).contains(number));
        let Some(number) = number else { return Err(error("field number", begin, Reason::Malformed)) };
        let mut offset = self.offset;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Eight(self.array()?),
            2 => {
                let length = self.varint()?;
                offset = self.offset;
                Value::Octets(self.take(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            5 => Value::Four(self.array()?),
            // Groups are older than all of these messages.
            other => return Err(error("wire type", begin, Reason::Reserved(other as u32))),
        };
        Ok(Some(Field { number, value, offset }))
    }

    fn varint(&mut self) -> Result<u64, DecodeError> {
        let begin = self.offset;
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [octet] = self.array()?;
            // Of the tenth octet there is room for one bit.
            if shift == 63 && octet > 1 {
                break;
            }
            value |= u64::from(octet & 0x7f) << shift;
            if octet & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(error("varint", begin, Reason::Overflow))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let octets = self.take(N)?;
        octets.try_into().map_err(|_| error("field", self.offset, Reason::Malformed))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let truncated = Reason::Truncated { needed: count, left: self.rest.len() };
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| error("field", self.offset, truncated))?;
        self.rest = rest;
        self.offset += count;
        Ok(taken)
    }
}

const fn error(field: &'static str, offset: usize, reason: Reason) -> DecodeError {
    DecodeError { layer: Layer::Application, field, offset, reason }
}

/// Writes messages, for tests.
#[cfg(test)]
pub(super) mod write {
    pub(crate) fn varint(mut value: u64, into: &mut Vec<u8>) {
        while value > 0x7f {
            into.push(value as u8 | 0x80);
            value >>= 7;
        }
        into.push(value as u8);
    }

    pub(crate) fn number(field: u32, value: u64, into: &mut Vec<u8>) {
        varint(u64::from(field << 3), into);
        varint(value, into);
    }

    pub(crate) fn octets(field: u32, value: &[u8], into: &mut Vec<u8>) {
        varint(u64::from(field << 3 | 2), into);
        varint(value.len() as u64, into);
        into.extend(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_found_by_their_numbers() {
        // The examples of the format's own description: 150 in field 1, "testing" in field 2, a message in field 3.
        let octets = b"\x08\x96\x01\x12\x07testing\x1a\x03\x08\x96\x01\x25\x00\x00\x80\x3f";
        let message = Message::new(octets, 100);
        message.check().unwrap();
        assert_eq!((message.number(1), message.text(2)), (Some(150), Some("testing")));
        assert_eq!(message.message(3).and_then(|inner| inner.number(1)), Some(150));
        assert_eq!(message.get(4).map(|field| field.value), Some(Value::Four([0, 0, 0x80, 0x3f])));
        assert_eq!(message.get(2).map(|field| field.offset), Some(105));
        assert_eq!((message.number(2), message.octets(9)), (None, None), "another type is as good as none");
        let minus = [&[0x08][..], &[0xff; 9], &[1]].concat();
        assert_eq!(Message::new(&minus, 0).signed(1), Some(-1));
    }

    #[test]
    fn what_is_no_message_says_where() {
        for (octets, field, at) in [
            (&b"\x08"[..], "field", 1),
            (b"\x12\x05abc", "field", 2),
            (b"\x00\x01", "field number", 0),
            (b"\x0b\x0c", "wire type", 0),
            (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "varint", 1),
            (b"{\"a\":1}", "wire type", 0),
        ] {
            let error = Message::new(octets, 0).check().unwrap_err();
            assert_eq!((error.field, error.offset), (field, at), "{octets:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number in 1u32..1 << 29, value: u64, octets: Vec<u8>) {
            let mut message = Vec::new();
            write::number(number, value, &mut message);
            write::octets(number ^ 1, &octets, &mut message);
            prop_assume!(number ^ 1 > 0);
            let message = Message::new(&message, 0);
            prop_assert!(message.check().is_ok());
            prop_assert_eq!((message.number(number), message.octets(number ^ 1)), (Some(value), Some(&octets[..])));
        }

        #[test]
        fn anything_is_refused_or_read(octets: Vec<u8>) {
            let message = Message::new(&octets, 0);
            let all = message.fields().count();
            prop_assert!(message.check().is_err() || all <= octets.len());
        }
    }
}
