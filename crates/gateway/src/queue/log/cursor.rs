//! Where a sink is: the last entry it has confirmed.

use super::disk::Folder;
use super::format::{Fields, Out};
use super::slots::{CONTENT, Read, Slots};
use super::{Damage, Harm, LogError};

const SUFFIX: &str = ".cursor";

/// A sink's place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    /// The last entry confirmed.
    pub(super) confirmed: u64,
    /// The last one of which the disk knows.
    pub(super) durable: u64,
}

/// The file that keeps it. It is the reader's own: nobody waits for the disk but the sink whose it is.
#[derive(Debug)]
pub(super) struct CursorFile {
    slots: Slots,
    queue: u64,
}

impl CursorFile {
    /// Opens a sink's cursor; a new one begins with the oldest entry. Damage is added to the report.
    pub(super) fn open(
        folder: &Folder,
        sink: &str,
        queue: u64,
        oldest: u64,
        damage: &mut Vec<Damage>,
    ) -> Result<(Self, Cursor), LogError> {
        let name = name(sink)?;
        if folder.has(&name) {
            let (slots, read) = Slots::open(folder, &name)?;
            damage.extend(read.damage(&name));
            match said(&read) {
                Some((of, at)) if of == queue => {
                    return Ok((Self { slots, queue }, Cursor { confirmed: at.max(oldest - 1), durable: at }));
                }
                Some(_) => damage.push(Damage::new(Harm::Foreign, &*name)),
                None => {}
            }
        }
        // With both copies gone, what is still there is delivered again: ids make it harmless.
        let slots = Slots::make(folder, &name, &content(queue, oldest - 1))?;
        Ok((Self { slots, queue }, Cursor { confirmed: oldest - 1, durable: oldest - 1 }))
    }

    /// Makes a place durable.
    pub(super) fn save(&mut self, at: u64) -> Result<(), LogError> {
        self.slots.save(&content(self.queue, at))
    }
}

/// The name of a sink's file.
pub(super) fn name(sink: &str) -> Result<String, LogError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let fits = sink.len() <= 64 && sink.starts_with(|c: char| c.is_ascii_alphanumeric()) && sink.chars().all(plain);
    if fits { Ok(format!("{sink}{SUFFIX}")) } else { Err(LogError::Name(sink.to_owned())) }
}

/// The sink whose cursor has this name.
pub(super) fn sink(name: &str) -> Option<&str> {
    name.strip_suffix(SUFFIX)
}

/// The queue a cursor belongs to, and the entry it is at.
pub(super) fn said(read: &Read) -> Option<(u64, u64)> {
    let content = read.newest?;
    let mut fields = Fields(&content);
    Some((fields.u64(), fields.u64()))
}

fn content(queue: u64, at: u64) -> [u8; CONTENT] {
    let mut out = Out::<CONTENT>::default();
    out.put(&queue.to_le_bytes());
    out.put(&at.to_le_bytes());
    out.octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sinks_name_is_a_files_name() {
        assert_eq!(name("mqtt").unwrap(), "mqtt.cursor");
        assert_eq!(sink("mqtt.cursor"), Some("mqtt"));
        for wrong in ["", "../x", ".x", "a/b", "a b", "ä"] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
    }
}
