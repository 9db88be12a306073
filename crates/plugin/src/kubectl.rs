//! The names under which kubectl finds plugins.

/// The file name of the plugin `kubectl scratchdbg`, which kubectl searches in `PATH`.
pub const NAME: &str = "kubectl-scratchdbg";

/// The file name of the program that kubectl runs for completions.
pub const COMPLETION_NAME: &str = "kubectl_complete-scratchdbg";
