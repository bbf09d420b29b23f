//! The envelope: a message as sent, and everything that says how it is protected.

use super::{
    cipher::same,
    derive::{Direction, MessageKeys},
};
use crate::{address::Address, authentication::Authentication, transport::Configuration};
use esh_core::{DecodeError, Key, Known, Layer, Meter, Purpose, Reason};

/// A message as sent, and everything that says how it is protected.
pub(crate) struct Envelope<'a> {
    pub(crate) known: &'a dyn Known,
    pub(crate) meter: Option<Meter>,
    /// The address that keys and initialisation vectors are made with.
    pub(crate) address: Option<Address>,
    pub(crate) access: u8,
    pub(crate) configuration: Configuration,
    pub(crate) authentication: Option<Authentication>,
    pub(crate) direction: Direction,
    /// Where the CI field of the transport layer stands.
    pub(crate) message: usize,
    /// Where the payload begins.
    pub(crate) payload: usize,
}

impl Envelope<'_> {
    /// The message counter, of whichever layer has one.
    pub(crate) fn counter(&self) -> Option<u32> {
        self.authentication.and_then(|layer| layer.counter).or(self.configuration.counter)
    }

    /// The encrypted octets.
    pub(super) fn encrypted<'o>(&self, octets: &'o mut [u8], len: usize) -> Result<&'o mut [u8], DecodeError> {
        let left = octets.len().saturating_sub(self.payload);
        octets.get_mut(self.payload..).and_then(|rest| rest.get_mut(..len)).ok_or(DecodeError {
            layer: Layer::Security,
            field: "encrypted blocks",
            offset: self.payload,
            reason: Reason::Truncated { needed: len, left },
        })
    }

    pub(super) fn offer_keys(&self, fits: &mut dyn FnMut(&Key) -> bool) -> Reason {
        let mut offered = false;
        if let Some(meter) = &self.meter {
            self.known.keys(meter, Purpose::Data, &mut |key| {
                offered = true;
                fits(key)
            });
        }
        if offered { Reason::KeyRejected } else { Reason::NoKey }
    }

    /// What the first key that opens makes of it.
    pub(super) fn try_keys<T>(&self, opens: &mut dyn FnMut(&[u8; 16]) -> Option<T>) -> Result<T, Reason> {
        let mut right = None;
        let refused = self.offer_keys(&mut |key| {
            right = key.expose_128().and_then(&mut *opens);
            right.is_some()
        });
        right.ok_or(refused)
    }

    /// The counter of a message whose key is proved is above the last one accepted.
    pub(super) fn check_counter(&self) -> Result<(), DecodeError> {
        const FIELD: &str = "message counter";
        let Some(counter) = self.counter() else { return Ok(()) };
        check_counter(self.known, self.meter.as_ref(), counter).map_err(|reason| {
            let code = self.code_error(reason);
            if self.authentication.is_some_and(|layer| layer.counter.is_some()) {
                DecodeError { field: FIELD, offset: code.offset.saturating_sub(4), ..code }
            } else {
                let extension = if self.configuration.mode() == 10 { 2 } else { 1 };
                let offset = self.configuration.offset + 2 + extension;
                DecodeError { layer: Layer::Transport, field: FIELD, offset, reason }
            }
        })
    }

    pub(super) fn check_derivation(&self) -> Result<(), DecodeError> {
        match self.configuration.derivation() {
            0 => Ok(()),
            1 if self.counter().is_some() => Ok(()),
            1 => Err(self.configuration.error(Reason::Malformed)),
            other => Err(self.configuration.extension_error(Reason::Reserved(other.into()))),
        }
    }

    pub(super) fn message_keys(&self, key: &[u8; 16], direction: Direction) -> Option<MessageKeys> {
        // Only modes 7 and 10 can say that keys are not derived.
        if matches!(self.configuration.mode(), 7 | 10) && self.configuration.derivation() == 0 {
            return Some(MessageKeys::persistent(key));
        }
        Some(MessageKeys::derive(key, self.counter()?, self.address?, direction))
    }

    /// The keys of this message, if its authentication code was made with them.
    pub(super) fn code_fits(&self, octets: &[u8], key: &[u8; 16]) -> Option<MessageKeys> {
        let layer = self.authentication?;
        let code = layer.code?;
        let message = octets.get(self.message..)?;
        [self.direction, self.direction.other()].into_iter().find_map(|direction| {
            let keys = self.message_keys(key, direction)?;
            let computed = keys.code(&layer, message);
            same(computed.get(..code.octets().len())?, code.octets()).then_some(keys)
        })
    }

    /// An error at the authentication code, which ends its layer but for the message length.
    pub(super) fn code_error(&self, reason: Reason) -> DecodeError {
        let behind = self.authentication.map_or(0, |layer| {
            layer.code.map_or(0, |code| code.octets().len()) + if layer.length.is_some() { 2 } else { 0 }
        });
        let offset = self.message.saturating_sub(behind);
        DecodeError { layer: Layer::Authentication, field: "authentication code", offset, reason }
    }
}

/// Whether a counter is above the last one accepted from a meter.
pub(crate) fn check_counter(known: &dyn Known, meter: Option<&Meter>, counter: u32) -> Result<(), Reason> {
    let found = u64::from(counter);
    match meter.and_then(|meter| known.counter(meter, Purpose::Data)) {
        Some(last) if found <= last => Err(Reason::Replayed { last, found }),
        _ => Ok(()),
    }
}
