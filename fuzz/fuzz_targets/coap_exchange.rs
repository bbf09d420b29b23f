#![no_main]

#[path = "../bodies/nbiot.rs"]
mod nbiot;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| nbiot::coap_exchange(octets));
