//! Units: one closed list, one UCUM text each, one canonical unit for each family.

use crate::Decimal;

/// What turns a number in one unit into the same amount in another.
#[derive(Clone, Copy)]
struct Conversion {
    to: Unit,
    factor: i64,
    scale: i8,
    divisor: u32,
}

macro_rules! units {
    ($($variant:ident $ucum:literal $($to:ident $factor:literal $scale:literal $divisor:literal)?,)*) => {
        /// A unit of measure. The watt hour and the joule are two families: their ratio is no power of ten.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        #[non_exhaustive]
        pub enum Unit {
            $(#[doc = concat!("`", $ucum, "`")] $variant,)*
        }

        impl Unit {
            /// Every unit there is.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its UCUM text; empty for [`Unit::None`].
            #[must_use]
            pub const fn ucum(self) -> &'static str {
                match self {
                    $(Self::$variant => $ucum,)*
                }
            }

            const fn conversion(self) -> Option<Conversion> {
                match self {
                    $($(Self::$variant => Some(Conversion { to: Self::$to, factor: $factor, scale: $scale, divisor: $divisor }),)?)*
                    _ => None,
                }
            }
        }
    };
}

// variant, UCUM text; canonical unit of the family, and: canonical = value × factor × 10^scale ÷ divisor
units! {
    None "",
    One "1",
    WattHour "W.h" KiloWattHour 1 -3 1,
    KiloWattHour "kW.h",
    MegaWattHour "MW.h" KiloWattHour 1 3 1,
    Joule "J" GigaJoule 1 -9 1,
    GigaJoule "GJ",
    MegaCalorie "Mcal" GigaJoule 41868 -7 1,
    VarHour "var.h" KiloVarHour 1 -3 1,
    KiloVarHour "kvar.h",
    VoltAmpereHour "V.A.h" KiloVoltAmpereHour 1 -3 1,
    KiloVoltAmpereHour "kV.A.h",
    Watt "W" KiloWatt 1 -3 1,
    KiloWatt "kW",
    MegaWatt "MW" KiloWatt 1 3 1,
    JoulePerHour "J/h" GigaJoulePerHour 1 -9 1,
    GigaJoulePerHour "GJ/h",
    Var "var" KiloVar 1 -3 1,
    KiloVar "kvar",
    VoltAmpere "V.A" KiloVoltAmpere 1 -3 1,
    KiloVoltAmpere "kV.A",
    CubicMetre "m3",
    Litre "L" CubicMetre 1 -3 1,
    CubicFoot "[cft_i]" CubicMetre 28316846592 -12 1,
    UsGallon "[gal_us]" CubicMetre 3785411784 -12 1,
    ImperialGallon "[gal_br]" CubicMetre 454609 -8 1,
    CubicFootPerHour "[cft_i]/h" CubicMetrePerHour 28316846592 -12 1,
    ImperialGallonPerHour "[gal_br]/h" CubicMetrePerHour 454609 -8 1,
    BritishThermalUnit "[Btu_IT]" GigaJoule 105505585262 -17 1,
    BritishThermalUnitPerHour "[Btu_IT]/h" GigaJoulePerHour 105505585262 -17 1,
    CubicMetrePerHour "m3/h",
    CubicMetrePerMinute "m3/min" CubicMetrePerHour 60 0 1,
    CubicMetrePerSecond "m3/s" CubicMetrePerHour 3600 0 1,
    LitrePerHour "L/h" CubicMetrePerHour 1 -3 1,
    UsGallonPerMinute "[gal_us]/min" CubicMetrePerHour 22712470704 -11 1,
    UsGallonPerHour "[gal_us]/h" CubicMetrePerHour 3785411784 -12 1,
    Kilogram "kg" Tonne 1 -3 1,
    Tonne "t",
    KilogramPerHour "kg/h" TonnePerHour 1 -3 1,
    TonnePerHour "t/h",
    Celsius "Cel",
    Kelvin "K",
    Fahrenheit "[degF]",
    FahrenheitDifference "{[degF]}" Kelvin 5 0 9,
    Bar "bar",
    Pascal "Pa" Bar 1 -5 1,
    Volt "V",
    Ampere "A",
    Hertz "Hz",
    Degree "deg",
    Percent "%",
    Second "s",
    Minute "min",
    Hour "h",
    Day "d",
    Week "wk",
    Month "mo",
    Year "a",
    HcaUnit "{HCA}",
    Pulse "{pulse}",
    DecibelMilliwatt "dBm",
    Decibel "dB",
    Baud "Bd",
    BitTime "{bit_time}",
}

/// The seconds of a unit of time that has a fixed number of them.
const fn seconds(unit: Unit) -> Option<u32> {
    match unit {
        Unit::Second => Some(1),
        Unit::Minute => Some(60),
        Unit::Hour => Some(3_600),
        Unit::Day => Some(86_400),
        Unit::Week => Some(604_800),
        _ => None,
    }
}

