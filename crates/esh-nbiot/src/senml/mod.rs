//! SenML, RFC 8428: the records of a pack, resolved.
//!
//! A pack is checked as a whole first; then its records come one after the other with their base fields applied.

mod cbor;
mod json;
mod open;

pub use open::Senml;

use crate::{cbor as items, json::Cursor};
use core::fmt;
use esh_core::{Decimal, DecodeError, Input, Layer, Reason, Text};

/// The newest version of SenML read here; RFC 8428, clause 4.4.
const VERSION: u32 = 10;

/// Times below this are relative to the present; RFC 8428, clause 4.5.3.
const ABSOLUTE: i64 = 1 << 28;

/// How a pack is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As JSON; Content-Format 110.
    Json,
    /// As CBOR; Content-Format 112.
    Cbor,
}

impl Encoding {
    /// The number of its Content-Format.
    #[must_use]
    pub const fn content_format(self) -> u16 {
        match self {
            Self::Json => 110,
            Self::Cbor => 112,
        }
    }
}

/// What a record says; RFC 8428, clause 4.2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// `v`.
    Number(Decimal),
    /// `vs`.
    Text(Text<'a>),
    /// `vb`.
    Flag(bool),
    /// `vd`, as octets or as their base64url text.
    Data(Data<'a>),
    /// `vlo`, of LwM2M: an object and an instance.
    ObjectLink(Text<'a>),
}

/// Octets, or the base64url text of some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data<'a> {
    /// As they are.
    Octets(&'a [u8]),
    /// As text that has been checked.
    Base64(&'a str),
}

impl<'a> Data<'a> {
    /// Its octets, one after the other.
    pub fn octets(self) -> impl Iterator<Item = u8> + 'a {
        let (plain, text) = match self {
            Self::Octets(octets) => (octets, ""),
            Self::Base64(text) => (&[][..], text),
        };
        plain.iter().copied().chain(crate::base64::octets(text))
    }
}

impl fmt::Display for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hex:")?;
        self.octets().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// The name of a record: the base name and its own, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    base: Text<'a>,
    own: Text<'a>,
}

impl<'a> Name<'a> {
    pub(crate) const fn joined(base: Text<'a>, own: Text<'a>) -> Self {
        Self { base, own }
    }

    /// What tells it from others of the same base: its own part, or the base where it has none.
    #[must_use]
    pub fn label(self) -> Text<'a> {
        if self.own.is_empty() { self.base } else { self.own }
    }

    /// Its characters.
    pub fn chars(self) -> impl Iterator<Item = char> + 'a {
        self.base.chars().chain(self.own.chars())
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.base, self.own)
    }
}

/// A resolved record; RFC 8428, clause 4.6.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its name.
    pub name: Name<'a>,
    /// Its unit, where one is said.
    pub unit: Option<Text<'a>>,
    /// What it says; `None` where it only names something or has a sum alone.
    pub value: Option<Value<'a>>,
    /// The integral of the value over time.
    pub sum: Option<Decimal>,
    /// Seconds since 1970, or, below 2^28, relative to the present; `None` where no time is said.
    pub time: Option<Decimal>,
    /// Within how many seconds it will be updated.
    pub update_time: Option<Decimal>,
    /// The octets it was read from.
    pub octets: &'a [u8],
    /// The octet of the frame where they begin.
    pub offset: usize,
}

impl Record<'_> {
    /// Whether it only names something, as the payload of a composite read does; OMA LwM2M 1.1, clause 7.4.
    #[must_use]
    pub const fn is_path_only(&self) -> bool {
        self.value.is_none() && self.sum.is_none()
    }

    /// The whole second since 1970 of its time; `None` for none and for one relative to the present.
    #[must_use]
    pub fn unix_time(&self) -> Option<i64> {
        let time = self.time?;
        // A fraction of a second is cut off: no meter counts in them.
        let seconds = time.to_i64().or_else(|| {
            let divisor = 10i128.checked_pow(u32::from(time.exponent().unsigned_abs()))?;
            i64::try_from(time.digits().div_euclid(divisor)).ok()
        })?;
        (seconds >= ABSOLUTE).then_some(seconds)
    }
}

/// The fields of a record as written, before they are resolved.
#[derive(Clone, Copy, Debug, Default)]
struct Fields<'a> {
    base_name: Option<Text<'a>>,
    base_time: Option<Decimal>,
    base_unit: Option<Text<'a>>,
    base_value: Option<Decimal>,
    base_sum: Option<Decimal>,
    version: Option<Decimal>,
    name: Option<Text<'a>>,
    unit: Option<Text<'a>>,
    value: Option<Value<'a>>,
    sum: Option<Decimal>,
    time: Option<Decimal>,
    update_time: Option<Decimal>,
}

impl Fields<'_> {
    const fn has_value(&self) -> bool {
        self.value.is_some() || self.sum.is_some()
    }
}

