//! Readings: a quantity, an exact value, a unit, and what is known about them.

use crate::{CivilTime, Decimal, Quantity, Text, Unit};

/// One reading of a meter.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// What is measured.
    pub quantity: Quantity,
    /// The value, in `unit`.
    pub value: Value<'a>,
    /// The unit of the value.
    pub unit: Unit,
    /// Whether it is the present value, an extreme, or the value during an error.
    pub function: Function,
    /// Which of the meter's registers it is.
    pub register: Register,
    /// What narrows the quantity down: a direction, a limit, a duration.
    pub qualifiers: Qualifiers,
    /// When the value was taken, as the meter said; `None` for a present value.
    pub at: Option<CivilTime>,
    /// How far the value can be trusted.
    pub quality: Quality,
    /// The number as the meter sent it, where `value` had to be rounded to be told in `unit`.
    pub unrounded: Option<(Decimal, Unit)>,
    /// The name the meter gives the value, where it gives one: EN 13757-3 has a VIF in plain text.
    pub label: Option<Text<'a>>,
    /// The octets it was read from.
    pub origin: Origin<'a>,
}

/// A value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// The meter says that it has none, or its octets are none; the quality tells which.
    Absent,
    /// An exact number.
    Number(Decimal),
    /// Bits.
    Flags(u64),
    /// A text.
    Text(Text<'a>),
    /// A date or a date and time.
    Time(CivilTime),
    /// A time of a day, of any day: hour, minute, second.
    TimeOfDay(u8, u8, u8),
    /// Octets that are not understood.
    Octets(&'a [u8]),
}

/// Whether a value is the present one, EN 13757-3, table 6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Function {
    /// The value at its time.
    #[default]
    Instantaneous,
    /// The largest value of a period.
    Maximum,
    /// The smallest value of a period.
    Minimum,
    /// The value during an error state.
    Error,
}

impl Function {
    /// The word that stands in a report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Instantaneous => "instantaneous",
            Self::Maximum => "maximum",
            Self::Minimum => "minimum",
            Self::Error => "error",
        }
    }
}

/// Which register of the meter a value comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Register {
    /// The storage number: 0 is the present value, others are history. EN 13757-3 gives it 41 bits.
    pub storage: u64,
    /// The tariff: 0 is the total.
    pub tariff: u32,
    /// The subunit, a device within the device.
    pub subunit: u16,
}

