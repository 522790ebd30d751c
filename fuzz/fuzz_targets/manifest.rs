#![no_main]

#[allow(dead_code, reason = "the other programs run the other targets")]
#[path = "../../tests/properties/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|input: &[u8]| targets::manifest(input));
