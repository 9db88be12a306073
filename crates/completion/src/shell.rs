//! The shells, and the scripts that make them ask this program.

/// A shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// bash 4 or later.
    Bash,
    /// zsh 5 or later.
    Zsh,
    /// fish 3 or later.
    Fish,
}

impl Shell {
    /// Returns the shell with this name, which may be a path.
    pub fn named(name: &str) -> Option<Self> {
        match name.rsplit('/').next()? {
            "bash" => Some(Self::Bash),
            "zsh" => Some(Self::Zsh),
            "fish" => Some(Self::Fish),
            _ => None,
        }
    }

    /// Returns the script that the shell reads. It runs `scratchdbg`, which it finds in `PATH`.
    pub fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("../scripts/scratchdbg.bash"),
            Self::Zsh => include_str!("../scripts/_scratchdbg"),
            Self::Fish => include_str!("../scripts/scratchdbg.fish"),
        }
    }
}

/// The beginning of each script, by which it is known to be ours.
pub(crate) const MARK: &str = "# Completions of scratchdbg";

/// The last line of each script. What is behind it is the user's.
pub(crate) const END: &str = "# The end of the completions of scratchdbg.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_known_as_ours() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut first = shell.script().lines();
            assert!(first.any(|line| line.starts_with(MARK)), "{shell:?}");
            assert!(shell.script().ends_with(END), "{shell:?}");
        }
        // zsh knows a file of completions by its first line.
        assert!(Shell::Zsh.script().starts_with("#compdef scratchdbg\n"));
        assert_eq!(Shell::named("/usr/bin/fish"), Some(Shell::Fish));
        assert_eq!(Shell::named("tcsh"), None);
    }
}
