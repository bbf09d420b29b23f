//! Which record each packet is: the one thing the sink must know itself.
//!
//! The window slides strictly: the record N + window is never handed over before record N is acknowledged. Packet ids go
//! round in a circle that is larger, so one is never used again while it is in flight, in whatever order the broker
//! acknowledges.

use crate::queue::Position;
use std::collections::VecDeque;

/// The packets in flight, in the order they were handed over.
#[derive(Debug)]
pub(super) struct Ledger {
    window: usize,
    flights: VecDeque<Flight>,
    /// How many have left `flights` at its front.
    gone: usize,
    /// Those that were handed over and have no packet id yet, by their number.
    unsent: VecDeque<usize>,
}

#[derive(Debug)]
struct Flight {
    cargo: Cargo,
    /// What else is confirmed with it: records behind it that are not sent.
    with: Option<Position>,
    packet: Option<u16>,
    arrived: bool,
    /// The broker does not take it now: it is sent again on another connection.
    refused: bool,
}

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cargo {
    /// The record at a place.
    Record(Position),
    /// What stands for the record at a place, which the broker refuses.
    Aside(Position),
    /// Something that does not come from the queue.
    Other,
}

/// The broker acknowledged what was never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unknown;

impl Cargo {
    const fn position(self) -> Option<Position> {
        match self {
            Self::Record(position) | Self::Aside(position) => Some(position),
            Self::Other => None,
        }
    }
}

impl Ledger {
    pub(super) fn new(window: u16) -> Self {
        Self { window: usize::from(window.max(1)), flights: VecDeque::new(), gone: 0, unsent: VecDeque::new() }
    }

