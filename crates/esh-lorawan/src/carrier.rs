//! The carrier: opens frames with what is known of their devices.

use crate::{Asked, Eui64, PhyPayload, Session, Transmission, Version, identifiers::nobody, open, session::Outline};
use esh_core::{
    Carrier, Known, Layer, Meter, Opened, Out, Refused,
    note::{Notes, at},
};

/// Opens LoRaWAN frames. What says beside its octets how a frame is to be read stands here; nothing of it need be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lorawan {
    /// The version to assume where no key tells it.
    pub version: Option<Version>,
    /// The upper 16 bits of the frame counter, where they are known better than from the last counter.
    pub counter_high: Option<u16>,
    /// How the frame was sent.
    pub sent: Transmission,
    /// What a join accept answers.
    pub join: Join,
    /// A join accept is in plain already.
    pub plain_join_accept: bool,
    /// Whether the keys of a session that a join accept begins are told as fields, for those who analyse their own
    /// network. They are secrets.
    pub tell_keys: bool,
}

/// The request that a join accept answers, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Join {
    /// Who asked.
    pub dev_eui: Option<Eui64>,
    /// Whom it asked.
    pub join_eui: Option<Eui64>,
    /// The DevNonce of a join request, the RJcount of a rejoin request.
    pub dev_nonce: Option<u16>,
    /// The type of a rejoin request.
    pub rejoin: Option<u8>,
}

impl Join {
    /// The request, where all of it is known.
    pub(crate) fn asked(&self) -> Option<Asked> {
        let Self { dev_eui, join_eui, dev_nonce, rejoin } = *self;
        Some(Asked { join_eui: join_eui?, dev_eui: dev_eui?, nonce: dev_nonce?, rejoin })
    }
}

impl Lorawan {
    /// The meter under which [`Known::sessions`] is asked for requests that wait for an answer.
    #[must_use]
    pub fn nobody() -> Meter {
        nobody()
    }

    /// Hands over the session whose keys sign a data frame, as it was sent, and its whole counter; says whether there is
    /// one. Whether the counter was used before is not looked at: a frame may be answered more than once.
    pub fn session(&self, frame: &[u8], known: &dyn Known, mut then: impl FnMut(&Session, u32)) -> bool {
        match PhyPayload::parse(frame) {
            Ok(PhyPayload::Data(data)) => open::session(self, &data, known, &mut then),
            _ => false,
        }
    }
}

impl Carrier for Lorawan {
    fn open<'f>(&self, frame: &'f mut [u8], known: &dyn Known, out: &mut dyn Out<'_>) -> Result<Opened<'f>, Refused> {
        let mut notes = Notes::new(out);
        let (header, payload) = PhyPayload::parse_with_header(frame)?;
        notes.text(at(Layer::Link, 0, 1, "MHDR", "mtype"), &header.m_type().name(), &"");
        notes.number(at(Layer::Link, 0, 0, "major version", "major"), header.major(), &"0 is LoRaWAN R1");
        match payload {
            PhyPayload::Data(data) => {
                let outline = Outline::of(&data);
                open::data(self, frame, &outline, known, &mut notes)
            }
            PhyPayload::JoinRequest(request) => open::join_request(&request, known, &mut notes),
            PhyPayload::JoinAccept(_) => open::join_accept(self, frame, known, &mut notes),
            PhyPayload::RejoinRequest(request) => open::rejoin_request(&request, known, &mut notes),
            PhyPayload::Proprietary(_) => Ok(open::proprietary(frame, &mut notes)),
        }
    }
}
