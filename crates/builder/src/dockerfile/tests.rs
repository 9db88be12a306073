use std::fs;

use scratchdbg_image::Entry;

use super::*;
use crate::build;
use crate::samples::{X86_64, elf};

/// Creates a directory with a program, a few files, and a `.dockerignore`.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("app"), elf(X86_64, None, b"app")).unwrap();
    fs::create_dir_all(path("conf/secret")).unwrap();
    for name in ["conf/a.toml", "conf/b.toml", "conf/secret/key", "notes.log"] {
        fs::write(path(name), name).unwrap();
    }
    fs::write(path(".dockerignore"), "*.log\nconf/secret\n").unwrap();
    folder
}

fn spec(text: &str) -> Result<BuildSpec, DockerfileError> {
    read(text, folder().path(), &Arguments::default()).map(|recipe| recipe.spec)
}

fn paths(spec: &BuildSpec) -> Vec<String> {
    spec.files
        .iter()
        .filter(|(path, _)| !path.is_empty())
        .map(|(path, _)| path.to_owned())
        .collect()
}

#[test]
fn the_common_subset() {
    let folder = folder();
    let text = r#"# a comment
ARG BASE=scratch
FROM ${BASE} AS final
ARG PORT=8080
ENV MODE=prod DIR="/srv/data" \
    GREETING='hello world'
ENV OLD form of it
ENV MODE=test
LABEL org.opencontainers.image.title="My App" port=$PORT
WORKDIR /srv
WORKDIR app
COPY --chmod=0555 --chown=65532:65532 app /bin/
COPY conf/*.toml conf/
COPY conf ${DIR}
EXPOSE $PORT 53/udp
VOLUME /data
USER 65532:65532
STOPSIGNAL SIGINT
HEALTHCHECK --interval=1m30s --retries=2 CMD ["/bin/app", "health"]
ENTRYPOINT ["/bin/app"]
CMD ["serve", "$PORT"]
"#;
    let values = BTreeMap::from([("PORT".into(), "9090".into())]);
    let spec = read(text, folder.path(), &Arguments { values, target: None }).unwrap().spec;
    assert_eq!(spec.env[0], "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    assert_eq!(
        spec.env[1..],
        ["MODE=test", "DIR=/srv/data", "GREETING=hello world", "OLD=form of it"]
    );
    assert_eq!(spec.labels["org.opencontainers.image.title"], "My App");
    assert_eq!(spec.labels["port"], "9090");
    assert_eq!((spec.workdir.as_deref(), spec.user.as_str()), (Some("/srv/app"), "65532:65532"));
    assert_eq!(
        paths(&spec),
        [
            "bin",
            "bin/app",
            "srv",
            "srv/app",
            "srv/app/conf",
            "srv/app/conf/a.toml",
            "srv/app/conf/b.toml",
            "srv/data",
            "srv/data/a.toml",
            "srv/data/b.toml"
        ]
    );
    let Entry { mode, uid, gid, .. } = spec.files.get("bin/app").unwrap();
    assert_eq!((*mode, *uid, *gid), (0o555, 65532, 65532));
    assert_eq!(spec.files.get("bin").unwrap().uid, 65532, "as the file in it");
    assert_eq!(spec.expose, ["9090", "53/udp"]);
    let check = spec.healthcheck.as_ref().unwrap();
    assert_eq!((check.interval, check.retries), (Some(90_000_000_000), Some(2)));
    assert_eq!(check.test.as_ref().unwrap(), &["CMD", "/bin/app", "health"]);
    assert_eq!(spec.entrypoint.as_ref().unwrap(), &["/bin/app"]);
    assert_eq!(spec.cmd.as_ref().unwrap(), &["serve", "$PORT"], "the exec form is not expanded");
    let image = build(&spec).unwrap().prod.images()[0].clone();
    assert_eq!(image.platform().to_string(), "linux/amd64");
    assert!(image.config().config.volumes.as_ref().unwrap().contains_key("/data"));
}

#[test]
fn a_dockerfile_is_known_by_its_content() {
    for (text, expected) in [
        ("FROM scratch\n", true),
        ("\u{feff}# syntax=x\r\n\r\nARG A\r\nfrom $A\r\n", true),
        ("FROM scratch\nCPOY a b\nUSER 1\n", true),
        ("COPY a /a\nENTRYPOINT [\"/a\"]\n", true),
        ("FROM a\nRUN <<E\nanything\nat all\n", true),
        ("", false),
        ("# FROM scratch\n", false),
        ("#!/bin/sh\nFROM scratch\n", false),
        ("From: me\nTo: you\n\nHello\n", false),
        ("from os import path\nimport sys\nprint(sys)\n", false),
        ("run\n", false),
        ("name: x\nvolumes:\n  - a\n", false),
    ] {
        assert_eq!(reads_as_one(text), expected, "{text}");
    }
}

#[test]
fn stages_that_begin_at_scratch_are_made() {
    let text = "FROM golang:1 AS unused\nRUN go build\nFROM scratch AS base\nCOPY app /app\nCMD [\"x\"]\nFROM scratch AS files\nCOPY conf /etc/conf\n\
                FROM base\nCOPY --from=files /etc/conf/a.toml /etc/conf /x/\nCOPY --from=1 /app /app2\nENTRYPOINT [\"/app\"]\n";
    let spec = spec(text).unwrap();
    assert_eq!(paths(&spec), ["app", "app2", "x", "x/a.toml", "x/b.toml"]);
    assert_eq!(spec.cmd, None, "an ENTRYPOINT takes the inherited CMD away");
    assert_eq!(spec.user, "", "as Docker has it");
}

#[test]
fn later_files_take_the_place_of_earlier_ones_and_folders_are_entered() {
    let spec =
        spec("FROM scratch\nCOPY conf/a.toml /etc/x\nCOPY conf/b.toml /etc/x\nCOPY app /etc\nCOPY . /all\n").unwrap();
    assert_eq!(
        paths(&spec),
        [
            "all",
            "all/.dockerignore",
            "all/app",
            "all/conf",
            "all/conf/a.toml",
            "all/conf/b.toml",
            "etc",
            "etc/app",
            "etc/x"
        ]
    );
    assert_eq!(spec.files.get("etc/app").unwrap().mode, 0o644, "not executable on disk");
}

#[test]
fn the_shell_form_is_what_docker_makes_of_it() {
    let spec = spec("FROM scratch\nCOPY app /app\nCMD /app --x \"$Y\"\n").unwrap();
    assert_eq!(spec.cmd.unwrap(), ["/bin/sh", "-c", "/app --x \"$Y\""]);
}

#[test]
fn what_cannot_be_done_is_refused_with_line_reason_and_way_out() {
    for (text, line, part) in [
        ("FROM alpine\n", 1, "build this stage with Docker"),
        ("FROM scratch\nRUN make\n", 2, "RUN needs a shell"),
        (
            "FROM golang AS b\nRUN x\nFROM scratch\nCOPY --from=b /a /a\n",
            4,
            "cannot be made without Docker (line 1:",
        ),
        ("FROM scratch\nCOPY --from=nginx /a /a\n", 2, "nginx is one"),
        ("FROM scratch\nADD https://example.com/x /x\n", 2, "fetch it yourself"),
        ("FROM scratch\n\nCOPY nothing /x\n", 3, "nothing is not in the context"),
        ("FROM scratch\nCOPY notes.log /x\n", 2, ".dockerignore"),
        ("FROM scratch\nCOPY ../x /x\n", 2, "outside of the context"),
        ("FROM scratch\nCOPY app conf/a.toml /x\n", 2, "end it with a slash"),
        ("FROM scratch\nCOPY --chown=nonroot app /x\n", 2, "knows no names"),
        ("FROM scratch\nCOPY --chmod=u+x app /x\n", 2, "octal"),
        ("FROM scratch\nHEALTHCHECK CMD curl localhost\n", 2, "needs /bin/sh"),
        ("FROM scratch\nSHELL [\"/bin/bash\"]\n", 2, "has no shell"),
        ("FROM scratch\nENV X=\"a\n", 2, "not closed"),
        ("FROM scratch\nBOGUS x\n", 2, "BOGUS is no instruction"),
        ("FROM scratch\nCMD [\"/app\",\n\"x\"]\n", 3, "end that with \\"),
        ("FROM scratch\nUSR x\n", 2, "is USER meant?"),
        ("", 1, ""),
    ] {
        let error = spec(text).unwrap_err();
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.reason.contains(part), "{part}: {error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

#[test]
fn words_that_become_nothing_or_several() {
    let expose = |text: &str| {
        spec(&format!("FROM scratch\nENV P=\"80 443/udp\"\n{text}\n")).map(|spec| spec.expose)
    };
    for (text, expected) in [
        ("EXPOSE $NONE", &[][..]),
        ("EXPOSE $NONE 80", &["80"]),
        ("EXPOSE \"\" $P", &["80", "443/udp"]),
    ] {
        assert_eq!(expose(text).unwrap(), expected, "{text}");
    }
    for text in
        ["EXPOSE $NONE/tcp", "EXPOSE 9-1", "WORKDIR $NONE", "STOPSIGNAL $NONE", "VOLUME $NONE"]
    {
        assert!(expose(text).is_err(), "{text}");
    }
    assert_eq!(spec("FROM scratch\nUSER $NONE\n").unwrap().user, "");
}

#[test]
fn parts_that_lead_back_stay_in_the_context() {
    for source in [
        "./conf/../app",
        "conf/secret/../../app",
        "none/../app",
        "/conf/../app",
        "app/",
        "conf/../ap*",
    ] {
        let spec = spec(&format!("FROM scratch\nCOPY {source} /x/\n")).unwrap();
        assert_eq!(paths(&spec), ["x", "x/app"], "{source}");
    }
    for source in ["../app", "conf/../../app", "/../app", "conf/../..", ".."] {
        let error = spec(&format!("FROM scratch\nCOPY {source} /x/\n")).unwrap_err();
        assert!(error.reason.contains("outside of the context"), "{source}: {error}");
    }
}

#[test]
fn text_behind_an_array_is_passed_over() {
    let text = "FROM scratch\nCOPY [\"app\", \"/app\"] # x\nVOLUME [\"/d\"];\nENTRYPOINT [\"/app\"] --x\nCMD [\"a\"] [\"b\"]\n";
    let spec = spec(text).unwrap();
    assert_eq!(
        (spec.entrypoint.unwrap(), spec.cmd.unwrap()),
        (vec!["/app".to_owned()], vec!["a".to_owned()])
    );
    assert_eq!(spec.volumes, ["/d"]);
    assert_eq!(paths(&super::tests::spec(text).unwrap()), ["app"]);
}

/// Returns the lines that an inspection reports, with the beginning of each report.
fn looked_at(text: &str) -> Vec<(usize, Code)> {
    let folder = folder();
    let (recipe, _) = inspect(text, folder.path(), &Arguments::default()).unwrap();
    let errors = recipe.findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| (finding.location.as_ref().unwrap().line, finding.code)).collect()
}

#[test]
fn what_docker_does_not_build_is_said() {
    use Code::{
        CopySourceMissing as Source, DockerfileInvalid as Invalid, EntrypointMissing as Program,
        ShellForm as Shell,
    };
    for (text, expected) in [
        ("FROM scratch\nRUN echo hi\nCOPY app /app\n", &[(2, Shell)][..]),
        ("FROM scratch\nCOPY app /bin/sh\nRUN echo hi\n", &[]),
        ("FROM scratch\nSHELL [\"/app\"]\nRUN x\nCOPY app /app\nRUN x\n", &[(3, Shell)]),
        ("FROM scratch\nRUN [\"/nope\"]\n", &[(2, Program)]),
        (
            "FROM scratch\nCOPY app /bin/\nWORKDIR /bin\nRUN [\"bin/app\"]\nRUN [\"./app\"]\nRUN [\"no\"]\n",
            &[(4, Program)],
        ),
        ("FROM scratch\nCOPY app /bin/\nRUN [\"app\"]\n", &[]),
        ("FROM scratch\nRUN []\n", &[(2, Invalid)]),
        ("FROM scratch\nCOPY --from=busybox /bin /bin\nRUN ls\nRUN [\"ls\"]\n", &[]),
        ("FROM scratch\nCOPY --from=busybox /bin/busybox /bin/\nRUN ls\n", &[]),
        ("FROM scratch\nCOPY --from=busybox /bin/busybox /busybox\nRUN ls\n", &[(3, Shell)]),
        (
            "FROM scratch\nCOPY --from=busybox /bin/busybox /busybox\nRUN [\"/busybox\", \"ls\"]\nRUN ls\n",
            &[],
        ),
        ("FROM alpine\nRUN ls\n", &[]),
        // In other stages too.
        ("FROM scratch AS a\nRUN ls\nFROM scratch\nCOPY --from=a /x /x\n", &[(2, Shell)]),
        ("FROM scratch AS a\nCOPY none /x\nFROM scratch\nCOPY app /app\n", &[(2, Source)]),
        (
            "FROM golang AS a\nCOPY . .\nCOPY go.mod ./\nRUN x\nFROM scratch\nCOPY --from=a /x /x\n",
            &[(3, Source)],
        ),
        (
            "FROM scratch AS a\nCOPY app /app\nFROM scratch\nCOPY --from=1 /app /app\n",
            &[(4, Invalid)],
        ),
        ("FROM scratch AS a\nCOPY --from=a /app /app\n", &[(2, Invalid)]),
        ("FROM scratch\nCOPY --from=-1 /app /app\n", &[(2, Invalid)]),
        ("FROM scratch AS a\nCOPY app /app\nFROM scratch\nCOPY --from=00 /app /app\n", &[]),
        ("FROM scratch AS a\nFROM scratch AS A\n", &[(2, Invalid)]),
        ("FROM --platform=foo/bar scratch\n", &[(1, Invalid)]),
        ("FROM --platform=amd64 scratch\n", &[]),
        ("FROM scratch\nHEALTHCHECK --interval=0 CMD [\"/app\"]\n", &[(2, Invalid)]),
        ("FROM scratch\nHEALTHCHECK --retries=0 CMD curl x\n", &[(2, Invalid)]),
        ("FROM scratch\nHEALTHCHECK --bogus=1 CMD curl x\n", &[(2, Invalid)]),
        ("FROM scratch\nHEALTHCHECK --retries=1 --retries=2 CMD curl x\n", &[(2, Invalid)]),
        ("FROM scratch\nHEALTHCHECK --retries= --interval=+5s CMD curl x\n", &[]),
        ("FROM scratch\nCOPY app[ /x/\n", &[(2, Invalid)]),
        // A warning about text after the array hides nothing.
        ("FROM scratch\nCOPY [\"none\", \"/x\"] # x\n", &[(2, Source)]),
    ] {
        assert_eq!(looked_at(text), expected, "{text}");
    }
}

#[test]
fn a_dockerignore_that_engines_refuse_is_said() {
    let folder = folder();
    fs::write(folder.path().join(".dockerignore"), "*.log\n[\n").unwrap();
    let text = "FROM scratch\nCOPY app /app\n";
    assert!(
        read(text, folder.path(), &Arguments::default())
            .unwrap_err()
            .reason
            .contains("line 2 of .dockerignore")
    );
    let (recipe, _) = inspect(text, folder.path(), &Arguments::default()).unwrap();
    assert!(
        recipe.findings[0].message.contains("line 2 of .dockerignore"),
        "{:?}",
        recipe.findings
    );
    assert_eq!(paths(&recipe.spec), ["app"]);
}

#[test]
fn links_out_of_the_context_and_archives_are_refused() {
    let folder = folder();
    std::os::unix::fs::symlink("/etc/hostname", folder.path().join("out")).unwrap();
    fs::write(folder.path().join("x.tgz"), b"\x1f\x8b\x08\0").unwrap();
    let error = |text: &str| read(text, folder.path(), &Arguments::default()).unwrap_err().reason;
    assert!(error("FROM scratch\nCOPY out /x\n").contains("leads out of the context"));
    assert!(error("FROM scratch\nADD x.tgz /x\n").contains("unpack it yourself"));
    read("FROM scratch\nCOPY x.tgz /x\n", folder.path(), &Arguments::default()).unwrap();
}

#[test]
fn a_variable_is_not_changed_by_an_argument_of_its_name() {
    let folder = folder();
    for (text, expected) in [
        ("FROM scratch\nENV V=app\nARG V=none\nCOPY $V /x\n", "app"),
        ("FROM scratch\nARG V=none\nENV V=app\nCOPY $V /x\n", "app"),
        ("FROM scratch\nARG V=app\nCOPY $V /x\n", "app"),
    ] {
        let recipe = read(text, folder.path(), &Arguments::default()).unwrap();
        assert_eq!(paths(&recipe.spec), ["x"], "{text} {expected}");
    }
}
