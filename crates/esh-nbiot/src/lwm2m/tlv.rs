//! TLV, OMA LwM2M Core 1.1, clause 7.4.5.

use super::model::{self, Multiplicity};
use super::{Leaf, Path, Value};
use esh_core::{DecodeError, Input, Layer, Reason};

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ObjectInstance,
    ResourceInstance,
    MultipleResource,
    Resource,
}

/// One entry, its value still unread.
#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    kind: Kind,
    id: u16,
    value: Input<'a>,
    octets: &'a [u8],
    offset: usize,
}

/// Entries out of the order of their ids that are looked through for an id that stands twice.
const OUT_OF_ORDER: usize = 256;

/// Hands over every value of a payload that answers for `path`, each with the resources it stands among.
///
/// # Errors
/// Where an entry is cut off, stands where it cannot, stands twice, or cannot be of its type.
pub(super) fn walk<'a>(
    payload: &'a [u8],
    offset: usize,
    path: Path,
    each: &mut dyn FnMut(Leaf<'a>, Siblings<'a>),
) -> Result<(), DecodeError> {
    let input = Input::new(payload, offset, Layer::Application);
    let (Some(object), instance, resource) = (path.object(), path.instance(), path.resource()) else {
        return Err(input.error("path of a TLV", Reason::Malformed));
    };
    if input.is_empty() && path.resource_instance().is_none() && resource.is_some_and(|id| is_single(object, id)) {
        return Err(input.error("value of a resource", Reason::Truncated { needed: 1, left: 0 }));
    }
    let mut entries = Entries::new(input);
    while let Some(entry) = entries.next()? {
        match (entry.kind, instance, resource) {
            (Kind::ObjectInstance, asked, _) => {
                if asked.is_some_and(|asked| asked != entry.id) {
                    return Err(input.error("object instance", Reason::Malformed));
                }
                let within = path.up_to(1).join(entry.id).unwrap_or(path);
                resources(entry.value, within, each)?;
            }
            // Resource instances answer for a resource.
            (Kind::ResourceInstance, Some(_), Some(_)) => {
                leaf(entry, path.up_to(3).join(entry.id).unwrap_or(path), Siblings(input), each)?;
            }
            (Kind::Resource | Kind::MultipleResource, _, asked) => {
                if asked.is_some_and(|asked| asked != entry.id) {
                    return Err(input.error("resource", Reason::Malformed));
                }
                // An object of a single instance may leave the instance out.
                let within = path.up_to(1).join(instance.unwrap_or(0)).unwrap_or(path);
                resource_of(entry, within, Siblings(input), each)?;
            }
            (Kind::ResourceInstance, ..) => {
                return Err(input.error("resource instance outside a resource", Reason::Malformed));
            }
        }
    }
    Ok(())
}

/// The resources among which a value stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Siblings<'a>(Input<'a>);

impl<'a> Siblings<'a> {
    /// The value of a resource among them.
    pub(super) fn find(self, instance: Path, id: u16) -> Option<Value<'a>> {
        let mut entries = Entries::new(self.0);
        while let Some(entry) = entries.next().ok()? {
            if entry.kind == Kind::Resource && entry.id == id {
                return Value::of_octets(instance.join(id)?, entry.value.rest());
            }
        }
        None
    }
}

fn resources<'a>(
    input: Input<'a>,
    instance: Path,
    each: &mut dyn FnMut(Leaf<'a>, Siblings<'a>),
) -> Result<(), DecodeError> {
    let mut entries = Entries::new(input);
    while let Some(entry) = entries.next()? {
        resource_of(entry, instance, Siblings(input), each)?;
    }
    Ok(())
}

fn resource_of<'a>(
    entry: Entry<'a>,
    instance: Path,
    siblings: Siblings<'a>,
    each: &mut dyn FnMut(Leaf<'a>, Siblings<'a>),
) -> Result<(), DecodeError> {
    let misplaced = entry.value.error("entry among resources", Reason::Malformed);
    let path = instance.join(entry.id).ok_or(misplaced)?;
    match entry.kind {
        Kind::Resource => leaf(entry, path, siblings, each),
        Kind::MultipleResource => {
            let mut instances = Entries::new(entry.value);
            while let Some(entry) = instances.next()? {
                if entry.kind != Kind::ResourceInstance {
                    return Err(entry.value.error("entry among resource instances", Reason::Malformed));
                }
                leaf(entry, path.join(entry.id).ok_or(misplaced)?, siblings, each)?;
            }
            Ok(())
        }
        Kind::ObjectInstance | Kind::ResourceInstance => Err(misplaced),
    }
}

fn leaf<'a>(
    entry: Entry<'a>,
    path: Path,
    siblings: Siblings<'a>,
    each: &mut dyn FnMut(Leaf<'a>, Siblings<'a>),
) -> Result<(), DecodeError> {
    let value = Value::of_octets(path, entry.value.rest());
    let value = value.ok_or_else(|| entry.value.error("value of a resource", Reason::Malformed))?;
    each(Leaf { path, value, octets: entry.octets, offset: entry.offset }, siblings);
    Ok(())
}

fn is_single(object: u16, id: u16) -> bool {
    model::resource(object, id).is_some_and(|resource| resource.multiplicity == Multiplicity::Single)
}

/// Entries of one level, none of which may have the kind and id of another.
struct Entries<'a> {
    all: Input<'a>,
    rest: Input<'a>,
    highest: Option<u16>,
    out_of_order: usize,
}

impl<'a> Entries<'a> {
    const fn new(input: Input<'a>) -> Self {
        Self { all: input, rest: input, highest: None, out_of_order: 0 }
    }

    fn next(&mut self) -> Result<Option<Entry<'a>>, DecodeError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let here = self.rest;
        let entry = entry(&mut self.rest)?;
        // Most entries stand in the order of their ids; only the others must be looked for.
        if self.highest.is_none_or(|highest| entry.id > highest) {
            self.highest = Some(entry.id);
            return Ok(Some(entry));
        }
        self.out_of_order += 1;
        if self.out_of_order > OUT_OF_ORDER {
            let reason = Reason::TooLong { limit: OUT_OF_ORDER, found: self.out_of_order };
            return Err(here.error("entries out of order", reason));
        }
        let mut before = self.all;
        while before.offset() < here.offset() {
            if self::entry(&mut before)?.id == entry.id {
                return Err(here.error("entry that stands twice", Reason::Malformed));
            }
        }
        Ok(Some(entry))
    }
}

fn entry<'a>(input: &mut Input<'a>) -> Result<Entry<'a>, DecodeError> {
    let start = *input;
    let kind_octet = input.u8("type of an entry")?;
    let kind = match kind_octet >> 6 {
        0 => Kind::ObjectInstance,
        1 => Kind::ResourceInstance,
        2 => Kind::MultipleResource,
        _ => Kind::Resource,
    };
    let id =
        if kind_octet & 0x20 == 0 { input.u8("id of an entry")?.into() } else { input.u16_be("id of an entry")? };
    let length = match kind_octet >> 3 & 3 {
        0 => usize::from(kind_octet & 7),
        1 => input.u8("length of an entry")?.into(),
        2 => input.u16_be("length of an entry")?.into(),
        _ => {
            let [a, b, c] = *input.array("length of an entry")?;
            u32::from_be_bytes([0, a, b, c]) as usize
        }
    };
    let value = input.sub("value of an entry", length)?;
    let octets = start.rest().get(..start.len() - input.len()).unwrap_or_default();
    Ok(Entry { kind, id, value, octets, offset: start.offset() })
}
