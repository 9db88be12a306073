//! Files that programs need at run time and images lack. The programs really need them: each one
//! fails in the image with the fault, and succeeds in the near miss.

use serde_json::Value;

use super::program::{bare, compiled, needing};
use super::{Proof, check, ended};
use crate::fault::{self, File, executable};
use crate::stage::Stage;

const APP: &str = r#"ENTRYPOINT ["/app"]"#;
const USER: &str = "USER 65532:65532";

fn file(path: &'static str, mode: u32) -> File {
    File { path, mode, bytes: if path.ends_with('/') { Vec::new() } else { b"#\n".to_vec() } }
}

/// Returns the report on an image with `program` and `more`. The program is run and must exit with
/// `code`.
#[track_caller]
fn of(stage: &Stage, program: Vec<u8>, more: Vec<File>, settings: &[&str], code: i32) -> Value {
    let mut files = vec![executable("app", program)];
    files.extend(more);
    let image = fault::image(stage, &files, &[&[APP, USER], settings].concat());
    let name =
        fault::ended(stage, &format!("needs-{}", scratchdbg_testkit::unique()), &[], &image, &[]);
    let exited = stage.engine.ask(["inspect", "--format", "{{.State.ExitCode}}", &name]);
    assert_eq!(exited, code.to_string(), "{}", stage.engine.ask(["logs", &name]));
    check(stage, &image)
}

/// A program that needs `path`, without it and with it.
const fn need(code: &'static str, fault: super::Making, near_miss: super::Making) -> Proof {
    Proof { code, fault, near_miss }
}

const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
const ZONE: &str = "/usr/share/zoneinfo/Europe/Berlin";

/// A program that creates a file in /tmp, and prints C's `perror` message on failure.
fn temporary(stage: &Stage) -> Vec<u8> {
    let words = |reason: &str| format!("open /tmp/upload: {reason}\\n");
    let (missing, denied) = (words("No such file or directory"), words("Permission denied"));
    bare(
        stage,
        &format!(
            "long r = sys(2, (long)\"/tmp/upload\", 0102, 0600); if (r >= 0) leave(0); \
             if (r == -2) sys(1, 2, (long)\"{missing}\", {}); else sys(1, 2, (long)\"{denied}\", {}); leave(1);",
            missing.len() - 1,
            denied.len() - 1,
        ),
    )
}

fn with_tmp(stage: &Stage, stem: &str, mode: Option<u32>) -> Value {
    let tmp = mode.map(|mode| file("tmp/", mode));
    let files: Vec<File> = [executable("app", temporary(stage))].into_iter().chain(tmp).collect();
    let image = fault::image(stage, &files, &[APP, USER]);
    ended(stage, stem, &[], &image, &[])
}

/// A program with static glibc that resolves a name, together with everything else that it
/// mentions.
fn resolver(stage: &Stage, more: Vec<File>) -> Value {
    let source = "#include <netdb.h>\n#include <stdlib.h>\nint main(int argc, char **argv) {\n\
        struct addrinfo *found; if (argc > 1) return getaddrinfo(argv[1], \"http\", 0, &found); return 0; }";
    // The linker's warning is expected here.
    let program = compiled(stage, source, &["-static", "-Wl,--no-warnings"]);
    let mut files = vec![
        file("etc/passwd", 0o644),
        file("etc/services", 0o644),
        file("tmp/", 0o1777),
        file("usr/share/zoneinfo/", 0o755),
    ];
    files.extend(more);
    of(stage, program, files, &[], 0)
}

pub(super) const PROOFS: &[Proof] = &[
    need(
        "ca-certificates-missing",
        |stage| of(stage, needing(stage, BUNDLE), Vec::new(), &[], 1),
        |stage| {
            of(
                stage,
                needing(stage, BUNDLE),
                vec![file("etc/ssl/certs/ca-certificates.crt", 0o644)],
                &[],
                0,
            )
        },
    ),
    need(
        "timezone-missing",
        |stage| of(stage, needing(stage, ZONE), Vec::new(), &["ENV TZ=Europe/Berlin"], 1),
        |stage| {
            of(
                stage,
                needing(stage, ZONE),
                vec![file("usr/share/zoneinfo/Europe/Berlin", 0o644)],
                &["ENV TZ=Europe/Berlin"],
                0,
            )
        },
    ),
    need(
        "tmp-missing",
        |stage| with_tmp(stage, "tmp", None),
        |stage| with_tmp(stage, "a-tmp", Some(0o1777)),
    ),
    need(
        "tmp-mode",
        |stage| with_tmp(stage, "tmp-755", Some(0o755)),
        |stage| with_tmp(stage, "tmp-1777", Some(0o1777)),
    ),
    need(
        "passwd-missing",
        |stage| of(stage, needing(stage, "/etc/passwd"), Vec::new(), &[], 1),
        |stage| of(stage, needing(stage, "/etc/passwd"), vec![file("etc/passwd", 0o644)], &[], 0),
    ),
    need(
        "services-missing",
        |stage| of(stage, needing(stage, "/etc/services"), Vec::new(), &[], 1),
        |stage| {
            of(stage, needing(stage, "/etc/services"), vec![file("etc/services", 0o644)], &[], 0)
        },
    ),
    need(
        "static-glibc-nss",
        |stage| resolver(stage, Vec::new()),
        // The same with its modules; and a program that uses no name service.
        |stage| {
            let module = file("lib/x86_64-linux-gnu/libnss_dns.so.2", 0o644);
            resolver(stage, vec![module])
        },
    ),
    need(
        "nsswitch-missing",
        |stage| resolver(stage, vec![file("lib/x86_64-linux-gnu/libnss_dns.so.2", 0o644)]),
        |stage| resolver(stage, vec![file("etc/nsswitch.conf", 0o644)]),
    ),
];

one_test_each! {
    ca_certificates_missing timezone_missing tmp_missing tmp_mode passwd_missing services_missing static_glibc_nss
    nsswitch_missing
}
