//! The walk through a payload by a layout.

use super::covered::Covered;
use super::slots::{Held, Slots};
use super::{
    Clock, Entry, Every, Field, Formats, Holds, Integer, Length, Message, Nested, Order, Place, Records, Repeat,
    Source, Step, Stream, Times, condition, derived, holds,
};
use crate::note::{Notes, at};
use crate::{
    Alarms, CivilTime, Decimal, DecodeError, Known, Layer, Meter, Origin, Out, Quality, Quantity, Reading, Reason,
    Register, Text, Unit, Value,
};

/// The most elements of groups and entries of streams in one payload: what no meter sends, and what a wrong profile
/// must not make endless.
const ELEMENTS: u32 = 8192;

/// Octets that belong together: a payload, an element of a group, an entry of a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Region {
    pub(super) const fn whole(payload: &[u8]) -> Self {
        Self { start: 0, end: payload.len() }
    }

    /// Where a place is; `None` when it is before the beginning.
    pub(super) fn find(&self, place: Place, next: usize, same: usize) -> Option<usize> {
        match place {
            Place::Next => Some(next),
            Place::Same => Some(same),
            Place::Start(octets) => self.start.checked_add(octets.into()),
            Place::End(octets) => self.end.checked_sub(octets.into()).filter(|at| *at >= self.start),
        }
    }
}

/// What an element of a group adds to its readings.
#[derive(Clone, Copy, Debug, Default)]
struct Within {
    time: Option<CivilTime>,
    newest_first: bool,
    storage: i64,
    tariff: i64,
    subunit: i64,
}

/// A payload that is being read.
pub(super) struct Walk<'a, 'p> {
    payload: &'p [u8],
    offset: usize,
    meter: Option<&'a Meter>,
    known: &'p dyn Known,
    inside: Option<(&'a dyn Formats, &'static Records)>,
    pub(super) slots: Slots,
    covered: Covered,
    quiet: bool,
    elements: u32,
}

impl<'a, 'p> Walk<'a, 'p> {
    pub(super) fn new(
        payload: &'p [u8],
        offset: usize,
        meter: Option<&'a Meter>,
        known: &'p dyn Known,
        inside: Option<(&'a dyn Formats, &'static Records)>,
    ) -> Self {
        let (slots, covered) = (Slots::default(), Covered::new());
        Self { payload, offset, meter, known, inside, slots, covered, quiet: false, elements: 0 }
    }

    /// Reads a whole message.
    pub(super) fn message(&mut self, message: &Message, out: &mut dyn Out<'p>) -> Result<(), DecodeError> {
        let read = self.layout(message.steps, message.looks_ahead, out);
        derived::all(message.derived, self.offset, &self.slots, out);
        read
    }

    /// Reads the whole payload by a layout. What nothing covers is a reading of octets.
    pub(super) fn layout(&mut self, steps: &[Step], ahead: bool, out: &mut dyn Out<'p>) -> Result<(), DecodeError> {
        let region = Region::whole(self.payload);
        if ahead {
            self.ahead(steps, region, &Within::default(), out);
            self.elements = 0;
            self.covered = Covered::new();
        }
        let read = self.run(steps, region, &Within::default(), out).map(|_| ());
        let payload = self.payload;
        for (start, end) in self.covered.gaps(payload.len()) {
            let octets = payload.get(start..end).unwrap_or_default();
            unknown(octets, self.offset + start, out);
        }
        read
    }

    /// Reads the steps one after the other, and says where the last one ends.
    fn run(
        &mut self,
        steps: &[Step],
        region: Region,
        within: &Within,
        out: &mut dyn Out<'p>,
    ) -> Result<usize, DecodeError> {
        let (mut next, mut same) = (region.start, region.start);
        for step in steps {
            let read = match step {
                Step::Field(field) => self.field(field, region, (next, same), within, out)?,
                Step::Repeat(repeat) => self.repeat(repeat, region, (next, same), within, out)?,
                Step::Stream(stream) => self.stream(stream, region, (next, same), within, out)?,
                Step::Nested(nested) => self.nested(nested, region, (next, same), out)?,
            };
            if let Some((start, end)) = read {
                (next, same) = (end, start);
            }
        }
        Ok(next)
    }

