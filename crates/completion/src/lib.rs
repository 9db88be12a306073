//! Completion of command lines: in bash, zsh and fish, and as a plugin of docker and kubectl.
//!
//! A shell runs this program with the words that were typed, and gets the candidates for the last
//! one: the same from everywhere, in the form that each caller reads.
//!
//! * [`with_names`] adds what a platform knows to a command line: names of containers, of images.
//! * [`candidates`] completes a command line.
//! * [`Caller`] is who asks, with the form of its answer; [`Shell::script`] makes a shell ask.
//! * [`Installation`] is the script's place in a home directory.

mod answer;
mod caller;
mod install;
mod names;
mod shell;

pub use self::answer::{Answer, candidates};
pub use self::caller::{Caller, WORD, asked};
pub use self::install::{Change, Homes, InstallError, Installation};
pub use self::names::{Candidate, Kind, Names, with_names};
pub use self::shell::Shell;
