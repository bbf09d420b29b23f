//! The gateway's parts, in the order a packet meets them: a [`capture`] comes in, a [`record`] goes out.

pub mod capture;
pub mod record;
