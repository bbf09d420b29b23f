//! A secured layer unlocked: who secured it, which keys there are, and whether its counter is a new one.

use crate::mac::LONGEST;
use crate::names;
use crate::security::{AuxiliaryHeader, Cipher, KeyIdentifier, MIC, key_check, key_load, key_transport, link_key_of};
use esh_core::note::Notes;
use esh_core::{DecodeError, Key, Known, Layer, Learned, Meter, Purpose, Reason};

/// The link key that every device has; Zigbee 05-3474, clause 4.4.1.
const WELL_KNOWN: [u8; 16] = *b"ZigBeeAlliance09";

/// Where a secured layer stands in its frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealed {
    /// Where its header begins.
    pub(crate) start: usize,
    /// Where the auxiliary header stands.
    pub(crate) control_at: usize,
    /// Where the payload begins.
    pub(crate) payload: usize,
    /// Where the authentication ends.
    pub(crate) end: usize,
    /// The auxiliary header.
    pub(crate) auxiliary: AuxiliaryHeader,
}

impl Sealed {
    const fn error(&self, field: &'static str, offset: usize, reason: Reason) -> DecodeError {
        DecodeError { layer: Layer::Security, field, offset, reason }
    }

    /// Decrypts the payload with the first key that fits, among those of the named. `source` is who secured it.
    ///
    /// What the counter teaches is told only where `source` is whose frame it is: a counter belongs to who secured.
    pub(crate) fn unlock(
        &self,
        frame: &mut [u8],
        source: Option<u64>,
        whose: &[Meter],
        is_own: bool,
        known: &dyn Known,
        notes: &mut Notes<'_, '_>,
    ) -> Result<(), DecodeError> {
        let Self { start, control_at, payload, end, auxiliary } = *self;
        let Some(source) = source else {
            return Err(self.error("source address", control_at, Reason::Truncated { needed: 8, left: 0 }));
        };
        let Some(len) = end.checked_sub(payload + MIC) else {
            let left = end.saturating_sub(payload);
            return Err(self.error("authentication code", payload, Reason::Truncated { needed: MIC, left }));
        };
        if end > LONGEST {
            return Err(self.error("frame", 0, Reason::TooLong { limit: LONGEST, found: end }));
        }
        let (headers, rest) = frame.split_at_mut_checked(payload).unwrap_or_default();
        let headers = headers.get_mut(start..).unwrap_or_default();
        let (body, mic) = rest.split_at_mut_checked(len).unwrap_or_default();
        let mic = mic.get(..MIC).unwrap_or_default();
        let (mut tried, mut check) = (false, 0);
        let mut fits = |key: &[u8; 16]| {
            tried = true;
            check = key_check(key);
            Cipher::new(key).open(headers, control_at - start, auxiliary, source, body, mic)
        };
        let mut with = |key: &[u8; 16]| match auxiliary.key() {
            KeyIdentifier::Network | KeyIdentifier::Link => fits(key),
            KeyIdentifier::KeyTransport => fits(&key_transport(key)),
            KeyIdentifier::KeyLoad => fits(&key_load(key)),
        };
        let is_network = auxiliary.key() == KeyIdentifier::Network;
        let purpose = if is_network { Purpose::Network } else { Purpose::Link };
        // A link key may be told as the install code that it is made of.
        let mut with_known = |key: &Key| match key.expose_128() {
            Some(key) => with(key),
            None => !is_network && link_key_of(key.expose()).is_ok_and(|key| with(&key)),
        };
        let found = whose.iter().any(|of| known.keys(of, purpose, &mut with_known)) || !is_network && with(&WELL_KNOWN);
        match (found, tried) {
            (true, _) => {}
            (false, true) => return Err(self.error("authentication code", end - MIC, Reason::KeyRejected)),
            (false, false) => return Err(self.error("security control", control_at, Reason::NoKey)),
        }
        let counter = counter(check, auxiliary);
        let last = known.counter(&names::device(source), purpose);
        if let Some(last) = last.filter(|last| last >> 32 == counter >> 32 && counter <= *last) {
            let reason = Reason::Replayed { last: last & u64::from(u32::MAX), found: auxiliary.frame_counter.into() };
            return Err(self.error("frame counter", control_at + 1, reason));
        }
        if is_own {
            notes.learned(Learned::Counter { purpose, counter });
        }
        Ok(())
    }
}

/// A frame counter as it is remembered: counters of another key are other counters, so a few bits of a hash of the key and
/// its number stand above it.
fn counter(check: u16, auxiliary: AuxiliaryHeader) -> u64 {
    let sequence = auxiliary.key_sequence.unwrap_or_default();
    u64::from(check) << 40 | u64::from(sequence) << 32 | u64::from(auxiliary.frame_counter)
}
