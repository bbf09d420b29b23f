//! Values that may be written in several forms: a number, a word, a table, a list.

use esh_core::profile::Code;
use esh_core::{Decimal, Quality};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use toml::Spanned;

/// A value in one of its forms. `T` is what a table holds.
#[derive(Clone, Debug)]
pub(super) enum Form<T> {
    Number(i64),
    Word(String),
    Table(T),
    List(Vec<Spanned<Self>>),
}

/// There is no table of this.
#[derive(Clone, Debug)]
pub(super) enum NoTable {}

impl<'de> Deserialize<'de> for NoTable {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::custom("a table cannot stand here"))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Form<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Any<T> {
            type Value = Form<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a word, a list or a table")
            }

            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Form::Number(number))
            }

            fn visit_str<E>(self, word: &str) -> Result<Self::Value, E> {
                Ok(Form::Word(word.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Form::Table)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Form::List)
            }
        }
        deserializer.deserialize_any(Any(PhantomData))
    }
}

impl<T> Form<T> {
    /// The items of a list, or the one thing that stands in its place.
    pub(super) fn items(self, span: Range<usize>) -> Vec<Spanned<Self>> {
        match self {
            Self::List(items) => items,
            one => vec![Spanned::new(span, one)],
        }
    }
}

/// A number that is read as it is written, never as a binary float.
pub(super) type Exact = Spanned<toml::Value>;

/// The decimal that is written there.
pub(super) fn exact(text: &str, exact: &Exact) -> Option<Decimal> {
    match exact.get_ref() {
        toml::Value::Integer(number) => Some(Decimal::new((*number).into(), 0)),
        toml::Value::Float(_) => {
            let written: String = text.get(exact.span())?.chars().filter(|c| !matches!(c, '_' | '+')).collect();
            Decimal::parse(&written)
        }
        toml::Value::String(text) => Decimal::parse(text.trim()),
        _ => None,
    }
}

/// A whole number as a key of a table or a text has it: `16`, `-1`, `0x10`, `0b101`.
pub(super) fn whole(text: &str) -> Option<i128> {
    let text = text.trim().replace('_', "");
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.as_str()),
    };
    let number = match digits.split_at_checked(2) {
        Some(("0x", digits)) => i128::from_str_radix(digits, 16),
        Some(("0b", digits)) => i128::from_str_radix(digits, 2),
        _ => digits.parse(),
    };
    number.ok().filter(|number| *number >= 0).map(|number| if negative { -number } else { number })
}

/// A table from numbers to something.
pub(super) type ByNumber<T> = BTreeMap<Spanned<String>, T>;

/// The words of codes that stand for no value.
pub(super) const CODES: [(&str, Code); 4] =
    [("all_ones", Code::AllOnes), ("smallest", Code::Smallest), ("largest", Code::Largest), ("zero", Code::Zero)];

/// A code that stands for no value, as a word or as a number.
pub(super) fn code(word: &str) -> Option<Code> {
    if let Some((_, code)) = CODES.iter().find(|(known, _)| *known == word) {
        return Some(*code);
    }
    let number = whole(word)?;
    i64::try_from(number).map(|number| number as u64).or_else(|_| u64::try_from(number)).ok().map(Code::Bits)
}

/// Why there is no value, where a profile says that.
pub(super) const NO_VALUE: [Quality; 5] =
    [Quality::Invalid, Quality::NotAvailable, Quality::Overflow, Quality::Underflow, Quality::Error];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        for (text, wanted) in [
            ("16", Some(16)),
            ("0x10", Some(16)),
            ("0b101", Some(5)),
            ("-1", Some(-1)),
            ("0xffffffffffffffff", Some(u64::MAX.into())),
            ("", None),
            ("x", None),
            ("--1", None),
            ("é1", None),
        ] {
            assert_eq!(whole(text), wanted, "{text}");
        }
    }
}
