//! Fields: from their keys to what octets hold.

use super::body::Here;
use super::compile::{At, Compiler};
use super::file::{FieldTable, Own, PartsTable};
use super::form::Form;
use super::scope::Use;
use crate::config::ConfigError;
use esh_core::profile::{self, Clock, Coding, Holds, Integer, Length, Order, Part, Parts};
use esh_core::{CivilTime, Quantity};
use std::ops::Range;
use toml::Spanned;

/// The types that have no length of their own, and `time`.
const OTHERS: [&str; 8] = ["varint", "text", "digits", "hex", "octets", "time", "skip", "flags8"];

/// The integer of a type word.
pub(super) fn integer(word: &str, order: Order) -> Option<Integer> {
    let (coding, bits) = if let Some(bits) = word.strip_prefix("bcd") {
        (Coding::Bcd, bits)
    } else if let Some(bits) = word.strip_prefix('u') {
        (Coding::Unsigned, bits)
    } else if let Some(bits) = word.strip_prefix('i') {
        (Coding::TwosComplement, bits)
    } else {
        (Coding::SignAndMagnitude, word.strip_prefix('s')?)
    };
    Some(Integer { coding, ..Integer::unsigned(width(bits)?, order) })
}

fn width(bits: &str) -> Option<u8> {
    let bits: u8 = bits.parse().ok()?;
    (bits.is_multiple_of(8) && (8..=64).contains(&bits)).then_some(bits / 8)
}

/// How many octets something takes at least.
pub(super) const fn octets(holds: &Holds) -> u16 {
    match holds {
        Holds::Integer(integer) | Holds::Flags(integer) => integer.octets as u16,
        Holds::Varint => 1,
        Holds::Float { octets, .. } => *octets as u16,
        Holds::Time(clock) => clock.octets() as u16,
        Holds::Text { length, .. }
        | Holds::Digits { length, .. }
        | Holds::Hex { length, .. }
        | Holds::Octets(length)
        | Holds::Skip(length) => match length {
            Length::Is(octets) => *octets,
            Length::Rest | Length::Of(_) => 0,
        },
    }
}

