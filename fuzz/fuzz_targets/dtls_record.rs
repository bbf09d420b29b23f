#![no_main]

#[path = "../bodies/dtls.rs"]
mod dtls;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| dtls::dtls_record(octets));
