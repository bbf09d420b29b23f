#![no_main]

#[path = "../bodies/lorawan.rs"]
mod lorawan;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| lorawan::jooby(octets));
