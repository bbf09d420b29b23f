#![no_main]

#[path = "../bodies/profiles.rs"]
mod profiles;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| profiles::profile_file(octets));
