//! `[[register]]`: what the registers of a device mean, as it is written, and the maps that the running gateway has.
//!
//! The keys are those of a profile's common body (`docs/profiles.md`) behind those that say where a value stands. They are
//! checked when they are read; from then on a register is what [`esh_modbus::map`] reads.

use super::form;
use crate::config::ConfigError;
use esh_core::{Alarm, Decimal, Function, Id, Qualifier, Qualifiers, Quality, Quantity, Unit};
use esh_modbus::map::{self, Clock, Code, Half, Holds, Order, Other, Register, Table};
use esh_modbus::merge::Span;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

/// What the registers of the devices mean, by the names of the devices.
pub type Maps = HashMap<Id, Map>;

/// What the registers of a device mean.
#[derive(Clone, Debug, PartialEq)]
pub enum Map {
    /// It says so itself.
    SunSpec,
    /// They are written down.
    Registers(Arc<[Value]>),
}

/// One value of a device: what [`Register`] is, with everything it refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    register: Register<'static>,
    name: Box<str>,
    none: Box<[(Code, Quality)]>,
    multipliers: Box<[Other]>,
    alarms: Box<[(u8, Alarm)]>,
    report: bool,
}

impl Value {
    /// As the map reads it.
    #[must_use]
    pub fn as_register(&self) -> Register<'_> {
        Register {
            name: &self.name,
            none: &self.none,
            scale: map::Scale { multipliers: &self.multipliers, ..self.register.scale },
            alarms: &self.alarms,
            ..self.register
        }
    }

    /// Whether it is a reading: others only scale some.
    #[must_use]
    pub const fn is_reported(&self) -> bool {
        self.report
    }

    /// The same without its name and what it refers to.
    #[must_use]
    pub const fn bare(&self) -> Register<'static> {
        self.register
    }

    /// The registers that must be read for it.
    fn spans(&self) -> impl Iterator<Item = Span> {
        let span = |(table, address, count)| Span { table, address, count };
        let other = move |other: &Other| span((other.table, other.address, other.holds.registers()));
        let own = span(self.register.span());
        let others = self.multipliers.iter().chain(&self.register.scale.exponent).map(other);
        std::iter::once(own).chain(others)
    }
}

/// The registers that must be read for some values, sorted, each once.
#[must_use]
pub fn spans(values: &[Value]) -> Vec<Span> {
    let mut spans: Vec<_> = values.iter().filter(|value| value.report).flat_map(Value::spans).collect();
    spans.sort_unstable();
    spans.dedup();
    spans
}

/// The registers of a device, as they are written.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<Keys>")]
pub struct Registers(pub Arc<[Value]>);

impl TryFrom<Vec<Keys>> for Registers {
    type Error = String;

    fn try_from(all: Vec<Keys>) -> Result<Self, String> {
        let values = all.iter().map(|keys| keys.value(&all)).collect::<Result<Vec<_>, _>>()?;
        let mut taken = HashMap::new();
        for keys in all.iter().filter(|keys| !keys.name.is_empty()) {
            if taken.insert(keys.name.as_str(), ()).is_some() {
                return Err(format!("there are two registers named `{}`", keys.name));
            }
        }
        if !values.iter().any(Value::is_reported) {
            return Err("no register is reported".to_owned());
        }
        Ok(Self(values.into()))
    }
}

/// Reads the registers that stand in a file.
///
/// # Errors
/// Says what is wrong, and where.
pub fn load(path: &Path) -> Result<Arc<[Value]>, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        register: Registers,
        /// What else a profile has.
        #[serde(rename = "meter")]
        _meter: Option<IgnoredAny>,
        #[serde(rename = "test")]
        _test: Option<IgnoredAny>,
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let read = toml::from_str::<File>(&text).map(|file| file.register.0);
    read.map_err(|error| ConfigError::toml(path, &text, &error).to_string())
}

