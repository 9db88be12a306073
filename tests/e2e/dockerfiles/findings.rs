//! What is reported of Dockerfiles, and of which line.

use std::fs;

use serde_json::Value;

use super::context;
use crate::stage::Stage;

#[test]
fn findings_name_the_line_of_the_dockerfile() {
    let stage = Stage::set();
    context(&stage, &["app"], &[]);
    let text = "\u{feff}# syntax=docker/dockerfile:1\r\nFROM scratch\r\nCOPY app \\\r\n  # to\r\n  /app\r\nENV A=1 \\\r\n  API_TOKEN=abcdef0123\r\n\
                USER 0\r\nMAINTAINER me\r\nHEALTHCHECK CMD [\"/probe\"]\r\nENTRYPOINT [\"/app\", \"$HOME\"]\r\n";
    fs::write(stage.scratchdbg.home().join("context/Dockerfile"), text).expect("a file");
    let lines = [
        ("secret-in-image", 6),
        ("runs-as-root", 8),
        ("maintainer-deprecated", 9),
        ("healthcheck-missing-program", 10),
        ("exec-form-shell-syntax", 11),
    ];
    let subject = "context/Dockerfile";
    let run = |format: &str| stage.run(&["check", "--deny", "none", "--format", format, subject]);
    let json: Value = serde_json::from_slice(&run("json").stdout).expect("JSON");
    let sarif: Value = serde_json::from_slice(&run("sarif").stdout).expect("JSON");
    let shown = run("text");
    let shown = String::from_utf8_lossy(&shown.stdout);
    for (code, line) in lines {
        let of = |list: &Value, key: &str| {
            let list = list.as_array().expect("a list");
            list.iter()
                .find(|found| found[key] == code)
                .unwrap_or_else(|| panic!("{code} in {list:#?}"))
                .clone()
        };
        let location = &of(&json["findings"], "code")["location"];
        assert_eq!(
            (&location["path"], &location["line"]),
            (&subject.into(), &line.into()),
            "{code}"
        );
        let physical =
            &of(&sarif["runs"][0]["results"], "ruleId")["locations"][0]["physicalLocation"];
        assert_eq!(physical["artifactLocation"]["uri"], subject);
        assert_eq!(physical["region"]["startLine"], line, "{code}");
        assert!(
            shown.contains(&format!("[{code}]"))
                && shown.contains(&format!(": {subject}:{line}: ")),
            "{shown}"
        );
    }
    // A line that is not an instruction is refused with its number.
    fs::write(
        stage.scratchdbg.home().join("context/Dockerfile"),
        "FROM scratch\n\nCPOY app /app\n",
    )
    .expect("a file");
    stage.run(&["build", "-f", subject]).expect_clear_failure(1, &["line 3", "CPOY"]);
}

#[test]
fn what_cannot_be_read_is_a_finding_and_hides_no_other() {
    let stage = Stage::set();
    context(&stage, &["app"], &[]);
    let dockerfile = stage.scratchdbg.home().join("context/Dockerfile");
    let subject = "context/Dockerfile";
    let cases: [(&str, &[(&str, u64)]); 12] = [
        (
            "FROM scratch\nCPOY app /app\nUSER 0\nENV API_TOKEN=abcdef0123\nENTRYPOINT ['/app']\n",
            &[
                ("dockerfile-invalid", 2),
                ("exec-form-invalid", 5),
                ("runs-as-root", 3),
                ("secret-in-image", 4),
            ],
        ),
        (
            "FROM scratch\nCOPY app /app\nBOGUS x\nUSER root\nMAINTAINER me\n",
            &[("dockerfile-invalid", 3), ("runs-as-root", 4), ("maintainer-deprecated", 5)],
        ),
        (
            "FROM scratch\nCOPY app /app\nFOO x\nUSER 1\nBAR\n",
            &[("dockerfile-invalid", 3), ("dockerfile-invalid", 5)],
        ),
        // The lines after a line with a missing continuation belong to it.
        (
            "FROM scratch\nCOPY app /app\nUSER 1\nCMD [\"/app\",\n  \"x\"]\n",
            &[("dockerfile-invalid", 5)],
        ),
        ("ENV API_TOKEN=abcdef0123\n", &[("dockerfile-invalid", 1), ("secret-in-image", 1)]),
        ("", &[("dockerfile-invalid", 1)]),
        ("FROM scratch AS\nUSER 0\n", &[("dockerfile-invalid", 1), ("runs-as-root", 2)]),
        (
            "FROM scratch\nUSER 0\nENV A=\"x\nCMD [\"/a\"]\n",
            &[("dockerfile-invalid", 3), ("runs-as-root", 2)],
        ),
        (
            "FROM scratch\nUSER 0\nRUN <<E\nUSER 1\n",
            &[("dockerfile-invalid", 3), ("runs-as-root", 2)],
        ),
        (
            "# escape=x\nFROM scratch\nUSER 0\nCMD [\"/a\"]\nCOPY app /x\n",
            &[("dockerfile-invalid", 1), ("runs-as-root", 3)],
        ),
        (
            "FROM scratch\nCOPY none /app\nUSER 0\nCMD [\"/app\"]\n",
            &[("copy-source-missing", 2), ("runs-as-root", 3)],
        ),
        (
            "FROM scratch\nUSER 1\nENTRYPOINT [\"/app\", 8]\nCMD [\"serve\"]\nCOPY app /x\n",
            &[("exec-form-invalid", 3)],
        ),
    ];
    for (text, expected) in cases {
        fs::write(&dockerfile, text).expect("a file");
        let run = |deny: &str, format: &str| {
            stage.run(&["check", "--deny", deny, "--format", format, subject])
        };
        let sarif = run("error", "sarif");
        sarif.expect_code(1);
        let sarif: Value = serde_json::from_slice(&sarif.stdout).expect("a document");
        let results = sarif["runs"][0]["results"].as_array().expect("a list").iter();
        let found: Vec<(&str, u64)> = results
            .map(|result| {
                let region = &result["locations"][0]["physicalLocation"]["region"];
                (
                    result["ruleId"].as_str().expect("a code"),
                    region["startLine"].as_u64().expect("a line"),
                )
            })
            // Files that the sample program lacks do not matter here.
            .filter(|(code, _)| !code.ends_with("-missing") || *code == "copy-source-missing")
            .collect();
        assert_eq!(found, expected, "{text}");
        let shown = run("none", "text");
        shown.expect_code(0);
        let (code, line) = expected[0];
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(
            shown.contains(&format!("error[{code}]"))
                && shown.contains(&format!(": {subject}:{line}: ")),
            "{shown}"
        );
    }
}

