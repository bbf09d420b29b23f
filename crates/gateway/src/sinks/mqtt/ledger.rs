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
    /// How many of them have an id.
    sent: usize,
}

#[derive(Debug)]
struct Flight {
    /// What is confirmed when it has arrived; `None` for what does not come from the queue.
    position: Option<Position>,
    packet: Option<u16>,
    arrived: bool,
}

/// The broker acknowledged what was never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unknown;

impl Ledger {
    pub(super) fn new(window: u16) -> Self {
        Self { window: usize::from(window.max(1)), flights: VecDeque::new(), sent: 0 }
    }

    pub(super) fn has_room(&self) -> bool {
        self.flights.len() < self.window
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    /// A publish has been given to the client.
    pub(super) fn handed_over(&mut self, position: Option<Position>) {
        self.flights.push_back(Flight { position, packet: None, arrived: false });
    }

    /// A record will not be published; it counts as arrived when everything before it has. What can be confirmed now.
    pub(super) fn left_out(&mut self, position: Position) -> Option<Position> {
        match self.flights.back_mut() {
            Some(before) => {
                before.position = Some(position);
                None
            }
            None => Some(position),
        }
    }

    /// The client has given the next publish its id; `false` when there is none.
    pub(super) fn sent(&mut self, packet: u16) -> bool {
        let Some(flight) = self.flights.get_mut(self.sent) else { return false };
        flight.packet = Some(packet);
        self.sent += 1;
        true
    }

    /// Whether a packet is a record of the queue.
    pub(super) fn is_record(&self, packet: u16) -> bool {
        self.flights.iter().any(|flight| flight.packet == Some(packet) && flight.position.is_some())
    }

    /// The broker has acknowledged a packet; the place up to which everything has now arrived, where it moved.
    pub(super) fn acknowledged(&mut self, packet: u16) -> Result<Option<Position>, Unknown> {
        let mut flights = self.flights.iter_mut();
        let flight = flights.find(|flight| flight.packet == Some(packet) && !flight.arrived).ok_or(Unknown)?;
        flight.arrived = true;
        let mut confirmed = None;
        while self.flights.front().is_some_and(|flight| flight.arrived)
            && let Some(flight) = self.flights.pop_front()
        {
            self.sent -= 1;
            confirmed = flight.position.map(|position| position.later(confirmed)).or(confirmed);
        }
        Ok(confirmed)
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
        ledger.handed_over(None);
        ledger.handed_over(Some(at[0]));
        ledger.handed_over(Some(at[1]));
        assert!(!ledger.has_room());
        assert!(ledger.sent(1) && ledger.sent(2) && ledger.sent(3));
        assert!(!ledger.sent(4), "nothing was handed over");
        assert_eq!(ledger.acknowledged(3), Ok(None));
        assert!(!ledger.has_room(), "the window slides only with its oldest");
        assert_eq!(ledger.acknowledged(1), Ok(None), "what is no record confirms none");
        assert_eq!(ledger.acknowledged(2), Ok(Some(at[1])));
        assert!(ledger.is_empty());
    }

    #[test]
    fn what_was_never_sent_is_not_acknowledged() {
        let at = positions();
        let mut ledger = Ledger::new(3);
        ledger.handed_over(Some(at[0]));
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
        ledger.handed_over(Some(at[1]));
        assert_eq!(ledger.left_out(at[2]), None);
        ledger.handed_over(Some(at[3]));
        ledger.sent(1);
        ledger.sent(2);
        assert_eq!(ledger.acknowledged(1), Ok(Some(at[2])));
        assert_eq!(ledger.acknowledged(2), Ok(Some(at[3])));
    }
}
