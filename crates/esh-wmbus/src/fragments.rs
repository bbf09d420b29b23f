//! The assembler: parts of a message become one frame again.

use crate::{address::Address, authentication::Authentication, extended_link::ExtendedLink};
use esh_core::note::Notes;
use esh_core::{DecodeError, Ignore, Input, Layer, Reason};

/// Puts the fragments of messages together — EN 13757-7, 6.2.4.
///
/// It holds a message of up to `OCTETS` octets for each of up to `METERS` meters, and nothing else: no clock, no
/// allocation. A message whose next fragment does not come within the time allowed is forgotten, and so is the oldest
/// one when a further meter begins.
///
/// A fragment is what [`crate::Wmbus`] hands over as [`esh_core::Content::Fragment`]. The frame that comes out is to be
/// opened with [`crate::Framing::Assembled`].
#[derive(Clone, Debug)]
pub struct Assembler<const METERS: usize, const OCTETS: usize> {
    timeout: u64,
    slots: [Slot<OCTETS>; METERS],
}

/// What a fragment has led to.
#[derive(Debug)]
pub enum Step<'a> {
    /// More fragments are wanted. Alone, what is there could not be opened for this reason.
    Waiting(DecodeError),
    /// The frame is whole; it is kept until the next fragment comes.
    Whole(&'a mut [u8]),
}

#[derive(Clone, Debug)]
struct Slot<const OCTETS: usize> {
    /// The C field and address of the sender; `None` for a free slot.
    sender: Option<(u8, Address)>,
    /// When the last fragment came.
    at: u64,
    /// The last fragment.
    last: u8,
    /// The layers of all fragments, put together.
    layer: Authentication,
    /// Room for the link header and the layers, then the message.
    octets: [u8; OCTETS],
    len: usize,
}

/// Room before the message: L, C, M, A; the authentication layer with every field it can have.
const HEAD: usize = 10 + 4 + 1 + 2 + 4 + 16 + 2;

const LAYER: Layer = Layer::Authentication;
const FIELD: &str = "fragmentation control field";

impl<const METERS: usize, const OCTETS: usize> Assembler<METERS, OCTETS> {
    /// An empty assembler that forgets a message whose next fragment does not come within `timeout` milliseconds.
    #[must_use]
    pub const fn new(timeout: u64) -> Self {
        const { assert!(OCTETS > HEAD, "there is no room for a message") };
        Self { timeout, slots: [const { Slot::FREE }; METERS] }
    }

    /// Takes a fragment that came at `now` milliseconds of any clock that does not run backwards.
    ///
    /// # Errors
    /// [`Reason::Truncated`] when fragments before this one are missing or the message is shorter than it says,
    /// [`Reason::TooLong`] when it is longer, or longer than there is room for. The message is then forgotten.
    pub fn put(&mut self, now: u64, fragment: &[u8]) -> Result<Step<'_>, DecodeError> {
        let part = Part::read(fragment)?;
        let error = |reason| DecodeError { layer: LAYER, field: FIELD, offset: part.offset, reason };
        let timeout = self.timeout;
        for slot in &mut self.slots {
            if now.saturating_sub(slot.at) > timeout {
                slot.sender = None;
            }
        }
        let number = part.layer.fragment();
        let missing = error(Reason::Truncated { needed: number.into(), left: 0 });
        let known = self.slots.iter().position(|slot| slot.sender == Some(part.sender));
        // A first fragment begins anew; the slot that is free or has waited longest is taken.
        let place = known.or_else(|| {
            let longest = self.slots.iter().enumerate().min_by_key(|(_, slot)| (slot.sender.is_some(), slot.at));
            longest.map(|(place, _)| place).filter(|_| number == 1)
        });
        let Some(slot) = place.and_then(|place| self.slots.get_mut(place)) else { return Err(missing) };
        if number == 1 {
            slot.begin(&part, now);
        } else if number == slot.last {
            // A repeater's copy.
            return Ok(Step::Waiting(error(slot.wanting())));
        } else if number == slot.last.wrapping_add(1) {
            slot.continue_with(&part, now);
        } else {
            slot.sender = None;
            return Err(error(Reason::Truncated { needed: number.into(), left: slot.last.into() }));
        }
        let limit = slot.layer.length.map_or(OCTETS - HEAD, |length| usize::from(length).min(OCTETS - HEAD));
        if slot.len + part.message.len() > limit {
            slot.sender = None;
            return Err(error(Reason::TooLong { limit, found: slot.len + part.message.len() }));
        }
        slot.append(part.message);
        if part.layer.more() {
            return Ok(Step::Waiting(error(slot.wanting())));
        }
        slot.sender = None;
        if let Some(length) = slot.layer.length
            && usize::from(length) != slot.len
        {
            return Err(error(Reason::Truncated { needed: length.into(), left: slot.len }));
        }
        Ok(Step::Whole(slot.finish(part.sender)))
    }
}

