//! From the tables of a file to the plain tables that read.

use super::body::{Here, SourceTable, keep, keep_text, seconds};
use super::field;
use super::file::{
    AlarmTable, ConditionTable, DeriveTable, EntryTable, FieldTable, File, Made, MessageTable, NestedTable, Order,
    RangeTable, RepeatTable, StreamTable, Way,
};
use super::form::{Form, NoTable, whole};
use super::scope::{Scope, Use};
use crate::config::ConfigError;
use esh_core::Alarm;
use esh_core::profile::{
    self, CarriedBy, Condition, Derived, Entry, Every, FieldAlarm, Inside, Integer, Length, Looks, Makes, Message,
    Nested, Octets, Place, Profile, Repeat, Step, Stream, Test, TimeOf, Times,
};
use std::cell::Cell;
use std::collections::HashSet;
use std::ops::Range;
use toml::Spanned;

/// What a file is compiled with.
pub(super) struct Compiler<'t> {
    pub(super) here: Here<'t>,
    pub(super) wanted: HashSet<String>,
    pub(super) order: Order,
    pub(super) alarms: Vec<(Spanned<AlarmTable>, Cell<bool>)>,
}

/// The place in a message where something stands.
pub(super) struct At<'s> {
    pub(super) scope: &'s mut Scope,
    pub(super) order: Order,
    /// The time of readings that say none.
    pub(super) time: Option<TimeOf>,
    /// The message, by its name.
    pub(super) message: &'s str,
    /// The slots of sums of the group it stands in.
    pub(super) sums: Vec<u8>,
}

/// Compiles a file.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn profile(here: Here<'_>, name: &str, file: &mut File) -> Result<Profile, ConfigError> {
    let alarms = std::mem::take(&mut file.alarm).into_iter().map(|alarm| (alarm, Cell::new(false))).collect();
    let compiler = Compiler { here, wanted: Scope::wanted(here.text), order: file.meter.order, alarms };
    let derived: Vec<_> = std::mem::take(&mut file.derive).into_iter().map(|table| (table, Cell::new(false))).collect();
    let mut messages = Vec::new();
    for table in std::mem::take(&mut file.message) {
        messages.push(compiler.message(table, &derived)?);
    }
    let records = compiler.records(std::mem::take(&mut file.record), &derived)?;
    for (alarm, used) in &compiler.alarms {
        if !used.get() {
            let field = &alarm.get_ref().field;
            return Err(here.at(field.span(), format!("no field or record is called `{}`", field.get_ref())));
        }
    }
    for (table, used) in &derived {
        if !used.get() {
            let message = "no message and no records have all of these fields";
            return Err(here.at(table.span(), message));
        }
    }
    Ok(Profile { name: keep_text(name), messages: keep(messages), records })
}

/// Derived values, and whether any message makes them.
pub(super) type Deriving = [(Spanned<DeriveTable>, Cell<bool>)];

/// What stands in a layout, in the order of the file.
struct Parts {
    octets: Vec<Spanned<FieldTable>>,
    repeat: Vec<Spanned<RepeatTable>>,
    stream: Vec<Spanned<StreamTable>>,
    nested: Vec<Spanned<NestedTable>>,
}

enum Part {
    Field(Box<FieldTable>),
    Repeat(Box<RepeatTable>),
    Stream(StreamTable),
    Nested(NestedTable),
}

impl Parts {
    fn names(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.octets.iter().filter_map(|field| field.get_ref().called())
    }

    fn in_order(self) -> Vec<(Range<usize>, Part)> {
        let Self { octets, repeat, stream, nested } = self;
        let mut parts: Vec<(Range<usize>, Part)> = Vec::new();
        parts.extend(octets.into_iter().map(|part| (part.span(), Part::Field(Box::new(part.into_inner())))));
        parts.extend(repeat.into_iter().map(|part| (part.span(), Part::Repeat(Box::new(part.into_inner())))));
        parts.extend(stream.into_iter().map(|part| (part.span(), Part::Stream(part.into_inner()))));
        parts.extend(nested.into_iter().map(|part| (part.span(), Part::Nested(part.into_inner()))));
        parts.sort_by_key(|(span, _)| span.start);
        parts
    }
}

