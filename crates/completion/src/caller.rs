//! Who asks for completions, and the form of the answer.
//!
//! docker and kubectl read the protocol of cobra: a line for each candidate, with its description
//! after a tab, and a last line with a number that says how to go on.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;

use crate::{Answer, Candidate, Shell};

/// The first argument of a program that is asked for completions; cobra's word.
pub const WORD: &str = "__complete";

/// Cobra's directive `ShellCompDirectiveNoSpace`.
const NO_SPACE: u8 = 2;
/// Cobra's directive `ShellCompDirectiveNoFileComp`.
const NO_FILES: u8 = 4;

/// Who asks for completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The script of a shell.
    Shell(Shell),
    /// docker or kubectl.
    Cobra,
}

/// Returns the shell that asks, and the words that follow the program's name, if the program's
/// arguments are a request of [`Shell::script`].
pub fn asked(arguments: &[OsString]) -> Option<(Caller, Vec<String>)> {
    let [word, shell, typed @ ..] = arguments else { return None };
    let shell = (word == WORD).then(|| Shell::named(OsStr::to_str(shell)?))??;
    let typed: Vec<String> = typed.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    Some((Caller::Shell(shell), if shell == Shell::Bash { joined(&typed) } else { typed }))
}

/// Joins the words that bash divides at `:` and `=`.
fn joined(pieces: &[String]) -> Vec<String> {
    let is_break =
        |piece: &str| !piece.is_empty() && piece.bytes().all(|byte| b":=".contains(&byte));
    let mut words: Vec<String> = Vec::new();
    let mut goes_on = false;
    for piece in pieces {
        match words.last_mut() {
            Some(word) if goes_on || is_break(piece) => word.push_str(piece),
            _ => words.push(piece.clone()),
        }
        goes_on = is_break(piece);
    }
    words
}

impl Caller {
    /// Returns the answer in the form that the caller reads. `typed` is the last word.
    pub fn text(self, answer: &Answer, typed: &str) -> String {
        match self {
            Self::Shell(Shell::Bash) => {
                // bash replaces what follows the last character that divides words.
                let kept = typed.rfind([':', '=']).map_or(0, |at| at + 1);
                let values = answer.candidates.iter().filter_map(|each| each.value.get(kept..));
                let lines = values.fold(String::new(), |text, value| text + value + "\n");
                lines + directive(answer).as_str()
            }
            Self::Shell(Shell::Zsh) => {
                let value = |each: &Candidate| each.value.replace('\\', "\\\\").replace(':', "\\:");
                rows(answer, value, ':') + directive(answer).as_str()
            }
            Self::Shell(Shell::Fish) => rows(answer, |each| each.value.clone(), '\t'),
            Self::Cobra => {
                rows(answer, |each| each.value.clone(), '\t') + directive(answer).as_str()
            }
        }
    }
}

/// Returns a line for each candidate: the value and, after a separator, what it is.
fn rows(answer: &Answer, value: impl Fn(&Candidate) -> String, separator: char) -> String {
    answer.candidates.iter().fold(String::new(), |mut text, each| {
        text.push_str(&value(each));
        if !each.about.is_empty() {
            // Writing into a string cannot fail.
            let _infallible = write!(text, "{separator}{}", each.about);
        }
        text + "\n"
    })
}

/// Returns the last line. File names are candidates where they are wanted, never by themselves.
fn directive(answer: &Answer) -> String {
    format!(":{}\n", if answer.ends_word { NO_FILES } else { NO_FILES | NO_SPACE })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn requests_are_recognized() {
        let (caller, typed) = asked(&words("__complete zsh logs we")).unwrap();
        assert_eq!((caller, typed), (Caller::Shell(Shell::Zsh), vec!["logs".into(), "we".into()]));
        for line in ["__complete", "__complete tcsh logs", "logs web", "complete bash"] {
            assert_eq!(asked(&words(line)), None, "{line}");
        }
    }

    #[test]
    fn the_pieces_of_bash_are_joined() {
        let typed = |line: &str| asked(&words(&format!("__complete bash {line}"))).unwrap().1;
        assert_eq!(typed("check shop/app : 1"), ["check", "shop/app:1"]);
        assert_eq!(typed("check shop/app :"), ["check", "shop/app:"]);
        assert_eq!(typed("attach --mode = ex"), ["attach", "--mode=ex"]);
        assert_eq!(typed("attach web "), ["attach", "web", ""]);
        assert_eq!(typed(""), [""]);
    }

    #[test]
    fn each_caller_gets_its_form() {
        let candidate =
            |value: &str, about: &str| Candidate { value: value.into(), about: about.into() };
        let candidates = vec![candidate("app:1", "2 MB"), candidate("app:2", "")];
        let answer = Answer { candidates, ends_word: true };
        let text = |caller: Caller, typed: &str| caller.text(&answer, typed);
        assert_eq!(text(Caller::Cobra, "app:"), "app:1\t2 MB\napp:2\n:4\n");
        assert_eq!(text(Caller::Shell(Shell::Fish), "a"), "app:1\t2 MB\napp:2\n");
        assert_eq!(text(Caller::Shell(Shell::Zsh), "a"), "app\\:1:2 MB\napp\\:2\n:4\n");
        assert_eq!(text(Caller::Shell(Shell::Bash), "ap"), "app:1\napp:2\n:4\n");
        assert_eq!(text(Caller::Shell(Shell::Bash), "app:"), "1\n2\n:4\n");
        let folder = Answer { candidates: vec![candidate("src/", "")], ends_word: false };
        assert_eq!(Caller::Cobra.text(&folder, "s"), "src/\n:6\n");
    }
}
