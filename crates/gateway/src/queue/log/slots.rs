//! A small file with two slots, written in turn: what was written last, or the one before if that was cut short.
//!
//! Its octets are all written when it is made, so that changing it needs no free disk space.

use super::disk::{self, Folder};
use super::format::{Fields, Out, VERSION};
use super::{Damage, Harm, LogError};
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Slots stand on pages of their own: a write that is cut short spoils one.
const PAGE: u64 = 4096;
const SLOT: usize = 128;
const MAGIC: [u8; 8] = *b"ESHNOTES";
/// Octets of what a slot says.
pub(super) const CONTENT: usize = SLOT - 28;

/// The file.
#[derive(Debug)]
pub(super) struct Slots {
    file: File,
    name: String,
    generation: u64,
}

/// What a file of slots says.
#[derive(Debug)]
pub(super) struct Read {
    /// What was written last; `None` when both slots are damaged.
    pub(super) newest: Option<[u8; CONTENT]>,
    /// The version of the format it was written in.
    pub(super) version: u32,
    generation: u64,
    /// Whether a slot is damaged.
    pub(super) damaged: bool,
}

impl Slots {
    /// Makes the file.
    pub(super) fn make(folder: &Folder, name: &str, content: &[u8; CONTENT]) -> Result<Self, LogError> {
        // A file under its name is always whole.
        let new = format!("{name}.new");
        let file = folder.make(&new)?;
        let mut octets = vec![0; 2 * PAGE as usize];
        if let Some(first) = octets.first_chunk_mut() {
            *first = slot(1, content);
        }
        let done = disk::write_durably(&file, &octets, 0).map_err(LogError::io("write", name));
        if let Err(error) = done.and_then(|()| folder.rename(&new, name)) {
            folder.remove(&new)?;
            return Err(error);
        }
        Ok(Self { file, name: name.to_owned(), generation: 1 })
    }

    /// Opens the file and says what was written last, and what is damaged.
    pub(super) fn open(folder: &Folder, name: &str) -> Result<(Self, Read), LogError> {
        let file = folder.write(name)?;
        let read = Read::of(&file).map_err(LogError::io("read", name))?;
        if read.version > VERSION {
            return Err(LogError::Newer { found: read.version, known: VERSION });
        }
        Ok((Self { file, name: name.to_owned(), generation: read.generation }, read))
    }

    /// Writes new content, durably.
    pub(super) fn save(&mut self, content: &[u8; CONTENT]) -> Result<(), LogError> {
        let generation = self.generation + 1;
        let write = disk::write_durably(&self.file, &slot(generation, content), place(generation));
        // After a failure the same slot is written again: the other one is known to be good.
        write.map_err(LogError::io("write", self.name.as_str()))?;
        self.generation = generation;
        Ok(())
    }
}

impl Read {
    /// Reads a file of slots without changing it.
    pub(super) fn of(file: &File) -> std::io::Result<Self> {
        let mut read = Self { newest: None, version: 0, generation: 0, damaged: false };
        for generation in [1, 2] {
            let mut octets = [0; SLOT];
            let whole = match file.read_exact_at(&mut octets, place(generation)) {
                Ok(()) => true,
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => false,
                Err(error) => return Err(error),
            };
            match parse(&octets) {
                Some((generation, version, content)) if generation > read.generation => {
                    (read.generation, read.newest, read.version) = (generation, Some(content), version);
                }
                Some(_) => {}
                // The second slot of a new file is empty.
                None => read.damaged |= !whole || octets != [0; SLOT],
            }
        }
        read.damaged |= read.newest.is_none();
        Ok(read)
    }

    /// What is damaged, to be reported.
    pub(super) fn damage(&self, name: &str) -> Option<Damage> {
        self.damaged.then(|| Damage::new(Harm::Notes, name))
    }
}

const fn place(generation: u64) -> u64 {
    (generation + 1) % 2 * PAGE
}

fn slot(generation: u64, content: &[u8; CONTENT]) -> [u8; SLOT] {
    let mut out = Out::<SLOT>::default();
    out.put(&MAGIC);
    out.put(&VERSION.to_le_bytes());
    out.put(&[0; 4]);
    out.put(&generation.to_le_bytes());
    out.put(content);
    out.put(&crc32c::crc32c(out.so_far()).to_le_bytes());
    out.octets
}

fn parse(octets: &[u8; SLOT]) -> Option<(u64, u32, [u8; CONTENT])> {
    let (covered, crc) = octets.split_last_chunk::<4>()?;
    (u32::from_le_bytes(*crc) == crc32c::crc32c(covered)).then_some(())?;
    let mut fields = Fields(covered);
    (fields.take::<8>() == MAGIC).then_some(())?;
    let version = fields.u32();
    fields.u32();
    Some((fields.u64(), version, fields.take()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(octet: u8) -> [u8; CONTENT] {
        [octet; CONTENT]
    }

    #[test]
    fn the_newest_slot_counts_and_the_other_when_it_is_damaged() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let mut slots = Slots::make(&folder, "s", &content(1)).unwrap();
        for octet in 2..=5 {
            slots.save(&content(octet)).unwrap();
        }
        let (_, read) = Slots::open(&folder, "s").unwrap();
        assert_eq!(read.newest, Some(content(5)));
        assert!(!read.damaged);
        // The fifth generation stands in the first slot.
        let file = folder.write("s").unwrap();
        file.write_all_at(&[9], 60).unwrap();
        let (mut slots, read) = Slots::open(&folder, "s").unwrap();
        assert_eq!(read.newest, Some(content(4)));
        assert!(read.damaged);
        // The next one replaces the damaged slot.
        slots.save(&content(6)).unwrap();
        assert_eq!(Slots::open(&folder, "s").unwrap().1.newest, Some(content(6)));
        file.set_len(0).unwrap();
        let (_, read) = Slots::open(&folder, "s").unwrap();
        assert_eq!(read.newest, None);
        assert!(read.damaged);
    }

    #[test]
    fn a_failed_save_leaves_what_was() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let mut slots = Slots::make(&folder, "s", &content(1)).unwrap();
        disk::fault::syncs(0, 1);
        assert!(slots.save(&content(2)).is_err());
        slots.save(&content(3)).unwrap();
        assert_eq!(Slots::open(&folder, "s").unwrap().1.newest, Some(content(3)));
    }
}
