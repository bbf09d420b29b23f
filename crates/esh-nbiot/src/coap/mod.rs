//! CoAP messages, RFC 7252, clause 3.

mod block;
mod code;
pub mod exchange;
pub mod link;
mod open;
pub mod option;
mod write;

pub use block::Block;
pub use code::Code;
pub use open::Coap;
pub use option::CoapOption;
pub use write::{DoesNotFit, Writer};

use esh_core::{DecodeError, Input, Layer, Reason};

/// What a message wants of its receiver; RFC 7252, clause 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// It wants an acknowledgement.
    Confirmable,
    /// It wants none.
    NonConfirmable,
    /// It acknowledges a confirmable message.
    Acknowledgement,
    /// Its receiver lacks the context of a message.
    Reset,
}

impl Type {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Confirmable => "CON",
            Self::NonConfirmable => "NON",
            Self::Acknowledgement => "ACK",
            Self::Reset => "RST",
        }
    }

    const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Confirmable,
            1 => Self::NonConfirmable,
            2 => Self::Acknowledgement,
            _ => Self::Reset,
        }
    }

    const fn bits(self) -> u8 {
        match self {
            Self::Confirmable => 0,
            Self::NonConfirmable => 1,
            Self::Acknowledgement => 2,
            Self::Reset => 3,
        }
    }
}

/// A message whose octets have been checked: everything it says can be had without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    type_: Type,
    code: Code,
    id: u16,
    token: &'a [u8],
    options: &'a [u8],
    payload: &'a [u8],
}

const PAYLOAD_MARKER: u8 = 0xff;

impl<'a> Message<'a> {
    /// Checks a message as it comes in a datagram.
    ///
    /// # Errors
    /// Where it breaks the message format: a wrong version, a reserved token length or option nibble, an option that
    /// ends behind the message or whose number leaves its 16 bits, a marker without a payload, an empty message with
    /// content.
    pub fn parse(octets: &'a [u8]) -> Result<Self, DecodeError> {
        Self::checked(octets, 0, false)
    }

    /// The same between peers that have agreed on extended tokens of up to 65,804 octets; RFC 8974, clause 2.
    ///
    /// # Errors
    /// As those of [`Self::parse`].
    pub fn parse_with_extended_token(octets: &'a [u8]) -> Result<Self, DecodeError> {
        Self::checked(octets, 0, true)
    }

    fn checked(octets: &'a [u8], offset: usize, extended: bool) -> Result<Self, DecodeError> {
        let mut input = Input::new(octets, offset, Layer::Message);
        let mut tell = input;
        let [first, code, high, low] = *input.array("header")?;
        if first >> 6 != 1 {
            return Err(tell.error("version", Reason::Reserved((first >> 6).into())));
        }
        let token_length = match first & 0x0f {
            length @ 0..=8 => length.into(),
            13 if extended => usize::from(input.u8("token length")?) + 13,
            14 if extended => usize::from(input.u16_be("token length")?) + 269,
            reserved => return Err(tell.error("token length", Reason::Reserved(reserved.into()))),
        };
        let code = Code(code);
        if code == Code::EMPTY && (token_length > 0 || !input.is_empty()) {
            tell = input;
            return Err(tell.error("empty message", Reason::Trailing { octets: input.len() }));
        }
        let token = input.take("token", token_length)?;
        let all = input.rest();
        let options = all.get(..check_options(&mut input)?).unwrap_or_default();
        let payload = match input.rest() {
            [] => &[][..],
            [_marker] => return Err(input.error("payload", Reason::Truncated { needed: 2, left: 1 })),
            [_marker, payload @ ..] => payload,
        };
        let (type_, id) = (Type::from_bits(first >> 4), u16::from_be_bytes([high, low]));
        Ok(Self { type_, code, id, token, options, payload })
    }

    /// Its type.
    #[must_use]
    pub const fn type_(&self) -> Type {
        self.type_
    }

    /// Its code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// Its message id.
    #[must_use]
    pub const fn id(&self) -> u16 {
        self.id
    }

