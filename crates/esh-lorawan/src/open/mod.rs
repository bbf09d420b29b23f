//! The way of a frame: whose it is, whether its MIC fits, what it says in plain.

mod data;
mod join;
mod rejoin;
mod told;

pub(crate) use data::{data, session};
pub(crate) use join::{join_accept, join_request, mic_1_1};
pub(crate) use rejoin::rejoin_request;

use crate::crypto::same;
use esh_core::{
    Content, DecodeError, Layer, Meter, Opened, Reason, Refused, Security, SecurityState,
    note::{Notes, at},
};

/// A frame of nobody's standard: its octets are told, not read.
pub(crate) fn proprietary<'f>(frame: &'f [u8], notes: &mut Notes<'_, '_>) -> Opened<'f> {
    let octets = frame.get(1..).unwrap_or_default();
    notes.octets(at(Layer::Application, 1, octets.len(), "proprietary payload", "proprietary"), octets, &"");
    Opened {
        meter: None,
        content: Content::Nothing,
        payload: octets,
        offset: 1,
        security: Security::NONE,
        counter: None,
        trailing: &[],
    }
}

/// A frame that was checked and has nothing to read.
const fn checked(meter: Option<Meter>, counter: Option<u64>, state: SecurityState) -> Opened<'static> {
    Opened {
        meter,
        content: Content::Nothing,
        payload: &[],
        offset: 0,
        security: Security { mode: None, state, authenticated: true },
        counter,
        trailing: &[],
    }
}

/// What becomes of a MIC under the keys that are offered one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    /// There is no key.
    NoKey,
    /// No key fits.
    Wrong,
    /// One does.
    Fits,
}

impl Check {
    /// Notes one more key; says whether it fits.
    fn with(&mut self, computed: [u8; 4], sent: [u8; 4]) -> bool {
        let fits = same(computed, sent);
        *self = if fits { Self::Fits } else { Self::Wrong };
        fits
    }

    const fn told(self) -> Option<bool> {
        match self {
            Self::NoKey => None,
            Self::Wrong => Some(false),
            Self::Fits => Some(true),
        }
    }

    /// Nothing, or why the frame is refused.
    fn refuse(self, offset: usize, meter: Option<Meter>, counter: Option<u64>) -> Result<(), Refused> {
        let reason = match self {
            Self::Fits => return Ok(()),
            Self::Wrong => Reason::Authentication,
            Self::NoKey => Reason::NoKey,
        };
        let error = DecodeError { layer: Layer::Security, field: "MIC", offset, reason };
        Err(Refused { meter, mode: None, counter, error })
    }
}

/// The MIC of a frame that is no data frame, and whether it fits.
fn tell_mic(offset: usize, mic: [u8; 4], check: Check, notes: &mut Notes<'_, '_>) {
    notes.octets(at(Layer::Security, offset, 4, "MIC", "mic"), &mic, &"message integrity code");
    if let Some(fits) = check.told() {
        let meaning = if fits { "the MIC fits" } else { "the MIC does not fit" };
        notes.flag(at(Layer::Security, offset, 0, "MIC", "mic_ok"), fits, &meaning);
    }
}
