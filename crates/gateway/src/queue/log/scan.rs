//! Records one after another out of a segment's octets, past any damage.
//!
//! The same code reads a file for a sink, recovers the last segment after a crash, and is what the fuzzer sees.

use super::format::{ALIGN, Head, Header, Look, RECORD_HEADER, RECORD_MAGIC, SEGMENT_HEADER, Seed, look};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Octets held at once, unless a single record is longer.
const WINDOW: usize = 64 << 10;
const PAGE: usize = 4096;
/// Octets that are passed at once when they are all zero.
const BLOCK: usize = 512;

/// What can be scanned.
pub(super) trait Octets {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl Octets for File {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, into, offset)
    }
}

impl Octets for &[u8] {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = self.get(offset as usize..).unwrap_or_default();
        let count = from.len().min(into.len());
        into.iter_mut().zip(from).for_each(|(to, octet)| *to = *octet);
        Ok(count)
    }
}

/// A record and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its header.
    pub head: Head,
    /// Where its header begins.
    pub offset: u64,
    /// Octets before it that are no record.
    pub skipped: u64,
}

/// A way through the records of a segment.
#[derive(Debug)]
pub(super) struct Scan<S> {
    source: S,
    seed: Seed,
    window: Vec<u8>,
    /// Where in the source the window begins.
    base: u64,
    /// How many octets of the window are read.
    filled: usize,
    /// How many of them are passed.
    passed: usize,
    /// Where the scan ends.
    limit: u64,
    /// Where the payload found last stands in the window.
    payload: (usize, usize),
    /// Whether octets other than zero were passed since the last record.
    dirty: bool,
}

impl<S: Octets> Scan<S> {
    /// Scans from the first record to `limit` octets of the source.
    pub(super) const fn new(source: S, seed: Seed, limit: u64) -> Self {
        let window = Vec::new();
        let base = SEGMENT_HEADER as u64;
        Self { source, seed, window, base, filled: 0, passed: 0, limit, payload: (0, 0), dirty: false }
    }

    /// The source has grown.
    pub(super) const fn extend(&mut self, limit: u64) {
        if limit > self.limit {
            self.limit = limit;
        }
    }

    /// Where the next record is looked for.
    pub(super) const fn offset(&self) -> u64 {
        self.base + self.passed as u64
    }

    /// Whether octets other than zero were passed since the last record.
    pub(super) const fn dirty(&self) -> bool {
        self.dirty
    }

    /// The payload of the record found last.
    pub(super) fn payload(&self) -> &[u8] {
        let (from, to) = self.payload;
        self.window.get(from..to).unwrap_or_default()
    }

    /// The next record whose checksum is right.
    pub(super) fn next(&mut self) -> Option<Found> {
        let begin = self.offset();
        self.dirty = false;
        loop {
            let ahead = self.window.get(self.passed..self.filled).unwrap_or_default();
            match look(ahead, self.seed) {
                Look::Record(head) => {
                    let offset = self.offset();
                    let from = self.passed + RECORD_HEADER;
                    self.payload = (from, from + head.length as usize);
                    // The filling of the last record may be cut off; what counts is there.
                    self.passed = self.filled.min(self.passed + head.octets());
                    return Some(Found { head, offset, skipped: offset - begin });
                }
                Look::Needs(octets) => {
                    if !self.fill(octets) && !self.skip() {
                        return None;
                    }
                }
                Look::Nothing => {
                    self.skip();
                }
            }
        }
    }

    /// Passes to the next place in the window where a record could begin; `false` when nothing is left to pass.
    fn skip(&mut self) -> bool {
        let ahead = self.window.get(self.passed..self.filled).unwrap_or_default();
        // The end of a segment is megabytes of zeros: a block of them is passed at once.
        let blank = |block: &&[u8]| block.iter().fold(0, |any, octet| any | octet) == 0;
        let mut passed: usize = ahead.chunks(BLOCK).take_while(blank).map(<[u8]>::len).sum();
        for place in ahead.get(passed..).unwrap_or_default().chunks(ALIGN) {
            if passed > 0 && place.starts_with(&RECORD_MAGIC) {
                break;
            }
            self.dirty |= place.iter().any(|octet| *octet != 0);
            passed += place.len();
        }
        self.passed += passed;
        passed > 0
    }

    /// Has so many octets ahead, if the source has them.
    fn fill(&mut self, octets: usize) -> bool {
        let offset = self.offset();
        let left = usize::try_from(self.limit.saturating_sub(offset)).unwrap_or(usize::MAX);
        if octets > left {
            // Nothing is allocated for a length that cannot be; but what is left is looked at.
            if octets > RECORD_HEADER || left <= self.filled - self.passed {
                return false;
            }
        }
        self.window.copy_within(self.passed..self.filled, 0);
        self.filled -= self.passed;
        (self.base, self.passed) = (offset, 0);
        // Whole places only, or what follows would be looked for at wrong ones.
        let size = octets.max(WINDOW).next_multiple_of(ALIGN);
        if self.window.len() != size {
            self.window.resize(size, 0);
            self.window.shrink_to(size);
        }
        let most = size.min(left);
        while self.filled < most {
            let Some(room) = self.window.get_mut(self.filled..most) else { break };
            match read(&self.source, room, self.base + self.filled as u64) {
                0 => {
                    self.limit = self.base + self.filled as u64;
                    break;
                }
                count => self.filled += count,
            }
        }
        self.filled >= octets
    }
}

/// Reads what can be read. Pages the disk does not give back count as zeros: their records are lost, not the others.
fn read(source: &impl Octets, into: &mut [u8], offset: u64) -> usize {
    loop {
        match source.read_at(into, offset) {
            Ok(count) => return count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    let mut done = 0;
    for page in into.chunks_mut(PAGE) {
        match source.read_at(page, offset + done as u64) {
            Ok(0) => break,
            Ok(count) if count < page.len() => return done + count,
            Ok(_) => {}
            Err(_) => page.fill(0),
        }
        done += page.len();
    }
    done
}

/// What is left of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Its header, if it is whole.
    pub header: Option<Header>,
    /// The records whose checksums are right, in the order they stand.
    pub records: Vec<Found>,
    /// Where the last of them ends.
    pub end: u64,
    /// Whether there is anything but zeros after it.
    pub dirty: bool,
}

/// Finds what is left of a segment's octets. `queue` is the id to go by when the header does not tell.
#[must_use]
pub fn recover(octets: &[u8], queue: u64) -> Recovered {
    let header = octets.first_chunk().and_then(Header::read);
    let seed = Seed::new(header.map_or(queue, |header| header.queue));
    let mut scan = Scan::new(octets, seed, octets.len() as u64);
    let mut records = Vec::new();
    let mut end = SEGMENT_HEADER as u64;
    while let Some(found) = scan.next() {
        end = scan.offset();
        records.push(found);
    }
    Recovered { header, records, end, dirty: scan.dirty() }
}