    fn error(&self, field: &'static str, at: usize, reason: Reason) -> DecodeError {
        DecodeError { layer: Layer::Application, field, offset: self.offset + at, reason }
    }

    fn is_there(&self, when: &[super::Condition], region: Region, position: usize) -> bool {
        condition::all(when, self.payload, &region, position, &self.slots)
    }

    fn begin(
        &self,
        name: &'static str,
        place: Place,
        region: Region,
        at: (usize, usize),
    ) -> Result<usize, DecodeError> {
        let found = region.find(place, at.0, at.1);
        let left = region.end.saturating_sub(region.start);
        let needed = match place {
            Place::End(octets) => octets.into(),
            _ => 1,
        };
        found.ok_or_else(|| self.error(name, region.start, Reason::Truncated { needed, left }))
    }

    /// The octets from `start` on.
    fn take(
        &mut self,
        name: &'static str,
        region: Region,
        start: usize,
        needed: usize,
    ) -> Result<&'p [u8], DecodeError> {
        let end = start.checked_add(needed).filter(|end| *end <= region.end);
        match end.and_then(|end| self.payload.get(start..end)) {
            Some(octets) => {
                self.covered.add(start, start + needed);
                Ok(octets)
            }
            None => {
                let left = region.end.saturating_sub(start);
                Err(self.error(name, start, Reason::Truncated { needed, left }))
            }
        }
    }

    fn length(&self, name: &'static str, length: Length, region: Region, start: usize) -> Result<usize, DecodeError> {
        match length {
            Length::Is(octets) => Ok(octets.into()),
            Length::Rest => Ok(region.end.saturating_sub(start)),
            Length::Of(source) => {
                let octets = source.number(&self.slots).and_then(|number| usize::try_from(number).ok());
                octets.ok_or_else(|| self.error(name, start, Reason::Malformed))
            }
        }
    }

    /// Reads a field; says where it began and ended, or that it is not there.
    fn field(
        &mut self,
        field: &Field,
        region: Region,
        at: (usize, usize),
        within: &Within,
        out: &mut dyn Out<'p>,
    ) -> Result<Option<(usize, usize)>, DecodeError> {
        let name = name(field);
        let position = region.find(field.at, at.0, at.1).unwrap_or(at.0);
        if !field.when.is_empty() && !self.is_there(field.when, region, position) {
            return Ok(None);
        }
        let start = self.begin(name, field.at, region, at)?;
        let needed = match field.holds {
            Holds::Integer(Integer { octets, .. })
            | Holds::Flags(Integer { octets, .. })
            | Holds::Float { octets, .. } => octets.into(),
            Holds::Time(clock) => clock.octets().into(),
            Holds::Varint => {
                let octets = self.payload.get(start..region.end).unwrap_or_default();
                match holds::varint(octets) {
                    Ok((_, octets)) => octets,
                    Err(true) => return Err(self.error(name, start, Reason::Overflow)),
                    Err(false) => octets.len() + 1,
                }
            }
            Holds::Text { length, .. }
            | Holds::Digits { length, .. }
            | Holds::Hex { length, .. }
            | Holds::Octets(length)
            | Holds::Skip(length) => self.length(name, length, region, start)?,
        };
        let octets = self.take(name, region, start, needed)?;
        let found = Found::of(field, octets);
        self.told(field, &found, octets, start, within, out);
        Ok(Some((start, start + needed)))
    }

    /// What a field says: kept for others, its alarms, and its reading.
    fn told(
        &mut self,
        field: &Field,
        found: &Found<'p>,
        octets: &'p [u8],
        start: usize,
        within: &Within,
        out: &mut dyn Out<'p>,
    ) {
        let body = &field.body;
        let (mut value, mut quality, mut number, mut unrounded) = (found.value, found.quality, None, None);
        if let Value::Number(sent) = value {
            match body.value(sent, found.raw, &self.slots) {
                Ok(worth) => {
                    (value, number) = (worth.value, worth.number);
                    unrounded = worth.unrounded.map(|raw| (raw, body.unit));
                }
                Err(why) => (value, quality) = (Value::Absent, why),
            }
        }
        if let Some((base, sum)) = field.delta {
            number = self.delta(base, sum, number, within.newest_first);
            (value, quality) = match number {
                Some(number) => (Value::Number(number), Quality::Good),
                None => (Value::Absent, if quality == Quality::Good { Quality::NotAvailable } else { quality }),
            };
        }
        if let Some(slot) = field.slot {
            let held = match value {
                Value::Time(time) => Held::Time(time),
                Value::Absent => Held::Nothing,
                _ => Held::Number(found.raw, number),
            };
            self.slots.set(slot, held);
        }
        if self.quiet {
            return;
        }
        let mut notes = Notes::new(out);
        if !field.alarms.is_empty()
            && value != Value::Absent
            && let Some(raw) = found.raw
        {
            let (mut alarms, mut of) = (Alarms::NONE, Alarms::NONE);
            for alarm in field.alarms {
                of = of.with(alarm.alarm);
                if alarm.numbers.contains(&holds::cut(raw as u64, alarm.first, alarm.count).into()) {
                    alarms = alarms.with(alarm.alarm);
                }
            }
            notes.alarms(alarms, of);
        }
        let reading = || {
            let register = body.register(&self.slots);
            let reading = Reading {
                function: body.function,
                register: moved(register, within),
                qualifiers: body.qualifiers,
                at: body.time.map_or(within.time, |time| time.find(&self.slots)),
                quality,
                label: if field.name.is_empty() { None } else { Some(Text::utf8(field.name)) },
                ..Reading::new(
                    body.quantity,
                    value,
                    body.unit,
                    Origin { octets, header: &[], offset: self.offset + start },
                )
            };
            match value {
                Value::Number(_) => {
                    let reading = reading.in_canonical_unit();
                    Reading { unrounded: reading.unrounded.or(unrounded), ..reading }
                }
                Value::Absent => Reading { unit: body.unit.canonical(), ..reading },
                _ => Reading { unit: Unit::None, ..reading },
            }
        };
        if notes.wanted() {
            note(field, found, &reading(), &mut notes);
        }
        if field.report && !matches!(field.holds, Holds::Skip(_)) {
            out.reading(reading());
        }
    }

    /// The base and all differences so far.
    fn delta(&mut self, base: u8, sum: u8, number: Option<Decimal>, newest_first: bool) -> Option<Decimal> {
        let so_far = self.slots.get(sum).value();
        let so_far = so_far.zip(number).and_then(|(so_far, number)| so_far.plus(number));
        // Behind a difference that is no value nobody knows the others.
        self.slots.set(sum, so_far.map_or(Held::Nothing, |so_far| Held::Number(None, Some(so_far))));
        let so_far = so_far?;
        self.slots.get(base).value()?.plus(if newest_first { so_far.times(-1)? } else { so_far })
    }

    fn count(&mut self, name: &'static str, at: usize) -> Result<(), DecodeError> {
        self.elements += 1;
        let (limit, found) = (ELEMENTS as usize, self.elements as usize);
        if self.elements > ELEMENTS { Err(self.error(name, at, Reason::TooLong { limit, found })) } else { Ok(()) }
    }

    fn repeat(
        &mut self,
        repeat: &Repeat,
        region: Region,
        at: (usize, usize),
        within: &Within,
        out: &mut dyn Out<'p>,
    ) -> Result<Option<(usize, usize)>, DecodeError> {
        const NAME: &str = "group";
        let position = region.find(repeat.at, at.0, at.1).unwrap_or(at.0);
        if !self.is_there(repeat.when, region, position) {
            return Ok(None);
        }
        let start = self.begin(NAME, repeat.at, region, at)?;
        let end = match repeat.end {
            Some(place) => self.begin(NAME, place, region, (region.end, start))?.min(region.end),
            None => region.end,
        };
        let wanted = match repeat.times {
            Times::Is(times) => times.into(),
            Times::Rest(_) => u64::MAX,
            Times::Of(source) => {
                source.number(&self.slots).ok_or_else(|| self.error(NAME, start, Reason::Malformed))?
            }
        };
        let least = if let Times::Rest(least) = repeat.times { usize::from(least.max(1)) } else { 0 };
        let zero = Held::Number(None, Some(Decimal::ZERO));
        (repeat.sums.0..repeat.sums.1).for_each(|slot| self.slots.set(slot, zero));
        if let (1..=64, [Step::Field(field)]) = (repeat.bits, repeat.steps) {
            let end = self.bits(repeat, field, (start, end), wanted, within, out)?;
            return Ok(Some((start, end)));
        }
        let mut next = start;
        for n in 0..wanted {
            if end.saturating_sub(next) < least {
                break;
            }
            self.count(NAME, next)?;
            self.slots.clear(repeat.slots.0, repeat.slots.1);
            let element = self.element(repeat, n, within);
            let stop = self.element_of(repeat, Region { start: next, end }, &element, out)?;
            if stop <= next {
                break;
            }
            next = stop;
        }
        Ok(Some((start, next)))
    }

    /// Reads an element of a group, and says where it ends.
    fn element_of(
        &mut self,
        repeat: &Repeat,
        region: Region,
        within: &Within,
        out: &mut dyn Out<'p>,
    ) -> Result<usize, DecodeError> {
        if repeat.looks_ahead && !self.quiet {
            let before: [Held; super::SLOTS] = core::array::from_fn(|slot| *self.slots.get(slot as u8));
            self.ahead(repeat.steps, region, within, out);
            // Its differences are added once.
            (repeat.sums.0..repeat.sums.1).for_each(|slot| {
                self.slots.set(slot, before.get(usize::from(slot)).copied().unwrap_or_default());
            });
        }
        self.run(repeat.steps, region, within, out)
    }

    /// Reads steps for what others need of them. What is wrong is said the second time.
    fn ahead(&mut self, steps: &[Step], region: Region, within: &Within, out: &mut dyn Out<'p>) {
        let quiet = core::mem::replace(&mut self.quiet, true);
        let _ = self.run(steps, region, within, out);
        self.quiet = quiet;
    }

    /// Reads elements of so many bits that run on over octets; says where the last one ends.
    fn bits(
        &mut self,
        repeat: &Repeat,
        field: &Field,
        (start, end): (usize, usize),
        wanted: u64,
        within: &Within,
        out: &mut dyn Out<'p>,
    ) -> Result<usize, DecodeError> {
        let Holds::Integer(integer) = field.holds else { return Ok(start) };
        let width = usize::from(repeat.bits);
        let octets = self.payload.get(start..end).unwrap_or_default();
        let there = octets.len() * 8 / width;
        let rest = matches!(repeat.times, Times::Rest(_));
        let wanted = if rest { there } else { usize::try_from(wanted).unwrap_or(usize::MAX) };
        for n in 0..wanted.min(there) {
            self.count("group", start)?;
            self.slots.clear(repeat.slots.0, repeat.slots.1);
            let element = self.element(repeat, n as u64, within);
            let (first, last) = (n * width, (n + 1) * width - 1);
            let bits = (first..=last).fold(0u64, |bits, at| {
                let octet = octets.get(at / 8).copied().unwrap_or_default();
                match integer.order {
                    Order::Little => bits | u64::from(octet >> (at % 8) & 1) << (at - first),
                    Order::Big => bits << 1 | u64::from(octet >> (7 - at % 8) & 1),
                }
            });
            let integer = Integer { first: 0, count: repeat.bits, ..integer };
            let found = match field.body.none_of(bits, repeat.bits) {
                Some(quality) => Found::none(quality),
                None => Found::number(integer.number(bits)),
            };
            let (from, to) = (start + first / 8, start + last / 8 + 1);
            self.covered.add(from, to);
            let octets = self.payload.get(from..to).unwrap_or_default();
            self.told(field, &found, octets, from, &element, out);
        }
        if wanted > there {
            let (needed, left) = (wanted.saturating_mul(width).div_ceil(8), octets.len());
            return Err(self.error(name(field), start, Reason::Truncated { needed, left }));
        }
        Ok(start + (wanted * width).div_ceil(8))
    }

    /// What the n-th element of a group adds to its readings.
    fn element(&self, repeat: &Repeat, n: u64, within: &Within) -> Within {
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        let steps = n.saturating_add(repeat.first.into());
        let times = if repeat.newest_first { steps } else { -steps };
        let time = repeat.time.and_then(|time| time.find(&self.slots)).and_then(|time| match repeat.every {
            Every::Never => Some(time),
            Every::Is(back) => back.from(time, times),
            Every::Of(source, seconds) => {
                let seconds = i64::try_from(source.number(&self.slots)?).ok()?.checked_mul(seconds.into())?;
                time.seconds_before(seconds.checked_mul(times)?)
            }
        });
        Within {
            time: if repeat.time.is_some() { time } else { within.time },
            newest_first: repeat.newest_first,
            storage: within.storage.saturating_add(n.saturating_mul(repeat.storage_step.into())),
            tariff: within.tariff.saturating_add(n.saturating_mul(repeat.tariff_step.into())),
            subunit: within.subunit.saturating_add(n.saturating_mul(repeat.subunit_step.into())),
        }
    }

    fn stream(
        &mut self,
        stream: &Stream,
        region: Region,
        at: (usize, usize),
        within: &Within,
        out: &mut dyn Out<'p>,
    ) -> Result<Option<(usize, usize)>, DecodeError> {
        const NAME: &str = "tag";
        let position = region.find(stream.at, at.0, at.1).unwrap_or(at.0);
        if !self.is_there(stream.when, region, position) {
            return Ok(None);
        }
        let start = self.begin(NAME, stream.at, region, at)?;
        let end = match stream.end {
            Some(place) => self.begin(NAME, place, region, (region.end, start))?.min(region.end),
            None => region.end,
        };
        let mut next = start;
        while next < end {
            self.count(NAME, next)?;
            self.slots.clear(stream.slots.0, stream.slots.1);
            let (from, mut value, mut same) = (next, next, next);
            for field in stream.head {
                let head = Region { start: from, end };
                match self.field(field, head, (value, same), within, out) {
                    Ok(Some((start, end))) => (value, same) = (end, start),
                    Ok(None) => {}
                    Err(error) => return Err(self.broken(error, from, end, out)),
                }
            }
            let tag = self.slots.get(stream.tag).raw();
            let length = stream.length.map(|slot| Source { slot, first: 0, count: 64, plus: 0 });
            let length = length.and_then(|source| source.number(&self.slots));
            let stop = match length.map(usize::try_from) {
                Some(length) => {
                    let needed = length.unwrap_or(usize::MAX);
                    let stop = value.checked_add(needed).filter(|stop| *stop <= end);
                    let left = end.saturating_sub(value);
                    match stop {
                        Some(stop) => stop,
                        None => {
                            let error = self.error("length", value, Reason::Truncated { needed, left });
                            return Err(self.broken(error, from, end, out));
                        }
                    }
                }
                None => end,
            };
            let entry = Region { start: value, end: stop };
            let fits = |of: &&Entry| {
                (of.tags.is_empty() || tag.is_some_and(|tag| of.tags.contains(&tag)))
                    && self.is_there(of.when, entry, value)
            };
            next = match stream.entries.iter().find(fits) {
                Some(found) => {
                    self.slots.clear(found.slots.0, found.slots.1);
                    if found.looks_ahead {
                        self.ahead(found.steps, entry, within, out);
                    }
                    let read = self.run(found.steps, entry, within, out)?;
                    if length.is_some() { stop } else { read }
                }
                None => {
                    self.covered.add(from, stop);
                    if !self.quiet {
                        unknown(self.payload.get(from..stop).unwrap_or_default(), self.offset + from, out);
                    }
                    if length.is_none() {
                        let tag = tag.map(|tag| tag as u32).unwrap_or_default();
                        return Err(self.error(NAME, from, Reason::UnknownFormat(tag)));
                    }
                    stop
                }
            };
            if next <= from {
                break;
            }
        }
        Ok(Some((start, next)))
    }

    /// An entry that ends too early: its octets are told, head and all.
    fn broken(&mut self, error: DecodeError, from: usize, end: usize, out: &mut dyn Out<'p>) -> DecodeError {
        self.covered.add(from, end);
        if !self.quiet {
            unknown(self.payload.get(from..end).unwrap_or_default(), self.offset + from, out);
        }
        error
    }

    fn nested(
        &mut self,
        nested: &Nested,
        region: Region,
        at: (usize, usize),
        out: &mut dyn Out<'p>,
    ) -> Result<Option<(usize, usize)>, DecodeError> {
        const NAME: &str = "format inside";
        let position = region.find(nested.at, at.0, at.1).unwrap_or(at.0);
        if !self.is_there(nested.when, region, position) {
            return Ok(None);
        }
        let start = self.begin(NAME, nested.at, region, at)?;
        let length = self.length(NAME, nested.length, region, start)?;
        let octets = self.take(NAME, region, start, length)?;
        let end = start + length;
        if self.quiet {
            return Ok(Some((start, end)));
        }
        let format = self.inside.and_then(|(formats, records)| Some((formats.inside(nested.inside)?, records)));
        match format {
            Some((format, records)) => {
                records.read(format, self.meter, octets, self.offset + start, self.known, out)?;
            }
            None => unknown(octets, self.offset + start, out),
        }
        Ok(Some((start, end)))
    }
}

