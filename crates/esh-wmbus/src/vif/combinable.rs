//! The combinable extensions: what narrows a value down, scales it or makes something else of it.

use esh_core::{
    Qualifier::{
        self, Average, Backward, BaseConditions, Begin, CompactProfile, Duration as Lasting, DuringExceed, End,
        Exceeds, First, Forward, Future, Last, Leakage, LimitValue, LowerLimit, ManufacturerSpecific, OverflowValue,
        PerAmpere, PerCubicMetre, PerDay, PerGigajoule, PerHour, PerInputPulse, PerKelvin, PerKelvinLitre, PerKilogram,
        PerKilowatt, PerKilowattHour, PerLitre, PerMeasurement, PerMinute, PerMonth, PerOutputPulse, PerSecond,
        PerVolt, PerWeek, PerYear, RelativeDeviation, Reserved, StandardContent, Start, TimesSecond,
        TimesSecondPerAmpere, TimesSecondPerVolt, Uncorrected, UpperLimit,
    },
    Qualifiers, Quality, Unit,
};

/// What a combinable extension says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Modifier {
    pub(super) effect: Effect,
    pub(super) qualifiers: Qualifiers,
}

/// What a combinable extension does to the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing but what its qualifiers say.
    Nothing,
    /// Multiplies by a power of ten.
    Factor(i8),
    /// Adds thousandths.
    Constant(i32),
    /// The value is none, and why.
    Failed(Quality),
    /// Integers have no sign.
    Unsigned,
    /// The value is bits.
    Bits,
    /// The value is of another dimension.
    Dimension,
    /// The unit is not the metric one.
    NonMetric,
    /// The value is a date or a time.
    Time,
    /// The value is a duration.
    Duration(Unit),
    /// The value is a count.
    Count,
    /// The value is a run of values.
    Profile(Profile),
    /// The extensions that follow are the maker's.
    Maker,
}

/// Whether a value is a run of values: EN 13757-3, annex F.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// It is one value.
    None,
    /// A run that goes on in time, with or without register numbers.
    Compact,
    /// A run that goes back in time.
    Inverse,
}

/// A row: codes from first to last, what they do, what they say.
pub(super) struct Row(pub(super) u8, pub(super) u8, pub(super) Kind, pub(super) &'static [Qualifier]);

/// What a row does, before its codes are told apart.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// The same for each code.
    Each(Effect),
    /// Each code is a factor ten times the one before.
    Factors(i8),
    /// Each code adds ten times as much as the one before.
    Constants,
    /// The two lowest bits tell second, minute, hour or day.
    Durations,
}
use Kind::{Constants, Durations, Each, Factors};

/// A table with a place for each code; one that no row names is reserved.
#[allow(clippy::indexing_slicing, reason = "runs when the crate is built")]
pub(super) const fn expand(rows: &[Row]) -> [Modifier; 128] {
    let reserved = Modifier { effect: Effect::Dimension, qualifiers: Qualifiers::NONE.with(Reserved) };
    let mut table = [reserved; 128];
    let mut index = 0;
    while index < rows.len() {
        let Row(first, last, kind, words) = &rows[index];
        let mut qualifiers = Qualifiers::NONE;
        let mut word = 0;
        while word < words.len() {
            qualifiers = qualifiers.with(words[word]);
            word += 1;
        }
        let mut code = *first;
        while code <= *last {
            let effect = match *kind {
                Each(effect) => effect,
                Factors(base) => Effect::Factor(base + (code - *first) as i8),
                Constants => Effect::Constant(10i32.pow((code - *first) as u32)),
                Durations => Effect::Duration([Unit::Second, Unit::Minute, Unit::Hour, Unit::Day][(code & 3) as usize]),
            };
            table[code as usize] = Modifier { effect, qualifiers };
            code += 1;
        }
        index += 1;
    }
    table
}

/// Its codes, expanded.
pub(super) static TABLE: [Modifier; 128] = expand(ROWS);

