//! History: the dates a telegram gives for its storage numbers.

use crate::spacing::Spacing;
use crate::value::{self, Raw};
use crate::vif::Modifiers;
use crate::walk::{self, Header, Next, dated};
use esh_core::{CivilTime, Function, Input, Quality, Quantity, Register, Value};

/// Most telegrams give one or two dates, the longest histories two dozen.
const LIMIT: usize = 24;
/// The blocks of storages that a telegram states an interval for.
const BLOCKS: usize = 4;

/// The dates of registers: a date of storage number n tells when the other values of storage n were taken,
/// EN 13757-3, 6.3.
pub(crate) struct Dates {
    entries: [Entry; LIMIT],
    count: usize,
    blocks: [Block; BLOCKS],
}

/// A date of a register; `None` where the meter says that it has none.
#[derive(Clone, Copy)]
struct Entry {
    register: Register,
    function: Function,
    time: Option<CivilTime>,
}

/// Storages that are one interval apart: EN 13757-3, table 12, FD 20 to FD 29. They go back in time, as the storages
/// of a meter do, from the date of the storage that states the interval.
#[derive(Clone, Copy)]
struct Block {
    storage: u64,
    spacing: Option<Spacing>,
    first: u64,
    last: u64,
    size: u64,
}

impl Block {
    const NONE: Self = Self { storage: 0, spacing: None, first: 0, last: u64::MAX, size: u64::MAX };

    /// How many intervals before the date a storage is, where it is of this block.
    fn steps_to(&self, storage: u64) -> Option<u64> {
        let steps = storage.checked_sub(self.storage)?;
        (steps < self.size && (self.first..=self.last).contains(&storage)).then_some(steps)
    }
}

impl Dates {
    /// The dates in a payload of records; none where a look at the octets tells that there is none.
    #[inline]
    pub(crate) fn gather(input: Input<'_>, into: &mut Option<Self>) {
        if may_be_dated(input.rest()) {
            Self::collect(input, into);
        }
    }

    #[inline(never)]
    fn collect(mut input: Input<'_>, into: &mut Option<Self>) {
        // Where reading stops with an error, the dates before it hold.
        let mut header = Header::NONE;
        while let Ok(Next::Record(_, raw)) = walk::next(&mut input, &mut header) {
            Self::note(into, &header, raw);
        }
    }

    /// Keeps what a record tells of times: a date, or how storages are spaced.
    pub(crate) fn note(dates: &mut Option<Self>, header: &Header<'_>, raw: Raw<'_>) {
        const NONE: Entry =
            Entry { register: Register { storage: 0, tariff: 0, subunit: 0 }, function: Function::Maximum, time: None };
        const EMPTY: Dates = Dates { entries: [NONE; LIMIT], count: 0, blocks: [Block::NONE; BLOCKS] };
        let meaning = &header.vif.meaning;
        if matches!(
            meaning.quantity,
            Quantity::StorageInterval | Quantity::StorageFirst | Quantity::StorageLast | Quantity::StorageBlockSize
        ) {
            dates.get_or_insert(EMPTY).note_block(header, raw);
        }
        let Some((register, function)) = dated(header) else { return };
        let time = match value::read(raw, meaning.reads, 0, &Modifiers::NONE) {
            (Value::Time(time), Quality::Good) => Some(time),
            _ => None,
        };
        let dates = dates.get_or_insert(EMPTY);
        if let Some(place) = dates.entries.get_mut(dates.count) {
            *place = Entry { register, function, time };
            dates.count += 1;
        }
    }

    #[cold]
    fn note_block(&mut self, header: &Header<'_>, raw: Raw<'_>) {
        let (meaning, modifiers) = (&header.vif.meaning, &header.vif.modifiers);
        if !modifiers.qualifiers.is_empty() {
            return;
        }
        let (Value::Number(number), _) = value::read(raw, meaning.reads, modifiers.exponent, modifiers) else { return };
        let Some(number) = number.to_i64().and_then(|number| u32::try_from(number).ok()) else { return };
        let storage = header.dif.register.storage;
        let is_free = |block: &Block| block.spacing.is_none() && block.last == u64::MAX && block.size == u64::MAX;
        let known = self.blocks.iter().position(|block| block.storage == storage && !is_free(block));
        let Some(place) = known.or_else(|| self.blocks.iter().position(is_free)) else { return };
        let Some(block) = self.blocks.get_mut(place) else { return };
        block.storage = storage;
        match meaning.quantity {
            Quantity::StorageInterval => block.spacing = Spacing::of(number, meaning.unit),
            Quantity::StorageFirst => block.first = number.into(),
            Quantity::StorageLast => block.last = number.into(),
            _ => block.size = number.into(),
        }
    }

