//! `demo`: the whole story, which leaves nothing behind.

use crate::stage::Stage;

#[test]
fn it_tells_the_story_and_leaves_nothing() {
    let stage = Stage::set();
    // The toolkit image stays for the next session.
    stage.target(&[]).attach(&["true"]).expect(0, "");
    let (containers, images) = (stage.engine.containers(), stage.engine.images());
    let finished = stage.run(&["demo"]);
    finished.expect_code(0);
    let told = finished.text() + &finished.stderr;
    for step in ["scratchdbg build", "docker run", "docker exec", "scratchdbg attach", "scratchdbg logs", "docker diff"]
    {
        assert!(told.contains(step), "{step:?} is shown as one would type it: {finished}");
    }
    assert_eq!(stage.engine.containers(), containers);
    assert_eq!(stage.engine.images(), images);
}
