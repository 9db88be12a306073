//! `attach` in a pipe: standard input, output and error are passed on byte for byte.

use std::io::Read as _;
use std::process::Stdio;
use std::time::Duration;

use crate::stage::Stage;

/// Returns bytes without a pattern, which include every value.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let step = |_| {
        // Knuth's MMIX generator.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..length).map(step).collect()
}

#[test]
fn ten_megabytes_through_cat() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let input = noise(10 << 20);
    let finished = target.attach_with_input(&["cat"], input.clone());
    finished.expect_code(0);
    assert_eq!(finished.stdout.len(), input.len());
    assert!(finished.stdout == input, "the bytes differ");
    assert_eq!(finished.stderr, "");
    target.assert_untouched();
}

/// The launcher writes a record after the command's output, between record separators: a secret,
/// and the exit code.
#[test]
fn what_looks_like_the_launchers_record_is_output() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let digits = "7".repeat(39);
    let script = r#"printf 'a\036'; printf '\036%s 000\036' "$1" >&2; exit 4"#;
    let finished = target.attach(&["sh", "-c", script, "sh", &digits]);
    finished.expect(4, "a\u{1e}");
    assert_eq!(finished.stderr, format!("\u{1e}{digits} 000\u{1e}"));
    target.assert_untouched();
}

/// A command ends when it ends, however slowly its output is read.
#[test]
fn output_that_is_not_read_for_a_while_is_whole() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    for mode in ["exec", "sidecar"] {
        let arguments =
            ["attach", "--mode", mode, target.name(), "--", "head", "-c", "3000000", "/dev/zero"];
        let mut command = stage.scratchdbg.command(arguments);
        let mut session =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut output = session.stdout.take().expect("it is piped");
        let mut first = [0; 1];
        output.read_exact(&mut first).expect("something comes");
        // By then the pipes are full. There is no event to wait for.
        std::thread::sleep(Duration::from_secs(3));
        let mut rest = Vec::new();
        output.read_to_end(&mut rest).expect("the rest comes");
        assert_eq!(
            (rest.len() + 1, session.wait().expect("it ends").code()),
            (3_000_000, Some(0)),
            "{mode}"
        );
    }
    target.assert_untouched();
}

#[test]
fn the_end_of_input_is_passed_on() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    target
        .attach_with_input(&["sh", "-c", "wc -c; echo done"], noise(70_001))
        .expect(0, "70001\ndone\n");
    target.attach(&["cat"]).expect(0, "");
}

#[test]
fn a_lot_of_output_without_input() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let finished = target.attach(&["head", "-c", "10485760", "/dev/zero"]);
    assert_eq!(finished.expect_code(0).stdout.len(), 10 << 20);
}

#[test]
fn a_command_that_does_not_read_is_not_waited_for() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    // Standard input stays open, with and without data in it.
    target.start_attach(&["true"]).finish().expect(0, "");
    let mut session = target.start_attach(&["true"]);
    session.write_and_close_input(noise(4 << 20));
    session.finish().expect(0, "");
    target.assert_untouched();
}

#[test]
fn output_and_error_stay_apart() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let finished = target.attach(&["sh", "-c", "echo out; echo err >&2; echo out again"]);
    finished.expect(0, "out\nout again\n");
    assert_eq!(finished.stderr, "err\n");
}

#[test]
fn a_reader_that_leaves_ends_the_session_quietly() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let command = stage.scratchdbg.command(target.attach_arguments(&["yes"]));
    let mut session = scratchdbg_testkit::program::Running::start(command);
    session.wait_for_stdout("something", |bytes| !bytes.is_empty());
    session.close_output();
    let finished = session.finish();
    // As if killed by SIGPIPE.
    assert_eq!(finished.expect_code(141).stderr, "", "{finished}");
    target.assert_untouched();
}
