//! Programs that the kernel or the runtime does not execute, and their requirements.

use std::fs;

use scratchdbg_testkit::sample;

use super::program::{bare, compiled, with_libraries};
use super::{Proof, ended};
use crate::fault::{self, File, executable};
use crate::stage::Stage;

const APP: &str = r#"ENTRYPOINT ["/app"]"#;

/// Returns the verdict on a container with `files`, started by `entrypoint`, that has ended or
/// never ran.
fn of(stage: &Stage, code: &str, files: &[File], entrypoint: &str) -> serde_json::Value {
    let image = fault::image(stage, files, &[entrypoint]);
    ended(stage, &format!("{code}-{}", scratchdbg_testkit::unique()), &[], &image, &[])
}

fn app(stage: &Stage) -> Vec<u8> {
    fault::app(stage)
}

fn exiting(stage: &Stage, options: &[&str]) -> Vec<u8> {
    compiled(stage, "int main(void) { return 3; }", options)
}

/// Returns a program that needs the version `V_2` of a library, and the library in its versions
/// before and after.
fn versioned(stage: &Stage) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let folder = stage.scratchdbg.home();
    let old = "V_1 { global: one; };\n";
    fs::write(folder.join("old.map"), old).expect("a file");
    fs::write(folder.join("new.map"), format!("{old}V_2 {{ global: two; }} V_1;\n"))
        .expect("a file");
    let source = "int one(void) { return 1; } int two(void) { return 3; }";
    let library = |map: &str| {
        compiled(
            stage,
            source,
            &["-shared", "-fPIC", "-Wl,-soname,libv.so.1", &format!("-Wl,--version-script={map}")],
        )
    };
    let (old, new) = (library("old.map"), library("new.map"));
    fs::write(folder.join("libv.so.1"), &new).expect("a file");
    let program =
        compiled(stage, "int two(void); int main(void) { return two(); }", &["./libv.so.1"]);
    (program, old, new)
}

/// Returns a program whose notes require a processor level: the first, or one that no processor
/// has.
fn leveled(stage: &Stage, bits: u32) -> Vec<u8> {
    let note = format!(
        "__asm__(\".section .note.gnu.property, \\\"a\\\"\\n .balign 8\\n .long 4, 16, 5\\n .asciz \\\"GNU\\\"\\n \
         .long 0xc0008002, 4, {bits}, 0\\n .text\\n\"); int main(void) {{ return 3; }}"
    );
    // The compiler's own notes would be merged with ours, and keep only what is in both.
    compiled(stage, &note, &["-fcf-protection=none"])
}

