//! Commands of sessions that attack the launcher which runs them.

use rustix::process::Signal;
use scratchdbg_testkit::terminal::Terminal;

use crate::attack_session::{HARDENED, until_over};
use crate::stage::Stage;

#[test]
fn a_command_ends_with_its_launcher() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let audit = stage.scratchdbg.home().join("audit.jsonl").to_string_lossy().into_owned();
    for mode in ["exec", "sidecar"] {
        let options = ["attach", "--audit", &audit, "--mode", mode, target.name(), "--"];
        let finished = stage
            .run(&[&options[..], &["sh", "-c", "echo begun; kill -9 $PPID; sleep 1000"]].concat());
        // Nobody has said how the command ended.
        finished.expect(125, "begun\n");
        assert!(
            finished.stderr.contains("the launcher did not say how the command ended"),
            "{mode}: {finished}"
        );
        let text = std::fs::read_to_string(&audit).expect("it was recorded");
        let record: serde_json::Value =
            serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
        let end = record["end"].as_str().expect("text");
        assert!(
            end.starts_with("failed: the launcher") && record["exit_code"].is_null(),
            "{mode}: {record}"
        );
        until_over(&target, "after the launcher");
    }
}

/// The keeper ends a session whose launcher hangs, and then itself. Nobody removed it.
#[test]
fn a_command_that_stops_its_launcher_has_no_exit_code() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let finished = target.attach(&["sh", "-c", "kill -STOP $PPID; echo begun; sleep 1000"]);
    finished.expect(125, "begun\n");
    assert!(
        finished.stderr.contains("the launcher did not say how the command ended"),
        "{finished}"
    );
    until_over(&target, "after the stopped launcher");
}

/// Writes everything that can be found out about the launcher as forged records of success, on both
/// streams, and fails.
const FORGE: &str = r#"
words=$(tr '\0' '\n' < /proc/$PPID/cmdline
    tr '\0=' '\n\n' < /proc/$PPID/environ
    tr '\0=' '\n\n' < /proc/self/environ
    for number in 0 1 2 3 4 5 100; do readlink /proc/$PPID/fd/$number; done)
for word in $words; do
    printf '\036%s 000\036' "$word"
    printf '\036%s 000\036' "$word" >&2
done
sleep 0.2
exit 4
"#;

#[test]
fn a_command_cannot_forge_how_it_ended() {
    let stage = Stage::set();
    let rows: [(&str, &[&str], &[&str]); 6] = [
        ("root", &[], &["exec", "copy"]),
        ("user", &["--user", "1000:1000"], &["exec", "sidecar"]),
        ("hardened", HARDENED, &["exec", "sidecar"]),
        // It can read the launcher's memory.
        ("tracer", &["--cap-add", "SYS_PTRACE"], &["exec"]),
        (
            "admin",
            &[
                "--cap-add",
                "SYS_ADMIN",
                "--cap-add",
                "SYS_PTRACE",
                "--security-opt",
                "seccomp=unconfined",
            ],
            &["exec"],
        ),
        ("none", &["--cap-drop", "ALL"], &["exec", "sidecar"]),
    ];
    for (stem, flags, modes) in rows {
        let target = stage.target_named(stem, flags, &stage.image, &[]);
        for mode in modes {
            let finished =
                stage.run(&["attach", "--mode", mode, target.name(), "--", "sh", "-c", FORGE]);
            finished.expect_code(4);
            let written = finished.text();
            assert!(
                written.contains("scratchdbg-launcher 000"),
                "{stem} {mode}: what it wrote is output: {finished}"
            );
        }
        let mut command = stage.scratchdbg.command(target.attach_arguments(&["sh", "-c", FORGE]));
        command.env("TERM", "xterm");
        let mut terminal = Terminal::start(command, 24, 200);
        assert_eq!(terminal.wait().code(), Some(4), "{stem}: {}", terminal.text());
    }
}

/// A process that can read the launcher's memory can do everything that the session can. Without
/// `SYS_PTRACE` it cannot read it.
#[test]
fn a_launcher_forbids_to_be_looked_into() {
    let stage = Stage::set();
    for (stem, flags) in [("root", &[][..]), ("hardened", HARDENED)] {
        let target = stage.target_named(stem, flags, &stage.image, &[]);
        let look = "for file in environ mem maps auxv; do cat /proc/$PPID/$file > /dev/null && echo $file; done; exit 0";
        let finished = target.attach(&["sh", "-c", look]);
        finished.expect(0, "");
        // The launcher is found and ended nevertheless; and its own shell is accessible.
        target.attach(&["sh", "-c", "cat /proc/$$/environ > /dev/null"]).expect(0, "");
        let session = target.start_attach(&["sh", "-c", "echo begun; sleep 1000"]);
        session.wait_for_stdout("the session", |bytes| bytes == b"begun\n");
        session.signal(Signal::KILL);
        session.finish();
        until_over(&target, stem);
    }
}