    pub(super) fn has_room(&self) -> bool {
        self.flights.len() < self.window
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    /// A publish has been given to the client.
    pub(super) fn handed_over(&mut self, cargo: Cargo) {
        self.unsent.push_back(self.gone + self.flights.len());
        self.flights.push_back(Flight { cargo, with: None, packet: None, arrived: false, refused: false });
    }

    /// A record will not be published; it counts as arrived when everything before it has. What can be confirmed now.
    pub(super) fn left_out(&mut self, position: Position) -> Option<Position> {
        match self.flights.back_mut() {
            Some(before) => {
                before.with = Some(position);
                None
            }
            None => Some(position),
        }
    }

    /// The client has given the next publish its id; `false` when there is none.
    pub(super) fn sent(&mut self, packet: u16) -> bool {
        let next = self.unsent.pop_front().and_then(|number| self.flights.get_mut(number.checked_sub(self.gone)?));
        next.map(|flight| flight.packet = Some(packet)).is_some()
    }

    /// What a packet that is in flight carries.
    pub(super) fn cargo(&self, packet: u16) -> Option<Cargo> {
        let mut flights = self.flights.iter();
        flights.find(|flight| flight.packet == Some(packet) && !flight.arrived).map(|flight| flight.cargo)
    }

    /// The broker refuses a packet, and something that stands for its record has been given to the client. It keeps its
    /// place.
    pub(super) fn set_aside(&mut self, packet: u16) -> Result<(), Unknown> {
        let at = self.find(packet)?;
        let flight = self.flights.get_mut(at).ok_or(Unknown)?;
        flight.packet = None;
        flight.cargo = flight.cargo.position().map_or(Cargo::Other, Cargo::Aside);
        self.unsent.push_back(self.gone + at);
        Ok(())
    }

    /// The broker does not take a packet now.
    pub(super) fn refused(&mut self, packet: u16) -> Result<(), Unknown> {
        let at = self.find(packet)?;
        let flight = self.flights.get_mut(at).ok_or(Unknown)?;
        (flight.packet, flight.refused) = (None, true);
        Ok(())
    }

    /// Whether the broker has said something to everything in flight.
    pub(super) fn is_answered(&self) -> bool {
        self.flights.iter().all(|flight| flight.arrived || flight.refused)
    }

    /// The broker has acknowledged a packet; the place up to which everything has now arrived, where it moved.
    pub(super) fn acknowledged(&mut self, packet: u16) -> Result<Option<Position>, Unknown> {
        let at = self.find(packet)?;
        self.flights.get_mut(at).ok_or(Unknown)?.arrived = true;
        let mut confirmed = None;
        while self.flights.front().is_some_and(|flight| flight.arrived)
            && let Some(flight) = self.flights.pop_front()
        {
            self.gone += 1;
            confirmed = confirmed.max(flight.cargo.position()).max(flight.with);
        }
        Ok(confirmed)
    }

    fn find(&self, packet: u16) -> Result<usize, Unknown> {
        let mut flights = self.flights.iter();
        flights.position(|flight| flight.packet == Some(packet) && !flight.arrived).ok_or(Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::tests::place;

    fn positions() -> Vec<Position> {
        (1..=5).map(place).collect()
    }

    #[test]
    fn a_record_is_confirmed_when_all_before_it_have_arrived() {
        let at = positions();
        let mut ledger = Ledger::new(3);
        ledger.handed_over(Cargo::Other);
        ledger.handed_over(Cargo::Record(at[0]));
        ledger.handed_over(Cargo::Record(at[1]));
        assert!(!ledger.has_room());
        assert!(ledger.sent(1) && ledger.sent(2) && ledger.sent(3));
        assert!(!ledger.sent(4), "nothing was handed over");
        assert_eq!(ledger.cargo(3), Some(Cargo::Record(at[1])));
        assert_eq!(ledger.acknowledged(3), Ok(None));
        assert_eq!(ledger.cargo(3), None, "it has arrived");
        assert!(!ledger.has_room(), "the window slides only with its oldest");
        assert_eq!(ledger.acknowledged(1), Ok(None), "what is no record confirms none");
        assert_eq!(ledger.acknowledged(2), Ok(Some(at[1])));
        assert!(ledger.is_empty());
    }

    #[test]
    fn what_was_never_sent_is_not_acknowledged() {
        let at = positions();
        let mut ledger = Ledger::new(3);
        ledger.handed_over(Cargo::Record(at[0]));
        assert_eq!(ledger.acknowledged(1), Err(Unknown));
        ledger.sent(1);
        assert_eq!(ledger.acknowledged(1), Ok(Some(at[0])));
        assert_eq!(ledger.acknowledged(1), Err(Unknown));
    }

    #[test]
    fn what_is_left_out_waits_for_those_before_it() {
        let at = positions();
        let mut ledger = Ledger::new(3);
        assert_eq!(ledger.left_out(at[0]), Some(at[0]));
        ledger.handed_over(Cargo::Record(at[1]));
        assert_eq!(ledger.left_out(at[2]), None);
        ledger.handed_over(Cargo::Record(at[3]));
        ledger.sent(1);
        ledger.sent(2);
        assert_eq!(ledger.acknowledged(1), Ok(Some(at[2])));
        assert_eq!(ledger.acknowledged(2), Ok(Some(at[3])));
    }

    #[test]
    fn what_is_refused_for_now_is_answered_and_confirms_nothing_behind_it() {
        let at = positions();
        let mut ledger = Ledger::new(3);
        for position in &at[..3] {
            ledger.handed_over(Cargo::Record(*position));
        }
        assert!(ledger.sent(1) && ledger.sent(2) && ledger.sent(3));
        assert_eq!(ledger.acknowledged(1), Ok(Some(at[0])));
        assert_eq!(ledger.refused(2), Ok(()));
        assert!(!ledger.is_answered());
        assert_eq!(ledger.acknowledged(3), Ok(None));
        assert!(ledger.is_answered() && !ledger.is_empty());
        assert_eq!(ledger.refused(2), Err(Unknown));
    }

    #[test]
    fn what_is_set_aside_is_confirmed_when_what_stands_for_it_has_arrived() {
        let at = positions();
        let mut ledger = Ledger::new(4);
        ledger.handed_over(Cargo::Other);
        ledger.sent(1);
        assert_eq!(ledger.acknowledged(1), Ok(None));
        for position in &at[..3] {
            ledger.handed_over(Cargo::Record(*position));
        }
        assert!(ledger.sent(2) && ledger.sent(3));
        assert_eq!(ledger.set_aside(2), Ok(()));
        assert_eq!(ledger.cargo(2), None);
        // The third record was handed over before what stands for the first.
        assert!(ledger.sent(4) && ledger.sent(5) && !ledger.sent(6));
        assert_eq!((ledger.cargo(4), ledger.cargo(5)), (Some(Cargo::Record(at[2])), Some(Cargo::Aside(at[0]))));
        assert_eq!((ledger.acknowledged(3), ledger.acknowledged(4)), (Ok(None), Ok(None)));
        assert_eq!(ledger.acknowledged(5), Ok(Some(at[2])));
        assert_eq!(ledger.set_aside(5), Err(Unknown));
    }
}
