//! The layouts of compact frames that a gateway has learned, read beside it.

use super::entry::{self, Effect};
use super::log::{LogError, Seq, inspect};
use super::state;
use crate::taught::Lesson;
use std::path::Path;

/// Gives the layouts that the queue in this folder knows, the older first. Nothing is changed.
///
/// # Errors
/// When it cannot be read, or a later release wrote it.
pub fn layouts(folder: &Path, mut each: impl FnMut(Lesson)) -> Result<(), LogError> {
    let mut layout = |lesson: Lesson| {
        if matches!(lesson, Lesson::Layout(..)) {
            each(lesson);
        }
    };
    let mut from = Seq(1);
    if let Some(snapshot) = inspect::snapshot(folder)?.filter(|snapshot| snapshot.version <= state::VERSION) {
        // What cannot be read of it teaches nothing.
        let _ = state::read(&snapshot.content, &mut layout, |_| {});
        from = Seq(snapshot.seq.0 + 1);
    }
    inspect::peek(folder, from, usize::MAX, |found| {
        if let Ok(Effect { lessons, .. }) = entry::effect(found.payload) {
            lessons.into_iter().for_each(&mut layout);
        }
    })
}
