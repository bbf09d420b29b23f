//! The client registration interface, OMA LwM2M Core 1.1, clause 6.2: what a device says of itself when it comes.

use super::Path;
use crate::coap::link::{Link, Links};
use crate::coap::{CoapOption, Message, option};
use esh_core::{DecodeError, Layer, Reason};

/// What a device says when it registers: `POST /rd?ep=…` with the links of its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register<'a> {
    /// Its name, `ep`. Behind DTLS it may leave it out: then its identity names it.
    pub endpoint: Option<&'a str>,
    /// The version of LwM2M it speaks, `lwm2m`: major and minor. 1.0 where it says none.
    pub version: (u8, u8),
    /// What it says of how it is reached, which an update may say anew.
    pub terms: Terms<'a>,
    /// Its objects.
    pub objects: Links<'a>,
}

/// How long a registration lasts, and how its device is reached; clause 6.2.1, table 6.2.1.2-1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms<'a> {
    /// Seconds until it ends without an update, `lt`.
    pub lifetime: Option<u32>,
    /// The transports it is reached by, `b`.
    pub binding: Option<&'a str>,
    /// It sleeps and is reached only after it has spoken: `Q`, in 1.0 within `b`.
    pub queue: bool,
    /// Where it takes short messages, `sms`.
    pub sms: Option<&'a str>,
}

/// The lifetime of a registration that says none; clause 6.2.1.
pub const LIFETIME: u32 = 86_400;

impl<'a> Register<'a> {
    /// Reads a request whose path was found to be that of registrations.
    ///
    /// # Errors
    /// A parameter that is none, a version that is not 1.x, or links that are none.
    pub fn read(message: &Message<'a>) -> Result<Self, DecodeError> {
        let (mut endpoint, mut version) = (None, (1, 0));
        let terms = Terms::read(message, |name, value| {
            match (name, value) {
                ("ep", Some(name)) if !name.is_empty() => endpoint = Some(name),
                ("lwm2m", Some(text)) => version = text_version(text)?,
                ("ep" | "lwm2m", _) => return None,
                // Others may follow in later versions.
                _ => {}
            }
            Some(())
        })?;
        let objects = Links::parse(message.payload(), 0)?;
        Ok(Self { endpoint, version, terms, objects })
    }

    /// The root of its objects, where it is another than `/`: the link with `rt="oma.lwm2m"`.
    #[must_use]
    pub fn root(&self) -> &'a str {
        let mut links = self.objects;
        let root = links.find(|link| link.attribute("rt") == Some("oma.lwm2m"));
        root.map_or("", |link| link.target.trim_end_matches('/'))
    }

    /// The Content-Format in which it speaks of whole objects, where it says one: `ct` at its root.
    #[must_use]
    pub fn content_formats(&self) -> Option<&'a str> {
        let mut links = self.objects;
        links.find_map(|link| link.attribute("ct"))
    }

    /// Its objects and their instances, in the order it tells them.
    pub fn paths(&self) -> impl Iterator<Item = Path> + use<'a> {
        let root = self.root();
        let paths = self.objects.filter_map(move |Link { target, .. }| Path::parse(target.strip_prefix(root)?));
        paths.filter(|path| path.object().is_some())
    }
}

impl<'a> Terms<'a> {
    /// Reads an update: `POST /rd/…`, with what has changed.
    ///
    /// # Errors
    /// A parameter that is none.
    pub fn update(message: &Message<'a>) -> Result<Self, DecodeError> {
        Self::read(message, |_, _| Some(()))
    }

