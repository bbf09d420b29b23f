//! The way of a telegram: link, extended link, authentication, transport, security.

mod wired;
mod wireless;

pub(crate) use wired::wired;
pub(crate) use wireless::wireless;

use crate::{
    address::Address,
    authentication::{self, Authentication},
    ci::{self, ControlInformation, Header},
    link::Framing,
    reversed,
    security::{self, Envelope, Plain, derive::Direction},
    status::{OF_STATUS, alarms_of_status},
    transport::{Configuration, Transport},
};
use esh_core::note::{Notes, at};
use esh_core::{
    Content, DecodeError, Input, Known, Layer, Learned, Meter, Protocol, Purpose, Reason, Refused, Security,
    SecurityState,
};

/// What has been read before something failed.
pub(crate) struct SoFar {
    pub(crate) protocol: Protocol,
    pub(crate) meter: Option<Meter>,
    pub(crate) mode: Option<u8>,
    pub(crate) counter: Option<u64>,
    /// Whether the link below the transport layer names the security mode.
    pub(crate) link_names_mode: bool,
}

impl SoFar {
    pub(crate) const fn new(framing: Framing) -> Self {
        let protocol =
            if matches!(framing, Framing::Wired | Framing::Records { .. }) { Protocol::Mbus } else { Protocol::Wmbus };
        Self { protocol, meter: None, mode: None, counter: None, link_names_mode: false }
    }

    pub(crate) const fn refused(&self, error: DecodeError) -> Refused {
        Refused { meter: self.meter, mode: self.mode, counter: self.counter, error }
    }
}

/// What a frame holds, by places in its octets.
pub(crate) struct Found {
    pub(crate) content: Content,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) security: Security,
}

/// What is known of a frame when the layers above its link are opened.
pub(crate) struct Lower<'k> {
    pub(crate) known: &'k dyn Known,
    /// The address of the link, which the meter has when no long header says otherwise.
    pub(crate) address: Option<Address>,
    pub(crate) control: u8,
    pub(crate) wired: bool,
    /// What became of the encryption of the extended link.
    pub(crate) link_state: SecurityState,
}

/// Records without a frame, behind octets that are not this crate's: there is nothing to open.
pub(crate) const fn bare(octets: &[u8], skip: usize) -> Found {
    let content = if skip == octets.len() { Content::Nothing } else { Content::Records };
    Found { content, start: skip, end: octets.len(), security: Security::NONE }
}

