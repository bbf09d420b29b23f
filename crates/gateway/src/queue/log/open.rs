//! How a log is opened: what is there, what is left of the last segment, and where everyone is.

use super::cursor::{Cursor, CursorFile};
use super::disk::{self, Folder};
use super::format::{Header, SEGMENT_HEADER, Seed, VERSION};
use super::index::{Index, Segment, Shared};
use super::notes::{self, Notes, Said};
use super::reader::Sink;
use super::scan::Scan;
use super::segment::{self, Active};
use super::state::Snapshots;
use super::upgrade::{self, Step};
use super::{Config, Damage, Harm, Log, LogError, Reader, Snapshot};
use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, atomic::AtomicU64};

const LOCK: &str = "lock";

/// A log and who reads from it.
#[derive(Debug)]
pub struct Opened {
    /// The end that takes entries.
    pub log: Log,
    /// A reader for each sink, in the order they were named, after what it has confirmed.
    pub readers: Vec<Reader>,
    /// What was learned up to some entry: those after it are to be applied to it.
    pub snapshot: Option<Snapshot>,
    /// What is damaged, as far as opening looks. Which entries are lost by it, readers say when they come to them.
    pub damage: Vec<Damage>,
}

/// A segment as it was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) number: u64,
    pub(super) octets: u64,
    pub(super) header: Option<Header>,
}

impl Log {
    /// Opens the log in a folder, which is made if it is not there, for sinks of these names.
    ///
    /// A sink without a cursor begins with the oldest entry. Cursors of sinks that are not named hold nothing back.
    ///
    /// # Errors
    /// When another process has it, when another release wrote it, and when the disk fails. Damage is no error.
    pub fn open(path: &Path, config: &Config, sinks: &[&str]) -> Result<Opened, LogError> {
        open(path, config, sinks, upgrade::STEPS)
    }
}

pub(super) fn open(path: &Path, config: &Config, sinks: &[&str], steps: &[(u32, Step)]) -> Result<Opened, LogError> {
    config.check()?;
    let folder = Folder::open_or_make(path)?;
    let lock = folder.lock(LOCK)?;
    let mut damage = Vec::new();
    let mut found = candidates(&folder)?;
    upgrade::check(found.iter().filter_map(|segment| Some(segment.header?.version)), steps)?;
    let highest = found.last().map_or(0, |segment| segment.number);
    let notes = existing_notes(&folder, &mut damage)?;
    let ours = notes.as_ref().map(|notes| notes.said.queue);
    let queue = match ours.or_else(|| found.iter().find_map(|segment| Some(segment.header?.queue))) {
        Some(queue) => queue,
        None => random()?,
    };
    // A snapshot of a later release is refused too, while nothing is touched yet.
    let (snapshots, snapshot) = match config.snapshots {
        true => Snapshots::open(&folder, queue, &mut damage).map(|(files, newest)| (Some(files), newest))?,
        false => (None, None),
    };
    for name in folder.names()?.iter().filter(|name| name.ends_with(".new")) {
        folder.remove(name)?;
    }
    found.retain(|segment| is_ours(segment, queue, &mut damage));
    for segment in &mut found {
        if let Some(header) = segment.header.as_mut().filter(|header| header.version < VERSION) {
            (*header, segment.octets) = upgrade::segment(&folder, header, steps)?;
        }
    }
    let begin = notes.as_ref().map_or(1, |notes| notes.said.oldest);
    let mut segments = place(&folder, &found, queue, begin, &mut damage)?;
    let oldest = segments.front().map_or(1, |segment| segment.first);
    let notes = match notes {
        Some(notes) => notes,
        None => Notes::make(&folder, Said { queue, oldest, dropped: None })?,
    };
    let oldest = notes.said.oldest;
    // A crash between noting and deleting leaves segments behind.
    while segments.get(1).is_some_and(|next| next.first <= oldest) {
        if let Some(gone) = segments.pop_front() {
            folder.remove(&segment::name(gone.number))?;
        }
    }
    if let Some(front) = segments.front().filter(|front| front.first > oldest) {
        damage.push(Damage::new(Harm::Missing, format!("before {}", segment::name(front.number))));
    }
    let last = last_segment(&folder, &mut segments, &found, queue, &mut damage)?;
    let cursors = sinks.iter().map(|sink| CursorFile::open(&folder, sink, queue, oldest, &mut damage));
    let (files, cursors): (Vec<_>, Vec<Cursor>) = cursors.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let known = snapshot.as_ref().map_or(0, |snapshot| snapshot.seq.0).max(oldest - 1);
    // A number that a sink or a snapshot has heard of is not given again, even when damage took the entry.
    let committed = cursors.iter().map(|cursor| cursor.durable).fold(last.seq.max(known), u64::max);
    let reserve = segment::reserve(&folder, config.segment)?;
    let floor = if config.snapshots { snapshot.as_ref().map_or(0, |snapshot| snapshot.seq.0) } else { u64::MAX };
    let index = Index { segments, cursors, floor, notes, reserve, highest };
    let from: Vec<_> = index.cursors.iter().map(|cursor| cursor.confirmed + 1).collect();
    let shared = Arc::new(Shared {
        folder,
        queue,
        committed: AtomicU64::new(committed),
        oldest: AtomicU64::new(oldest),
        index: Mutex::new(index),
    });
    shared.release(&mut shared.index())?;
    let readers = files.into_iter().zip(from).enumerate().map(|(index, (file, from))| {
        let sink = Sink { index, file };
        Reader::new(Arc::clone(&shared), Some(sink), from)
    });
    let readers = readers.collect();
    let log = Log {
        config: config.clone(),
        shared,
        active: last.active,
        pending: Vec::new(),
        waiting: 0,
        next: committed + 1,
        since: None,
        refused: None,
        snapshots,
        _lock: lock,
    };
    Ok(Opened { log, readers, snapshot, damage })
}