    fn read(
        message: &Message<'a>,
        mut other: impl FnMut(&'a str, Option<&'a str>) -> Option<()>,
    ) -> Result<Self, DecodeError> {
        let wrong = |field| DecodeError { layer: Layer::Application, field, offset: 0, reason: Reason::Malformed };
        let mut terms = Self::default();
        for query in message.options().filter(|option| option.number == option::number::URI_QUERY) {
            let text = CoapOption::text(query).ok_or_else(|| wrong("query"))?;
            let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
            match (name, value) {
                ("lt", Some(value)) => {
                    terms.lifetime = Some(value.parse().map_err(|_| wrong("lifetime"))?);
                }
                ("b", Some(value)) if value.bytes().all(|letter| letter.is_ascii_uppercase()) => {
                    terms.binding = Some(value);
                    terms.queue |= value.contains('Q');
                }
                ("Q", None | Some("")) => terms.queue = true,
                ("sms", Some(number)) => terms.sms = Some(number),
                ("lt", None) => return Err(wrong("lifetime")),
                ("b", _) => return Err(wrong("binding")),
                (name, value) => other(name, value).ok_or_else(|| wrong("query"))?,
            }
        }
        Ok(terms)
    }
}

/// `1.0`, `1.1`, `1.2`: a later minor version is spoken to as the last one known.
fn text_version(text: &str) -> Option<(u8, u8)> {
    let (major, minor) = text.split_once('.')?;
    let version = (major.parse().ok()?, minor.parse().ok()?);
    (version.0 == 1).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coap::{Code, Type, Writer};
    use std::{string::ToString, vec::Vec};

    fn message<'b>(buffer: &'b mut [u8], queries: &[&str], links: &str) -> Message<'b> {
        let mut writer = Writer::new(buffer, Type::Confirmable, Code::POST, 1, &[7]).unwrap();
        writer.option(option::number::URI_PATH, b"rd").unwrap();
        for query in queries {
            writer.option(option::number::URI_QUERY, query.as_bytes()).unwrap();
        }
        Message::parse(writer.payload(links.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_device_says_who_it_is_and_what_it_has() {
        let mut buffer = [0; 256];
        let queries = ["ep=urn:imei:867997030000000", "lt=3600", "lwm2m=1.1", "b=U", "Q", "vendor=x"];
        let links = "</>;rt=\"oma.lwm2m\";ct=\"110 112\",</1/0>,</3/0>,</3424/0>;ver=1.1,</5>";
        let message = message(&mut buffer, &queries, links);
        let register = Register::read(&message).unwrap();
        assert_eq!((register.endpoint, register.version), (Some("urn:imei:867997030000000"), (1, 1)));
        let terms = Terms { lifetime: Some(3600), binding: Some("U"), queue: true, sms: None };
        assert_eq!((register.terms, register.content_formats()), (terms, Some("110 112")));
        let paths: Vec<_> = register.paths().map(|path| path.to_string()).collect();
        assert_eq!(paths, ["/1/0", "/3/0", "/3424/0", "/5"]);
    }

    #[test]
    fn what_it_leaves_out_is_that_of_1_0_and_another_root_is_taken_off() {
        let mut buffer = [0; 256];
        let message = message(&mut buffer, &["ep=a", "b=UQ"], "</lwm2m>;rt=\"oma.lwm2m\",</lwm2m/3/0>,</other/9/0>");
        let register = Register::read(&message).unwrap();
        assert_eq!((register.version, register.terms.lifetime, register.terms.queue), ((1, 0), None, true));
        let paths: Vec<_> = register.paths().map(|path| path.to_string()).collect();
        assert_eq!((register.root(), paths), ("/lwm2m", std::vec!["/3/0".to_string()]));
    }

    #[test]
    fn an_update_says_what_has_changed_and_what_is_none_is_refused() {
        let mut buffer = [0; 256];
        let update = message(&mut buffer, &["lt=60", "sms=123"], "");
        let terms = Terms::update(&update).unwrap();
        assert_eq!((terms.lifetime, terms.sms, terms.queue), (Some(60), Some("123"), false));
        for queries in [["lt=x"], ["lt"], ["b=u"], ["ep="], ["ep"], ["lwm2m=2.0"], ["lwm2m=1"]] {
            let mut buffer = [0; 256];
            let message = message(&mut buffer, &queries, "</1/0>");
            assert!(Register::read(&message).is_err(), "{queries:?}");
        }
        let mut buffer = [0; 256];
        assert!(Register::read(&message(&mut buffer, &["ep=a"], "/1/0")).is_err());
    }
}
