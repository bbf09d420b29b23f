//! The carrier: a message opened.

use super::{CoapOption, Message, option::ValueFormat};
use esh_core::note::{Notes, at};
use esh_core::{Carrier, Content, Field, Known, Layer, Opened, Out, Refused, Security};

/// Opens CoAP messages. Whose they are, the message does not say: its endpoint is known to whoever received it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Coap {
    /// Whether tokens may be longer than 8 octets, as peers agree that have RFC 8974.
    pub extended_tokens: bool,
}

impl Carrier for Coap {
    fn open<'f>(&self, frame: &'f mut [u8], _: &dyn Known, out: &mut dyn Out<'_>) -> Result<Opened<'f>, Refused> {
        let frame: &'f [u8] = frame;
        let message = Message::checked(frame, 0, self.extended_tokens)?;
        let payload = message.payload();
        let offset = frame.len() - payload.len();
        let mut notes = Notes::new(out);
        if notes.wanted() {
            tell(&message, offset, &mut notes);
        }
        let content = match (payload, message.content_format()) {
            ([], _) => Content::Nothing,
            (_, Some(format)) => Content::Media(format),
            // RFC 7252, clause 5.5.1: what it is, the application has to know.
            (_, None) => Content::Unstated,
        };
        Ok(Opened { meter: None, content, payload, offset, security: Security::NONE, counter: None, trailing: &[] })
    }
}

fn tell(message: &Message<'_>, payload_offset: usize, notes: &mut Notes<'_, '_>) {
    const LAYER: Layer = Layer::Message;
    notes.number(at(LAYER, 0, 1, "version", "version"), 1u8, &"");
    notes.text(at(LAYER, 0, 1, "type", "type"), &message.type_().word(), &"");
    notes.text(at(LAYER, 1, 1, "code", "code"), &message.code(), &message.code().name());
    notes.number(at(LAYER, 2, 2, "message id", "mid"), message.id(), &"");
    let token = message.token();
    let mut here = 4 + usize::from(token.len() > 12) + usize::from(token.len() > 268);
    notes.octets(at(LAYER, here, token.len(), "token", "token"), token, &"");
    here += token.len();
    let options = message.options();
    notes.array(at(LAYER, here, 0, "options", "options"), |notes| {
        let mut rest = options;
        let mut before = options.rest.len();
        while let Some(option) = rest.next() {
            let len = before - rest.rest.len();
            before = rest.rest.len();
            tell_option(option, here, len, notes);
            here += len;
        }
    });
    let payload = message.payload();
    notes.octets(at(LAYER, payload_offset, payload.len(), "payload", "payload"), payload, &"");
}

fn tell_option(option: CoapOption<'_>, here: usize, len: usize, notes: &mut Notes<'_, '_>) {
    let (name, format) = option.definition().map_or(("unknown option", ValueFormat::Opaque), |is| (is.name, is.format));
    notes.array(at(Layer::Message, here, len, name, Field::ELEMENT), |notes| {
        let element = |name| at(Layer::Message, here, 0, name, Field::ELEMENT);
        notes.number(element("number"), option.number, &if option.is_critical() { "critical" } else { "elective" });
        match (format, option.uint(), option.text()) {
            (ValueFormat::Uint, Some(number), _) => notes.octets(element("value"), option.value, &number),
            (ValueFormat::Text, _, Some(text)) => notes.octets(element("value"), option.value, &text),
            _ => notes.octets(element("value"), option.value, &""),
        }
    });
}
