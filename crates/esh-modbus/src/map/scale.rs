//! From what a register holds to the value it stands for.

use super::{Holds, Order, Table};
use esh_core::{Decimal, Quality, Value};

/// A number is multiplied by a constant and by what other registers hold, divided, and moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale<'m> {
    /// What it is multiplied by.
    pub factor: Decimal,
    /// What it is divided by; a quotient that is not finite keeps 18 digits and says so.
    pub divisor: u32,
    /// A register that says by which power of ten (the scale factors of SunSpec).
    pub exponent: Option<Other>,
    /// Registers that it is multiplied by (ratios of transformers).
    pub multipliers: &'m [Other],
    /// What is added at the end.
    pub plus: Decimal,
}

/// Another number of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Other {
    /// Its table.
    pub table: Table,
    /// Where it begins.
    pub address: u16,
    /// What it is.
    pub holds: Holds,
    /// How its octets come.
    pub order: Order,
}

impl Other {
    /// A holding register with a power of ten in two's complement.
    #[must_use]
    pub const fn exponent(address: u16) -> Self {
        Self { table: Table::Holding, address, holds: Holds::Signed(1), order: Order::ABCD }
    }
}

impl Scale<'_> {
    /// The number as it is.
    pub const ONE: Self =
        Self { factor: Decimal::new(1, 0), divisor: 1, exponent: None, multipliers: &[], plus: Decimal::ZERO };

    /// The number times `digits × 10^exponent`.
    #[must_use]
    pub const fn by(digits: i64, exponent: i8) -> Self {
        Self { factor: Decimal::new(digits as i128, exponent), ..Self::ONE }
    }

    /// The same, with a power of ten that a holding register tells.
    #[must_use]
    pub const fn with_exponent(self, address: u16) -> Self {
        Self { exponent: Some(Other::exponent(address)), ..self }
    }

    /// The value of a number, and whether it had to be rounded. `other` reads another number of the device.
    pub(super) fn apply(
        &self,
        number: Decimal,
        other: impl Fn(&Other) -> Result<Decimal, Quality>,
    ) -> Result<(Decimal, bool), Quality> {
        let mut value = product(number, self.factor)?;
        for multiplier in self.multipliers {
            value = product(value, other(multiplier)?)?;
        }
        if let Some(exponent) = &self.exponent {
            let by = other(exponent)?.to_i64().and_then(|by| i8::try_from(by).ok()).ok_or(Quality::Invalid)?;
            // SunSpec allows no more, and a meter that shows more is wrong.
            let by = if by.unsigned_abs() <= 20 { by } else { return Err(Quality::Invalid) };
            value = value.scale10(by).ok_or(Quality::Overflow)?;
        }
        let (value, rounded) =
            if self.divisor == 1 { (value, false) } else { value.divided_by(self.divisor).ok_or(Quality::Overflow)? };
        let value = if self.plus == Decimal::ZERO { value } else { value.plus(self.plus).ok_or(Quality::Overflow)? };
        Ok((value, rounded))
    }
}

fn product(a: Decimal, b: Decimal) -> Result<Decimal, Quality> {
    let factor = i64::try_from(b.digits()).map_err(|_| Quality::Overflow)?;
    a.times(factor).and_then(|product| product.scale10(b.exponent())).ok_or(Quality::Overflow)
}

/// The number that a value is.
pub(super) const fn number(value: Value<'_>) -> Result<Decimal, Quality> {
    match value {
        Value::Number(number) => Ok(number),
        _ => Err(Quality::Malformed),
    }
}
