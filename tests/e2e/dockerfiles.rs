//! Dockerfiles of real projects: the resulting images, and the lines that are reported.

mod files;
mod findings;

use std::fs;
use std::path::Path;

use scratchdbg_testkit::sample;
use serde_json::Value;

use crate::stage::Stage;

/// Creates a context with the sample program at these paths, and these other files.
fn context(stage: &Stage, programs: &[&str], files: &[(&str, &str)]) {
    let home = stage.scratchdbg.home();
    let app = sample::write_app(home);
    let folder = home.join("context");
    let place = |path: &str| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        path
    };
    for program in programs {
        fs::copy(&app, place(program)).expect("a copy");
    }
    for (path, text) in files {
        fs::write(place(path), text).expect("a file");
    }
}

/// Builds `text` into an archive without the twin. Returns its configuration, and
/// `PATH MODE UID:GID` of all files.
#[track_caller]
fn build(stage: &Stage, text: &str, more: &[&str]) -> (Value, Vec<String>) {
    let home = stage.scratchdbg.home();
    fs::write(home.join("context/Dockerfile"), text).expect("a file");
    let arguments = [
        "build",
        "-f",
        "context/Dockerfile",
        "--no-debug",
        "-o",
        "archive:out.tar",
        "--deny",
        "none",
    ];
    stage.run(&[&arguments[..], more].concat()).expect_code(0);
    let inner = |name: &str| member(&home.join("out.tar"), name);
    let manifest: Value = serde_json::from_slice(&inner("manifest.json")).expect("JSON");
    let path = |value: &Value| value.as_str().expect("a path").to_owned();
    let config = serde_json::from_slice(&inner(&path(&manifest[0]["Config"]))).expect("JSON");
    let layer = inner(&path(&manifest[0]["Layers"][0]));
    let mut archive = tar::Archive::new(&layer[..]);
    let entries = archive.entries().expect("a layer").map(|entry| {
        let entry = entry.expect("an entry");
        let header = entry.header();
        let number = |value: std::io::Result<u64>| value.expect("a number");
        let path = entry.path().expect("a path").display().to_string();
        let bits = header.mode().expect("a mode");
        format!("{path} {bits:o} {}:{}", number(header.uid()), number(header.gid()))
    });
    (config, entries.collect())
}

/// Returns the bytes of a member of an archive.
fn member(archive: &Path, name: &str) -> Vec<u8> {
    let mut archive = tar::Archive::new(fs::File::open(archive).expect("an archive"));
    let is_it =
        |entry: &tar::Entry<'_, fs::File>| entry.path().is_ok_and(|path| path.as_os_str() == name);
    let mut entry =
        archive.entries().expect("entries").map(|entry| entry.expect("an entry")).find(is_it);
    let mut bytes = Vec::new();
    std::io::copy(entry.as_mut().expect("the member"), &mut bytes).expect("its bytes");
    bytes
}

#[test]
fn dockerfiles_of_real_projects() {
    let stage = Stage::set();
    context(
        &stage,
        &["app", "bin/linux/amd64/app", "bin/linux/arm64/app"],
        &[
            ("passwd", "web:x:10001:10001::/:/\n"),
            ("group", "web:x:10001:\n"),
            ("run", "#!/bin/busybox sh\n"),
        ],
    );
    // The platform is that of a program in PATH.
    let text = "FROM --platform=$BUILDPLATFORM scratch\nCOPY app /usr/bin/gotool\nENTRYPOINT [\"gotool\"]\n";
    let (config, files) = build(&stage, text, &[]);
    let host = config["architecture"].as_str().expect("an architecture").to_owned();
    assert_eq!(files, ["./ 755 0:0", "usr/ 755 0:0", "usr/bin/ 755 0:0", "usr/bin/gotool 755 0:0"]);
    // Two stages, and a directory that WORKDIR creates for the user.
    let text = "FROM scratch as squash\nCOPY passwd group /etc/\nCOPY app /bin/httpd\n\nFROM scratch\nENV PATH=/bin\n\
                USER web\nCOPY --from=squash / /\nWORKDIR /opt\nWORKDIR httpd\nENTRYPOINT [\"httpd\", \"-f\"]\nCMD [\"-p\"]\n";
    let text =
        text.replace("USER web\nCOPY --from=squash / /\n", "COPY --from=squash / /\nUSER web\n");
    let (config, files) = build(&stage, &text, &[]);
    assert_eq!(config["config"]["WorkingDir"], "/opt/httpd");
    assert_eq!(files[files.len() - 2..], ["opt/ 755 10001:10001", "opt/httpd/ 755 10001:10001"]);
    assert!(files.contains(&"bin/httpd 755 0:0".to_owned()), "{files:?}");
    // Predefined arguments exist only where they are declared.
    let text = "ARG TARGETOS\nFROM scratch\nARG TARGETOS\nARG TARGETARCH\nENV V=x${TARGETVARIANT}y${TARGETPLATFORM}\n\
                COPY bin/${TARGETOS}/${TARGETARCH}/app /app\nENTRYPOINT [\"/app\"]\n";
    let (config, _) = build(&stage, text, &[]);
    assert_eq!(
        (&config["architecture"], &config["config"]["Env"][1]),
        (&Value::from(host.as_str()), &"V=xy".into())
    );
    // A script has the platform of its interpreter; an image without a program has that of the
    // machine, as in BuildKit.
    let text = "FROM scratch\nCOPY app /bin/busybox\nCOPY --chmod=755 run /run\nCMD [\"/run\"]\n";
    assert_eq!(build(&stage, text, &[]).0["architecture"], host.as_str());
    assert_eq!(
        build(&stage, "FROM scratch\nCOPY run /data\n", &[]).0["architecture"],
        host.as_str()
    );
    let (config, _) = build(
        &stage,
        "FROM scratch\nARG TARGETARCH\nCOPY run /$TARGETARCH\n",
        &["--platform", "linux/arm64"],
    );
    assert_eq!(config["architecture"], "arm64");
    stage
        .run(&[
            "build",
            "-f",
            "context/Dockerfile",
            "--platform",
            "linux/arm64",
            "--platform",
            "linux/amd64",
        ])
        .expect_clear_failure(2, &["one at most"]);
}

