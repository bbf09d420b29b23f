#![no_main]

#[path = "../bodies/messages.rs"]
mod messages;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| messages::zigbee2mqtt(octets));
