//! What the line tells beside the records of frames: what happened to meters, and how many frames were too many.

use super::{Line, known};
use crate::capture::{Capture, Stamp};
use crate::commands::Tell;
use crate::meters::{Happened, Limited, Owed, Standing};
use crate::queue::{Draft, QueueError};
use crate::{event, sources};
use esh_core::Meter;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tracing::warn;

/// How often it is told that frames were too many.
const LIMITED: Duration = Duration::from_secs(60);

impl Line {
    /// Refuses a frame; of one that nobody is told of, an event tells later.
    pub(super) fn too_many(&mut self, capture: &Capture, limited: Limited, answers: bool) -> Result<(), QueueError> {
        self.counts.limited(limited);
        if !answers {
            *self.limited.entry(Arc::clone(&capture.source)).or_default() += 1;
        }
        Err(QueueError::Rate)
    }

    /// Tells the events about meters that are to be told. They go the way of records, and what is known of the meter goes
    /// with each: so a process that ends between two of them knows the next time which is told.
    pub(super) fn tell_owed(&mut self) {
        while let Some((meter, owed, standing)) = self.watch.owed() {
            if !self.tell(&meter, &owed, standing) {
                // The next time, then.
                return;
            }
        }
    }

    fn tell(&mut self, meter: &Meter, owed: &Owed, standing: Standing) -> bool {
        let asked = if owed.happened == Happened::Discovered { self.decode.join_eui(meter) } else { None };
        let record = event::of_meter(&self.gateway, meter, owed, asked);
        let draft = Draft { record: &record, frame: None, lessons: &[], stands: Some((meter, &standing)) };
        let told = self.queue.append(&draft, &known(&*self.decode, &self.watch, &self.deduplicate)).is_ok();
        if told {
            self.watch.keep(meter, standing);
            self.counts.told(owed.happened);
        }
        told
    }

    /// Tells which sources have sent too much since it was last told.
    pub(super) fn tell_limited(&mut self) {
        self.limited_since = Instant::now();
        while let Some((source, count)) = self.limited.first_key_value() {
            let record = event::of_limited(&self.gateway, source, *count, sources::now());
            let draft = Draft { record: &record, frame: None, lessons: &[], stands: None };
            if self.queue.append(&draft, &known(&*self.decode, &self.watch, &self.deduplicate)).is_err() {
                return;
            }
            warn!(%source, count, "frames were too many, and are not taken");
            self.limited.pop_first();
        }
    }

    /// Tells what others want to be told; they hear of it after the commit.
    pub(super) fn tell_others(&mut self) {
        while let Some(Ok(tell)) = self.tells.as_mut().map(mpsc::Receiver::try_recv) {
            self.tell_other(tell);
        }
    }

    pub(super) fn tell_other(&mut self, Tell { record, committed }: Tell) {
        let draft = Draft { record: &record, frame: None, lessons: &[], stands: None };
        if self.queue.append(&draft, &known(&*self.decode, &self.watch, &self.deduplicate)).is_ok() {
            self.told.push(committed);
        }
        // Otherwise whoever waits hears that it was not told, and asks again.
    }

    /// Tells which meters are silent, and what could not be told before.
    pub(super) fn watch_over(&mut self, now: Stamp) {
        let silent = self.watch.listen(Instant::now(), now);
        self.tell_owed();
        for (meter, owed, standing) in silent {
            if !self.tell(&meter, &owed, standing) {
                break;
            }
        }
        self.tell_others();
        if self.limited_since.elapsed() >= LIMITED {
            self.tell_limited();
        }
        if self.queue.is_waiting() {
            self.commit();
        }
        self.counts.meters.set(&self.watch.numbers());
        self.counts.meters.lessons.set(self.decode.forgotten());
        self.counts.meters.frames.set(self.deduplicate.forgotten());
    }
}
