//! Tests of what is one pattern, and of the bounds of memory.

use proptest::prelude::*;

use super::*;

fn patterns<T: AsRef<[u8]>>(lines: impl IntoIterator<Item = T>) -> Patterns {
    let mut patterns = Patterns::default();
    lines.into_iter().for_each(|line| patterns.add(line.as_ref(), None));
    patterns
}

/// The patterns of lines with their counts, the most frequent one first.
fn top<T: AsRef<[u8]>>(lines: impl IntoIterator<Item = T>) -> Vec<(u64, String)> {
    patterns(lines).top(100).0.into_iter().map(|pattern| (pattern.lines, pattern.pattern)).collect()
}

#[test]
fn what_is_shown_of_a_line() {
    let cases = [
        ("took 12 ms", "took <n> ms"),
        ("took 1.5s at 10.0.0.7:8080", "took <n>s at <ip>"),
        ("user 550e8400-e29b-41d4-a716-446655440000 gone", "user <id> gone"),
        ("commit 4f3a9b2c by node12", "commit <id> by node<n>"),
        ("addr 0x7ffe", "addr <id>"),
        ("plain words, no numbers", "plain words, no numbers"),
        (r#"{"level":"info","n":7,"msg":"got 7 items"}"#, "got <n> items"),
        ("level=info msg=\"got 7 items\"", "got <n> items"),
        ("x.FooException: 3\n\tat a.b(C.java:1)", "x.FooException: <n>"),
        ("größe 7 日本", "größe <n> 日本"),
        ("550e8400-e29b-41d4-a716-44665544000g", "<id>-<id>-<id>-a<n>-<id>"),
        ("GET https://x.org/a?b=1 200", "GET <url> <n>"),
        ("open /etc/hosts: denied", "open <path>: denied"),
        ("from /10.0.0.7:80 at 10:20:30.5", "from /<ip> at <n>:<n>:<n>"),
        ("r0=1, ready=true, ids=[1, 2, 3, 4]!", "r<n>=<n>, ready=<*>, ids=[<n>, <n>, <n>…]!"),
        ("version 1.2.3 of 2,048.5 MB", "version <n> of <n>,<n> MB"),
        ("", ""),
        ("...", "..."),
    ];
    for (text, want) in cases {
        assert_eq!(top([text]), [(1, want.to_owned())], "{text}");
    }
    assert_eq!(top([[0xff; 1000]])[0].1.chars().count(), MAX_LEN);
}

#[test]
fn what_is_one_pattern() {
    let names = ["amber", "birch", "cedar", "delta", "ember", "fern"];
    let of = |make: &dyn Fn(&str) -> String, count: usize| {
        top(names[..count].iter().map(|name| make(name)))
    };
    // Many words in one place are values, few are not.
    assert_eq!(
        of(&|name| format!("login of {name} failed"), 6),
        [(6, "login of <*> failed".to_owned())]
    );
    assert_eq!(of(&|name| format!("login of {name} failed"), 4).len(), 4);
    // Two places at once.
    let twice =
        |name: &str| format!("copy of {name} from host-{} is done", name.to_ascii_lowercase());
    assert_eq!(of(&twice, 6), [(6, "copy of <*> from <*> is done".to_owned())]);
    // What a line begins with, and lines of one word and a name, say different things.
    assert_eq!(of(&|name| format!("{name} is up now"), 6).len(), 6);
    assert_eq!(of(&|name| format!("hello {name}"), 6).len(), 6);
    // Words in capitals are states.
    assert_eq!(of(&|name| format!("state is {} now", name.to_ascii_uppercase()), 6).len(), 6);
    // Levels are told apart.
    let levels = ["debug", "info", "warning", "error", "fatal", "trace"]
        .map(|level| format!("note {level} of worker 7"));
    assert_eq!(top(levels).len(), 6);
    // A word where a value can be is one.
    assert_eq!(
        top(["cannot open /a/b now", "cannot open stdin now"]),
        [(2, "cannot open <path> now".to_owned())]
    );
    // Lists, however long.
    let lists = ["ids [1, 2]", "ids [1]", "ids [1, 2, 3, 4, 5, 6]"];
    assert_eq!(top(lists).iter().map(|row| row.0).collect::<Vec<_>>(), [3]);
    // Names of keys are told apart, not what they are numbered by.
    assert_eq!(top(["r1=7", "r2=9", "x=7"]), [(2, "r<n>=<n>".to_owned()), (1, "x=<n>".to_owned())]);
}

#[test]
fn the_worst_level_is_that_of_all_lines() {
    let mut patterns = Patterns::default();
    for (name, level) in [("a/b/c", Level::Info), ("stdin", Level::Error), ("/x/y", Level::Warn)] {
        patterns.add(format!("cannot open {name} now").as_bytes(), Some(level));
    }
    let (top, other) = patterns.top(1);
    assert_eq!((top[0].lines, top[0].level, other), (3, Some("error"), 0));
}

/// A word of letters for each number.
fn word(number: usize) -> String {
    number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

#[test]
fn memory_is_bounded_and_no_line_uncounted() {
    let mut patterns = Patterns::default();
    for number in 0..3 * MAX_PATTERNS {
        patterns.add(word(number).as_bytes(), None);
        patterns.add(b"often", Some(Level::Warn));
        assert!(patterns.held.len() <= MAX_PATTERNS);
    }
    let (top, other) = patterns.top(2);
    let often = 3 * MAX_PATTERNS as u64;
    assert_eq!(
        (top[0].lines, top[0].pattern.as_str(), top[0].level),
        (often, "often", Some("warn"))
    );
    assert_eq!(top[0].lines + top[1].lines + other, 2 * often);
}

#[test]
fn more_names_than_are_held_are_one_pattern() {
    let count = 2 * MAX_PATTERNS + 100;
    let lines = (0..count).map(|number| format!("login of {} failed", word(number)));
    assert_eq!(top(lines), [(count as u64, "login of <*> failed".to_owned())]);
}

#[test]
fn lines_are_told_their_pattern() {
    let lines = ["got 1 of 2", "ids [1, 2]", "got 3 of 4", "ids [1]"].map(str::as_bytes);
    let numbers = patterns(lines).numbers(lines);
    assert!(
        numbers[0] == numbers[2] && numbers[1] == numbers[3] && numbers[0] != numbers[1],
        "{numbers:?}"
    );
    assert_eq!(patterns(lines).numbers([&b"another"[..]]), [None]);
}

proptest! {
    #[test]
    fn any_lines_are_counted(lines in proptest::collection::vec(
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..80),
            proptest::collection::vec(prop_oneof![
                Just("a"), Just("b "), Just("7"), Just(" "), Just("="), Just(":"), Just("/"), Just("."), Just("\""),
                Just("ERROR "), Just(", "), Just("é"), Just("ms "), Just("Jan "), Just("\u{1}"), Just("\\"), Just("[")
            ], 0..40).prop_map(|parts| parts.concat().into_bytes()),
        ],
        0..60,
    )) {
        let patterns = patterns(&lines);
        let (top, other) = patterns.top(7);
        prop_assert_eq!(top.iter().map(|pattern| pattern.lines).sum::<u64>() + other, lines.len() as u64);
        prop_assert!(patterns.numbers(lines.iter().map(Vec::as_slice)).iter().all(Option::is_some));
        let mut compacted = patterns.merged().0;
        compacted.sort_by(|a, b| a.0.cmp(&b.0));
        prop_assert!(compacted.windows(2).all(|pair| pair[0].0 != pair[1].0));
    }
}