pub(super) const PROOFS: &[Proof] = &[
    Proof {
        code: "loader-missing",
        fault: |stage| of(stage, "loader", &[executable("app", fault::dynamic_app(stage))], APP),
        near_miss: |stage| {
            of(stage, "loader", &with_libraries(exiting(stage, &[]), Vec::new()), APP)
        },
    },
    Proof {
        code: "library-missing",
        fault: |stage| {
            let mut files = with_libraries(exiting(stage, &[]), Vec::new());
            files.retain(|file| !file.path.contains("libc.so"));
            of(stage, "library", &files, APP)
        },
        near_miss: |stage| {
            of(stage, "library", &with_libraries(exiting(stage, &[]), Vec::new()), APP)
        },
    },
    Proof {
        code: "library-too-old",
        fault: |stage| {
            let (program, old, _) = versioned(stage);
            of(
                stage,
                "old",
                &with_libraries(program, vec![executable("lib/x86_64-linux-gnu/libv.so.1", old)]),
                APP,
            )
        },
        near_miss: |stage| {
            let (program, _, new) = versioned(stage);
            of(
                stage,
                "old",
                &with_libraries(program, vec![executable("lib/x86_64-linux-gnu/libv.so.1", new)]),
                APP,
            )
        },
    },
    Proof {
        code: "interpreter-missing",
        fault: |stage| of(stage, "interpreter", &[executable("app", "#!/bin/sh\necho hi\n")], APP),
        near_miss: |stage| {
            of(
                stage,
                "interpreter",
                &[executable("run", app(stage)), executable("app", "#!/run numbers\n")],
                APP,
            )
        },
    },
    Proof {
        code: "crlf-shebang",
        fault: |stage| {
            of(
                stage,
                "crlf",
                &[executable("run", app(stage)), executable("app", "#!/run\r\n")],
                APP,
            )
        },
        near_miss: |stage| {
            of(
                stage,
                "crlf",
                &[executable("run", app(stage)), executable("app", "#!/run numbers\nx\r\n")],
                APP,
            )
        },
    },
    Proof {
        code: "wrong-architecture",
        fault: |stage| {
            // AArch64.
            let foreign = sample::write_foreign_app(stage.scratchdbg.home(), "foreign", 0xb7);
            of(stage, "foreign", &[executable("app", fs::read(foreign).expect("the sample"))], APP)
        },
        near_miss: |stage| {
            of(stage, "foreign", &[executable("app", bare(stage, "leave(3);"))], APP)
        },
    },
    Proof {
        code: "not-an-executable",
        fault: |stage| of(stage, "text", &[executable("app", "hello\n")], APP),
        near_miss: |stage| of(stage, "text", &[executable("app", "#!/gone\nhello\n")], APP),
    },
    Proof {
        code: "truncated-binary",
        fault: |stage| {
            let app = app(stage);
            of(stage, "cut", &[executable("app", &app[..app.len() / 2])], APP)
        },
        // More than all of it.
        near_miss: |stage| {
            of(
                stage,
                "cut",
                &[executable("app", [&bare(stage, "leave(3);")[..], &[0; 4096]].concat())],
                APP,
            )
        },
    },
    Proof {
        code: "cpu-level",
        fault: |stage| of(stage, "level", &with_libraries(leveled(stage, 1 << 8), Vec::new()), APP),
        near_miss: |stage| of(stage, "level", &with_libraries(leveled(stage, 1), Vec::new()), APP),
    },
    Proof {
        code: "entrypoint-missing",
        fault: |stage| of(stage, "gone", &[executable("other", app(stage))], APP),
        near_miss: |stage| {
            of(stage, "gone", &[executable("app", app(stage))], r#"ENTRYPOINT ["/app", "/other"]"#)
        },
    },
    Proof {
        code: "entrypoint-not-absolute",
        fault: |stage| {
            of(stage, "relative", &[executable("app", app(stage))], r#"ENTRYPOINT ["app"]"#)
        },
        near_miss: |stage| {
            of(
                stage,
                "relative",
                &[executable("bin/app", app(stage))],
                r#"ENTRYPOINT ["app", "exit", "1"]"#,
            )
        },
    },
    Proof {
        code: "entrypoint-one-string",
        fault: |stage| {
            of(stage, "string", &[executable("app", app(stage))], r#"ENTRYPOINT ["/app exit 0"]"#)
        },
        near_miss: |stage| {
            of(
                stage,
                "string",
                &[executable("app", app(stage))],
                r#"ENTRYPOINT ["/app", "exit 0"]"#,
            )
        },
    },
    Proof {
        code: "shell-form",
        fault: |stage| {
            of(stage, "shell", &[executable("app", app(stage))], "ENTRYPOINT /app exit 0")
        },
        // The sample program under the shell's name.
        near_miss: |stage| {
            of(stage, "shell", &[executable("bin/sh", app(stage))], "ENTRYPOINT /app exit 0")
        },
    },
    Proof {
        code: "not-executable-mode",
        fault: |stage| {
            of(stage, "mode", &[File { path: "app", mode: 0o644, bytes: app(stage) }], APP)
        },
        near_miss: |stage| {
            of(
                stage,
                "mode",
                &[File { path: "app", mode: 0o111, bytes: bare(stage, "leave(3);") }],
                APP,
            )
        },
    },
    Proof {
        code: "parent-not-searchable",
        fault: |stage| behind(stage, 0o700),
        near_miss: |stage| behind(stage, 0o711),
    },
    Proof {
        code: "exec-not-permitted",
        // CAP_SYS_ADMIN, which containers lack by default, and CAP_NET_BIND_SERVICE, which they
        // have.
        fault: |stage| capable(stage, 21),
        near_miss: |stage| capable(stage, 10),
    },
    Proof {
        code: "argument-too-long",
        fault: |stage| long(stage, 131_072),
        near_miss: |stage| long(stage, 131_071),
    },
];

/// A program of an unprivileged user in a directory of root's.
fn behind(stage: &Stage, mode: u32) -> serde_json::Value {
    let directory = File { path: "private/", mode, bytes: Vec::new() };
    let image = fault::image(stage, &[directory, executable("private/app", app(stage))], &[]);
    let command = ["/private/app", "exit", "1"];
    ended(stage, &format!("parent-{mode}"), &["--user", "1000:1000"], &image, &command)
}

/// A program whose file has this capability, permitted and effective.
fn capable(stage: &Stage, capability: u32) -> serde_json::Value {
    let mut attribute = Vec::new();
    // `struct vfs_cap_data`, revision 2, effective; then permitted and inheritable, low words
    // first.
    for word in [0x0200_0001_u32, 1 << capability, 0, 0, 0] {
        attribute.extend(word.to_le_bytes());
    }
    let image = fault::loaded(stage, r#"{"Entrypoint": ["/app", "exit", "1"]}"#, |layer| {
        layer
            .append_pax_extensions([("SCHILY.xattr.security.capability", &attribute[..])])
            .expect("memory");
        fault::append(layer, &executable("app", app(stage)));
    });
    ended(stage, &format!("capable-{capability}"), &[], &image, &[])
}

/// A program with one variable of this many bytes, including its terminator. The kernel accepts 32
/// pages.
fn long(stage: &Stage, bytes: usize) -> serde_json::Value {
    let value = "x".repeat(bytes - "V=".len());
    let config = format!(r#"{{"Entrypoint": ["/app", "exit", "1"], "Env": ["V={value}"]}}"#);
    let image =
        fault::loaded(stage, &config, |layer| fault::append(layer, &executable("app", app(stage))));
    ended(stage, &format!("long-{bytes}"), &[], &image, &[])
}

one_test_each! {
    loader_missing library_missing library_too_old interpreter_missing crlf_shebang
    wrong_architecture not_an_executable truncated_binary cpu_level entrypoint_missing
    entrypoint_not_absolute entrypoint_one_string shell_form not_executable_mode
    parent_not_searchable exec_not_permitted argument_too_long
}
