//! Which record each message is: the one thing the sink must know itself.
//!
//! Messages of several partitions are acknowledged in any order; a record is confirmed when everything before it has
//! arrived. The window is one of octets, so the memory it takes does not depend on how large the reports are.

use crate::queue::Position;
use crate::record::Id;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The records in flight, in the order they were handed over.
#[derive(Debug)]
pub(super) struct Ledger {
    /// The most octets in flight.
    window: usize,
    octets: usize,
    flights: VecDeque<Flight>,
    /// The number of the first of them.
    first: usize,
}

#[derive(Debug)]
struct Flight {
    position: Position,
    id: Id,
    octets: usize,
    since: Instant,
    /// How many of its messages have not arrived.
    waits: u8,
    /// How many forms of what is left of it were handed over, since the brokers refuse it.
    left: u8,
}

/// What the client library gives back with a message: which record it is of, and which of its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    number: usize,
    pub(super) part: Part,
}

/// Which of its messages one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The report.
    Report,
    /// The frame itself.
    Raw,
    /// What is left of a report that the brokers refuse.
    Left,
    /// The event that tells that not even that was taken. Nobody waits for it.
    Told,
}

/// The most records in flight, however small they are.
pub(super) const MOST: usize = 1 << 16;
/// What the client library takes for a message beside its octets: its own structure, the headers and the allocator.
pub(super) const OVERHEAD: usize = 640;

/// What is not in flight has been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unknown;

/// What an arrival comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// Everything up to here has arrived.
    pub(super) confirmed: Option<Position>,
    /// How long a record was under way that has arrived now.
    pub(super) took: Option<Duration>,
}

impl Ledger {
    pub(super) const fn new(window: usize) -> Self {
        Self { window, octets: 0, flights: VecDeque::new(), first: 0 }
    }

    /// A record that is larger than the window goes alone.
    pub(super) fn has_room(&self) -> bool {
        self.flights.is_empty() || (self.octets < self.window && self.flights.len() < MOST)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.flights.len()
    }

    /// A record is handed over as so many messages, with so many octets in all.
    pub(super) fn hand_over(&mut self, position: Position, id: Id, messages: u8, octets: usize) -> Ticket {
        let octets = octets + usize::from(messages) * OVERHEAD;
        self.octets += octets;
        let number = self.first.wrapping_add(self.flights.len());
        self.flights.push_back(Flight { position, id, octets, since: Instant::now(), waits: messages, left: 0 });
        Ticket { number, part: Part::Report }
    }

    /// Which record a message is of.
    pub(super) fn record(&self, ticket: Ticket) -> Option<(Position, Id)> {
        let flight = self.flights.get(self.place(ticket))?;
        (flight.waits > 0).then_some((flight.position, flight.id))
    }

    /// The brokers refuse a message for good: which form of what is left of its record is to go in its place. None when one
    /// goes already.
    pub(super) fn set_aside(&mut self, ticket: Ticket) -> Option<usize> {
        let place = self.place(ticket);
        let flight = self.flights.get_mut(place)?;
        if flight.left > 0 && ticket.part != Part::Left {
            return None;
        }
        flight.left += 1;
        Some(usize::from(flight.left) - 1)
    }

    /// A message has arrived, or need not.
    pub(super) fn arrived(&mut self, ticket: Ticket) -> Result<Settled, Unknown> {
        if ticket.part == Part::Told {
            return Ok(Settled::default());
        }
        let place = self.place(ticket);
        let flight = self.flights.get_mut(place).ok_or(Unknown)?;
        flight.waits = flight.waits.checked_sub(1).ok_or(Unknown)?;
        let took = (flight.waits == 0).then(|| flight.since.elapsed());
        let mut confirmed = None;
        while self.flights.front().is_some_and(|flight| flight.waits == 0)
            && let Some(flight) = self.flights.pop_front()
        {
            self.octets -= flight.octets;
            self.first = self.first.wrapping_add(1);
            confirmed = Some(flight.position);
        }
        Ok(Settled { confirmed, took })
    }