    /// Its token.
    #[must_use]
    pub const fn token(&self) -> &'a [u8] {
        self.token
    }

    /// Its payload; empty without one.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Its options, in their order.
    #[must_use]
    pub const fn options(&self) -> Options<'a> {
        Options { rest: self.options, number: 0 }
    }

    /// The first option of that number.
    #[must_use]
    pub fn option(&self, number: u16) -> Option<CoapOption<'a>> {
        self.options().find(|option| option.number == number)
    }

    /// The number of its Content-Format, where it says one.
    #[must_use]
    pub fn content_format(&self) -> Option<u16> {
        self.option(option::number::CONTENT_FORMAT)?.uint()?.try_into().ok()
    }

    /// The segments of its Uri-Path that are text.
    pub fn uri_path(&self) -> impl Iterator<Item = &'a str> {
        self.options().filter(|option| option.number == option::number::URI_PATH).filter_map(CoapOption::text)
    }

    /// The first critical option that `known` does not name, or that stands more often than it may: a request with one
    /// is answered with 4.02, another message is rejected. RFC 7252, clauses 5.4.1 and 5.4.5.
    #[must_use]
    pub fn refused_option(&self, known: &[u16]) -> Option<CoapOption<'a>> {
        let mut last = None;
        self.options().find(|option| {
            let again = last == Some(option.number);
            last = Some(option.number);
            let repeatable = option.definition().is_some_and(|is| is.repeatable);
            option.is_critical()
                && (!known.contains(&option.number) || again && !repeatable || !option.has_good_length())
        })
    }
}

/// The options of a message; RFC 7252, clause 3.1.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    rest: &'a [u8],
    number: u16,
}

impl<'a> Iterator for Options<'a> {
    type Item = CoapOption<'a>;

    #[inline]
    fn next(&mut self) -> Option<CoapOption<'a>> {
        let (head, rest) = self.rest.split_first()?;
        let (delta, rest) = nibble(head >> 4, rest)?;
        let (length, rest) = nibble(head & 0x0f, rest)?;
        let (value, rest) = rest.split_at_checked(length)?;
        self.number = self.number.wrapping_add(delta as u16);
        self.rest = rest;
        Some(CoapOption { number: self.number, value })
    }
}

/// The number behind a nibble: itself, or one or two octets more.
#[inline]
fn nibble(nibble: u8, rest: &[u8]) -> Option<(usize, &[u8])> {
    match nibble {
        13 => rest.split_first().map(|(octet, rest)| (usize::from(*octet) + 13, rest)),
        14 => rest.split_first_chunk().map(|(octets, rest)| (usize::from(u16::from_be_bytes(*octets)) + 269, rest)),
        15 => None,
        small => Some((small.into(), rest)),
    }
}

/// Checks every option up to the payload marker or the end; how many octets they are.
fn check_options(input: &mut Input<'_>) -> Result<usize, DecodeError> {
    let (all, mut number) = (input.len(), 0u16);
    while let Some(head) = input.peek() {
        if head == PAYLOAD_MARKER {
            break;
        }
        let here = *input;
        // Most options are short ones near the one before.
        if let (delta @ 0..=12, length @ 0..=12) = (head >> 4, head & 0x0f)
            && let Some(next) = number.checked_add(delta.into())
        {
            number = next;
            input.take("option", usize::from(length) + 1)?;
            continue;
        }
        input.u8("option")?;
        let delta = extended(input, head >> 4, "option delta", here)?;
        let length = extended(input, head & 0x0f, "option length", here)?;
        number = u16::try_from(u32::from(number) + delta).map_err(|_| here.error("option number", Reason::Overflow))?;
        input.take("option", length as usize)?;
    }
    Ok(all - input.len())
}

fn extended(input: &mut Input<'_>, nibble: u8, field: &'static str, here: Input<'_>) -> Result<u32, DecodeError> {
    Ok(match nibble {
        13 => u32::from(input.u8("option")?) + 13,
        14 => u32::from(input.u16_be("option")?) + 269,
        15 => return Err(here.error(field, Reason::Reserved(15))),
        small => small.into(),
    })
}

#[cfg(test)]
mod tests;