/// A label of a record; RFC 8428, table 1, and `vlo` of OMA LwM2M 1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    BaseName,
    BaseTime,
    BaseUnit,
    BaseValue,
    BaseSum,
    BaseVersion,
    Name,
    Unit,
    Value,
    StringValue,
    BooleanValue,
    DataValue,
    ObjectLinkValue,
    Sum,
    Time,
    UpdateTime,
}

/// Label, its JSON text, its CBOR number.
const LABELS: &[(Label, &str, Option<i8>)] = &[
    (Label::BaseVersion, "bver", Some(-1)),
    (Label::BaseName, "bn", Some(-2)),
    (Label::BaseTime, "bt", Some(-3)),
    (Label::BaseUnit, "bu", Some(-4)),
    (Label::BaseValue, "bv", Some(-5)),
    (Label::BaseSum, "bs", Some(-6)),
    (Label::Name, "n", Some(0)),
    (Label::Unit, "u", Some(1)),
    (Label::Value, "v", Some(2)),
    (Label::StringValue, "vs", Some(3)),
    (Label::BooleanValue, "vb", Some(4)),
    (Label::Sum, "s", Some(5)),
    (Label::Time, "t", Some(6)),
    (Label::UpdateTime, "ut", Some(7)),
    (Label::DataValue, "vd", Some(8)),
    (Label::ObjectLinkValue, "vlo", None),
];

/// A field as it was read, ready to be put into its record.
enum Field<'a> {
    Text(Label, Text<'a>),
    Number(Label, Decimal),
    Value(Value<'a>),
}

impl<'a> Fields<'a> {
    /// Puts a field in; `false` when it stands there already or does not belong under its label.
    fn put(&mut self, field: Field<'a>) -> bool {
        fn once<T>(slot: &mut Option<T>, value: T) -> bool {
            slot.replace(value).is_none()
        }
        match field {
            Field::Value(value) => once(&mut self.value, value),
            Field::Text(Label::BaseName, text) => once(&mut self.base_name, text),
            Field::Text(Label::BaseUnit, text) => once(&mut self.base_unit, text),
            Field::Text(Label::Name, text) => once(&mut self.name, text),
            Field::Text(Label::Unit, text) => once(&mut self.unit, text),
            Field::Number(Label::BaseTime, number) => once(&mut self.base_time, number),
            Field::Number(Label::BaseValue, number) => once(&mut self.base_value, number),
            Field::Number(Label::BaseSum, number) => once(&mut self.base_sum, number),
            Field::Number(Label::BaseVersion, number) => once(&mut self.version, number),
            Field::Number(Label::Sum, number) => once(&mut self.sum, number),
            Field::Number(Label::Time, number) => once(&mut self.time, number),
            Field::Number(Label::UpdateTime, number) => once(&mut self.update_time, number),
            _ => false,
        }
    }
}

/// Where a pack is read.
#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    Json(Cursor<'a>),
    Cbor(Input<'a>),
}

/// A pack that has been checked.
#[derive(Clone, Copy, Debug)]
pub struct Pack<'a> {
    source: Source<'a>,
    /// How many records there are, where the pack says.
    count: Option<u64>,
    only_paths: bool,
}

/// The records of a pack, in their order.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    source: Source<'a>,
    left: Option<u64>,
    first: bool,
    bases: Bases<'a>,
    only_paths: bool,
}

/// The base fields that hold from a record on; RFC 8428, clause 4.1.
#[derive(Clone, Copy, Debug, Default)]
struct Bases<'a> {
    name: Option<Text<'a>>,
    time: Option<Decimal>,
    unit: Option<Text<'a>>,
    value: Option<Decimal>,
    sum: Option<Decimal>,
}

impl<'a> Pack<'a> {
    /// Checks a pack, the first octet of which is octet `offset` of its frame.
    ///
    /// # Errors
    /// Where it is no SenML: wrong syntax, a field of the wrong kind or twice, two values in a record, a newer version,
    /// a label that must be understood and is not, or values and mere names mixed.
    pub fn parse(encoding: Encoding, octets: &'a [u8], offset: usize) -> Result<Self, DecodeError> {
        let (source, count) = Source::begin(encoding, octets, offset)?;
        let mut walk = Self { source, count, only_paths: false }.records();
        let (mut values, mut paths, mut times) = (false, None, None);
        while let Some(fields) = walk.fields()? {
            let error = |field, reason| walk.source.error(field, reason);
            if let Some(version) = fields.version {
                let version = version.to_i64().and_then(|version| u32::try_from(version).ok()).unwrap_or(u32::MAX);
                if version > VERSION {
                    return Err(error("base version", Reason::UnknownFormat(version)));
                }
            }
            if fields.has_value() || walk.bases.value.is_some() || walk.bases.sum.is_some() {
                values = true;
            } else {
                // A record of base fields alone says something of those behind it.
                paths = paths
                    .or_else(|| fields.name.is_some().then_some(error("record without a value", Reason::Malformed)));
                times =
                    times.or_else(|| fields.time.is_some().then_some(error("time without a value", Reason::Malformed)));
            }
        }
        walk.source.finish()?;
        match (values, paths, times) {
            (true, Some(error), _) | (false, _, Some(error)) => Err(error),
            _ => Ok(Self { source, count, only_paths: !values }),
        }
    }