    fn place(&self, ticket: Ticket) -> usize {
        // A number has lost its two highest bits on the way.
        ticket.number.wrapping_sub(self.first) & (usize::MAX >> 2)
    }
}

impl Ticket {
    /// Of what nobody waits for.
    pub(super) const TOLD: Self = Self { number: 0, part: Part::Told };

    pub(super) const fn of(self, part: Part) -> Self {
        Self { part, ..self }
    }

    pub(super) const fn pack(self) -> usize {
        self.number << 2 | self.part as usize
    }

    pub(super) const fn unpack(packed: usize) -> Self {
        let part = match packed & 3 {
            0 => Part::Report,
            1 => Part::Raw,
            2 => Part::Left,
            _ => Part::Told,
        };
        Self { number: packed >> 2, part }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::tests::place;
    use proptest::prelude::*;

    #[test]
    fn a_record_is_confirmed_when_all_before_it_and_all_its_messages_have_arrived() {
        let mut ledger = Ledger::new(2 * OVERHEAD + 10);
        let first = ledger.hand_over(place(1), Id(7), 2, 5);
        assert!(ledger.has_room());
        let second = ledger.hand_over(place(2), Id(8), 1, 5);
        assert!(!ledger.has_room(), "its octets are used up");
        assert_eq!(ledger.record(first), Some((place(1), Id(7))));
        assert_eq!(ledger.arrived(second).map(|settled| settled.confirmed), Ok(None));
        assert_eq!(ledger.arrived(second), Err(Unknown), "it has arrived");
        assert_eq!(ledger.arrived(first.of(Part::Raw)), Ok(Settled::default()));
        assert_eq!(ledger.arrived(first.of(Part::Told)), Ok(Settled::default()), "nobody waits for it");
        assert_eq!(ledger.arrived(first).map(|settled| settled.confirmed), Ok(Some(place(2))));
        assert!(ledger.is_empty() && ledger.has_room());
        assert_eq!(ledger.arrived(first), Err(Unknown));
        ledger.hand_over(place(3), Id(9), 1, 1 << 30);
        assert!(!ledger.has_room(), "what is larger than the window goes alone");
    }

    #[test]
    fn what_is_left_of_a_record_takes_its_place() {
        let mut ledger = Ledger::new(1 << 20);
        let report = ledger.hand_over(place(1), Id(7), 2, 5);
        let (raw, left) = (report.of(Part::Raw), report.of(Part::Left));
        assert_eq!(ledger.set_aside(report), Some(0));
        assert_eq!(ledger.set_aside(left), Some(1), "the first form is refused as well");
        assert_eq!(ledger.set_aside(raw), None, "what is left of it goes already");
        assert_eq!(ledger.arrived(raw), Ok(Settled::default()));
        assert_eq!(ledger.arrived(left).map(|settled| settled.confirmed), Ok(Some(place(1))));
        assert_eq!(ledger.set_aside(left), None);
    }

    proptest! {
        #[test]
        fn whatever_the_order_nothing_is_confirmed_beyond_a_gap(
            order in Just((0..40_usize).collect::<Vec<_>>()).prop_shuffle(),
            start in prop_oneof![Just(0), Just((usize::MAX >> 2) - 7), Just(usize::MAX - 3)],
        ) {
            let mut ledger = Ledger::new(usize::MAX);
            ledger.first = start;
            let tickets: Vec<_> = (0..40)
                .map(|n| Ticket::unpack(ledger.hand_over(place(n + 1), Id(0), 1, 1).pack()))
                .collect();
            let mut arrived = [false; 40];
            let mut confirmed = 0;
            for n in order {
                arrived[n] = true;
                let settled = ledger.arrived(tickets[n]).unwrap();
                let before = arrived.iter().take_while(|arrived| **arrived).count();
                if before > confirmed {
                    prop_assert_eq!(settled.confirmed, Some(place(before as u32)));
                    confirmed = before;
                } else {
                    prop_assert_eq!(settled.confirmed, None);
                }
            }
            prop_assert!(ledger.is_empty() && ledger.octets == 0);
        }
    }
}
