//! A device that speaks Modbus: which requests a poll takes, and what the device has taught about them.

use super::line::{Ask, Line};
use crate::profiles::registers::{self, Map};
use esh_modbus::frame::{Head, ascii, rtu, tcp};
use esh_modbus::map::Table;
use esh_modbus::merge::{self, Batch, Limits, Note, Span, batches};
use esh_modbus::stream::{Asked, Frames, Wanted};
use esh_modbus::sunspec::{Model, Walk};
use esh_modbus::{ExceptionCode, Mode, Request, Response};
use serde::{Deserialize, Serialize};
use std::io;
use std::time::{Duration, Instant};

/// How long a device that is busy is left alone before it is asked again.
const BUSY: Duration = Duration::from_millis(200);
/// How long a device is believed that it has not got a value.
const BELIEVED: Duration = Duration::from_secs(86_400);

/// What a device is asked with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// How frames are laid out.
    pub(super) mode: Mode,
    /// What the line must know; without octets.
    pub(super) ask: Ask<'static>,
    /// How often it is asked again.
    pub(super) retries: u32,
}

/// What became of a request.
#[derive(Debug)]
enum Answer {
    /// The registers that were asked for, and the frames of both.
    Registers(Vec<u8>),
    /// The device refuses.
    Refused(ExceptionCode),
    /// It says nothing, or nothing that can be understood.
    Nothing,
}

/// What became of a poll.
#[derive(Debug)]
pub(super) struct Poll {
    /// Requests and answers, as `esh_modbus::poll` reads them; empty when none was answered.
    pub(super) octets: Vec<u8>,
    /// Whether the device has said anything at all.
    pub(super) answered: bool,
    /// Whether it has taught something.
    pub(super) learned: bool,
    /// What went on.
    pub(super) tally: Tally,
}

/// How often something happened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) requests: u64,
    pub(super) timeouts: u64,
    pub(super) refused: u64,
}

/// What a device has taught, as it is kept: which registers no request may go on to, and which are not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Learned {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cut: Vec<(Word, u16)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused: Vec<(Word, u16)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Holding,
    Input,
}

impl From<Table> for Word {
    fn from(table: Table) -> Self {
        match table {
            Table::Holding => Self::Holding,
            Table::Input => Self::Input,
        }
    }
}

/// Answers that may still come.
#[derive(Clone, Copy, Debug)]
struct Owed {
    /// To this request,
    request: Request<'static>,
    /// so many,
    count: usize,
    /// until then.
    until: Instant,
}

/// A device.
#[derive(Debug)]
pub(super) struct Device {
    unit: u8,
    limits: Limits,
    /// Of a device that says itself what it has: where its models are looked for.
    walk: Option<Walk>,
    models: Vec<Model>,
    wanted: Vec<Span>,
    notes: Vec<Note>,
    kept: Learned,
    /// When it was last asked again for what it had refused.
    believed: Instant,
    /// Answers that may still come to requests that were given up.
    owed: Option<Owed>,
    /// By which the answers of Modbus TCP are known.
    transaction: u16,
}

impl Device {
    /// A device at this address.
    pub(super) fn new(unit: u8, map: &Map, limits: Limits, kept: Learned) -> Self {
        let (walk, wanted) = match map {
            Map::SunSpec => (Some(Walk::new()), Vec::new()),
            Map::Registers(values) => (None, registers::spans(values)),
        };
        let mut device = Self {
            unit,
            limits,
            walk,
            models: Vec::new(),
            wanted: Vec::new(),
            notes: Vec::new(),
            kept,
            believed: Instant::now(),
            owed: None,
            transaction: 0,
        };
        device.want(wanted);
        device
    }

    /// These registers are wanted from now on.
    fn want(&mut self, wanted: Vec<Span>) {
        let kept = |list: &[(Word, u16)], span: &Span| list.contains(&(span.table.into(), span.address));
        let note = |span| Note { cut: kept(&self.kept.cut, span), refused: kept(&self.kept.refused, span) };
        self.notes = wanted.iter().map(note).collect();
        self.wanted = wanted;
    }

    /// What it has taught so far.
    pub(super) fn learned(&self) -> Learned {
        let named = |which: fn(&Note) -> bool| {
            let noted = self.wanted.iter().zip(&self.notes).filter(|(_, note)| which(note));
            noted.map(|(span, _)| (span.table.into(), span.address)).collect()
        };
        Learned { cut: named(|note| note.cut), refused: named(|note| note.refused) }
    }