#[test]
fn a_file_is_judged_by_its_content() {
    let stage = Stage::set();
    let text = "FROM scratch\nCPOY app /app\n";
    let files = [("image.txt", text), ("notes", "some notes\n"), ("late", "# none yet\n")];
    context(&stage, &["app", "image.tar"], &files);
    let tar = crate::fault::archive(&[crate::fault::executable("a", "x")]);
    fs::write(stage.scratchdbg.home().join("context/image.tar"), tar).expect("a file");
    let report = |arguments: &[&str]| {
        let checked = stage.run(&[&["check", "--format", "json"], arguments].concat());
        checked.expect_code(1);
        let report: Value = serde_json::from_slice(&checked.stdout).expect("JSON");
        let first = &report["findings"][0];
        let text = |key: &str| first[key].as_str().expect("a text").to_owned();
        (text("code"), text("fix"))
    };
    assert_eq!(
        report(&["context/image.txt"]),
        ("dockerfile-invalid".into(), "COPY app /app".into())
    );
    assert_eq!(report(&["-f", "context/late"]).0, "dockerfile-invalid");
    for (name, way) in
        [("context/notes", "-f context/notes"), ("context/image.tar", "archive:context/image.tar")]
    {
        let (code, fix) = report(&[name]);
        assert!(code == "not-an-executable" && fix.contains(way), "{name}: {code}: {fix}");
    }
}

#[test]
fn arrays_that_are_none_are_mended_before_they_are_shipped() {
    let stage = Stage::set();
    context(&stage, &["app"], &[]);
    let dockerfile = stage.scratchdbg.home().join("context/Dockerfile");
    for (line, fix) in [
        ("ENTRYPOINT ['/app', 'serve']", r#"ENTRYPOINT ["/app", "serve"]"#),
        (r#"CMD ["/app" "serve"]"#, r#"CMD ["/app", "serve"]"#),
        ("ENTRYPOINT [“/app”]", r#"ENTRYPOINT ["/app"]"#),
        (r#"HEALTHCHECK --retries=3 CMD ["/app",]"#, r#"HEALTHCHECK CMD ["/app"]"#),
        ("VOLUME ['/data']", r#"VOLUME ["/data"]"#),
        (r#"CMD ["/app", 80]"#, r#"CMD ["/app", "80"]"#),
        ("COPY ['app', '/bin/']", r#"COPY ["app", "/bin/"]"#),
        ("SHELL [/bin/sh, -c]", r#"SHELL ["/bin/sh", "-c"]"#),
    ] {
        fs::write(&dockerfile, format!("FROM scratch\nCOPY app /app\nUSER 1\n{line}\n"))
            .expect("a file");
        let checked = stage.run(&["check", "--format", "json", "context/Dockerfile"]);
        checked.expect_code(1);
        let report: Value = serde_json::from_slice(&checked.stdout).expect("JSON");
        let first = &report["findings"][0];
        assert_eq!(
            (&first["code"], &first["fix"]),
            (&"exec-form-invalid".into(), &fix.into()),
            "{line}: {report:#}"
        );
        let others = ["shell-form", "healthcheck-needs-shell"];
        let codes = crate::fault::codes(&report);
        assert!(!codes.iter().any(|code| others.contains(&code.as_str())), "said once: {codes:?}");
        let built = stage.run(&[
            "build",
            "-f",
            "context/Dockerfile",
            "--no-debug",
            "-o",
            "archive:out.tar",
        ]);
        built.expect_clear_failure(1, &[fix]);
    }
}
