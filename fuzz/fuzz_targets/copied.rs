//! See `src/copied.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| scratchdbg_fuzz::copied::run(data));