    /// When the value of a register was taken: by the date of the same register and function, else by that of the
    /// same storage number and function, else by that of the storage number, else by the stated interval.
    pub(crate) fn of(&self, register: Register, function: Function) -> Option<CivilTime> {
        let mut best = (0, None);
        for entry in self.entries.iter().take(self.count) {
            let total = entry.register.tariff == 0 && entry.register.subunit == 0;
            let rank = match () {
                () if entry.register.storage != register.storage => 0,
                // The meter says that it has no date: then none is reckoned, but another of its dates may hold.
                () if entry.time.is_none() => 1,
                () if entry.register == register && entry.function == function => 4,
                () if total && entry.function == function => 3,
                () if total && entry.function == Function::Instantaneous => 2,
                () => 0,
            };
            if rank > best.0 {
                best = (rank, entry.time);
            }
        }
        if best.0 == 0 { self.by_interval(register, function) } else { best.1 }
    }

    /// The date of a storage without one, so many intervals before that of the storage that states the interval.
    fn by_interval(&self, register: Register, function: Function) -> Option<CivilTime> {
        let blocks = self.blocks.iter().filter(|block| block.steps_to(register.storage).is_some_and(|steps| steps > 0));
        let block = blocks.max_by_key(|block| block.storage)?;
        let steps = i64::try_from(block.steps_to(register.storage)?).ok()?;
        let base = self.of(Register { storage: block.storage, ..register }, function)?;
        let spacing = block.spacing?;
        // A date between the two that the interval does not lead to is of another history.
        let agrees = |entry: &Entry| {
            let Some(steps) = entry.register.storage.checked_sub(block.storage) else { return true };
            let Some(time) = entry.time.filter(|_| entry.register.storage < register.storage) else { return true };
            let wanted = i64::try_from(steps).ok().and_then(|steps| spacing.before(base, steps));
            wanted.is_some_and(|wanted| wanted.ymd() == time.ymd())
        };
        if !self.entries.iter().take(self.count).all(agrees) {
            return None;
        }
        spacing.before(base, steps)
    }
}

