//! Messages of APS that are sent in parts, put together; Zigbee 05-3474, clause 2.2.8.4.5.
//!
//! No clock and no memory of its own: the parts lie in the assembler, which its caller owns and which has room for so many
//! messages of so many octets; time is an argument. A part that comes again is taken once.

use crate::aps::{Fragment, Header};
use crate::security::AuxiliaryHeader;
use crate::{mac, nwk};
use esh_core::{DecodeError, Input, Layer, Reason};

/// Whose message it is: parts of two messages are never mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    /// The PAN.
    pub pan: u16,
    /// The short address of the sender.
    pub source: u16,
    /// The short address it is sent to.
    pub destination: u16,
    /// The endpoint it comes from.
    pub source_endpoint: u8,
    /// The endpoint it goes to.
    pub destination_endpoint: u8,
    /// The cluster.
    pub cluster: u16,
    /// The profile.
    pub profile: u16,
    /// The counter of APS, which all parts share.
    pub counter: u8,
}

impl Message {
    /// The message that a part with this header belongs to; `None` where it names no endpoints.
    #[must_use]
    pub fn of(pan: u16, source: u16, destination: u16, header: &Header) -> Option<Self> {
        Some(Self {
            pan,
            source,
            destination,
            source_endpoint: header.source_endpoint?,
            destination_endpoint: header.destination_endpoint?,
            cluster: header.cluster?,
            profile: header.profile?,
            counter: header.counter,
        })
    }
}

/// A part, taken out of its frame.
#[derive(Clone, Copy, Debug)]
pub struct Part<'f> {
    /// Whose it is.
    pub message: Message,
    /// Its header.
    pub header: Header,
    /// What it holds.
    pub payload: &'f [u8],
}

impl<'f> Part<'f> {
    /// Takes a part out of a frame as [`crate::Zigbee`] hands it on: from the header of the MAC on, decrypted, without what
    /// authenticates it.
    ///
    /// # Errors
    /// When a header is cut off, or names no endpoints.
    pub fn read(frame: &'f [u8]) -> Result<Self, DecodeError> {
        let mut input = Input::new(frame, 0, Layer::Link);
        let mac = mac::Header::read(&mut input)?;
        let nwk = nwk::Header::read(&mut input)?;
        if nwk.control.is_secured() {
            AuxiliaryHeader::read(&mut input)?;
        }
        let header = Header::read(&mut input)?;
        if header.control.is_secured() {
            AuxiliaryHeader::read(&mut input)?;
        }
        let message = Message::of(mac.source_pan.unwrap_or(0xffff), nwk.source, nwk.destination, &header);
        let message = message.ok_or_else(|| input.error("endpoint", Reason::Malformed))?;
        Ok(Self { message, header, payload: input.rest() })
    }
}

/// What became of a part.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Others are missing still: so many of so many are there, where it is known how many there are.
    Waiting {
        /// How many parts are there.
        there: usize,
        /// How many there must be.
        of: Option<u8>,
    },
    /// The message is whole.
    Whole(&'a mut [u8]),
}

/// The longest part: a frame holds no more.
const LONGEST: usize = crate::mac::LONGEST;

/// Puts parts together: room for `MESSAGES` at once, each of at most `PARTS` parts.
#[derive(Debug)]
pub struct Assembler<const MESSAGES: usize, const PARTS: usize> {
    timeout: u64,
    slots: [Slot<PARTS>; MESSAGES],
}

#[derive(Debug)]
struct Slot<const PARTS: usize> {
    message: Option<Message>,
    /// When its last part came.
    at: u64,
    /// How many parts there are: the first one tells.
    parts: Option<u8>,
    /// How long each part is that has come.
    lengths: [Option<usize>; PARTS],
    /// The parts, each in its place; the message, once it is whole.
    octets: [[u8; LONGEST]; PARTS],
}

