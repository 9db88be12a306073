//! `ps` as docker users type it, with docker as the referee.

use scratchdbg_testkit::eventually;

use crate::stage::Stage;

/// The arguments that leave the containers of this test alone.
fn ours(stage: &Stage) -> [String; 2] {
    ["--filter".to_owned(), format!("name={}", stage.engine.name(""))]
}

/// Runs `ps` with these arguments on the containers of this test.
fn listed(stage: &Stage, arguments: &[&str]) -> String {
    let filter = ours(stage);
    let all = [&["ps"], arguments, &[&filter[0], &filter[1]]].concat();
    stage.run(&all).expect_code(0).text()
}

fn docker(stage: &Stage, arguments: &[&str]) -> String {
    let filter = ours(stage);
    let text = stage.engine.ask([&["ps"], arguments, &[&filter[0], &filter[1]]].concat());
    if text.is_empty() { text } else { text + "\n" }
}

#[test]
fn ids_and_the_last_ones() {
    let stage = Stage::set();
    let ended = stage.engine.run("ended", &[], &stage.image, &["exit", "3"]);
    ended.wait();
    let running = stage.engine.run("running", &[], &stage.image, &[]);
    let created = stage.engine.create("created", &[], &stage.image, &[]);
    for arguments in [
        &["-q"][..],
        &["-aq"],
        &["-q", "--no-trunc"],
        &["-lq"],
        &["-q", "-n", "2"],
        &["-q", "--last", "2"],
        &["-q", "-n2"],
        &["-qa", "--filter", "status=exited"],
    ] {
        assert_eq!(listed(&stage, arguments), docker(&stage, arguments), "{arguments:?}");
    }
    assert_eq!(listed(&stage, &["-lq", "--no-trunc"]), format!("{}\n", created.id()));
    assert_eq!(listed(&stage, &["-q"]), format!("{}\n", &running.id()[..12]));
    // Nothing is cut.
    let whole = listed(&stage, &["-a", "--no-trunc"]);
    for container in [&ended, &running, &created] {
        assert!(whole.contains(container.name()), "{whole}");
    }
}

#[test]
fn templates_say_what_docker_says() {
    let stage = Stage::set();
    let volume = stage.engine.name("a-volume-with-a-long-name");
    let flags = ["--label", "color=blue", "--volume", &format!("{volume}:/data"), "--expose", "80"];
    let running = stage.engine.run("running", &flags, &stage.image, &[]);
    let ended = stage.engine.run("ended", &[], &stage.image, &["exit", "3"]);
    ended.wait();
    stage.engine.create("created", &[], &stage.image, &["echo", "a b", "and a long command line"]);
    stage.engine.ask(["pause", running.name()]);
    for template in [
        "{{.Names}}",
        "{{.ID}}: {{.Names}}",
        "{{.Names}}\\t{{.Image}}\\t{{.State}}",
        "{{.Names}} {{.Command}}",
        "{{.Names}} {{.Labels}} {{.Label \"color\"}}",
        "{{.Names}} {{.Mounts}} {{.Networks}} {{.Ports}};",
        "{{json .Names}} {{upper .Image}} {{lower .State}}",
        "table {{.Names}}\\t{{.ID}}\\t{{.Image}}",
        "table {{.ID}}",
    ] {
        for more in [&["-a"][..], &["-a", "--no-trunc"]] {
            let arguments = [more, &["--format", template]].concat();
            assert_eq!(listed(&stage, &arguments), docker(&stage, &arguments), "{template}");
        }
    }
    // Time passes between two answers.
    for template in ["{{.Names}} {{.Status}}", "{{.Names}} {{.RunningFor}}"] {
        let arguments = ["-a", "--format", template];
        let mut answers = Default::default();
        eventually(
            || format!("the same answers for {template}"),
            || {
                answers = (listed(&stage, &arguments), docker(&stage, &arguments));
                (answers.0 == answers.1).then_some(())
            },
        );
    }
    // Our own fields, and the date, which docker writes in the zone of the user.
    let ours =
        listed(&stage, &["-a", "--format", "{{.Names}}={{.Verdict}},{{.Shell}},{{.ExitCode}}"]);
    assert!(ours.contains(&format!("{}=app-exit,false,3\n", ended.name())), "{ours}");
    let json = listed(&stage, &["-a", "--format", "{{json .}}"]);
    let rows: Vec<serde_json::Value> =
        json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(rows.len(), 3);
    assert!(
        rows.iter().any(|row| row["Names"] == running.name() && row["State"] == "paused"),
        "{json}"
    );
    stage.engine.ask(["rm", "--force", "--volumes", running.name()]);
    stage.engine.ask(["volume", "rm", &volume]);
}

#[test]
fn what_is_not_known_is_refused() {
    let stage = Stage::set();
    for (arguments, words) in [
        (&["--format", "{{.Nmaes}}"][..], "there is no field `.Nmaes`"),
        (&["--format", "{{range .}}"], "`range` is not known here"),
        (&["--format", "jsno"], "names no field"),
        (&["--last", "0"], "0 is not in"),
        (&["-l", "-n", "2"], "cannot be used with"),
        (&["web"], "--filter name=web"),
        (&["-n", "2", "--kube-context", "none"], "leave out -l, -n N or --last"),
    ] {
        let refused = stage.run(&[&["ps"], arguments].concat());
        refused.expect(2, "");
        assert!(refused.stderr.contains(words), "{words} is missing in {refused}");
    }
}