/// The keys of one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The address as it is sent, from 0 on.
    address: Option<u16>,
    /// Or the number in the old way of counting: 40001 is the first holding register, 30001 the first input register.
    number: Option<u32>,
    table: Option<TableWord>,
    #[serde(rename = "type")]
    kind: String,
    /// Octets of `text` and `octets`.
    length: Option<u8>,
    order: Option<String>,
    bits: Option<[u8; 2]>,
    clock: Option<ClockWord>,
    quantity: Option<String>,
    unit: Option<String>,
    scale: Option<Exact>,
    divisor: Option<u32>,
    #[serde(default)]
    scaled_by: Names,
    exponent: Option<String>,
    offset: Option<Exact>,
    #[serde(default)]
    invalid: Invalid,
    #[serde(default)]
    name: String,
    function: Option<String>,
    #[serde(default)]
    storage: u64,
    #[serde(default)]
    tariff: u32,
    #[serde(default)]
    subunit: u16,
    #[serde(default)]
    qualifiers: Vec<String>,
    #[serde(default)]
    alarms: BTreeMap<String, String>,
    #[serde(default = "yes")]
    report: bool,
}

const fn yes() -> bool {
    true
}

/// The table that a register stands in.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TableWord {
    #[default]
    Holding,
    Input,
}

