//! Programs that ran: how they ended, and their state.

use std::fs;
use std::net::TcpListener;

use scratchdbg_testkit::eventually;
use serde_json::Value;

use super::program::{bare, with_libraries};
use super::{Proof, ended, why};
use crate::fault::{self, executable};
use crate::stage::Stage;

/// A container of the sample program that has ended.
fn sample(stage: &Stage, stem: &str, flags: &[&str], command: &[&str]) -> Value {
    ended(stage, stem, flags, &stage.image, command)
}

/// A container of a program without a C library that has ended.
fn bare_one(stage: &Stage, stem: &str, flags: &[&str], body: &str) -> Value {
    let image =
        fault::image(stage, &[executable("app", bare(stage, body))], &[r#"ENTRYPOINT ["/app"]"#]);
    ended(stage, stem, flags, &image, &[])
}

/// A running container of the sample program.
fn running(
    stage: &Stage,
    stem: &str,
    flags: &[&str],
    command: &[&str],
    wanted: impl Fn(&Value) -> bool,
) -> Value {
    let container = stage.engine.run(stem, flags, &stage.image, command);
    let last = std::cell::RefCell::new(Value::Null);
    eventually(
        || format!("{stem} to be as it should; it is {:#}", last.borrow()),
        || {
            *last.borrow_mut() = why(stage, container.name());
            wanted(&last.borrow()).then(|| last.borrow().clone())
        },
    )
}

fn any(_: &Value) -> bool {
    true
}

/// Calls `sync`, which nothing but this program calls, under a profile with this action for it.
fn sandboxed(stage: &Stage, stem: &str, action: &str) -> Value {
    let profile = stage.scratchdbg.home().join(stem);
    let json = format!(
        r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{{"names": ["sync"], "action": "{action}"}}]}}"#
    );
    fs::write(&profile, json).expect("a file");
    let option = format!("seccomp={}", profile.display());
    bare_one(stage, stem, &["--security-opt", &option], "sys(162, 0, 0, 0); leave(1);")
}

