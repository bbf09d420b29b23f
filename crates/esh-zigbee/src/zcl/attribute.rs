//! Attributes that measure, ZCL 07-5123: what they are, in which unit, and which other attributes scale them.

mod electrical;
mod measurement;
mod metering;

use esh_core::{Function, Quantity, Unit};

/// The clusters whose attributes are known here.
#[allow(missing_docs, reason = "the names are the standard's")]
pub mod cluster {
    pub const BASIC: u16 = 0x0000;
    pub const POWER_CONFIGURATION: u16 = 0x0001;
    pub const DEVICE_TEMPERATURE: u16 = 0x0002;
    pub const ON_OFF: u16 = 0x0006;
    pub const ILLUMINANCE: u16 = 0x0400;
    pub const TEMPERATURE: u16 = 0x0402;
    pub const PRESSURE: u16 = 0x0403;
    pub const FLOW: u16 = 0x0404;
    pub const HUMIDITY: u16 = 0x0405;
    pub const PRICE: u16 = 0x0700;
    pub const METERING: u16 = 0x0702;
    pub const MESSAGING: u16 = 0x0703;
    pub const ELECTRICAL_MEASUREMENT: u16 = 0x0b04;
    pub const TUYA: u16 = 0xef00;
}

/// An attribute.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    /// Its identifier.
    pub id: u16,
    /// Its name.
    pub name: &'static str,
    /// What it measures.
    pub quantity: Quantity,
    /// What a number of it is.
    pub scale: Scale,
    /// Whether it is an extreme.
    pub function: Function,
    /// Its tariff, 0 for the total.
    pub tariff: u8,
}

/// What a number of an attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// A number that is counted in nothing.
    None,
    /// So many of a unit: the number times ten to this power.
    Fixed(Unit, i8),
    /// So many halves of a unit.
    Halves(Unit),
    /// By the multiplier, divisor and unit of the Metering cluster: a total.
    Total,
    /// The same: an amount in an hour.
    Rate,
    /// By the unit, multiplier and divisor at these attributes of the same cluster.
    Own(Unit, u16, u16),
}

/// The attributes of a cluster; empty for one that is not known here.
#[must_use]
pub const fn attributes(cluster: u16) -> &'static [Attribute] {
    match cluster {
        cluster::METERING => metering::ATTRIBUTES,
        cluster::ELECTRICAL_MEASUREMENT => electrical::ATTRIBUTES,
        cluster::BASIC => measurement::BASIC,
        cluster::POWER_CONFIGURATION => measurement::POWER_CONFIGURATION,
        cluster::DEVICE_TEMPERATURE => measurement::DEVICE_TEMPERATURE,
        cluster::ON_OFF => measurement::ON_OFF,
        cluster::ILLUMINANCE => measurement::ILLUMINANCE,
        cluster::TEMPERATURE => measurement::TEMPERATURE,
        cluster::PRESSURE => measurement::PRESSURE,
        cluster::FLOW => measurement::FLOW,
        cluster::HUMIDITY => measurement::HUMIDITY,
        _ => &[],
    }
}

/// The attribute of a cluster; `None` for one that is not known here.
#[must_use]
#[inline]
pub fn attribute(cluster: u16, id: u16) -> Option<&'static Attribute> {
    let attributes = attributes(cluster);
    // Identifiers come in sets, by their high octet, most of them without gaps.
    let starts = match cluster {
        cluster::METERING => &METERING_SETS,
        cluster::ELECTRICAL_MEASUREMENT => &ELECTRICAL_SETS,
        _ => &NO_SETS,
    };
    let [low, high] = id.to_le_bytes();
    let start = starts.get(usize::from(high)).copied().unwrap_or_default();
    if let Some(attribute) =
        attributes.get(usize::from(start) + usize::from(low)).filter(|attribute| attribute.id == id)
    {
        return Some(attribute);
    }
    attributes.binary_search_by_key(&id, |attribute| attribute.id).ok().and_then(|at| attributes.get(at))
}

static METERING_SETS: [u16; 256] = sets(metering::ATTRIBUTES);
static ELECTRICAL_SETS: [u16; 256] = sets(electrical::ATTRIBUTES);
static NO_SETS: [u16; 256] = [0; 256];

/// Where each set of attributes begins.
#[allow(clippy::indexing_slicing, reason = "computed when this is compiled")]
const fn sets(attributes: &[Attribute]) -> [u16; 256] {
    let mut starts = [u16::MAX; 256];
    let mut at = attributes.len();
    while at > 0 {
        at -= 1;
        starts[attributes[at].id as usize >> 8] = at as u16;
    }
    starts
}

/// Attributes as a table: identifier, name; quantity, scale, and where it is not so, function and tariff.
macro_rules! attribute_table {
    ($(#[$doc:meta])* $name:ident: $($id:literal $text:literal $quantity:ident $scale:expr $(, $function:ident)? $(=> $tariff:literal)?;)*) => {
        $(#[$doc])*
        pub(super) const $name: &[super::Attribute] = &[$(super::Attribute {
            id: $id,
            name: $text,
            quantity: esh_core::Quantity::$quantity,
            scale: $scale,
            function: attribute_table!(@function $($function)?),
            tariff: attribute_table!(@tariff $($tariff)?),
        },)*];
    };
    (@function) => { esh_core::Function::Instantaneous };
    (@function $function:ident) => { esh_core::Function::$function };
    (@tariff) => { 0 };
    (@tariff $tariff:literal) => { $tariff };
}
use attribute_table;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_order() {
        for cluster in 0..=u16::MAX {
            let attributes = attributes(cluster);
            assert!(attributes.is_sorted_by(|a, b| a.id < b.id), "cluster {cluster:04x}");
            for known in attributes {
                assert_eq!(attribute(cluster, known.id).map(|found| found.name), Some(known.name), "{cluster:04x}");
            }
        }
        assert!(attribute(cluster::METERING, 0x7fff).is_none());
        assert_eq!(attribute(cluster::METERING, 0x0400).unwrap().name, "InstantaneousDemand");
        assert_eq!(attribute(cluster::METERING, 0x0106).map(|of| of.tariff), Some(4));
    }
}
