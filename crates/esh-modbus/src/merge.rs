//! Which registers to ask for at once.
//!
//! A request costs more than the registers in it, so values that stand near each other are asked for together, with the
//! registers between them. Devices differ in what they allow, and no document says all of it: some refuse registers that
//! nobody has described, some refuse long requests. What one refuses is learned, and not asked for again.

use crate::Table;

/// A run of registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Their table.
    pub table: Table,
    /// The first one.
    pub address: u16,
    /// How many.
    pub count: u16,
}

impl Span {
    /// The address behind the last one.
    const fn end(&self) -> u32 {
        self.address as u32 + self.count as u32
    }
}

/// How far merging goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most registers of a request, up to 125.
    pub registers: u16,
    /// The most registers between two values that are asked for though nobody wants them.
    pub gap: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self { registers: crate::pdu::limit::READ_REGISTERS, gap: 16 }
    }
}

/// What is known of a value, beside where it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// Whether a request must not go on from the value before to this one.
    pub cut: bool,
    /// Whether the device has refused the value for itself: it is not there.
    pub refused: bool,
}

/// Registers to ask for, and the values in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The registers.
    pub span: Span,
    /// The first value, by its place among those wanted.
    pub first: usize,
    /// The place behind the last value.
    pub end: usize,
}

/// The requests for all values wanted, in the order of their addresses. `wanted` is sorted; `notes` has a note for each
/// of them, and what is missing is not known. A value is asked for once, those that were refused not at all.
pub fn batches(wanted: &[Span], notes: &[Note], limits: Limits) -> impl Iterator<Item = Batch> {
    let mut at = 0;
    core::iter::from_fn(move || {
        let batch = next(wanted, notes, limits, at)?;
        at = batch.end;
        Some(batch)
    })
}

fn next(wanted: &[Span], notes: &[Note], limits: Limits, from: usize) -> Option<Batch> {
    let note = |place: usize| notes.get(place).copied().unwrap_or_default();
    let (first, start) = wanted.iter().enumerate().skip(from).find(|(place, _)| !note(*place).refused)?;
    let mut batch = Batch { span: *start, first, end: first + 1 };
    for (place, span) in wanted.iter().enumerate().skip(first + 1) {
        let gap = u32::from(span.address).saturating_sub(batch.span.end());
        let count = span.end().max(batch.span.end()).saturating_sub(u32::from(start.address));
        let known = note(place);
        if span.table != start.table
            || known.cut
            || known.refused
            || gap > u32::from(limits.gap)
            || count > u32::from(limits.registers)
        {
            break;
        }
        batch.end = place + 1;
        batch.span.count = count as u16;
    }
    Some(batch)
}

