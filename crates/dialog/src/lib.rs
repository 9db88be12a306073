//! The user's side of sessions: this process's terminal and streams, questions, and notices in
//! words.

mod consent;
mod terminal;
mod words;

pub use self::terminal::TerminalUser;
pub use self::words::tell;
