//! What `queue stat`, `peek` and `verify` tell of a folder. They only read, also while a gateway is at work in it.

use super::disk::Folder;
use super::format::{SEGMENT_HEADER, Seed, VERSION};
use super::notes::{self, Said};
use super::scan::Scan;
use super::slots::Read;
use super::state::Snapshots;
use super::{Damage, Dropped, Entry, Harm, LogError, Seq, Snapshot, cursor, open, segment};
use std::fs::File;
use std::path::Path;

/// The state of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The format version.
    pub version: u32,
    /// Segments.
    pub segments: usize,
    /// Octets that segments take on the disk.
    pub octets: u64,
    /// The oldest and the newest entry that are there, damage left aside; `None` when it is empty.
    pub entries: Option<(Seq, Seq)>,
    /// The stamp of the oldest entry that some sink has not confirmed, in milliseconds since 1970.
    pub oldest: Option<u64>,
    /// The cursors: the sink, and the last entry it has confirmed; `None` when both copies are damaged.
    pub cursors: Vec<(String, Option<Seq>)>,
    /// What was dropped and not yet recorded.
    pub dropped: Option<Dropped>,
}

impl Stat {
    /// How many entries some sink has not confirmed.
    #[must_use]
    pub fn unconfirmed(&self) -> u64 {
        self.entries.map_or(0, |(first, last)| last.0.saturating_sub(self.confirmed().0.max(first.0 - 1)))
    }

    /// The last entry that every sink has confirmed.
    #[must_use]
    pub fn confirmed(&self) -> Seq {
        self.cursors.iter().map(|(_, at)| at.unwrap_or_default()).min().unwrap_or_default()
    }
}

/// Tells the state of a queue from the headers of its segments, its last segment and its cursors.
///
/// # Errors
/// When the folder cannot be read, or a later release wrote it.
pub fn stat(path: &Path) -> Result<Stat, LogError> {
    let view = View::of(path)?;
    let mut cursors = Vec::new();
    for name in view.folder.names()? {
        if let Some(sink) = cursor::sink(&name) {
            let read = notes_in(&view.folder, &name)?;
            let at = cursor::said(&read).filter(|(queue, _)| *queue == view.queue).map(|(_, at)| Seq(at));
            cursors.push((sink.to_owned(), at));
        }
    }
    cursors.sort();
    let mut stat = Stat {
        version: view.version,
        segments: view.segments.len(),
        octets: view.segments.iter().map(|segment| segment.octets).sum(),
        entries: None,
        oldest: None,
        cursors,
        dropped: view.said.and_then(|said| said.dropped),
    };
    let first = view.segments.iter().find_map(|segment| segment.header).map_or(1, |header| header.first);
    let first = first.max(view.said.map_or(1, |said| said.oldest));
    let mut last = first - 1;
    if let Some(newest) = view.segments.last() {
        last = last.max(newest.header.map_or(0, |header| header.first.saturating_sub(1)));
        view.scan(newest, |found, _| last = last.max(found))?;
    }
    stat.entries = (first <= last).then_some((Seq(first), Seq(last)));
    let from = Seq(stat.confirmed().0.max(first - 1) + 1);
    view.entries(from, 1, &mut |entry| stat.oldest = Some(entry.stamp))?;
    Ok(stat)
}

/// Shows so many entries from one on.
///
/// # Errors
/// When the folder cannot be read, or a later release wrote it.
pub fn peek(path: &Path, from: Seq, count: usize, mut each: impl FnMut(&Entry<'_>)) -> Result<(), LogError> {
    View::of(path)?.entries(from, count, &mut each)
}

/// The newest snapshot of what was learned, if there is one. A gateway at work may be writing one of the two that there
/// are: the other one is whole.
///
/// # Errors
/// When the folder cannot be read, or a later release wrote it.
pub fn snapshot(path: &Path) -> Result<Option<Snapshot>, LogError> {
    let mut damage = Vec::new();
    for _ in 0..SNAPSHOT_TRIES {
        damage.clear();
        let view = View::of(path)?;
        let (_, snapshot) = Snapshots::open(&view.folder, view.queue, &mut damage)?;
        // While one was being written, entries that only it covers may go.
        if damage.is_empty() {
            return Ok(snapshot);
        }
        std::thread::sleep(SNAPSHOT_PAUSE);
    }
    let view = View::of(path)?;
    Ok(Snapshots::open(&view.folder, view.queue, &mut damage)?.1)
}

const SNAPSHOT_TRIES: usize = 5;
const SNAPSHOT_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// What checking every octet of a queue found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Segments looked through.
    pub segments: usize,
    /// Entries whose checksums are right.
    pub entries: u64,
    /// What is damaged, with every entry that is lost by it.
    pub damage: Vec<Damage>,
}

