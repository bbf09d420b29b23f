//! The extension of the combinable extensions, behind VIFE FC: phases, quadrants, directions, data types.

use super::combinable::{Effect, Kind::Each, Modifier, Row, expand};
use esh_core::Qualifier;

/// Its codes, expanded.
pub(super) static TABLE: [Modifier; 128] = expand(ROWS);

/// Combinable extensions behind FC: EN 13757-3, table 16.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row(0x01, 0x01, Each(Effect::Nothing),   &[Qualifier::PhaseL1]),
    Row(0x02, 0x02, Each(Effect::Nothing),   &[Qualifier::PhaseL2]),
    Row(0x03, 0x03, Each(Effect::Nothing),   &[Qualifier::PhaseL3]),
    Row(0x04, 0x04, Each(Effect::Nothing),   &[Qualifier::Neutral]),
    Row(0x05, 0x05, Each(Effect::Nothing),   &[Qualifier::BetweenL1L2]),
    Row(0x06, 0x06, Each(Effect::Nothing),   &[Qualifier::BetweenL2L3]),
    Row(0x07, 0x07, Each(Effect::Nothing),   &[Qualifier::BetweenL3L1]),
    Row(0x08, 0x08, Each(Effect::Nothing),   &[Qualifier::Quadrant1]),
    Row(0x09, 0x09, Each(Effect::Nothing),   &[Qualifier::Quadrant2]),
    Row(0x0a, 0x0a, Each(Effect::Nothing),   &[Qualifier::Quadrant3]),
    Row(0x0b, 0x0b, Each(Effect::Nothing),   &[Qualifier::Quadrant4]),
    Row(0x0c, 0x0c, Each(Effect::Nothing),   &[Qualifier::Net]),
    Row(0x0d, 0x0d, Each(Effect::NonMetric), &[Qualifier::NonMetric]),
    Row(0x0e, 0x0e, Each(Effect::Nothing),   &[Qualifier::SecondarySensor]),
    Row(0x0f, 0x0f, Each(Effect::Nothing),   &[Qualifier::HighResolution]),
    Row(0x10, 0x10, Each(Effect::Nothing),   &[Qualifier::AbsoluteSum]),
    Row(0x11, 0x11, Each(Effect::Unsigned),  &[]),
    Row(0x12, 0x12, Each(Effect::Bits),      &[]),
    Row(0x13, 0x13, Each(Effect::Time),      &[Qualifier::End]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vif::combinable::tests::codes;

    #[test]
    fn the_table_is_sorted_and_disjoint() {
        assert_eq!(codes(ROWS), 19);
    }
}
