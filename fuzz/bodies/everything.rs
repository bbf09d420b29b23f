//! What the fuzz targets of the decoders hand to them: it walks everything that is said.

use esh_core::{Field, Learned, Out, Reading};
use std::fmt::Write;

/// Prints everything it gets, so that every accessor is walked, and holds places against the frame's length.
pub(crate) struct Everything {
    text: String,
    frame_len: usize,
}

impl Everything {
    pub(crate) const fn of(frame_len: usize) -> Self {
        Self { text: String::new(), frame_len }
    }
}

impl<'a> Out<'a> for Everything {
    fn reading(&mut self, reading: Reading<'a>) {
        self.text.clear();
        write!(self.text, "{reading:?}").unwrap();
        assert!(reading.origin.offset + reading.origin.octets.len() <= self.frame_len, "{reading:?}");
    }

    fn learned(&mut self, learned: Learned<'_>) {
        self.text.clear();
        write!(self.text, "{learned:?}").unwrap();
        if matches!(learned, Learned::Session { .. }) {
            // The key of the targets is sixteen times 17.
            assert!(!self.text.contains("17, 17"), "a key shows itself: {}", self.text);
        }
    }

    fn wants_fields(&self) -> bool {
        true
    }

    fn field(&mut self, field: Field<'_>) {
        self.text.clear();
        write!(self.text, "{} {} {} {}", field.key, field.name, field.value, field.meaning).unwrap();
        assert!(field.offset + field.len <= self.frame_len, "{} at {}+{}", field.name, field.offset, field.len);
    }
}
