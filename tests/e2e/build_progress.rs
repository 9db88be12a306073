//! The progress of `build`: on a terminal, a long operation shows a bar, which disappears at the
//! end.

use std::fs;

use scratchdbg_testkit::program::Program;
use scratchdbg_testkit::sample;
use scratchdbg_testkit::terminal::Terminal;

const BAR: &str = "packing [";

/// Writes a file that takes seconds to compress on any machine.
fn write_slow_file(path: &std::path::Path) {
    let mut state = 1_u64;
    let words = std::iter::repeat_with(|| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:x} ", state >> 50)
    });
    fs::write(path, words.take(2_000_000).collect::<String>()).expect("a file");
}

#[test]
fn a_long_build_shows_how_far_it_is() {
    let program = Program::new(env!("CARGO_BIN_EXE_scratchdbg"));
    let home = program.home();
    sample::write_app(home);
    write_slow_file(&home.join("words"));
    let arguments = |extra: &[&'static str]| {
        let fixed = [
            "build",
            "app",
            "--add",
            "words:/words",
            "--compress",
            "zstd:19",
            "-o",
            "oci:out",
            "--no-debug",
        ];
        [&fixed[..], extra].concat()
    };
    for columns in [100, 30] {
        let mut command = program.command(arguments(&[]));
        command.env("TERM", "xterm");
        let mut terminal = Terminal::start(command, 24, columns);
        terminal.wait_for("a bar", |screen| screen.contains(BAR));
        let lines = terminal.text().lines().filter(|line| !line.trim().is_empty()).count();
        assert_eq!(lines, 1, "it does not wrap: {}", terminal.text());
        assert_eq!(terminal.wait().code(), Some(0), "{}", terminal.text());
        terminal.wait_for("the summary, and no bar", |screen| {
            !screen.contains(BAR) && screen.contains("production")
        });
    }
    // No bar without a terminal, and none with `--quiet`.
    let finished = program.run(arguments(&[]));
    finished.expect_code(0);
    assert!(!finished.stderr.contains(BAR), "{finished}");
    let mut command = program.command(arguments(&["--quiet"]));
    command.env("TERM", "xterm");
    let mut terminal = Terminal::start(command, 24, 100);
    assert_eq!(terminal.wait().code(), Some(0));
    assert!(!terminal.text().contains(BAR), "{}", terminal.text());
}