#[test]
fn what_buildkit_makes_of_copies_and_settings() {
    let stage = Stage::set();
    let files = [("passwd", "web:x:7:8::/:/\n"), ("d/a.txt", "a"), ("d/e/b.md", "b")];
    context(&stage, &["app"], &files);
    let text = r#"# escape=`
FROM scratch AS base
ARG V=1
COPY passwd /etc/passwd
COPY <<one <<-'two' /docs/
$V "x"
one
	$V
	two
ONBUILD COPY app /onbuild
SHELL ["/bin/none", "-c"]
FROM base
MAINTAINER me
COPY --chown=web --chmod=750 d /srv/
COPY --parents d/e/*.md /p/
COPY --exclude=*.md --from=0 docs /copy/
COPY --from=base /etc/pass* /etc/missin[g] /names/
EXPOSE 127.0.0.1:80:8080/TCP 53/udp
HEALTHCHECK --interval=1m30s --retries=0 CMD ["/app", `
  # a comment
  "probe"]
VOLUME ["/data", "/srv"]
LABEL a=b "c d"='e f'
ENV OLD a  b
ENV A=${V:+set} B=${NONE-none} C=${OLD#a}
CMD run it
"#;
    let (config, files) = build(&stage, text, &["--healthcheck", "none"]);
    let expected = [
        "copy/ 755 0:0",
        "copy/one 644 0:0",
        "copy/two 644 0:0",
        "docs/ 755 0:0",
        "docs/one 644 0:0",
        "docs/two 644 0:0",
        "names/ 755 0:0",
        "names/passwd 644 0:0",
        "onbuild 755 0:0",
        "p/ 755 0:0",
        "p/d/ 755 0:0",
        "p/d/e/ 755 0:0",
        "p/d/e/b.md 644 0:0",
        "srv/ 750 7:8",
        "srv/a.txt 750 7:8",
        "srv/e/ 750 7:8",
        "srv/e/b.md 750 7:8",
    ];
    let found: Vec<&String> =
        files.iter().filter(|path| !path.starts_with("etc") && !path.starts_with("./")).collect();
    assert_eq!(found, expected.iter().collect::<Vec<_>>());
    assert_eq!(config["author"], "me");
    let config = &config["config"];
    assert_eq!(config["Cmd"], serde_json::json!(["/bin/none", "-c", "run it"]));
    assert_eq!(config["Shell"], serde_json::json!(["/bin/none", "-c"]));
    assert_eq!(config["OnBuild"], Value::Null, "a trigger runs once");
    assert_eq!(config["ExposedPorts"], serde_json::json!({"53/udp": {}, "8080/tcp": {}}));
    assert_eq!(config["Volumes"], serde_json::json!({"/data": {}, "/srv": {}}));
    assert_eq!(config["Labels"]["c d"], "e f");
    assert_eq!(
        config["Env"].as_array().expect("a list")[1..],
        ["OLD=a  b", "A=set", "B=none", "C=  b"]
    );
}
