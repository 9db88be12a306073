use super::{Engine, Snapshot};

#[test]
fn the_corner_is_swept_after_a_panic() {
    let engine = Engine::required();
    let prefix = engine.prefix.clone();
    let outcome = std::panic::catch_unwind(move || {
        let image = engine.import_app(&[]);
        engine.ask(["tag", &image, &format!("{}/below:1", engine.name("shop"))]);
        engine.run("kept", &[], &image, &[]);
        panic!("a test fails");
    });
    assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"a test fails"));
    let engine = Engine::required();
    assert_eq!(engine.ask(["ps", "--all", "--quiet", "--filter", &format!("name={prefix}")]), "");
    let images = engine.ask(["images", "--format", "{{.Repository}}"]);
    assert!(!images.contains(&prefix), "left: {images}");
}

#[test]
fn a_snapshot_sees_what_a_companion_leaves() {
    let engine = Engine::required();
    let image = engine.import_app(&[]);
    let target = engine.run("target", &[], &image, &[]);
    let before = Snapshot::of(&target, &image);
    assert_eq!(before.processes, ["1 S app"]);
    let namespace = format!("container:{}", target.id());
    let companion = engine.run("companion", &["--pid", &namespace], &image, &[]);
    let during = Snapshot::of(&target, &image);
    assert_eq!(during.companions, [companion.id()]);
    assert_eq!(during.processes.len(), 2);
    companion.kill();
    engine.ask(["rm", companion.id()]);
    before.assert_restored(&target, &image);
}
