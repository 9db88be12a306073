//! `check`: reports problems before an image is shipped.

use std::fs;

use scratchdbg_testkit::sample;
use serde_json::Value;

use crate::fault::{self, File, codes, executable};
use crate::stage::Stage;

const APP: &str = r#"ENTRYPOINT ["/app"]"#;

/// Returns the report as JSON.
#[track_caller]
fn check(stage: &Stage, arguments: &[&str]) -> Value {
    let all = [&["check", "--format", "json", "--deny", "none"], arguments].concat();
    let finished = stage.run(&all);
    finished.expect_code(0);
    serde_json::from_slice(&finished.stdout).expect("one JSON document")
}

#[test]
fn binaries() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home().to_owned();
    sample::write_dynamic_app(&home);
    let app = fs::read(sample::write_app(&home)).expect("the sample");
    fs::write(home.join("half"), &app[..app.len() / 2]).expect("a file");
    fs::write(home.join("text"), "hello\n").expect("a file");
    for (file, code) in [
        ("app-dynamic", "loader-missing"),
        ("text", "not-an-executable"),
        ("half", "truncated-binary"),
    ] {
        let found = codes(&check(&stage, &[file]));
        assert!(found.iter().any(|found| found == code), "{code} in {found:?}");
        stage.run(&["check", file]).expect_code(1);
        stage.run(&["check", "--deny", "none", file]).expect_code(0);
    }
    // The near miss: a correct image.
    let report = check(&stage, &["app"]);
    assert_eq!(report["subject"], "app");
    let errors = |finding: &&Value| finding["severity"] == "error";
    assert_eq!(
        report["findings"].as_array().expect("a list").iter().find(errors),
        None,
        "{report:#}"
    );
    stage.run(&["check", "app"]).expect_code(0);
    // The sample is linked against glibc, which causes a warning.
    stage.run(&["check", "--deny", "warning", "app"]).expect_code(1);
    stage.run(&["check", "./no-such-file"]).expect_code(1);
}

#[test]
fn images_and_containers() {
    let stage = Stage::set();
    let app = fault::app(&stage);
    let setuid = File { path: "su", mode: 0o4755, bytes: app.clone() };
    let key =
        File { path: "key.pem", mode: 0o600, bytes: b"-----BEGIN PRIVATE KEY-----\nx\n".to_vec() };
    for (index, (files, changes, code)) in [
        (vec![executable("app", fault::dynamic_app(&stage))], &[APP][..], "loader-missing"),
        (vec![executable("app", app.clone())], &[], "no-command"),
        (vec![executable("app", app.clone())], &[APP, "USER nonroot"], "user-unknown"),
        (vec![executable("app", app.clone())], &[APP], "runs-as-root"),
        (vec![executable("app", app.clone())], &[APP, "WORKDIR /app"], "workdir-not-a-directory"),
        (
            vec![executable("app", app.clone())],
            &[APP, "HEALTHCHECK CMD curl localhost"],
            "healthcheck-needs-shell",
        ),
        (
            vec![executable("app", app.clone())],
            &[APP, "ENV API_TOKEN=abcdef0123"],
            "secret-in-image",
        ),
        (vec![executable("app", app.clone()), key], &[APP], "secret-in-image"),
        (vec![executable("app", app.clone()), setuid], &[APP], "setuid-file"),
    ]
    .into_iter()
    .enumerate()
    {
        let image = fault::image(&stage, &files, changes);
        let report = check(&stage, &[&image]);
        assert_eq!(report["subject"], image.as_str());
        assert!(codes(&report).iter().any(|found| found == code), "{index}: {code} in {report:#}");
    }
    // A container has settings of its own.
    let clean = fault::image(&stage, &[executable("app", app)], &[APP, "USER 65532:65532"]);
    let found = codes(&check(&stage, &[&clean]));
    let unwanted = [
        "loader-missing",
        "no-command",
        "user-unknown",
        "runs-as-root",
        "secret-in-image",
        "setuid-file",
    ];
    assert!(!found.iter().any(|found| unwanted.contains(&found.as_str())), "{found:?}");
    stage.run(&["check", &clean]).expect_code(0);
    let container = stage.engine.run("web", &["--user", "0"], &clean, &[]);
    let report = check(&stage, &[container.name()]);
    assert_eq!(codes(&report).first().map(String::as_str), Some("runs-as-root"), "{report:#}");
    stage.run(&["check", "no-such-thing"]).expect_clear_failure(1, &["no-such-thing"]);
}

