//! The eight octets that name a meter, in the order of the link layer.

use esh_core::{Id, Manufacturer, Medium, Meter, Protocol};

/// Manufacturer, identification number, version and device type — EN 13757-7, 7.5.2.
///
/// They are kept in the order in which the link layer sends them: M(2) ID(4) V T. Initialisation vectors begin so too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Address(pub [u8; 8]);

impl Address {
    /// The address of those parts; the identification number as sent, least significant octet first.
    #[must_use]
    pub const fn new(manufacturer: Manufacturer, id: [u8; 4], version: u8, medium: Medium) -> Self {
        let [m0, m1] = manufacturer.0.to_le_bytes();
        let [i0, i1, i2, i3] = id;
        Self([m0, m1, i0, i1, i2, i3, version, medium.0])
    }

    /// The address as the long header of the transport layer sends it: ID(4) M(2) V T — EN 13757-7, 7.5.2.
    #[must_use]
    pub const fn from_transport([i0, i1, i2, i3, m0, m1, version, medium]: [u8; 8]) -> Self {
        Self([m0, m1, i0, i1, i2, i3, version, medium])
    }

    /// The address as the long header of CI 76 sends it, its numbers most significant octet first: EN 1434-3, mode 2.
    #[must_use]
    pub const fn from_reversed([i3, i2, i1, i0, m1, m0, version, medium]: [u8; 8]) -> Self {
        Self([m0, m1, i0, i1, i2, i3, version, medium])
    }

    /// The same octets in the order of the transport layer.
    #[must_use]
    pub const fn to_transport(self) -> [u8; 8] {
        let [m0, m1, i0, i1, i2, i3, version, medium] = self.0;
        [i0, i1, i2, i3, m0, m1, version, medium]
    }

    /// The maker.
    #[must_use]
    pub const fn manufacturer(self) -> Manufacturer {
        let [m0, m1, ..] = self.0;
        Manufacturer(u16::from_le_bytes([m0, m1]))
    }

    /// The identification number, as sent.
    #[must_use]
    pub const fn id(self) -> [u8; 4] {
        let [_, _, i0, i1, i2, i3, _, _] = self.0;
        [i0, i1, i2, i3]
    }

    /// The version.
    #[must_use]
    pub const fn version(self) -> u8 {
        let [.., version, _] = self.0;
        version
    }

    /// The device type.
    #[must_use]
    pub const fn medium(self) -> Medium {
        let [.., medium] = self.0;
        Medium(medium)
    }

    /// The meter of that address.
    #[must_use]
    pub const fn meter(self, protocol: Protocol) -> Meter {
        Meter {
            protocol,
            manufacturer: Some(self.manufacturer()),
            id: Id::from_bcd(self.id()),
            version: Some(self.version()),
            medium: Some(self.medium()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_name_the_same_meter() {
        let link = Address([0x2d, 0x2c, 0x78, 0x56, 0x34, 0x12, 0x1b, 0x16]);
        assert_eq!(link.to_transport(), [0x78, 0x56, 0x34, 0x12, 0x2d, 0x2c, 0x1b, 0x16]);
        assert_eq!(Address::from_transport(link.to_transport()), link);
        assert_eq!(
            std::string::ToString::to_string(&link.meter(Protocol::Wmbus).address()),
            "wmbus:KAM:12345678:1b:16"
        );
    }
}
