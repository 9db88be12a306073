//! `ps`: an overview of containers.

use serde_json::Value;

use crate::fault;
use crate::stage::Stage;

fn rows(stage: &Stage, arguments: &[&str]) -> Vec<Value> {
    let all = [&["ps", "--format", "json"], arguments].concat();
    let finished = stage.run(&all);
    finished.expect_code(0);
    let list: Vec<Value> = serde_json::from_slice(&finished.stdout).expect("one JSON list");
    let prefix = stage.engine.name("");
    list.into_iter()
        .filter(|row| row["name"].as_str().is_some_and(|name| name.starts_with(&prefix)))
        .collect()
}

#[test]
fn what_is_told_of_each() {
    let stage = Stage::set();
    let up = stage.engine.run("up", &["--read-only", "--user", "1234"], &stage.image, &[]);
    let down = fault::ended(&stage, "down", &[], &stage.image, &["exit", "3"]);
    let listed = rows(&stage, &[]);
    assert_eq!(listed.len(), 1, "{listed:#?}");
    let row = &listed[0];
    assert_eq!((row["name"].as_str(), row["id"].as_str()), (Some(up.name()), Some(up.id())));
    assert_eq!(
        (&row["state"], &row["user"], &row["verdict"]),
        (&"running".into(), &"1234".into(), &"running".into())
    );
    assert_eq!(
        (&row["read_only"], &row["twin"], &row["shell"]),
        (&true.into(), &false.into(), &false.into())
    );

    let all = rows(&stage, &["-a"]);
    assert_eq!(all.len(), 2);
    let row = all.iter().find(|row| row["name"] == down.as_str()).expect("it is listed");
    assert_eq!(
        (&row["state"], &row["exit_code"], &row["verdict"]),
        (&"exited".into(), &3.into(), &"app-exit".into())
    );

    let exited =
        rows(&stage, &["-a", "--filter", "status=exited", "--filter", &format!("name={down}")]);
    assert_eq!(exited.len(), 1, "{exited:#?}");
    stage.run(&["ps", "--filter", "status"]).expect_clear_failure(2, &["status"]);
}

#[test]
fn a_shell_and_a_twin_are_seen() {
    let stage = Stage::set();
    let app = scratchdbg_testkit::sample::write_app(stage.scratchdbg.home());
    let tag = format!("{}:1", stage.engine.name("shop"));
    stage.run(&["build", app.to_str().expect("a plain path"), "-t", &tag]).expect_code(0);
    stage.engine.run("prod", &[], &tag, &[]);
    stage.engine.run("debug", &[], &format!("{tag}-debug"), &[]);
    let listed = rows(&stage, &[]);
    let find = |stem: &str| {
        let name = stage.engine.name(stem);
        listed.iter().find(|row| row["name"] == name.as_str()).expect("it is listed").clone()
    };
    assert_eq!(
        (&find("prod")["shell"], &find("prod")["twin"]),
        (&false.into(), &true.into()),
        "{listed:#?}"
    );
    assert_eq!(
        (&find("debug")["shell"], &find("debug")["twin"]),
        (&true.into(), &false.into()),
        "{listed:#?}"
    );
}

#[test]
fn the_table() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &[]);
    let finished = stage.run(&["ps", "--filter", &format!("name={}", container.name())]);
    finished.expect_code(0);
    let text = finished.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{finished}");
    assert!(lines[0].starts_with("NAME") && lines[0].contains("VERDICT"), "{finished}");
    assert!(lines[1].starts_with(container.name()) && lines[1].contains(" running "), "{finished}");
}