/// No image can have such a name.
#[test]
fn a_container_with_capitals_in_its_name_is_found() {
    let stage = Stage::set();
    let image = fault::image(&stage, &[executable("app", fault::app(&stage))], &[APP]);
    let container = stage.engine.run("Web", &["--user", "0"], &image, &[]);
    let report = check(&stage, &[container.name()]);
    assert_eq!(codes(&report).first().map(String::as_str), Some("runs-as-root"), "{report:#}");
    stage.run(&["why", container.name()]).expect_code(0);
    stage.run(&["check", "No-Such-Thing"]).expect_clear_failure(1, &["No-Such-Thing"]);
}

#[test]
fn archives() {
    let stage = Stage::set();
    let app = sample::write_app(stage.scratchdbg.home());
    let app = app.to_str().expect("a plain path");
    stage.run(&["build", app, "-t", "shop/app:1", "-o", "archive:pair.tar"]).expect_code(0);
    stage.run(&["check", "archive:pair.tar"]).expect_code(0);
    let reports = check(&stage, &["archive:pair.tar"]);
    assert_eq!(reports.as_array().map(Vec::len), Some(2), "one for each image: {reports:#}");
    let one = check(&stage, &["archive:pair.tar:shop/app:1"]);
    assert_eq!(one["subject"], "archive:pair.tar:shop/app:1");
    stage.run(&["check", "archive:pair.tar:shop/other:1"]).expect_code(1);

    // docker's archive of a faulty image, and its unpacked layout if it has one.
    let image = fault::image(&stage, &[executable("app", "#!/bin/sh\n")], &[APP]);
    let saved = stage.scratchdbg.home().join("saved.tar");
    stage.engine.ask(["save", "--output", saved.to_str().expect("a plain path"), &image]);
    let finished = stage.run(&["check", "archive:saved.tar"]);
    finished.expect_code(1);
    assert!(finished.text().starts_with("error[interpreter-missing]"), "{finished}");
    fs::create_dir(stage.scratchdbg.home().join("layout")).expect("a folder");
    let unpack = ["-xf", "pair.tar", "-C", "layout"];
    let unpacked = std::process::Command::new("tar")
        .args(unpack)
        .current_dir(stage.scratchdbg.home())
        .status();
    assert!(unpacked.expect("tar starts").success());
    stage.run(&["check", "oci:layout"]).expect_code(0);
    stage.run(&["check", "oci:layout:1"]).expect_code(0);
    stage.run(&["check", "oci:nowhere"]).expect_code(1);
}

#[test]
fn a_path_that_stands_twice() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    let layer = fault::archive(&[executable("app", "a"), executable("app", "b")]);
    let digest = |bytes: &[u8]| {
        fs::write(home.join("hashed"), bytes).expect("a file");
        let output = std::process::Command::new("sha256sum")
            .arg(home.join("hashed"))
            .output()
            .expect("sha256sum");
        String::from_utf8_lossy(&output.stdout)[..64].to_owned()
    };
    let layer_digest = digest(&layer);
    let config = format!(
        r#"{{"os":"linux","architecture":"amd64","rootfs":{{"type":"layers","diff_ids":["sha256:{layer_digest}"]}}}}"#
    );
    let manifest = r#"[{"Config":"config.json","RepoTags":["twice:1"],"Layers":["layer.tar"]}]"#;
    let file = |path, bytes: &[u8]| File { path, mode: 0o644, bytes: bytes.to_vec() };
    let archive = fault::archive(&[
        file("config.json", config.as_bytes()),
        file("layer.tar", &layer),
        file("manifest.json", manifest.as_bytes()),
    ]);
    fs::write(home.join("twice.tar"), archive).expect("a file");
    let report = check(&stage, &["archive:twice.tar"]);
    assert_eq!(codes(&report), ["duplicate-path"], "{report:#}");
}