/// Whether a VIF 6C or 6D may stand behind a DIF with a storage number or a function. Seldom wrong, and never when it
/// says no.
fn may_be_dated(octets: &[u8]) -> bool {
    // A DIF of storage 0 without a function is below 10; what stands there else may be a DIFE.
    let hit = |before: u8, octet: u8| octet & 0xfe == 0x6c && !(0x02..=0x07).contains(&before);
    matches!(octets, [before, octet, ..] if hit(*before, *octet))
        || octets.windows(3).any(|three| match three {
            &[extended, before, octet] => hit(before, octet) || (octet & 0xfe == 0x6c && extended & 0x80 != 0),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::Layer;
    use std::string::ToString;

    #[test]
    fn a_value_takes_the_date_of_its_storage() {
        // Storage 1: date, and a time of its maximum; storage 8: date with a DIFE; storage 0: the clock.
        let octets = [
            0x44, 0x13, 1, 0, 0, 0, 0x42, 0x6c, 0x9f, 0x2c, 0x54, 0x6d, 0x0b, 0x0b, 0xcd, 0x13, 0x82, 0x04, 0x6c, 0xbf,
            0x25, 0x04, 0x6d, 0x3b, 0x37, 0xdf, 0x2c,
        ];
        let mut dates = None;
        Dates::gather(Input::new(&octets, 0, Layer::Application), &mut dates);
        let dates = dates.unwrap();
        let at = |storage, tariff, function| {
            dates.of(Register { storage, tariff, subunit: 0 }, function).map(|time| time.to_string())
        };
        assert_eq!(at(1, 0, Function::Instantaneous).as_deref(), Some("2020-12-31"));
        assert_eq!(at(1, 2, Function::Instantaneous).as_deref(), Some("2020-12-31"));
        assert_eq!(at(1, 0, Function::Maximum).as_deref(), Some("2014-03-13T11:11"));
        assert_eq!(at(1, 0, Function::Minimum).as_deref(), Some("2020-12-31"));
        assert_eq!(at(8, 0, Function::Instantaneous).as_deref(), Some("2021-05-31"));
        assert_eq!(at(0, 0, Function::Instantaneous), None);
        assert_eq!(at(2, 0, Function::Instantaneous), None);
    }

    fn dates(octets: &[u8]) -> impl Fn(u64) -> Option<std::string::String> {
        let mut dates = None;
        Dates::gather(Input::new(octets, 0, Layer::Application), &mut dates);
        let dates = dates.unwrap();
        move |storage| {
            let register = Register { storage, ..Register::default() };
            dates.of(register, Function::Instantaneous).map(|time| time.to_string())
        }
    }

    #[test]
    fn a_stated_interval_dates_the_storages_behind() {
        // Storage 1: 2020-12-31; storage 8: 2020-12-31 and an interval of a month.
        let octets = [
            0x42, 0x6c, 0x9f, 0x2c, 0x81, 0x04, 0xfd, 0x28, 0x01, 0x82, 0x04, 0x6c, 0x9f, 0x2c, 0xc2, 0x05, 0x6c, 0xff,
            0xff,
        ];
        let at = dates(&octets);
        assert_eq!(at(8).as_deref(), Some("2020-12-31"));
        assert_eq!(at(9).as_deref(), Some("2020-11-30"));
        assert_eq!(at(18).as_deref(), Some("2020-02-29"));
        assert_eq!((at(2), at(7)), (None, None), "the interval is that of storage 8 and those behind it");
        assert_eq!(at(11), None, "the meter says that this one has no date");
        assert_eq!(at(u64::MAX), None);

        // Storage 8: an hour, three storages from 8 to 10; the date of storage 8 has a time.
        let octets =
            [0x81, 0x04, 0xfd, 0x26, 0x01, 0x81, 0x04, 0xfd, 0x22, 0x03, 0x84, 0x04, 0x6d, 0x00, 0x21, 0x41, 0x11];
        let at = dates(&octets);
        assert_eq!(at(8).as_deref(), Some("2010-01-01T01:00"));
        assert_eq!(at(10).as_deref(), Some("2009-12-31T23:00"));
        assert_eq!(at(11), None);

        // The same with the last storage stated, 9, and with a date alone, from which hours cannot be reckoned.
        let octets = [0x81, 0x04, 0xfd, 0x27, 0x07, 0x81, 0x04, 0xfd, 0x21, 0x09, 0x82, 0x04, 0x6c, 0x41, 0x11];
        let at = dates(&octets);
        assert_eq!((at(9).as_deref(), at(10)), (Some("2009-12-25"), None));
        let at = dates(&[0x81, 0x04, 0xfd, 0x26, 0x07, 0x82, 0x04, 0x6c, 0x41, 0x11]);
        assert_eq!(at(9), None);
        // Storage 1 every year, storage 8 a history of its own.
        let octets = [0x41, 0xfd, 0x29, 0x01, 0x42, 0x6c, 0x9f, 0x2c, 0x82, 0x04, 0x6c, 0x41, 0x11];
        let at = dates(&octets);
        assert_eq!((at(2).as_deref(), at(9)), (Some("2019-12-31"), None));
        // No interval, or one of nothing, is none.
        let at = dates(&[0x81, 0x04, 0xfd, 0x28, 0x00, 0x82, 0x04, 0x6c, 0x41, 0x11]);
        assert_eq!(at(9), None);
    }

    #[test]
    fn a_telegram_without_old_dates_is_not_searched() {
        assert!(!may_be_dated(&[0x04, 0x13, 1, 0, 0, 0, 0x04, 0x6d, 1, 2, 3, 4, 0x02, 0x6c, 1, 2]));
        assert!(may_be_dated(&[0x42, 0x6c]));
        assert!(may_be_dated(&[0x82, 0x04, 0x6c]));
        assert!(may_be_dated(&[0x14, 0x6d]));
    }
}
