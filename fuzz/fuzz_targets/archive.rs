//! See `src/archive.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| scratchdbg_fuzz::archive::run(data));
