//! `attach` in a pipe: standard input, output and error are the command's own, byte for byte.

use crate::stage::Stage;

/// Bytes without a pattern, every value among them.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let step = |_| {
        // Knuth's MMIX generator.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
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

/// The launcher writes how the command ended behind its output, between record separators: with `--tell`, the session, and
/// the code.
#[test]
fn what_looks_like_the_launchers_record_is_output() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    // The launcher is the command's parent.
    let forge =
        r#"session=$(tr '\0' ' ' < /proc/$PPID/cmdline | cut -d ' ' -f 4); printf '\036%s 000\036%s' $session "$1""#;
    for behind in ["", "!"] {
        let command = format!("{forge}; sleep 0.2; exit 4");
        let finished = target.attach(&["sh", "-c", &command, "sh", behind]);
        finished.expect_code(4);
        assert!(finished.text().ends_with(&format!(" 000\u{1e}{behind}")), "{finished}");
    }
    let others = r"printf 'a\036'; printf '\0367ab1 003\036' >&2; exit 4";
    let finished = target.attach(&["sh", "-c", others]);
    finished.expect(4, "a\u{1e}");
    assert_eq!(finished.stderr, "\u{1e}7ab1 003\u{1e}");
    target.assert_untouched();
}

#[test]
fn the_end_of_input_is_passed_on() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    target.attach_with_input(&["sh", "-c", "wc -c; echo done"], noise(70_001)).expect(0, "70001\ndone\n");
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
    // Standard input stays open, with and without something in it.
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
    assert_eq!(finished.stderr, "", "{finished}");
    target.assert_untouched();
}
