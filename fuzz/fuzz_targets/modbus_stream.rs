#![no_main]

#[path = "../bodies/modbus.rs"]
mod modbus;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| modbus::modbus_stream(octets));
