//! `demo`: the whole story, which leaves nothing behind.

use crate::stage::Stage;

#[test]
fn it_tells_the_story_and_leaves_nothing() {
    let stage = Stage::set();
    let finished = stage.run(&["demo"]);
    finished.expect_code(0);
    let told = finished.text() + &finished.stderr;
    for step in ["scratchdbg build", "docker run", "docker exec", "scratchdbg attach", "scratchdbg logs", "docker diff"]
    {
        assert!(told.contains(step), "{step:?} is shown as one would type it: {finished}");
    }
    // Its container and its images bear one name, which no other run has.
    let own = |word: &&str| word.starts_with("scratchdbg-demo-");
    let name = told.split_whitespace().find(own).expect("it names its container");
    let name = name.split('/').next().expect("a name before the image's");
    assert_eq!(stage.engine.containers(name), [""; 0]);
    assert_eq!(stage.engine.images(name), [""; 0]);
}