impl<const OCTETS: usize> Slot<OCTETS> {
    const FREE: Self = Self {
        sender: None,
        at: 0,
        last: 0,
        layer: Authentication {
            control: 0,
            message: None,
            key_information: None,
            counter: None,
            code: None,
            length: None,
        },
        octets: [0; OCTETS],
        len: 0,
    };

    fn begin(&mut self, part: &Part<'_>, now: u64) {
        (self.sender, self.at, self.last) = (Some(part.sender), now, 1);
        (self.layer, self.len) = (part.layer, 0);
    }

    fn continue_with(&mut self, part: &Part<'_>, now: u64) {
        (self.at, self.last) = (now, part.layer.fragment());
        let (all, new) = (&mut self.layer, part.layer);
        all.message = all.message.or(new.message);
        all.key_information = all.key_information.or(new.key_information);
        all.counter = all.counter.or(new.counter);
        all.code = all.code.or(new.code);
        all.length = all.length.or(new.length);
    }

    fn append(&mut self, message: &[u8]) {
        let place = self.octets.get_mut(HEAD + self.len..).and_then(|rest| rest.get_mut(..message.len()));
        if let Some(place) = place {
            place.copy_from_slice(message);
            self.len += message.len();
        }
    }

    /// What is missing: the rest of the message where its length is known, else one fragment more.
    fn wanting(&self) -> Reason {
        match self.layer.length {
            Some(length) => Reason::Truncated { needed: length.into(), left: self.len },
            None => Reason::Truncated { needed: usize::from(self.last) + 1, left: self.last.into() },
        }
    }

    /// Writes the link header and the layers right in front of the message.
    fn finish(&mut self, (control, address): (u8, Address)) -> &mut [u8] {
        let mut head = [0; HEAD];
        let [length, c, rest @ ..] = &mut head;
        (*length, *c) = (0, control);
        let layer = Authentication { control: 0, ..self.layer };
        let mut len = 2;
        if let Some((name, rest)) = rest.split_first_chunk_mut() {
            *name = address.0;
            len += name.len() + layer.write(rest).unwrap_or_default();
        }
        let start = HEAD.saturating_sub(len);
        if let (Some(place), Some(head)) = (self.octets.get_mut(start..HEAD), head.get(..len)) {
            place.copy_from_slice(head);
        }
        self.octets.get_mut(start..HEAD + self.len).unwrap_or_default()
    }
}

/// A fragment, taken apart.
struct Part<'f> {
    sender: (u8, Address),
    layer: Authentication,
    offset: usize,
    message: &'f [u8],
}

