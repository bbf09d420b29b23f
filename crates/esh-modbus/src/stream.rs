//! Frames in a stream: behind an echo, between noise, after what was cut or damaged, or one right behind the other.
//!
//! A serial frame has no mark where it begins and does not say how long it is. But its function code does, the CRC
//! holds for one frame in 65,536 that is none, and a PDU has to be right in every octet. So every place is tried. Where
//! frames would overlap, those are taken that explain the most octets.

use crate::frame::{self, Mode, ascii, rtu, tcp};
use crate::pdu::length::{self, Length};
use crate::pdu::{Request, Response};
use core::ops::Range;

/// Which frames are looked for.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'r> {
    /// Those of clients.
    Requests,
    /// Those of servers, whatever was asked. A request that is answered with its own octets looks like its answer.
    Responses,
    /// Those of both, as on a line that someone listens to.
    Either,
    /// The answers to what was asked. The echo of the request is none.
    Answers(Asked<'r>),
}

/// What was asked, and whom.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'r> {
    /// Whom.
    pub unit: u8,
    /// The transaction, where the frames have one.
    pub transaction: u16,
    /// What.
    pub request: Request<'r>,
    /// Whether the line is known to give back what is sent: then the first frame that looks like the request is no
    /// answer, even when the answer looks the same.
    pub echo: bool,
}

/// The frames in some octets, in their order: their places.
#[derive(Clone, Debug)]
pub struct Frames<'o, 'r> {
    octets: &'o [u8],
    mode: Mode,
    wanted: Wanted<'r>,
    at: usize,
    idle: bool,
    /// Whether the echo of the request is still to come.
    echo: bool,
}

impl<'o, 'r> Frames<'o, 'r> {
    /// The frames in all the octets that there are: the line has fallen silent.
    #[must_use]
    pub const fn new(octets: &'o [u8], mode: Mode, wanted: Wanted<'r>) -> Self {
        let echo = matches!(wanted, Wanted::Answers(Asked { echo: true, .. }));
        Self { octets, mode, wanted, at: 0, idle: true, echo }
    }

    /// The frames in the first octets of more that may follow. It stops before what may become a frame.
    #[must_use]
    pub const fn so_far(octets: &'o [u8], mode: Mode, wanted: Wanted<'r>) -> Self {
        Self { idle: false, ..Self::new(octets, mode, wanted) }
    }

    /// How many octets have been looked at and are of no more use.
    #[must_use]
    pub const fn consumed(&self) -> usize {
        self.at
    }
}

/// Candidates that are weighed against each other at once. More of them overlapping need more chance than there is.
const CLUSTER: usize = 32;

enum Candidate {
    /// A frame of so many octets.
    Frame(usize),
    /// It may become one.
    Incomplete,
    None,
}

impl Iterator for Frames<'_, '_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        loop {
            let first = self.first()?;
            let found = self.best_from(first);
            self.at = found.end;
            if !self.is_echo(&found) {
                return Some(found);
            }
        }
    }
}

impl Frames<'_, '_> {
    /// The next place where a frame stands.
    fn first(&mut self) -> Option<Range<usize>> {
        while self.at < self.octets.len() {
            match self.candidate(self.at) {
                Candidate::Frame(len) => return Some(self.at..self.at + len),
                Candidate::Incomplete if !self.idle => return None,
                _ => self.at += 1,
            }
        }
        None
    }

    /// The first frame of those that, without overlapping, explain the most octets of everything that hangs together
    /// with this one.
    fn best_from(&self, first: Range<usize>) -> Range<usize> {
        // What answers a request in every octet leaves little to chance.
        if matches!(self.wanted, Wanted::Answers(_)) {
            return first;
        }
        let mut found = [(0usize, 0usize); CLUSTER];
        let (mut count, mut end) = (0, first.end);
        let mut start = first.start;
        while start < end && count < CLUSTER {
            if let Candidate::Frame(len) = self.candidate(start) {
                if let Some(slot) = found.get_mut(count) {
                    *slot = (start, start + len);
                    count += 1;
                }
                end = end.max(start + len);
            }
            start += 1;
        }
        let cluster = found.get(..count).unwrap_or_default();
        if count <= 1 {
            return first;
        }
        // From the last one to the first: the most octets that it and those behind it explain, and the first frame then.
        let mut best = [(0usize, usize::MAX); CLUSTER + 1];
        for (at, (start, end)) in cluster.iter().enumerate().rev() {
            let behind = cluster.iter().position(|(start, _)| start >= end).unwrap_or(count);
            let without = best.get(at + 1).copied().unwrap_or_default();
            let with = end - start + best.get(behind).map_or(0, |(octets, _)| *octets);
            if let Some(slot) = best.get_mut(at) {
                *slot = if with >= without.0 { (with, at) } else { without };
            }
        }
        let [(_, chosen), ..] = best;
        cluster.get(chosen).map_or(first, |(start, end)| *start..*end)
    }

