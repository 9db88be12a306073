//! Converts instructions into the input of the rules for Dockerfiles.

use scratchdbg_diagnose::Finding;
use scratchdbg_diagnose::rules::dockerfile::{self, Fact};

use super::run::Lack;
use super::source::{Instruction, Source};
use super::{DockerfileError, health};

/// Returns the problems of the file, whether it can be built or not.
pub(super) fn findings(source: &Source) -> Vec<Finding> {
    let mut stage = 0;
    let mut facts = Vec::new();
    for instruction in &source.instructions {
        if instruction.keyword == "FROM" {
            stage += 1;
        }
        facts.push(fact(instruction, stage));
        match instruction.keyword.as_str() {
            "HEALTHCHECK" => facts.push(fact(&health::command(instruction), stage)),
            "ONBUILD" => {
                let trigger = instruction.trigger(source.escape);
                let keyword = format!("ONBUILD {}", trigger.keyword);
                facts.push(fact(&Instruction { keyword, ..trigger }, stage));
            }
            _ => {}
        }
    }
    dockerfile::check(&facts)
}

/// Returns the finding for a line that no engine accepts.
pub(super) fn invalid(error: &DockerfileError) -> Finding {
    dockerfile::invalid(error.line, &error.instruction, &error.reason, error.mended.as_deref())
}

/// Returns the finding for a `RUN` that cannot be started.
pub(super) fn run_fails(instruction: &Instruction, lack: &Lack) -> Finding {
    let (line, text) = (instruction.line, instruction.beginning());
    match lack {
        Lack::Shell(shell) => dockerfile::run_without_shell(line, &text, shell),
        Lack::Program(program) => dockerfile::run_without_program(line, &text, program),
        Lack::Command => dockerfile::invalid(line, &text, "RUN names no command", None),
    }
}

fn fact(instruction: &Instruction, stage: usize) -> Fact {
    Fact {
        line: instruction.line,
        stage,
        keyword: instruction.keyword.clone(),
        arguments: instruction.arguments.clone(),
    }
}
