//! Attacks on keepers that linger, and processes with the same rights that hold on to a keeper.

use rustix::process::Signal;
use scratchdbg_testkit::eventually;

use crate::attack_session::{HARDENED, hostile, processes_of_sessions, until_over};
use crate::stage::Stage;

/// Nobody watches a lingering keeper. If its rights were not the target's own, a neighbor could
/// take it over, be gone when the next session starts, and be root in the target.
#[test]
fn a_keeper_of_another_user_than_the_targets_own_never_lingers() {
    let stage = Stage::set();
    for (stem, flags, user, own) in [
        ("user", &["--user", "1000:1000"][..], "0", "1000:1000"),
        ("group", &["--user", "1000:1000"], "1000:0", "1000:1000"),
        (
            "fixed",
            &["--user", "1000:1000", "--security-opt", "no-new-privileges"],
            "0:0",
            "1000:1000",
        ),
        ("root", &[], "1000:1000", "0"),
    ] {
        let target = stage.target_named(stem, flags, &stage.image, &[]);
        let refused =
            stage.run(&["attach", "--linger", "1m", "-u", user, target.name(), "--", "id", "-u"]);
        refused.expect(125, "");
        for words in ["--linger needs the target's own user", "hint: "] {
            assert!(refused.stderr.contains(words), "{words:?} is missing in {refused}");
        }
        assert_eq!(target.container.companions(), [""; 0], "nothing is made");
        // Trust in neighbors applies to this session only.
        stage
            .run(&[
                "attach",
                "--linger",
                "1m",
                "--trust-neighbors",
                "-u",
                user,
                target.name(),
                "--",
                "true",
            ])
            .expect(125, "");
        // A keeper of the target's own user lingers, and serves no other user.
        stage
            .run(&["attach", "--linger", "1m", "-u", own, target.name(), "--", "true"])
            .expect(0, "");
        let lingering = target.container.companions();
        assert_eq!(lingering.len(), 1);
        let plan = stage.run(&["attach", "--explain", "-u", user, target.name()]);
        assert!(!plan.expect_code(0).text().contains("the keeper that is there"), "{plan}");
        assert_eq!(target.container.companions(), lingering);
        stage.engine.ask(["rm", "--force", &lingering[0]]);
        target.assert_untouched();
    }
}

/// A process that may not open files cannot read `/proc`.
#[test]
fn a_launcher_that_may_open_no_file_leaves_nothing() {
    let stage = Stage::set();
    for (stem, flags) in [("root", &[][..]), ("hardened", HARDENED)] {
        let target = hostile(&stage, stem, flags, &["limit"]);
        let messy = "sleep 1001 & setsid sleep 1002 & (sleep 1003 &) ; echo begun; sleep 1004";
        let session = target.start_attach(&["sh", "-c", messy]);
        session.wait_for_stdout("the session", |bytes| bytes == b"begun\n");
        let said = || target.container.logs();
        eventually(said, || said().contains("limit run: true").then_some(()));
        session.signal(Signal::KILL);
        session.finish();
        until_over(&target, stem);
    }
}

/// A traced process notices no signals except the one that kills it.
#[test]
fn a_keeper_or_a_launcher_that_is_traced_is_noticed() {
    let stage = Stage::set();
    for (how, flags) in
        [("trace-keeper", HARDENED), ("trace-launcher", &["--cap-add", "SYS_PTRACE"])]
    {
        let target = hostile(&stage, how, flags, &[how]);
        let session = target.start_attach(&["sh", "-c", "sleep 1001 & echo begun; sleep 1000"]);
        session.wait_for_stdout("the session", |bytes| bytes == b"begun\n");
        let said = || target.container.logs();
        eventually(said, || said().contains(": true").then_some(()));
        session.signal(Signal::KILL);
        session.finish();
        // The tracer may keep what it holds: a process that has ended, and its container.
        let left = || processes_of_sessions(&target);
        eventually(|| format!("{how}: {:?}", left()), || left().is_empty().then_some(()));
        target.container.kill();
        eventually(|| how.to_owned(), || target.container.companions().is_empty().then_some(()));
    }
}
