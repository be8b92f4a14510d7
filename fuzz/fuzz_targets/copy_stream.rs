//! Any bytes as the stream of a COPY.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| axis_core::fuzzing::copy_stream(input));
