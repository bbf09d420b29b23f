//! The tables of a profile's file, as they are written; `docs/profiles.md` explains each key.

use super::body::{SourceTable, TimeTable, with_body};
use super::form::{Exact, Form, NoTable};
use super::registers::{Registers, TableWord};
use crate::config::Zone;
use serde::Deserialize;
use toml::Spanned;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) meter: MeterTable,
    #[serde(default)]
    pub(super) message: Vec<Spanned<MessageTable>>,
    #[serde(default)]
    pub(super) record: Vec<Spanned<RecordTable>>,
    pub(super) register: Option<Registers>,
    #[serde(default)]
    pub(super) alarm: Vec<Spanned<AlarmTable>>,
    #[serde(default)]
    pub(super) derive: Vec<Spanned<DeriveTable>>,
    #[serde(default)]
    pub(super) test: Vec<Spanned<TestTable>>,
}

/// `[meter]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MeterTable {
    pub(super) description: Spanned<String>,
    pub(super) maker: Option<String>,
    #[serde(default)]
    pub(super) documents: Vec<String>,
    #[serde(default)]
    pub(super) errata: Vec<String>,
    pub(super) protocol: Option<Spanned<String>>,
    #[serde(default, rename = "match")]
    pub(super) masks: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) order: Order,
    pub(super) time_zone: Option<Zone>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    #[default]
    Little,
    Big,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    #[default]
    Up,
    Down,
}

/// `[[message]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageTable {
    pub(super) name: Option<Spanned<String>>,
    pub(super) port: Option<Spanned<Form<NoTable>>>,
    pub(super) ci: Option<Spanned<Form<NoTable>>>,
    #[serde(default)]
    pub(super) direction: Way,
    pub(super) length: Option<Spanned<Form<RangeTable>>>,
    pub(super) when: Option<Spanned<Form<ConditionTable>>>,
    pub(super) order: Option<Order>,
    pub(super) time: Option<Spanned<Form<TimeTable>>>,
    #[serde(default)]
    pub(super) enciphered: bool,
    #[serde(default)]
    pub(super) octets: Vec<Spanned<FieldTable>>,
    #[serde(default)]
    pub(super) repeat: Vec<Spanned<RepeatTable>>,
    #[serde(default)]
    pub(super) stream: Vec<Spanned<StreamTable>>,
    #[serde(default)]
    pub(super) nested: Vec<Spanned<NestedTable>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RangeTable {
    pub(super) min: Option<u16>,
    pub(super) max: Option<u16>,
}

/// A condition.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConditionTable {
    pub(super) at: Option<Spanned<i64>>,
    #[serde(rename = "type")]
    pub(super) kind: Option<Spanned<String>>,
    pub(super) order: Option<Order>,
    pub(super) field: Option<Spanned<String>>,
    pub(super) bits: Option<Spanned<(u8, u8)>>,
    pub(super) equals: Option<Spanned<Form<NoTable>>>,
    pub(super) not: Option<Spanned<Form<NoTable>>>,
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
    pub(super) length: Option<Spanned<Form<RangeTable>>>,
    pub(super) left: Option<u16>,
}

with_body! {
    /// `[[….octets]]`.
    pub(super) struct FieldTable {
        #[serde(rename = "type")]
        kind: Spanned<String>,
        length: Option<Spanned<Form<SourceTable>>>,
        order: Option<Order>,
        at: Option<Spanned<Form<NoTable>>>,
        bits: Option<Spanned<(u8, u8)>>,
        when: Option<Spanned<Form<ConditionTable>>>,
        delta: Option<Spanned<String>>,
        clock: Option<Spanned<String>>,
        epoch: Option<Spanned<String>>,
        tick: Option<Spanned<String>>,
        local: Option<bool>,
        utc: Option<bool>,
        parts: Option<Spanned<PartsTable>>,
        year: Option<u16>,
        bcd: Option<bool>,
        second_step: Option<Spanned<u8>>,
    }
}

/// What a field says beside its common body.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) kind: Spanned<String>,
    pub(super) length: Option<Spanned<Form<SourceTable>>>,
    pub(super) order: Option<Order>,
    pub(super) at: Option<Spanned<Form<NoTable>>>,
    pub(super) bits: Option<Spanned<(u8, u8)>>,
    pub(super) when: Option<Spanned<Form<ConditionTable>>>,
    pub(super) delta: Option<Spanned<String>>,
    pub(super) clock: Option<Spanned<String>>,
    pub(super) epoch: Option<Spanned<String>>,
    pub(super) tick: Option<Spanned<String>>,
    pub(super) local: bool,
    pub(super) utc: bool,
    pub(super) parts: Option<Spanned<PartsTable>>,
    pub(super) year: u16,
    pub(super) bcd: bool,
    pub(super) second_step: Option<Spanned<u8>>,
}

