//! Names that stand for a container: Compose services, and beginnings of names. Several targets,
//! and exit codes in their place.

use serde_json::Value;

use crate::stage::Stage;

/// Labels a container as Compose does.
fn of_service(service: &str, project: &str, more: &[&str]) -> Vec<String> {
    let labels = [
        format!("com.docker.compose.service={service}"),
        format!("com.docker.compose.project={project}"),
    ];
    let labels = labels.iter().flat_map(|label| ["--label".to_owned(), label.clone()]);
    labels.chain(more.iter().map(|&flag| flag.to_owned())).collect()
}

#[test]
fn a_compose_service_stands_for_its_container() {
    let stage = Stage::set();
    let (service, project) = (stage.engine.name("shop"), stage.engine.name("project"));
    let labels = of_service(&service, &project, &["--user", "65532:65532"]);
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let one = stage.target_named("one", &labels, &stage.image, &[]);
    let said = format!(
        "`{service}` is a service of the Compose project {project}: taking `{}`",
        one.name()
    );
    for (arguments, stdout) in [
        (&["exec", &service, "echo", "inside"][..], "inside\n"),
        (&["exec", "--mode", "sidecar", &service, "echo", "beside"], "beside\n"),
        (&["logs", "--tail", "0", &service], ""),
    ] {
        let finished = stage.run(arguments);
        finished.expect(0, stdout);
        assert!(finished.stderr.contains(&said), "{said} is missing in {finished}");
        assert_eq!(
            stage.run(&[&["-q"], arguments].concat()).expect_code(0).stderr,
            "",
            "it is only a note"
        );
    }
    let why = stage.run(&["why", "--format", "json", &service]);
    let answer: Value = serde_json::from_slice(&why.expect_code(0).stdout).expect("JSON");
    assert_eq!(answer["target"]["name"], one.name());
    assert!(why.stderr.contains(&said), "{why}");
    one.assert_untouched();

    // Of several, none is taken.
    let other = stage.engine.run("other", &labels, &stage.image, &[]);
    for arguments in [&["exec", &service, "true"][..], &["logs", &service], &["why", &service]] {
        let finished = stage.run(arguments);
        assert!(!finished.status.success() && finished.stdout.is_empty(), "{finished}");
        for words in ["a Compose service with 2 containers", one.name(), other.name()] {
            assert!(finished.stderr.contains(words), "{words} is missing in {finished}");
        }
    }
    // The one that runs is meant, then the one that is there.
    other.kill();
    other.wait();
    stage.run(&["exec", &service, "echo", "inside"]).expect(0, "inside\n");
    one.container.kill();
    one.container.wait();
    stage.engine.ask(["rm", other.name()]);
    assert!(stage.run(&["why", &service]).expect_code(0).stderr.contains(one.name()));
}

#[test]
fn services_of_several_projects_are_told_apart() {
    let stage = Stage::set();
    let service = stage.engine.name("api");
    for stem in ["a", "b"] {
        let labels = of_service(&service, &stage.engine.name(stem), &[]);
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        stage.engine.run(stem, &labels, &stage.image, &[]);
    }
    let refused = stage.run(&["logs", &service]);
    refused.expect(1, "");
    assert!(refused.stderr.contains("2 containers, of 2 projects"), "{refused}");
    // What the hint says works.
    let label = format!("com.docker.compose.service={service}");
    assert!(refused.stderr.contains(&format!("--label {label}")), "{refused}");
    stage.run(&["logs", "--tail", "1", "--label", &label]).expect_code(0);
}

#[test]
fn the_beginning_of_a_name_stands_for_the_only_one() {
    let stage = Stage::set();
    let [alone, first, second] = ["alone-1", "pair-1", "pair-2"]
        .map(|stem| stage.engine.run(stem, &["--user", "65532:65532"], &stage.image, &[]));
    let begin = stage.engine.name("alo");
    for arguments in
        [&["exec", &begin, "true"][..], &["logs", "--tail", "0", &begin], &["why", &begin]]
    {
        let finished = stage.run(arguments);
        finished.expect_code(0);
        let said = format!("no container is named `{begin}`: taking `{}`", alone.name());
        assert!(finished.stderr.contains(&said), "{said} is missing in {finished}");
    }
    // A whole name is never a beginning.
    let whole = stage.run(&["exec", alone.name(), "true"]);
    assert_eq!(whole.expect_code(0).stderr, "");
    // Two begin so.
    let begin = stage.engine.name("pair");
    for (arguments, code) in
        [(&["exec", &begin, "true"][..], 125), (&["logs", &begin], 1), (&["why", &begin], 1)]
    {
        let finished = stage.run(arguments);
        finished.expect(code, "");
        for words in [&format!("no container `{begin}`"), first.name(), second.name()] {
            assert!(finished.stderr.contains(words), "{words} is missing in {finished}");
        }
    }
}

#[test]
fn several_are_explained() {
    let stage = Stage::set();
    let ends = ["3", "0"].map(|code| {
        let container =
            stage.engine.run(&format!("end-{code}"), &[], &stage.image, &["exit", code]);
        container.wait();
        container
    });
    let (first, second, none) = (ends[0].name(), ends[1].name(), stage.engine.name("none"));
    let both = stage.run(&["why", first, second]).expect_code(0).text();
    let (before, after) = both.split_once(&format!("\n\n{second}\n")).expect("a heading");
    assert!(before.starts_with(&format!("{first}\n")) && before.contains("app-exit"), "{both}");
    assert!(after.contains("exit code 0") || after.contains("finished"), "{both}");
    // One that is unknown does not keep the others from being explained.
    let some = stage.run(&["why", &none, first]);
    assert!(some.expect_code(1).text().contains(first), "{some}");
    assert!(some.stderr.contains(&format!("no container `{none}`")), "{some}");
    let json = stage.run(&["why", "--format", "json", first, second]);
    let list: Vec<Value> =
        serde_json::from_slice(&json.expect_code(0).stdout).expect("one JSON list");
    let names: Vec<_> = list.iter().map(|answer| &answer["target"]["name"]).collect();
    assert_eq!(names, [first, second]);
    // All are a list too, in which these are.
    let all = stage.run(&["why", "--all", "--format", "json"]);
    let list: Vec<Value> =
        serde_json::from_slice(&all.expect_code(0).stdout).expect("one JSON list");
    for name in [first, second] {
        assert!(list.iter().any(|answer| answer["target"]["name"] == name), "{name} is missing");
    }
    stage.run(&["why", "--all", first]).expect_code(2);
    stage.run(&["why"]).expect_code(2);
}

#[test]
fn an_exit_code_is_explained() {
    let stage = Stage::set();
    let text = stage.run(&["why", "137"]).expect_code(0).text();
    assert!(text.contains("SIGKILL") && !text.contains("exited with code"), "{text}");
    let json = stage.run(&["why", "139", "143", "--format", "json"]);
    let list: Vec<Value> =
        serde_json::from_slice(&json.expect_code(0).stdout).expect("one JSON list");
    assert_eq!(
        (&list[0]["target"], &list[0]["verdict"]),
        (&Value::Null, &"segfault-or-abort".into())
    );
    assert_eq!(list[1]["verdict"], "stopped");
    // No engine is needed for that.
    stage.run(&["-H", "unix:///none/docker.sock", "why", "1"]).expect_code(0);
    // 256 is no exit code.
    let none = stage.run(&["why", "256"]);
    assert!(none.expect_code(1).stderr.contains("no container `256`"), "{none}");
}
