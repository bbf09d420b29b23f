//! How the queue is opened, and how what was taught comes back.

use super::cursors::Cursors;
use super::entry::{Effect, Waits};
use super::log::{Damage, Log, LogError, Seq};
use super::parked::{self, ParkedLog};
use super::{Config, EntryError, FOLDER, Handle, Queue, Reader, SeenFrame, Shared, entry, state};
use crate::taught::Lesson;
use std::path::Path;
use std::sync::Arc;
use tracing::warn;

/// The ends of a queue.
#[derive(Debug)]
pub struct Opened {
    /// The end that takes records.
    pub queue: Queue,
    /// The end of each sink, in the order they were named.
    pub readers: Vec<Reader>,
    /// What ends it.
    pub handle: Handle,
}

/// Why what was taught does not come back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A later release wrote it.
    #[error("the learned state has version {0}, this release knows {known}: install the newer release again", known = state::VERSION)]
    NewerState(u32),
    /// A later release wrote it.
    #[error("{0}: install the newer release again")]
    NewerEntry(#[source] EntryError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Queue {
    /// Opens the queue in a gateway's folder for sinks of these names. Damage is told in the log.
    ///
    /// # Errors
    /// When another process has it, when a later release wrote it, and when the disk fails.
    pub fn open(data: &Path, config: &Config, parked: &parked::Config, sinks: &[&str]) -> Result<Opened, LogError> {
        let opened = Log::open(&data.join(FOLDER), &config.log(), sinks)?;
        opened.damage.iter().for_each(told);
        let parked = ParkedLog::open(data, parked).map_err(|error| LogError::Parked(Box::new(error)))?;
        let mut log = opened.log;
        for sink in log.keep_only(sinks)? {
            warn!(%sink, "this sink is no longer configured: the queue keeps nothing for it any more");
        }
        let shared = Arc::<Shared>::default();
        let mut readers = opened.readers;
        let savers = readers.iter_mut().filter_map(super::log::Reader::saver).collect();
        let cursors = Cursors::start(&shared, savers).map_err(|source| LogError::Io {
            doing: "start the thread of",
            file: "cursors".to_owned(),
            source,
        })?;
        let readers = sinks.iter().zip(readers);
        let readers = readers.map(|(sink, log)| Reader::new((*sink).to_owned(), log, Arc::clone(&shared))).collect();
        let handle = Handle { shared: Arc::clone(&shared), gauge: log.gauge(), sinks: log.sinks(), cursors };
        Ok(Opened { queue: Self::new(log, parked, shared, config.when_full, opened.snapshot), readers, handle })
    }

    /// Gives back what was taught and seen, the older first: what the snapshot holds, then what the entries after it do.
    /// An entry's frame was seen when it was appended, by the wall clock. The parked log gets what it does not have; when
    /// that is so, it says `true`: a snapshot shall then be made.
    ///
    /// # Errors
    /// When a later release wrote some of it, and when the disk fails. Damage is told in the log.
    pub fn restore(
        &mut self,
        mut lesson: impl FnMut(Lesson),
        mut seen: impl FnMut(SeenFrame),
    ) -> Result<bool, RestoreError> {
        let mut late = false;
        let mut from = self.oldest();
        if let Some(snapshot) = self.snapshot() {
            if snapshot.version > state::VERSION {
                return Err(RestoreError::NewerState(snapshot.version));
            }
            from = from.max(Seq(snapshot.seq.0 + 1));
            if state::read(&snapshot.content, &mut lesson, &mut seen).is_none() {
                warn!("the learned state cannot be read to its end");
            }
        }
        let mut reader = self.reader(from);
        while let Some(found) = reader.next()? {
            match entry::effect(found.payload) {
                Ok(Effect { frame, lessons, waits }) => {
                    late |= match waits {
                        Waits::No => false,
                        Waits::Parked(place, octets) => self.parked().again(place, octets),
                        Waits::Redeemed(place) => self.parked().done_again(place),
                    };
                    lessons.into_iter().for_each(&mut lesson);
                    if let Some((frame, received_at)) = frame {
                        seen(SeenFrame { frame, wall: found.stamp, received_at });
                    }
                }
                Err(error @ EntryError::Newer(_)) => return Err(RestoreError::NewerEntry(error)),
                Err(error) => warn!(entry = %found.seq, %error, "an entry teaches nothing"),
            }
        }
        // The sinks meet the same places, and tell of them.
        drop(reader.damage());
        self.parked().settle();
        self.parked().commit();
        Ok(late)
    }
}

pub(super) fn told(damage: &Damage) {
    warn!(file = %damage.file, octets = damage.octets, lost = damage.count(), %damage, "the queue was found damaged");
}