impl FieldTable {
    pub(super) const fn called(&self) -> Option<&Spanned<String>> {
        self.name.as_ref()
    }

    pub(super) const fn delta(&self) -> Option<&Spanned<String>> {
        self.delta.as_ref()
    }

    /// What it says of itself, and its common body.
    pub(super) fn split(mut self) -> (Own, super::body::BodyTable) {
        let body = self.body();
        let Self { kind, length, order, at, bits, when, delta, clock, epoch, tick, parts, second_step, .. } = self;
        let (local, utc, bcd) = (self.local.unwrap_or(false), self.utc.unwrap_or(false), self.bcd.unwrap_or(false));
        let year = self.year.unwrap_or(2000);
        let own = Own {
            kind,
            length,
            order,
            at,
            bits,
            when,
            delta,
            clock,
            epoch,
            tick,
            local,
            utc,
            parts,
            year,
            bcd,
            second_step,
        };
        (own, body)
    }
}

/// The parts of a civil time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartsTable {
    pub(super) year: Spanned<(u8, u8)>,
    pub(super) month: Spanned<(u8, u8)>,
    pub(super) day: Spanned<(u8, u8)>,
    pub(super) hour: Option<Spanned<(u8, u8)>>,
    pub(super) minute: Option<Spanned<(u8, u8)>>,
    pub(super) second: Option<Spanned<(u8, u8)>>,
}

/// `[[….repeat]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RepeatTable {
    pub(super) count: Spanned<Form<SourceTable>>,
    pub(super) at: Option<Spanned<Form<NoTable>>>,
    pub(super) end: Option<Spanned<Form<NoTable>>>,
    #[serde(default)]
    pub(super) newest_first: bool,
    pub(super) time: Option<Spanned<Form<TimeTable>>>,
    pub(super) every: Option<Spanned<Form<SourceTable>>>,
    #[serde(default)]
    pub(super) first: i16,
    #[serde(default)]
    pub(super) storage_step: i32,
    #[serde(default)]
    pub(super) tariff_step: i32,
    #[serde(default)]
    pub(super) subunit_step: i32,
    pub(super) bits: Option<Spanned<u8>>,
    pub(super) when: Option<Spanned<Form<ConditionTable>>>,
    #[serde(default)]
    pub(super) octets: Vec<Spanned<FieldTable>>,
    #[serde(default)]
    pub(super) repeat: Vec<Spanned<Self>>,
    #[serde(default)]
    pub(super) stream: Vec<Spanned<StreamTable>>,
    #[serde(default)]
    pub(super) nested: Vec<Spanned<NestedTable>>,
}

/// `[[….stream]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamTable {
    pub(super) at: Option<Spanned<Form<NoTable>>>,
    pub(super) end: Option<Spanned<Form<NoTable>>>,
    pub(super) when: Option<Spanned<Form<ConditionTable>>>,
    pub(super) head: Vec<Spanned<FieldTable>>,
    #[serde(default)]
    pub(super) entry: Vec<Spanned<EntryTable>>,
}

/// `[[….stream.entry]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryTable {
    pub(super) name: Option<Spanned<String>>,
    pub(super) tag: Option<Spanned<Form<NoTable>>>,
    pub(super) when: Option<Spanned<Form<ConditionTable>>>,
    #[serde(default)]
    pub(super) octets: Vec<Spanned<FieldTable>>,
    #[serde(default)]
    pub(super) repeat: Vec<Spanned<RepeatTable>>,
    #[serde(default)]
    pub(super) stream: Vec<Spanned<StreamTable>>,
    #[serde(default)]
    pub(super) nested: Vec<Spanned<NestedTable>>,
}

/// `[[….nested]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NestedTable {
    pub(super) format: Spanned<String>,
    pub(super) at: Option<Spanned<Form<NoTable>>>,
    pub(super) length: Option<Spanned<Form<SourceTable>>>,
    pub(super) when: Option<Spanned<Form<ConditionTable>>>,
}

with_body! {
    /// `[[record]]`.
    pub(super) struct RecordTable {
        header: Option<Spanned<String>>,
        select: Option<SelectTable>,
        number: Option<u8>,
        #[serde(default)]
        drop: bool,
        #[serde(default)]
        raw: bool,
        #[serde(default)]
        octets: Vec<Spanned<FieldTable>>,
        #[serde(default)]
        repeat: Vec<Spanned<RepeatTable>>,
    }
}