    fn candidate(&self, at: usize) -> Candidate {
        let octets = self.octets.get(at..).unwrap_or_default();
        match self.mode {
            Mode::Rtu => self.rtu(octets),
            Mode::Ascii => self.ascii(octets),
            Mode::Tcp => self.tcp(octets),
        }
    }

    fn rtu(&self, octets: &[u8]) -> Candidate {
        let [unit, pdu @ ..] = octets else { return Candidate::None };
        match self.wanted {
            Wanted::Requests => self.serial(octets, length::request(pdu)),
            Wanted::Responses => self.serial(octets, length::response(pdu)),
            Wanted::Either => {
                match (self.serial(octets, length::response(pdu)), self.serial(octets, length::request(pdu))) {
                    (Candidate::Frame(len), _) | (_, Candidate::Frame(len)) => Candidate::Frame(len),
                    (Candidate::Incomplete, _) | (_, Candidate::Incomplete) => Candidate::Incomplete,
                    _ => Candidate::None,
                }
            }
            Wanted::Answers(asked) => {
                let answers = pdu.first().is_none_or(|function| function & 0x7f == asked.request.function());
                if *unit == asked.unit && answers {
                    self.serial(octets, length::response(pdu))
                } else {
                    Candidate::None
                }
            }
        }
    }

    fn serial(&self, octets: &[u8], len: Length) -> Candidate {
        const AROUND: usize = 3;
        let whole = |len: usize| {
            let frame = octets.get(..len + AROUND)?;
            let adu = rtu::open(frame).ok()?;
            self.fits(adu).then_some(len + AROUND)
        };
        match len {
            Length::Never => Candidate::None,
            Length::AtLeast(_) => Candidate::Incomplete,
            Length::Exactly(len) if len + AROUND > rtu::LIMIT => Candidate::None,
            Length::Exactly(len) if len + AROUND > octets.len() => Candidate::Incomplete,
            Length::Exactly(len) => whole(len).map_or(Candidate::None, Candidate::Frame),
            Length::From(len) => {
                let most = octets.len().min(rtu::LIMIT).saturating_sub(AROUND);
                let found = (len..=most).step_by(2).find_map(whole);
                found.map_or(
                    if octets.len() < rtu::LIMIT { Candidate::Incomplete } else { Candidate::None },
                    Candidate::Frame,
                )
            }
        }
    }

    fn ascii(&self, octets: &[u8]) -> Candidate {
        let [b':', rest @ ..] = octets else { return Candidate::None };
        let end = rest.iter().take(ascii::LIMIT).position(|character| matches!(character, b'\n' | b':'));
        match end.map(|end| octets.split_at_checked(end + 2)) {
            Some(Some((frame, _))) => {
                let mut buffer = [0; ascii::OCTETS];
                let good = ascii::open(frame, &mut buffer).is_ok_and(|adu| self.fits(adu));
                if good { Candidate::Frame(frame.len()) } else { Candidate::None }
            }
            Some(None) => Candidate::None,
            None if octets.len() < ascii::LIMIT => Candidate::Incomplete,
            None => Candidate::None,
        }
    }

