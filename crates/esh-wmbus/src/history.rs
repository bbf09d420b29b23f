//! History: the dates a telegram gives for its storage numbers.

use crate::records::{self, Header, Next, dated};
use crate::value::{self, Raw};
use crate::vif::Modifiers;
use esh_core::{CivilTime, Function, Input, Quality, Register, Value};

/// Most telegrams give one or two dates, the longest histories two dozen.
const LIMIT: usize = 24;

/// The dates of registers: a date of storage number n tells when the other values of storage n were taken,
/// EN 13757-3, 6.3.
pub(crate) struct Dates {
    entries: [(Register, Function, CivilTime); LIMIT],
    count: usize,
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
        while let Ok(Next::Record(_, raw)) = records::next(&mut input, &mut header) {
            Self::note(into, &header, raw);
        }
    }

    /// Keeps the date of a record, if it is one.
    pub(crate) fn note(dates: &mut Option<Self>, header: &Header<'_>, raw: Raw<'_>) {
        let Some((register, function)) = dated(header) else { return };
        let reads = header.vif.meaning.reads;
        let (Value::Time(time), Quality::Good) = value::read(raw, reads, 0, &Modifiers::NONE) else { return };
        let entry = (register, function, time);
        let dates = dates.get_or_insert(Self { entries: [entry; LIMIT], count: 0 });
        if let Some(place) = dates.entries.get_mut(dates.count) {
            *place = entry;
            dates.count += 1;
        }
    }

    /// When the value of a register was taken: by the date of the same register and function, else by that of the
    /// same storage number and function, else by that of the storage number.
    pub(crate) fn of(&self, register: Register, function: Function) -> Option<CivilTime> {
        let mut best = (0, None);
        for (dated, of, time) in self.entries.iter().take(self.count) {
            let total = dated.tariff == 0 && dated.subunit == 0;
            let rank = match () {
                () if dated.storage != register.storage => 0,
                () if *dated == register && *of == function => 3,
                () if total && *of == function => 2,
                () if total && *of == Function::Instantaneous => 1,
                () => 0,
            };
            if rank > best.0 {
                best = (rank, Some(*time));
            }
        }
        best.1
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

    #[test]
    fn a_telegram_without_old_dates_is_not_searched() {
        assert!(!may_be_dated(&[0x04, 0x13, 1, 0, 0, 0, 0x04, 0x6d, 1, 2, 3, 4, 0x02, 0x6c, 1, 2]));
        assert!(may_be_dated(&[0x42, 0x6c]));
        assert!(may_be_dated(&[0x82, 0x04, 0x6c]));
        assert!(may_be_dated(&[0x14, 0x6d]));
    }
}
