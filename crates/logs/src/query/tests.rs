use super::*;
use crate::line::Ending;

fn spec() -> QuerySpec {
    QuerySpec::default()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

#[test]
#[expect(clippy::type_complexity, reason = "a table")]
fn conditions() {
    let cases: Vec<(&str, QuerySpec, Vec<(&str, bool)>)> = vec![
        ("nothing asked", spec(), vec![("", true), ("x", true)]),
        (
            "an empty pattern",
            QuerySpec { grep: words(&[""]), ..spec() },
            vec![("", true), ("x", true)],
        ),
        (
            "any of several, none of several",
            QuerySpec { grep: words(&["^a|b$", "c"]), exclude: words(&["x", "y"]), ..spec() },
            vec![
                ("a1", true),
                ("1b", true),
                ("1c1", true),
                ("ax", false),
                ("cy", false),
                ("d", false),
            ],
        ),
        (
            "a pattern in verbose mode among others",
            QuerySpec { grep: words(&["(?x) a b # comment", "c"]), ..spec() },
            vec![("ab", true), ("c", true), ("b", false)],
        ),
        (
            "whatever the case",
            QuerySpec {
                grep: words(&["straße"]),
                exclude: words(&["BAD"]),
                ignore_case: true,
                ..spec()
            },
            vec![("STRASSE", false), ("STRAßE", true), ("straße bad", false)],
        ),
        (
            "a level and worse",
            QuerySpec { level: Some(Level::Warn), ..spec() },
            vec![
                (r#"{"level":40}"#, true),
                ("ERROR x", true),
                ("level=info", false),
                ("no level", false),
            ],
        ),
        (
            "fields",
            QuerySpec { fields: words(&["a.b=x y", "n>1.5", "n<10", "m~^[0-9]+$"]), ..spec() },
            vec![
                (r#"{"a":{"b":"x y"},"n":2,"m":"42"}"#, true),
                (r#"{"a":{"b":"x y"},"n":"2","m":42}"#, true),
                (r#"{"a":{"b":"x"},"n":2,"m":"42"}"#, false),
                (r#"{"a":{"b":"x y"},"n":1.5,"m":"42"}"#, false),
                (r#"{"a":{"b":"x y"},"n":10,"m":"42"}"#, false),
                (r#"{"a":{"b":"x y"},"n":2,"m":"4x"}"#, false),
                (r#"{"a":{"b":"x y"},"n":"many","m":"4"}"#, false),
                (r#"a.b="x y" n=3 m=1"#, true),
                ("plain", false),
            ],
        ),
        (
            "a value with the other signs in it",
            QuerySpec { fields: words(&["q=a=b>c"]), ..spec() },
            vec![(r#"{"q":"a=b>c"}"#, true)],
        ),
    ];
    for (name, spec, lines) in cases {
        let query = Query::new(&spec).unwrap();
        for (line, want) in lines {
            assert_eq!(query.matches_text(line.as_bytes()), want, "{name}: {line}");
        }
    }
}

#[test]
fn lines_without_a_level_are_told_apart() {
    let spec = QuerySpec { level: Some(Level::Warn), grep: words(&["x"]), ..spec() };
    let query = Query::new(&spec).unwrap();
    for (text, want) in [
        ("ERROR x", Verdict::Wanted),
        ("INFO x", Verdict::Unwanted),
        ("just x", Verdict::WithoutLevel),
        ("just y", Verdict::Unwanted),
    ] {
        assert_eq!(query.judge_text(text.as_bytes()), want, "{text}");
    }
}

#[test]
fn one_stream() {
    let query = Query::new(&QuerySpec { stream: Some(Stream::Stderr), ..spec() }).unwrap();
    let line = |stream| Line {
        stream,
        timestamp: None,
        text: b"x"[..].into(),
        ending: Ending::Lf,
        cut: 0,
        found: None,
        run: None,
    };
    assert!(query.matches(&line(Stream::Stderr)) && !query.matches(&line(Stream::Stdout)));
    assert!(!query.wants_all() && Query::new(&spec()).unwrap().wants_all());
}

#[test]
fn a_line_that_was_cut_is_judged_by_what_is_known_of_it() {
    use crate::search::Found;
    let json = r#"{"level":"info","ms":"12","msg":"xxx"#;
    let logfmt = r"level=info ms=12 msg=xxx";
    let in_all = |grep, exclude| Some(Found { grep, exclude });
    let with = |grep: &[&str], exclude: &[&str]| QuerySpec {
        grep: words(grep),
        exclude: words(exclude),
        ..spec()
    };
    for (name, spec, found, verdict, is_certain) in [
        (
            "found in the rest",
            with(&["y"], &[]),
            in_all(Some(true), Some(false)),
            Verdict::Wanted,
            true,
        ),
        (
            "not found at all",
            with(&["y"], &[]),
            in_all(Some(false), Some(false)),
            Verdict::Unwanted,
            true,
        ),
        (
            "excluded by the rest",
            with(&[], &["y"]),
            in_all(Some(true), Some(true)),
            Verdict::Unwanted,
            true,
        ),
        ("not searched", with(&["y"], &[]), None, Verdict::Unwanted, false),
        ("not searched, and there", with(&["info"], &["y"]), None, Verdict::Wanted, false),
        ("a level", QuerySpec { level: Some(Level::Info), ..spec() }, None, Verdict::Wanted, true),
        (
            "a lower level",
            QuerySpec { level: Some(Level::Error), ..spec() },
            None,
            Verdict::Unwanted,
            true,
        ),
        (
            "a field of a cut document",
            QuerySpec { fields: words(&["ms=12"]), ..spec() },
            None,
            Verdict::Unwanted,
            false,
        ),
        ("a field", QuerySpec { fields: words(&["ms=12"]), ..spec() }, None, Verdict::Wanted, true),
        (
            "another value",
            QuerySpec { fields: words(&["ms=13"]), ..spec() },
            None,
            Verdict::Unwanted,
            true,
        ),
        (
            "a field of the rest",
            QuerySpec { fields: words(&["status=1"]), ..spec() },
            None,
            Verdict::Unwanted,
            false,
        ),
        (
            "the other stream",
            QuerySpec { stream: Some(Stream::Stderr), ..spec() },
            None,
            Verdict::Unwanted,
            true,
        ),
    ] {
        let text = if ["a field", "another value"].contains(&name) { logfmt } else { json };
        let line = Line {
            stream: Stream::Stdout,
            timestamp: None,
            text: text.as_bytes().into(),
            ending: Ending::Lf,
            cut: 7,
            found,
            run: None,
        };
        assert_eq!(Query::new(&spec).unwrap().judge_cut(&line), (verdict, is_certain), "{name}");
    }
    let plain = Line {
        stream: Stream::Stdout,
        timestamp: None,
        text: b"{\"msg\":\"xxx"[..].into(),
        ending: Ending::Lf,
        cut: 7,
        found: None,
        run: None,
    };
    let query = Query::new(&QuerySpec { level: Some(Level::Error), ..spec() }).unwrap();
    assert_eq!(
        query.judge_cut(&plain),
        (Verdict::WithoutLevel, false),
        "its level may be in the rest"
    );
}

#[test]
fn bytes_that_are_not_utf8_are_searched() {
    let query = Query::new(&QuerySpec { grep: words(&["b.d"]), ..spec() }).unwrap();
    assert!(query.matches_text(b"\xff\xfe bad \x00"));
}

#[test]
fn what_cannot_be_run() {
    let pattern =
        |grep: &str| Query::new(&QuerySpec { grep: words(&["ok", grep]), ..spec() }).unwrap_err();
    let error = pattern("a(b");
    assert!(
        matches!(&error, QueryError::Pattern { option: "--grep", pattern, .. } if pattern == "a(b"),
        "{error}"
    );
    assert!(error.to_string().contains("unclosed group"), "{error}");
    let error = pattern(r"(?:\w{1000}){1000}");
    assert!(error.to_string().contains("size limit"), "{error}");
    for text in ["", "=x", "key", "n>many", "n<"] {
        let error = Query::new(&QuerySpec { fields: words(&[text]), ..spec() }).unwrap_err();
        assert_eq!(error, QueryError::Field { text: text.into() });
    }
}