/// A Go program that panics if its storage directory is not writable.
fn registry(stage: &Stage, stem: &str, storage: &str) -> Value {
    let program = fs::read("/usr/bin/docker-registry")
        .expect("docker-registry, which ./scripts/test installs");
    let settings = format!("version: 0.1\nstorage: {{ {storage} }}\nhttp: {{ addr: nowhere }}\n");
    let files = with_libraries(program, vec![executable("settings", settings)]);
    let image = fault::image(stage, &files, &[r#"ENTRYPOINT ["/app", "serve", "/settings"]"#]);
    ended(stage, stem, &[], &image, &[])
}

/// A container that publishes a port of this machine that is in use, or no longer is.
fn published(stage: &Stage, stem: &str, is_taken: bool) -> Value {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let publish = format!("127.0.0.1:{}:80", listener.local_addr().expect("its address").port());
    let _taken = is_taken.then_some(listener);
    let name = stage.engine.name(stem);
    stage.engine.ask(["create", "--name", &name, "--publish", &publish, &stage.image, "exit", "1"]);
    if stage.engine.docker(["start", &name]).status.success() {
        stage.engine.ask(["wait", &name]);
    }
    why(stage, &name)
}

fn stopped(stage: &Stage, stem: &str, command: &[&str], seconds: &str) -> Value {
    let container = stage.engine.run(stem, &[], &stage.image, command);
    if command == ["obey"] {
        eventually(
            || "a handler for SIGTERM".to_owned(),
            || {
                let answer = why(stage, container.name());
                (!fault::codes(&answer).contains(&"stop-signal-ignored".to_owned())).then_some(())
            },
        );
    }
    stage.engine.ask(["stop", "--time", seconds, container.name()]);
    why(stage, container.name())
}

fn looping(stage: &Stage, stem: &str, policy: &str, wanted: &str) -> Value {
    let container = stage.engine.run(stem, &["--restart", policy], &stage.image, &["exit", "3"]);
    let answer = eventually(
        || format!("{stem} to be {wanted}"),
        || {
            let answer = why(stage, container.name());
            (answer["verdict"] == wanted).then_some(answer)
        },
    );
    container.restart_no_more();
    answer
}

fn probed(stage: &Stage, stem: &str, code: &str) -> Value {
    let probe = format!(r#"HEALTHCHECK --interval=1s --retries=1 CMD ["/app", "exit", "{code}"]"#);
    let image = stage.engine.import_app(&[&probe]);
    let container = stage.engine.run(stem, &[], &image, &[]);
    eventually(
        || format!("a result of {stem}"),
        || {
            let said = stage.engine.ask([
                "inspect",
                "--format",
                "{{.State.Health.Status}}",
                container.name(),
            ]);
            (said != "starting").then_some(())
        },
    );
    why(stage, container.name())
}

pub(super) const PROOFS: &[Proof] = &[
    Proof {
        code: "oom-killed",
        fault: |stage| sample(stage, "eater", &["--memory", "16m"], &["eat"]),
        near_miss: |stage| sample(stage, "modest", &["--memory", "16m"], &["exit", "137"]),
    },
    Proof {
        code: "child-oom-killed",
        fault: |stage| sample(stage, "parent", &["--memory", "16m"], &["child-eat"]),
        near_miss: |stage| sample(stage, "childless", &["--memory", "16m"], &["exit", "0"]),
    },
    Proof {
        code: "killed-from-outside",
        fault: |stage| {
            let container = stage.engine.run("killed", &[], &stage.image, &[]);
            container.kill();
            why(stage, container.name())
        },
        near_miss: |stage| stopped(stage, "not-killed", &[], "1"),
    },
    Proof {
        code: "stop-signal-ignored",
        fault: |stage| stopped(stage, "deaf", &[], "1"),
        near_miss: |stage| stopped(stage, "hearing", &["obey"], "30"),
    },
    Proof {
        code: "segfault-or-abort",
        fault: |stage| sample(stage, "segfault", &[], &["segfault"]),
        near_miss: |stage| sample(stage, "no-segfault", &["--init"], &["abort"]),
    },
    Proof {
        code: "aborted",
        fault: |stage| sample(stage, "abort", &["--init"], &["abort"]),
        near_miss: |stage| sample(stage, "no-abort", &["--init"], &["segfault"]),
    },
    Proof {
        code: "illegal-instruction",
        // FEMMS of 3DNow!, which current processors lack.
        fault: |stage| {
            bare_one(stage, "illegal", &[], "__asm__ volatile(\".byte 0x0f, 0x0e\"); leave(1);")
        },
        near_miss: |stage| bare_one(stage, "legal", &[], "__asm__ volatile(\"nop\"); leave(1);"),
    },
    Proof {
        code: "forbidden-syscall",
        fault: |stage| sandboxed(stage, "forbidden", "SCMP_ACT_KILL_PROCESS"),
        near_miss: |stage| sandboxed(stage, "denied", "SCMP_ACT_ERRNO"),
    },
    Proof {
        code: "killed-by-signal",
        fault: |stage| {
            bare_one(
                stage,
                "divided",
                &[],
                "volatile int zero = 0, seven = 7; leave(seven / zero);",
            )
        },
        near_miss: |stage| sample(stage, "two-hundred", &[], &["exit", "200"]),
    },
    Proof {
        code: "rust-panic",
        fault: |stage| sample(stage, "panic", &[], &["panic"]),
        near_miss: |stage| sample(stage, "no-panic", &[], &["exit", "101"]),
    },
    Proof {
        code: "go-panic",
        fault: |stage| registry(stage, "go-panic", "nowhere: {}"),
        // It cannot listen there, and reports that.
        near_miss: |stage| registry(stage, "no-go-panic", "inmemory: {}"),
    },
    Proof {
        code: "read-only-filesystem",
        fault: |stage| write(stage, "read-only", &["--read-only"]),
        near_miss: |stage| write(stage, "writable", &["--read-only", "--tmpfs", "/data"]),
    },
    Proof {
        code: "port-in-use",
        fault: |stage| published(stage, "taken", true),
        near_miss: |stage| published(stage, "free", false),
    },
    Proof {
        code: "app-exit",
        fault: |stage| sample(stage, "exit", &[], &["exit", "3"]),
        near_miss: |stage| {
            sample(stage, "no-exit", &[], &["panic"]).as_object().map_or(Value::Null, first_only)
        },
    },
    Proof {
        code: "stopped",
        fault: |stage| stopped(stage, "stopped", &["obey"], "30"),
        near_miss: |stage| sample(stage, "by-itself", &[], &["exit", "0"]),
    },
    Proof {
        code: "crash-loop",
        fault: |stage| looping(stage, "looping", "always", "crash-loop"),
        near_miss: |stage| looping(stage, "once", "on-failure:1", "app-exit"),
    },
    Proof {
        code: "restarted-after-success",
        fault: |stage| {
            let container =
                stage.engine.run("done", &["--restart", "always"], &stage.image, &["exit", "0"]);
            let answer = eventually(
                || "done to be started again".to_owned(),
                || {
                    let answer = why(stage, container.name());
                    (answer["verdict"] == "restarted-after-success").then_some(answer)
                },
            );
            container.restart_no_more();
            answer
        },
        near_miss: |stage| looping(stage, "not-done", "always", "crash-loop"),
    },
    Proof {
        code: "paused",
        fault: |stage| {
            let container = stage.engine.run("paused", &[], &stage.image, &[]);
            stage.engine.ask(["pause", container.name()]);
            let answer = why(stage, container.name());
            stage.engine.ask(["unpause", container.name()]);
            answer
        },
        near_miss: |stage| running(stage, "unpaused", &[], &[], any),
    },
    Proof {
        code: "removed",
        fault: |stage| {
            let container = stage.engine.run("gone", &[], &stage.image, &["exit", "7"]);
            container.wait();
            stage.engine.ask(["rm", container.name()]);
            why_of_nothing(stage, container.name())
        },
        near_miss: |stage| {
            let container = stage.engine.run("back", &[], &stage.image, &["exit", "7"]);
            container.wait();
            stage.engine.ask(["rm", container.name()]);
            sample(stage, "back", &[], &["exit", "7"])
        },
    },
    Proof {
        code: "running-unhealthy",
        fault: |stage| probed(stage, "ill", "1"),
        near_miss: |stage| probed(stage, "well", "0"),
    },
    Proof {
        code: "zombies",
        fault: |stage| {
            running(stage, "graves", &[], &["zombies", "20"], |answer| {
                answer["verdict"] == "zombies"
            })
        },
        near_miss: |stage| running(stage, "no-graves", &["--init"], &[], any),
    },
    Proof {
        code: "near-limit",
        fault: |stage| {
            let limit = ["--pids-limit", "6"];
            running(stage, "near", &limit, &["zombies", "5"], |answer| {
                answer["verdict"] == "near-limit"
            })
        },
        near_miss: |stage| running(stage, "far", &["--pids-limit", "60"], &["zombies", "5"], any),
    },
    Proof {
        code: "running",
        fault: |stage| running(stage, "running", &[], &[], any),
        near_miss: |stage| sample(stage, "not-running", &[], &["exit", "0"]),
    },
];

/// A program that writes into a directory that the image lacks.
fn write(stage: &Stage, stem: &str, flags: &[&str]) -> Value {
    let said = "open /data/state: Read-only file system\\n";
    let body = format!(
        "if (sys(2, (long)\"/data/state\", 0102, 0600) >= 0) leave(0); \
         if (sys(83, (long)\"/data\", 0700, 0) == -30) sys(1, 2, (long)\"{said}\", {}); leave(1);",
        said.len() - 1
    );
    bare_one(stage, stem, flags, &body)
}

/// A panic is followed by its exit code, which must not be the verdict.
fn first_only(answer: &serde_json::Map<String, Value>) -> Value {
    serde_json::json!({"findings": [answer["findings"][0]]})
}

/// Runs `why` for a name that does not exist.
fn why_of_nothing(stage: &Stage, name: &str) -> Value {
    let finished = stage.run(&["why", "--format", "json", name]);
    serde_json::from_slice(&finished.stdout).expect("one JSON document")
}

one_test_each! {
    oom_killed child_oom_killed killed_from_outside stop_signal_ignored segfault_or_abort aborted
    illegal_instruction forbidden_syscall killed_by_signal rust_panic go_panic read_only_filesystem
    port_in_use app_exit stopped crash_loop restarted_after_success paused removed running_unhealthy
    zombies near_limit running
}
