//! Resources: the paths that meters send to, what is sent there, and whose it is.

use crate::capture::Framing;
use crate::protocols::{Inside, Sender, name_of};
use esh_core::{Id, Protocol};
use esh_nbiot::coap::option::number::URI_QUERY;
use esh_nbiot::coap::{CoapOption, Message};
use serde::Deserialize;
use std::fmt;

/// One of the paths that meters send to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The path.
    pub path: Pattern,
    /// What is sent there.
    pub form: Form,
    /// What names the meter.
    pub identity: Identity,
    /// What of the meter is observed once it has sent there.
    pub observe: Option<Pattern>,
}

/// A path, one segment of which may name a meter: `/t/{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Word(Box<str>),
    Meter,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let segments = text.strip_prefix('/')?.split('/').map(|segment| match segment {
            "{id}" => Some(Segment::Meter),
            word => {
                let good = !word.is_empty() && word.len() <= 255 && !word.contains(|c: char| "{}?#<>".contains(c));
                good.then(|| Segment::Word(word.into()))
            }
        });
        let path = Self(segments.collect::<Option<_>>()?);
        (path.0.iter().filter(|segment| **segment == Segment::Meter).count() <= 1).then_some(path)
    }

    pub(super) fn names_a_meter(&self) -> bool {
        self.0.contains(&Segment::Meter)
    }

    /// Its segments, where it names no meter.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|segment| match segment {
            Segment::Word(word) => Some(&**word),
            Segment::Meter => None,
        })
    }

    /// Whether a message goes there; with the segment that names the meter.
    fn matches<'m>(&self, message: &Message<'m>) -> Option<Option<&'m str>> {
        let (mut named, mut path) = (None, message.uri_path());
        for segment in &self.0 {
            let said = path.next()?;
            match segment {
                Segment::Word(word) if **word == *said => {}
                Segment::Word(_) => return None,
                Segment::Meter => named = Some(said),
            }
        }
        path.next().is_none().then_some(named)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|segment| match segment {
            Segment::Word(word) => write!(f, "/{word}"),
            Segment::Meter => f.write_str("/{id}"),
        })
    }
}

/// What is sent to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// What the Content-Format says; without one, the meter's profile has to know.
    AsSaid,
    /// A payload of that kind, whatever the Content-Format says.
    Inside(Inside),
    /// Whole frames of that protocol, which name their meter.
    Frame(Protocol),
}

impl Form {
    pub(in crate::sources) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "records" => Self::Inside(Inside::Records),
            "senml-json" => Self::Inside(Inside::Media(110)),
            "senml-cbor" => Self::Inside(Inside::Media(112)),
            word => match word.parse() {
                Ok(number) => Self::Inside(Inside::Media(number)),
                Err(_) => Self::Frame(Protocol::from_word(word)?),
            },
        })
    }
}

impl Form {
    /// The protocol of what is captured, which is `own` unless frames of another are sent, and what its carrier is told.
    pub(in crate::sources) const fn framing(
        self,
        own: Protocol,
        endpoint: u64,
        meter: Option<Id>,
    ) -> (Protocol, Option<Framing>) {
        let inside = match self {
            Self::AsSaid => None,
            Self::Inside(inside) => Some(inside),
            Self::Frame(protocol) => return (protocol, None),
        };
        (own, Some(Framing::From(Sender { endpoint, meter, inside })))
    }
}

/// What names the meter of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// The key, where there is one: nobody else has it. Otherwise the path, otherwise `ep` of the query.
    #[default]
    Auto,
    /// The segment `{id}` of its path.
    Path,
    /// `ep` of the query, or `imei`, or `id`.
    Query,
    /// The identity of its key.
    Psk,
    /// The address it comes from, without the port.
    Address,
}

/// Whom a message came from, beside what it says itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct From<'a> {
    /// A hash of the endpoint that lasts.
    pub(super) endpoint: u64,
    /// Its address.
    pub(super) address: std::net::IpAddr,
    /// The identity that it has shown.
    pub(super) psk: Option<&'a str>,
}