    /// Asks it for everything.
    pub(super) async fn poll(&mut self, line: &mut Line, way: &Way) -> io::Result<Poll> {
        let mut poll = Poll { octets: Vec::new(), answered: false, learned: false, tally: Tally::default() };
        if self.believed.elapsed() >= BELIEVED {
            // A device may have got another program since, or have refused because it had only just begun.
            self.notes.iter_mut().for_each(|note| note.refused = false);
            self.believed = Instant::now();
        }
        if self.walk.is_some() && !self.find(line, way, &mut poll).await? {
            return Ok(poll);
        }
        let before = self.notes.clone();
        let mut from = 0;
        while let Some(batch) = self.batch(from) {
            match self.ask(line, way, request(&batch), &mut poll).await? {
                Answer::Registers(frames) => {
                    poll.octets.extend(frames);
                    from = batch.end;
                }
                Answer::Refused(code) if code.is_about_addresses() => {
                    merge::refused(&self.wanted, &mut self.notes, &batch);
                    poll.learned = true;
                }
                Answer::Refused(_) => from = batch.end,
                Answer::Nothing => {
                    if !poll.octets.is_empty() {
                        // The readings that came are told, and that the others did not.
                        poll.octets.extend(self.frame(stored(way.mode), &request(&batch)));
                    }
                    break;
                }
            }
        }
        if poll.octets.is_empty() {
            // Who refuses everything has not yet begun, or is not who he should be: nothing is learned from that.
            self.notes = before;
            poll.learned = false;
            if let Some(walk) = &mut self.walk {
                *walk = Walk::new();
                self.models.clear();
                self.want(Vec::new());
            }
        }
        Ok(poll)
    }

    /// The request for the wanted registers from this place on.
    fn batch(&self, from: usize) -> Option<Batch> {
        batches(&self.wanted, &self.notes, self.limits).find(|batch| batch.first >= from)
    }

    /// Looks for the models of a device that says itself what it has; whether they are known.
    async fn find(&mut self, line: &mut Line, way: &Way, poll: &mut Poll) -> io::Result<bool> {
        while let Some((address, quantity)) = self.walk.as_ref().and_then(Walk::ask) {
            let answer = self.ask(line, way, Request::ReadHoldingRegisters { address, quantity }, poll).await?;
            let Some(walk) = &mut self.walk else { break };
            match answer {
                Answer::Registers(frames) => {
                    let registers = esh_modbus::poll::Exchanges::new(&frames, stored(way.mode));
                    let registers = registers.filter_map(|exchange| exchange.ok()?.block()).next();
                    let registers = registers.and_then(|block| esh_modbus::pdu::Registers::new(block.octets));
                    self.models.extend(registers.and_then(|registers| walk.answer(registers)));
                }
                Answer::Refused(_) => walk.refused(),
                Answer::Nothing => {
                    // One that says nothing may have its models elsewhere; a chain that is broken off is begun again.
                    match walk.is_sunspec() {
                        None => walk.refused(),
                        Some(_) => *walk = Walk::new(),
                    }
                    self.models.clear();
                    if walk.ask().is_none() {
                        *walk = Walk::new();
                    }
                    return Ok(false);
                }
            }
        }
        if self.walk.as_ref().and_then(Walk::is_sunspec) != Some(true) {
            self.walk = Some(Walk::new());
            self.models.clear();
            return Ok(false);
        }
        if self.wanted.is_empty() {
            let wanted = self.models.first().map(|first| spans(first.address, &self.models));
            self.want(wanted.unwrap_or_default());
        }
        Ok(true)
    }

    fn frame(&self, mode: Mode, request: &Request<'_>) -> Vec<u8> {
        let (mut pdu, mut frame) = ([0; esh_modbus::pdu::PDU_LIMIT], [0; ascii::LIMIT]);
        let head = Head { transaction: self.transaction, unit: self.unit };
        // What is asked here is within all limits.
        let written = request.write(&mut pdu).ok().and_then(|pdu| mode.write(head, pdu, &mut frame).ok());
        written.map(<[u8]>::to_vec).unwrap_or_default()
    }

