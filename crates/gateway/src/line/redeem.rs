//! Parked frames are tried again beside the line: a moment between two groups, never while a capture waits for it longer.

use super::{Line, known};
use crate::queue::parked::Step;
use crate::queue::{Draft, QueueError};
use std::time::{Duration, Instant};

/// How long parked frames are tried between two groups.
const SLICE: Duration = Duration::from_millis(2);

impl Line {
    /// There may be another key: all parked frames are to be tried again.
    pub(super) fn try_parked(&mut self) {
        self.decode.afresh();
        self.queue.parked().begin();
    }

    /// Whether there are parked frames to be tried now.
    pub(super) fn redeems(&mut self) -> bool {
        if self.crowded || !self.queue.parked().is_busy() {
            return false;
        }
        // What they would become shall push out nothing, and wait for nothing.
        self.crowded = self.queue.is_failed() || self.queue.is_crowded();
        !self.crowded
    }

    /// Tries parked frames for a moment.
    pub(super) fn redeem(&mut self) {
        let begun = Instant::now();
        while self.redeems() && begun.elapsed() < SLICE {
            self.redeem_one();
        }
    }

    /// Tries the next parked frame. When it decodes now it goes on as if it had come now, but for its time.
    fn redeem_one(&mut self) {
        let Some(Step::Frame { seq, frame, done }) = self.queue.parked().step() else { return };
        let Some(record) = self.decode.again(&frame) else { return };
        if done {
            // Its record was stored before; the frames after it are to know its counter.
            self.decode.stored(true);
            return;
        }
        let draft = Draft { record: &record, frame: None, lessons: self.decode.lessons(), stands: None };
        let appended = self.queue.append_redeemed(&draft, seq, &known(&*self.decode, &self.watch, &self.deduplicate));
        self.decode.stored(appended.is_ok());
        match appended {
            Ok(_) => self.waiting += 1,
            // A report larger than the queue takes stays where it is.
            Err(QueueError::TooLarge) => {}
            Err(_) => {
                self.crowded = true;
                self.queue.parked().back(seq);
            }
        }
    }
}

#[cfg(test)]
mod tests;
