//! `why --message`: pasted error messages, explained without an engine.

use scratchdbg_testkit::program::Program;
use serde_json::Value;

/// Returns the binary with an address where no engine responds.
fn offline() -> Program {
    Program::new(env!("CARGO_BIN_EXE_scratchdbg"))
        .with_variable("DOCKER_HOST", "unix:///nowhere.sock")
}

/// Returns the texts of `crates/diagnose/tests/data/messages.txt` with their codes; `none` for an
/// unknown text.
fn corpus() -> Vec<(&'static str, &'static str)> {
    include_str!("../../crates/diagnose/tests/data/messages.txt")
        .split("#= ")
        .skip(1)
        .map(|block| block.split_once('\n').expect("a code and a text"))
        .map(|(code, text)| (code, text.trim_end()))
        .collect()
}

/// Passes every text as an argument, and some through a pipe, which is handled the same way
/// afterwards.
#[test]
fn real_texts() {
    let scratchdbg = offline();
    let corpus = corpus();
    let known = corpus.iter().filter(|(code, _)| *code != "none").count();
    assert!(known >= 60 && corpus.len() - known >= 10, "{known} of {}", corpus.len());
    let mut wrong = Vec::new();
    for (index, (code, text)) in corpus.into_iter().enumerate() {
        let argument = scratchdbg.run(["why", "--format", "json", "--message", text]);
        let pipe = || {
            scratchdbg
                .run_with_input(["why", "--format", "json", "--message", "-"], format!("{text}\n"))
        };
        let piped = (index % 5 == 0).then(pipe);
        for finished in [argument].into_iter().chain(piped) {
            let answer: Value =
                serde_json::from_slice(&finished.stdout).expect("one JSON document");
            let verdict = answer["verdict"].as_str().unwrap_or("none");
            let status = i32::from(verdict == "none");
            if verdict != code
                || finished.status.code() != Some(status)
                || !answer["target"].is_null()
            {
                wrong.push(format!("{code} for {text}: {finished}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn standard_input_is_read() {
    let scratchdbg = offline();
    let finished =
        scratchdbg.run_with_input(["why", "--message", "-"], "exec /app: exec format error\n");
    finished.expect_code(0);
    assert!(finished.text().starts_with("error[wrong-architecture]"), "{finished}");
}

#[test]
fn unrelated_texts_get_no_verdict() {
    let scratchdbg = offline();
    scratchdbg
        .run(["why", "--message", "all is well"])
        .expect_clear_failure(1, &["nothing is known"]);
    scratchdbg.run(["why", "--message", " "]).expect_clear_failure(2, &["no message"]);
    for arguments in [&["why"][..], &["why", "web", "--message", "x"]] {
        scratchdbg.run(arguments).expect(2, "");
    }
}
