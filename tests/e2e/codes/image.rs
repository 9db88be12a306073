//! Images whose programs start, but with questionable properties that `check` finds.

use serde_json::Value;

use super::program::bare;
use super::{Proof, check, refusal, why};
use crate::fault::{self, File, executable};
use crate::stage::Stage;

const APP: &str = r#"ENTRYPOINT ["/app"]"#;
const USER: &str = "USER 65532:65532";

/// Returns the report of `check` on an image of a program that needs nothing, with more files and
/// these settings.
fn of(stage: &Stage, more: Vec<File>, settings: &[&str]) -> Value {
    let mut files = vec![executable("app", bare(stage, "leave(0);"))];
    files.extend(more);
    check(stage, &fault::image(stage, &files, &[&[APP], settings].concat()))
}

fn file(path: &'static str, mode: u32, bytes: &str) -> File {
    File { path, mode, bytes: bytes.as_bytes().to_vec() }
}

/// Returns the verdict on a container with this health check, once the engine has its first result.
fn probed(stage: &Stage, stem: &str, probe: &str, status: &str) -> Value {
    let image =
        stage.engine.import_app(&[&format!("HEALTHCHECK --interval=1s --retries=1 {probe}")]);
    let container = stage.engine.run(stem, &[], &image, &[]);
    scratchdbg_testkit::eventually(
        || format!("{stem} to be {status}"),
        || {
            let said = stage.engine.ask([
                "inspect",
                "--format",
                "{{.State.Health.Status}}",
                container.name(),
            ]);
            (said == status).then_some(())
        },
    );
    why(stage, container.name())
}

/// Returns docker's message for an archive whose layer contains these files.
fn load(stage: &Stage, name: &str, paths: &[&'static str]) -> Value {
    let archive = fault::saved("twice:1", "{}", |layer| {
        for path in paths {
            fault::append(layer, &executable(path, *path));
        }
    });
    let path = stage.scratchdbg.home().join(name);
    std::fs::write(&path, archive).expect("a file");
    check(stage, &format!("archive:{name}"))
}

/// Returns the report on an archive in which `/link` is a hard link to `target`, beside `/app`.
fn linked(stage: &Stage, name: &str, target: &str) -> Value {
    let archive = fault::saved("linked:1", r#"{"User": "1", "Entrypoint": ["/app"]}"#, |layer| {
        fault::append(layer, &executable("app", bare(stage, "leave(0);")));
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Link);
        header.set_size(0);
        header.set_mode(0o755);
        layer.append_link(&mut header, "link", target).expect("writing to memory works");
    });
    std::fs::write(stage.scratchdbg.home().join(name), archive).expect("a file");
    check(stage, &format!("archive:{name}"))
}

/// Returns the report on an image whose program is `/srv/app`.
fn in_folder(stage: &Stage, setting: &str) -> Value {
    let files = [executable("srv/app", bare(stage, "leave(0);"))];
    check(stage, &fault::image(stage, &files, &[r#"ENTRYPOINT ["/srv/app"]"#, USER, setting]))
}

/// Returns the report on an image with this stop signal, which need not be valid in a Dockerfile.
fn stopped_by(stage: &Stage, signal: &str) -> Value {
    let config = format!(r#"{{"User": "1", "Entrypoint": ["/app"], "StopSignal": "{signal}"}}"#);
    let image = fault::loaded(stage, &config, |layer| {
        fault::append(layer, &executable("app", bare(stage, "leave(0);")));
    });
    check(stage, &image)
}

pub(super) const PROOFS: &[Proof] = &[
    Proof {
        code: "user-not-numeric",
        fault: |stage| {
            let passwd = file("etc/passwd", 0o644, "web:x:1000:1000::/:/app\n");
            of(stage, vec![passwd], &["USER web"])
        },
        near_miss: |stage| of(stage, Vec::new(), &["USER 1000"]),
    },
    Proof {
        code: "runs-as-root",
        fault: |stage| of(stage, Vec::new(), &["USER 0:1000"]),
        near_miss: |stage| of(stage, Vec::new(), &["USER 1000:0"]),
    },
    Proof {
        code: "healthcheck-needs-shell",
        fault: |stage| probed(stage, "shell", "CMD /app exit 0", "unhealthy"),
        near_miss: |stage| probed(stage, "no-shell", r#"CMD ["/app", "exit", "0"]"#, "healthy"),
    },
    Proof {
        code: "healthcheck-missing-program",
        fault: |stage| probed(stage, "probe", r#"CMD ["/probe"]"#, "unhealthy"),
        near_miss: |stage| probed(stage, "failing", r#"CMD ["/app", "exit", "1"]"#, "unhealthy"),
    },
    Proof {
        code: "duplicate-path",
        fault: |stage| {
            let archive = fault::saved("twice:1", "{}", |layer| {
                fault::append(layer, &executable("app", "a"));
                fault::append(layer, &executable("app", stage.engine.name("b").as_str()));
            });
            let path = stage.scratchdbg.home().join("twice.tar");
            std::fs::write(&path, archive).expect("a file");
            // The engine and scratchdbg agree.
            let refused =
                refusal(stage, &["load", "--input", path.to_str().expect("a plain path")]);
            let report = check(stage, "archive:twice.tar");
            assert_eq!(
                refused["findings"][0]["code"], report["findings"][0]["code"],
                "{refused:#}"
            );
            report
        },
        near_miss: |stage| load(stage, "once.tar", &["app", "b/app"]),
    },
    Proof {
        code: "hard-link-broken",
        fault: |stage| linked(stage, "broken.tar", "none"),
        near_miss: |stage| linked(stage, "linked.tar", "app"),
    },
    Proof {
        code: "volume-not-mountable",
        fault: |stage| of(stage, Vec::new(), &[USER, r#"VOLUME ["/"]"#]),
        near_miss: |stage| of(stage, Vec::new(), &[USER, r#"VOLUME ["/sys"]"#]),
    },
    Proof {
        code: "volume-hides-program",
        fault: |stage| in_folder(stage, r#"VOLUME ["/srv"]"#),
        near_miss: |stage| in_folder(stage, r#"VOLUME ["/srv/data"]"#),
    },
    Proof {
        code: "stop-signal-unknown",
        fault: |stage| stopped_by(stage, "SIGFOO"),
        near_miss: |stage| stopped_by(stage, "SIGRTMIN+3"),
    },
    Proof {
        code: "secret-in-image",
        fault: |stage| of(stage, Vec::new(), &[USER, "ENV API_TOKEN=abcdef0123"]),
        near_miss: |stage| {
            let public = file("key.pem", 0o644, "-----BEGIN PUBLIC KEY-----\nx\n");
            of(stage, vec![public], &[USER, "ENV API_TOKEN_FILE=/run/secrets/token"])
        },
    },
    Proof {
        code: "setuid-file",
        fault: |stage| of(stage, vec![file("su", 0o4755, "x")], &[USER]),
        // The sticky bit is different.
        near_miss: |stage| of(stage, vec![file("su", 0o1755, "x")], &[USER]),
    },
];

one_test_each! {
    user_not_numeric runs_as_root healthcheck_needs_shell healthcheck_missing_program duplicate_path
    hard_link_broken volume_not_mountable volume_hides_program stop_signal_unknown secret_in_image
    setuid_file
}