/// What a record says beside its common body.
#[derive(Debug)]
pub(super) struct OwnRecord {
    pub(super) header: Option<Spanned<String>>,
    pub(super) select: Option<SelectTable>,
    pub(super) number: u8,
    pub(super) drop: bool,
    pub(super) raw: bool,
    pub(super) octets: Vec<Spanned<FieldTable>>,
    pub(super) repeat: Vec<Spanned<RepeatTable>>,
}

impl RecordTable {
    /// Its name, and those of the fields of its layout.
    pub(super) fn names(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.name.iter().chain(self.octets.iter().filter_map(|field| field.get_ref().called()))
    }

    /// What it says of itself, and its common body.
    pub(super) fn split(mut self) -> (OwnRecord, super::body::BodyTable) {
        let body = self.body();
        let Self { header, select, number, drop, raw, octets, repeat, .. } = self;
        (OwnRecord { header, select, number: number.unwrap_or_default(), drop, raw, octets, repeat }, body)
    }
}

/// What a record is selected by.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SelectTable {
    pub(super) quantity: Option<Spanned<String>>,
    pub(super) unit: Option<Spanned<String>>,
    pub(super) function: Option<Spanned<String>>,
    pub(super) storage: Option<Spanned<Form<WithinTable>>>,
    pub(super) tariff: Option<Spanned<Form<WithinTable>>>,
    pub(super) subunit: Option<Spanned<Form<WithinTable>>>,
    pub(super) qualifiers: Option<Vec<Spanned<String>>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WithinTable {
    #[serde(default)]
    pub(super) min: u64,
    pub(super) max: Option<u64>,
}

/// `[[alarm]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlarmTable {
    pub(super) field: Spanned<String>,
    pub(super) bit: Option<Spanned<u8>>,
    pub(super) bits: Option<Spanned<(u8, u8)>>,
    pub(super) equals: Option<Spanned<Form<NoTable>>>,
    pub(super) alarm: Spanned<String>,
    /// The message that it is for.
    pub(super) name: Option<Spanned<String>>,
}

with_body! {
    /// `[[derive]]`.
    pub(super) struct DeriveTable {
        sum: Option<Vec<Spanned<String>>>,
        difference: Option<Vec<Spanned<String>>>,
        product: Option<Vec<Spanned<String>>>,
        copy: Option<Spanned<String>>,
        of: Option<Spanned<String>>,
    }
}

/// How a value is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    Sum,
    Difference,
    Product,
}

impl DeriveTable {
    pub(super) const fn message(&self) -> Option<&Spanned<String>> {
        self.of.as_ref()
    }

    /// How it is made, and of what; `None` unless it is exactly one of them.
    pub(super) fn made(&self) -> Option<(Made, Vec<&Spanned<String>>)> {
        let Self { sum, difference, product, copy, .. } = self;
        let lists = [(Made::Sum, sum), (Made::Difference, difference), (Made::Product, product)];
        let lists = lists.into_iter().filter_map(|(made, list)| Some((made, list.as_ref()?.iter().collect())));
        let mut all: Vec<(Made, Vec<_>)> =
            lists.chain(copy.as_ref().map(|of| (Made::Sum, vec![of]))).filter(|(_, of)| !of.is_empty()).collect();
        if all.len() == 1 { all.pop() } else { None }
    }

    pub(super) fn split(mut self) -> super::body::BodyTable {
        self.body()
    }
}

/// `[[test]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestTable {
    pub(super) description: Option<String>,
    pub(super) payload: Option<Spanned<String>>,
    pub(super) port: Option<u8>,
    pub(super) ci: Option<u8>,
    #[serde(default)]
    pub(super) direction: Way,
    pub(super) frame: Option<Spanned<String>>,
    pub(super) key: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) registers: Vec<Spanned<BlockTable>>,
    #[serde(default)]
    pub(super) readings: Vec<Spanned<ExpectedTable>>,
    pub(super) count: Option<usize>,
    pub(super) alarms: Option<Vec<Spanned<String>>>,
    pub(super) error: Option<Spanned<String>>,
}

/// Registers as a device answers for them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BlockTable {
    #[serde(default)]
    pub(super) table: TableWord,
    pub(super) address: u16,
    pub(super) octets: Spanned<String>,
}

/// A reading that a test wants.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedTable {
    pub(super) quantity: Option<Spanned<String>>,
    pub(super) name: Option<String>,
    pub(super) value: Option<Exact>,
    pub(super) unit: Option<String>,
    pub(super) at: Option<String>,
    pub(super) time: Option<String>,
    pub(super) function: Option<String>,
    pub(super) storage: Option<u64>,
    pub(super) tariff: Option<u64>,
    pub(super) subunit: Option<u64>,
    pub(super) quality: Option<String>,
    pub(super) qualifiers: Option<Vec<String>>,
}
