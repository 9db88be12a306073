//! Targets whose first process rules the mounts that a session would see.

use scratchdbg_testkit::{eventually, sample};

use crate::stage::{Stage, Target};

/// What lets a process without capabilities make a user namespace, under Docker's own profile or
/// without one.
const MAY_MAKE_NAMESPACES: [&[&str]; 2] =
    [&["--security-opt", "seccomp=unconfined"], &["--cap-add", "SYS_ADMIN"]];

fn covering<'stage>(
    stage: &'stage Stage,
    stem: &str,
    flags: &[&str],
    user: &str,
    drop: &[&str],
) -> Target<'stage> {
    let program = sample::cover();
    let settings = [r#"ENTRYPOINT ["/cover"]"#, &format!("USER {user}")];
    let image = stage.engine.import_app_with(&[("cover", 0o755, &program[..])], &settings);
    let target = stage.target_named(stem, flags, &image, drop);
    eventually(|| target.container.logs(), || target.container.logs().contains("up").then_some(()));
    target
}

#[test]
fn a_target_that_covers_proc_runs_nothing_in_a_session() {
    let stage = Stage::set();
    for (number, flags) in MAY_MAKE_NAMESPACES.into_iter().enumerate() {
        let weak = covering(&stage, &format!("weak{number}"), flags, "1000:1000", &[]);
        // Root that has given up its rights is the target's own user all the same.
        let dropped = covering(&stage, &format!("dropped{number}"), flags, "0:0", &["drop"]);
        // It could cover /proc at any time.
        let bare = covering(&stage, &format!("bare{number}"), flags, "1000:1000", &["bare"]);
        let (covered, own) = ("/proc is no proc filesystem", "in a user namespace of its own");
        for (target, options, reason) in [
            (&weak, &["-u", "0"][..], covered),
            (&weak, &["-u", "1000:0"], covered),
            (&weak, &[], covered),
            (&dropped, &[], covered),
            (&bare, &["-u", "0"], own),
        ] {
            let finished =
                stage.run(&[&["attach"], options, &[target.name(), "--", "id"]].concat());
            finished.expect(125, "");
            // Who has SYS_ADMIN in the target itself is refused before that.
            let is_told = [reason, "answers for every name"]
                .iter()
                .any(|words| finished.stderr.contains(words));
            assert!(is_told, "{flags:?} {options:?}: {reason:?} is missing in {finished}");
            assert!(
                finished.stderr.contains("--mode sidecar"),
                "{flags:?} {options:?}: {finished}"
            );
        }
        // Others can look from outside.
        stage
            .run(&["attach", "--mode", "sidecar", weak.name(), "--", "id", "-u"])
            .expect(0, "1000\n");
        stage.run(&["attach", "--mode", "copy", weak.name(), "--", "id", "-u"]).expect(0, "1000\n");
    }
}
