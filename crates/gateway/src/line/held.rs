//! Frames that are held back for a moment, so that one report tells of everybody who heard them.
//!
//! A source says how long (`hold`). The first to tell begins; when its time is over the frame goes on, with all who have
//! told by then. Whoever tells later is a copy. Time is passed in.

use crate::capture::{Capture, Reception};
use crate::deduplicate::Frame;
use crate::sources::{Answer, Reply};
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;
use tokio::sync::oneshot;

/// The most frames held back: beyond them the oldest goes on at once.
const FRAMES: usize = 4096;

/// The most who hear a frame. More antennas than that are counted, and not told.
const RECEPTIONS: usize = 64;

/// Whoever waits to hear what became of a capture, and for the reply to it.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) answer: Option<oneshot::Sender<Answer>>,
    pub(super) reply: Option<oneshot::Sender<Reply>>,
}

/// A frame, and all who have told of it.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) frame: Frame,
    /// When the first told.
    pub(super) seen: Instant,
    /// As the first told it, with all receptions.
    pub(super) capture: Capture,
    /// Who waits for an answer, in the order they told.
    pub(super) waiting: Vec<Waiting>,
    /// Which of them heard it best.
    pub(super) best: usize,
}

/// The frames that are held back.
#[derive(Debug, Default)]
pub(super) struct Held {
    frames: HashMap<Frame, Gathered>,
    /// In the order their time is over.
    until: BTreeMap<(Instant, u64), Frame>,
    turn: u64,
}

impl Gathered {
    /// One that nobody else is waited for.
    pub(super) fn alone(frame: Frame, capture: Capture, waiting: Waiting, seen: Instant) -> Self {
        Self { frame, seen, capture, waiting: vec![waiting], best: 0 }
    }

    /// How often it was heard.
    pub(super) fn copies(&self) -> u32 {
        u32::try_from(self.waiting.len()).unwrap_or(u32::MAX)
    }

    fn add(&mut self, capture: &Capture, waiting: Waiting) {
        let heard = reception(capture);
        let (number, first) = (self.waiting.len(), reception(&self.capture));
        self.waiting.push(waiting);
        let radio = self.capture.radio.get_or_insert_default();
        if radio.receptions.is_empty() {
            radio.receptions.push(first);
        }
        let best = radio.receptions.get(self.best);
        if best.is_some_and(|best| heard.compare(best).is_gt()) {
            self.best = number;
            self.capture.rssi = heard.rssi;
            (radio.gateway, radio.snr) = (Some(std::sync::Arc::clone(&heard.gateway)), heard.snr);
            if let Some(network) = capture.radio.as_ref().and_then(|radio| radio.network.as_ref()) {
                radio.network = Some(std::sync::Arc::clone(network));
            }
        }
        if radio.receptions.len() < RECEPTIONS {
            radio.receptions.push(heard);
        }
    }
}

/// What a capture says of who heard it.
fn reception(capture: &Capture) -> Reception {
    let radio = capture.radio.as_deref();
    Reception {
        gateway: radio.and_then(|radio| radio.gateway.clone()).unwrap_or_else(|| capture.source.clone()),
        rssi: capture.rssi,
        snr: radio.and_then(|radio| radio.snr),
        at: capture.received_at.at,
    }
}

impl Held {
    /// Takes a capture of a frame that is held back, or that is to be; gives it back where it is not.
    pub(super) fn take(
        &mut self,
        frame: Frame,
        capture: Capture,
        waiting: Waiting,
        now: Instant,
    ) -> Option<(Capture, Waiting)> {
        if let Some(gathered) = self.frames.get_mut(&frame) {
            gathered.add(&capture, waiting);
            return None;
        }
        let hold = capture.radio.as_ref().map(|radio| radio.hold).filter(|hold| !hold.is_zero());
        let Some(until) = hold.and_then(|hold| now.checked_add(hold)) else { return Some((capture, waiting)) };
        self.turn += 1;
        self.until.insert((until, self.turn), frame);
        self.frames.insert(frame, Gathered::alone(frame, capture, waiting, now));
        None
    }

    /// When the next one goes on.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.until.first_key_value().map(|((until, _), _)| *until)
    }

    /// The next one whose time is over, or that makes room.
    pub(super) fn due(&mut self, now: Instant) -> Option<Gathered> {
        let entry = self.until.first_entry()?;
        if entry.key().0 > now && self.frames.len() <= FRAMES {
            return None;
        }
        self.frames.remove(&entry.remove())
    }

    /// The next one, whatever its time.
    pub(super) fn next(&mut self) -> Option<Gathered> {
        let (_, frame) = self.until.pop_first()?;
        self.frames.remove(&frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Radio, Stamp};
    use esh_core::{Decimal, Protocol};
    use std::time::Duration;

    fn heard(by: &str, rssi: i16, snr: &str, hold: u64) -> Capture {
        let radio = Radio {
            gateway: Some(by.into()),
            snr: Decimal::parse(snr),
            hold: Duration::from_millis(hold),
            ..Radio::default()
        };
        Capture {
            octets: bytes::Bytes::from_static(b"a"),
            protocol: Protocol::Lorawan,
            framing: None,
            received_at: Stamp { at: None, synchronised: true },
            source: "roof".into(),
            rssi: Some(rssi),
            radio: Some(Box::new(radio)),
        }
    }

    #[test]
    fn all_who_hear_a_frame_are_in_one_capture_and_the_best_answers() {
        let (mut held, start) = (Held::default(), Instant::now());
        let frame = Frame::of(Protocol::Lorawan, None, b"a");
        let at = |ms| start + Duration::from_millis(ms);
        for (by, rssi, snr, ms) in [("1", -100, "-5", 0), ("2", -110, "7.5", 30), ("3", -60, "7.25", 150)] {
            assert!(held.take(frame, heard(by, rssi, snr, 200), Waiting::default(), at(ms)).is_none());
        }
        assert_eq!(held.deadline(), Some(at(200)));
        assert!(held.due(at(199)).is_none());
        let gathered = held.due(at(200)).unwrap();
        assert_eq!((gathered.best, gathered.copies(), gathered.capture.rssi), (1, 3, Some(-110)));
        let radio = gathered.capture.radio.unwrap();
        assert_eq!(radio.gateway.as_deref(), Some("2"));
        let all: Vec<_> = radio.receptions.iter().map(|heard| (&*heard.gateway, heard.rssi)).collect();
        assert_eq!(all, [("1", Some(-100)), ("2", Some(-110)), ("3", Some(-60))]);
        assert!(held.due(at(1000)).is_none() && held.deadline().is_none());
    }

    #[test]
    fn what_is_not_to_be_held_back_goes_on() {
        let (mut held, now) = (Held::default(), Instant::now());
        let frame = Frame::of(Protocol::Lorawan, None, b"a");
        assert!(held.take(frame, heard("1", 0, "0", 0), Waiting::default(), now).is_some());
        for n in 0..=FRAMES as u32 {
            let frame = Frame::of(Protocol::Lorawan, None, &n.to_le_bytes());
            assert!(held.take(frame, heard("1", 0, "0", 200), Waiting::default(), now).is_none());
        }
        assert_eq!(
            held.due(now).unwrap().frame,
            Frame::of(Protocol::Lorawan, None, &0_u32.to_le_bytes()),
            "makes room"
        );
        assert!(held.due(now).is_none());
        assert!(held.next().is_some());
    }
}
