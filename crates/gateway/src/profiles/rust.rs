//! `profile show --rust`: a profile as the source of a `const`, for firmware.

use serde::ser::{self, Impossible, Serialize};
use std::fmt::{self, Display, Write as _};

/// The source of a profile.
///
/// # Errors
/// When it cannot be written as a constant; no profile is such.
pub(super) fn source(profile: &esh_core::profile::Profile) -> Result<String, NoSource> {
    let mut text = String::from(
        "use esh_core::profile::*;\nuse esh_core::{Alarm, Decimal, Function, Qualifier, Qualifiers, Quality, Quantity, Unit};\n\n",
    );
    text.push_str("pub const PROFILE: Profile = ");
    profile.serialize(Writer { text: &mut text })?;
    text.push_str(";\n");
    Ok(text)
}

/// Something that has no source.
#[derive(Debug)]
pub(super) struct NoSource(String);

impl Display for NoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoSource {}

impl ser::Error for NoSource {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

fn none<T>() -> Result<T, NoSource> {
    Err(NoSource("a profile has no such value".to_owned()))
}

struct Writer<'t> {
    text: &'t mut String,
}

impl<'t> Writer<'t> {
    fn put(self, what: impl Display) -> Result<(), NoSource> {
        write!(self.text, "{what}").map_err(|_| NoSource("out of memory".to_owned()))
    }

    fn begin(self, opening: impl Display, end: &'static str, calls: bool) -> Result<Items<'t>, NoSource> {
        let Self { text } = self;
        Writer { text: &mut *text }.put(opening)?;
        Ok(Items { text, end, calls, first: true })
    }
}

/// What stands between two brackets.
struct Items<'t> {
    text: &'t mut String,
    end: &'static str,
    /// Each is an argument of a call of `with`.
    calls: bool,
    first: bool,
}

impl Items<'_> {
    fn item(&mut self, name: Option<&str>, value: &(impl Serialize + ?Sized)) -> Result<(), NoSource> {
        if self.calls {
            self.text.push_str(".with(");
        } else if !self.first {
            self.text.push_str(", ");
        }
        self.first = false;
        if let Some(name) = name {
            self.text.push_str(name);
            self.text.push_str(": ");
        }
        value.serialize(Writer { text: &mut *self.text })?;
        if self.calls {
            self.text.push(')');
        }
        Ok(())
    }

    fn close(self) -> Result<(), NoSource> {
        self.text.push_str(self.end);
        Ok(())
    }
}

macro_rules! items {
    ($($trait:ident $method:ident;)*) => {
        $(impl ser::$trait for Items<'_> {
            type Ok = ();
            type Error = NoSource;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NoSource> {
                self.item(None, value)
            }

            fn end(self) -> Result<(), NoSource> {
                self.close()
            }
        })*
    };
}

items! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

impl ser::SerializeStruct for Items<'_> {
    type Ok = ();
    type Error = NoSource;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), NoSource> {
        self.item(Some(name), value)
    }

    fn end(self) -> Result<(), NoSource> {
        self.close()
    }
}

impl ser::SerializeStructVariant for Items<'_> {
    type Ok = ();
    type Error = NoSource;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), NoSource> {
        self.item(Some(name), value)
    }

    fn end(self) -> Result<(), NoSource> {
        self.close()
    }
}

macro_rules! plain {
    ($($method:ident $type:ty;)*) => {
        $(fn $method(self, value: $type) -> Result<(), NoSource> {
            self.put(value)
        })*
    };
}

impl<'t> ser::Serializer for Writer<'t> {
    type Ok = ();
    type Error = NoSource;
    type SerializeSeq = Items<'t>;
    type SerializeTuple = Items<'t>;
    type SerializeTupleStruct = Items<'t>;
    type SerializeTupleVariant = Items<'t>;
    type SerializeMap = Impossible<(), NoSource>;
    type SerializeStruct = Items<'t>;
    type SerializeStructVariant = Items<'t>;

    plain! {
        serialize_bool bool;
        serialize_i8 i8;
        serialize_i16 i16;
        serialize_i32 i32;
        serialize_i64 i64;
        serialize_i128 i128;
        serialize_u8 u8;
        serialize_u16 u16;
        serialize_u32 u32;
        serialize_u64 u64;
    }

    fn serialize_f32(self, _: f32) -> Result<(), NoSource> {
        none()
    }

    fn serialize_f64(self, _: f64) -> Result<(), NoSource> {
        none()
    }

    fn serialize_char(self, _: char) -> Result<(), NoSource> {
        none()
    }

    fn serialize_str(self, text: &str) -> Result<(), NoSource> {
        self.put(format_args!("{text:?}"))
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), NoSource> {
        none()
    }

    fn serialize_none(self) -> Result<(), NoSource> {
        self.put("None")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), NoSource> {
        let mut items = self.begin("Some(", ")", false)?;
        items.item(None, value)?;
        items.close()
    }

    fn serialize_unit(self) -> Result<(), NoSource> {
        self.put("()")
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<(), NoSource> {
        self.put(name)
    }

    fn serialize_unit_variant(self, name: &'static str, _: u32, variant: &'static str) -> Result<(), NoSource> {
        self.put(format_args!("{name}::{variant}"))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<(), NoSource> {
        let mut items = self.begin(format_args!("{name}("), ")", false)?;
        items.item(None, value)?;
        items.close()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), NoSource> {
        let mut items = self.begin(format_args!("{name}::{variant}("), ")", false)?;
        items.item(None, value)?;
        items.close()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'t>, NoSource> {
        self.begin("&[", "]", false)
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'t>, NoSource> {
        self.begin("(", ")", false)
    }

    /// A call of a constructor; or a constant, and calls that add to it.
    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Items<'t>, NoSource> {
        match name {
            "Decimal::new" => self.begin("Decimal::new(", ")", false),
            constant => self.begin(constant, "", true),
        }
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'t>, NoSource> {
        self.begin(format_args!("{name}::{variant}("), ")", false)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, NoSource> {
        none()
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Items<'t>, NoSource> {
        self.begin(format_args!("{name} {{ "), " }", false)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'t>, NoSource> {
        self.begin(format_args!("{name}::{variant} {{ "), " }", false)
    }
}
