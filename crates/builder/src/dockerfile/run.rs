//! `RUN` in a stage whose files are all known: it needs a program among those files.

use scratchdbg_image::{Entry, Node};

use super::array;
use super::source::Instruction;
use super::stage::Stage;
use super::unseen::Unseen;
use crate::links;

/// What a `RUN` certainly lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// The shell for its line.
    Shell(String),
    /// The program it names.
    Program(String),
    /// It names no program.
    Command,
}

/// Returns why a `RUN` cannot be started, as far as that is known: `unseen` instructions may have
/// added what it needs.
pub(super) fn lack(instruction: &Instruction, stage: &Stage, unseen: &[Unseen]) -> Option<Lack> {
    let words = array::strict(instruction).ok()?;
    let is_shell = words.is_none();
    let shell = || stage.spec.shell.clone().unwrap_or_else(|| vec!["/bin/sh".into()]);
    let words = words.unwrap_or_else(shell);
    let Some(program) = words.first().filter(|word| !word.is_empty()) else {
        return Some(Lack::Command);
    };
    let places: Vec<String> = if program.contains('/') {
        vec![stage.absolute(program)]
    } else {
        stage
            .search_path()
            .split(':')
            .map(|folder| stage.absolute(&format!("{folder}/{program}")))
            .collect()
    };
    let may_be_there = |path: &String| {
        let real = links::real_path(&stage.spec.files, path).unwrap_or_else(|_| path.clone());
        let is_file = stage
            .spec
            .files
            .get(&real)
            .is_some_and(|Entry { node, .. }| !matches!(node, Node::Directory));
        is_file
            || unseen
                .iter()
                .any(|unseen| unseen.hidden.may_have(path) || unseen.hidden.may_have(&real))
    };
    if places.iter().any(may_be_there) {
        return None;
    }
    Some(if is_shell { Lack::Shell(program.clone()) } else { Lack::Program(program.clone()) })
}
