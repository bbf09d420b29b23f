//! What a snapshot of the queue holds: everything that was taught, what is known of meters, and the dedup window.
//!
//! How many lessons (4 octets) and each, the older first, among them what is known of each meter (from version 2 on); then
//! for each frame of the window its hash, when it was seen by the wall clock, in milliseconds since 1970, and when it came
//! by its record.

use super::octets::{Take, put_lesson, put_moment, put_option, put_stands};
use crate::deduplicate::Frame;
use crate::meters::Standing;
use crate::taught::Lesson;
use esh_core::Meter;

/// The version of the content.
pub(super) const VERSION: u32 = 2;

/// A frame in the dedup window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenFrame {
    /// The frame.
    pub frame: Frame,
    /// When it was seen, in milliseconds since 1970.
    pub wall: u64,
    /// When it came by its record.
    pub received_at: Option<jiff::Timestamp>,
}

/// Writes a snapshot: all lessons, then all frames. It may be megabytes, so there is one buffer and no copy of it.
#[derive(Debug)]
pub struct StateWriter {
    lessons: u32,
    /// Room for how many lessons there are, and they; then the frames.
    octets: Vec<u8>,
    frames: bool,
}

impl Default for StateWriter {
    fn default() -> Self {
        Self { lessons: 0, octets: vec![0; 4], frames: false }
    }
}

impl StateWriter {
    /// Something that was taught, the older first. After the first frame no more is taken.
    pub fn lesson(&mut self, lesson: &Lesson) {
        if self.frames {
            return;
        }
        self.lessons += 1;
        put_lesson(lesson, &mut self.octets);
    }

    /// What is known of a meter, the one that was heard longest ago first.
    pub fn stands(&mut self, meter: &Meter, standing: &Standing) {
        self.lessons += 1;
        put_stands(meter, standing, &mut self.octets);
    }

    /// A frame of the window, the older first.
    pub fn frame(&mut self, seen: SeenFrame) {
        self.frames = true;
        self.octets.extend(seen.frame.octets());
        self.octets.extend(seen.wall.to_le_bytes());
        put_option(seen.received_at, &mut self.octets, put_moment);
    }

    /// The content.
    pub(super) fn end(mut self) -> Vec<u8> {
        self.octets.iter_mut().zip(self.lessons.to_le_bytes()).for_each(|(octet, count)| *octet = count);
        self.octets
    }
}

/// Reads a snapshot; `None` when it is none. What was read until then has been given.
pub(super) fn read(octets: &[u8], mut lesson: impl FnMut(Lesson), mut frame: impl FnMut(SeenFrame)) -> Option<()> {
    let mut take = Take(octets);
    for _ in 0..take.u32()? {
        lesson(take.lesson()?);
    }
    while !take.0.is_empty() {
        frame(SeenFrame { frame: take.frame()?, wall: take.u64()?, received_at: take.option(Take::moment)? });
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read() {
        let lessons = [Lesson::Layout((None, 7), [4, 0x13].into()), Lesson::Layout((None, 8), [].into())];
        let at = jiff::Timestamp::from_second(1_700_000_000).ok();
        let frames = [
            SeenFrame { frame: Frame::from_octets([1; 16]), wall: 5, received_at: at },
            SeenFrame { frame: Frame::from_octets([2; 16]), wall: 6, received_at: None },
        ];
        let mut writer = StateWriter::default();
        lessons.iter().for_each(|lesson| writer.lesson(lesson));
        frames.iter().for_each(|frame| writer.frame(*frame));
        let (mut heard, mut seen) = (Vec::new(), Vec::new());
        read(&writer.end(), |lesson| heard.push(lesson), |frame| seen.push(frame)).unwrap();
        assert_eq!((heard.as_slice(), seen.as_slice()), (&lessons[..], &frames[..]));
    }

    proptest! {
        #[test]
        fn arbitrary_octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&octets, drop, |_| {});
        }
    }
}
