//! Any text as a file of the configuration.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| axis_core::fuzzing::yaml(input));