    /// Asks for something, and again when nothing comes.
    async fn ask(
        &mut self,
        line: &mut Line,
        way: &Way,
        request: Request<'static>,
        poll: &mut Poll,
    ) -> io::Result<Answer> {
        if let Some(Owed { request, count, until }) = self.owed.take() {
            // The answer to another request may look like that to this one.
            let asked = Wanted::Answers(Asked { unit: self.unit, transaction: 0, request, echo: false });
            line.drain(until, |octets| Frames::so_far(octets, way.mode, asked).count() >= count).await?;
        }
        let mut answer = Answer::Nothing;
        let (mut owed, mut until) = (0, Instant::now());
        for _ in 0..=way.retries {
            self.transaction = self.transaction.wrapping_add(1);
            let octets = self.frame(way.mode, &request);
            let (unit, transaction) = (self.unit, self.transaction);
            let asked = Wanted::Answers(Asked { unit, transaction, request, echo: line.echoes() });
            poll.tally.requests += 1;
            owed += 1;
            let ask = Ask { octets: &octets, ..way.ask };
            let found = line.ask(ask, |octets, silent| match silent {
                true => Frames::new(octets, way.mode, asked).next(),
                false => Frames::so_far(octets, way.mode, asked).next(),
            });
            let Some(frame) = found.await? else {
                poll.tally.timeouts += 1;
                until = Instant::now() + way.ask.timeout;
                continue;
            };
            let mut buffer = [0; ascii::OCTETS];
            let adu = match way.mode {
                Mode::Rtu => rtu::open(frame),
                Mode::Tcp => tcp::open(frame),
                Mode::Ascii => ascii::open(frame, &mut buffer),
            };
            // It was opened when it was found.
            let Ok(adu) = adu else { continue };
            poll.answered = true;
            // If it answers an earlier one, then the answer to this one is still to come.
            (owed, until) = (owed - 1, Instant::now() + way.ask.timeout * 2);
            match Response::to(&request).parse(adu.pdu, adu.offset) {
                Ok(Response::Exception { code, .. }) => {
                    poll.tally.refused += 1;
                    answer = Answer::Refused(code);
                    if !code.is_passing() {
                        break;
                    }
                    tokio::time::sleep(BUSY).await;
                }
                Ok(_) => {
                    let mut frames = self.frame(stored(way.mode), &request);
                    if way.mode == Mode::Ascii {
                        let mut rtu = [0; rtu::LIMIT];
                        frames.extend(Mode::Rtu.write(adu.head, adu.pdu, &mut rtu).unwrap_or_default());
                    } else {
                        frames.extend(frame);
                    }
                    answer = Answer::Registers(frames);
                    break;
                }
                Err(_) => {}
            }
        }
        // Modbus TCP numbers its answers.
        self.owed = (owed > 0 && way.mode != Mode::Tcp).then_some(Owed { request, count: owed, until });
        Ok(answer)
    }
}

/// How frames are kept: serial ones without the characters around them.
pub(super) const fn stored(mode: Mode) -> Mode {
    match mode {
        Mode::Rtu | Mode::Ascii => Mode::Rtu,
        Mode::Tcp => Mode::Tcp,
    }
}

const fn request(batch: &Batch) -> Request<'static> {
    let Span { table, address, count: quantity } = batch.span;
    match table {
        Table::Holding => Request::ReadHoldingRegisters { address, quantity },
        Table::Input => Request::ReadInputRegisters { address, quantity },
    }
}

/// The registers to be read of a device with these models, of which the first begins at this address: its mark, the head of
/// each model, so that the chain can be walked again in what was read, and the values of those that are known.
fn spans(first: u16, models: &[Model]) -> Vec<Span> {
    const HEAD: u16 = 2;
    let span = |address, count| Span { table: Table::Holding, address, count };
    let mut spans = vec![span(first.saturating_sub(HEAD), HEAD)];
    let mut end = first;
    for model in models {
        spans.push(span(model.address, HEAD));
        end = model.address.saturating_add(HEAD).saturating_add(model.length);
        let registers = model.map().map_or(&[][..], |map| map.registers);
        for register in registers {
            let factor = register.scale.exponent.map(|other| (other.address, other.holds.registers()));
            for (address, count) in [Some((register.address, register.holds.registers())), factor].into_iter().flatten()
            {
                if address.saturating_add(count) <= model.length.saturating_add(HEAD) {
                    spans.push(span(model.address.saturating_add(address), count));
                }
            }
        }
    }
    // That the chain ends here.
    spans.push(span(end, HEAD));
    spans.sort_unstable();
    spans.dedup();
    spans
}