/// The segments in the folder, in order.
pub(super) fn candidates(folder: &Folder) -> Result<Vec<Candidate>, LogError> {
    let mut found = Vec::new();
    for name in folder.names()? {
        let Some(number) = segment::number(&name) else { continue };
        let file = folder.read(&name)?;
        let octets = file.metadata().map_err(LogError::io("look at", &*name))?.len();
        found.push(Candidate { number, octets, header: header(&file) });
    }
    found.sort_unstable_by_key(|segment| segment.number);
    Ok(found)
}

/// The header of a segment, if it can be read.
fn header(file: &File) -> Option<Header> {
    let mut octets = [0; SEGMENT_HEADER];
    file.read_exact_at(&mut octets, 0).ok()?;
    Header::read(&octets)
}

fn existing_notes(folder: &Folder, damage: &mut Vec<Damage>) -> Result<Option<Notes>, LogError> {
    if !folder.has(notes::NAME) {
        return Ok(None);
    }
    let (notes, read) = Notes::open(folder)?;
    damage.extend(read.damage(notes::NAME));
    Ok(notes)
}

/// Whether a segment is of this queue and stands under its own name. One without a header may be.
fn is_ours(segment: &Candidate, queue: u64, damage: &mut Vec<Damage>) -> bool {
    let ours = segment.header.is_none_or(|header| header.queue == queue && header.number == segment.number);
    if !ours {
        damage.push(Damage::new(Harm::Foreign, segment::name(segment.number)));
    }
    ours
}

/// Finds the first entry of each segment: by its header, or by looking when that is damaged.
fn place(
    folder: &Folder,
    found: &[Candidate],
    queue: u64,
    begin: u64,
    damage: &mut Vec<Damage>,
) -> Result<VecDeque<Segment>, LogError> {
    let mut segments = VecDeque::new();
    let mut next = None;
    for candidate in found.iter().rev() {
        let Candidate { number, octets, header } = *candidate;
        let name = segment::name(number);
        let first = match header {
            Some(header) => Some(header.first),
            None => {
                damage.push(Damage::new(Harm::Header, &*name).at(0, SEGMENT_HEADER as u64));
                Scan::new(folder.read(&name)?, Seed::new(queue), octets).next().map(|found| found.head.seq)
            }
        };
        // One in which nothing is left begins where the next one does, so that nothing is looked for in it.
        let Some(first) = first.or(next).filter(|first| *first > 0) else { continue };
        let torn = |later: &&Segment| later.number != number + 1 && later.first > begin;
        if let Some(later) = segments.front().filter(torn) {
            damage.push(Damage::new(Harm::Missing, format!("{name} .. {}", segment::name(later.number))));
        }
        let made = header.map_or(0, |header| header.made);
        segments.push_front(Segment { number, first, made, octets, end: octets });
        next = Some(first);
    }
    Ok(segments)
}

/// What is left of the last segment.
struct Last {
    /// The last entry in it.
    seq: u64,
    /// The segment, when it can be written on.
    active: Option<Active>,
}

fn last_segment(
    folder: &Folder,
    segments: &mut VecDeque<Segment>,
    found: &[Candidate],
    queue: u64,
    damage: &mut Vec<Damage>,
) -> Result<Last, LogError> {
    let Some(last) = segments.back_mut() else {
        return Ok(Last { seq: 0, active: None });
    };
    let name = segment::name(last.number);
    let mut seq = last.first - 1;
    let file = folder.write(&name)?;
    let mut scan = Scan::new(folder.read(&name)?, Seed::new(queue), last.octets);
    last.end = SEGMENT_HEADER as u64;
    while let Some(found) = scan.next() {
        (seq, last.end) = (seq.max(found.head.seq), scan.offset());
    }
    // What a killed process wrote and did not sync is read as committed from now on.
    disk::sync(&file).map_err(LogError::io("sync", &*name))?;
    let whole = found.iter().any(|segment| segment.number == last.number && segment.header.is_some());
    if scan.dirty() {
        damage.push(Damage::new(Harm::Tail, name).at(last.end, last.octets.saturating_sub(last.end)));
    }
    let clean = whole && !scan.dirty() && last.end.is_multiple_of(super::format::ALIGN as u64);
    let active =
        clean.then_some(Active { file, number: last.number, end: last.end, octets: last.octets, made: last.made });
    Ok(Last { seq, active })
}

fn random() -> Result<u64, LogError> {
    let mut octets = [0; 8];
    let read = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut octets));
    read.map_err(LogError::io("read", "/dev/urandom"))?;
    Ok(u64::from_le_bytes(octets))
}
