//! Every code has a real fault that yields it as the first code, and a near miss that does not
//! yield it.
//!
//! A fault is a container that failed, a command that docker refused, or an image. The verdict is
//! that of the binary. The tables are grouped by family, as in docs/codes.md.

/// Defines a test for each code of a family, named after it.
macro_rules! one_test_each {
    ($($name:ident)*) => {
        /// The codes that have a test, with `_` for `-`.
        pub(super) const TESTED: &[&str] = &[$(stringify!($name)),*];

        mod each {
            $(#[test] fn $name() { $crate::codes::prove(super::PROOFS, stringify!($name)); })*
        }
    };
}

mod causes;
mod dockerfile;
mod image;
mod manifest;
mod mounted;
mod needs;
mod platform;
mod program;
mod refused;
mod restarted;
mod run;
mod start;
mod told;

use std::collections::BTreeSet;

use scratchdbg_diagnose::Code;
use serde_json::Value;

use crate::fault;
use crate::stage::Stage;

/// Creates an object and returns the answer of scratchdbg about it.
type Making = fn(&Stage) -> Value;

/// The fault and the near miss of one code.
pub(crate) struct Proof {
    code: &'static str,
    /// Creates the fault, and returns the answer, whose first code must be this one.
    fault: Making,
    /// Creates the near miss, and returns an answer without the code.
    near_miss: Making,
}

const FAMILIES: &[(&[Proof], &[&str])] = &[
    (start::PROOFS, start::TESTED),
    (refused::PROOFS, refused::TESTED),
    (image::PROOFS, image::TESTED),
    (manifest::PROOFS, manifest::TESTED),
    (dockerfile::PROOFS, dockerfile::TESTED),
    (needs::PROOFS, needs::TESTED),
    (run::PROOFS, run::TESTED),
    (restarted::PROOFS, restarted::TESTED),
    (causes::PROOFS, causes::TESTED),
    (platform::PROOFS, platform::TESTED),
    (mounted::PROOFS, mounted::TESTED),
    (told::PROOFS, told::TESTED),
];

/// Tests the fault and the near miss of one code.
#[track_caller]
fn prove(family: &[Proof], test: &str) {
    let stage = Stage::set();
    let is_tested = |proof: &&Proof| proof.code.replace('-', "_") == test;
    let Proof { code, fault, near_miss } =
        family.iter().find(is_tested).expect("the test is named after a code");
    let answer = fault(&stage);
    assert_eq!(answer["findings"][0]["code"], *code, "it is not the first of {answer:#}");
    let answer = near_miss(&stage);
    assert!(
        !fault::codes(&answer).iter().any(|found| found == code),
        "it was found in a near miss: {answer:#}"
    );
}

#[test]
fn every_code_has_a_fault_and_a_near_miss() {
    let proven: Vec<&str> =
        FAMILIES.iter().flat_map(|(family, _)| *family).map(|proof| proof.code).collect();
    // Those of pods need a cluster: crates/kubernetes/src/facts/tests.rs has a fault and a near
    // miss of each, as a cluster reported them, and tests/kubernetes/why makes the faults for real.
    let pods: BTreeSet<Code> = scratchdbg_diagnose::codes_of_pods().collect();
    let all: BTreeSet<&str> =
        Code::ALL.iter().filter(|code| !pods.contains(code)).map(|code| code.as_str()).collect();
    assert_eq!(proven.iter().copied().collect::<BTreeSet<&str>>(), all);
    assert_eq!(proven.len(), all.len(), "a code is proven twice");
    for (family, tested) in FAMILIES {
        let codes: BTreeSet<_> = family.iter().map(|proof| proof.code.replace('-', "_")).collect();
        assert_eq!(
            codes,
            tested.iter().map(|&name| name.to_owned()).collect(),
            "each code has a test"
        );
    }
}

/// Runs `why` for a container.
fn why(stage: &Stage, name: &str) -> Value {
    fault::why(stage, name)
}

/// Runs `check` for an image, an archive or a file.
fn check(stage: &Stage, subject: &str) -> Value {
    let finished = stage.run(&["check", "--format", "json", "--deny", "none", subject]);
    finished.expect_code(0);
    serde_json::from_slice(&finished.stdout).expect("one JSON document")
}

/// Explains docker's error for these arguments with `why --message`.
#[track_caller]
fn refusal(stage: &Stage, arguments: &[&str]) -> Value {
    let output = stage.engine.docker(arguments.iter().copied());
    assert!(!output.status.success(), "docker was to refuse {arguments:?}");
    let said = [output.stdout, output.stderr].concat();
    let finished =
        stage.scratchdbg.run_with_input(["why", "--format", "json", "--message", "-"], said);
    serde_json::from_slice(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished}"))
}

/// Runs a container to its end, with `flags` and `command` as for docker, and returns the answer.
/// The name is derived from the code.
#[track_caller]
fn ended(stage: &Stage, stem: &str, flags: &[&str], image: &str, command: &[&str]) -> Value {
    why(stage, &fault::ended(stage, stem, flags, image, command))
}
