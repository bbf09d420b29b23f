//! Segment files: how they are named, made, filled and taken from the reserve.

use super::disk::{self, Folder};
use super::format::{Header, SEGMENT_HEADER, VERSION};
use super::index::{Index, Segment};
use super::{Log, LogError, Room, WhenFull};
use std::fs::File;
use std::sync::Arc;

const RESERVE: &str = "reserve";

/// The name of a segment.
pub(super) fn name(number: u64) -> String {
    format!("{number:016x}.segment")
}

/// The number in a segment's name.
pub(super) fn number(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".segment").filter(|number| number.len() == 16)?;
    u64::from_str_radix(number, 16).ok()
}

/// The segment being written.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) file: File,
    pub(super) number: u64,
    /// Where the next record goes.
    pub(super) end: u64,
    /// Octets of the file.
    pub(super) octets: u64,
    /// When it was made, in milliseconds since 1970.
    pub(super) made: u64,
}

impl Active {
    /// How many octets it still takes.
    pub(super) const fn room(&self) -> u64 {
        self.octets.saturating_sub(self.end)
    }
}

/// What room an entry may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// What the quota allows and the disk has.
    Common,
    /// Also the reserve.
    Reserve,
}

impl Log {
    /// Begins a new segment; the one before is done with. Everything appended is committed, or goes into the new one.
    pub(super) fn roll(&mut self, made: u64, claim: Claim) -> Result<(), LogError> {
        let shared = Arc::clone(&self.shared);
        let mut index = shared.index();
        if claim == Claim::Common {
            // The reserve counts.
            while index.octets() + 2 * self.config.segment > self.config.quota {
                if self.config.when_full != WhenFull::DropOldest || !self.shared.drop_oldest(&mut index)? {
                    return Err(LogError::Full(Room::Quota));
                }
            }
        }
        let number = index.segments.back().map_or(0, |segment| segment.number).max(index.highest) + 1;
        let first = self.next - self.waiting;
        let header = Header { version: VERSION, queue: self.shared.queue, number, first, made };
        // What was freed goes to the reserve first.
        if claim == Claim::Common && !index.reserve {
            index.reserve = reserve(&self.shared.folder, self.config.segment)?;
        }
        let file = loop {
            let made = make(&self.shared.folder, &header, self.config.segment);
            match made {
                Err(error) if error.is_disk_full() => match claim {
                    Claim::Reserve if index.reserve => {
                        break take_reserve(&self.shared.folder, &header)?;
                    }
                    Claim::Common
                        if self.config.when_full == WhenFull::DropOldest && self.shared.drop_oldest(&mut index)? => {}
                    _ => return Err(LogError::Full(Room::Disk)),
                },
                made => break made?,
            }
        };
        if claim == Claim::Reserve {
            index.reserve = self.shared.folder.has(RESERVE);
        }
        self.seal(&mut index);
        let octets = file.metadata().map_err(LogError::io("look at", name(number)))?.len();
        let end = SEGMENT_HEADER as u64;
        index.segments.push_back(Segment { number, first, made, octets, end });
        self.active = Some(Active { file, number, end, octets, made });
        Ok(())
    }

    /// Gives back what a segment that is done with does not use.
    fn seal(&mut self, index: &mut Index) {
        if let Some(active) = self.active.take()
            && let Some(segment) = index.segments.back_mut()
            // It is no harm when this fails: the rest of the file stays zeros.
            && active.file.set_len(active.end).is_ok()
        {
            segment.octets = active.end;
        }
    }
}

/// Keeps a segment's octets in reserve; `false` when the disk is full.
pub(super) fn reserve(folder: &Folder, octets: u64) -> Result<bool, LogError> {
    if folder.has(RESERVE) {
        let there = folder.read(RESERVE)?.metadata().map_err(LogError::io("look at", RESERVE))?.len();
        if there == octets {
            return Ok(true);
        }
        // Segments had another size before.
        folder.remove(RESERVE)?;
    }
    let new = format!("{RESERVE}.new");
    let make = || {
        let file = folder.make(&new)?;
        disk::allocate(&file, octets).map_err(LogError::io("allocate", RESERVE))?;
        disk::sync(&file).map_err(LogError::io("sync", RESERVE))?;
        folder.rename(&new, RESERVE)
    };
    match make() {
        Ok(()) => Ok(true),
        Err(error) => {
            folder.remove(&new)?;
            if error.is_disk_full() { Ok(false) } else { Err(error) }
        }
    }
}

/// Gives the reserve back to the disk: what takes its place lets the oldest segments go, and the reserve comes back with
/// them.
pub(super) fn spend_reserve(folder: &Folder, index: &mut Index) -> Result<(), LogError> {
    index.reserve = false;
    folder.remove(RESERVE)
}

/// Makes a segment. A file under a segment's name always has its whole header on the disk.
fn make(folder: &Folder, header: &Header, octets: u64) -> Result<File, LogError> {
    let (name, new) = (name(header.number), format!("{}.new", name(header.number)));
    let make = || {
        let file = folder.make(&new)?;
        disk::allocate(&file, octets).map_err(LogError::io("allocate", &*name))?;
        disk::write_durably(&file, &header.write(), 0).map_err(LogError::io("write", &*name))?;
        folder.rename(&new, &name)?;
        Ok(file)
    };
    make().inspect_err(|_| {
        // The error says more than that the rest could not be removed, which opening does too.
        let _ = folder.remove(&new);
    })
}

fn take_reserve(folder: &Folder, header: &Header) -> Result<File, LogError> {
    let name = name(header.number);
    let file = folder.write(RESERVE)?;
    disk::write_durably(&file, &header.write(), 0).map_err(LogError::io("write", &*name))?;
    folder.rename(RESERVE, &name)?;
    Ok(file)
}
