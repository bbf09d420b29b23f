#![no_main]

#[path = "../bodies/wmbus.rs"]
mod wmbus;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| wmbus::wmbus_fragments(octets));
