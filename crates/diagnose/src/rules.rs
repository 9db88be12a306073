//! The rules: each looks at facts and says what is wrong, in one sentence, with evidence and fix.

pub mod dockerfile;
pub mod image;
pub mod program;
