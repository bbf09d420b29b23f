//! Device identification — MODBUS application protocol V1.1b3, clause 6.21.

use esh_core::{DecodeError, Input, Reason};

/// The type of encapsulated interface that reads device identification.
pub(crate) const MEI: u8 = 0x0e;

/// The objects of a device that one response holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceIdentification<'a> {
    /// What was asked for: 1 basic, 2 regular, 3 extended, 4 one object.
    pub read_code: u8,
    /// What the device has: 01 to 03, with 80 where single objects can be asked for.
    pub conformity: u8,
    /// Whether there are more objects.
    pub more_follows: bool,
    /// The object to ask for next; 0 where there is none.
    pub next_object_id: u8,
    /// How many objects there are.
    pub count: u8,
    octets: &'a [u8],
}

/// One object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceObject<'a> {
    /// 0 vendor, 1 product code, 2 revision, 3 URL, 4 product, 5 model, 6 application; from 80 on the maker's own.
    pub id: u8,
    /// Its text, or the maker's octets.
    pub value: &'a [u8],
}

impl<'a> DeviceIdentification<'a> {
    /// A response with these objects, each of them id, length and value; `None` when `octets` is no such run.
    #[must_use]
    pub fn new(read_code: u8, conformity: u8, next_object_id: Option<u8>, octets: &'a [u8]) -> Option<Self> {
        let mut input = Input::new(octets, 0, super::LAYER);
        let mut count = 0u8;
        while !input.is_empty() {
            object(&mut input).ok()?;
            count = count.checked_add(1)?;
        }
        let (more_follows, next_object_id) = (next_object_id.is_some(), next_object_id.unwrap_or_default());
        Some(Self { read_code, conformity, more_follows, next_object_id, count, octets })
    }

    pub(super) fn read(input: &mut Input<'a>) -> Result<Self, DecodeError> {
        let read_code = read_code(input)?;
        let at = *input;
        let conformity = input.u8("conformity level")?;
        if !matches!(conformity & 0x7f, 1..=3) {
            return Err(at.error("conformity level", Reason::Reserved(conformity.into())));
        }
        let at = *input;
        let more_follows = match input.u8("more follows")? {
            0 => false,
            0xff => true,
            other => return Err(at.error("more follows", Reason::Reserved(other.into()))),
        };
        let next_object_id = input.u8("next object id")?;
        let count = input.u8("number of objects")?;
        let octets = input.rest();
        for _ in 0..count {
            object(input)?;
        }
        input.end("objects")?;
        Ok(Self { read_code, conformity, more_follows, next_object_id, count, octets })
    }

    /// The objects, one after the other.
    pub fn objects(self) -> impl Iterator<Item = DeviceObject<'a>> {
        let mut input = Input::new(self.octets, 0, super::LAYER);
        core::iter::from_fn(move || object(&mut input).ok())
    }

    /// The octets of the objects, as sent.
    #[must_use]
    pub const fn octets(self) -> &'a [u8] {
        self.octets
    }
}

pub(super) fn read_code(input: &mut Input<'_>) -> Result<u8, DecodeError> {
    let at = *input;
    match input.u8("read device id code")? {
        code @ 1..=4 => Ok(code),
        other => Err(at.error("read device id code", Reason::Reserved(other.into()))),
    }
}

fn object<'a>(input: &mut Input<'a>) -> Result<DeviceObject<'a>, DecodeError> {
    let id = input.u8("object id")?;
    let len = input.u8("object length")?;
    Ok(DeviceObject { id, value: input.take("object value", len.into())? })
}