#[test]
fn dockerfiles() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    sample::write_app(home);
    let write = |text: &str| fs::write(home.join("Dockerfile"), text).expect("a file");
    write("FROM scratch\nCOPY app /app\nENTRYPOINT /app --port 80\n");
    let found = codes(&check(&stage, &["Dockerfile"]));
    assert!(
        found.contains(&"shell-form".to_owned()) && found.contains(&"runs-as-root".to_owned()),
        "{found:?}"
    );
    write("FROM scratch\nCOPY app /app\nUSER 65532:65532\nENTRYPOINT [\"/app\"]\n");
    stage.run(&["check", "Dockerfile"]).expect_code(0);
    write("FROM scratch\nCOPY gone /app\nENTRYPOINT [\"/app\"]\n");
    let finished = stage.run(&["check", "Dockerfile"]);
    finished.expect_code(1);
    let shown = String::from_utf8_lossy(&finished.stdout).into_owned();
    assert!(
        shown.contains("error[copy-source-missing]") && shown.contains("Dockerfile:2: "),
        "{shown}"
    );
}

/// Stages that need Docker are not built. What is known about the last stage is checked, and the
/// rest is listed.
#[test]
fn dockerfiles_with_build_stages() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    let build = "FROM golang:1 AS build\nRUN go build -o /out/app .\n";
    let cases: &[(&str, &[&str], &str)] = &[
        (
            "FROM scratch\nCOPY --from=build /out/app /app\nENTRYPOINT /app --port 80\n",
            &["shell-form", "runs-as-root"],
            "Dockerfile:4: what is at /app",
        ),
        (
            "FROM scratch\nCOPY --from=build /out/app /\nUSER 65532\nENTRYPOINT [\"app\"]\n",
            &["entrypoint-not-absolute"],
            "Dockerfile:4: what is at /app",
        ),
        (
            "FROM scratch\nCOPY --from=build /out/app /app\nUSER 65532\nENTRYPOINT [\"/app\"]\n",
            &[],
            "Dockerfile:4: what is at /app",
        ),
        (
            "FROM scratch\nCOPY --from=build /out/app /app\nUSER 1\nHEALTHCHECK CMD curl -f localhost\nCMD [\"/app\"]\n",
            &["healthcheck-needs-shell"],
            "Dockerfile:4",
        ),
        (
            "FROM scratch\nCOPY --from=build /out /srv\nUSER 1\nENTRYPOINT [\"/srv/bin/app\"]\n",
            &[],
            "Dockerfile:4: what is at /srv",
        ),
        // The copied files are unknown: nothing is reported as missing.
        (
            "FROM scratch\nCOPY --from=build /rootfs /\nUSER 1\nENTRYPOINT app\n",
            &[],
            "Dockerfile:4",
        ),
        // The same for settings of the image.
        (
            "FROM gcr.io/distroless/static:nonroot\nCOPY --from=build /out/app /app\nENTRYPOINT [\"/app\"]\n",
            &[],
            "Dockerfile:3",
        ),
        (
            "FROM debian:12\nRUN apt-get update\nUSER 0\nCMD [\"bash\"]\n",
            &["runs-as-root"],
            "Dockerfile:4",
        ),
    ];
    let mut wrong = Vec::new();
    for (last, expected, note) in cases {
        fs::write(home.join("Dockerfile"), format!("{build}{last}")).expect("a file");
        let finished = stage.run(&["check", "--format", "json", "--deny", "none", "Dockerfile"]);
        let report: Value = serde_json::from_slice(&finished.stdout).unwrap_or_default();
        let found = report["findings"].as_array().map(|_| codes(&report)).unwrap_or_default();
        if finished.status.code() != Some(0)
            || found != *expected
            || !finished.stderr.contains(note)
        {
            wrong.push(format!("{expected:?}, \"{note}\" of {last}: {finished}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The requirements of SARIF 2.1.0 for our reports. Reports were validated against OASIS's schema
/// by hand. This test checks its rules for the properties that we write, and refuses other
/// properties.
#[test]
fn sarif() {
    let stage = Stage::set();
    sample::write_dynamic_app(stage.scratchdbg.home());
    let finished = stage.run(&["check", "--format", "sarif", "app-dynamic", &stage.image]);
    finished.expect_code(1);
    let report: Value = serde_json::from_slice(&finished.stdout).expect("one JSON document");
    assert_eq!(keys(&report), ["$schema", "runs", "version"]);
    assert_eq!(report["version"], "2.1.0");
    let runs = report["runs"].as_array().expect("a list");
    assert_eq!(runs.len(), 2, "one for each subject");
    for run in runs {
        assert_eq!(keys(run), ["results", "tool"]);
        let driver = &run["tool"]["driver"];
        assert_eq!(
            (keys(&run["tool"]), keys(driver)),
            (vec!["driver"], vec!["name", "rules", "version"])
        );
        let rules = driver["rules"].as_array().expect("a list");
        for rule in rules {
            assert_eq!(keys(rule), ["help", "id", "shortDescription"]);
            for message in [&rule["help"], &rule["shortDescription"]] {
                assert_eq!(keys(message), ["text"]);
                assert!(message["text"].as_str().is_some_and(|text| !text.is_empty()), "{rule:#}");
            }
        }
        for result in run["results"].as_array().expect("a list") {
            assert_eq!(
                keys(result),
                ["level", "locations", "message", "properties", "ruleId", "ruleIndex"]
            );
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().expect("a number"))
                .expect("it fits")];
            assert_eq!(result["ruleId"], rule["id"]);
            assert!(
                ["error", "warning", "note"].contains(&result["level"].as_str().expect("text")),
                "{result:#}"
            );
            assert!(
                result["message"]["text"].is_string() && result["properties"].is_object(),
                "{result:#}"
            );
            let location = &result["locations"][0]["physicalLocation"]["artifactLocation"];
            // A URI reference of RFC 3986.
            let uri = location["uri"].as_str().expect("text");
            assert!(!uri.is_empty() && uri.bytes().all(|byte| byte.is_ascii_graphic()), "{uri}");
        }
    }
    assert_eq!(runs[0]["results"][0]["ruleId"], "loader-missing", "{report:#}");
    assert_eq!(runs[0]["results"][0]["level"], "error");
}

/// Returns the names of an object's properties, sorted.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> =
        value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// Docker keeps the mode of a file that is copied, with which the program's user may not execute
/// it.
#[test]
fn a_dockerfile_is_judged_with_the_modes_that_docker_keeps() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::set();
    let home = stage.scratchdbg.home().to_owned();
    sample::write_app(&home);
    fs::write(home.join("passwd"), "app:x:5:5::/:\n").expect("a file");
    fs::write(home.join("group"), "app:x:5:\n").expect("a file");
    for (mode, options, is_wrong) in [
        (0o750, "--chown=0:50", true),
        (0o700, "", true),
        (0o755, "--chown=0:50", false),
        (0o750, "--chown=0:5", false),
        (0o750, "--chown=0:50 --chmod=0755", false),
    ] {
        fs::set_permissions(home.join("app"), fs::Permissions::from_mode(mode)).expect("a mode");
        let text = format!(
            "FROM scratch\nCOPY passwd group /etc/\nCOPY {options} app /app\nUSER app:app\nENTRYPOINT [\"/app\"]\n"
        );
        fs::write(home.join("Dockerfile"), text).expect("a file");
        let report = check(&stage, &["Dockerfile"]);
        assert_eq!(
            codes(&report).iter().any(|code| code == "not-executable-mode"),
            is_wrong,
            "{report:#}"
        );
        assert_eq!(report.to_string().contains("which Docker keeps"), is_wrong, "{report:#}");
    }
}