/// Learns that a device has refused a batch because of its addresses ([`crate::ExceptionCode::is_about_addresses`]). A
/// batch of several values is cut, at its widest gap or else in its middle; that of one value is not there, and no
/// request goes across it. So a device is understood after less than two refusals for each value.
pub fn refused(wanted: &[Span], notes: &mut [Note], batch: &Batch) {
    let inner = wanted.iter().enumerate().take(batch.end).skip(batch.first + 1);
    let middle = u32::from(batch.span.address) + u32::from(batch.span.count) / 2;
    let mut end = wanted.get(batch.first).map_or(0, Span::end);
    let mut best: Option<((u32, core::cmp::Reverse<u32>), usize)> = None;
    for (place, span) in inner {
        let gap = u32::from(span.address).saturating_sub(end);
        end = end.max(span.end());
        let worth = (gap, core::cmp::Reverse(u32::from(span.address).abs_diff(middle)));
        if best.is_none_or(|(known, _)| worth > known) {
            best = Some((worth, place));
        }
    }
    match best {
        Some((_, place)) => {
            if let Some(note) = notes.get_mut(place) {
                note.cut = true;
            }
        }
        None => {
            if let Some(note) = notes.get_mut(batch.first) {
                note.refused = true;
            }
            if let Some(note) = notes.get_mut(batch.end) {
                note.cut = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::vec;
    use std::vec::Vec;

    const fn span(address: u16, count: u16) -> Span {
        Span { table: Table::Holding, address, count }
    }

    fn asked(wanted: &[Span], notes: &[Note], limits: Limits) -> Vec<(u16, u16)> {
        batches(wanted, notes, limits).map(|batch| (batch.span.address, batch.span.count)).collect()
    }

    #[test]
    fn neighbours_are_asked_for_together() {
        let wanted = [span(0, 2), span(2, 2), span(10, 1), span(30, 2), span(31, 2)];
        assert_eq!(asked(&wanted, &[], Limits { registers: 125, gap: 6 }), [(0, 11), (30, 3)]);
        assert_eq!(asked(&wanted, &[], Limits { registers: 125, gap: 0 }), [(0, 4), (10, 1), (30, 3)]);
        assert_eq!(asked(&wanted, &[], Limits { registers: 10, gap: 100 }), [(0, 4), (10, 1), (30, 3)]);
        let input = Span { table: Table::Input, ..span(4, 2) };
        assert_eq!(asked(&[span(0, 2), input], &[], Limits::default()), [(0, 2), (4, 2)]);
        // At the very end of the table.
        assert_eq!(asked(&[span(65_530, 2), span(65_535, 1)], &[], Limits::default()), [(65_530, 6)]);
    }

    #[test]
    fn a_refusal_is_learned() {
        let wanted = [span(0, 2), span(4, 2), span(12, 2), span(16, 2)];
        let (mut notes, limits) = (vec![Note::default(); 4], Limits::default());
        let refuse_first = |notes: &mut Vec<Note>| {
            let first = batches(&wanted, notes, limits).next().unwrap();
            refused(&wanted, notes, &first);
            asked(&wanted, notes, limits)
        };
        assert_eq!(refuse_first(&mut notes), [(0, 6), (12, 6)], "the widest gap goes first");
        assert_eq!(refuse_first(&mut notes), [(0, 2), (4, 2), (12, 6)]);
        assert_eq!(refuse_first(&mut notes), [(4, 2), (12, 6)], "what is not there is not asked for again");
    }

    proptest! {
        /// A device with registers that it does not have and a longest request of its own.
        #[test]
        fn a_device_is_understood(
            values in proptest::collection::btree_map(0u16..300, 1u16..5, 1..40),
            absent in proptest::collection::btree_set(0u16..310, 0..20),
            longest in 5u16..130, gap in 0u16..40,
        ) {
            let wanted: Vec<Span> = values.into_iter().map(|(address, count)| span(address, count)).collect();
            let mut notes = vec![Note::default(); wanted.len()];
            let limits = Limits { registers: 125, gap };
            let refuses = |span: &Span| {
                let registers: BTreeSet<u16> = (span.address..span.address + span.count).collect();
                span.count > longest || !registers.is_disjoint(&absent)
            };
            for round in 0.. {
                let all: Vec<Batch> = batches(&wanted, &notes, limits).collect();
                let mut read = vec![0; wanted.len()];
                let mut refusals = 0;
                for batch in &all {
                    prop_assert!(batch.span.count <= limits.registers);
                    let values = &wanted[batch.first..batch.end];
                    let holds = |value: &Span| value.address >= batch.span.address && value.end() <= batch.span.end();
                    prop_assert!(values.iter().all(holds));
                    if refuses(&batch.span) {
                        refused(&wanted, &mut notes, batch);
                        refusals += 1;
                    } else {
                        read[batch.first..batch.end].iter_mut().for_each(|times| *times += 1);
                    }
                }
                if refusals == 0 {
                    for (value, times) in wanted.iter().zip(read) {
                        prop_assert_eq!(times, u8::from(!refuses(value)), "{:?}", value);
                    }
                    break;
                }
                prop_assert!(round <= 2 * wanted.len());
            }
        }
    }
}
