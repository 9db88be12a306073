//! The rules. Each reads facts and reports a problem in one sentence, with evidence and fix.

pub mod dockerfile;
pub mod image;
pub mod program;
pub mod template;