/// Combinable extensions: EN 13757-3, table 15, and the record errors of table 17.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row(0x00, 0x00, Each(Effect::Nothing),                       &[]),
    Row(0x01, 0x0f, Each(Effect::Failed(Quality::Error)),        &[]),
    Row(0x12, 0x12, Each(Effect::Nothing),                       &[Average]),
    Row(0x13, 0x13, Each(Effect::Profile(Profile::Inverse)),     &[CompactProfile]),
    Row(0x14, 0x14, Each(Effect::Dimension),                     &[RelativeDeviation]),
    Row(0x15, 0x15, Each(Effect::Failed(Quality::NotAvailable)), &[]),
    Row(0x16, 0x16, Each(Effect::Failed(Quality::Overflow)),     &[]),
    Row(0x17, 0x17, Each(Effect::Failed(Quality::Underflow)),    &[]),
    Row(0x18, 0x18, Each(Effect::Failed(Quality::Error)),        &[]),
    Row(0x1c, 0x1c, Each(Effect::Failed(Quality::Error)),        &[]),
    Row(0x1d, 0x1d, Each(Effect::Nothing),                       &[StandardContent]),
    Row(0x1e, 0x1f, Each(Effect::Profile(Profile::Compact)),     &[CompactProfile]),
    Row(0x20, 0x20, Each(Effect::Dimension),                     &[PerSecond]),
    Row(0x21, 0x21, Each(Effect::Dimension),                     &[PerMinute]),
    Row(0x22, 0x22, Each(Effect::Dimension),                     &[PerHour]),
    Row(0x23, 0x23, Each(Effect::Dimension),                     &[PerDay]),
    Row(0x24, 0x24, Each(Effect::Dimension),                     &[PerWeek]),
    Row(0x25, 0x25, Each(Effect::Dimension),                     &[PerMonth]),
    Row(0x26, 0x26, Each(Effect::Dimension),                     &[PerYear]),
    Row(0x27, 0x27, Each(Effect::Dimension),                     &[PerMeasurement]),
    Row(0x28, 0x29, Each(Effect::Dimension),                     &[PerInputPulse]),
    Row(0x2a, 0x2b, Each(Effect::Dimension),                     &[PerOutputPulse]),
    Row(0x2c, 0x2c, Each(Effect::Dimension),                     &[PerLitre]),
    Row(0x2d, 0x2d, Each(Effect::Dimension),                     &[PerCubicMetre]),
    Row(0x2e, 0x2e, Each(Effect::Dimension),                     &[PerKilogram]),
    Row(0x2f, 0x2f, Each(Effect::Dimension),                     &[PerKelvin]),
    Row(0x30, 0x30, Each(Effect::Dimension),                     &[PerKilowattHour]),
    Row(0x31, 0x31, Each(Effect::Dimension),                     &[PerGigajoule]),
    Row(0x32, 0x32, Each(Effect::Dimension),                     &[PerKilowatt]),
    Row(0x33, 0x33, Each(Effect::Dimension),                     &[PerKelvinLitre]),
    Row(0x34, 0x34, Each(Effect::Dimension),                     &[PerVolt]),
    Row(0x35, 0x35, Each(Effect::Dimension),                     &[PerAmpere]),
    Row(0x36, 0x36, Each(Effect::Dimension),                     &[TimesSecond]),
    Row(0x37, 0x37, Each(Effect::Dimension),                     &[TimesSecondPerVolt]),
    Row(0x38, 0x38, Each(Effect::Dimension),                     &[TimesSecondPerAmpere]),
    Row(0x39, 0x39, Each(Effect::Time),                          &[Start]),
    Row(0x3a, 0x3a, Each(Effect::Nothing),                       &[Uncorrected]),
    Row(0x3b, 0x3b, Each(Effect::Nothing),                       &[Forward]),
    Row(0x3c, 0x3c, Each(Effect::Nothing),                       &[Backward]),
    Row(0x3d, 0x3d, Each(Effect::NonMetric),                     &[Qualifier::NonMetric]),
    Row(0x3e, 0x3e, Each(Effect::Nothing),                       &[BaseConditions]),
    Row(0x40, 0x40, Each(Effect::Nothing),                       &[LowerLimit, LimitValue]),
    Row(0x41, 0x41, Each(Effect::Count),                         &[LowerLimit, Exceeds]),
    Row(0x42, 0x42, Each(Effect::Time),                          &[LowerLimit, Exceeds, First, Begin]),
    Row(0x43, 0x43, Each(Effect::Time),                          &[LowerLimit, Exceeds, First, End]),
    Row(0x46, 0x46, Each(Effect::Time),                          &[LowerLimit, Exceeds, Last, Begin]),
    Row(0x47, 0x47, Each(Effect::Time),                          &[LowerLimit, Exceeds, Last, End]),
    Row(0x48, 0x48, Each(Effect::Nothing),                       &[UpperLimit, LimitValue]),
    Row(0x49, 0x49, Each(Effect::Count),                         &[UpperLimit, Exceeds]),
    Row(0x4a, 0x4a, Each(Effect::Time),                          &[UpperLimit, Exceeds, First, Begin]),
    Row(0x4b, 0x4b, Each(Effect::Time),                          &[UpperLimit, Exceeds, First, End]),
    Row(0x4e, 0x4e, Each(Effect::Time),                          &[UpperLimit, Exceeds, Last, Begin]),
    Row(0x4f, 0x4f, Each(Effect::Time),                          &[UpperLimit, Exceeds, Last, End]),
    Row(0x50, 0x53, Durations,                                   &[LowerLimit, Exceeds, First, Lasting]),
    Row(0x54, 0x57, Durations,                                   &[LowerLimit, Exceeds, Last, Lasting]),
    Row(0x58, 0x5b, Durations,                                   &[UpperLimit, Exceeds, First, Lasting]),
    Row(0x5c, 0x5f, Durations,                                   &[UpperLimit, Exceeds, Last, Lasting]),
    Row(0x60, 0x63, Durations,                                   &[First, Lasting]),
    Row(0x64, 0x67, Durations,                                   &[Last, Lasting]),
    Row(0x68, 0x68, Each(Effect::Nothing),                       &[LowerLimit, DuringExceed]),
    Row(0x69, 0x69, Each(Effect::Nothing),                       &[Leakage]),
    Row(0x6a, 0x6a, Each(Effect::Time),                          &[First, Begin]),
    Row(0x6b, 0x6b, Each(Effect::Time),                          &[First, End]),
    Row(0x6c, 0x6c, Each(Effect::Nothing),                       &[UpperLimit, DuringExceed]),
    Row(0x6d, 0x6d, Each(Effect::Nothing),                       &[OverflowValue]),
    Row(0x6e, 0x6e, Each(Effect::Time),                          &[Last, Begin]),
    Row(0x6f, 0x6f, Each(Effect::Time),                          &[Last, End]),
    Row(0x70, 0x77, Factors(-6),                                 &[]),
    Row(0x78, 0x7b, Constants,                                   &[]),
    Row(0x7d, 0x7d, Factors(3),                                  &[]),
    Row(0x7e, 0x7e, Each(Effect::Nothing),                       &[Future]),
    Row(0x7f, 0x7f, Each(Effect::Maker),                         &[ManufacturerSpecific]),
];

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Rows in order, no code twice: how many codes they name.
    pub(in super::super) fn codes(rows: &[Row]) -> usize {
        let mut next = 0;
        for Row(first, last, ..) in rows {
            assert!(*first >= next && last >= first && *last < 128, "row {first:02x}-{last:02x}");
            next = last + 1;
        }
        rows.iter().map(|Row(first, last, ..)| usize::from(last - first) + 1).sum()
    }

    #[test]
    fn the_table_is_sorted_disjoint_and_complete() {
        // Reserved: 10-11, 19-1B, 44-45, 4C-4D; 3F, an OBIS code follows, is in no frame known; 7C leads to a table
        // of its own.
        assert_eq!(codes(ROWS), 128 - (2 + 3 + 2 + 2 + 1 + 1));
    }

    #[test]
    fn factors_and_constants_follow_their_bits() {
        for (code, effect) in [
            (0x70usize, Effect::Factor(-6)),
            (0x77, Effect::Factor(1)),
            (0x78, Effect::Constant(1)),
            (0x7b, Effect::Constant(1000)),
            (0x7d, Effect::Factor(3)),
            (0x52, Effect::Duration(Unit::Hour)),
            (0x67, Effect::Duration(Unit::Day)),
        ] {
            assert_eq!(TABLE[code].effect, effect, "{code:02x}");
        }
        assert!(TABLE[0x10].qualifiers.contains(Reserved));
    }
}
