//! Many lines at once: decoded by several threads, answered in their order, as if one after the other.
//!
//! A line that asks for what earlier lines teach is decoded a second time when its turn comes, by the one thread that
//! knows everything taught so far. So the output does not depend on the number of threads.

use super::known::{HandedOn, Keys, Lessons, LineKeys, LineKnown, LineMemory};
use crate::capture::{Framing, Stamp};
use crate::decode::{Decoded, Decoder, Frame};
use crate::encode::Source;
use crate::meters::Meters;
use crate::profiles::{Found, Profiles};
use crate::protocols::{Fragments, JoinLesson, Joins, Payload};
use crate::sources::lines::{Line, LineError};
use crate::taught::{Lesson, Taught};
use esh_core::{DecodeError, Protocol};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// How `decode --lines` works.
#[derive(Clone, Debug)]
pub struct Options {
    /// What opens the frames.
    pub protocol: Protocol,
    /// Keys for lines that name none.
    pub keys: Keys,
    /// Whether a counter that is not above the last one is refused.
    pub replay_check: bool,
    /// Whether reports show what the carrier found.
    pub opened: bool,
    /// What reads payloads of models.
    pub profiles: Arc<Profiles>,
    /// The profile for frames that name none.
    pub profile: Option<Found>,
    /// The port of payloads of LoRaWAN that come without their frames, where they do.
    pub payload: Option<Payload>,
}

impl Options {
    /// Frames of that protocol with these keys, and the profiles that come with the program; reports show all.
    #[must_use]
    pub fn of(protocol: Protocol, keys: Keys) -> Self {
        let profiles = Profiles::built_in();
        Self { protocol, keys, replay_check: false, opened: true, profiles, profile: None, payload: None }
    }
}

/// What stands for one line until its turn.
enum Answer {
    /// A finished report in the block's buffer, up to this octet.
    Report { end: usize, failed: bool },
    /// The line, by its place in the block: it asks for what earlier lines teach.
    Again { start: usize, end: usize },
    /// Something that the line before it teaches.
    Lesson(Lesson),
    /// The same, of a join.
    Join(JoinLesson),
}

struct Block {
    lines: Vec<u8>,
    reports: Vec<u8>,
    answers: Vec<Answer>,
}

/// Octets read at once; a line longer than this many is refused.
const BLOCK: usize = 256 * 1024;

/// The longest line that is decoded.
pub const LINE_LIMIT: usize = 64 * 1024;