impl<const MESSAGES: usize, const PARTS: usize> Assembler<MESSAGES, PARTS> {
    /// An empty assembler that forgets a message of which no part has come for `timeout` milliseconds.
    #[must_use]
    pub const fn new(timeout: u64) -> Self {
        const { assert!(MESSAGES > 0 && PARTS > 0, "there is no room for a message") };
        Self { timeout, slots: [const { Slot::FREE }; MESSAGES] }
    }

    /// Takes a part that came at `now`, milliseconds of any clock that does not run backwards.
    ///
    /// When there is no room the message that has waited longest is forgotten.
    ///
    /// # Errors
    /// When the header is not that of a part, the message has more parts than there is room for, or a part contradicts
    /// those before it. The message is forgotten then.
    pub fn put(&mut self, now: u64, Part { message, header, payload }: Part<'_>) -> Result<Step<'_>, DecodeError> {
        let error = |reason| DecodeError { layer: Layer::Transport, field: "block number", offset: 0, reason };
        let Some(fragment) = header.fragment else { return Err(error(Reason::Malformed)) };
        for slot in &mut self.slots {
            if now.saturating_sub(slot.at) > self.timeout {
                slot.message = None;
            }
        }
        let known = self.slots.iter().position(|slot| slot.message == Some(message));
        let oldest = || self.slots.iter().enumerate().min_by_key(|(_, slot)| (slot.message.is_some(), slot.at));
        let place = known.or_else(|| oldest().map(|(place, _)| place));
        let Some(slot) = place.and_then(|place| self.slots.get_mut(place)) else {
            return Err(error(Reason::Malformed));
        };
        if known.is_none() {
            (slot.message, slot.parts, slot.lengths) = (Some(message), None, [None; PARTS]);
        }
        slot.at = now;
        match slot.take(fragment, payload) {
            Ok(()) if slot.is_whole() => {
                slot.message = None;
                Ok(Step::Whole(slot.close_up()))
            }
            Ok(()) => Ok(Step::Waiting { there: slot.lengths.iter().flatten().count(), of: slot.parts }),
            Err(reason) => {
                slot.message = None;
                Err(error(reason))
            }
        }
    }
}

impl<const PARTS: usize> Slot<PARTS> {
    const FREE: Self =
        Self { message: None, at: 0, parts: None, lengths: [None; PARTS], octets: [[0; LONGEST]; PARTS] };