/// Octets that nobody has explained.
fn unknown<'p>(octets: &'p [u8], offset: usize, out: &mut dyn Out<'p>) {
    if octets.is_empty() {
        return;
    }
    let mut notes = Notes::new(out);
    if notes.wanted() {
        notes.octets(at(Layer::Application, offset, octets.len(), "not in the profile", ""), octets, &"");
    }
    let origin = Origin { octets, header: &[], offset };
    out.reading(Reading::new(Quantity::Unknown, Value::Octets(octets), Unit::None, origin));
}

const fn name(field: &Field) -> &'static str {
    if field.name.is_empty() { field.body.quantity.name() } else { field.name }
}

/// A register, moved by what an element of a group adds.
fn moved(register: Register, within: &Within) -> Register {
    if within.storage == 0 && within.tariff == 0 && within.subunit == 0 {
        return register;
    }
    let tariff = i64::from(register.tariff).saturating_add(within.tariff);
    let subunit = i64::from(register.subunit).saturating_add(within.subunit);
    Register {
        storage: register.storage.saturating_add_signed(within.storage),
        tariff: u32::try_from(tariff).unwrap_or_default(),
        subunit: u16::try_from(subunit).unwrap_or_default(),
    }
}

/// What octets say before any scale.
struct Found<'p> {
    value: Value<'p>,
    quality: Quality,
    raw: Option<i128>,
}

