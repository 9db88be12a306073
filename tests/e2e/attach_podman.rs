//! Podman, with its Docker-compatible API.

use scratchdbg_testkit::podman::Podman;

use crate::stage::Stage;

/// Ends at once: Podman forgets the exit code of a removed container, perhaps before it has
/// responded.
const LOOK: &str = "id -u; pwd; ls; exit 42";

#[test]
fn fault_15_podman() {
    let podman = Podman::start();
    let stage = Stage::on(podman.engine());
    let engine = &stage.engine;
    let hardened = [
        "--read-only",
        "--cap-drop",
        "ALL",
        "--security-opt",
        "no-new-privileges",
        "--user",
        "65532:65532",
    ];
    let running = engine.run("running", &[], &stage.image, &[]);
    let hardened = engine.run("hardened", &hardened, &stage.image, &[]);
    let exited = engine.run("exited", &[], &stage.image, &["exit", "1"]);
    assert_eq!(exited.wait(), 1);
    let sessions = [
        (&running, "auto", "exec", "0"),
        (&running, "sidecar", "sidecar", "0"),
        (&hardened, "auto", "exec", "65532"),
        (&hardened, "sidecar", "sidecar", "65532"),
        (&exited, "auto", "copy", "0"),
    ];
    for (target, asked, mode, user) in sessions {
        let before = target.diff();
        let explained = ["attach", "--mode", asked, "--explain", "--format", "json", target.name()];
        let explained: serde_json::Value =
            serde_json::from_slice(&stage.run(&explained).stdout).expect("JSON");
        assert_eq!(explained["mode"], mode, "{explained}");
        let finished =
            stage.run(&["attach", "--mode", asked, target.name(), "--", "sh", "-c", LOOK]);
        finished.expect_code(42);
        let said = finished.text();
        let folder = if mode == "sidecar" { "/proc/1/root" } else { "/" };
        assert!(said.starts_with(&format!("{user}\n{folder}\napp\n")), "{finished}");
        assert_eq!(target.diff(), before, "{mode}: its files are as they were");
    }
    let paused = engine.run("paused", &[], &stage.image, &[]);
    engine.ask(["pause", paused.id()]);
    let finished = stage.run(&["attach", paused.name(), "--", "true"]);
    finished.expect(125, "");
    for words in ["Podman", "unpause", "--mode copy"] {
        assert!(finished.stderr.contains(words), "{words:?} is missing in {finished}");
    }
    stage.run(&["attach", "--mode", "copy", paused.name(), "--", "sh", "-c", LOOK]).expect_code(42);
    engine.ask(["unpause", paused.id()]);
    let left = engine.ask(["ps", "--all", "--quiet", "--filter", "label=io.scratchdbg.session"]);
    assert_eq!(left, "", "nothing is left behind");
}
