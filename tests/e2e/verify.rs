//! `pair verify`: accepts a pair, and reports the first difference of anything else.

use scratchdbg_testkit::sample;
use serde_json::Value;

use crate::stage::Stage;

fn build(stage: &Stage, options: &[&str]) {
    stage.run(&[&["build", "app"], options].concat()).expect_code(0);
}

/// Returns the result of `pair verify` for two images as JSON, and its exit code.
fn verify(stage: &Stage, prod: &str, debug: &str) -> (Option<i32>, Value) {
    let finished = stage.run(&["pair", "verify", prod, debug, "--format", "json"]);
    (
        finished.status.code(),
        serde_json::from_slice(&finished.stdout).unwrap_or_else(|_| panic!("JSON from {finished}")),
    )
}

#[test]
fn a_pair_is_a_pair() {
    let stage = Stage::set();
    sample::write_app(stage.scratchdbg.home());
    let tag = format!("{}:1", stage.engine.name("verified"));
    build(&stage, &["-t", &tag, "-o", "engine", "-o", "oci:layout"]);
    for (prod, debug) in
        [(tag.clone(), format!("{tag}-debug")), ("oci:layout:1".to_owned(), "oci:layout:1-debug".to_owned())]
    {
        let (code, facts) = verify(&stage, &prod, &debug);
        assert_eq!((code, &facts["ok"], &facts["differences"]), (Some(0), &true.into(), &Value::Array(Vec::new())));
        assert_eq!(facts["shared_layers"].as_array().map(Vec::len), Some(1));
        assert!(facts["debug_layer"].as_str().is_some_and(|digest| digest.starts_with("sha256:")));
        let said = stage.run(&["pair", "verify", &prod, &debug]);
        assert!(said.expect_code(0).text().contains("one more"), "{said}");
    }
}

#[test]
fn anything_else_is_not() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    sample::write_app(home);
    build(&stage, &["-t", "a/b:1", "-o", "oci:layout"]);
    build(&stage, &["-t", "a/b:other-env", "-e", "A=1", "-o", "oci:layout"]);
    sample::write_app(home);
    build(&stage, &["-t", "a/b:other-app", "-o", "oci:layout"]);
    for (prod, debug, subject) in [
        // The debug image pushed as production by mistake.
        ("1-debug", "1-debug", "role"),
        ("1", "1", "role"),
        ("1-debug", "1", "role"),
        ("1", "other-app-debug", "layers"),
        ("1", "other-env-debug", "config.Env"),
    ] {
        let (code, facts) = verify(&stage, &format!("oci:layout:{prod}"), &format!("oci:layout:{debug}"));
        assert_eq!((code, &facts["ok"]), (Some(1), &false.into()), "{prod} {debug}");
        let first = facts["differences"][0]["subject"].as_str().unwrap_or_default();
        assert!(first.contains(subject), "{prod} {debug}: {facts}");
        let finished = stage.run(&["pair", "verify", &format!("oci:layout:{prod}"), &format!("oci:layout:{debug}")]);
        assert!(finished.expect_code(1).text().contains(subject), "{finished}");
    }
}

#[test]
fn a_production_image_with_a_shell_is_refused() {
    let stage = Stage::set();
    sample::write_app(stage.scratchdbg.home());
    build(&stage, &["-t", "a/b:1", "-o", "oci:layout", "--add", "/bin/busybox:/usr/bin/busybox"]);
    let (code, facts) = verify(&stage, "oci:layout:1", "oci:layout:1-debug");
    assert_eq!(code, Some(1));
    assert_eq!(facts["differences"][0]["subject"], "production-shell");
}

#[test]
fn images_that_are_not_there() {
    let stage = Stage::set();
    let missing = stage.engine.name("missing:1");
    stage.run(&["pair", "verify", &missing, &missing]).expect_clear_failure(1, &[&missing]);
    stage.run(&["pair", "verify", "", "x"]).expect_clear_failure(2, &["empty"]);
}