/// A number in the unit it is reported in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Converted {
    /// The number.
    pub value: Decimal,
    /// Its unit.
    pub unit: Unit,
    /// Whether a quotient that is not finite had to be rounded to 18 digits.
    pub rounded: bool,
}

impl Unit {
    /// The canonical unit of its family.
    #[must_use]
    pub const fn canonical(self) -> Self {
        match self.conversion() {
            Some(conversion) => conversion.to,
            None if matches!(self, Self::Fahrenheit) => Self::Celsius,
            None => self,
        }
    }

    /// `value` of this unit in the unit `wanted` where both are of one family, else in the canonical unit of this
    /// one's family. A number that would not fit stays as it is, in its own unit.
    #[must_use]
    #[inline]
    pub fn convert(self, value: Decimal, wanted: Self) -> Converted {
        let unchanged = Converted { value, unit: self, rounded: false };
        if self as u8 == wanted as u8 {
            return unchanged;
        }
        // A power of ten only moves the point: most units of meters come this way.
        if let Some(Conversion { to, factor: 1, scale, divisor: 1 }) = self.conversion()
            && let Some(value) = value.scale10(scale)
        {
            return Converted { value, unit: to, rounded: false };
        }
        self.multiply(value, wanted)
    }

    #[inline(never)]
    fn multiply(self, value: Decimal, wanted: Self) -> Converted {
        let unchanged = Converted { value, unit: self, rounded: false };
        if let (Some(from), Some(to)) = (seconds(self), seconds(wanted)) {
            return convert_time(value, from, wanted, to).unwrap_or(unchanged);
        }
        if matches!(self, Self::Fahrenheit) {
            return fahrenheit_to_celsius(value).unwrap_or(unchanged);
        }
        let Some(Conversion { to, factor, scale, divisor }) = self.conversion() else { return unchanged };
        let Some(value) = value.times(factor).and_then(|value| value.scale10(scale)) else { return unchanged };
        if divisor == 1 {
            return Converted { value, unit: to, rounded: false };
        }
        value.divided_by(divisor).map_or(unchanged, |(value, rounded)| Converted { value, unit: to, rounded })
    }

    /// The unit of that UCUM text.
    #[must_use]
    pub fn from_ucum(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|unit| unit.ucum() == text)
    }
}

fn convert_time(value: Decimal, from: u32, unit: Unit, to: u32) -> Option<Converted> {
    if from.is_multiple_of(to) {
        return Some(Converted { value: value.times(i64::from(from / to))?, unit, rounded: false });
    }
    let (value, rounded) = value.times(i64::from(from))?.divided_by(to)?;
    Some(Converted { value, unit, rounded })
}

fn fahrenheit_to_celsius(value: Decimal) -> Option<Converted> {
    let (value, rounded) = value.plus(Decimal::new(-32, 0))?.times(5)?.divided_by(9)?;
    Some(Converted { value, unit: Unit::Celsius, rounded })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn conversions_are_exact_where_they_are_finite() {
        for (digits, exponent, from, wanted, text, unit, rounded) in [
            (25_879_000, 0, Unit::WattHour, Unit::KiloWattHour, "25879.000", Unit::KiloWattHour, false),
            (12, -1, Unit::MegaWattHour, Unit::KiloWattHour, "1200", Unit::KiloWattHour, false),
            (5, 3, Unit::Joule, Unit::GigaJoule, "0.000005", Unit::GigaJoule, false),
            (1, 0, Unit::WattHour, Unit::GigaJoule, "0.001", Unit::KiloWattHour, false),
            (1, 0, Unit::CubicFoot, Unit::CubicMetre, "0.028316846592", Unit::CubicMetre, false),
            (2, -2, Unit::CubicMetrePerMinute, Unit::CubicMetrePerHour, "1.20", Unit::CubicMetrePerHour, false),
            (3, 0, Unit::Day, Unit::Hour, "72", Unit::Hour, false),
            (90, 0, Unit::Minute, Unit::Hour, "1.5", Unit::Hour, false),
            (100, 0, Unit::Second, Unit::Hour, "0.0277777777777777778", Unit::Hour, true),
            (7, 0, Unit::Month, Unit::Day, "7", Unit::Month, false),
            (212, 0, Unit::Fahrenheit, Unit::Celsius, "100", Unit::Celsius, false),
            (1, 0, Unit::UsGallonPerMinute, Unit::CubicMetrePerHour, "0.22712470704", Unit::CubicMetrePerHour, false),
        ] {
            let converted = from.convert(Decimal::new(digits, exponent), wanted);
            assert_eq!(
                (converted.value.to_string().as_str(), converted.unit, converted.rounded),
                (text, unit, rounded)
            );
        }
    }

    #[test]
    fn no_two_units_share_a_text() {
        for unit in Unit::ALL {
            assert_eq!(Unit::from_ucum(unit.ucum()), Some(*unit));
            assert_eq!(unit.canonical().canonical(), unit.canonical());
        }
    }
}