impl Compiler<'_> {
    /// A field.
    pub(super) fn field(
        &self,
        table: FieldTable,
        span: Range<usize>,
        at: &mut At<'_>,
    ) -> Result<profile::Field, ConfigError> {
        let here = self.here;
        let (mut own, body) = table.split();
        let name = body.name.as_ref().map(|name| name.get_ref().clone()).unwrap_or_default();
        let has_time = body.time.is_some();
        let is_time = own.kind.get_ref() == "time";
        let has_quantity = body.quantity.is_some();
        let when = self.when(own.when.take(), at.scope, at.order)?;
        let place = self.place(own.at.as_ref())?.unwrap_or_default();
        let holds = self.holds(&mut own, at)?;
        let delta = match &own.delta {
            None => None,
            Some(base) => {
                let base_slot = at.scope.slot(here, base, Use::Ahead)?;
                let sum = at.sums.pop();
                let message = "`delta` stands in a field of a group, [[….repeat.octets]]";
                Some((base_slot, sum.ok_or_else(|| here.at(base.span(), message))?))
            }
        };
        let (mut body, label, report) = here.body(body, at.scope)?;
        if is_time && !has_quantity {
            body.quantity = Quantity::TimeDevice;
            body.unit = Quantity::TimeDevice.unit();
        }
        let slot = at.scope.own(&name);
        if !has_time {
            // The time of a message is not the time of itself.
            body.time = at.time.filter(|time| Some(time.slot) != slot);
        }
        let numeric = matches!(holds, Holds::Integer(_) | Holds::Varint | Holds::Float { .. });
        if !numeric && (!body.names.is_empty() || body.scale != profile::Scale::ONE || delta.is_some()) {
            let message = "`scale`, `enum`, `values` and `delta` are for numbers";
            return Err(here.at(own.kind.span(), message));
        }
        if own.bits.is_some() && !matches!(holds, Holds::Integer(_) | Holds::Flags(_)) {
            return Err(here.at(span, "`bits` are for integers"));
        }
        let alarms = self.alarms(&name, at.message)?;
        Ok(profile::Field { name: label, at: place, holds, when, slot, delta, body, report, alarms })
    }

    fn holds(&self, own: &mut Own, at: &mut At<'_>) -> Result<Holds, ConfigError> {
        let here = self.here;
        let word = own.kind.get_ref().clone();
        let order: Order = own.order.unwrap_or(at.order).into();
        let as_it_stands: Order = own.order.unwrap_or(super::file::Order::Big).into();
        let length = own.length.take();
        if let Some(mut integer) = integer(&word, order) {
            no_length(here, length.as_ref())?;
            if let Some(bits) = &own.bits {
                (integer.first, integer.count) = here.bits(bits, integer.octets * 8)?;
            }
            return Ok(Holds::Integer(integer));
        }
        if let Some(octets) = word.strip_prefix("flags").and_then(width) {
            no_length(here, length.as_ref())?;
            let mut integer = Integer::unsigned(octets, order);
            if let Some(bits) = &own.bits {
                (integer.first, integer.count) = here.bits(bits, octets * 8)?;
            }
            return Ok(Holds::Flags(integer));
        }
        if let Some(octets) = word.strip_prefix('f').and_then(width).filter(|octets| matches!(octets, 2 | 4 | 8)) {
            no_length(here, length.as_ref())?;
            return Ok(Holds::Float { octets, order });
        }
        let needed = |length: Option<Spanned<Form<_>>>, at: &mut At<'_>| match length {
            Some(length) => self.length(length, at.scope),
            None => Err(here.at(own.kind.span(), format!("`{word}` needs a `length`: a number of octets or \"rest\""))),
        };
        Ok(match word.as_str() {
            "varint" => Holds::Varint,
            "text" => Holds::Text { length: needed(length, at)?, order: as_it_stands },
            "hex" => Holds::Hex { length: needed(length, at)?, order: as_it_stands },
            "digits" => Holds::Digits { length: needed(length, at)?, order },
            "octets" => Holds::Octets(needed(length, at)?),
            "skip" => Holds::Skip(needed(length, at)?),
            "time" => Holds::Time(self.clock(own, length, order)?),
            other => {
                let numbers = ["u", "i", "s", "bcd", "flags"].into_iter();
                let numbers = numbers.flat_map(|kind| (1..=8).map(move |octets| format!("{kind}{}", octets * 8)));
                let floats = ["f16", "f32", "f64"].map(str::to_owned);
                let known: Vec<_> = numbers.chain(floats).chain(OTHERS.map(str::to_owned)).collect();
                let known: Vec<_> = known.iter().map(String::as_str).collect();
                return Err(here.at(own.kind.span(), format!("`{other}` is no type")).suggest(other, &known));
            }
        })
    }

    fn clock(
        &self,
        own: &mut Own,
        length: Option<Spanned<Form<super::body::SourceTable>>>,
        order: Order,
    ) -> Result<Clock, ConfigError> {
        let here = self.here;
        let message = "a time needs `clock`: \"unix\", \"mbus\" or \"civil\"";
        let clock = own.clock.as_ref().ok_or_else(|| here.at(own.kind.span(), message))?;
        let octets = match &length {
            None => None,
            Some(length) => match length.get_ref() {
                Form::Number(number) if (1..=8).contains(number) => Some(*number as u8),
                _ => return Err(here.at(length.span(), "a time has 1 to 8 octets")),
            },
        };
        Ok(match clock.get_ref().as_str() {
            "unix" => {
                let epoch = match &own.epoch {
                    None => 0,
                    Some(text) => {
                        let message = "write the epoch as a day, such as \"2000-01-01\"";
                        epoch(text.get_ref()).ok_or_else(|| here.at(text.span(), message))?
                    }
                };
                let tick = match &own.tick {
                    None => 1000,
                    Some(word) => match word.get_ref().as_str() {
                        "ms" => 1,
                        "s" => 1000,
                        "min" => 60_000,
                        "h" => 3_600_000,
                        "d" => 86_400_000,
                        other => {
                            let known = ["ms", "s", "min", "h", "d"];
                            return Err(here.at(word.span(), format!("`{other}` is no tick")).suggest(other, &known));
                        }
                    },
                };
                Clock::Count { octets: octets.unwrap_or(4), order, epoch, tick, local: own.local }
            }
            "mbus" => match octets {
                Some(octets @ (2 | 4 | 6)) => Clock::Mbus { octets },
                _ => {
                    let message = "times of M-Bus need `length`: 2 (type G), 4 (type F) or 6 (type I)";
                    return Err(here.at(clock.span(), message));
                }
            },
            "civil" => {
                let octets =
                    octets.ok_or_else(|| here.at(clock.span(), "a civil time needs `length`, 1 to 8 octets"))?;
                let message = "a civil time needs `parts`, such as { year = [9, 7], month = [5, 4], day = [0, 5] }";
                let parts = own.parts.as_ref().ok_or_else(|| here.at(clock.span(), message))?;
                let second_step = own.second_step.as_ref().map_or(1, |step| *step.get_ref());
                let parts = self.parts(parts.get_ref(), octets * 8)?;
                Clock::Civil { octets, order, parts, year: own.year, bcd: own.bcd, second_step, utc: own.utc }
            }
            other => {
                let known = ["unix", "mbus", "civil"];
                return Err(here.at(clock.span(), format!("`{other}` is no clock")).suggest(other, &known));
            }
        })
    }

    fn parts(&self, table: &PartsTable, width: u8) -> Result<Parts, ConfigError> {
        let part = |bits: &Spanned<(u8, u8)>| {
            let (first, count) = self.here.bits(bits, width)?;
            Ok(Part { first, count })
        };
        let maybe = |bits: &Option<Spanned<(u8, u8)>>| bits.as_ref().map(part).transpose();
        Ok(Parts {
            year: part(&table.year)?,
            month: part(&table.month)?,
            day: part(&table.day)?,
            hour: maybe(&table.hour)?,
            minute: maybe(&table.minute)?,
            second: maybe(&table.second)?,
        })
    }
}

fn no_length<T>(here: Here<'_>, length: Option<&Spanned<Form<T>>>) -> Result<(), ConfigError> {
    match length {
        Some(length) => Err(here.at(length.span(), "the type says how long it is; without `length`")),
        None => Ok(()),
    }
}

/// The seconds from 1970 to the beginning of a day.
fn epoch(text: &str) -> Option<i64> {
    let date: jiff::civil::Date = text.parse().ok()?;
    CivilTime::date(u16::try_from(date.year()).ok()?, date.month() as u8, date.day() as u8)?;
    Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}