impl Resource {
    /// Whether a message goes there; with whose it is, as far as it or its peer says.
    pub(super) fn takes(&self, message: &Message<'_>, from: From<'_>) -> Option<Option<Id>> {
        let path = self.path.matches(message)?;
        let named = match self.identity {
            Identity::Auto => from.psk.or(path).or_else(|| query(message)),
            Identity::Path => path,
            Identity::Query => query(message),
            Identity::Psk => from.psk,
            Identity::Address => return Some(name_of(&from.address.to_canonical().to_string())),
        };
        Some(named.and_then(name_of))
    }
}

/// What a query calls its sender.
fn query<'m>(message: &Message<'m>) -> Option<&'m str> {
    let said = message.options().filter(|option| option.number == URI_QUERY).filter_map(CoapOption::text);
    said.filter_map(|said| said.split_once('='))
        .find(|(name, _)| matches!(*name, "ep" | "imei" | "id"))
        .map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_nbiot::coap::option::number::URI_PATH;
    use esh_nbiot::coap::{Code, Type, Writer};

    fn said(resource: &Resource, path: &[&str], query: &str, psk: Option<&str>) -> Option<Option<String>> {
        let mut buffer = [0; 200];
        let mut writer = Writer::new(&mut buffer, Type::Confirmable, Code::POST, 1, &[]).unwrap();
        for segment in path {
            writer.option(URI_PATH, segment.as_bytes()).unwrap();
        }
        if !query.is_empty() {
            writer.option(URI_QUERY, query.as_bytes()).unwrap();
        }
        let message = Message::parse(writer.payload(&[]).unwrap()).unwrap();
        let from = From { endpoint: 0, address: "::ffff:192.0.2.7".parse().unwrap(), psk };
        resource.takes(&message, from).map(|meter| meter.map(|meter| meter.to_string()))
    }

    #[test]
    fn the_path_the_query_or_the_key_names_the_meter() {
        let resource = |path, identity| Resource {
            path: Pattern::parse(path).unwrap(),
            form: Form::AsSaid,
            identity,
            observe: None,
        };
        let meter = |text: &str| Some(Some(text.to_owned()));
        let auto = resource("/t/{id}", Identity::Auto);
        assert_eq!(said(&auto, &["t", "4901"], "", None), meter("4901"));
        assert_eq!(said(&auto, &["t", "4901"], "", Some("key1")), meter("key1"), "nobody takes another's name");
        assert_eq!(said(&auto, &["t"], "", None), None);
        assert_eq!(said(&auto, &["t", "a", "b"], "", None), None);
        assert_eq!(said(&auto, &["t", "a b"], "", None), Some(None), "a name that is none");
        let plain = resource("/t/r", Identity::Auto);
        assert_eq!(said(&plain, &["t", "r"], "ep=urn:imei:4901", None), meter("urn:imei:4901"));
        assert_eq!(said(&plain, &["t", "r"], "x=1", None), Some(None));
        assert_eq!(said(&resource("/t/r", Identity::Psk), &["t", "r"], "ep=a", Some("b")), meter("b"));
        assert_eq!(said(&resource("/t/r", Identity::Query), &["t", "r"], "ep=a", Some("b")), meter("a"));
        assert_eq!(said(&resource("/t/r", Identity::Address), &["t", "r"], "", None), meter("192.0.2.7"));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["", "t/r", "/", "/t/", "/{id}/{id}", "/t/{x}", "/t?x"] {
            assert_eq!(Pattern::parse(path), None, "{path}");
        }
        assert_eq!(Pattern::parse("/t/{id}").map(|path| path.to_string()).as_deref(), Some("/t/{id}"));
        assert_eq!(Form::parse("wmbus"), Some(Form::Frame(Protocol::Wmbus)));
        assert_eq!(Form::parse("110"), Some(Form::Inside(Inside::Media(110))));
        assert_eq!(Form::parse("x"), None);
    }
}
