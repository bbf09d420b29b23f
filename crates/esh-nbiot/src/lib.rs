//! What NB-IoT meters speak, and others that have IP: CoAP (RFC 7252), LwM2M (OMA) and SenML (RFC 8428).
//!
//! * [`coap::Message`] is a checked view of a datagram, [`coap::Writer`] writes one; [`coap::Coap`] is the carrier.
//! * [`lwm2m::Lwm2m`] reads what a resource path of LwM2M holds: TLV, plain text, opaque, CBOR, SenML, LwM2M JSON.
//! * [`senml::Pack`] walks the records of a SenML pack, JSON or CBOR, resolved.
//!
//! Nothing here allocates, keeps a clock or does I/O.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod base64;
mod cbor;
pub mod coap;
mod json;
pub mod lwm2m;
pub mod senml;
mod units;
