//! The second level of the main extension table, behind VIF FD FD.

use super::{Meaning, Reads::Number, Row, Scale::Tens, expand};
use esh_core::{Quantity, Unit};

/// Its codes, expanded.
pub(super) static TABLE: [Meaning; 128] = expand(ROWS);

/// Value information behind FD FD: EN 13757-3, table 13. Code 00, the selected application, has no quantity.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row(0x02, 0x02, Quantity::BatteryRemaining, Tens(Unit::Month, 0),   Number),
    Row(0x03, 0x03, Quantity::BatteryRemaining, Tens(Unit::Year, 0),    Number),
    Row(0x3e, 0x3e, Quantity::Moisture,         Tens(Unit::Percent, 0), Number),
];
