//! `logs` of many containers: by time, each in its own order, including those that start later.

use std::collections::HashMap;

use rustix::process::Signal;

use crate::stage::Stage;

#[test]
fn two_by_name() {
    let stage = Stage::set();
    let first = stage.engine.run("a", &[], &stage.image, &["say", "one", "two"]);
    first.wait();
    let second = stage.engine.run("b", &[], &stage.image, &["say", "three"]);
    second.wait();
    let (a, b) = (first.name(), second.name());
    let finished = stage.run(&["logs", b, a]);
    finished.expect(0, &format!("{a} | one\n{a} | two\n{b} | three\n"));
    let missing = stage.engine.name("missing");
    stage.run(&["logs", a, &missing]).expect_clear_failure(1, &[&missing]);
}

/// 42: as many containers as a busy machine has. One is silent, and one writes more than all
/// others.
#[test]
fn fault_42_two_hundred_by_label() {
    const COUNT: usize = 200;
    const MUCH: u32 = 40_000;
    let stage = Stage::set();
    let label = format!("shop={}", stage.engine.name("x"));
    let containers: Vec<_> = (0..COUNT)
        .map(|index| {
            let command: &[&str] = match index {
                0 => &["obey"],
                1 => &["flood", "20"],
                _ => &["numbers", "20"],
            };
            stage.engine.run(&format!("c{index}"), &["--label", &label], &stage.image, command)
        })
        .collect();
    for container in &containers[1..] {
        container.wait();
    }
    let finished = stage.run(&["logs", "--label", &label, "--format", "json"]);
    let mut last_time = String::new();
    let mut counts: HashMap<String, u32> = HashMap::new();
    for line in finished.expect_code(0).text().lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("a document a line");
        let time = line["time"].as_str().expect("a time").to_owned();
        assert!(time >= last_time, "by time");
        last_time = time;
        let count =
            counts.entry(line["container"].as_str().expect("a name").to_owned()).or_default();
        *count += 1;
        assert_eq!(line["line"], count.to_string(), "in its own order");
    }
    assert_eq!(counts.remove(containers[1].name()), Some(MUCH));
    assert_eq!(counts.len(), COUNT - 2);
    assert!(counts.values().all(|&count| count == 20));
}

#[test]
fn those_that_start_later_join() {
    let stage = Stage::set();
    let project = stage.engine.name("shop");
    let label = format!("com.docker.compose.project={project}");
    let run =
        |name, said| stage.engine.run(name, &["--label", &label], &stage.image, &["say", said]);
    run("early", "first").wait();
    let following = stage.scratchdbg.start(["logs", "-f", "--project", &project]);
    let has =
        |word: &'static str| move |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(word);
    following.wait_for_stdout("what was said before", has("first"));
    run("late", "second");
    following.wait_for_stdout("what was said later", has("second"));
    following.signal(Signal::INT);
    let finished = following.finish();
    finished.expect_code(130);
    assert_eq!(finished.text().lines().count(), 2, "{finished}");
}

#[test]
fn nobody_carries_the_label() {
    let stage = Stage::set();
    let label = format!("nobody={}", stage.engine.name("x"));
    stage.run(&["logs", "--label", &label]).expect_clear_failure(1, &["label"]);
}
