//! The common body: what a number means, whatever shape it came in.

use super::slots::{Held, Slots};
use super::{TimeOf, holds};
use crate::{Decimal, Function, Qualifiers, Quality, Quantity, Register, Unit, Value};

/// What a value means.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Body {
    /// What is measured.
    pub quantity: Quantity,
    /// The unit of the number after its scale.
    pub unit: Unit,
    /// From the number as sent to the value.
    pub scale: Scale,
    /// Names of numbers: the name becomes the value.
    pub names: &'static [(i128, &'static str)],
    /// The name of all other numbers; empty where they stay numbers.
    pub other_name: &'static str,
    /// Codes that stand for no value.
    pub none: &'static [(Code, Quality)],
    /// Whether it is the present value or an extreme.
    pub function: Function,
    /// The storage number.
    pub storage: Count,
    /// The tariff.
    pub tariff: Count,
    /// The subunit.
    pub subunit: Count,
    /// What narrows the quantity down.
    pub qualifiers: Qualifiers,
    /// When it was measured.
    pub time: Option<TimeOf>,
}

impl Body {
    /// A present value of the main register.
    #[must_use]
    pub const fn new(quantity: Quantity, unit: Unit) -> Self {
        Self {
            quantity,
            unit,
            scale: Scale::ONE,
            names: &[],
            other_name: "",
            none: &[],
            function: Function::Instantaneous,
            storage: Count::Is(0),
            tariff: Count::Is(0),
            subunit: Count::Is(0),
            qualifiers: Qualifiers::NONE,
            time: None,
        }
    }

    /// Its register; a number that is not there, or too large, is 0.
    pub(super) fn register(&self, slots: &Slots) -> Register {
        let number = |count: Count| match count {
            Count::Is(number) => number,
            Count::Of(source) => source.number(slots).unwrap_or_default(),
        };
        Register {
            storage: number(self.storage),
            tariff: u32::try_from(number(self.tariff)).unwrap_or_default(),
            subunit: u16::try_from(number(self.subunit)).unwrap_or_default(),
        }
    }

    /// The quality that the bits of a number of that width stand for, where they are no value.
    #[inline]
    pub(super) fn none_of(&self, bits: u64, width: u8) -> Option<Quality> {
        self.none.iter().find(|(code, _)| code.is(bits, width)).map(|(_, quality)| *quality)
    }

    /// The value of a number.
    pub(super) fn value(&self, number: Decimal, raw: Option<i128>, slots: &Slots) -> Result<Worth, Quality> {
        if let Some((_, name)) = self.names.iter().find(|(of, _)| raw == Some(*of)) {
            return Ok(Worth { value: Value::Text(crate::Text::utf8(name)), number: None, unrounded: None });
        }
        if !self.other_name.is_empty() {
            let value = Value::Text(crate::Text::utf8(self.other_name));
            return Ok(Worth { value, number: None, unrounded: None });
        }
        let (scaled, rounded) = self.scale.apply(number, raw, slots)?;
        Ok(Worth { value: Value::Number(scaled), number: Some(scaled), unrounded: rounded.then_some(number) })
    }
}

/// What a number is worth.
pub(super) struct Worth {
    pub(super) value: Value<'static>,
    pub(super) number: Option<Decimal>,
    pub(super) unrounded: Option<Decimal>,
}

/// A number is multiplied, divided, and moved.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Scale {
    /// What numbers as sent stand for; without any each stands for itself.
    pub values: &'static [(i128, Decimal)],
    /// What it is multiplied by.
    pub factor: Decimal,
    /// What it is divided by; a quotient that is not finite keeps 18 digits and says so.
    pub divisor: u32,
    /// What another field says that it is multiplied by.
    pub by: Option<Factor>,
    /// What is added at the end.
    pub offset: Decimal,
}

/// A factor that the payload has.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Factor {
    /// The field, by its slot.
    pub slot: u8,
    /// What its numbers stand for; without any its value is the factor.
    pub values: &'static [(i128, Decimal)],
    /// What all other numbers stand for.
    pub default: Option<Decimal>,
    /// It is a power of ten: what is added to the number of the field is the exponent.
    pub power: Option<i8>,
}

