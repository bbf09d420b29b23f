//! Model 1: who the device is.

use super::point::text;
use crate::map::{Code, Holds, Register, RegisterMap};
use esh_core::{Quality, Quantity, Unit};

pub(super) const MODEL: RegisterMap<'static> = RegisterMap {
    registers: &[
        text(2, 16, "Mn", Quantity::IdentificationManufacturer),
        text(18, 16, "Md", Quantity::IdentificationModel),
        text(34, 8, "Opt", Quantity::Unknown),
        text(42, 8, "Vr", Quantity::VersionSoftware),
        text(50, 16, "SN", Quantity::IdentificationFabrication),
        Register::new(66, Holds::Unsigned(1), Quantity::IdentificationAddress, Unit::One)
            .named("DA")
            .unless(&[(Code::AllOnes, Quality::NotAvailable)]),
    ],
};
