//! Media: what flows through a meter.

use core::fmt;

/// The device type octet of EN 13757-7, table 13, which M-Bus, OMS and many others use; an unknown one is a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Medium(pub u8);

impl Medium {
    /// Electricity.
    pub const ELECTRICITY: Self = Self(0x02);
    /// Gas.
    pub const GAS: Self = Self(0x03);
    /// Heat, volume measured at the return.
    pub const HEAT: Self = Self(0x04);
    /// Warm water, 30 to 90 °C.
    pub const WARM_WATER: Self = Self(0x06);
    /// Water.
    pub const WATER: Self = Self(0x07);
    /// Heat cost allocator.
    pub const HCA: Self = Self(0x08);
    /// Heat and cooling.
    pub const HEAT_COOLING: Self = Self(0x0d);
    /// Cold water.
    pub const COLD_WATER: Self = Self(0x16);

    /// The word that stands in a report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self.0 {
            0x00 => "other",
            0x01 => "oil",
            0x02 => "electricity",
            0x03 | 0x12 | 0x13 => "gas",
            0x04 | 0x0c => "heat",
            0x05 => "steam",
            0x06 | 0x15 => "hot_water",
            0x07 | 0x10 | 0x11 => "water",
            0x08 => "hca",
            0x09 => "compressed_air",
            0x0a | 0x0b => "cooling",
            0x0d => "heat_cooling",
            0x0e | 0x30 | 0x34 | 0x35 | 0x39..=0x3f => "system",
            0x14 => "gas_quality",
            0x16 => "cold_water",
            0x17 => "dual_water",
            0x18 => "pressure",
            0x19 => "adc",
            0x1a => "smoke_detector",
            0x1b => "room_sensor",
            0x1c => "gas_detector",
            0x1d..=0x1f => "sensor",
            0x20 => "breaker",
            0x21 => "valve",
            0x22..=0x24 => "switch",
            0x25..=0x27 => "customer_unit",
            0x28 => "wastewater",
            0x29 => "garbage",
            0x2a => "co2",
            0x2b..=0x2f => "environment",
            0x31 => "gateway",
            0x32 | 0x33 => "repeater",
            0x36..=0x38 => "radio_converter",
            0x0f | 0x40..=0xff => "unknown",
        }
    }

    /// The medium group A of its OBIS codes; `None` where the standard gives it none.
    #[must_use]
    pub const fn obis_a(self) -> Option<u8> {
        match self.0 {
            0x01 => Some(16),
            0x02 => Some(1),
            0x03 | 0x12..=0x14 => Some(7),
            0x04 | 0x0c | 0x0d => Some(6),
            0x06 | 0x15 => Some(9),
            0x07 | 0x10 | 0x11 | 0x16 | 0x17 => Some(8),
            0x08 => Some(4),
            0x09 => Some(17),
            0x0a | 0x0b => Some(5),
            _ => None,
        }
    }

    /// Whether it measures heat or cooling energy.
    #[must_use]
    pub const fn is_thermal(self) -> bool {
        matches!(self.0, 0x04 | 0x0a..=0x0d)
    }

    /// Whether it measures cooling energy and no other.
    #[must_use]
    pub const fn is_cooling(self) -> bool {
        matches!(self.0, 0x0a | 0x0b)
    }

    /// Whether it measures water.
    #[must_use]
    pub const fn is_water(self) -> bool {
        matches!(self.0, 0x06 | 0x07 | 0x10 | 0x11 | 0x15..=0x17 | 0x28)
    }
}

impl fmt::Display for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.word() {
            "unknown" if self.0 != 0x0f => write!(f, "unknown (0x{:02x})", self.0),
            word => f.pad(word),
        }
    }
}
