#![no_main]

#[allow(dead_code, reason = "each fuzz program runs one target")]
#[path = "../../tests/properties/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|input: &[u8]| targets::rendered(input));
