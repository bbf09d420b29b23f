//! The common body of readings: the keys that mean the same in every shape of profile.

use super::form::{self, ByNumber, Exact, Form, NO_VALUE, exact, whole};
use super::scope::{Scope, Use};
use crate::config::ConfigError;
use esh_core::profile::{Align, Back, Body, Code, Count, Factor, Scale, Source, TimeOf};
use esh_core::{Decimal, Function, Qualifier, Qualifiers, Quality, Quantity, Unit};
use serde::Deserialize;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;

/// Adds the keys of the common body to a table. Its `body` takes them out again.
macro_rules! with_body {
    ($(#[$meta:meta])* $visibility:vis struct $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        $visibility struct $name {
            $($(#[$field_meta])* $field: $type,)*
            quantity: Option<toml::Spanned<String>>,
            unit: Option<toml::Spanned<String>>,
            scale: Option<crate::profiles::form::Exact>,
            divisor: Option<toml::Spanned<u32>>,
            scaled_by: Option<toml::Spanned<crate::profiles::form::Form<crate::profiles::body::FactorTable>>>,
            offset: Option<crate::profiles::form::Exact>,
            #[serde(rename = "enum")]
            names: Option<crate::profiles::form::ByNumber<String>>,
            values: Option<crate::profiles::form::ByNumber<crate::profiles::form::Exact>>,
            invalid: Option<toml::Spanned<crate::profiles::form::Form<crate::profiles::form::ByNumber<toml::Spanned<String>>>>>,
            name: Option<toml::Spanned<String>>,
            function: Option<toml::Spanned<String>>,
            storage: Option<toml::Spanned<crate::profiles::form::Form<crate::profiles::body::SourceTable>>>,
            tariff: Option<toml::Spanned<crate::profiles::form::Form<crate::profiles::body::SourceTable>>>,
            subunit: Option<toml::Spanned<crate::profiles::form::Form<crate::profiles::body::SourceTable>>>,
            qualifiers: Option<Vec<toml::Spanned<String>>>,
            time: Option<toml::Spanned<crate::profiles::form::Form<crate::profiles::body::TimeTable>>>,
            report: Option<bool>,
        }

        impl $name {
            /// The keys of the common body.
            fn body(&mut self) -> crate::profiles::body::BodyTable {
                crate::profiles::body::BodyTable {
                    quantity: self.quantity.take(),
                    unit: self.unit.take(),
                    scale: self.scale.take(),
                    divisor: self.divisor.take(),
                    scaled_by: self.scaled_by.take(),
                    offset: self.offset.take(),
                    names: self.names.take(),
                    values: self.values.take(),
                    invalid: self.invalid.take(),
                    name: self.name.take(),
                    function: self.function.take(),
                    storage: self.storage.take(),
                    tariff: self.tariff.take(),
                    subunit: self.subunit.take(),
                    qualifiers: self.qualifiers.take(),
                    time: self.time.take(),
                    report: self.report.unwrap_or(true),
                }
            }
        }
    };
}
pub(crate) use with_body;

/// The keys of the common body, as they are written.
#[derive(Debug)]
pub(crate) struct BodyTable {
    pub(super) quantity: Option<Spanned<String>>,
    pub(super) unit: Option<Spanned<String>>,
    pub(super) scale: Option<Exact>,
    pub(super) divisor: Option<Spanned<u32>>,
    pub(super) scaled_by: Option<Spanned<Form<FactorTable>>>,
    pub(super) offset: Option<Exact>,
    pub(super) names: Option<ByNumber<String>>,
    pub(super) values: Option<ByNumber<Exact>>,
    pub(super) invalid: Option<Spanned<Form<ByNumber<Spanned<String>>>>>,
    pub(super) name: Option<Spanned<String>>,
    pub(super) function: Option<Spanned<String>>,
    pub(super) storage: Option<Spanned<Form<SourceTable>>>,
    pub(super) tariff: Option<Spanned<Form<SourceTable>>>,
    pub(super) subunit: Option<Spanned<Form<SourceTable>>>,
    pub(super) qualifiers: Option<Vec<Spanned<String>>>,
    pub(super) time: Option<Spanned<Form<TimeTable>>>,
    pub(super) report: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FactorTable {
    field: Spanned<String>,
    #[serde(default)]
    values: ByNumber<Exact>,
    default: Option<Exact>,
    power_of: Option<Spanned<u8>>,
    #[serde(default)]
    plus: i8,
}

/// A number source.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceTable {
    pub(super) field: Spanned<String>,
    pub(super) bits: Option<Spanned<(u8, u8)>>,
    #[serde(default)]
    pub(super) plus: i16,
    /// For lengths of time.
    pub(super) unit: Option<Spanned<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimeTable {
    field: Spanned<String>,
    align: Option<Spanned<String>>,
    minus: Option<Spanned<String>>,
    plus: Option<Spanned<String>>,
    month_end: Option<Spanned<i32>>,
    day_end: Option<Spanned<i32>>,
}

/// The file being read.
#[derive(Clone, Copy)]
pub(crate) struct Here<'t> {
    pub(crate) file: &'t Path,
    pub(crate) text: &'t str,
}

/// Keeps what a profile consists of for the life of the process.
pub(super) fn keep<T>(things: Vec<T>) -> &'static [T] {
    if things.is_empty() { &[] } else { Vec::leak(things) }
}

/// Keeps a text for the life of the process.
pub(super) fn keep_text(text: &str) -> &'static str {
    if text.is_empty() { "" } else { String::leak(text.to_owned()) }
}

