#![no_main]

#[path = "../bodies/gateway.rs"]
mod gateway;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| gateway::sniffer(octets));
