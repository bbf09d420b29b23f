//! The CoRE link format, RFC 6690, clause 2: what a server says of its resources, and a LwM2M client of its objects.

use esh_core::nom::{Parsed, finish};
use esh_core::{DecodeError, Input, Layer, Reason};
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::combinator::{map, opt};
use nom::multi::many0_count;
use nom::sequence::{delimited, preceded};
use nom::{Input as _, Parser};

/// A link: what it points to, and what is said of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// The reference between the angle brackets.
    pub target: &'a str,
    attributes: &'a [u8],
}

/// Links that have been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Links<'a>(&'a [u8]);

impl<'a> Links<'a> {
    /// Checks a text of links; `offset` is where it stands.
    ///
    /// # Errors
    /// Where it leaves the format.
    pub fn parse(text: &'a [u8], offset: usize) -> Result<Self, DecodeError> {
        let mut input = Input::new(text, offset, Layer::Application);
        core::str::from_utf8(text).map_err(|_| input.error("links", Reason::Malformed))?;
        while !input.is_empty() {
            input = finish(link(input), "link")?.0;
            if input.is_empty() {
                break;
            }
            input = finish(comma(input), "link")?.0;
            if input.is_empty() {
                return Err(input.error("link", Reason::Truncated { needed: 1, left: 0 }));
            }
        }
        Ok(Self(text))
    }
}

impl<'a> Iterator for Links<'a> {
    type Item = Link<'a>;

    fn next(&mut self) -> Option<Link<'a>> {
        let (rest, found) = link(Input::new(self.0, 0, Layer::Application)).ok()?;
        self.0 = comma(rest).map_or(&[][..], |(rest, _)| rest.rest());
        Some(found)
    }
}

impl<'a> Link<'a> {
    /// What is said of it: names, and values where they have one, without the quotes.
    pub fn attributes(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + use<'a> {
        let mut rest = Input::new(self.attributes, 0, Layer::Application);
        core::iter::from_fn(move || {
            let (after, found) = attribute(rest).ok()?;
            rest = after;
            Some(found)
        })
    }

    /// The value of the first attribute of that name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes().find(|(of, _)| *of == name)?.1
    }
}

fn comma(input: Input<'_>) -> Parsed<'_, ()> {
    map((blank, tag(","), blank), drop).parse(input)
}

fn blank(input: Input<'_>) -> Parsed<'_, Input<'_>> {
    take_while(|octet: u8| matches!(octet, b' ' | b'\t' | b'\r' | b'\n'))(input)
}

fn link(input: Input<'_>) -> Parsed<'_, Link<'_>> {
    let (all, target) = delimited(tag("<"), take_while(|octet| octet != b'>'), tag(">")).parse(input)?;
    let (rest, _) = many0_count(attribute).parse(all)?;
    let attributes = all.take(all.len() - rest.len()).rest();
    Ok((rest, Link { target: text(target), attributes }))
}

type Attribute<'a> = (&'a str, Option<&'a str>);

fn attribute(input: Input<'_>) -> Parsed<'_, Attribute<'_>> {
    let name = take_while1(|octet: u8| octet.is_ascii_alphanumeric() || b"!#$&+-.^_`|~*".contains(&octet));
    let quoted = delimited(tag("\""), take_quoted, tag("\""));
    let plain = take_while1(|octet: u8| octet > b' ' && !matches!(octet, b',' | b';' | b'"' | 0x7f));
    let value = opt(preceded(tag("="), alt((quoted, plain))));
    let whole = preceded((blank, tag(";"), blank), (name, value));
    map(whole, |(name, value)| (text(name), value.map(text))).parse(input)
}

/// What stands in quotes, where a backslash takes the meaning from what follows it.
fn take_quoted(input: Input<'_>) -> Parsed<'_, Input<'_>> {
    let mut escaped = false;
    let end = input.rest().iter().position(|octet| match (escaped, octet) {
        (false, b'"') => true,
        (false, b'\\') => {
            escaped = true;
            false
        }
        _ => {
            escaped = false;
            false
        }
    });
    let (rest, taken) = input.take_split(end.unwrap_or_else(|| input.len()));
    Ok((rest, taken))
}

/// All of it is text, which was checked before.
fn text(input: Input<'_>) -> &str {
    core::str::from_utf8(input.rest()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{string::ToString, vec::Vec};

    #[test]
    fn links_tell_what_a_device_has() {
        let text = b"</>;rt=\"oma.lwm2m\";ct=110, </1/0>,</3424/0>;ver=1.1;obs;title=\"a \\\"b\\\", c\"";
        let links: Vec<_> = Links::parse(text, 0).unwrap().collect();
        assert_eq!(links.iter().map(|link| link.target).collect::<Vec<_>>(), ["/", "/1/0", "/3424/0"]);
        assert_eq!((links[0].attribute("rt"), links[0].attribute("ct")), (Some("oma.lwm2m"), Some("110")));
        assert_eq!(links[1].attributes().count(), 0);
        let said: Vec<_> = links[2].attributes().collect();
        assert_eq!(said, [("ver", Some("1.1")), ("obs", None), ("title", Some("a \\\"b\\\", c"))]);
        assert_eq!(Links::parse(b"", 0).unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_link_is_refused_with_its_place() {
        for (text, told) in [
            ("/1/0", "application layer, octet 10 (delimiter): not a valid value"),
            ("</1/0", "application layer, octet 15 (delimiter): not a valid value"),
            ("</1/0>,", "application layer, octet 17 (link): needs 1 octet, 0 left"),
            ("</1/0>;", "application layer, octet 16 (delimiter): not a valid value"),
            ("</1/0>;a=\"b", "application layer, octet 18 (delimiter): not a valid value"),
            ("</1/0></3/0>", "application layer, octet 16 (delimiter): not a valid value"),
        ] {
            let refused = Links::parse(text.as_bytes(), 10).map(Iterator::count);
            assert_eq!(refused.map_err(|error| error.to_string()), Err(told.to_string()), "{text}");
        }
        assert!(Links::parse(b"<\xff>", 0).is_err());
    }
}