impl<'p> Found<'p> {
    const fn good(value: Value<'p>) -> Self {
        Self { value, quality: Quality::Good, raw: None }
    }

    const fn none(quality: Quality) -> Self {
        Self { value: Value::Absent, quality, raw: None }
    }

    fn of(field: &Field, octets: &'p [u8]) -> Self {
        let body = &field.body;
        match field.holds {
            Holds::Integer(integer) => {
                let bits = integer.bits(octets).unwrap_or_default();
                if let Some(quality) = body.none_of(bits, integer.count) {
                    return Self::none(quality);
                }
                Self::number(integer.number(bits))
            }
            Holds::Varint => {
                let bits = holds::varint(octets).map_or(0, |(bits, _)| bits);
                if let Some(quality) = body.none_of(bits, 64) {
                    return Self::none(quality);
                }
                Self::number(Some(bits.into()))
            }
            Holds::Float { octets: width, order } => {
                let bits = holds::whole(octets, order);
                if let Some(quality) = body.none_of(bits, width.saturating_mul(8)) {
                    return Self::none(quality);
                }
                let number = match width {
                    2 => Decimal::from_f16_shortest(bits as u16),
                    4 => Decimal::from_f32_shortest(f32::from_bits(bits as u32)),
                    _ => Decimal::from_f64_shortest(f64::from_bits(bits)),
                };
                number.map_or(Self::none(Quality::Invalid), |number| Self::good(Value::Number(number)))
            }
            Holds::Flags(integer) => {
                let bits = integer.bits(octets).unwrap_or_default();
                match body.none_of(bits, integer.count) {
                    Some(quality) => Self::none(quality),
                    None => Self { raw: Some(bits.into()), ..Self::good(Value::Flags(bits)) },
                }
            }
            Holds::Text { order, .. } => {
                let octets = trimmed(octets);
                Self::good(Value::Text(match order {
                    Order::Big => Text::latin1(octets),
                    Order::Little => Text::latin1_reversed(octets),
                }))
            }
            Holds::Digits { order, .. } => {
                if octets.iter().any(|octet| octet >> 4 > 9 || octet & 0xf > 9) {
                    return Self::none(Quality::Invalid);
                }
                Self::good(Value::Text(digits(octets, order)))
            }
            Holds::Hex { order, .. } => Self::good(Value::Text(digits(octets, order))),
            Holds::Octets(_) => Self::good(Value::Octets(octets)),
            Holds::Skip(_) => Self::none(Quality::Good),
            Holds::Time(clock) => Self::time(field, clock, octets),
        }
    }

