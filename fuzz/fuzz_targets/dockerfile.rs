//! See `src/dockerfile.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| scratchdbg_fuzz::dockerfile::run(data));
