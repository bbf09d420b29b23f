//! Points of models: the types of the specification, clause 6.3, and the codes by which they say that there is no value.

use crate::map::{Code, Holds, Register, Scale};
use esh_core::{Quality, Quantity, Unit};

type Point = Register<'static>;

const NO_NUMBER: &[(Code, Quality)] = &[(Code::AllOnes, Quality::NotAvailable)];
const NO_SIGNED: &[(Code, Quality)] = &[(Code::Smallest, Quality::NotAvailable)];
const NOT_COUNTED: &[(Code, Quality)] = &[(Code::Zero, Quality::NotAvailable)];

/// `int16` with a scale factor.
pub(super) const fn int16(address: u16, name: &'static str, quantity: Quantity, unit: Unit, factor: u16) -> Point {
    let scale = Scale::ONE.with_exponent(factor);
    Register::new(address, Holds::Signed(1), quantity, unit).named(name).unless(NO_SIGNED).scaled(scale)
}

/// `uint16` with a scale factor.
pub(super) const fn uint16(address: u16, name: &'static str, quantity: Quantity, unit: Unit, factor: u16) -> Point {
    let scale = Scale::ONE.with_exponent(factor);
    Register::new(address, Holds::Unsigned(1), quantity, unit).named(name).unless(NO_NUMBER).scaled(scale)
}

/// A power factor in percent, `int16` with a scale factor.
pub(super) const fn percent(address: u16, name: &'static str, quantity: Quantity, factor: u16) -> Point {
    int16(address, name, quantity, Unit::One, factor).scaled(Scale::by(1, -2).with_exponent(factor))
}

/// `acc32` with a scale factor, of a point that every device has: zero is zero.
pub(super) const fn acc32(address: u16, name: &'static str, quantity: Quantity, unit: Unit, factor: u16) -> Point {
    let scale = Scale::ONE.with_exponent(factor);
    Register::new(address, Holds::Unsigned(2), quantity, unit).named(name).scaled(scale)
}

/// `acc32` with a scale factor, of a point that a device may lack: then it stays zero.
pub(super) const fn lacking(address: u16, name: &'static str, quantity: Quantity, unit: Unit, factor: u16) -> Point {
    acc32(address, name, quantity, unit, factor).unless(NOT_COUNTED)
}

/// `float32`.
pub(super) const fn float(address: u16, name: &'static str, quantity: Quantity, unit: Unit) -> Point {
    Register::new(address, Holds::Float, quantity, unit).named(name)
}

/// `enum16`.
pub(super) const fn state(address: u16, name: &'static str) -> Point {
    Register::new(address, Holds::Unsigned(1), Quantity::Unknown, Unit::One).named(name).unless(NO_NUMBER)
}

/// `bitfield32`.
pub(super) const fn events(address: u16, name: &'static str) -> Point {
    let quantity = Quantity::StatusFlags;
    Register::new(address, Holds::Flags(2), quantity, Unit::One).named(name).unless(NO_NUMBER)
}

/// `string`.
pub(super) const fn text(address: u16, registers: u8, name: &'static str, quantity: Quantity) -> Point {
    Register::new(address, Holds::Text(registers), quantity, Unit::None).named(name)
}
