//! See `src/dockerignore.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| scratchdbg_fuzz::dockerignore::run(data));
