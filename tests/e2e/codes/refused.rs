//! Starts that the engine refuses, and commands that it refuses in a running container.

use super::{Proof, ended, refusal, why};
use crate::fault::{self, File, executable};
use crate::stage::Stage;

const APP: &str = r#"ENTRYPOINT ["/app"]"#;

fn app(stage: &Stage) -> Vec<u8> {
    fault::app(stage)
}

/// Returns docker's message for this command in a running container of the sample program.
fn executed(stage: &Stage, stem: &str, arguments: &[&str]) -> serde_json::Value {
    let container = stage.engine.run(stem, &[], &stage.image, &[]);
    let (flags, command) =
        arguments.split_at(arguments.iter().take_while(|word| word.starts_with('-')).count() * 2);
    refusal(stage, &[&["exec"], flags, &[container.name()], command].concat())
}

fn mounted(stage: &Stage, stem: &str, is_folder: bool) -> serde_json::Value {
    let source = stage.scratchdbg.home().join(stem);
    if is_folder {
        std::fs::create_dir(&source).expect("a folder");
    } else {
        std::fs::write(&source, "x").expect("a file");
    }
    let etc = File { path: "etc/", mode: 0o755, bytes: Vec::new() };
    let image = fault::image(stage, &[executable("app", app(stage)), etc], &[APP]);
    let mount = format!("type=bind,source={},target=/etc", source.display());
    ended(stage, stem, &["--mount", &mount], &image, &["exit", "1"])
}

pub(super) const PROOFS: &[Proof] = &[
    Proof {
        code: "no-command",
        fault: |stage| {
            let image = fault::image(stage, &[executable("app", app(stage))], &[]);
            refusal(stage, &["create", &image])
        },
        near_miss: |stage| {
            let image = fault::image(
                stage,
                &[executable("app", app(stage))],
                &[r#"CMD ["/app", "exit", "1"]"#],
            );
            ended(stage, "command", &[], &image, &[])
        },
    },
    Proof {
        code: "environment-invalid",
        fault: |stage| environment(stage, "nameless", "=x"),
        near_miss: |stage| environment(stage, "valueless", "x="),
    },
    Proof {
        code: "user-unknown",
        fault: |stage| ended(stage, "user", &["--user", "nobody"], &stage.image, &[]),
        near_miss: |stage| {
            ended(stage, "number", &["--user", "1234"], &stage.image, &["exit", "1"])
        },
    },
    Proof {
        code: "workdir-not-a-directory",
        fault: |stage| {
            refusal(stage, &["run", "--rm", "--network", "none", "--workdir", "/app", &stage.image])
        },
        // A missing directory is created.
        near_miss: |stage| {
            ended(stage, "folder", &["--workdir", "/folder"], &stage.image, &["exit", "1"])
        },
    },
    Proof {
        code: "workdir-missing",
        fault: |stage| executed(stage, "nowhere", &["--workdir", "/nowhere", "/app", "exit", "0"]),
        near_miss: |stage| executed(stage, "somewhere", &["--workdir", "/", "/nowhere"]),
    },
    Proof {
        code: "shell-missing",
        fault: |stage| executed(stage, "shell", &["sh"]),
        near_miss: |stage| executed(stage, "no-shell", &["shred"]),
    },
    Proof {
        code: "program-missing",
        fault: |stage| executed(stage, "tar", &["tar"]),
        near_miss: |stage| executed(stage, "bash", &["bash"]),
    },
    Proof {
        code: "mount-failed",
        fault: |stage| mounted(stage, "mounted-file", false),
        near_miss: |stage| mounted(stage, "mounted-folder", true),
    },
    Proof {
        code: "never-started",
        fault: |stage| why(stage, &fault::created(stage, "waiting", &[], &stage.image, &[])),
        near_miss: |stage| ended(stage, "refused", &["--user", "nobody"], &stage.image, &[]),
    },
    Proof {
        code: "not-running",
        fault: |stage| {
            let name = fault::ended(stage, "over", &[], &stage.image, &["exit", "0"]);
            refusal(stage, &["exec", &name, "/app"])
        },
        near_miss: |stage| {
            let container = stage.engine.run("paused", &[], &stage.image, &[]);
            stage.engine.ask(["pause", container.name()]);
            let answer = refusal(stage, &["exec", container.name(), "/app"]);
            stage.engine.ask(["unpause", container.name()]);
            answer
        },
    },
];

/// A container of an image with this environment entry, or docker's message.
fn environment(stage: &Stage, stem: &str, entry: &str) -> serde_json::Value {
    let config = format!(r#"{{"Entrypoint": ["/app", "exit", "1"], "Env": ["{entry}"]}}"#);
    let image =
        fault::loaded(stage, &config, |layer| fault::append(layer, &executable("app", app(stage))));
    let name = stage.engine.name(stem);
    if stage
        .engine
        .docker(["create", "--network", "none", "--name", &name, &image])
        .status
        .success()
    {
        let _started = stage.engine.docker(["start", "--attach", &name]);
        return why(stage, &name);
    }
    refusal(stage, &["create", &image])
}

one_test_each! {
    no_command environment_invalid user_unknown workdir_not_a_directory workdir_missing
    shell_missing program_missing mount_failed never_started not_running
}