impl Scale {
    /// The number as it is.
    pub const ONE: Self = Self { values: &[], factor: Decimal::new(1, 0), divisor: 1, by: None, offset: Decimal::ZERO };

    /// The number times `digits × 10^exponent`.
    #[must_use]
    pub const fn by(digits: i64, exponent: i8) -> Self {
        Self { factor: Decimal::new(digits as i128, exponent), ..Self::ONE }
    }

    /// The value of a number, and whether it had to be rounded. `raw` is the number as sent.
    pub(super) fn apply(&self, number: Decimal, raw: Option<i128>, slots: &Slots) -> Result<(Decimal, bool), Quality> {
        let number = match self.values {
            [] => number,
            values => listed(values, raw).ok_or(Quality::Unscaled)?,
        };
        let mut value = product(number, self.factor)?;
        if let Some(Factor { slot, values, default, power }) = self.by {
            let held = slots.get(slot);
            let factor = match (power, values) {
                (Some(plus), _) => held.raw().and_then(|raw| power_of_ten(raw, plus)),
                (None, []) => held.value(),
                (None, values) => listed(values, held.raw()).or(default),
            };
            value = product(value, factor.ok_or(Quality::Unscaled)?)?;
        }
        let (value, rounded) =
            if self.divisor == 1 { (value, false) } else { value.divided_by(self.divisor).ok_or(Quality::Overflow)? };
        let value =
            if self.offset == Decimal::ZERO { value } else { value.plus(self.offset).ok_or(Quality::Overflow)? };
        Ok((value, rounded))
    }
}

/// 10 to the power of a number, where a meter could mean it.
fn power_of_ten(raw: i128, plus: i8) -> Option<Decimal> {
    let exponent = i8::try_from(raw.checked_add(plus.into())?).ok()?;
    (exponent.unsigned_abs() <= 20).then_some(Decimal::new(1, exponent))
}

/// What a number stands for in a list.
fn listed(values: &[(i128, Decimal)], raw: Option<i128>) -> Option<Decimal> {
    values.iter().find(|(of, _)| raw == Some(*of)).map(|(_, value)| *value)
}

/// The product of two numbers.
pub(super) fn product(a: Decimal, b: Decimal) -> Result<Decimal, Quality> {
    let factor = i64::try_from(b.digits()).map_err(|_| Quality::Overflow)?;
    a.times(factor).and_then(|product| product.scale10(b.exponent())).ok_or(Quality::Overflow)
}

/// A code that stands for no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Code {
    /// Every bit is set.
    AllOnes,
    /// Only the top bit is set: the smallest number in two's complement.
    Smallest,
    /// Every bit but the top one is set: the largest number in two's complement.
    Largest,
    /// Zero, where a meter never shows it.
    Zero,
    /// These bits.
    Bits(u64),
}

impl Code {
    /// Whether these bits, of so many at the most, are the code.
    #[must_use]
    pub fn is(self, bits: u64, width: u8) -> bool {
        let ones = holds::ones(width);
        bits == match self {
            Self::AllOnes => ones,
            Self::Smallest => ones ^ (ones >> 1),
            Self::Largest => ones >> 1,
            Self::Zero => 0,
            Self::Bits(code) => code & ones,
        }
    }
}

/// A number of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Count {
    /// This one.
    Is(u64),
    /// What another field says.
    Of(Source),
}

/// The number of another field, as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Source {
    /// The field, by its slot.
    pub slot: u8,
    /// The lowest bit of it.
    pub first: u8,
    /// How many bits; 64 for the number with its sign.
    pub count: u8,
    /// What is added.
    pub plus: i16,
}

impl Source {
    /// The number; `None` when the field was not there, or below zero.
    pub(super) fn number(self, slots: &Slots) -> Option<u64> {
        let raw = cut(slots.get(self.slot), self.first, self.count)?;
        u64::try_from(raw.checked_add(self.plus.into())?).ok()
    }
}

/// Some bits of what is held.
pub(super) fn cut(held: &Held, first: u8, count: u8) -> Option<i128> {
    let raw = held.raw()?;
    if count >= 64 {
        return Some(raw);
    }
    // Numbers below zero have the bits of two's complement.
    Some(holds::cut(raw as u64, first, count).into())
}
