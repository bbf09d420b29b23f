//! The object model of LwM2M, OMA Core 1.1, clause 7 and appendix C: what a resource is.

use super::registry::OBJECTS;
use esh_core::{Function, Quantity, Unit};

/// An object of the registry.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    /// Its id.
    pub id: u16,
    /// Its name.
    pub name: &'static str,
    /// Its resources.
    pub resources: &'static [Resource],
}

/// A resource of an object.
#[derive(Clone, Copy, Debug)]
pub struct Resource {
    /// Its id.
    pub id: u16,
    /// What its value is.
    pub type_: Type,
    /// Whether it may have several instances.
    pub multiplicity: Multiplicity,
    /// Its name.
    pub name: &'static str,
    /// What it measures.
    pub quantity: Quantity,
    /// In which unit; [`Unit::None`] where the registry names none.
    pub unit: Unit,
    /// Whether it is an extreme.
    pub function: Function,
}

/// What the value of a resource is; OMA Core 1.1, appendix C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// UTF-8 text.
    Text,
    /// A signed number of 1, 2, 4 or 8 octets.
    Integer,
    /// An unsigned number of 1, 2, 4 or 8 octets.
    Unsigned,
    /// A binary float of 4 or 8 octets.
    Float,
    /// Yes or no.
    Boolean,
    /// Octets.
    Opaque,
    /// Seconds since 1970.
    Time,
    /// An object and an instance.
    ObjectLink,
    /// None: it can be executed.
    Action,
}

/// Whether a resource may have several instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multiplicity {
    /// One.
    Single,
    /// Several.
    Multiple,
}

/// The object of that id; `None` where it is not known here.
#[must_use]
pub fn object(id: u16) -> Option<&'static Object> {
    OBJECTS.binary_search_by_key(&id, |object| object.id).ok().and_then(|at| OBJECTS.get(at))
}

/// The resource of those ids; `None` where it is not known here.
#[must_use]
pub fn resource(object_id: u16, id: u16) -> Option<&'static Resource> {
    object(object_id)?.resources.iter().find(|resource| resource.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_in_order_and_resources_stand_once() {
        assert!(OBJECTS.is_sorted_by(|a, b| a.id < b.id));
        for object in OBJECTS {
            for (at, resource) in object.resources.iter().enumerate() {
                assert!(object.resources[at + 1..].iter().all(|other| other.id != resource.id), "{}", object.id);
            }
        }
    }

    #[test]
    fn the_units_trap() {
        // The same amount in three objects, in three ways.
        assert_eq!(resource(10243, 6).map(|resource| resource.unit), Some(Unit::KiloWatt));
        assert_eq!(resource(3305, 5800).map(|resource| resource.unit), Some(Unit::Watt));
        assert_eq!(resource(3331, 5700).map(|resource| resource.unit), Some(Unit::None));
    }
}