impl Compiler<'_> {
    fn message(&self, table: Spanned<MessageTable>, derived: &Deriving) -> Result<Message, ConfigError> {
        let span = table.span();
        let MessageTable {
            name,
            port,
            ci,
            direction,
            length,
            when,
            order,
            time,
            octets,
            repeat,
            stream,
            nested,
            enciphered,
        } = table.into_inner();
        let called = name.as_ref().map_or("", |name| name.get_ref().as_str());
        let mut scope = Scope::new(self.wanted.clone());
        let parts = Parts { octets, repeat, stream, nested };
        scope.enter(self.here, parts.names())?;
        let order = order.unwrap_or(self.order);
        let when = self.when(when, &mut scope, order)?;
        let mut carriers = self.carriers(port, CarriedBy::Port)?;
        carriers.extend(self.carriers(ci, CarriedBy::Ci)?);
        let time = time.map(|time| self.here.time(time, &mut scope)).transpose()?;
        let mut at = At { scope: &mut scope, order, time, message: called, sums: Vec::new() };
        let steps = self.steps(parts, &mut at)?;
        if steps.is_empty() && !enciphered {
            return Err(self
                .here
                .at(span, "a message without fields: give it [[message.octets]], or one of type \"skip\""));
        }
        let derived = self.derived(derived, called, &mut scope)?;
        Ok(Message {
            name: keep_text(if called.is_empty() { "message" } else { called }),
            carriers: keep(carriers),
            down: direction == Way::Down,
            lengths: self.lengths(length)?,
            when,
            steps: keep(steps),
            derived,
            looks_ahead: scope.looks_ahead,
            enciphered,
        })
    }

    fn carriers(
        &self,
        form: Option<Spanned<Form<NoTable>>>,
        of: impl Fn(u8) -> CarriedBy,
    ) -> Result<Vec<CarriedBy>, ConfigError> {
        let numbers = self.numbers(form)?;
        let carriers = numbers.into_iter().map(|(number, span)| {
            u8::try_from(number).map(&of).map_err(|_| self.here.at(span, "it is one octet: 0 to 255"))
        });
        carriers.collect()
    }

    /// Whole numbers, one or a list.
    pub(super) fn numbers(
        &self,
        form: Option<Spanned<Form<NoTable>>>,
    ) -> Result<Vec<(i128, Range<usize>)>, ConfigError> {
        let Some(form) = form else { return Ok(Vec::new()) };
        let span = form.span();
        let items = form.into_inner().items(span);
        let numbers = items.into_iter().map(|item| {
            let span = item.span();
            let number = match item.into_inner() {
                Form::Number(number) => Some(number.into()),
                Form::Word(word) => whole(&word),
                _ => None,
            };
            number.map(|number| (number, span.clone())).ok_or_else(|| self.here.at(span, "write a whole number"))
        });
        numbers.collect()
    }

    fn numbers_kept(&self, form: Option<Spanned<Form<NoTable>>>) -> Result<&'static [i128], ConfigError> {
        Ok(keep(self.numbers(form)?.into_iter().map(|(number, _)| number).collect()))
    }

    fn lengths(&self, form: Option<Spanned<Form<RangeTable>>>) -> Result<&'static [Octets], ConfigError> {
        let Some(form) = form else { return Ok(&[]) };
        let span = form.span();
        let lengths = form.into_inner().items(span).into_iter().map(|item| {
            let span = item.span();
            match item.into_inner() {
                Form::Number(number) => u16::try_from(number).ok().map(Octets::exactly),
                Form::Table(RangeTable { min, max }) => {
                    Some(Octets { min: min.unwrap_or_default(), max: max.unwrap_or(u16::MAX) })
                }
                _ => None,
            }
            .ok_or_else(|| self.here.at(span, "write a number of octets, or { min = 9, max = 51 }"))
        });
        Ok(keep(lengths.collect::<Result<_, _>>()?))
    }

    /// Conditions.
    pub(super) fn when(
        &self,
        form: Option<Spanned<Form<ConditionTable>>>,
        scope: &mut Scope,
        order: Order,
    ) -> Result<&'static [Condition], ConfigError> {
        let Some(form) = form else { return Ok(&[]) };
        let span = form.span();
        let mut conditions = Vec::new();
        for item in form.into_inner().items(span) {
            let span = item.span();
            let Form::Table(table) = item.into_inner() else {
                return Err(self.here.at(span, "write a condition such as { at = 0, equals = 1 }"));
            };
            conditions.push(self.condition(table, span, scope, order)?);
        }
        Ok(keep(conditions))
    }

    fn condition(
        &self,
        table: ConditionTable,
        span: Range<usize>,
        scope: &mut Scope,
        order: Order,
    ) -> Result<Condition, ConfigError> {
        let here = self.here;
        let ConditionTable { at, kind, order: own, field, bits, equals, not, min, max, length, left } = table;
        let looks = match (at, field, length, left) {
            (None, None, Some(length), None) => return Ok(Condition::Length(self.lengths(Some(length))?)),
            (None, None, None, Some(left)) => return Ok(Condition::Left(left)),
            (Some(at), None, None, None) => {
                let place = place(*at.get_ref()).ok_or_else(|| here.at(at.span(), "no payload is so long"))?;
                let order = own.unwrap_or(order).into();
                let integer = match kind {
                    Some(kind) => field::integer(kind.get_ref(), order)
                        .ok_or_else(|| here.at(kind.span(), "a condition looks at an integer, such as \"u16\""))?,
                    None => Integer::unsigned(1, order),
                };
                Looks::At(place, integer)
            }
            (None, Some(field), None, None) => Looks::Field(scope.slot(here, &field, Use::Before)?),
            _ => return Err(here.at(span, "a condition has one of `at`, `field`, `length` and `left`")),
        };
        let (first, count) = bits.map_or(Ok((0, 64)), |bits| here.bits(&bits, 64))?;
        let test = match (equals, not, min, max) {
            (Some(equals), None, None, None) => Test::OneOf(self.numbers_kept(Some(equals))?),
            (None, Some(not), None, None) => Test::NoneOf(self.numbers_kept(Some(not))?),
            (None, None, None, None) => {
                return Err(here.at(span, "say what it must be: `equals`, `not`, `min` or `max`"));
            }
            (None, None, min, max) => {
                Test::Within(min.map_or(i128::MIN, Into::into), max.map_or(i128::MAX, Into::into))
            }
            _ => return Err(here.at(span, "only one of `equals`, `not` and `min` with `max` can be")),
        };
        Ok(Condition::Number { looks, first, count, test })
    }

    /// The layout of a record's data.
    pub(super) fn layout(
        &self,
        octets: Vec<Spanned<FieldTable>>,
        repeat: Vec<Spanned<RepeatTable>>,
        at: &mut At<'_>,
    ) -> Result<Vec<Step>, ConfigError> {
        self.steps(Parts { octets, repeat, stream: Vec::new(), nested: Vec::new() }, at)
    }

    fn steps(&self, parts: Parts, at: &mut At<'_>) -> Result<Vec<Step>, ConfigError> {
        let steps = parts.in_order().into_iter().map(|(span, part)| {
            Ok(match part {
                Part::Field(table) => Step::Field(self.field(*table, span, at)?),
                Part::Repeat(table) => Step::Repeat(self.repeat(*table, span, at)?),
                Part::Stream(table) => Step::Stream(self.stream(table, at)?),
                Part::Nested(table) => Step::Nested(self.nested(table, at)?),
            })
        });
        steps.collect()
    }

    /// A place that may be a number.
    pub(super) fn place(&self, form: Option<&Spanned<Form<NoTable>>>) -> Result<Option<Place>, ConfigError> {
        let Some(form) = form else { return Ok(None) };
        let found = match form.get_ref() {
            Form::Number(number) => place(*number),
            Form::Word(word) if word == "same" => Some(Place::Same),
            _ => None,
        };
        let message = "write an octet such as 3, one from the end such as -1, or \"same\"";
        found.map(Some).ok_or_else(|| self.here.at(form.span(), message))
    }

    /// A length.
    pub(super) fn length(&self, form: Spanned<Form<SourceTable>>, scope: &mut Scope) -> Result<Length, ConfigError> {
        let span = form.span();
        Ok(match form.into_inner() {
            Form::Number(number) => {
                Length::Is(u16::try_from(number).map_err(|_| self.here.at(span, "a length is 0 to 65535 octets"))?)
            }
            Form::Word(word) if word == "rest" => Length::Rest,
            Form::Table(source) => Length::Of(self.here.source(&source, scope, Use::Before)?),
            _ => return Err(self.here.at(span, "write a number of octets, \"rest\" or { field = \"name\" }")),
        })
    }

    fn repeat(&self, table: RepeatTable, span: Range<usize>, at: &mut At<'_>) -> Result<Repeat, ConfigError> {
        let here = self.here;
        let when = self.when(table.when, at.scope, at.order)?;
        let time = table.time.map(|time| here.time(time, at.scope)).transpose()?;
        let count_span = table.count.span();
        let times = match table.count.into_inner() {
            Form::Number(number) => {
                Times::Is(u16::try_from(number).map_err(|_| here.at(count_span, "a count is 0 to 65535"))?)
            }
            Form::Word(word) if word == "rest" => Times::Rest(1),
            Form::Table(source) => Times::Of(here.source(&source, at.scope, Use::Before)?),
            _ => return Err(here.at(count_span, "write a number, \"rest\" or { field = \"name\" }")),
        };
        let every = self.every(table.every, at.scope)?;
        if every != Every::Never && time.is_none() {
            return Err(here.at(span, "`every` needs `time`: the time of the first one"));
        }
        let parts = Parts { octets: table.octets, repeat: table.repeat, stream: table.stream, nested: table.nested };
        let names: Vec<_> = parts.names().cloned().collect();
        // Sums are kept beside what has a name.
        let first_sum = at.scope.enter(here, [])?.0;
        let mut sums = Vec::new();
        for field in &parts.octets {
            if let Some(delta) = field.get_ref().delta() {
                sums.push(at.scope.one(here, delta)?);
            }
        }
        let sum_slots = (first_sum, first_sum + sums.len() as u8);
        let slots = at.scope.enter(here, &names)?;
        sums.reverse();
        let mut inner = At {
            scope: &mut *at.scope,
            order: at.order,
            time: if time.is_some() { None } else { at.time },
            message: at.message,
            sums,
        };
        let steps = self.steps(parts, &mut inner)?;
        let looks_ahead = at.scope.leave();
        at.scope.leave();
        if steps.is_empty() {
            return Err(here.at(span, "a group without fields: give it [[….repeat.octets]]"));
        }
        let bits = match &table.bits {
            None => 0,
            Some(bits) => {
                let one = matches!(steps.as_slice(), [Step::Field(field)]
                    if matches!(field.holds, profile::Holds::Integer(_)) && field.at == Place::Next);
                if !one || !(1..=64).contains(bits.get_ref()) {
                    let message = "a group of bits has one integer field, of 1 to 64 bits, without `at`";
                    return Err(here.at(bits.span(), message));
                }
                *bits.get_ref()
            }
        };
        let times = if let Times::Rest(_) = times { Times::Rest(least(&steps).max(1)) } else { times };
        Ok(Repeat {
            at: self.place(table.at.as_ref())?.unwrap_or_default(),
            end: self.place(table.end.as_ref())?,
            when,
            times,
            newest_first: table.newest_first,
            time,
            every,
            first: table.first,
            storage_step: table.storage_step,
            tariff_step: table.tariff_step,
            subunit_step: table.subunit_step,
            bits,
            steps: keep(steps),
            slots,
            sums: sum_slots,
            looks_ahead,
        })
    }

    fn every(&self, form: Option<Spanned<Form<SourceTable>>>, scope: &mut Scope) -> Result<Every, ConfigError> {
        let Some(form) = form else { return Ok(Every::Never) };
        let span = form.span();
        match form.into_inner() {
            Form::Word(word) => Ok(Every::Is(self.here.back(&Spanned::new(span, word), 1)?)),
            Form::Table(source) => {
                let unit = source.unit.as_ref().map_or("s", |unit| unit.get_ref().as_str());
                let message = "`unit` is one of s, min, h, d and wk";
                let seconds = seconds(unit).ok_or_else(|| self.here.at(span, message))?;
                Ok(Every::Of(self.here.source(&source, scope, Use::Before)?, seconds))
            }
            _ => Err(self
                .here
                .at(span, "write a length of time such as \"1 h\", or { field = \"period\", unit = \"min\" }")),
        }
    }

    fn stream(&self, table: StreamTable, at: &mut At<'_>) -> Result<Stream, ConfigError> {
        let here = self.here;
        let StreamTable { at: begins, end, when, head, entry } = table;
        let when = self.when(when, at.scope, at.order)?;
        let names: Vec<_> = head.iter().filter_map(|field| field.get_ref().called()).cloned().collect();
        let slots = at.scope.enter(here, &names)?;
        let (mut fields, mut span) = (Vec::new(), 0..0);
        for table in head {
            span = table.span();
            let mut inner =
                At { scope: &mut *at.scope, order: at.order, time: None, message: at.message, sums: Vec::new() };
            let field = self.field(table.into_inner(), span.clone(), &mut inner)?;
            fields.push(profile::Field { report: false, ..field });
        }
        let tag = at.scope.own("tag");
        let tag = tag.ok_or_else(|| here.at(span, "no field of the head is called `tag`"))?;
        let length = at.scope.own("length");
        let mut entries = Vec::new();
        for table in entry {
            entries.push(self.entry(table.into_inner(), at)?);
        }
        at.scope.leave();
        Ok(Stream {
            at: self.place(begins.as_ref())?.unwrap_or_default(),
            end: self.place(end.as_ref())?,
            when,
            head: keep(fields),
            tag,
            length,
            slots,
            entries: keep(entries),
        })
    }

    fn entry(&self, table: EntryTable, at: &mut At<'_>) -> Result<Entry, ConfigError> {
        let EntryTable { name, tag, when, octets, repeat, stream, nested } = table;
        let parts = Parts { octets, repeat, stream, nested };
        let names: Vec<_> = parts.names().cloned().collect();
        let slots = at.scope.enter(self.here, &names)?;
        let when = self.when(when, at.scope, at.order)?;
        let mut inner =
            At { scope: &mut *at.scope, order: at.order, time: at.time, message: at.message, sums: Vec::new() };
        let steps = self.steps(parts, &mut inner)?;
        let looks_ahead = at.scope.leave();
        Ok(Entry {
            name: name.map_or("", |name| keep_text(name.get_ref())),
            tags: self.numbers_kept(tag)?,
            when,
            steps: keep(steps),
            slots,
            looks_ahead,
        })
    }

    fn nested(&self, table: NestedTable, at: &mut At<'_>) -> Result<Nested, ConfigError> {
        let NestedTable { format, at: begins, length, when } = table;
        let inside = match format.get_ref().as_str() {
            "mbus-records" => Inside::MbusRecords,
            "cayenne-lpp" => Inside::CayenneLpp,
            name => {
                let mut known = vec!["mbus-records", "cayenne-lpp"];
                known.extend(crate::protocols::VENDOR_FORMATS.iter().map(|(name, _)| *name));
                let found = crate::protocols::VENDOR_FORMATS.iter().find(|(vendor, _)| *vendor == name);
                let Some((name, _)) = found else {
                    return Err(self.here.at(format.span(), format!("`{name}` is no format")).suggest(name, &known));
                };
                Inside::Vendor(name)
            }
        };
        Ok(Nested {
            inside,
            at: self.place(begins.as_ref())?.unwrap_or_default(),
            length: length.map_or(Ok(Length::Rest), |length| self.length(length, at.scope))?,
            when: self.when(when, at.scope, at.order)?,
        })
    }

    /// The alarms of the fields of a name.
    pub(super) fn alarms(&self, field: &str, message: &str) -> Result<&'static [FieldAlarm], ConfigError> {
        let here = self.here;
        let mut alarms = Vec::new();
        for (table, used) in &self.alarms {
            let span = table.span();
            let AlarmTable { field: of, bit, bits, equals, alarm, name } = table.get_ref();
            if field.is_empty() || of.get_ref() != field || name.as_ref().is_some_and(|name| name.get_ref() != message)
            {
                continue;
            }
            used.set(true);
            let alarm = here.word(alarm, "alarm of the vocabulary", Alarm::ALL, Alarm::name)?;
            let wrong = "an alarm has `bit = 3`, or `equals = 2` with or without `bits = [4, 4]`";
            let (first, count, numbers) = match (bit, bits, equals) {
                (Some(bit), None, None) if *bit.get_ref() < 64 => (*bit.get_ref(), 1, vec![1]),
                (None, bits, Some(equals)) => {
                    let (first, count) = bits.as_ref().map_or(Ok((0, 64)), |bits| here.bits(bits, 64))?;
                    let items = match equals.get_ref() {
                        Form::Number(number) => vec![(*number).into()],
                        Form::List(items) => items
                            .iter()
                            .filter_map(|item| {
                                if let Form::Number(number) = item.get_ref() { Some((*number).into()) } else { None }
                            })
                            .collect(),
                        _ => return Err(here.at(equals.span(), "write a whole number, or a list of them")),
                    };
                    (first, count, items)
                }
                _ => return Err(here.at(span, wrong)),
            };
            alarms.push(FieldAlarm { first, count, numbers: keep(numbers), alarm });
        }
        Ok(keep(alarms))
    }

    /// The derived values that a message, or the records, make.
    pub(super) fn derived(
        &self,
        tables: &Deriving,
        message: &str,
        scope: &mut Scope,
    ) -> Result<&'static [Derived], ConfigError> {
        let mut derived = Vec::new();
        for (table, used) in tables {
            let span = table.span();
            let of = table.get_ref().message();
            let Some((made, names)) = table.get_ref().made() else {
                let message = "a derived value has exactly one of `sum`, `difference`, `product` and `copy`";
                return Err(self.here.at(span, message));
            };
            if of.is_some_and(|of| of.get_ref() != message) {
                continue;
            }
            let slots: Option<Vec<u8>> = names.iter().map(|name| scope.find(name.get_ref())).collect();
            let Some(slots) = slots else { continue };
            used.set(true);
            let slots = keep(slots);
            let makes = match made {
                Made::Sum => Makes::Sum(slots),
                Made::Difference => Makes::Difference(slots),
                Made::Product => Makes::Product(slots),
            };
            let (body, name, _) = self.here.body(table.get_ref().clone().split(), scope)?;
            derived.push(Derived { name, makes, body });
        }
        Ok(keep(derived))
    }
}

/// An octet counted from the beginning, or from the end where it is negative.
fn place(number: i64) -> Option<Place> {
    let octets = u16::try_from(number.unsigned_abs()).ok()?;
    Some(if number < 0 { Place::End(octets) } else { Place::Start(octets) })
}

/// The fewest octets that steps take.
fn least(steps: &[Step]) -> u16 {
    let (mut next, mut most) = (0u16, 0u16);
    let mut start = 0u16;
    for step in steps {
        let Step::Field(field) = step else { continue };
        if !field.when.is_empty() {
            continue;
        }
        let octets = field::octets(&field.holds);
        start = match field.at {
            Place::Next => next,
            Place::Same => start,
            Place::Start(at) => at,
            Place::End(_) => continue,
        };
        next = start.saturating_add(octets);
        most = most.max(next);
    }
    most
}

impl From<Order> for profile::Order {
    fn from(order: Order) -> Self {
        match order {
            Order::Little => Self::Little,
            Order::Big => Self::Big,
        }
    }
}
