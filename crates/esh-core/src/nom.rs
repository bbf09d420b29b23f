//! nom over [`Input`]: for nested text grammars and recursive tagged data, with our error that knows its place.
//!
//! Fixed headers are shorter and better reported with the cursor itself. `nom::multi::length_data` answers
//! `Incomplete` even for complete input, and a truncated frame then passes for a whole one: use [`octets`] instead.

use crate::{DecodeError, Input, Layer, Reason};
use ::nom::error::{ErrorKind, ParseError};
use ::nom::{Err, IResult, Needed};

/// What a parser over an [`Input`] answers.
pub type Parsed<'a, T> = IResult<Input<'a>, T, DecodeError>;

/// One octet.
///
/// # Errors
/// [`Reason::Truncated`] at the end.
pub fn octet<'a>(field: &'static str) -> impl Fn(Input<'a>) -> Parsed<'a, u8> {
    move |mut input| match input.u8(field) {
        Ok(octet) => Ok((input, octet)),
        Err(error) => Err(Err::Error(error)),
    }
}

/// `count` octets.
///
/// # Errors
/// [`Reason::Truncated`] if fewer are left.
pub fn octets<'a>(field: &'static str, count: usize) -> impl Fn(Input<'a>) -> Parsed<'a, &'a [u8]> {
    move |mut input| match input.take(field, count) {
        Ok(octets) => Ok((input, octets)),
        Err(error) => Err(Err::Error(error)),
    }
}

/// What a parser gave, or its error: the one place where nom's answer becomes ours.
///
/// # Errors
/// Those of the parser; an answer of `Incomplete` is a truncated frame.
pub fn finish<'a, T>(parsed: Parsed<'a, T>, field: &'static str) -> Result<(Input<'a>, T), DecodeError> {
    parsed.map_err(|error| match error {
        Err::Error(error) | Err::Failure(error) => error,
        Err::Incomplete(needed) => DecodeError {
            layer: Layer::Application,
            field,
            offset: 0,
            reason: Reason::Truncated {
                needed: match needed {
                    Needed::Size(size) => size.get(),
                    Needed::Unknown => 1,
                },
                left: 0,
            },
        },
    })
}

impl<'a> ParseError<Input<'a>> for DecodeError {
    fn from_error_kind(input: Input<'a>, kind: ErrorKind) -> Self {
        let reason = match kind {
            ErrorKind::Eof | ErrorKind::Complete => Reason::Truncated { needed: 1, left: 0 },
            _ => Reason::Malformed,
        };
        input.error(kind.description_for_people(), reason)
    }

    fn append(_: Input<'a>, _: ErrorKind, other: Self) -> Self {
        other
    }

    fn or(self, other: Self) -> Self {
        // The alternative that came further knows more about what is wrong.
        if self.offset > other.offset { self } else { other }
    }
}

/// A field name for what nom knows only by a kind.
trait ForPeople {
    fn description_for_people(&self) -> &'static str;
}

impl ForPeople for ErrorKind {
    fn description_for_people(&self) -> &'static str {
        match self {
            Self::Digit | Self::HexDigit => "digit",
            Self::Tag | Self::Char | Self::OneOf | Self::NoneOf => "delimiter",
            Self::Eof => "end",
            _ => "text",
        }
    }
}

impl<'a> ::nom::Input for Input<'a> {
    type Item = u8;
    type Iter = core::iter::Copied<core::slice::Iter<'a, u8>>;
    type IterIndices = core::iter::Enumerate<Self::Iter>;

    fn input_len(&self) -> usize {
        self.len()
    }

    fn take(&self, index: usize) -> Self {
        Input::new(self.rest().get(..index).unwrap_or_else(|| self.rest()), self.offset(), self.layer())
    }

    fn take_from(&self, index: usize) -> Self {
        Input::new(self.rest().get(index..).unwrap_or_default(), self.offset() + index.min(self.len()), self.layer())
    }

    fn take_split(&self, index: usize) -> (Self, Self) {
        (self.take_from(index), self.take(index))
    }

    fn position<P: Fn(u8) -> bool>(&self, predicate: P) -> Option<usize> {
        self.rest().iter().position(|octet| predicate(*octet))
    }

    fn iter_elements(&self) -> Self::Iter {
        self.rest().iter().copied()
    }

    fn iter_indices(&self) -> Self::IterIndices {
        self.iter_elements().enumerate()
    }

    fn slice_index(&self, count: usize) -> Result<usize, Needed> {
        if self.len() >= count { Ok(count) } else { Err(Needed::new(count - self.len())) }
    }
}

impl ::nom::Compare<&str> for Input<'_> {
    fn compare(&self, text: &str) -> ::nom::CompareResult {
        self.rest().compare(text.as_bytes())
    }

    fn compare_no_case(&self, text: &str) -> ::nom::CompareResult {
        self.rest().compare_no_case(text.as_bytes())
    }
}

impl ::nom::Offset for Input<'_> {
    fn offset(&self, second: &Self) -> usize {
        Input::offset(second) - Input::offset(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::nom::Parser;
    use ::nom::bytes::complete::{tag, take_while1};
    use ::nom::multi::many0_count;
    use std::string::ToString;

    #[test]
    fn a_truncated_value_is_said_through_a_repetition() {
        let record = |input| (octet("tag"), octets("value", 4)).parse(input);
        let input = Input::new(&[1, 0, 0, 0, 0, 2, 0, 0], 0, Layer::Application);
        let (rest, count) = finish(many0_count(record).parse(input), "records").unwrap();
        assert_eq!((count, rest.offset()), (1, 5));
        let error = finish(record(rest), "record").unwrap_err();
        assert_eq!(error.to_string(), "application layer, octet 6 (value): needs 4 octets, 2 left");
    }

    #[test]
    fn text_grammars_keep_their_place() {
        let input = Input::new(b"1.8.0(0123", 100, Layer::Application);
        let code = take_while1(|octet: u8| octet != b'(');
        let (rest, code): (_, Input<'_>) =
            finish((code, tag("(")).parse(input), "code").map(|(rest, (code, _))| (rest, code)).unwrap();
        assert_eq!((code.rest(), rest.offset()), (&b"1.8.0"[..], 106));
    }
}