/// Opens everything above the link, or leaves it as it was.
pub(crate) fn upper(
    octets: &mut [u8],
    upper_at: usize,
    lower: &Lower<'_>,
    notes: &mut Notes<'_, '_>,
    so_far: &mut SoFar,
) -> Result<Found, DecodeError> {
    const LAYER: Layer = Layer::Transport;
    let end = octets.len();
    let mut input = Input::new(octets.get(upper_at..).unwrap_or_default(), upper_at, LAYER);
    let authentication = if input.peek() == Some(authentication::CI) {
        let layer = Authentication::read(&mut input, notes)?;
        so_far.counter = layer.counter.map(u64::from).or(so_far.counter);
        if layer.is_fragment() {
            let security = Security { mode: None, state: lower.link_state, authenticated: false };
            return Ok(Found { content: Content::Fragment, start: 0, end, security });
        }
        if let Some(length) = layer.length {
            let mut rest = input;
            rest.take("message", length.into())?;
            rest.end("message length")?;
        }
        Some(layer)
    } else {
        None
    };
    let mut input = input.as_layer(LAYER);
    let message = input;
    let message_at = message.offset();
    let ci = input.u8("CI field")?;
    let Some(mut information) = ControlInformation::of(ci) else {
        return Err(message.error("CI field", Reason::UnknownFormat(ci.into())));
    };
    if lower.wired && ci == 0x73 && input.len() <= FIXED_DATA {
        let [id @ .., _, _, _, _, _, _, _, _, _, _, _, _] = *{ input }.array::<FIXED_DATA>("fixed data structure")?;
        so_far.meter = Some(Meter {
            protocol: so_far.protocol,
            manufacturer: None,
            id: esh_core::Id::from_bcd(id),
            version: None,
            medium: None,
        });
        information = ControlInformation {
            header: Header::None,
            content: Content::FixedData,
            name: "fixed data structure",
            ..information
        };
    }
    notes.number(at(LAYER, message.offset(), 1, "CI field", "ci"), ci, &information.name);
    let reversed = ControlInformation::is_reversed(ci);
    if reversed && information.content != Content::Records {
        return Err(message.error("CI field", Reason::Unsupported));
    }
    let header = Transport::read(&mut input, information.header, reversed, notes, so_far)?;
    let configuration = match header.map(|header| header.configuration) {
        // Wired meters of the first standard fill the field, then a signature that none of them made, with ones.
        Some(configuration) if lower.wired && configuration.word == 0xffff => Configuration::default(),
        configuration => configuration.unwrap_or_default(),
    };
    let to_meter = information.to_meter || ci::goes_to_meter(lower.control);
    let envelope = Envelope {
        known: lower.known,
        meter: so_far.meter,
        address: header.and_then(|header| header.address).or(lower.address),
        access: header.map_or(0, |header| header.access),
        configuration,
        authentication,
        direction: if to_meter { Direction::ToMeter } else { Direction::FromMeter },
        message: message_at,
        payload: input.offset(),
    };
    so_far.mode = header.map(|_| configuration.mode()).or(so_far.mode);
    so_far.counter = envelope.counter().map(u64::from).or(so_far.counter);
    let plain = security::open(octets, &envelope)?;
    if let (true, Some(counter)) = (plain.proved, envelope.counter()) {
        notes.learned(Learned::Counter { purpose: Purpose::Data, counter: counter.into() });
    }
    if let (false, Some(header)) = (to_meter, header) {
        notes.alarms(alarms_of_status(header.status), OF_STATUS);
    }
    let (start, end) = (envelope.payload, end - plain.tail);
    if reversed {
        reversed::turn(octets.get_mut(start..end).unwrap_or_default());
    }
    let security = combine(&plain, header.map(|_| configuration.mode()), lower.link_state);
    if notes.wanted() {
        let link_encrypted = matches!(lower.link_state, SecurityState::Decrypted | SecurityState::AlreadyPlain);
        let from = if link_encrypted { message_at } else { start };
        note_payload(notes, octets.get(..end).unwrap_or_default(), from, start, information.content, security);
    }
    let content = if start == end { Content::Nothing } else { information.content };
    Ok(Found { content, start, end, security })
}

/// The octets of the fixed data structure behind its CI field.
const FIXED_DATA: usize = 16;

/// How the frame as a whole was protected: by its transport layer, or else by its extended link.
fn combine(plain: &Plain, mode: Option<u8>, link_state: SecurityState) -> Security {
    match plain.state {
        SecurityState::None if link_state != SecurityState::None => {
            Security { mode: None, state: link_state, authenticated: plain.authenticated }
        }
        state => Security { mode, state, authenticated: plain.authenticated },
    }
}

#[cold]
fn note_payload(
    notes: &mut Notes<'_, '_>,
    octets: &[u8],
    from: usize,
    start: usize,
    content: Content,
    security: Security,
) {
    let meaning = match security {
        Security { state: SecurityState::Decrypted, authenticated: false, .. } => "decrypted but not authenticated",
        Security { state: SecurityState::Decrypted, .. } => "decrypted and authenticated",
        Security { state: SecurityState::AlreadyPlain, .. } => "decrypted before it came here",
        Security { authenticated: true, .. } => "not encrypted, authenticated",
        _ => "not encrypted",
    };
    let plain = octets.get(from..).unwrap_or_default();
    notes.octets(at(Layer::Security, from, plain.len(), "plaintext", "plaintext"), plain, &meaning);
    notes.flag(at(Layer::Security, start, 0, "authenticated", "authenticated"), security.authenticated, &meaning);
    let mut input = Input::new(octets.get(start..).unwrap_or_default(), start, Layer::Application);
    match content {
        Content::Other(0x6e..=0x70) => {
            if let Ok(code) = input.u8("application error") {
                let place = at(Layer::Application, start, 1, "application error", "application_error");
                notes.number(place, code, &ci::application_error(code));
            }
        }
        Content::Other(0x52) => {
            if let Ok(selection) = crate::wired::Selection::read(&mut input) {
                let [octets, ..] = [selection.octets()];
                let place = at(Layer::Application, start, octets.len(), "secondary address", "selection");
                let id = esh_core::Id::from_bcd(selection.id);
                notes.text(place, &id, &"the meters selected; f stands for any digit");
            }
        }
        _ => {}
    }
}