/// Checks every checksum of a queue.
///
/// # Errors
/// When the folder cannot be read, or a later release wrote it.
pub fn verify(path: &Path) -> Result<Verified, LogError> {
    let view = View::of(path)?;
    let mut report = Verified { segments: view.segments.len(), ..Verified::default() };
    for name in view.folder.names()? {
        if name == notes::NAME || cursor::sink(&name).is_some() {
            report.damage.extend(notes_in(&view.folder, &name)?.damage(&name));
        }
    }
    let mut want = view.said.map(|said| said.oldest);
    for (at, candidate) in view.segments.iter().enumerate() {
        let name = segment::name(candidate.number);
        if candidate.header.is_none() {
            report.damage.push(Damage::new(Harm::Header, &*name).at(0, SEGMENT_HEADER as u64));
        }
        if let (Some(expected), Some(header)) = (want, candidate.header)
            && header.first > expected
        {
            let damage = Damage::new(Harm::Missing, format!("before {name}"));
            report.damage.push(damage.lost(expected, header.first - 1));
        }
        // What a later segment has again counts there.
        let later = view.segments.get(at + 1..).unwrap_or_default();
        let until = later.iter().find_map(|later| later.header).map_or(u64::MAX, |header| header.first - 1);
        let mut next = candidate.header.map(|header| header.first).or(want);
        let mut end = SEGMENT_HEADER as u64;
        let mut scan = Scan::new(view.folder.read(&name)?, view.seed(), candidate.octets);
        while let Some(found) = scan.next() {
            end = scan.offset();
            if found.head.seq > until {
                continue;
            }
            let expected = next.unwrap_or(found.head.seq);
            if found.head.seq > expected || found.skipped > 0 {
                let damage = Damage::new(Harm::Records, &*name).at(found.offset - found.skipped, found.skipped);
                report.damage.push(damage.lost(expected, found.head.seq - 1));
            }
            report.entries += 1;
            next = Some(found.head.seq + 1);
        }
        if scan.dirty() {
            // Between two segments it is known what stood there; at the end of the last one it is not.
            let lost = next.filter(|_| until < u64::MAX);
            let (from, to) = lost.map_or((1, 0), |from| (from, until));
            let damage = Damage::new(Harm::Tail, &*name).at(end, candidate.octets.saturating_sub(end)).lost(from, to);
            report.damage.push(damage);
            next = next.map(|next| if lost.is_some() { next.max(until + 1) } else { next });
        }
        want = next.or(want);
    }
    Ok(report)
}

/// A folder that is only looked at.
struct View {
    folder: Folder,
    version: u32,
    queue: u64,
    said: Option<Said>,
    segments: Vec<open::Candidate>,
}

impl View {
    fn of(path: &Path) -> Result<Self, LogError> {
        let folder = Folder::open(path)?;
        let mut segments = open::candidates(&folder)?;
        let notes = if folder.has(notes::NAME) { Some(notes_in(&folder, notes::NAME)?) } else { None };
        let header = segments.iter().find_map(|segment| segment.header);
        let versions = segments.iter().filter_map(|segment| Some(segment.header?.version));
        let newest = versions.chain(notes.as_ref().map(|notes| notes.version)).max();
        let version = newest.unwrap_or(VERSION);
        if version > VERSION {
            return Err(LogError::Newer { found: version, known: VERSION });
        }
        let said = notes.and_then(|notes| notes.newest).map(|content| Said::read(&content));
        let queue = said.map(|said| said.queue).or_else(|| header.map(|header| header.queue)).unwrap_or_default();
        let oldest = said.map_or(1, |said| said.oldest);
        segments.retain(|segment| segment.header.is_none_or(|header| header.queue == queue));
        let gone = segments.iter().skip(1).take_while(|next| next.header.is_some_and(|next| next.first <= oldest));
        let gone = gone.count();
        segments.drain(..gone);
        Ok(Self { folder, version, queue, said, segments })
    }

    fn seed(&self) -> Seed {
        Seed::new(self.queue)
    }

    /// Goes through the records of a segment.
    fn scan(&self, candidate: &open::Candidate, mut each: impl FnMut(u64, &Scan<File>)) -> Result<(), LogError> {
        let mut scan = Scan::new(self.folder.read(&segment::name(candidate.number))?, self.seed(), candidate.octets);
        while let Some(found) = scan.next() {
            each(found.head.seq, &scan);
        }
        Ok(())
    }

    fn entries(&self, from: Seq, count: usize, each: &mut dyn FnMut(&Entry<'_>)) -> Result<(), LogError> {
        let (mut want, mut left) = (from.0.max(self.said.map_or(1, |said| said.oldest)), count);
        for (at, candidate) in self.segments.iter().enumerate() {
            let later = self.segments.get(at + 1..).unwrap_or_default();
            let until = later.iter().find_map(|later| later.header).map_or(u64::MAX, |header| header.first - 1);
            if until < want {
                continue;
            }
            let name = segment::name(candidate.number);
            let mut scan = Scan::new(self.folder.read(&name)?, self.seed(), candidate.octets);
            while left > 0
                && let Some(found) = scan.next()
            {
                if (want..=until).contains(&found.head.seq) {
                    let head = found.head;
                    each(&Entry { seq: Seq(head.seq), kind: head.kind, stamp: head.stamp, payload: scan.payload() });
                    (want, left) = (head.seq + 1, left - 1);
                }
            }
        }
        Ok(())
    }
}

fn notes_in(folder: &Folder, name: &str) -> Result<Read, LogError> {
    Read::of(&folder.read(name)?).map_err(LogError::io("read", name))
}
