//! Words as Dockerfiles write them, and texts that are none.

use super::*;
use proptest::prelude::*;

struct Sample;

fn split(
    text: &str,
    escape: char,
    variables: &dyn Variables,
    budget: &Budget,
) -> Result<Vec<String>, String> {
    raw_words(text, escape).iter().map(|word| expand(word, escape, variables, budget)).collect()
}

impl Variables for Sample {
    fn value(&self, name: &str) -> Option<String> {
        match name {
            "A" => Some("one".into()),
            "EMPTY" => Some(String::new()),
            "PATHS" => Some("/usr/lib/x86_64/lib.so.1".into()),
            _ => None,
        }
    }
}

#[test]
fn words_are_split_and_expanded() {
    for (text, expected) in [
        ("a b\tc", &["a", "b", "c"][..]),
        (r#"K="a b" L='c d'"#, &["K=a b", "L=c d"]),
        (r"a\ b", &["a b"]),
        ("$A ${A}x $B.", &["one", "onex", "."]),
        (r#""$A" '$A' \$A"#, &["one", "$A", "$A"]),
        ("${B:-two} ${A:-two} ${EMPTY:-x} ${EMPTY-x}", &["two", "one", "x", ""]),
        ("${A:+y} ${B:+y}z ${EMPTY+y}", &["y", "z", "y"]),
        ("${B:-${A}} ${B-a${A}b}", &["one", "aoneb"]),
        (r#""a\"b" "c\d""#, &[r#"a"b"#, r"c\d"]),
        ("5$", &["5$"]),
        ("${A:?no} ${EMPTY?no}x", &["one", "x"]),
        ("${A#x} ${A#o} ${A##*n} ${A%e} ${A%%n*}", &["one", "ne", "e", "on", "o"]),
        (
            "${PATHS#*/} ${PATHS##*/} ${PATHS%.*} ${PATHS%%/*}x",
            &["usr/lib/x86_64/lib.so.1", "lib.so.1", "/usr/lib/x86_64/lib.so", "x"],
        ),
        (
            r"${PATHS/lib/LIB} ${PATHS//lib/L} ${PATHS//\//_} ${PATHS/none/x}",
            &[
                "/usr/LIB/x86_64/lib.so.1",
                "/usr/L/x86_64/L.so.1",
                "_usr_lib_x86_64_lib.so.1",
                "/usr/lib/x86_64/lib.so.1",
            ],
        ),
    ] {
        assert_eq!(split(text, '\\', &Sample, &Budget::default()).unwrap(), expected, "{text}");
    }
    for text in [
        r#""a"#,
        "${A",
        "${}",
        "${A:#x}",
        "${A^^}",
        "${B:?must be set}",
        "${EMPTY:?x}",
        "${A/x}",
        "${A:}",
    ] {
        assert!(split(text, '\\', &Sample, &Budget::default()).is_err(), "{text}");
    }
    assert_eq!(split("a`$A", '`', &Sample, &Budget::default()).unwrap(), ["a$A"]);
}

#[test]
fn here_documents_know_variables_but_no_quotes() {
    assert_eq!(
        expand_document("\"$A\" '$A' \\$A it's", &Sample, &Budget::default()).unwrap(),
        "\"one\" 'one' $A it's"
    );
}

#[test]
fn what_grows_without_end_is_an_error() {
    struct Long;
    impl Variables for Long {
        fn value(&self, _name: &str) -> Option<String> {
            Some("x".repeat(600_000))
        }
    }
    assert!(expand("$A$A", '\\', &Long, &Budget::default()).unwrap_err().contains("1 MiB"));
    assert!(expand("\"$A$A\"", '\\', &Long, &Budget::default()).unwrap_err().contains("1 MiB"));
    let deep = format!("{}x{}", "${N:-".repeat(100_000), "}".repeat(100_000));
    assert!(expand(&deep, '\\', &Sample, &Budget::default()).unwrap_err().contains("deep"));
}

proptest! {
    #[test]
    fn any_text_ends_in_a_result(text in r#"[ "'$\\{}:+?A#%/*-]{0,30}"#) {
        drop(split(&text, '\\', &Sample, &Budget::default()));
        drop(expand_document(&text, &Sample, &Budget::default()));
    }
}
