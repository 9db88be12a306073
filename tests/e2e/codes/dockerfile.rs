//! Dockerfiles with lines that engines interpret otherwise than they are meant.

use std::fs;

use serde_json::Value;

use super::program::bare;
use super::{Proof, check};
use crate::fault::{self, executable};
use crate::stage::Stage;

const USER: &str = "USER 65532:65532";

/// Returns the report of `check` on a Dockerfile of a program that needs nothing.
fn of(stage: &Stage, lines: &[&str]) -> Value {
    let folder = stage.scratchdbg.home().join("context");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("app"), bare(stage, "leave(0);")).expect("a file");
    let text = [&["FROM scratch", "COPY --chmod=0755 app /app", USER], lines].concat().join("\n");
    fs::write(folder.join("Dockerfile"), text).expect("a file");
    check(stage, "context/Dockerfile")
}

pub(super) const PROOFS: &[Proof] = &[
    Proof {
        code: "dockerfile-invalid",
        fault: |stage| of(stage, &["ENTRYPIONT [\"/app\"]"]),
        // Lower case, a continued line and a comment inside it are all valid.
        near_miss: |stage| of(stage, &["env A=1 \\", "# BOGUS", "  B=2", r#"entrypoint ["/app"]"#]),
    },
    Proof {
        code: "copy-source-missing",
        fault: |stage| of(stage, &["COPY no-such-file /x", r#"ENTRYPOINT ["/app"]"#]),
        // A pattern may match nothing.
        near_miss: |stage| of(stage, &["COPY no-such-fil[e] ap[p] /x/", r#"ENTRYPOINT ["/app"]"#]),
    },
    Proof {
        code: "exec-form-invalid",
        fault: |stage| of(stage, &["ENTRYPOINT ['/app', 'serve']"]),
        // The test command of a shell begins with a bracket too.
        near_miss: |stage| of(stage, &[r#"CMD [ -f /app ] && exec /app "$@""#]),
    },
    Proof {
        code: "exec-form-shell-syntax",
        // The same in an image.
        fault: |stage| {
            let files = [executable("app", bare(stage, "leave(0);"))];
            check(
                stage,
                &fault::image(stage, &files, &[USER, r#"ENTRYPOINT ["/app", "&&", "/app"]"#]),
            )
        },
        near_miss: |stage| {
            of(stage, &[r#"ENTRYPOINT ["/app", "-exec", "x", ";", "pa$$word", "^x$"]"#])
        },
    },
    Proof {
        code: "command-ignored",
        fault: |stage| {
            let shell = [executable("bin/sh", bare(stage, "leave(0);"))];
            check(
                stage,
                &fault::image(stage, &shell, &[USER, "ENTRYPOINT /app", r#"CMD ["--port", "80"]"#]),
            )
        },
        near_miss: |stage| of(stage, &[r#"ENTRYPOINT exec /app "$@""#, r#"CMD ["--port", "80"]"#]),
    },
    Proof {
        code: "instruction-overridden",
        fault: |stage| of(stage, &[r#"CMD ["/other"]"#, r#"CMD ["/app"]"#]),
        near_miss: |stage| of(stage, &[r#"ENTRYPOINT ["/app"]"#, r#"CMD ["serve"]"#]),
    },
    Proof {
        code: "maintainer-deprecated",
        fault: |stage| of(stage, &[r#"ENTRYPOINT ["/app"]"#, "MAINTAINER me <me@example.com>"]),
        near_miss: |stage| of(stage, &[r#"ENTRYPOINT ["/app"]"#, "LABEL maintainer=me"]),
    },
    Proof {
        code: "onbuild-trigger",
        fault: |stage| of(stage, &[r#"ENTRYPOINT ["/app"]"#, "ONBUILD COPY app /app"]),
        near_miss: |stage| of(stage, &[r#"ENTRYPOINT ["/app"]"#, "COPY app /app2"]),
    },
];

one_test_each! {
    dockerfile_invalid copy_source_missing exec_form_invalid exec_form_shell_syntax command_ignored
    instruction_overridden maintainer_deprecated onbuild_trigger
}