impl<'f> Part<'f> {
    fn read(fragment: &'f [u8]) -> Result<Self, DecodeError> {
        let mut ignore = Ignore;
        let mut notes = Notes::new(&mut ignore);
        let mut input = Input::new(fragment, 0, Layer::Link);
        input.u8("L-field")?;
        let sender = (input.u8("C-field")?, Address(*input.array("M-field and A-field")?));
        if input.peek().is_some_and(ExtendedLink::begins) {
            input = input.as_layer(Layer::ExtendedLink);
            if ExtendedLink::read(&mut input, &mut notes)?.session.is_some() {
                input.u16_le("payload CRC")?;
            }
        }
        let offset = input.offset() + 2;
        if input.peek() != Some(crate::authentication::CI) {
            return Err(input.error("CI field", Reason::UnknownFormat(input.peek().unwrap_or_default().into())));
        }
        let layer = Authentication::read(&mut input, &mut notes)?;
        Ok(Self { sender, layer, offset, message: input.rest() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{string::ToString, vec::Vec};

    const ADDRESS: [u8; 8] = [0x2d, 0x2c, 0x78, 0x56, 0x34, 0x12, 1, 7];

    /// A fragment of a meter, with whatever of a short extended link layer and a message.
    fn fragment(meter: u8, number: u8, more: bool, length: Option<u16>, message: &[u8]) -> Vec<u8> {
        let mut octets = [&[0, 0x44][..], &ADDRESS, &[0x8c, 0x20, number]].concat();
        octets[4] = meter;
        let layer = Authentication {
            control: u16::from(number) | if more { crate::authentication::MORE_FRAGMENTS } else { 0 },
            message: (number == 1).then_some(0x65),
            counter: (number == 1).then_some(7),
            code: if more { None } else { crate::authentication::Code::new(&[9; 8]) },
            length,
            ..Authentication::default()
        };
        let mut room = [0; 40];
        let len = layer.write(&mut room).unwrap();
        octets.extend(&room[..len]);
        octets.extend(message);
        octets
    }

    fn told<const M: usize, const O: usize>(
        assembler: &mut Assembler<M, O>,
        now: u64,
        octets: &[u8],
    ) -> std::string::String {
        match assembler.put(now, octets) {
            Ok(Step::Whole(frame)) => frame.iter().map(|octet| std::format!("{octet:02x}")).collect(),
            Ok(Step::Waiting(error)) => std::format!("waiting: {}", error.reason),
            Err(error) => error.reason.to_string(),
        }
    }

    #[test]
    fn fragments_become_a_frame_or_say_why_not() {
        let mut two = Assembler::<2, 128>::new(1_000);
        let whole = "00442d2c0156341201079011003c650700000009090909090909090300010203";
        for (now, octets, expect) in [
            (0, fragment(1, 2, false, None, &[3]), "needs 2 octets, 0 left"),
            (0, fragment(1, 1, true, Some(3), &[1, 2]), "waiting: needs 3 octets, 2 left"),
            (5, fragment(1, 1, true, Some(3), &[1, 2]), "waiting: needs 3 octets, 2 left"),
            (9, fragment(2, 1, true, None, &[8]), "waiting: needs 2 octets, 1 left"),
            (900, fragment(1, 2, false, None, &[3]), whole),
            (901, fragment(1, 2, false, None, &[3]), "needs 2 octets, 0 left"),
            (2_000, fragment(2, 2, false, None, &[9]), "needs 2 octets, 0 left"),
            (2_000, fragment(1, 1, true, Some(4), &[1, 2]), "waiting: needs 4 octets, 2 left"),
            (2_001, fragment(1, 3, false, None, &[3]), "needs 3 octets, 1 left"),
            (2_002, fragment(1, 2, false, None, &[3]), "needs 2 octets, 0 left"),
            (3_000, fragment(1, 1, true, Some(4), &[1, 2]), "waiting: needs 4 octets, 2 left"),
            (3_001, fragment(1, 2, false, None, &[3]), "needs 4 octets, 3 left"),
            (3_002, fragment(1, 1, true, Some(2), &[1, 2, 3]), "3 where at most 2 are allowed"),
            (3_003, fragment(1, 1, true, None, &[0; 100]), "100 where at most 89 are allowed"),
            (4_000, fragment(1, 1, true, None, &[1]), "waiting: needs 2 octets, 1 left"),
            (4_001, fragment(2, 1, true, None, &[1]), "waiting: needs 2 octets, 1 left"),
            (4_002, fragment(3, 1, true, None, &[1]), "waiting: needs 2 octets, 1 left"),
            (4_003, fragment(1, 2, true, None, &[1]), "needs 2 octets, 0 left"),
            (4_004, fragment(2, 2, true, None, &[1]), "waiting: needs 3 octets, 2 left"),
            (4_005, fragment(2, 2, true, None, &[1]), "waiting: needs 3 octets, 2 left"),
            (4_006, std::vec![0x44; 9], "needs 8 octets, 7 left"),
        ] {
            let found = told(&mut two, now, &octets);
            assert_eq!(found, expect, "at {now}");
        }
    }
}
