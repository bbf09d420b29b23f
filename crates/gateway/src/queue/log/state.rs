//! Snapshots of what was learned: octets of the caller's, and the entry up to which they hold.
//!
//! Two files are written in turn, each whole: one that is cut short or damaged leaves the one before.
//!
//! | field | octets |
//! |---|---|
//! | magic `ESHSTATE` | 8 |
//! | format version   | 4 |
//! | the caller's version of the content | 4 |
//! | generation       | 8 |
//! | queue id         | 8 |
//! | the last entry it covers | 8 |
//! | length of the content | 8 |
//! | CRC-32C of the above and the content | 4 |
//! | the content      | |
//!
//! A file is written over in place and keeps its size, which leaves room to grow by half: on a full disk, what was
//! learned must still be kept, or the oldest entries could not go. What has grown beyond that takes the octets that
//! segments have in reserve, which come back with the first segment that goes.

use super::disk::{self, Folder};
use super::format::{Fields, Out, VERSION};
use super::{Damage, Harm, Log, LogError, Seq, segment};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

const MAGIC: [u8; 8] = *b"ESHSTATE";
const HEADER: usize = 52;
const STEP: u64 = 64 << 10;
const NAMES: [&str; 2] = ["state-0.snapshot", "state-1.snapshot"];

/// What was learned up to an entry.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last entry whose effect it holds: those after it are to be applied to it.
    pub seq: Seq,
    /// The caller's version of the content.
    pub version: u32,
    /// The content.
    pub content: Vec<u8>,
}

// It may hold keys of sessions.
impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshot({}, version {}, {} octets)", self.seq, self.version, self.content.len())
    }
}

/// The files.
#[derive(Debug)]
pub(super) struct Snapshots {
    queue: u64,
    generation: u64,
}

impl Snapshots {
    /// Opens the snapshots of a queue and gives the newest whole one.
    pub(super) fn open(
        folder: &Folder,
        queue: u64,
        damage: &mut Vec<Damage>,
    ) -> Result<(Self, Option<Snapshot>), LogError> {
        let mut newest: Option<(u64, Snapshot)> = None;
        for name in NAMES.into_iter().filter(|name| folder.has(name)) {
            match load(folder, name)? {
                Some((of, generation, snapshot)) if of == queue => {
                    if newest.as_ref().is_none_or(|(newest, _)| generation > *newest) {
                        newest = Some((generation, snapshot));
                    }
                }
                Some(_) => damage.push(Damage::new(Harm::Foreign, name)),
                None => damage.push(Damage::new(Harm::Snapshot, name)),
            }
        }
        let generation = newest.as_ref().map_or(0, |(generation, _)| *generation);
        Ok((Self { queue, generation }, newest.map(|(_, snapshot)| snapshot)))
    }

    fn save(&mut self, folder: &Folder, seq: Seq, version: u32, content: &[u8]) -> Result<(), LogError> {
        let generation = self.generation + 1;
        let [even, odd] = NAMES;
        let name = if generation.is_multiple_of(2) { even } else { odd };
        let mut out = Out::<HEADER>::default();
        out.put(&MAGIC);
        out.put(&VERSION.to_le_bytes());
        out.put(&version.to_le_bytes());
        for field in [generation, self.queue, seq.0, content.len() as u64] {
            out.put(&field.to_le_bytes());
        }
        let crc = crc32c::crc32c_append(crc32c::crc32c(out.so_far()), content);
        out.put(&crc.to_le_bytes());
        let file = if folder.has(name) { folder.write(name)? } else { folder.make(name)? };
        let needed = (HEADER + content.len()) as u64;
        let write = || {
            if file.metadata()?.len() < needed {
                let ample = (needed + needed / 2).next_multiple_of(STEP);
                disk::allocate(&file, ample).or_else(|_| disk::allocate(&file, needed.next_multiple_of(STEP)))?;
            }
            file.write_all_at(&out.octets, 0)?;
            disk::write_durably(&file, content, HEADER as u64)
        };
        write().map_err(LogError::io("write", name))?;
        folder.sync()?;
        self.generation = generation;
        Ok(())
    }
}

impl Log {
    /// Keeps what was learned up to a committed entry. From then on the entries up to it may be deleted.
    ///
    /// # Errors
    /// When the entry is not committed, and when the disk fails; the snapshot before then still holds.
    pub fn snapshot(&mut self, seq: Seq, version: u32, content: &[u8]) -> Result<(), LogError> {
        let committed = self.committed();
        if seq > committed {
            return Err(LogError::NotCommitted { asked: seq, committed });
        }
        let Some(snapshots) = &mut self.snapshots else {
            return Err(LogError::Settings("this log keeps no snapshots"));
        };
        let shared = Arc::clone(&self.shared);
        let saved = match snapshots.save(&shared.folder, seq, version, content) {
            Err(error) if error.is_disk_full() => {
                segment::spend_reserve(&shared.folder, &mut shared.index())?;
                snapshots.save(&shared.folder, seq, version, content)
            }
            saved => saved,
        };
        saved?;
        let mut index = shared.index();
        index.floor = index.floor.max(seq.0);
        shared.release(&mut index)
    }

    /// How many entries a start would have to apply to the last snapshot.
    #[must_use]
    pub fn unsnapshotted(&self) -> u64 {
        self.committed().0.saturating_sub(self.shared.index().floor)
    }
}

fn load(folder: &Folder, name: &str) -> Result<Option<(u64, u64, Snapshot)>, LogError> {
    let mut octets = Vec::new();
    folder.read(name)?.read_to_end(&mut octets).map_err(LogError::io("read", name))?;
    parse(octets)
}

fn parse(mut octets: Vec<u8>) -> Result<Option<(u64, u64, Snapshot)>, LogError> {
    let Some((header, content)) = octets.split_first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let mut fields = Fields(header);
    if fields.take::<8>() != MAGIC {
        return Ok(None);
    }
    let (found, version) = (fields.u32(), fields.u32());
    let (generation, queue, seq, length) = (fields.u64(), fields.u64(), fields.u64(), fields.u64());
    let (covered, _) = header.split_at(HEADER - 4);
    let crc = fields.u32();
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let whole = content.get(..length).map(|content| crc32c::crc32c_append(crc32c::crc32c(covered), content));
    if whole != Some(crc) {
        return Ok(None);
    }
    if found > VERSION {
        return Err(LogError::Newer { found, known: VERSION });
    }
    octets.truncate(HEADER + length);
    octets.drain(..HEADER);
    Ok(Some((queue, generation, Snapshot { seq: Seq(seq), version, content: octets })))
}
