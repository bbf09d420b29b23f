//! Values of resources, OMA LwM2M Core 1.1, appendix C: octets typed by the object model.

use super::{Path, model, model::Type};
use crate::senml::Data;
use core::fmt;
use esh_core::{Decimal, Text};

/// One value: a resource, or an instance of one.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    /// Where it stands.
    pub path: Path,
    /// What it says.
    pub value: Value<'a>,
    /// The octets it was read from, with its header where it has one.
    pub octets: &'a [u8],
    /// The octet of the frame where they begin.
    pub offset: usize,
}

/// What a resource says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A number.
    Number(Decimal),
    /// A text.
    Text(Text<'a>),
    /// Yes or no.
    Flag(bool),
    /// Octets: opaque, or of a resource that the model does not know.
    Data(Data<'a>),
    /// An object and an instance.
    ObjectLink(u16, u16),
    /// An object and an instance, as text.
    ObjectLinkText(Text<'a>),
}

impl<'a> Value<'a> {
    /// The value of a resource in the octets of a TLV; `None` when they cannot be one of its type.
    #[must_use]
    pub fn of_octets(path: Path, octets: &'a [u8]) -> Option<Self> {
        let opaque = Some(Self::Data(Data::Octets(octets)));
        let (Some(object), Some(resource)) = (path.object(), path.resource()) else { return opaque };
        let Some(resource) = model::resource(object, resource) else { return opaque };
        match resource.type_ {
            Type::Opaque | Type::Action => opaque,
            Type::Text => core::str::from_utf8(octets).ok().map(|text| Self::Text(Text::utf8(text))),
            Type::Integer | Type::Time => signed(octets).map(|number| Self::Number(Decimal::from(number))),
            Type::Unsigned => unsigned(octets).map(|number| Self::Number(Decimal::from(number))),
            Type::Float => float(octets).map(Self::Number),
            Type::Boolean => match octets {
                [0] => Some(Self::Flag(false)),
                [1] => Some(Self::Flag(true)),
                _ => None,
            },
            Type::ObjectLink => match octets {
                [a, b, c, d] => Some(Self::ObjectLink(u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]))),
                _ => None,
            },
        }
    }

    /// The value of a resource in plain text; OMA LwM2M Core 1.1, clause 7.4.1. `None` when it is none of its type.
    #[must_use]
    pub fn of_text(path: Path, text: &'a str) -> Option<Self> {
        let type_ =
            path.object().zip(path.resource()).and_then(|(object, id)| model::resource(object, id)).map(|of| of.type_);
        match type_ {
            Some(Type::Integer | Type::Time | Type::Unsigned) => Decimal::parse(text)
                .filter(|number| number.to_i64().is_some() || text.parse::<u64>().is_ok())
                .map(Self::Number),
            Some(Type::Float) => Decimal::parse(text).map(Self::Number),
            Some(Type::Boolean) => match text {
                "0" => Some(Self::Flag(false)),
                "1" => Some(Self::Flag(true)),
                _ => None,
            },
            Some(Type::Opaque) => crate::base64::is_valid(text).then_some(Self::Data(Data::Base64(text))),
            Some(Type::ObjectLink) => object_link(text).map(|(object, instance)| Self::ObjectLink(object, instance)),
            Some(Type::Text | Type::Action) | None => Some(Self::Text(Text::utf8(text))),
        }
    }

    /// The number it is.
    #[must_use]
    pub const fn number(self) -> Option<Decimal> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) | Self::ObjectLinkText(text) => text.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Data(data) => data.fmt(f),
            Self::ObjectLink(object, instance) => write!(f, "{object}:{instance}"),
        }
    }
}

fn object_link(text: &str) -> Option<(u16, u16)> {
    let (object, instance) = text.split_once(':')?;
    Some((object.parse().ok()?, instance.parse().ok()?))
}

fn signed(octets: &[u8]) -> Option<i64> {
    Some(match octets {
        [a] => i64::from(*a as i8),
        [a, b] => i64::from(i16::from_be_bytes([*a, *b])),
        [a, b, c, d] => i64::from(i32::from_be_bytes([*a, *b, *c, *d])),
        _ => i64::from_be_bytes(octets.try_into().ok()?),
    })
}

fn unsigned(octets: &[u8]) -> Option<u64> {
    matches!(octets.len(), 1 | 2 | 4 | 8)
        .then(|| octets.iter().fold(0, |number, octet| number << 8 | u64::from(*octet)))
}

fn float(octets: &[u8]) -> Option<Decimal> {
    match octets.len() {
        4 => Decimal::from_f32_shortest(f32::from_be_bytes(octets.try_into().ok()?)),
        _ => Decimal::from_f64_shortest(f64::from_be_bytes(octets.try_into().ok()?)),
    }
}