    fn take(&mut self, fragment: Fragment, payload: &[u8]) -> Result<(), Reason> {
        // The block number of the first part is not its own: it tells how many there are.
        let number = if fragment.first {
            let behind = self.lengths.iter().skip(fragment.block.into()).any(Option::is_some);
            if self.parts.is_some_and(|parts| parts != fragment.block) || behind || fragment.block == 0 {
                return Err(Reason::Malformed);
            }
            self.parts = Some(fragment.block);
            0
        } else {
            fragment.block
        };
        let limit = self.parts.map_or(PARTS, usize::from);
        if limit > PARTS || usize::from(number) >= limit {
            return Err(Reason::TooLong { limit: limit.min(PARTS), found: limit.max(usize::from(number) + 1) });
        }
        let too_long = Reason::TooLong { limit: LONGEST, found: payload.len() };
        let (Some(length), Some(place)) =
            (self.lengths.get_mut(usize::from(number)), self.octets.get_mut(usize::from(number)))
        else {
            return Err(too_long);
        };
        let place = place.get_mut(..payload.len()).ok_or(too_long)?;
        match length {
            // It comes again, and then it says the same again.
            Some(_) if *length == Some(payload.len()) && place == payload => Ok(()),
            Some(_) => Err(Reason::Malformed),
            None => {
                place.copy_from_slice(payload);
                *length = Some(payload.len());
                Ok(())
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.parts.is_some_and(|parts| self.lengths.iter().take(parts.into()).all(Option::is_some))
    }

    /// Moves the parts together; the message.
    fn close_up(&mut self) -> &mut [u8] {
        let octets = self.octets.as_flattened_mut();
        let mut end = 0;
        for (number, length) in self.lengths.iter().take(self.parts.unwrap_or(0).into()).enumerate() {
            let (start, length) = (number * LONGEST, length.unwrap_or(0));
            // It lies within: a part is no longer than its place.
            octets.copy_within(start..start + length, end);
            end += length;
        }
        octets.get_mut(..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aps::FrameControl;
    use proptest::prelude::*;
    use std::{format, string::String, vec::Vec};

    fn header(counter: u8, first: bool, block: u8) -> Header {
        Header {
            control: FrameControl(0x80),
            fragment: Some(Fragment { first, block, acknowledged: None }),
            ..Header::data(1, 0x0702, 0x0104, 1, counter)
        }
    }

    fn told<const M: usize, const P: usize>(
        of: &mut Assembler<M, P>,
        now: u64,
        (counter, first, block): (u8, bool, u8),
        payload: &[u8],
    ) -> String {
        let header = header(counter, first, block);
        let message = Message::of(1, 2, 3, &header).unwrap();
        match of.put(now, Part { message, header, payload }) {
            Ok(Step::Whole(octets)) => format!("{octets:?}"),
            Ok(Step::Waiting { there, of }) => format!("{there} of {of:?}"),
            Err(error) => format!("{}", error.reason),
        }
    }

    #[test]
    fn parts_become_a_message_or_say_why_not() {
        let mut two = Assembler::<2, 4>::new(1_000);
        for (now, part, payload, expect) in [
            (0, (1, true, 3), &[1, 2][..], "1 of Some(3)"),
            (1, (1, true, 3), &[1, 2], "1 of Some(3)"),
            (2, (1, false, 2), &[5], "2 of Some(3)"),
            (3, (2, false, 1), &[8], "1 of None"),
            (4, (1, false, 1), &[3, 4], "[1, 2, 3, 4, 5]"),
            (5, (2, true, 2), &[7], "[7, 8]"),
            (6, (3, true, 5), &[7], "5 where at most 4 are allowed"),
            (7, (3, true, 0), &[7], "not a valid value"),
            (8, (3, false, 4), &[7], "5 where at most 4 are allowed"),
            (9, (3, false, 3), &[7], "1 of None"),
            (10, (3, true, 2), &[7], "not a valid value"),
            (11, (4, true, 2), &[7], "1 of Some(2)"),
            (12, (4, true, 2), &[8], "not a valid value"),
            (13, (5, true, 2), &[7], "1 of Some(2)"),
            (2_000, (5, false, 1), &[8], "1 of None"),
            (2_001, (6, true, 2), &[1], "1 of Some(2)"),
            (2_002, (7, true, 2), &[1], "1 of Some(2)"),
            (2_003, (5, true, 2), &[7], "1 of Some(2)"),
            (2_004, (7, false, 1), &[2], "[1, 2]"),
            (2_005, (8, true, 1), &[2], "[2]"),
            (2_006, (8, true, 1), &[0; 128], "128 where at most 127 are allowed"),
        ] {
            assert_eq!(told(&mut two, now, part, payload), expect, "at {now}");
        }
    }

    proptest! {
        #[test]
        fn in_whichever_order_they_come(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 1..8),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..24),
        ) {
            let mut one = Assembler::<1, 8>::new(10);
            let count = parts.len() as u8;
            let mut order: Vec<usize> = order.iter().map(|index| index.index(parts.len())).collect();
            order.extend(0..parts.len());
            let mut seen = std::collections::BTreeSet::new();
            for number in order {
                let block = if number == 0 { count } else { number as u8 };
                seen.insert(number);
                let found = told(&mut one, 0, (1, number == 0, block), &parts[number]);
                if seen.len() == parts.len() {
                    prop_assert_eq!(found, format!("{:?}", parts.concat()));
                    break;
                }
            }
        }
    }
}