    fn tcp(&self, octets: &[u8]) -> Candidate {
        // What is here of the header must be one.
        let plausible = octets.iter().skip(2).take(2).all(|octet| *octet == 0);
        let length = match octets {
            [_, _, _, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
            _ if plausible => return Candidate::Incomplete,
            _ => return Candidate::None,
        };
        match octets.get(..tcp::HEADER - 1 + length) {
            _ if !plausible || length < 2 || length + tcp::HEADER - 1 > tcp::LIMIT => Candidate::None,
            None => Candidate::Incomplete,
            Some(frame) if tcp::open(frame).is_ok_and(|adu| self.fits(adu)) => Candidate::Frame(frame.len()),
            Some(_) => Candidate::None,
        }
    }

    /// Whether a frame that is whole carries what is looked for.
    fn fits(&self, adu: frame::Adu<'_>) -> bool {
        let response = |pdu| match Response::parse(pdu, 0) {
            // Only defined codes: a serial exception is five octets, and chance makes many of them.
            Ok(Response::Exception { code, .. }) => code.is_defined(),
            other => other.is_ok(),
        };
        match self.wanted {
            Wanted::Requests => Request::parse(adu.pdu, 0).is_ok(),
            Wanted::Responses => response(adu.pdu),
            Wanted::Either => response(adu.pdu) || Request::parse(adu.pdu, 0).is_ok(),
            Wanted::Answers(asked) => {
                let transaction = self.mode != Mode::Tcp || adu.head.transaction == asked.transaction;
                transaction && adu.head.unit == asked.unit && Response::to(&asked.request).parse(adu.pdu, 0).is_ok()
            }
        }
    }

    /// Whether a frame is the request come back, where the answer looks the same.
    fn is_echo(&mut self, found: &Range<usize>) -> bool {
        let Wanted::Answers(asked) = self.wanted else { return false };
        if !asked.request.is_echoed() || self.mode == Mode::Tcp {
            return false;
        }
        let frame = self.octets.get(found.clone()).unwrap_or_default();
        let same_again = self.octets.get(found.end..).is_some_and(|behind| behind.starts_with(frame));
        let is_refusal = frame.get(1).is_some_and(|function| function & 0x80 != 0);
        let echo = !is_refusal && (core::mem::take(&mut self.echo) || same_again);
        self.echo = false;
        echo
    }
}

/// Finds frames in octets that come piece by piece, in a buffer of `N` octets: twice [`Mode::limit`] is enough.
#[derive(Clone, Debug)]
pub struct Reader<const N: usize> {
    octets: [u8; N],
    len: usize,
    lost: u64,
}

impl<const N: usize> Default for Reader<N> {
    fn default() -> Self {
        Self { octets: [0; N], len: 0, lost: 0 }
    }
}

impl<const N: usize> Reader<N> {
    /// Takes octets from the line. The oldest make room, as nothing that is so far back can become a frame.
    pub fn push(&mut self, octets: &[u8]) {
        let kept = octets.get(octets.len().saturating_sub(N)..).unwrap_or_default();
        let room = N - self.len;
        self.drop_first(kept.len().saturating_sub(room));
        self.lost += (octets.len() - kept.len()) as u64;
        if let Some(slots) = self.octets.get_mut(self.len..self.len + kept.len()) {
            slots.copy_from_slice(kept);
            self.len += kept.len();
        }
    }

    /// The next frame. `idle` says that the line has been silent for as long as ends a frame, so that what is incomplete
    /// now stays so.
    pub fn next<'s>(&'s mut self, mode: Mode, wanted: Wanted<'_>, idle: bool, into: &'s mut [u8]) -> Option<&'s [u8]> {
        let octets = self.octets.get(..self.len).unwrap_or_default();
        let mut frames = if idle { Frames::new(octets, mode, wanted) } else { Frames::so_far(octets, mode, wanted) };
        let found = frames.next();
        let consumed = frames.consumed();
        let copied = found.and_then(|found| {
            let frame = octets.get(found)?;
            let slots = into.get_mut(..frame.len())?;
            slots.copy_from_slice(frame);
            Some(&*slots)
        });
        let noise = consumed - copied.map_or(0, <[u8]>::len);
        self.drop_first(consumed);
        self.lost = self.lost - consumed as u64 + noise as u64;
        copied
    }

    /// Forgets what is there: before a request is sent, nothing can be its answer.
    pub const fn clear(&mut self) {
        self.lost += self.len as u64;
        self.len = 0;
    }

    /// How many octets belonged to no frame.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    fn drop_first(&mut self, count: usize) {
        let count = count.min(self.len);
        self.octets.copy_within(count..self.len, 0);
        self.len -= count;
        self.lost += count as u64;
    }
}