    /// Its records.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        let Self { source, count: left, only_paths } = *self;
        Records { source, left, first: true, bases: Bases::default(), only_paths }
    }

    /// Whether its records only name something, as those of a composite read do.
    #[must_use]
    pub const fn is_only_paths(&self) -> bool {
        self.only_paths
    }
}

impl<'a> Records<'a> {
    /// The fields of the next record, with the base fields taken.
    fn fields(&mut self) -> Result<Option<Fields<'a>>, DecodeError> {
        let first = core::mem::replace(&mut self.first, false);
        let Some(fields) = self.source.next(&mut self.left, first)? else { return Ok(None) };
        match self.bases.take(&fields) {
            Some(()) => Ok(Some(fields)),
            None => Err(self.source.error("sum of a field and its base", Reason::Overflow)),
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        loop {
            let before = self.source;
            // A checked pack is read again without an error.
            let fields = self.fields().ok()??;
            let (octets, offset) = self.source.since(&before);
            let record = self.bases.resolve(&fields, octets, offset);
            if !record.is_path_only() || self.only_paths {
                return Some(record);
            }
        }
    }
}

impl<'a> Bases<'a> {
    /// The base fields of a record replace those before; `None` when its sums cannot be held.
    fn take(&mut self, fields: &Fields<'a>) -> Option<()> {
        self.name = fields.base_name.or(self.name);
        self.time = fields.base_time.or(self.time);
        self.unit = fields.base_unit.or(self.unit);
        self.value = fields.base_value.or(self.value);
        self.sum = fields.base_sum.or(self.sum);
        added(self.time, fields.time)?;
        added(self.sum, fields.sum)?;
        match fields.value {
            Some(Value::Number(value)) => added(self.value, Some(value)).map(|_| ()),
            _ => Some(()),
        }
    }

    fn resolve(&self, fields: &Fields<'a>, octets: &'a [u8], offset: usize) -> Record<'a> {
        let value = match fields.value {
            Some(Value::Number(value)) => added(self.value, Some(value)).flatten().map(Value::Number),
            // RFC 8428, clause 4.5.4: where only the base value is there, the value is zero.
            None if fields.sum.is_none() => self.value.map(Value::Number),
            other => other,
        };
        Record {
            name: Name { base: self.name.unwrap_or(Text::utf8("")), own: fields.name.unwrap_or(Text::utf8("")) },
            unit: fields.unit.or(self.unit),
            value,
            sum: if fields.sum.is_some() || self.sum.is_some() { added(self.sum, fields.sum).flatten() } else { None },
            time: added(self.time, fields.time).flatten(),
            update_time: fields.update_time,
            octets,
            offset,
        }
    }
}

/// The sum of what is there; the outer `None` when it cannot be held.
fn added(base: Option<Decimal>, own: Option<Decimal>) -> Option<Option<Decimal>> {
    Some(match (base, own) {
        (Some(base), Some(own)) => Some(base.plus(own)?),
        (one, other) => one.or(other),
    })
}

impl<'a> Source<'a> {
    /// At the first record, and how many there are where that is said.
    fn begin(encoding: Encoding, octets: &'a [u8], offset: usize) -> Result<(Self, Option<u64>), DecodeError> {
        match encoding {
            Encoding::Json => Ok((Self::Json(json::begin(octets, offset)?), None)),
            Encoding::Cbor => {
                let mut input = Input::new(octets, offset, Layer::Application);
                match items::item(&mut input)? {
                    items::Item::Array(records) => Ok((Self::Cbor(input), Some(records))),
                    _ => Err(Input::new(octets, offset, Layer::Application).error("SenML pack", Reason::Malformed)),
                }
            }
        }
    }

    fn next(&mut self, left: &mut Option<u64>, first: bool) -> Result<Option<Fields<'a>>, DecodeError> {
        match self {
            Self::Json(cursor) => json::record(cursor, first),
            Self::Cbor(input) => {
                let Some(rest) = left.and_then(|left| left.checked_sub(1)) else { return Ok(None) };
                *left = Some(rest);
                cbor::record(input).map(Some)
            }
        }
    }

    fn finish(self) -> Result<(), DecodeError> {
        match self {
            Self::Json(cursor) => cursor.end(),
            Self::Cbor(input) => input.end("SenML pack"),
        }
    }

    const fn error(&self, field: &'static str, reason: Reason) -> DecodeError {
        match self {
            Self::Json(cursor) => cursor.error(field, reason),
            Self::Cbor(input) => input.error(field, reason),
        }
    }

    fn since(&self, earlier: &Self) -> (&'a [u8], usize) {
        match (self, earlier) {
            (Self::Json(now), Self::Json(then)) => (now.since(then), then.offset()),
            (Self::Cbor(now), Self::Cbor(then)) => {
                (then.rest().get(..then.len() - now.len()).unwrap_or_default(), then.offset())
            }
            _ => (&[], 0),
        }
    }
}

#[cfg(test)]
mod tests;