macro_rules! words {
    ($(#[$outer:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident $word:literal,)* }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        #[non_exhaustive]
        pub enum $type {
            $($(#[$doc])* $variant,)*
        }

        impl $type {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word that stands in a report.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

words! {
    /// How far a value can be trusted. Without a word in the report a value is good.
    Quality {
        /// As measured.
        Good "good",
        /// The meter marks it invalid, or its digits are none.
        Invalid "invalid",
        /// The meter says that it has no value.
        NotAvailable "not_available",
        /// The value left its range upwards.
        Overflow "overflow",
        /// The value left its range downwards.
        Underflow "underflow",
        /// The meter says that the value is in error.
        Error "error",
        /// The meter says that it is an estimate.
        Estimated "estimated",
        /// The octets cannot be the value they are said to be.
        Malformed "malformed",
        /// A date whose fields the meter has left open.
        Incomplete "incomplete",
        /// The civil time happens twice, or not at all, in its zone.
        TimeAmbiguous "time_ambiguous",
        /// A number whose multiplier, divisor or unit the meter has not said.
        Unscaled "unscaled",
        /// A secret that is not reported.
        Withheld "withheld",
    }
}

words! {
    /// What narrows a quantity down beyond its name; EN 13757-3, tables 15 and 16.
    Qualifier {
        /// An average.
        Average "average",
        /// Deviation relative to another value.
        RelativeDeviation "relative_deviation",
        /// Only positive contributions are accumulated.
        Forward "forward",
        /// Only negative contributions are accumulated, as a positive number.
        Backward "backward",
        /// Contributions of both directions are accumulated as positive numbers.
        AbsoluteSum "absolute_sum",
        /// The difference of import and export.
        Net "net",
        /// At metering conditions.
        Uncorrected "uncorrected",
        /// At base conditions.
        BaseConditions "base_conditions",
        /// In a unit that is not metric.
        NonMetric "non_metric",
        /// Of phase L1.
        PhaseL1 "phase_l1",
        /// Of phase L2.
        PhaseL2 "phase_l2",
        /// Of phase L3.
        PhaseL3 "phase_l3",
        /// Of the neutral conductor.
        Neutral "neutral",
        /// Between the phases L1 and L2.
        BetweenL1L2 "between_l1_l2",
        /// Between the phases L2 and L3.
        BetweenL2L3 "between_l2_l3",
        /// Between the phases L3 and L1.
        BetweenL3L1 "between_l3_l1",
        /// Of quadrant I.
        Quadrant1 "quadrant_1",
        /// Of quadrant II.
        Quadrant2 "quadrant_2",
        /// Of quadrant III.
        Quadrant3 "quadrant_3",
        /// Of quadrant IV.
        Quadrant4 "quadrant_4",
        /// Of a secondary sensor.
        SecondarySensor "secondary_sensor",
        /// Of a register of higher resolution.
        HighResolution "high_resolution",
        /// When the quantity began to count.
        Start "start",
        /// When the quantity stopped counting.
        End "end",
        /// About the lower limit.
        LowerLimit "lower_limit",
        /// About the upper limit.
        UpperLimit "upper_limit",
        /// The limit itself.
        LimitValue "limit_value",
        /// How often a limit was exceeded.
        Exceeds "exceeds",
        /// About the first time.
        First "first",
        /// About the last time.
        Last "last",
        /// When it began.
        Begin "begin",
        /// How long it lasted.
        Duration "duration",
        /// While a limit was exceeded.
        DuringExceed "during_exceed",
        /// Of leakage.
        Leakage "leakage",
        /// Of an overflow.
        OverflowValue "overflow_value",
        /// A value to come.
        Future "future",
        /// Per second.
        PerSecond "per_second",
        /// Per minute.
        PerMinute "per_minute",
        /// Per hour.
        PerHour "per_hour",
        /// Per day.
        PerDay "per_day",
        /// Per week.
        PerWeek "per_week",
        /// Per month.
        PerMonth "per_month",
        /// Per year.
        PerYear "per_year",
        /// Per revolution or measurement.
        PerMeasurement "per_measurement",
        /// For each input pulse.
        PerInputPulse "per_input_pulse",
        /// For each output pulse.
        PerOutputPulse "per_output_pulse",
        /// Per litre.
        PerLitre "per_litre",
        /// Per cubic metre.
        PerCubicMetre "per_cubic_metre",
        /// Per kilogram.
        PerKilogram "per_kilogram",
        /// Per kelvin.
        PerKelvin "per_kelvin",
        /// Per kilowatt hour.
        PerKilowattHour "per_kilowatt_hour",
        /// Per gigajoule.
        PerGigajoule "per_gigajoule",
        /// Per kilowatt.
        PerKilowatt "per_kilowatt",
        /// Per kelvin and litre.
        PerKelvinLitre "per_kelvin_litre",
        /// Per volt.
        PerVolt "per_volt",
        /// Per ampere.
        PerAmpere "per_ampere",
        /// Multiplied by seconds.
        TimesSecond "times_second",
        /// Multiplied by seconds per volt.
        TimesSecondPerVolt "times_second_per_volt",
        /// Multiplied by seconds per ampere.
        TimesSecondPerAmpere "times_second_per_ampere",
        /// A profile of values whose registers stand in one record.
        CompactProfile "compact_profile",
        /// What the standard defines for the content, not the maker.
        StandardContent "standard_content",
        /// Something that only the maker can explain.
        ManufacturerSpecific "manufacturer_specific",
        /// Something reserved by the standard.
        Reserved "reserved",
    }
}

/// A set of qualifiers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Qualifiers(u64, u32);

impl Qualifiers {
    /// None.
    pub const NONE: Self = Self(0, 0);

    /// The same set with one more.
    #[must_use]
    pub const fn with(self, qualifier: Qualifier) -> Self {
        let bit = qualifier as u8;
        if bit < 64 { Self(self.0 | 1 << bit, self.1) } else { Self(self.0, self.1 | 1 << (bit - 64)) }
    }

    /// The qualifiers of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0, self.1 | other.1)
    }

    /// Whether the qualifier is in the set.
    #[must_use]
    pub const fn contains(self, qualifier: Qualifier) -> bool {
        let bit = qualifier as u8;
        if bit < 64 { self.0 & 1 << bit != 0 } else { self.1 & 1 << (bit - 64) != 0 }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0 && self.1 == 0
    }

    /// The qualifiers, in their order.
    pub fn iter(self) -> impl Iterator<Item = Qualifier> {
        Qualifier::ALL.iter().copied().filter(move |qualifier| self.contains(*qualifier))
    }
}

const _: () = assert!(Qualifier::ALL.len() <= 96, "a set holds 96 qualifiers");

/// Where a reading comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The octets of the reading with its header; without it where the header stands elsewhere.
    pub octets: &'a [u8],
    /// The octets that say what the reading is (M-Bus: DIF to last VIFE), be they in this frame or told before; empty
    /// where the protocol has none.
    pub header: &'a [u8],
    /// The octet of the frame where they begin.
    pub offset: usize,
}

impl<'a> Reading<'a> {
    /// A present value of the main register, good and without a time.
    #[must_use]
    pub const fn new(quantity: Quantity, value: Value<'a>, unit: Unit, origin: Origin<'a>) -> Self {
        Self {
            quantity,
            value,
            unit,
            function: Function::Instantaneous,
            register: Register { storage: 0, tariff: 0, subunit: 0 },
            qualifiers: Qualifiers::NONE,
            at: None,
            quality: Quality::Good,
            unrounded: None,
            label: None,
            origin,
        }
    }

    /// The same reading with its number in the canonical unit of its quantity, or of its family where the quantity's
    /// unit is of another.
    #[must_use]
    #[inline]
    pub fn in_canonical_unit(self) -> Self {
        let Value::Number(number) = self.value else { return self };
        let converted = self.unit.convert(number, self.quantity.unit());
        Self {
            value: Value::Number(converted.value),
            unit: converted.unit,
            unrounded: if converted.rounded { Some((number, self.unit)) } else { None },
            ..self
        }
    }
}
