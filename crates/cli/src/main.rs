//! The `scratchdbg` binary.

fn main() {}
