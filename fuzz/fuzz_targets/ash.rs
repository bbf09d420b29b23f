#![no_main]

#[path = "../bodies/zigbee.rs"]
mod zigbee;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| zigbee::ash(octets));
