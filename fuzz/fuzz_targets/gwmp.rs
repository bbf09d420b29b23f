#![no_main]

#[path = "../bodies/lorawan_text.rs"]
mod lorawan_text;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| lorawan_text::gwmp(octets));
