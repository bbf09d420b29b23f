//! The types every ESH protocol crate turns around.
//!
//! Two words carry the whole library: a frame is *opened* by a [`Carrier`], a payload is *read* by a [`Format`].
//! Both are told what is [`Known`] and report what they find to an [`Out`]; neither keeps state, reads a clock or
//! does I/O, so decoding is a function that can be replayed, fuzzed and embedded.
//!
//! * [`Input`] is a cursor over the octets of one layer; every step names its field, so that a [`DecodeError`] can say
//!   layer, octet, field and reason.
//! * A [`Reading`] is a [`Quantity`] with an exact [`Value`] in a [`Unit`]; numbers are [`Decimal`]s, never floats.
//! * What is unknown stays a value ([`Quantity::Unknown`] with its octets); what a meter marks as absent becomes a
//!   [`Quality`], never a number.
//!
//! Without features the crate needs neither `std` nor an allocator. `alloc` adds the owned [`report::Report`] and its
//! JSON text, `serde` its serde form, `nom` the bridge that lets nom read an [`Input`].
#![no_std]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod alarm;
pub mod bcd;
mod carrier;
mod decimal;
mod error;
mod field;
mod format;
mod input;
#[cfg(feature = "alloc")]
pub mod json;
mod key;
mod known;
mod medium;
mod meter;
#[cfg(feature = "nom")]
pub mod nom;
pub mod note;
mod obis;
pub mod profile;
mod quantity;
mod reading;
#[cfg(feature = "alloc")]
pub mod report;
mod text;
mod time;
mod unit;

pub use alarm::{Alarm, Alarms};
pub use carrier::{Carrier, Content, Opened, Refused, Security, SecurityState};
pub use decimal::{Decimal, DecimalText};
pub use error::{DecodeError, Layer, Reason};
pub use field::{Field, FieldValue};
pub use format::{Format, Ignore, Out};
pub use input::Input;
pub use key::{Key, KeyLengthError, Purpose};
pub use known::{Known, Learned, NothingKnown};
pub use medium::Medium;
pub use meter::{Address, Id, Manufacturer, Meter, Protocol};
pub use obis::Obis;
pub use quantity::Quantity;
pub use reading::{Function, Origin, Qualifier, Qualifiers, Quality, Reading, Register, Value};
pub use text::Text;
pub use time::{CivilTime, Precision, mbus as mbus_time};
pub use unit::{Converted, Unit};
