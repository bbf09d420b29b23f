//! What is known of meters, read beside a gateway that may be at work.

use super::log::{LogError, Seq, inspect};
use super::{EntryError, entry, state};
use crate::meters::Standing;
use crate::taught::Lesson;
use esh_core::Meter;
use std::path::Path;

/// Why it cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum KnownError {
    /// The files.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A later release wrote it.
    #[error("what is known has version {0}, this release knows {known}: ask the newer release", known = state::VERSION)]
    Newer(u32),
    /// A later release wrote it.
    #[error("{0}: ask the newer release")]
    NewerEntry(#[source] EntryError),
}

/// Gives the meters that the queue in a folder knows, each as often as it is told of; the last time counts.
///
/// # Errors
/// When it cannot be read, or a later release wrote it.
pub fn known_meters(folder: &Path, mut each: impl FnMut(Meter, Standing)) -> Result<(), KnownError> {
    let mut lesson = |lesson| match lesson {
        Lesson::Heard(meter) => each(meter, Standing::default()),
        Lesson::Stands(stands) => {
            let (meter, standing) = *stands;
            each(meter, standing);
        }
        _ => {}
    };
    let snapshot = inspect::snapshot(folder)?;
    let mut from = Seq(0);
    if let Some(snapshot) = snapshot {
        if snapshot.version > state::VERSION {
            return Err(KnownError::Newer(snapshot.version));
        }
        from = Seq(snapshot.seq.0 + 1);
        // What cannot be read the gateway tells of when it starts.
        let _ = state::read(&snapshot.content, &mut lesson, |_| {});
    }
    let mut newer = None;
    inspect::peek(folder, from, usize::MAX, |found| match entry::effect(found.payload) {
        Ok(effect) => effect.lessons.into_iter().for_each(&mut lesson),
        Err(error @ EntryError::Newer(_)) => newer = Some(error),
        Err(EntryError::Malformed) => {}
    })?;
    newer.map_or(Ok(()), |error| Err(KnownError::NewerEntry(error)))
}
