//! Clients that are killed with SIGKILL, which they cannot handle, at any moment and in any mode:
//! later sessions remove what they left.

use std::time::Duration;

use rustix::process::Signal;
use scratchdbg_testkit::eventually;

use crate::stage::Stage;

/// The number of sessions. Override it with `SDBGTEST_KILLS=200`.
const KILLS: u64 = 20;

/// The latest kill in milliseconds. The range is from before the first request to a running
/// session: a cold session takes some 200 ms.
const LATEST_MILLISECONDS: u64 = 400;

/// Leaves a background process, a daemon, and a future zombie.
const MESSY: &str = "sleep 1001 & setsid sleep 1002 & (sleep 1003 &) ; sleep 1004";

#[test]
fn sessions_killed_at_random_moments_leave_nothing() {
    let stage = Stage::set();
    let running = stage.target(&[]);
    let hardened = stage.target_named(
        "hardened",
        &[
            "--read-only",
            "--cap-drop",
            "ALL",
            "--security-opt",
            "no-new-privileges",
            "--user",
            "65532:65532",
        ],
        &stage.image,
        &[],
    );
    let exited = stage.engine.run("exited", &["--volume", "/data"], &stage.image, &["exit", "7"]);
    exited.wait();
    // It has changed a file, so its file system must be committed for a copy.
    stage.engine.ask(["cp", "/etc/hostname", &format!("{}:/written", exited.name())]);
    let image = [&stage.image[..], "--image"];
    let ways: [&[&str]; 6] = [
        &[running.name()],
        &[hardened.name()],
        &[running.name(), "--mode", "sidecar"],
        &[running.name(), "--linger", "3s"],
        &[exited.name()],
        &image,
    ];
    // Load everything first, so that the kills fall into the sessions' own steps.
    running.attach(&["true"]).expect(0, "");

    let mut moments = Moments(u64::from(std::process::id()));
    for kill in 0..kills() {
        let way = ways[usize::try_from(kill).expect("it is small") % ways.len()];
        let arguments = [&["attach"], way, &["--", "sh", "-c", MESSY]].concat();
        let session = stage.scratchdbg.start(&arguments);
        std::thread::sleep(moments.next());
        session.signal(Signal::KILL);
        session.finish();
    }

    // A container that was created but not started cannot end by itself: a later session removes
    // it.
    let left = || {
        let containers = [&running.container, &hardened.container, &exited]
            .map(scratchdbg_testkit::engine::Container::companions);
        let of_image = format!("ancestor={}", stage.image);
        let copies =
            stage.engine.ask(["ps", "--all", "--quiet", "--filter", &of_image]).lines().count();
        (containers.concat(), copies, stage.engine.descendants(&stage.image))
    };
    eventually(
        || format!("nothing of a killed session: {:?}", left()),
        || {
            running.attach(&["true"]).expect(0, "");
            // Sessions in copies remove what others left.
            stage.run(&["attach", exited.name(), "--", "true"]).expect(0, "");
            let (containers, copies, images) = left();
            // The three targets themselves are containers of the image.
            (containers.is_empty() && copies == 3 && images.is_empty()).then_some(())
        },
    );
    running.assert_untouched();
    hardened.assert_untouched();
}

#[expect(clippy::disallowed_methods, reason = "the count is the caller's choice")]
fn kills() -> u64 {
    std::env::var("SDBGTEST_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(KILLS)
}

/// Pseudo-random moments, different ones in each run.
struct Moments(u64);

impl Moments {
    fn next(&mut self) -> Duration {
        // Knuth's MMIX generator, of which the high bits are the random ones.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((self.0 >> 33) % LATEST_MILLISECONDS)
    }
}

/// With an image, engines remove the untagged ones that it was made from, unless they are told not
/// to.
#[test]
fn an_untagged_image_outlives_the_copies_of_its_containers() {
    let stage = Stage::set();
    let engine = &stage.engine;
    let image = engine.import_app(&[]);
    let target = engine.run("untagged", &[], &image, &[]);
    let id = engine.ask(["inspect", "--format", "{{.Image}}", target.name()]);
    // It has changed a file, so its file system is committed for a copy.
    engine.ask(["cp", "/etc/hostname", &format!("{}:/written", target.name())]);
    engine.ask(["rmi", "--force", &image]);
    target.kill();
    let session =
        stage.scratchdbg.start(["attach", target.name(), "--", "sh", "-c", "echo up; sleep 1000"]);
    session.wait_for_stdout("the session", |output| output.starts_with(b"up"));
    session.signal(Signal::KILL);
    session.finish();
    engine.ask(["rm", target.name()]);
    let of_image = format!("ancestor={id}");
    let left = || {
        let copies = engine.ask(["ps", "--all", "--quiet", "--filter", &of_image]);
        (copies, engine.descendants(&id))
    };
    eventually(
        || format!("nothing of the copy: {:?}", left()),
        || {
            stage.run(&["sessions", "gc"]);
            let (copies, images) = left();
            (copies.is_empty() && images.is_empty()).then_some(())
        },
    );
    assert_eq!(engine.ask(["image", "inspect", "--format", "{{.Id}}", &id]), id);
    engine.ask(["rmi", &id]);
}