impl TableWord {
    pub(super) const fn table(self) -> Table {
        match self {
            Self::Holding => Table::Holding,
            Self::Input => Table::Input,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClockWord {
    Unix,
    #[serde(rename = "since_2000")]
    Since2000,
    Registers,
    Octets,
    BcdOctets,
    Iec870,
}

/// One name or several.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(untagged, expecting = "the name of a register, or a list of names")]
enum Names {
    #[default]
    None,
    One(String),
    All(Vec<String>),
}

impl Names {
    fn all(&self) -> &[String] {
        match self {
            Self::None => &[],
            Self::One(name) => std::slice::from_ref(name),
            Self::All(names) => names,
        }
    }
}

/// A decimal, as it is written.
#[derive(Clone, Copy, Debug)]
struct Exact(Decimal);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a number such as `0.001` or `\"1e-3\"`")]
        enum Form {
            Integer(i64),
            Float(f64),
            Text(String),
        }
        let number = match Form::deserialize(deserializer)? {
            Form::Integer(number) => Some(Decimal::from(number)),
            // The shortest digits that mean this number are those that were written.
            Form::Float(number) => Decimal::from_f64_shortest(number),
            Form::Text(text) => Decimal::parse(&text),
        };
        number.map(Self).ok_or_else(|| serde::de::Error::custom("not a number, or one that is too long"))
    }
}

/// Codes for no value.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(untagged, expecting = "a list of codes, or a table from code to quality")]
enum Invalid {
    #[default]
    None,
    Codes(Vec<CodeForm>),
    Qualities(BTreeMap<String, String>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a number, or `all_ones`, `smallest`, `largest` or `zero`")]
enum CodeForm {
    Number(u64),
    Word(String),
}

fn code(word: &str) -> Result<Code, String> {
    let wrong = || format!("`{word}` is no code: a number, `all_ones`, `smallest`, `largest` or `zero`");
    form::code(word).ok_or_else(wrong)
}

fn quality(word: &str) -> Result<Quality, String> {
    form::NO_VALUE.into_iter().find(|quality| quality.word() == word).ok_or_else(|| unknown("quality", word))
}

fn unknown(what: &str, word: &str) -> String {
    format!("there is no {what} `{word}`")
}

impl Keys {
    /// How this register is called where something is wrong with it.
    fn called(&self) -> String {
        match (&*self.name, self.address, self.number) {
            ("", Some(address), _) => format!("the register at {address}"),
            ("", None, Some(number)) => format!("the register {number}"),
            (name, ..) => format!("the register `{name}`"),
        }
    }

    fn value(&self, all: &[Self]) -> Result<Value, String> {
        self.checked(all).map_err(|wrong| format!("{}: {wrong}", self.called()))
    }

    fn checked(&self, all: &[Self]) -> Result<Value, String> {
        let other = |name: &String| {
            let found = all.iter().find(|keys| keys.name == *name).ok_or_else(|| unknown("register", name))?;
            let ((table, address), holds) = (found.place()?, found.holds()?);
            Ok::<_, String>(Other { table, address, holds, order: found.order()? })
        };
        let (table, address) = self.place()?;
        let holds = self.holds()?;
        if u32::from(address) + u32::from(holds.registers()) > 1 << 16 {
            return Err("it would end behind the last register there is".to_owned());
        }
        let quantity = match &self.quantity {
            Some(name) => Quantity::from_name(name).ok_or_else(|| unknown("quantity", name))?,
            None => Quantity::Unknown,
        };
        let unit = match &self.unit {
            Some(text) => Unit::from_ucum(text).ok_or_else(|| unknown("unit", text))?,
            None => quantity.unit(),
        };
        let divisor = self.divisor.unwrap_or(1);
        if divisor == 0 {
            return Err("nothing is divided by 0".to_owned());
        }
        let none = match &self.invalid {
            Invalid::None => Vec::new(),
            Invalid::Codes(codes) => {
                let codes = codes.iter().map(|form| match form {
                    CodeForm::Number(number) => Ok(Code::Bits(*number)),
                    CodeForm::Word(word) => code(word),
                });
                codes.map(|code| Ok((code?, Quality::Invalid))).collect::<Result<_, String>>()?
            }
            Invalid::Qualities(table) => {
                table.iter().map(|(word, is)| Ok((code(word)?, quality(is)?))).collect::<Result<_, String>>()?
            }
        };
        let function = match self.function.as_deref() {
            None => Function::Instantaneous,
            Some(word) => [Function::Instantaneous, Function::Maximum, Function::Minimum, Function::Error]
                .into_iter()
                .find(|function| function.word() == word)
                .ok_or_else(|| unknown("function", word))?,
        };
        let mut qualifiers = Qualifiers::NONE;
        for word in &self.qualifiers {
            let found = Qualifier::ALL.iter().find(|qualifier| qualifier.word() == word);
            qualifiers = qualifiers.with(*found.ok_or_else(|| unknown("qualifier", word))?);
        }
        let alarms = self.alarms.iter().map(|(bit, word)| {
            let bit = bit.parse::<u8>().ok().filter(|bit| *bit < 64).ok_or_else(|| unknown("bit", bit))?;
            let alarm = Alarm::ALL.iter().find(|alarm| alarm.name() == word);
            Ok((bit, *alarm.ok_or_else(|| unknown("alarm", word))?))
        });
        let alarms = alarms.collect::<Result<Box<[_]>, String>>()?;
        if !alarms.is_empty() && !matches!(holds, Holds::Flags(_)) {
            return Err("only flags have bits that are alarms".to_owned());
        }
        let scale = map::Scale {
            factor: self.scale.map_or(Decimal::new(1, 0), |scale| scale.0),
            divisor,
            exponent: self.exponent.as_ref().map(other).transpose()?,
            multipliers: &[],
            plus: self.offset.map_or(Decimal::ZERO, |offset| offset.0),
        };
        let register = Register {
            table,
            order: self.order()?,
            scale,
            function,
            register: esh_core::Register { storage: self.storage, tariff: self.tariff, subunit: self.subunit },
            qualifiers,
            ..Register::new(address, holds, quantity, unit)
        };
        let multipliers = self.scaled_by.all().iter().map(other).collect::<Result<_, _>>()?;
        Ok(Value {
            register,
            name: self.name.as_str().into(),
            none: none.into(),
            multipliers,
            alarms,
            report: self.report,
        })
    }

    fn place(&self) -> Result<(Table, u16), String> {
        let table = self.table.map(TableWord::table);
        match (self.address, self.number) {
            (Some(address), None) => Ok((table.unwrap_or_default(), address)),
            (None, Some(number)) => match Table::numbered(number) {
                Some((found, address)) if table.is_none_or(|table| table == found) => Ok((found, address)),
                Some(_) => Err(format!("{number} is a number of the other table")),
                None => {
                    Err(format!("{number} is no number of a register: 30001 to 39999, 40001 to 49999, or six digits"))
                }
            },
            _ => Err("either `address`, as it is sent, or `number`, as 40001, says where it is".to_owned()),
        }
    }

    fn order(&self) -> Result<Order, String> {
        let Some(word) = &self.order else { return Ok(Order::ABCD) };
        Order::from_word(word)
            .ok_or_else(|| format!("`{word}` is no order: `ABCD`, `CDAB`, `BADC`, `DCBA`, or eight letters"))
    }

    fn holds(&self) -> Result<Holds, String> {
        let split = self.kind.find(|c: char| c.is_ascii_digit()).unwrap_or(self.kind.len());
        let (word, width) = self.kind.split_at_checked(split).unwrap_or_default();
        let width = width.parse::<u8>().ok();
        let registers = || match width {
            Some(width @ (16 | 32 | 48 | 64)) => Ok(width / 16),
            _ => Err(format!("`{}` is no type: numbers have 16, 32, 48 or 64 bits", self.kind)),
        };
        let length = || match self.length {
            Some(octets) if octets > 0 && octets <= 250 => Ok(octets.div_ceil(2)),
            _ => Err(format!("`{}` needs `length`, 1 to 250 octets", self.kind)),
        };
        let holds = match (word, width) {
            ("u" | "i", Some(8)) => match self.bits {
                None | Some([0, 8]) => Holds::Octet { half: Half::Low, signed: word == "i" },
                Some([8, 8]) => Holds::Octet { half: Half::High, signed: word == "i" },
                Some(_) => return Err("an octet is `bits = [0, 8]` or `[8, 8]` of its register".to_owned()),
            },
            ("u", _) => match (registers()?, self.bits) {
                (registers, None) => Holds::Unsigned(registers),
                (registers, Some([first, count]))
                    if count > 0 && u16::from(first) + u16::from(count) <= u16::from(registers) * 16 =>
                {
                    Holds::Field { registers, first, count }
                }
                (_, Some(_)) => return Err("`bits` is the lowest bit and how many, all of the number".to_owned()),
            },
            ("i", _) => Holds::Signed(registers()?),
            ("s", _) => Holds::SignAndMagnitude(registers()?),
            ("bcd", _) => Holds::Bcd(registers()?),
            ("flags", _) => Holds::Flags(registers()?),
            ("f", Some(32)) => Holds::Float,
            ("f", Some(64)) => Holds::Double,
            ("text", None) => Holds::Text(length()?),
            ("octets", None) => Holds::Octets(length()?),
            ("time", None) => Holds::Time(match self.clock {
                Some(ClockWord::Unix) => Clock::Unix,
                Some(ClockWord::Since2000) => Clock::Since2000,
                Some(ClockWord::Registers) => Clock::Registers,
                Some(ClockWord::Octets) => Clock::Octets,
                Some(ClockWord::BcdOctets) => Clock::BcdOctets,
                Some(ClockWord::Iec870) => Clock::Iec870,
                None => return Err("a time needs `clock`".to_owned()),
            }),
            _ => return Err(unknown("type", &self.kind)),
        };
        if self.bits.is_some() && !matches!(holds, Holds::Octet { .. } | Holds::Field { .. }) {
            return Err("only types `u8` to `u64` have `bits`".to_owned());
        }
        Ok(holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::{Out, Reading};
    use esh_modbus::map::{Block, read_blocks};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        register: Registers,
    }

    fn parse(text: &str) -> Result<Registers, String> {
        toml::from_str::<File>(text).map(|file| file.register).map_err(|error| error.message().to_owned())
    }

    #[derive(Default)]
    struct Lines(Vec<String>);

    impl<'a> Out<'a> for Lines {
        fn reading(&mut self, reading: Reading<'a>) {
            let value = match reading.value {
                esh_core::Value::Number(number) => format!("{number} {}", reading.unit.ucum()),
                esh_core::Value::Text(text) => format!("{text}"),
                _ => reading.quality.word().to_owned(),
            };
            self.0.push(format!("{} = {value}", reading.quantity.name()));
        }
    }

    const FILE: &str = r#"
[[register]]
number = 40001
type = "u32"
order = "CDAB"
quantity = "energy.active.import"
unit = "W.h"
scaled_by = "ratio"
invalid = { all_ones = "not_available" }

[[register]]
address = 2
type = "i16"
quantity = "voltage.l1"
scale = 0.1

[[register]]
address = 9
table = "holding"
type = "u16"
name = "ratio"
report = false

[[register]]
address = 4
type = "text"
length = 3
quantity = "identification.fabrication"
"#;

    #[test]
    fn what_is_written_is_read() {
        let registers = parse(FILE).unwrap().0;
        let span = |address, count| Span { table: Table::Holding, address, count };
        assert_eq!(spans(&registers), [span(0, 2), span(2, 1), span(4, 2), span(9, 1)]);
        let octets: Vec<_> =
            [4464u16, 1, 2301, 0, 0x4142, 0x4300, 0, 0, 0, 10].iter().flat_map(|r| r.to_be_bytes()).collect();
        let block = Block { table: Table::Holding, address: 0, octets: &octets, offset: 0 };
        let mut lines = Lines::default();
        let reported = registers.iter().filter(|value| value.is_reported()).map(Value::as_register);
        read_blocks(reported, 0, &[block], &mut lines);
        let wanted =
            ["energy.active.import = 700.000 kW.h", "voltage.l1 = 230.1 V", "identification.fabrication = ABC"];
        assert_eq!(lines.0, wanted);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_register() {
        for (keys, wrong) in [
            (
                "type = \"u16\"",
                "the register `x`: either `address`, as it is sent, or `number`, as 40001, says where it is",
            ),
            ("address = 1\nnumber = 40001\ntype = \"u16\"", "the register `x`: either `address`"),
            ("number = 40000\ntype = \"u16\"", "40000 is no number of a register"),
            ("number = 30001\ntable = \"holding\"\ntype = \"u16\"", "the other table"),
            ("address = 1\ntype = \"u17\"", "`u17` is no type"),
            ("address = 1\ntype = \"float\"", "there is no type `float`"),
            ("address = 65535\ntype = \"u32\"", "behind the last register"),
            ("address = 1\ntype = \"u16\"\nbits = [15, 2]", "`bits` is the lowest bit"),
            ("address = 1\ntype = \"i16\"\nbits = [1, 2]", "only types `u8` to `u64` have `bits`"),
            ("address = 1\ntype = \"u16\"\nquantity = \"water\"", "there is no quantity `water`"),
            ("address = 1\ntype = \"u16\"\nunit = \"gallon\"", "there is no unit `gallon`"),
            ("address = 1\ntype = \"u16\"\nscaled_by = \"ratio\"", "there is no register `ratio`"),
            ("address = 1\ntype = \"u16\"\ndivisor = 0", "nothing is divided by 0"),
            ("address = 1\ntype = \"u16\"\nalarms = { 3 = \"leak\" }", "only flags"),
            ("address = 1\ntype = \"text\"", "`text` needs `length`"),
            ("address = 1\ntype = \"u16\"\norder = \"AABB\"", "`AABB` is no order"),
            ("address = 1\ntype = \"u16\"\ninvalid = [\"ones\"]", "`ones` is no code"),
            ("address = 1\ntype = \"u16\"\nreport = false", "no register is reported"),
            ("adress = 1\ntype = \"u16\"", "unknown field `adress`"),
        ] {
            let error = parse(&format!("[[register]]\nname = \"x\"\n{keys}\n")).unwrap_err();
            assert!(error.contains(wrong), "{keys}: {error}");
        }
    }
}