    fn number(number: Option<i128>) -> Self {
        match number {
            Some(number) => Self { raw: Some(number), ..Self::good(Value::Number(Decimal::new(number, 0))) },
            None => Self::none(Quality::Invalid),
        }
    }

    fn time(field: &Field, clock: Clock, octets: &[u8]) -> Self {
        let bits = holds::whole(octets, clock.order());
        if let Some(quality) = field.body.none_of(bits, clock.octets().saturating_mul(8)) {
            return Self::none(quality);
        }
        match clock.read(octets, bits) {
            (Some(time), quality) => Self { quality, ..Self::good(Value::Time(time)) },
            (None, quality) => Self::none(quality),
        }
    }
}

const fn digits(octets: &[u8], order: Order) -> Text<'_> {
    match order {
        Order::Big => Text::hex(octets),
        Order::Little => Text::digits(octets),
    }
}

fn trimmed(octets: &[u8]) -> &[u8] {
    let filler = |octet: &u8| matches!(octet, 0 | b' ');
    let start = octets.iter().position(|octet| !filler(octet)).unwrap_or(octets.len());
    let end = octets.iter().rposition(|octet| !filler(octet)).map_or(start, |last| last + 1);
    octets.get(start..end).unwrap_or_default()
}

#[cold]
fn note(field: &Field, found: &Found<'_>, reading: &Reading<'_>, notes: &mut Notes<'_, '_>) {
    let Origin { octets, offset, .. } = reading.origin;
    let unit = reading.unit.ucum();
    let place = at(Layer::Application, offset, octets.len(), name(field), "");
    match (reading.value, found.raw) {
        (Value::Number(number), _) => notes.text(place, &format_args!("{number} {unit}"), &""),
        (Value::Flags(bits), _) => notes.text(place, &format_args!("{bits:#b}"), &""),
        (Value::Text(text), Some(raw)) => notes.text(place, &raw, &text),
        (Value::Text(text), None) => notes.text(place, &text, &""),
        (Value::Time(time), _) => notes.text(place, &time, &""),
        (Value::Octets(octets), _) => notes.octets(place, octets, &""),
        _ if matches!(field.holds, Holds::Skip(_)) => notes.octets(place, octets, &"says nothing"),
        _ => notes.octets(place, octets, &reading.quality.word()),
    }
}