impl Here<'_> {
    pub(crate) fn at(self, span: Range<usize>, message: impl Into<String>) -> ConfigError {
        ConfigError::at(self.file, self.text, span, message)
    }

    /// The thing of a word.
    pub(super) fn word<T: Copy>(
        self,
        word: &Spanned<String>,
        what: &str,
        known: &[T],
        spelt: impl Fn(T) -> &'static str,
    ) -> Result<T, ConfigError> {
        known.iter().copied().find(|thing| spelt(*thing) == word.get_ref()).ok_or_else(|| {
            let words: Vec<_> = known.iter().map(|thing| spelt(*thing)).filter(|word| !word.is_empty()).collect();
            self.at(word.span(), format!("`{}` is no {what}", word.get_ref())).suggest(word.get_ref(), &words)
        })
    }

    pub(super) fn quantity(self, word: &Spanned<String>) -> Result<Quantity, ConfigError> {
        self.word(word, "quantity of the vocabulary", Quantity::ALL, Quantity::name)
    }

    pub(super) fn unit(self, word: &Spanned<String>) -> Result<Unit, ConfigError> {
        self.word(word, "unit here, which are UCUM texts such as `kW.h`, `m3` and `Cel`", Unit::ALL, Unit::ucum)
    }

    pub(super) fn function(self, word: &Spanned<String>) -> Result<Function, ConfigError> {
        let all = [Function::Instantaneous, Function::Maximum, Function::Minimum, Function::Error];
        self.word(word, "function", &all, Function::word)
    }

    pub(super) fn qualifiers(self, words: &[Spanned<String>]) -> Result<Qualifiers, ConfigError> {
        words.iter().try_fold(Qualifiers::NONE, |all, word| {
            Ok(all.with(self.word(word, "qualifier", Qualifier::ALL, Qualifier::word)?))
        })
    }

    pub(super) fn decimal(self, number: &Exact) -> Result<Decimal, ConfigError> {
        let decimal = exact(self.text, number).filter(|number| i64::try_from(number.digits()).is_ok());
        decimal.ok_or_else(|| {
            self.at(number.span(), "write an exact decimal of up to 18 digits, such as 0.001 or \"1e-3\"")
        })
    }

    pub(super) fn number(self, text: &Spanned<String>) -> Result<i128, ConfigError> {
        whole(text.get_ref()).ok_or_else(|| self.at(text.span(), "write a whole number, such as 16 or 0x10"))
    }

    pub(super) fn bits(self, bits: &Spanned<(u8, u8)>, width: u8) -> Result<(u8, u8), ConfigError> {
        let (first, count) = *bits.get_ref();
        if count == 0 || first.checked_add(count).is_none_or(|end| end > width) {
            let message = format!("bits are [first, count] within 0 to {}", width.saturating_sub(1));
            return Err(self.at(bits.span(), message));
        }
        Ok((first, count))
    }

    /// A length of time as something to go back by.
    pub(super) fn back(self, text: &Spanned<String>, sign: i32) -> Result<Back, ConfigError> {
        let expected = "write a length of time, such as \"15 min\", \"1 h\", \"1 d\", \"1 mo\" or \"1 a\"";
        let wrong = || self.at(text.span(), expected);
        let written = text.get_ref().trim();
        let end = written.find(|c: char| !c.is_ascii_digit()).unwrap_or(written.len());
        let (number, unit) = written.split_at_checked(end).ok_or_else(wrong)?;
        let number: i32 = number.parse().map_err(|_| wrong())?;
        let number = number.checked_mul(sign).ok_or_else(wrong)?;
        Ok(match unit.trim() {
            "mo" => Back::Months(number),
            "a" => Back::Months(number.checked_mul(12).ok_or_else(wrong)?),
            unit => Back::Seconds(i64::from(number) * i64::from(seconds(unit).ok_or_else(wrong)?)),
        })
    }

    /// A number of a field, for another's use.
    pub(super) fn source(self, source: &SourceTable, scope: &mut Scope, how: Use) -> Result<Source, ConfigError> {
        let slot = scope.slot(self, &source.field, how)?;
        let (first, count) = match &source.bits {
            Some(bits) => self.bits(bits, 64)?,
            None => (0, 64),
        };
        Ok(Source { slot, first, count, plus: source.plus })
    }

    fn count(self, form: Option<Spanned<Form<SourceTable>>>, scope: &mut Scope) -> Result<Option<Count>, ConfigError> {
        let Some(form) = form else { return Ok(None) };
        let span = form.span();
        Ok(Some(match form.into_inner() {
            Form::Number(number) => {
                let number = u64::try_from(number);
                Count::Is(number.map_err(|_| self.at(span, "a register is numbered from 0"))?)
            }
            Form::Table(source) => Count::Of(self.source(&source, scope, Use::Ahead)?),
            _ => return Err(self.at(span, "write a number, or { field = \"name\" }")),
        }))
    }

    /// The time of a reading.
    pub(super) fn time(self, form: Spanned<Form<TimeTable>>, scope: &mut Scope) -> Result<TimeOf, ConfigError> {
        let span = form.span();
        let table = match form.into_inner() {
            Form::Word(word) if word == "none" => return Ok(TimeOf::field(u8::MAX)),
            Form::Word(word) => return Ok(TimeOf::field(scope.slot(self, &Spanned::new(span, word), Use::Ahead)?)),
            Form::Table(table) => table,
            _ => return Err(self.at(span, "write the name of a time field, or { field = \"name\", minus = \"1 h\" }")),
        };
        let align = match &table.align {
            None => Align::None,
            Some(word) => {
                let all = [Align::Hour, Align::Day, Align::Month];
                self.word(word, "beginning to go back to", &all, |align| match align {
                    Align::Hour => "hour",
                    Align::Day => "day",
                    Align::Month => "month",
                    Align::None => "",
                })?
            }
        };
        let back = match (&table.minus, &table.plus, &table.month_end, &table.day_end) {
            (None, None, None, None) => Back::Seconds(0),
            (Some(minus), None, None, None) => self.back(minus, 1)?,
            (None, Some(plus), None, None) => self.back(plus, -1)?,
            (None, None, Some(months), None) => Back::MonthEnd(*months.get_ref()),
            (None, None, None, Some(days)) => Back::DayEnd(*days.get_ref()),
            _ => return Err(self.at(span, "only one of `minus`, `plus`, `month_end` and `day_end` can be")),
        };
        Ok(TimeOf { slot: scope.slot(self, &table.field, Use::Ahead)?, align, back })
    }

    fn codes(
        self,
        form: Option<Spanned<Form<ByNumber<Spanned<String>>>>>,
    ) -> Result<&'static [(Code, Quality)], ConfigError> {
        let Some(form) = form else { return Ok(&[]) };
        let span = form.span();
        let mut codes = Vec::new();
        match form.into_inner() {
            Form::Table(table) => {
                for (code, quality) in &table {
                    let quality = self.word(quality, "quality of no value", &NO_VALUE, Quality::word)?;
                    codes.push((self.code(code.get_ref(), code.span())?, quality));
                }
            }
            form => {
                for item in form.items(span) {
                    let span = item.span();
                    let code = match item.into_inner() {
                        Form::Number(number) => Code::Bits(number as u64),
                        Form::Word(word) => self.code(&word, span)?,
                        _ => return Err(self.at(span, "write a number or a word such as \"all_ones\"")),
                    };
                    codes.push((code, Quality::Invalid));
                }
            }
        }
        Ok(keep(codes))
    }

    fn code(self, word: &str, span: Range<usize>) -> Result<Code, ConfigError> {
        form::code(word).ok_or_else(|| {
            let known = form::CODES.map(|(known, _)| known);
            self.at(span, format!("`{word}` is no code for no value")).suggest(word, &known)
        })
    }

    fn values(self, table: &ByNumber<Exact>) -> Result<&'static [(i128, Decimal)], ConfigError> {
        let values = table.iter().map(|(key, value)| Ok((self.number(key)?, self.decimal(value)?)));
        Ok(keep(values.collect::<Result<_, ConfigError>>()?))
    }

    /// A scale, where there is any.
    pub(super) fn scale(self, body: &mut BodyTable, scope: &mut Scope) -> Result<Option<Scale>, ConfigError> {
        let BodyTable { scale, divisor, scaled_by, offset, values, .. } = body;
        if scale.is_none() && divisor.is_none() && scaled_by.is_none() && offset.is_none() && values.is_none() {
            return Ok(None);
        }
        let mut made = Scale::ONE;
        if let Some(values) = values.take() {
            made.values = self.values(&values)?;
        }
        if let Some(scale) = scale.take() {
            made.factor = self.decimal(&scale)?;
        }
        if let Some(divisor) = divisor.take() {
            if *divisor.get_ref() == 0 {
                return Err(self.at(divisor.span(), "nothing can be divided by zero"));
            }
            made.divisor = *divisor.get_ref();
        }
        if let Some(offset) = offset.take() {
            made.offset = self.decimal(&offset)?;
        }
        if let Some(form) = scaled_by.take() {
            let span = form.span();
            made.by = Some(match form.into_inner() {
                Form::Word(word) => {
                    let slot = scope.slot(self, &Spanned::new(span, word), Use::Ahead)?;
                    Factor { slot, values: &[], default: None, power: None }
                }
                Form::Table(FactorTable { field, values, default, power_of, plus }) => {
                    let power = match power_of {
                        None => None,
                        Some(ten) if *ten.get_ref() == 10 && values.is_empty() && default.is_none() => Some(plus),
                        Some(other) => {
                            let message = "a factor is a power of 10, and then has no `values` and no `default`";
                            return Err(self.at(other.span(), message));
                        }
                    };
                    Factor {
                        slot: scope.slot(self, &field, Use::Ahead)?,
                        values: self.values(&values)?,
                        default: default.map(|default| self.decimal(&default)).transpose()?,
                        power,
                    }
                }
                _ => {
                    return Err(self.at(span, "write the name of a field, or { field = \"name\", values = { 0 = 1 } }"));
                }
            });
        }
        Ok(Some(made))
    }

    pub(super) fn names(self, names: Option<ByNumber<String>>) -> Result<&'static [(i128, &'static str)], ConfigError> {
        let names = names.unwrap_or_default();
        let names = names
            .iter()
            .filter(|(number, _)| number.get_ref() != DEFAULT)
            .map(|(number, name)| Ok((self.number(number)?, keep_text(name))));
        Ok(keep(names.collect::<Result<_, ConfigError>>()?))
    }

    /// What a record says in place of the standard.
    pub(super) fn said(self, mut body: BodyTable, scope: &mut Scope) -> Result<Said, ConfigError> {
        Ok(Said {
            scale: self.scale(&mut body, scope)?,
            name: body.name.as_ref().map_or("", |name| keep_text(name.get_ref())),
            quantity: body.quantity.map(|word| self.quantity(&word)).transpose()?,
            unit: body.unit.map(|word| self.unit(&word)).transpose()?,
            other_name: match &body.names {
                Some(names) => {
                    let default = names.iter().find(|(number, _)| number.get_ref() == DEFAULT);
                    default.map_or("", |(_, name)| keep_text(name))
                }
                None => "",
            },
            names: self.names(body.names)?,
            none: self.codes(body.invalid)?,
            function: body.function.map(|word| self.function(&word)).transpose()?,
            storage: self.count(body.storage, scope)?,
            tariff: self.count(body.tariff, scope)?,
            subunit: self.count(body.subunit, scope)?,
            qualifiers: body.qualifiers.map(|words| self.qualifiers(&words)).transpose()?,
            time: body.time.map(|form| self.time(form, scope)).transpose()?,
            report: body.report,
        })
    }

    /// What a field means, and its name.
    pub(super) fn body(self, body: BodyTable, scope: &mut Scope) -> Result<(Body, &'static str, bool), ConfigError> {
        let said = self.said(body, scope)?;
        let quantity = said.quantity.unwrap_or(Quantity::Unknown);
        let body = Body {
            quantity,
            unit: said.unit.unwrap_or_else(|| quantity.unit()),
            scale: said.scale.unwrap_or(Scale::ONE),
            names: said.names,
            other_name: said.other_name,
            none: said.none,
            function: said.function.unwrap_or_default(),
            storage: said.storage.unwrap_or(Count::Is(0)),
            tariff: said.tariff.unwrap_or(Count::Is(0)),
            subunit: said.subunit.unwrap_or(Count::Is(0)),
            qualifiers: said.qualifiers.unwrap_or(Qualifiers::NONE),
            time: said.time,
        };
        Ok((body, said.name, said.report))
    }
}

/// The common body, as far as it says anything.
#[derive(Debug)]
pub(crate) struct Said {
    pub(super) scale: Option<Scale>,
    pub(super) name: &'static str,
    pub(super) quantity: Option<Quantity>,
    pub(super) unit: Option<Unit>,
    pub(super) names: &'static [(i128, &'static str)],
    pub(super) other_name: &'static str,
    pub(super) none: &'static [(Code, Quality)],
    pub(super) function: Option<Function>,
    pub(super) storage: Option<Count>,
    pub(super) tariff: Option<Count>,
    pub(super) subunit: Option<Count>,
    pub(super) qualifiers: Option<Qualifiers>,
    pub(super) time: Option<TimeOf>,
    pub(super) report: bool,
}

/// The key of an enumeration for all other numbers.
const DEFAULT: &str = "default";

/// The seconds of a unit of time.
pub(super) fn seconds(unit: &str) -> Option<u32> {
    Some(match unit {
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "wk" => 604_800,
        _ => return None,
    })
}