/// Decodes a frame per line of `input` into a report per line of `output`; says whether every frame was decoded.
///
/// `print` turns the JSON text of a report into what is written.
///
/// # Errors
/// Those of reading and writing.
pub fn decode_lines(
    options: &Options,
    threads: usize,
    input: impl Read + Send,
    output: &mut impl Write,
    print: &dyn Fn(&[u8], &mut Vec<u8>),
) -> io::Result<bool> {
    std::thread::scope(|scope| {
        let threads = threads.max(1);
        let mut feeds = Vec::with_capacity(threads);
        let mut results = VecDeque::with_capacity(threads);
        let mut workers = Vec::with_capacity(threads);
        for _ in 0..threads {
            let (feed, work) = sync_channel::<Block>(2);
            let (done, result) = sync_channel::<Block>(2);
            workers.push(scope.spawn(move || Worker::new(options).run(&work, &done)));
            feeds.push(feed);
            results.push_back(result);
        }
        let reader = scope.spawn(move || read_blocks(input, &feeds));
        let mut merger = Merger { decoder: decoder(options), memory: Memory::default(), options, all_decoded: true };
        let mut text = Vec::new();
        // Blocks were dealt out in turn, so they come back in turn.
        while let Some(result) = results.pop_front() {
            let Ok(block) = result.recv() else { break };
            results.push_back(result);
            text.clear();
            merger.merge(&block, &mut text, print);
            output.write_all(&text)?;
        }
        output.flush()?;
        drop(results);
        match reader.join() {
            Ok(read) => read?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
        Ok(merger.all_decoded)
    })
}

/// A decoder for these options.
pub(super) fn decoder(options: &Options) -> Decoder {
    let mut decoder = Decoder::analyser(options.opened);
    decoder.set_meters(Arc::new(Meters { profiles: Arc::clone(&options.profiles), ..Meters::default() }));
    decoder
}

/// Cuts the input into blocks of whole lines and deals them out in turn.
fn read_blocks(mut input: impl Read, feeds: &[SyncSender<Block>]) -> io::Result<()> {
    let mut rest: Vec<u8> = Vec::new();
    for feed in feeds.iter().cycle() {
        let mut lines = std::mem::take(&mut rest);
        let mut ended;
        // A terminal or a pipe gives what it has: a person must not wait for a block to fill.
        loop {
            let had = lines.len();
            lines.resize(had + BLOCK, 0);
            let got = read(&mut input, lines.get_mut(had..).unwrap_or_default())?;
            lines.truncate(had + got);
            ended = got == 0;
            if ended || lines.get(had..).is_some_and(|new| new.contains(&b'\n')) {
                break;
            }
            if lines.len() > LINE_LIMIT {
                skip_line(&mut input, &mut lines)?;
                break;
            }
        }
        if !ended && let Some(last) = lines.iter().rposition(|octet| *octet == b'\n') {
            rest.extend_from_slice(lines.get(last + 1..).unwrap_or_default());
            lines.truncate(last + 1);
        }
        if !lines.is_empty() && feed.send(Block { lines, reports: Vec::new(), answers: Vec::new() }).is_err() {
            return Ok(());
        }
        if ended {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads what is there; a signal in between is no end.
fn read(input: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// An endless line: what is beyond the limit is read and forgotten, so that memory stays bounded.
fn skip_line(input: &mut impl Read, lines: &mut Vec<u8>) -> io::Result<()> {
    lines.truncate(LINE_LIMIT + 1);
    let mut octets = vec![0; 4096];
    loop {
        let got = read(input, &mut octets)?;
        let new = octets.get(..got).unwrap_or_default();
        if let Some(end) = new.iter().position(|octet| *octet == b'\n') {
            lines.extend_from_slice(new.get(end..).unwrap_or_default());
            return Ok(());
        }
        if got == 0 {
            lines.push(b'\n');
            return Ok(());
        }
    }
}

struct Worker<'o> {
    options: &'o Options,
    decoder: Decoder,
    handed_on: HandedOn,
}

impl<'o> Worker<'o> {
    fn new(options: &'o Options) -> Self {
        Self { options, decoder: decoder(options), handed_on: HandedOn::default() }
    }

    fn run(mut self, work: &Receiver<Block>, done: &SyncSender<Block>) {
        while let Ok(mut block) = work.recv() {
            self.decode(&mut block);
            if done.send(block).is_err() {
                return;
            }
        }
    }

    fn decode(&mut self, block: &mut Block) {
        let Block { lines, reports, answers } = block;
        let mut start = 0;
        for text in lines.split_inclusive(|octet| *octet == b'\n') {
            let end = start + text.len();
            let line = text.trim_ascii();
            if !line.is_empty() {
                let before = reports.len();
                let mut lessons = Lessons { list: Vec::new(), joins: Vec::new(), handed_on: Some(&self.handed_on) };
                let (asked, decoded) = decode_line(&mut self.decoder, self.options, line, None, &mut lessons, reports);
                let Lessons { list: lessons, joins, .. } = lessons;
                if asked {
                    reports.truncate(before);
                    answers.push(Answer::Again { start, end });
                } else {
                    answers.push(Answer::Report { end: reports.len(), failed: decoded.error.is_some() });
                    answers.extend(lessons.into_iter().map(Answer::Lesson));
                    answers.extend(joins.into_iter().map(Answer::Join));
                }
            }
            start = end;
        }
    }
}

/// What earlier lines leave behind.
#[derive(Default)]
struct Memory {
    taught: Taught,
    joins: Joins,
    fragments: Fragments,
}

struct Merger<'o> {
    decoder: Decoder,
    memory: Memory,
    options: &'o Options,
    all_decoded: bool,
}

impl Merger<'_> {
    fn merge(&mut self, block: &Block, text: &mut Vec<u8>, print: &dyn Fn(&[u8], &mut Vec<u8>)) {
        let mut start = 0;
        for answer in &block.answers {
            match answer {
                Answer::Report { end, failed } => {
                    print(block.reports.get(start..*end).unwrap_or_default(), text);
                    start = *end;
                    self.all_decoded &= !failed;
                }
                Answer::Lesson(lesson) => self.memory.taught.learn(lesson.clone()),
                Answer::Join(lesson) => self.memory.joins.learn(lesson),
                Answer::Again { start, end } => {
                    let line = block.lines.get(*start..*end).unwrap_or_default().trim_ascii();
                    let mut report = Vec::new();
                    let mut lessons = Lessons { list: Vec::new(), joins: Vec::new(), handed_on: None };
                    let (_, decoded) = decode_line(
                        &mut self.decoder,
                        self.options,
                        line,
                        Some(&mut self.memory),
                        &mut lessons,
                        &mut report,
                    );
                    print(&report, text);
                    self.all_decoded &= decoded.error.is_none();
                    let Lessons { list: lessons, joins, .. } = lessons;
                    lessons.into_iter().for_each(|lesson| self.memory.taught.learn(lesson));
                    joins.iter().for_each(|lesson| self.memory.joins.learn(lesson));
                }
            }
        }
    }
}

/// Decodes one line; says whether it asked for what earlier lines teach.
fn decode_line(
    decoder: &mut Decoder,
    options: &Options,
    text: &[u8],
    memory: Option<&mut Memory>,
    lessons: &mut Lessons<'_>,
    report: &mut Vec<u8>,
) -> (bool, Decoded) {
    let (line, error) = read_line(options.protocol, text);
    let nothing = HandedOn::default();
    let (memory, mut fragments) = match memory {
        Some(Memory { taught, joins, fragments }) => (LineMemory::Full(taught, joins), Some(fragments)),
        None => (LineMemory::HandedOn(lessons.handed_on.unwrap_or(&nothing)), None),
    };
    let known = LineKnown::new(LineKeys::of(line.keys.as_deref(), &options.keys), memory, options.replay_check);
    let (frame, error) = frame(options, &line, error);
    let decoded = match error {
        None => decoder.decode(&frame, &known, fragments.as_deref_mut(), lessons, report),
        Some(error) => decoder.refuse(&frame, error, report),
    };
    // A line with an id is a question of its own: parts before it count, but it is no part for a later line.
    if decoded.part
        && decoded.error.is_some()
        && line.id.is_some()
        && let Some(fragments) = fragments
    {
        *fragments = Fragments::default();
    }
    report.push(b'\n');
    (known.asked() || decoded.part, decoded)
}

/// A line, or an empty one and why it is none.
pub(super) fn read_line(protocol: Protocol, text: &[u8]) -> (Line<'_>, Option<DecodeError>) {
    let line = if text.len() > LINE_LIMIT { Err(LineError::TooLong(LINE_LIMIT)) } else { Line::parse(protocol, text) };
    line.map_or_else(|error| (Line::default(), Some(error.as_decode_error())), |line| (line, None))
}

/// The frame that a line holds, and why it is none.
pub(super) fn frame<'l>(
    options: &Options,
    line: &'l Line<'l>,
    error: Option<DecodeError>,
) -> (Frame<'l>, Option<DecodeError>) {
    let named = line.profile.as_deref().map(|name| {
        let found = options.profiles.by_name(name);
        found.ok_or(LineError::Member("profile", "a profile that there is").as_decode_error())
    });
    let payload = options.payload.filter(|_| options.protocol == Protocol::Lorawan).map(Framing::Payload);
    let error = error.or_else(|| named.and_then(Result::err));
    let profile = named.and_then(Result::ok).or(options.profile);
    let frame = Frame {
        octets: &line.octets,
        protocol: options.protocol,
        // Who analyses frames with the keys of a network may see what comes of them.
        framing: line.framing.or(payload).map(Framing::telling_keys),
        received_at: Stamp { at: line.received_at, synchronised: line.synchronised },
        source: line.rssi.map(|rssi| Source { name: None, rssi: Some(rssi), copies: 1, framing: None }),
        input: line.id.map(|id| id.get().as_bytes()),
        profile,
    };
    (frame, error)
}
