//! `[[record]]`: rules for what a standard reader makes of a meter.

use super::body::{Said, keep};
use super::compile::{At, Compiler, Deriving};
use super::file::{RecordTable, SelectTable, WithinTable};
use super::form::Form;
use super::scope::Scope;
use crate::config::ConfigError;
use esh_core::profile::{Record, RecordBody, Records, Select, Within};
use toml::Spanned;

/// The most rules of a profile: their matches are counted in as many octets.
const RULES: usize = 64;

impl Compiler<'_> {
    /// The rules for records.
    pub(super) fn records(
        &self,
        tables: Vec<Spanned<RecordTable>>,
        derived: &Deriving,
    ) -> Result<Records, ConfigError> {
        if tables.is_empty() {
            return Ok(Records::NONE);
        }
        let mut scope = Scope::new(self.wanted.clone());
        let names: Vec<_> =
            tables.iter().flat_map(|table| table.get_ref().names().cloned().collect::<Vec<_>>()).collect();
        scope.enter(self.here, &names)?;
        let mut rules = Vec::new();
        for table in tables {
            if rules.len() == RULES {
                return Err(self.here.at(table.span(), format!("a profile has at most {RULES} rules for records")));
            }
            rules.push(self.record(table, &mut scope)?);
        }
        let derived = self.derived(derived, "", &mut scope)?;
        Ok(Records { rules: keep(rules), derived, looks_ahead: scope.looks_ahead })
    }

    fn record(&self, table: Spanned<RecordTable>, scope: &mut Scope) -> Result<Record, ConfigError> {
        let here = self.here;
        let span = table.span();
        let (own, body) = table.into_inner().split();
        let name = body.name.as_ref().map(|name| name.get_ref().clone()).unwrap_or_default();
        let header = match &own.header {
            None => Vec::new(),
            Some(text) => pattern(text.get_ref()).ok_or_else(|| {
                here.at(text.span(), "write DIF to last VIFE in hexadecimal, such as \"04 13\"; ?? is any octet")
            })?,
        };
        if own.header.is_none() && own.select.is_none() {
            return Err(here.at(span, "say which record: `header` or `select`"));
        }
        let select = self.select(own.select.unwrap_or_default())?;
        let layout = !own.octets.is_empty() || !own.repeat.is_empty();
        let said = here.said(body, scope)?;
        let Said {
            scale,
            name: label,
            quantity,
            unit,
            names,
            other_name,
            none,
            function,
            storage,
            tariff,
            subunit,
            qualifiers,
            time,
            report,
        } = said;
        if !other_name.is_empty() {
            return Err(here.at(span, "`default` in an `enum` is for fields, [[record.octets]]"));
        }
        if layout && (quantity.is_some() || scale.is_some() || own.raw || own.drop || !names.is_empty()) {
            return Err(here.at(span, "a record with [[record.octets]] says in those what they mean"));
        }
        let steps = {
            let mut at =
                At { scope: &mut *scope, order: super::file::Order::Little, time, message: "", sums: Vec::new() };
            self.layout(own.octets, own.repeat, &mut at)?
        };
        Ok(Record {
            header: keep(header),
            select,
            number: own.number,
            drop: own.drop,
            steps: keep(steps),
            body: RecordBody {
                name: label,
                quantity,
                unit,
                scale,
                raw: own.raw,
                names,
                none,
                function,
                storage,
                tariff,
                subunit,
                qualifiers,
                time,
                report,
            },
            slot: scope.own(&name),
            alarms: self.alarms(&name, "")?,
        })
    }

    fn select(&self, table: SelectTable) -> Result<Select, ConfigError> {
        let here = self.here;
        let within = |form: Option<Spanned<Form<WithinTable>>>| {
            let Some(form) = form else { return Ok(None) };
            let span = form.span();
            match form.into_inner() {
                Form::Number(number) => u64::try_from(number).ok().map(|number| Within { min: number, max: number }),
                Form::Table(WithinTable { min, max }) => Some(Within { min, max: max.unwrap_or(u64::MAX) }),
                _ => None,
            }
            .map(Some)
            .ok_or_else(|| here.at(span, "write a number from 0, or { min = 1, max = 15 }"))
        };
        Ok(Select {
            quantity: table.quantity.map(|word| here.quantity(&word)).transpose()?,
            unit: table.unit.map(|word| here.unit(&word)).transpose()?,
            function: table.function.map(|word| here.function(&word)).transpose()?,
            storage: within(table.storage)?,
            tariff: within(table.tariff)?,
            subunit: within(table.subunit)?,
            qualifiers: table.qualifiers.map(|words| here.qualifiers(&words)).transpose()?,
        })
    }
}

/// Octets in hexadecimal, each with the bits that count.
fn pattern(text: &str) -> Option<Vec<(u8, u8)>> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let octets = digits.chunks(2).map(|pair| match pair {
        ['?', '?'] => Some((0, 0)),
        [high, low] => Some(((high.to_digit(16)? << 4 | low.to_digit(16)?) as u8, 0xff)),
        _ => None,
    });
    octets.collect::<Option<Vec<_>>>().filter(|octets| !octets.is_empty())
}
